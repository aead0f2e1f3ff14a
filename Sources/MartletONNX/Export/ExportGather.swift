import MartletCore
public import MartletIR

extension MartletIR.Gather: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        var value = try node.operand(0)
        if mode == .fill { value = try padded(value, &node) }
        let places = try axes.indices.map { try place($0, &node) }
        if axes.count == 1 {
            node.results = [try gather(value, places[0], &node)]
        } else {
            node.results = [try gatherPoints(value, places, &node)]
        }
    }

    /// Along one axis. ONNX puts the indices' axes in its place, here they come first.
    private func gather(_ value: String, _ places: String, _ node: inout ExportedNode) throws -> String {
        let (axis, count) = (axes[0], node.operandTypes[1].rank)
        let result = node.add("Gather", [value, places], [.int("axis", axis)])
        let rank = node.resultTypes[0].rank
        return node.transpose(result, Array(axis..<axis + count) + Array(0..<axis) + Array(axis + count..<rank))
    }

    private func gatherPoints(_ value: String, _ places: [String], _ node: inout ExportedNode) throws -> String {
        let rest = (0..<node.operandTypes[0].rank).filter { !axes.contains($0) }
        let points = try node.points(places, rank: node.operandTypes[1].rank)
        return node.add("GatherND", [node.transpose(value, axes + rest), points])
    }

    // MARK: Indices out of range

    /// One more position with the fill value along each indexed axis.
    private func padded(_ value: String, _ node: inout ExportedNode) throws -> String {
        let none = [IntExpr](repeating: 0, count: node.operandTypes[0].rank)
        var high = none
        for axis in axes { high[axis] = 1 }
        return try node.pad(value, low: none, high: high, fill: try node.operand(1 + axes.count))
    }

    func place(_ number: Int, _ node: inout ExportedNode) throws -> String {
        let extent = node.operandTypes[0].shape[axes[number]]
        let graph = node.scope.graph
        if mode == .check, axes.count == 1,
            let plain = graph.index(countedFromTheEndOf: extent, in: node.operands[1 + number])
        {
            // ONNX's operators count from the end themselves.
            return node.indexCast(try node.scope.name(of: plain), graph.type(of: plain).element)
        }
        let element = node.operandTypes[1 + number].element
        let index = node.indexCast(try node.operand(1 + number), element)
        switch mode {
        case .check: return index
        case .clamp:
            let wide = node.cast(index, from: element == .int32 ? .int32 : .int64, to: .int64)
            let low = node.add("Max", [wide, node.constant(HostTensor(scalar: Int64(0)))])
            return node.add("Min", [low, try node.scalarSize(extent - 1)])
        case .fill:
            let wide = node.cast(index, from: element == .int32 ? .int32 : .int64, to: .int64)
            let size = try node.scalarSize(extent)
            let isLow = node.add("Less", [wide, node.constant(HostTensor(scalar: Int64(0)))])
            return node.add("Min", [node.add("Where", [isLow, size, wide]), size])
        }
    }
}

extension ExportedNode {
    /// An index as an integer type that Gather takes.
    mutating func indexCast(_ index: String, _ element: ElementType) -> String {
        element == .int32 ? index : cast(index, from: element, to: .int64)
    }

    /// Indices for several axes as points: a last axis with one index for each.
    mutating func points(_ places: [String], rank: Int) throws -> String {
        let columns = try places.enumerated().map { number, place in try unsqueeze(place, [rank]) }
        return columns.count == 1 ? columns[0] : add("Concat", columns, [.int("axis", rank)])
    }
}

extension MartletIR.Scatter: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let (target, rank) = (node.operandTypes[0], node.operandTypes[0].rank)
        let order = axes + (0..<rank).filter { !axes.contains($0) }
        var value = node.transpose(try node.operand(0), order)
        let spare = checked ? [] : axes
        if !spare.isEmpty { value = try extended(value, target, &node) }
        let places = try axes.indices.map { try place($0, &node) }
        let points = try node.points(places, rank: node.operandTypes[1].rank)
        let inputs = [value, points, try node.operand(axes.count + 1)]
        let attributes = try reduction(node).map { [AttributeProto("reduction", string: $0)] } ?? []
        value = node.add("ScatterND", inputs, attributes)
        if !spare.isEmpty {
            let sizes = axes.map { target.shape[$0] }
            let starts = [Int](repeating: 0, count: axes.count)
            let all = Array(axes.indices)
            value = node.add(
                "Slice", [value, try node.integers(starts), try node.sizes(sizes), try node.integers(all)])
        }
        node.results = [node.transpose(value, order.indices.map { axis in order.firstIndex(of: axis) ?? 0 })]
    }

    private func reduction(_ node: ExportedNode) throws -> String? {
        let since = mode == .set ? 13 : mode == .add || mode == .mul ? 16 : 18
        guard node.opset >= since else {
            throw node.unsupported(
                "scatter '\(mode.rawValue)' needs operator set \(since)", help: "export at \(since) or later")
        }
        return mode == .set ? nil : mode.rawValue
    }

    /// One more position along each indexed axis, which takes the updates that are dropped. The axes stand in front.
    private func extended(_ value: String, _ target: TensorType, _ node: inout ExportedNode) throws -> String {
        let none = [IntExpr](repeating: 0, count: target.rank)
        var high = none
        for axis in axes.indices { high[axis] = 1 }
        return try node.pad(value, low: none, high: high, fill: try node.scalar(0, target.element))
    }

    private func place(_ number: Int, _ node: inout ExportedNode) throws -> String {
        let extent = node.operandTypes[0].shape[axes[number]]
        let index = node.cast(try node.operand(1 + number), from: node.operandTypes[1 + number].element, to: .int64)
        if checked { return index }
        let size = try node.scalarSize(extent)
        let isLow = node.add("Less", [index, node.constant(HostTensor(scalar: Int64(0)))])
        return node.add("Min", [node.add("Where", [isLow, size, index]), size])
    }
}
