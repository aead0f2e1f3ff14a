import MartletCore
import MartletIR

// Reductions of windows that ONNX's pooling operators compute.

extension ExportedNode {
    /// An operand of a pooling operator, its attributes, and the number of elements of a window.
    private typealias Pool = (image: ValueID, attributes: [AttributeProto], isPadded: Bool, count: Int)

    /// A reduction of windows over the spatial axes, which may be padded with a value that `isNeutral` takes.
    private func pool(
        _ reduce: MartletIR.Reduce, _ operand: ValueID, _ node: NodeID, isNeutral: (HostTensor) -> Bool
    ) -> Pool? {
        guard let found = joined(operand, to: node), let window = found.operation as? MartletIR.Window,
            let shape = PoolShape(window, reduce, rank: scope.graph.type(of: found.operands[0]).rank)
        else { return nil }
        var (image, pads) = (found.operands[0], [Int](repeating: 0, count: shape.kernel.count * 2))
        if let inner = joined(image, to: node), let pad = inner.operation as? MartletIR.Pad,
            let amounts = shape.pads(pad), scope.graph.constant(inner.operands[1]).map(isNeutral) ?? false
        {
            (image, pads) = (inner.operands[0], amounts)
        }
        var attributes = [AttributeProto.ints("kernel_shape", shape.kernel)]
        if shape.dilations.contains(where: { $0 != 1 }) { attributes.append(.ints("dilations", shape.dilations)) }
        let isPadded = pads.contains { $0 != 0 }
        if isPadded { attributes.append(.ints("pads", pads)) }
        if shape.strides.contains(where: { $0 != 1 }) { attributes.append(.ints("strides", shape.strides)) }
        return (image, attributes, isPadded, shape.kernel.reduce(1, *))
    }

    // MARK: Maximum

    mutating func exportMaxPool(_ node: NodeID, _ reduce: MartletIR.Reduce) throws -> Bool {
        let element = resultTypes[0].element
        guard element.isFloatingPoint || [.int8, .uint8].contains(element),
            let pool = pool(reduce, operands[0], node, isNeutral: Self.isLowest)
        else { return false }
        results = [add("MaxPool", [try scope.name(of: pool.image)], pool.attributes)]
        return true
    }

    /// Whether a value is the one that no maximum takes.
    private static func isLowest(_ tensor: HostTensor) -> Bool {
        guard let number = try? tensor.doubles().first else { return false }
        if tensor.type.isFloatingPoint { return number == -.infinity }
        return tensor.type.lowestInteger.map { Double($0) } == number
    }

    // MARK: Sum and average

    /// ONNX has no sum of windows: the average times the number of elements.
    mutating func exportSumPool(_ node: NodeID, _ reduce: MartletIR.Reduce) throws -> Bool {
        guard let (average, count) = try average(reduce, operands[0], node) else { return false }
        results = [add("Mul", [average, try scalar(Double(count), resultTypes[0].element)])]
        return true
    }

    /// A sum of windows divided by the number of their elements is the average.
    mutating func exportAverage(_ node: NodeID) throws -> Bool {
        guard let divisor = scope.graph.constant(operands[1]), divisor.shape.isEmpty,
            let found = joined(operands[0], to: node), let reduce = found.operation as? MartletIR.Reduce,
            reduce.combiner == .sum, let number = try? divisor.doubles().first,
            let (average, count) = try average(reduce, found.operands[0], node), number == Double(count)
        else { return false }
        results = [average]
        return true
    }

    private mutating func average(
        _ reduce: MartletIR.Reduce, _ operand: ValueID, _ node: NodeID
    ) throws -> (String, Int)? {
        let isZero = { (tensor: HostTensor) in (try? tensor.doubles()) == [0] }
        guard resultTypes[0].element.isFloatingPoint, var pool = pool(reduce, operand, node, isNeutral: isZero),
            opset >= 19 || !pool.attributes.contains(where: { $0.name == "dilations" })
        else { return nil }
        if pool.isPadded { pool.attributes.append(.int("count_include_pad", 1)) }
        return (add("AveragePool", [try scope.name(of: pool.image)], pool.attributes), pool.count)
    }
}

/// A window over all spatial axes of N, C, spatial…, with constant sizes.
private struct PoolShape {
    var kernel: [Int]
    var strides: [Int]
    var dilations: [Int]

    init?(_ window: MartletIR.Window, _ reduce: MartletIR.Reduce, rank: Int) {
        guard rank >= 3, reduce.axes == Array(rank..<rank + window.axes.count),
            window.axes.allSatisfy({ $0.axis >= 2 && $0.size.constant != nil })
        else { return nil }
        kernel = Array(repeating: 1, count: rank - 2)
        (strides, dilations) = (kernel, kernel)
        for axis in window.axes {
            kernel[axis.axis - 2] = axis.size.constant ?? 1
            (strides[axis.axis - 2], dilations[axis.axis - 2]) = (axis.stride, axis.dilation)
        }
    }

    /// The padding as MaxPool takes it: spatial, smaller than the window.
    func pads(_ pad: MartletIR.Pad) -> [Int]? {
        guard pad.interior.allSatisfy({ $0 == 0 }), (pad.low.prefix(2) + pad.high.prefix(2)).allSatisfy({ $0 == 0 })
        else { return nil }
        let amounts = (pad.low.dropFirst(2) + pad.high.dropFirst(2)).compactMap(\.constant)
        let fits = zip(amounts, kernel + kernel).allSatisfy { $0 >= 0 && $0 < $1 }
        return amounts.count == 2 * kernel.count && fits ? amounts : nil
    }
}
