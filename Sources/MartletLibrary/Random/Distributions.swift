public import MartletCore
public import MartletIR

extension Philox {
    /// Numbers of even distribution in 0..<1, multiples of the distance of the type's numbers below 1.
    ///
    /// - Throws: `type.elements` unless the type is float16, bfloat16, float32 or float64.
    public func uniform(_ type: ElementType, shape: [IntExpr]) throws -> Tensor {
        try fraction(of: words(2, shape: shape), type)
    }

    /// Numbers of the normal distribution of mean 0 and deviation 1 (Box and Muller, 1958).
    ///
    /// - Throws: `type.elements`; see `uniform`.
    public func normal(_ type: ElementType, shape: [IntExpr]) throws -> Tensor {
        let wide: ElementType = type == .float64 ? .float64 : .float32
        let bits = try words(4, shape: shape)
        let radius = try ((1 - fraction(of: Array(bits[..<2]), wide)).mapped(.log) * -2).mapped(.sqrt)
        let angle = try fraction(of: Array(bits[2...]), wide) * (2 * Double.pi)
        _ = try Self.fractionBits(of: type)
        return try (radius * angle.mapped(.cos)).checked().cast(to: type)
    }

    /// true with the probability that `probability` has for each element.
    public func bernoulli(_ probability: Tensor) throws -> Tensor {
        let type: ElementType = try probability.element == .float64 ? .float64 : .float32
        return try uniform(type, shape: probability.shape).compared(.lt, probability.cast(to: type))
    }

    /// The highest bits of two words as a number in 0..<1.
    private func fraction(of words: [Tensor], _ type: ElementType) throws -> Tensor {
        let bits = try Self.fractionBits(of: type)
        func number(_ value: Int) -> Tensor { Tensor(HostTensor(scalar: UInt64(value))) }
        guard bits > 32 else {
            // Numbers below 2³¹ are cheaper to convert as signed ones of 32 bits.
            let top = try words[0].mapped(.shr, number(32 - bits)).cast(to: .int32)
            let wide: ElementType = type == .float64 ? .float64 : .float32
            return try (top.cast(to: wide) * Self.power(-bits)).checked().cast(to: type)
        }
        let joined = try words[0].mapped(.shl, number(bits - 32)).mapped(.or, words[1].mapped(.shr, number(64 - bits)))
        return try (joined.cast(to: .int64).cast(to: .float64) * Self.power(-bits)).checked().cast(to: type)
    }

    private static func power(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }

    /// Binary digits that every number in 0..<1 of the type can have.
    private static func fractionBits(of type: ElementType) throws -> Int {
        switch type {
        case .float64: return 53
        case .float32: return 24
        case .float16: return 11
        case .bfloat16: return 8
        default: throw Diagnostic("type.elements", "random numbers of type \(type.name) are not supported")
        }
    }
}

extension Tensor {
    /// Dropout (Srivastava et al., 2014): 0 with probability `ratio`, x / (1 - ratio) else; and which were kept.
    ///
    /// - Parameter ratio: a floating-point scalar in 0..<1.
    public func droppedOut(ratio: Tensor, _ generator: Philox) throws -> (result: Tensor, kept: Tensor) {
        let wide: ElementType = try element == .float64 ? .float64 : .float32
        let share = try ratio.reshaped(to: []).cast(to: wide)
        let kept = try generator.uniform(wide, shape: shape).compared(.ge, share)
        let scaled = try (cast(to: wide) * (1 / (1 - share))).checked().cast(to: element)
        return (try Tensor.select(kept, scaled, .constant(0, like: self)), kept)
    }
}
