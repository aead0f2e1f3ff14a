public import MartletCore
public import MartletIR

extension Tensor {
    /// Applies a scalar function to tensors broadcast by NumPy's rule; operands of one element become 0-d where that
    /// does not change the result's shape, so that no broadcast is needed for them.
    public static func elementwise(
        _ function: ScalarOp, _ operands: [Tensor], to type: ElementType? = nil
    ) throws -> Tensor {
        try Sizes.requireAgreement(of: operands.map { try $0.checked().shape })
        return try map(function, scalars(in: operands), to: type)
    }

    /// The operands, those of one element as 0-d tensors where another one has the result's rank.
    static func scalars(in operands: [Tensor]) throws -> [Tensor] {
        let shapes = try operands.map { try $0.checked().shape }
        let isOne = shapes.map { $0.allSatisfy { $0 == 1 } }
        let rank = shapes.map(\.count).max() ?? 0
        let keeper =
            shapes.indices.first { shapes[$0].count == rank && !isOne[$0] }
            ?? shapes.indices.first { shapes[$0].count == rank }
        return try operands.enumerated().map { number, tensor in
            isOne[number] && number != keeper && !shapes[number].isEmpty ? try tensor.reshaped(to: []) : tensor
        }
    }
}
