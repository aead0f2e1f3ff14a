package import MartletCore

/// Inputs drawn from a seed: standard normal numbers for floating point, 0 or 1 for integers, so that indices and masks
/// stay in range. The same seed gives the same inputs on every machine.
package struct RandomInputs {
    private var state: UInt64

    /// A source of inputs.
    package init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

    /// A tensor for each port; sizes that the model leaves open are 1, or the least that it takes.
    ///
    /// - Parameter shapes: shapes by name, in place of the declared ones.
    /// - Throws: `run.shape` for a shape that does not fit the declared one, `run.random-type` for strings.
    package mutating func tensors(
        for ports: [ModelPort], shapes: [String: [Int]] = [:]
    ) throws -> [String: HostTensor] {
        var sizes: [String: Int] = [:]
        for port in ports {
            guard let shape = shapes[port.name] else { continue }
            guard shape.count == port.shape.count else {
                throw Diagnostic("run.shape", "input \(port) has \(port.shape.count) axes, not \(shape.count)")
            }
            for (extent, size) in zip(port.shape, shape) where extent.size == nil && size >= 0 {
                sizes[extent.text] = size
            }
        }
        var result: [String: HostTensor] = [:]
        for port in ports {
            let shape = port.shape.map { $0.size ?? sizes[$0.text] ?? max(1, $0.lower) }
            result[port.name] = try tensor(port, shape)
        }
        return result
    }

    private mutating func tensor(_ port: ModelPort, _ shape: [Int]) throws -> HostTensor {
        let type = port.type
        let count = try HostTensor.size(of: type, shape).count
        if type == .string || type.isComplex {
            throw Diagnostic(
                "run.random-type", "input '\(port.name)' of type \(type.name) cannot be made at random",
                help: "give it with --input")
        }
        if type.isFloatingPoint { return try .fromDoubles((0..<count).map { _ in normal() }, as: type, shape: shape) }
        return try .fromInts((0..<count).map { _ in Int64(next() & 1) }, as: type, shape: shape)
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    private mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }

    /// About normal: the sum of twelve uniform numbers less 6 has variance 1, and needs no function that machines round
    /// differently.
    private mutating func normal() -> Double {
        (0..<12).reduce(-6.0) { sum, _ in sum + Double(next() >> 11) * 0x1p-53 }
    }
}
