import MartletCore
public import MartletIR

extension Tensor {
    /// x - ⌊x / divisor⌋·divisor: the remainder with the sign of the divisor, of a zero too, by NumPy's broadcasting.
    ///
    /// Of integers, the remainder by 0 is 0.
    public func floorRemainder(by divisor: Tensor) throws -> Tensor {
        let type = try element
        let rest = try Tensor.elementwise(.rem, [self, divisor])
        guard type.isSigned else { return rest }
        let zero = try Tensor.constant(0, like: rest)
        let isNegative = try divisor.compared(.lt, zero)
        let differs = try Tensor.elementwise(.xor, [rest.compared(.lt, zero), isNegative])
        let moved = try Tensor.elementwise(.add, [rest, divisor])
        let isZero = try rest.compared(.eq, zero)
        var ends = try Tensor.constant(0, like: rest)
        if type.isFloatingPoint { ends = try Tensor.select(isNegative, .constant(-0.0, like: rest), ends) }
        return try Tensor.elementwise(.select, [isZero, ends, .elementwise(.select, [differs, moved, rest])])
    }
}
