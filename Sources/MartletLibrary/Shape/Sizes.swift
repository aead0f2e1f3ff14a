public import MartletCore
public import MartletIR

/// What library functions ask of sizes, within what the current recorder knows.
public enum Sizes {
    /// An expression simplified with the ranges known here.
    public static func simplified(_ size: IntExpr) -> IntExpr {
        Recorder.current?.simplify(size) ?? size.simplified(ranges)
    }

    /// Ranges of the size symbols here.
    public static var ranges: SymbolRanges { Recorder.current?.symbols.ranges ?? SymbolRanges() }

    /// The common extent of two by NumPy's rule; where it is undecided which is 1, an expression right in both cases.
    public static func broadcast(_ a: IntExpr, _ b: IntExpr) -> IntExpr {
        let (a, b) = (simplified(a), simplified(b))
        if a == b || b == 1 { return a }
        if a == 1 { return b }
        let ranges = ranges
        if a.isEqual(to: 1, ranges) == .no { return a }
        if b.isEqual(to: 1, ranges) == .no { return b }
        if a.isEqual(to: b, ranges) == .yes { return a }
        return simplified(IntExpr.max(a, b) * IntExpr.min(IntExpr.min(a, b), 1))
    }

    /// The common shape of two by NumPy's rule.
    public static func broadcast(_ a: [IntExpr], _ b: [IntExpr]) -> [IntExpr] {
        let rank = max(a.count, b.count)
        return (0..<rank).map { axis in
            let (left, right) = (axis - rank + a.count, axis - rank + b.count)
            if left < 0 { return b[right] }
            return right < 0 ? a[left] : broadcast(a[left], b[right])
        }
    }

    /// Requires that each extent is 1 or what it becomes in `shape`, axes aligned at the right.
    ///
    /// - Throws: `type.sizes-differ` where one cannot be.
    public static func requireBroadcast(_ extents: [IntExpr], to shape: [IntExpr]) throws {
        for (axis, (extent, target)) in zip(extents, shape.suffix(extents.count)).enumerated()
        where extent != 1 && extent != target {
            try Recorder.current?.require(
                (extent - 1) * (extent - target), equals: 0, "axis \(axis) of a shape to broadcast to")
        }
    }

    /// Whether two extents that meet in a broadcast are equal wherever they fit each other: where one is 1, so is the
    /// other.
    static func mustAgree(_ a: IntExpr, _ b: IntExpr) -> Bool {
        let ranges = ranges
        return [a, b].allSatisfy { size in
            guard let change = (size - 1).signChange(ranges) else { return false }
            guard let ones = change.zero else { return true }
            var narrowed = ranges
            narrowed[change.symbol] = ones
            return a.isEqual(to: b, narrowed) == .yes
        }
    }

    /// Requires that extents that meet in a broadcast are equal where they cannot fit otherwise: that may bound a size.
    static func requireAgreement(of shapes: [[IntExpr]]) throws {
        guard let recorder = Recorder.current, let first = shapes.max(by: { $0.count < $1.count }) else { return }
        for shape in shapes {
            for (a, b) in zip(first.reversed(), shape.reversed()) where a != b && a.constant == nil && b.constant == nil
            {
                let (left, right) = (simplified(a), simplified(b))
                if left != right, mustAgree(left, right) { try recorder.require(left, equals: right, "a broadcast") }
            }
        }
    }

    /// 1 where the size is negative, else 0.
    public static func isNegative(_ size: IntExpr) -> IntExpr { .min(1, .max(0, -size)) }
}

extension Tensor {
    /// A number of elements as a 0-d tensor of that type, for means.
    public static func size(_ size: IntExpr, as type: ElementType) throws -> Tensor {
        if let constant = Sizes.simplified(size).constant { return try Tensor(Double(constant), as: type) }
        return try dimension(size).cast(to: type)
    }
}
