import MartletCore
public import MartletIR

extension MartletIR.Constant: ONNXExportable {
    public func export(into node: inout ExportedNode) throws { node.results = [node.constant(tensor)] }
}

extension MartletIR.Dimension: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        node.scope.sizeOrigin = node.origin
        defer { node.scope.sizeOrigin = [] }
        node.results = [try node.scalarSize(expression)]
    }
}

extension MartletIR.Bind: ONNXExportable {
    /// Nothing is written: sizes that contain the symbol read the value.
    public func export(into node: inout ExportedNode) throws {
        node.scope.sizeTable.sources[symbol] = .scalar(try node.operand(0), node.operandTypes[0].element)
    }
}

extension MartletIR.Iota: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let (zero, one) = (node.constant(HostTensor(scalar: Int64(0))), node.constant(HostTensor(scalar: Int64(1))))
        var line = node.add("Range", [zero, try node.scalarSize(shape[axis]), one])
        line = node.cast(line, from: .int64, to: type)
        line = try node.unsqueeze(line, Array(1..<shape.count - axis))
        var target = shape
        target[axis] = 1
        let isDone = target.allSatisfy { $0 == 1 } && axis == 0
        node.results = [isDone ? line : node.add("Expand", [line, try node.sizes(target)])]
    }
}

extension MartletIR.Fail: ONNXExportable {
    /// ONNX has no operator that fails. A position that does not exist is read, one that depends on data so that nobody
    /// finds out before the model runs; the results are made of what is read.
    public func export(into node: inout ExportedNode) throws {
        let nothing = node.add("Gather", [try node.integers([0]), try impossiblePosition(&node)], [.int("axis", 0)])
        node.results = try results.map { type in
            let value = node.cast(nothing, from: .int64, to: type.element)
            let target = type.shape.map { $0.constant ?? 1 }
            return node.add("Expand", [value, try node.integers(target)])
        }
    }

    /// An `i64` scalar of at least 1.
    private func impossiblePosition(_ node: inout ExportedNode) throws -> String {
        let one = node.constant(HostTensor(scalar: Int64(1)))
        guard let (name, type) = node.scope.anyInput() else { return one }
        let flat = node.add("Reshape", [name, try node.integers([-1])])
        let numbers = node.cast(flat, from: type.element, to: .float32)
        let place = node.add("ArgMax", [numbers], [.int("axis", 0), .int("keepdims", 0)])
        return node.add("Add", [place, one])
    }
}

extension GraphExport {
    /// An input of the model.
    fileprivate func anyInput() -> (name: String, type: TensorType)? {
        if let parent { return parent.anyInput() }
        let inputs = graph.inputs.map { (name: $0.name, type: graph.type(of: $0.value)) }
        return inputs.first { $0.type.element != .string && !$0.type.element.isComplex }
    }
}
