import MartletCore
import MartletIR
import MartletLibrary

/// x to the power of y, in x's type. Squares are products: they round once as well, and cost less.
enum Pow: ONNXOperator {
    static let versions = [1, 7]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let operands = try node.operandPair()
        let (base, exponent) = (operands[0], operands[1])
        let type = try base.element
        if let constant = exponent.concrete, constant.count == 1, try constant.doubles()[0] == 2,
            try exponent.rank <= base.rank
        {
            return [try (base * base).checked()]
        }
        if try type.isInteger && exponent.element.isFloatingPoint {
            let wide = try Tensor.elementwise(.pow, [base.cast(to: .float64), exponent.cast(to: .float64)])
            return [try wide.cast(to: type)]
        }
        return [try Tensor.elementwise(.pow, [base, exponent.cast(to: type)])]
    }
}
