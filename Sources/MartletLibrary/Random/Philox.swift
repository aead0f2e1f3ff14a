public import MartletCore
public import MartletIR

/// The counter-based random generator Philox4x32-10 (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2,
/// 3").
///
/// Numbers depend on the key and the place of the element in row-major order only: not on the number of threads, nor
/// on the shape. A generator is a map over coordinates; it has no state.
public struct Philox: Sendable {
    /// What chooses the sequence.
    public let key: UInt64

    /// Makes a generator.
    public init(key: UInt64) { self.key = key }

    private static let rounds = 10
    private static let factors: [UInt64] = [0xD251_1F53, 0xCD9E_8D57]
    private static let steps: [UInt32] = [0x9E37_79B9, 0xBB67_AE85]

    /// The first `count` of the four words of 32 random bits that belong to each element, as `u64`.
    public func words(_ count: Int, shape: [IntExpr]) throws -> [Tensor] {
        let total = Sizes.simplified(shape.reduce(IntExpr(1)) { $0 * $1 })
        let place = try Tensor.iota(shape: [total], axis: 0).cast(to: .uint64)
        let zero = Self.word(0)
        var counter = [try place.low, try place.high, zero, zero]
        var (first, second) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        for _ in 0..<Self.rounds {
            let products = [counter[0] * Self.word(Self.factors[0]), counter[2] * Self.word(Self.factors[1])]
            let left = try products[1].high.mapped(.xor, counter[1]).mapped(.xor, Self.word(UInt64(first)))
            let right = try products[0].high.mapped(.xor, counter[3]).mapped(.xor, Self.word(UInt64(second)))
            counter = [left, try products[1].low, right, try products[0].low]
            first &+= Self.steps[0]
            second &+= Self.steps[1]
        }
        return try counter.prefix(count).map { try $0.reshaped(to: shape) }
    }

    fileprivate static func word(_ value: UInt64) -> Tensor { Tensor(HostTensor(scalar: value)) }
}

extension Tensor {
    fileprivate var low: Tensor { get throws { try mapped(.and, Philox.word(0xFFFF_FFFF)) } }
    fileprivate var high: Tensor { get throws { try mapped(.shr, Philox.word(32)) } }
}
