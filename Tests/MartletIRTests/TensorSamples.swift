import MartletCore
import MartletIR
import TestSupport
import Testing

/// Random shapes and tensors.
extension SplitMix64 {
    mutating func shape(rank: ClosedRange<Int> = 0...4, extents: ClosedRange<Int> = 0...4) -> [Int] {
        (0..<int(rank)).map { _ in int(extents) }
    }

    /// A tensor of random bits.
    mutating func bits(_ type: ElementType, _ shape: [Int]) throws -> HostTensor {
        if type == .string {
            let count = shape.reduce(1, *)
            return try HostTensor(strings: (0..<count).map { _ in "s\(int(0...99))" }, shape: shape)
        }
        return try HostTensor.make(type, shape: shape) { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: next()) & (type == .bool ? 1 : 255) }
        }
    }

    /// A tensor of numbers in `range`.
    mutating func numbers(
        _ type: ElementType, _ shape: [Int], _ range: ClosedRange<Double> = -4...4
    ) throws -> HostTensor {
        let values = (0..<shape.reduce(1, *)).map { _ in Double.random(in: range, using: &self) }
        return try HostTensor.fromDoubles(values, as: type, shape: shape)
    }
}

/// All index tuples of a shape in row-major order.
func indices(of shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { prefixes, extent in prefixes.flatMap { prefix in (0..<extent).map { prefix + [$0] } } }
}

/// Row-major position of an index tuple.
func position(_ index: [Int], in shape: [Int]) -> Int { zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 } }

/// The element of a tensor in a form that compares by bits.
func element(_ tensor: HostTensor, _ index: [Int]) -> String {
    let position = position(index, in: tensor.shape)
    return tensor.type == .string ? tensor.strings[position] : String(tensor.elementBits(at: position))
}

/// Applies an operation of one result to concrete tensors, and checks that its kernel form means the same.
func evaluated(_ operation: any Operation, _ operands: [HostTensor], checkingForm: Bool = true) throws -> HostTensor {
    let result = try #require(try Tensor.apply(operation, operands.map { Tensor($0) })[0].concrete)
    if checkingForm, result.type != .string {
        let types = operands.map { TensorType($0.type, $0.shape.map { IntExpr($0) }) }
        let type = TensorType(result.type, result.shape.map { IntExpr($0) })
        let form = try operation.kernelForm(operands: types, results: [type])
        let other = try LoopFormEvaluator.evaluate(form, operands, [:])
        let same = try sameValues(result, other)
        #expect(same, "kernel form of \(type_(operation)) on \(operands)")
    }
    return result
}

private func type_(_ operation: any Operation) -> String {
    "\(type(of: operation).name) \(operation.attributes.map { "\($0.name) = \($0.value)" })"
}

/// Equal bits, or both NaN, or zeros of either sign.
func sameValues(_ a: HostTensor, _ b: HostTensor) throws -> Bool {
    guard a.type == b.type, a.shape == b.shape else { return false }
    if a.isIdentical(to: b) { return true }
    guard a.type.isFloatingPoint else { return false }
    return zip(try a.doubles(), try b.doubles()).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
}
