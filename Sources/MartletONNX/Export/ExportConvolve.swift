import MartletCore
public import MartletIR

extension MartletIR.Convolve: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        node.results = [try convolution(&node, node.operands, bias: nil)]
    }

    /// The convolution of two values, with a bias for each output channel.
    func convolution(_ node: inout ExportedNode, _ operands: [ValueID], bias: String?) throws -> String {
        let types = operands.map { node.scope.graph.type(of: $0) }
        if result == .int32, let bytes = try integerConvolution(&node, operands) { return bytes }
        guard result.isFloatingPoint else {
            throw node.unsupported(
                "convolution of \(types[0].element.name) and \(types[1].element.name) has no form in ONNX",
                help: "only bytes less zero points can be convolved as integers")
        }
        var inputs = try zip(operands, types).map {
            node.cast(try node.scope.name(of: $0), from: $1.element, to: result)
        }
        if let transposed = try transposedConvolution(&node, operands, inputs[0], bias: bias) { return transposed }
        var pads = low + high
        if hasGaps || !pads.allSatisfy({ $0.constant ?? -1 >= 0 }) {
            inputs[0] = try spread(inputs[0], types[0].with(element: result), &node)
            pads = pads.map { _ in 0 }
        }
        if let bias { inputs.append(bias) }
        return node.add("Conv", inputs, attributes(pads.compactMap(\.constant)))
    }

    private var hasGaps: Bool { inputDilation.contains { $0 > 1 } }

    private func integerConvolution(_ node: inout ExportedNode, _ operands: [ValueID]) throws -> String? {
        let pads = (low + high).compactMap(\.constant)
        guard !hasGaps, pads.count == low.count * 2, pads.allSatisfy({ $0 >= 0 }),
            let inputs = try node.byteInputs(operands, channelAxis: 0)
        else { return nil }
        return node.add("ConvInteger", inputs, attributes(pads))
    }

    private func attributes(_ pads: [Int]) -> [AttributeProto] {
        var list: [AttributeProto] = []
        if dilation.contains(where: { $0 != 1 }) { list.append(.ints("dilations", dilation)) }
        if groups != 1 { list.append(.int("group", groups)) }
        if pads.contains(where: { $0 != 0 }) { list.append(.ints("pads", pads)) }
        if stride.contains(where: { $0 != 1 }) { list.append(.ints("strides", stride)) }
        return list
    }

    /// The image with its gaps and padding written out.
    private func spread(_ image: String, _ type: TensorType, _ node: inout ExportedNode) throws -> String {
        let fill = try node.scalar(0, type.element)
        var value = image
        var shape = type.shape
        for axis in inputDilation.indices where inputDilation[axis] > 1 {
            value = try node.spread(value, &shape, axis: axis + 2, gap: inputDilation[axis] - 1, fill: fill)
        }
        return try node.pad(value, low: [0, 0] + low, high: [0, 0] + high, fill: fill)
    }

    // MARK: Transposed

    /// As ConvTranspose, whose weights are flipped and have the axes of channels exchanged within groups; nil where the
    /// weights are not constant or the padding does not fit.
    private func transposedConvolution(
        _ node: inout ExportedNode, _ operands: [ValueID], _ image: String, bias: String?
    ) throws -> String? {
        guard hasGaps, stride.allSatisfy({ $0 == 1 }), result.isFloatingPoint,
            let weights = node.scope.graph.constant(operands[1]), weights.type == result,
            let pads = transposedPads(kernel: Array(weights.shape.dropFirst(2)))
        else { return nil }
        var attributes = [AttributeProto.ints("strides", inputDilation)]
        if dilation.contains(where: { $0 != 1 }) { attributes.append(.ints("dilations", dilation)) }
        if groups != 1 { attributes.append(.int("group", groups)) }
        if pads.contains(where: { $0 != 0 }) { attributes.append(.ints("pads", pads)) }
        let inputs = [image, node.constant(try transposed(weights))] + (bias.map { [$0] } ?? [])
        return node.add("ConvTranspose", inputs, attributes)
    }

    private func transposedPads(kernel: [Int]) -> [Int]? {
        let reach = zip(kernel, dilation).map { ($0 - 1) * $1 }
        let pads = zip(reach + reach, low + high).compactMap { reach, pad in pad.constant.map { reach - $0 } }
        return pads.count == low.count * 2 && pads.allSatisfy { $0 >= 0 } ? pads : nil
    }

    private func transposed(_ weights: HostTensor) throws -> HostTensor {
        let shape = weights.shape.map { IntExpr($0) }
        let outputs = IntExpr(weights.shape[0] / groups)
        let spatial = Array(shape.dropFirst(2))
        let parted = try Tensor(weights).reshaped(to: [IntExpr(groups), outputs, shape[1]] + spatial)
        let exchanged = try parted.transposed([0, 2, 1] + Array(3..<3 + spatial.count))
        let joined = try exchanged.reshaped(to: [IntExpr(groups) * shape[1], outputs] + spatial)
        let flipped = try joined.sliced(
            start: [0, 0] + spatial.map { $0 - 1 }, size: try joined.shape,
            step: [1, 1] + spatial.map { _ in -1 })
        guard let tensor = flipped.concrete else {
            throw Diagnostic("export.weights", "the weights of a transposed convolution are not known")
        }
        return tensor
    }
}
