import MartletCore
import MartletIR

extension ElementType {
    /// Whether functions of several steps are computed in this type itself, not in a wider one.
    var isWideFloat: Bool { self == .float32 || self == .float64 }
}

/// Where the operand of a norm is, seen from the sum over the normalised axes that is in every spelling of it.
struct NormPlace {
    /// Type of the operand, before it is flattened and converted.
    let operand: TensorType
    /// First of the normalised axes of the operand.
    let axis: Int
    /// Type of what is summed, and the axes of the sum.
    let summed: TensorType
    let axes: [Int]
    /// Whether parameters are flattened to a row of a matrix.
    let flattensParameters: Bool

    /// Shape of a parameter: the normalised axes.
    var parameter: TensorType { TensorType(operand.element, Array(operand.shape[axis...])) }

    /// The operand as it is summed.
    func prepared(_ x: Tensor) throws -> Tensor {
        try x.reshaped(to: summed.shape).cast(to: summed.element)
    }

    /// A parameter as it meets the normalised tensor.
    func prepared(parameter: Tensor) throws -> Tensor {
        flattensParameters ? try parameter.reshaped(to: [1, summed.shape[1]]) : parameter
    }

    /// The places around a sum. The operand has the shape of what is summed, or is flattened, as the parameters are, to a
    /// matrix of which the rows are summed; it may be converted to a wider type.
    static func all(around seed: SpelledForms.Seed) -> [NormPlace] {
        guard let reduce = seed.operation as? Reduce, reduce.combiner == .sum, let summed = seed.types.first,
            summed.element.isWideFloat, let first = reduce.axes.first, reduce.axes == Array(first..<summed.rank)
        else { return [] }
        let operands = seed.types.filter {
            $0.element.isFloatingPoint && $0.element.bitWidth >= 16 && $0.element.bitWidth <= summed.element.bitWidth
        }
        return operands.flatMap { operand in
            let whole = operand.shape == summed.shape ? [first] : []
            return whole.map { NormPlace(operand, $0, summed, reduce.axes, flattensParameters: false) }
                + flattenedAxes(of: operand, as: summed, reduce.axes).map {
                    NormPlace(operand, $0, summed, reduce.axes, flattensParameters: true)
                }
        }
    }

    private init(_ operand: TensorType, _ axis: Int, _ summed: TensorType, _ axes: [Int], flattensParameters: Bool) {
        (self.operand, self.axis, self.summed, self.axes) = (operand, axis, summed, axes)
        self.flattensParameters = flattensParameters
    }

    /// The axes before which a tensor can be cut so that both parts, flattened, are the axes of a matrix. Where axes of
    /// extent 1 leave a choice, the last one is the first to be tried.
    private static func flattenedAxes(of operand: TensorType, as matrix: TensorType, _ axes: [Int]) -> [Int] {
        guard matrix.rank == 2, axes == [1] else { return [] }
        return (0...operand.rank).reversed().filter { axis in
            [operand.shape[..<axis], operand.shape[axis...]].map { $0.reduce(IntExpr(1)) { $0 * $1 } } == matrix.shape
        }
    }
}

/// How a centred or scaled tensor is divided by a root.
enum NormQuotient: CaseIterable {
    /// x / √v.
    case quotient
    /// x · (1 / √v).
    case product

    func callAsFunction(_ x: Tensor, by root: Tensor) throws -> Tensor {
        switch self {
        case .quotient: try Tensor.elementwise(.div, [x, root])
        case .product: try Tensor.elementwise(.mul, [x, root.reciprocal()])
        }
    }
}
