import MartletCore
public import MartletIR

extension MartletIR.Transpose: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        node.results = [node.add("Transpose", [try node.operand(0)], [.ints("perm", permutation)])]
    }
}

extension MartletIR.Concat: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        node.results = [node.add("Concat", try node.operandNames(), [.int("axis", axis)])]
    }
}

extension MartletIR.Rebits: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        throw node.unsupported(
            "bits of \(node.operandTypes[0].element.name) as \(target.name) have no form in ONNX")
    }
}

// MARK: - Reshape

extension MartletIR.Reshape: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        node.results = [try node.reshape(try node.operand(0), node.operandTypes[0].shape, to: shape)]
    }
}

extension ExportedNode {
    /// The value in another shape, by Unsqueeze or Squeeze where these do it.
    mutating func reshape(_ value: String, _ source: [IntExpr], to target: [IntExpr]) throws -> String {
        if source == target { return value }
        if let axes = Self.insertedAxes(from: source, to: target) { return try unsqueeze(value, axes) }
        if let axes = Self.insertedAxes(from: target, to: source) { return try squeeze(value, axes) }
        let hasNewZero = target.enumerated().contains { axis, extent in
            extent == 0 && !(axis < source.count && source[axis] == 0)
        }
        if hasNewZero {
            guard opset >= 14 else {
                throw unsupported("a reshape to an extent of 0 needs operator set 14", help: "export at 14 or later")
            }
            return add("Reshape", [value, try sizes(target)], [.int("allowzero", 1)])
        }
        return add("Reshape", [value, try reshapeOperand(source, target)])
    }

    /// Axes of extent 1 whose insertion makes `target` of `source`.
    private static func insertedAxes(from source: [IntExpr], to target: [IntExpr]) -> [Int]? {
        var rest = source[...]
        var axes: [Int] = []
        for (axis, extent) in target.enumerated() {
            if rest.first == extent, rest.count > 0 {
                rest.removeFirst()
            } else if extent == 1 {
                axes.append(axis)
            } else {
                return nil
            }
        }
        return rest.isEmpty && !axes.isEmpty ? axes : nil
    }

    /// The shape operand: 0 where an extent is that of the same axis, -1 for one that follows from the others.
    private func reshapeOperand(_ source: [IntExpr], _ target: [IntExpr]) throws -> String {
        var entries = target
        var unknown: [Int] = []
        for (axis, extent) in target.enumerated() {
            if axis < source.count, source[axis] == extent, extent.constant ?? 0 == 0 {
                entries[axis] = 0
            } else if extent.constant == nil {
                unknown.append(axis)
            }
        }
        let ranges = scope.model.symbols.ranges
        // What follows from the others would be undefined if one of them were 0.
        let othersAreInhabited = target.enumerated().allSatisfy { axis, extent in
            unknown.contains(axis) || extent.isAtLeast(1, ranges) == .yes
        }
        if unknown.count == 1, othersAreInhabited { entries[unknown[0]] = -1 }
        return try sizes(entries)
    }
}

// MARK: - Slice

extension MartletIR.Slice: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let shape = node.operandTypes[0].shape
        var (axes, starts, ends, steps): ([Int], [IntExpr], [String], [IntExpr]) = ([], [], [], [])
        for axis in shape.indices {
            if start[axis] == 0, step[axis] == 1, size[axis] == shape[axis] { continue }
            axes.append(axis)
            starts.append(start[axis])
            steps.append(step[axis])
            ends.append(try end(axis, shape[axis], &node))
        }
        let value = try node.operand(0)
        guard !axes.isEmpty else {
            node.results = [value]
            return
        }
        let end = ends.count == 1 ? ends[0] : node.add("Concat", ends, [.int("axis", 0)])
        var inputs = [value, try node.sizes(starts), end, try node.integers(axes)]
        if steps.contains(where: { $0 != 1 }) { inputs.append(try node.sizes(steps)) }
        node.results = [node.add("Slice", inputs)]
    }

    /// The position behind the last one, where negative positions do not count from the end.
    private func end(_ axis: Int, _ extent: IntExpr, _ node: inout ExportedNode) throws -> String {
        let ranges = node.scope.model.symbols.ranges
        let end = start[axis] + size[axis] * step[axis]
        if end == extent, end.constant == nil { return try node.integers([Int.max]) }
        if end.isAtLeast(0, ranges) == .yes { return try node.size(end) }
        let beforeAll = try node.integers([Int.min])
        if end.isLess(than: 0, ranges) == .yes { return beforeAll }
        let value = try node.size(end)
        return node.add("Where", [node.add("Less", [value, try node.integers([0])]), beforeAll, value])
    }
}

// MARK: - Pad

extension MartletIR.Pad: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        var value = try node.operand(0)
        var shape = node.operandTypes[0].shape
        let fill = try node.operand(1)
        for axis in interior.indices where interior[axis] > 0 {
            value = try node.spread(value, &shape, axis: axis, gap: interior[axis], fill: fill)
        }
        node.results = [try node.pad(value, low: low, high: high, fill: fill)]
    }
}

extension ExportedNode {
    /// The value with `fill` before and after its elements.
    mutating func pad(_ value: String, low: [IntExpr], high: [IntExpr], fill: String) throws -> String {
        if (low + high).allSatisfy({ $0 == 0 }) { return value }
        return add("Pad", [value, try sizes(low + high), fill])
    }

    /// The value with `gap` times `fill` between neighbours along an axis: each element gets a row of its own, which is
    /// padded; the rows are joined, and the last padding is cut off.
    mutating func spread(
        _ value: String, _ shape: inout [IntExpr], axis: Int, gap: Int, fill: String
    ) throws -> String {
        let rows = try unsqueeze(value, [axis + 1])
        let none = [IntExpr](repeating: 0, count: shape.count + 1)
        var high = none
        high[axis + 1] = IntExpr(gap)
        let padded = try pad(rows, low: none, high: high, fill: fill)
        var padShape = shape
        padShape.insert(IntExpr(gap + 1), at: axis + 1)
        var joined = shape
        joined[axis] = shape[axis] * IntExpr(gap + 1)
        let flat = try reshape(padded, padShape, to: joined)
        shape[axis] = .max(0, joined[axis] - IntExpr(gap))
        return add("Slice", [flat, try integers([0]), try size(shape[axis]), try integers([axis])])
    }
}

// MARK: - Window

extension MartletIR.Window: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        var value = try node.operand(0)
        let rank = node.operandTypes[0].rank
        for (number, window) in axes.enumerated() {
            let count = node.resultTypes[0].shape[window.axis]
            let places = try node.windowPlaces(window, count: count)
            value = node.add("Gather", [value, places], [.int("axis", window.axis)])
            // The elements of a window stand behind its position; they belong at the end.
            var order = Array(0...rank + number)
            order.append(order.remove(at: window.axis + 1))
            value = node.transpose(value, order)
        }
        node.results = [value]
    }
}

extension ExportedNode {
    /// Where the windows along an axis read: `position · stride + element · dilation`.
    fileprivate mutating func windowPlaces(_ window: MartletIR.Window.Axis, count: IntExpr) throws -> String {
        if let count = count.constant, let size = window.size.constant {
            let places = (0..<count).flatMap { position in
                (0..<size).map { Int64(position * window.stride + $0 * window.dilation) }
            }
            return constant(try HostTensor(places, shape: [count, size]))
        }
        let positions = try line(count, times: window.stride)
        let elements = try line(window.size, times: window.dilation)
        return add("Add", [try unsqueeze(positions, [1]), elements])
    }

    private mutating func line(_ count: IntExpr, times factor: Int) throws -> String {
        let (zero, one) = (constant(HostTensor(scalar: Int64(0))), constant(HostTensor(scalar: Int64(1))))
        let range = add("Range", [zero, try scalarSize(count), one])
        return factor == 1 ? range : add("Mul", [range, constant(HostTensor(scalar: Int64(factor)))])
    }
}
