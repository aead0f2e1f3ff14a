import MartletCore
import MartletIR
import MartletLibrary

/// Version 10 takes starts, ends, axes and steps as operands; before they were attributes.
enum Slice: ONNXOperator {
    static let versions = [1, 10]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let extents = try node.shape(of: x)
        if case .dynamic(let axes)? = try axes(node, extents.count) { return [try dynamic(node, x, extents, axes)] }
        let starts = try bounds(node, 1, "starts"), ends = try bounds(node, 2, "ends")
        var axes = Array(starts.indices)
        if case .known(let given)? = try self.axes(node, extents.count) { axes = given }
        let steps = try node.version == 1 ? nil : node.optional(4).map { try node.dims(of: $0, lower: -Interval.far) }
        let counts = [ends.count, axes.count, steps?.count ?? starts.count]
        guard counts.allSatisfy({ $0 == starts.count }), axes.allSatisfy(extents.indices.contains) else {
            throw Diagnostic("onnx.slice", "starts, ends, axes and steps do not fit each other or the operand")
        }
        var intervals: [Int: Interval] = [:]
        for (position, axis) in axes.enumerated() {
            intervals[axis] = try Interval(
                starts[position], ends[position], step: steps?[position] ?? 1, size: extents[axis])
        }
        return [try x.sliced(intervals)]
    }

    private static func axes(_ node: ImportedNode, _ rank: Int) throws -> AxesChoice? {
        try node.axesChoice(3, since: 10) { _ in rank }
    }

    /// The slice along axes that are computed from data: all axes are cut, most of them from end to end.
    private static func dynamic(
        _ node: ImportedNode, _ x: Tensor, _ extents: [IntExpr], _ axes: DynamicAxes
    ) throws -> Tensor {
        let steps = try node.optional(4)
        var intervals: [Int: Interval] = [:]
        for axis in extents.indices {
            func entry(_ values: Tensor, _ other: Int) throws -> IntExpr {
                try node.dim(of: axes.entry(of: values, for: axis, otherwise: .number(other)), lower: -Interval.far)
            }
            func clamped(_ index: Int) throws -> Tensor {
                try node.input(index).cast(to: .int64)
                    .mapped(.max, .number(-Interval.far)).mapped(.min, .number(Interval.far))
            }
            intervals[axis] = try Interval(
                try entry(clamped(1), 0), try entry(clamped(2), Interval.far),
                step: try steps.map { try entry($0, 1) } ?? 1,
                size: extents[axis])
        }
        return try x.sliced(intervals)
    }

    private static func bounds(_ node: ImportedNode, _ index: Int, _ name: String) throws -> [IntExpr] {
        if node.version == 1 { return try node.required(name, try node.ints(name)).map { IntExpr($0) } }
        return try node.dims(of: try node.input(index), lower: -Interval.far)
    }

    /// The positions that a slice takes of an axis.
    struct Interval {
        let start: IntExpr
        let count: IntExpr
        let step: IntExpr

        /// Numbers beyond this stand for the end of any axis.
        static let far = 1 << 30

        init(_ first: IntExpr, _ last: IntExpr, step: IntExpr, size: IntExpr) throws {
            guard step != 0 else { throw Diagnostic("onnx.slice", "a step is 0") }
            self.step = step.constant.map { IntExpr(min(max($0, -Self.far), Self.far)) } ?? step
            // 1 for steps backwards: they begin at the last element at most, and end before the first.
            let isDown = Sizes.simplified(Sizes.isNegative(step))
            start = Self.clamped(first, 0, size - isDown, size)
            let end = try isDown == 0 ? Self.end(last, size) : nil
            let stop = end ?? Self.clamped(last, -isDown, size - isDown, size)
            count = Sizes.simplified(.max(0, (stop - start).ceilDivided(by: self.step)))
        }

        /// The whole size, where an end of a thousand million means the end of any axis. Checked when the model runs.
        private static func end(_ last: IntExpr, _ size: IntExpr) throws -> IntExpr? {
            guard let constant = last.constant, constant >= far / 4, constant < far, size.constant == nil,
                let recorder = Recorder.current
            else { return nil }
            try recorder.require(.max(size - last, 0), equals: 0, "elements behind the end of a slice")
            return size
        }

        /// A position counted from the front and clamped to `low...high`; `high` counts where that is empty.
        private static func clamped(_ position: IntExpr, _ low: IntExpr, _ high: IntExpr, _ size: IntExpr) -> IntExpr {
            if let constant = position.constant {
                if constant >= far { return high }
                if constant <= -far { return Sizes.simplified(.min(high, low)) }
            }
            let bounds = position.bounds(Sizes.ranges)
            let counted: IntExpr
            if bounds.lower ?? -1 >= 0 {
                counted = position
            } else if bounds.upper ?? 0 < 0 {
                counted = position + size
            } else {
                counted = position + size * Sizes.isNegative(position)
            }
            return Sizes.simplified(.min(high, .max(low, counted)))
        }
    }
}

extension Tensor {
    /// The slice of some axes; the others stay whole.
    fileprivate func sliced(_ intervals: [Int: Slice.Interval]) throws -> Tensor {
        var size = try shape
        var start = [IntExpr](repeating: 0, count: size.count), step = [IntExpr](repeating: 1, count: size.count)
        for (axis, interval) in intervals {
            (start[axis], size[axis], step[axis]) = (interval.start, interval.count, interval.step)
        }
        return try sliced(start: start, size: size, step: step)
    }
}
