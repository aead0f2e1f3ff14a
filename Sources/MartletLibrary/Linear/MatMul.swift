public import MartletCore
public import MartletIR

extension Tensor {
    /// The matrix product by NumPy's rule: of the last two axes, the others broadcast; vectors take part as rows on the
    /// left and columns on the right, and their axis is dropped.
    public func matmul(_ other: Tensor, result: ElementType? = nil) throws -> Tensor {
        let (left, right) = (try rank, try other.rank)
        guard left > 0, right > 0 else { throw Diagnostic("type.rank", "a matrix product of scalars is not defined") }
        let inner = Swift.max(right - 2, 0)
        if right <= 2 || left == 1 {
            return try contracted(with: other, contracted: [(left - 1, inner)], result: result)
        }
        return try batched(other, result)
    }

    /// Both have axes beside the matrices', or the right side has.
    private func batched(_ other: Tensor, _ result: ElementType?) throws -> Tensor {
        let (left, right) = (try rank, try other.rank)
        var roles = try BatchRoles(Array(shape.dropLast(2)), Array(other.shape.dropLast(2)))
        let a = try expanded(along: roles.undecided, roles.common, trailing: 2)
        let b = try other.expanded(along: roles.undecided, roles.common, trailing: 2)
        roles.settle()
        // An axis that only one side has is a free one of that side.
        let (slimA, slimB) = (
            try a.squeezed(axes: roles.dropped(roles.left, left)),
            try b.squeezed(axes: roles.dropped(roles.right, right))
        )
        let (axesA, axesB) = (roles.axes(roles.left), roles.axes(roles.right))
        let pairs = roles.shared.compactMap { axis in
            axesA.firstIndex(of: axis).flatMap { first in axesB.firstIndex(of: axis).map { (first, $0) } }
        }
        let product = try slimA.contracted(
            with: slimB, batch: pairs, contracted: [(axesA.count + 1, axesB.count)], result: result)
        return try product.transposed(roles.permutation)
    }

    /// Expands the axes of these numbers, counted among the common ones before the last `trailing`, to common extents.
    private func expanded(along axes: [Int], _ common: [IntExpr], trailing: Int) throws -> Tensor {
        if axes.isEmpty { return self }
        var extents = try shape
        let first = common.count - (extents.count - trailing)
        for axis in axes where axis >= first { extents[axis - first] = common[axis] }
        return try expanded(to: extents)
    }
}

/// How the batch axes of a product belong to its sides; axes are numbered in the common shape.
private struct BatchRoles {
    enum Role { case left, right, shared, undecided }

    let common: [IntExpr]
    private(set) var roles: [Role]
    private let leftCount: Int, rightCount: Int

    init(_ a: [IntExpr], _ b: [IntExpr]) throws {
        let count = max(a.count, b.count)
        (leftCount, rightCount) = (a.count, b.count)
        common = Sizes.broadcast(a, b)
        let ranges = Sizes.ranges
        roles = (0..<count).map { axis in
            let (i, j) = (axis - count + a.count, axis - count + b.count)
            if i < 0 { return .right }
            if j < 0 { return .left }
            let (x, y) = (Sizes.simplified(a[i]), Sizes.simplified(b[j]))
            if x == y { return .shared }
            if x == 1 { return .right }
            if y == 1 { return .left }
            let isOpen = x.isEqual(to: 1, ranges) == .unknown || y.isEqual(to: 1, ranges) == .unknown
            return isOpen && x.isEqual(to: y, ranges) != .yes ? .undecided : .shared
        }
    }

    var undecided: [Int] { roles.indices.filter { roles[$0] == .undecided } }
    var shared: [Int] { roles.indices.filter { roles[$0] == .shared } }

    /// Undecided axes were expanded on both sides.
    mutating func settle() {
        let rank = roles.count
        for axis in roles.indices where roles[axis] == .undecided {
            // A side that lacks the axis has none to expand.
            roles[axis] = axis < rank - leftCount ? .right : axis < rank - rightCount ? .left : .shared
        }
    }

    typealias Side = (own: Role, count: Int)
    var left: Side { (.left, leftCount) }
    var right: Side { (.right, rightCount) }

    /// Batch axes that a side keeps.
    func axes(_ side: Side) -> [Int] {
        roles.indices.filter { roles[$0] == .shared || roles[$0] == side.own }
    }

    /// Axes of a side's tensor that have extent 1 and belong to the other side.
    func dropped(_ side: Side, _ rank: Int) -> [Int] {
        let first = roles.count - side.count
        let kept = Set(axes(side))
        return (first..<roles.count).filter { !kept.contains($0) }.map { $0 - first }
    }

    /// From the order of a contraction's result (shared, left, rows, right, columns) to the common one.
    var permutation: [Int] {
        let rows = roles.count, columns = roles.count + 1
        let lefts = roles.indices.filter { roles[$0] == .left }, rights = roles.indices.filter { roles[$0] == .right }
        let given = shared + lefts + [rows] + rights + [columns]
        return (0..<roles.count + 2).map { axis in given.firstIndex(of: axis) ?? axis }
    }
}
