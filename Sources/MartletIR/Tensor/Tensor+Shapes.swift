import MartletCore

/// What the broadcasting of operands must know of sizes: how they relate, and how to simplify them.
struct ShapeScope {
    private let ranges: SymbolRanges

    /// The scope in which an operation on these operands is applied.
    init(of operands: [Tensor]) throws {
        ranges = try Recorder.governing(operands)?.symbols.ranges ?? SymbolRanges()
    }

    /// The common shape of shapes by NumPy's rule: aligned at the right, extents equal or 1.
    ///
    /// Where it is undecided which extent is 1, the common extent is an expression that is right in all valid cases;
    /// broadcasting to it requires that the case is valid.
    func common(_ shapes: [[IntExpr]]) -> [IntExpr] {
        var result: [IntExpr] = []
        for shape in shapes {
            let missing = shape.count - result.count
            if missing > 0 { result.insert(contentsOf: Array(repeating: 1, count: missing), at: 0) }
            let first = result.count - shape.count
            for (axis, extent) in shape.enumerated() {
                result[first + axis] = common(result[first + axis], extent)
            }
        }
        return result
    }

    private func common(_ a: IntExpr, _ b: IntExpr) -> IntExpr {
        if a == b || b == 1 { return a }
        if a == 1 { return b }
        // An extent that cannot be 1 is the common one, if there is one at all.
        if a.isEqual(to: 1, ranges) == .no { return a }
        if b.isEqual(to: 1, ranges) == .no { return b }
        if a.isEqual(to: b, ranges) == .yes { return a }
        let (largest, smallest) = (IntExpr.max(a, b), IntExpr.min(a, b))
        // Extents 1 and 0 give 0, not the maximum.
        return (largest * IntExpr.min(smallest, 1)).simplified(ranges)
    }
}
