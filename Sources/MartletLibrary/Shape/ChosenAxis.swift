import MartletCore
public import MartletIR

extension DynamicAxes {
    /// Branches are nested this deep at most.
    private static let rankLimit = 32

    /// The result of `body` for the one axis, which is decided when the program runs. All results have one shape.
    ///
    /// - Throws: `type.axes` unless it is one axis of a tensor of reasonable rank, and what the body throws.
    public func choose(_ body: (Int) throws -> Tensor) throws -> Tensor {
        guard count == 1, rank > 0, rank <= Self.rankLimit else {
            throw Diagnostic("type.axes", "one axis of a tensor of rank 1 to \(Self.rankLimit) is needed")
        }
        return try choose(from: 0, body)
    }

    private func choose(from axis: Int, _ body: (Int) throws -> Tensor) throws -> Tensor {
        if axis == rank - 1 { return try body(axis) }
        return try Tensor.branch(
            contains(axis), then: { [try body(axis)] }, else: { [try choose(from: axis + 1, body)] })[0]
    }
}
