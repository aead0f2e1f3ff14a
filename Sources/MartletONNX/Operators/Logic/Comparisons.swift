import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The one result of a comparison; decided now where both sides are sizes that tell.
    func comparison(_ function: ScalarOp) throws -> [Tensor?] {
        let operands = try operandPair()
        if let known = try decided(function, operands) { return [known] }
        return [try Tensor.elementwise(function, operands)]
    }

    private func decided(_ function: ScalarOp, _ operands: [Tensor]) throws -> Tensor? {
        guard operands.contains(where: { $0.concrete == nil }), let left = operands[0].symbolicValues,
            let right = operands[1].symbolicValues, let shape = try commonShape(operands), !left.isEmpty,
            !right.isEmpty, max(left.count, right.count) == shape.reduce(1, *)
        else { return nil }
        let ranges = recorder.symbols.ranges
        var truths: [Bool] = []
        for position in 0..<max(left.count, right.count) {
            let (a, b) = (left[position % left.count], right[position % right.count])
            guard let truth = Self.decided(function, a, b, ranges) else { return nil }
            truths.append(truth)
        }
        return Tensor(try HostTensor(truths, shape: shape))
    }

    /// The static shape of two operands of which one has the shape and the other one element, or the same shape.
    private func commonShape(_ operands: [Tensor]) throws -> [Int]? {
        guard let a = try operands[0].type.staticShape, let b = try operands[1].type.staticShape else { return nil }
        if a == b || (b.count <= a.count && b.allSatisfy { $0 == 1 }) { return a }
        return a.count <= b.count && a.allSatisfy { $0 == 1 } ? b : nil
    }

    private static func decided(_ function: ScalarOp, _ a: IntExpr, _ b: IntExpr, _ ranges: SymbolRanges) -> Bool? {
        let (answer, truth): (Answer, Bool)
        switch function {
        case .eq: (answer, truth) = (a.isEqual(to: b, ranges), true)
        case .lt: (answer, truth) = (a.isLess(than: b, ranges), true)
        case .gt: (answer, truth) = (b.isLess(than: a, ranges), true)
        case .ge: (answer, truth) = (a.isLess(than: b, ranges), false)
        case .le: (answer, truth) = (b.isLess(than: a, ranges), false)
        default: return nil
        }
        return answer == .unknown ? nil : (answer == .yes) == truth
    }
}

enum Equal: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.comparison(.eq) }
}

enum Less: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.comparison(.lt) }
}

enum LessOrEqual: ONNXOperator {
    static let versions = [12]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.comparison(.le) }
}

enum Greater: ONNXOperator {
    static let versions = [1, 7]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.comparison(.gt) }
}

enum GreaterOrEqual: ONNXOperator {
    static let versions = [12]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.comparison(.ge) }
}

enum IsNaN: ONNXOperator {
    static let versions = [9]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).isNaN()] }
}
