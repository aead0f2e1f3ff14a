package import MartletCore

extension Graph {
    /// The index of which a value is made by counting negative ones from the end of an axis of that size:
    /// `select(i < 0, i + extent, i)`. Nil if it is made otherwise.
    package func index(countedFromTheEndOf extent: IntExpr, in value: ValueID) -> ValueID? {
        guard let choice = operands(of: value, as: .select), let test = operands(of: choice[0], as: .lt),
            let sum = operands(of: choice[1], as: .add), test[0] == choice[2], sum[0] == choice[2],
            isScalar(test[1], 0), isScalar(sum[1], extent)
        else { return nil }
        return choice[2]
    }

    /// The operands of the map that makes a value, if it computes that function.
    private func operands(of value: ValueID, as function: ScalarOp) -> [ValueID]? {
        guard case .node(let node, _) = producer(of: value), let map = operation(of: node) as? Map,
            map.function == function
        else { return nil }
        return Array(operands(of: node))
    }

    /// Whether a value is that size in all its elements.
    private func isScalar(_ value: ValueID, _ size: IntExpr) -> Bool {
        var value = value
        while case .node(let node, _) = producer(of: value) {
            switch operation(of: node) {
            case let dimension as Dimension: return dimension.expression == size
            case let constant as Constant:
                guard constant.tensor.count == 1, let number = try? constant.tensor.ints().first else { return false }
                return IntExpr(Int(number)) == size
            case is Broadcast, is Reshape: value = operands(of: node)[operands(of: node).startIndex]
            default: return false
            }
        }
        return false
    }
}
