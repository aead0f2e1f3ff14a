import MartletCore
public import MartletIR

extension MartletIR.Reduce: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        node.results = [
            try node.reduce(try node.operand(0), node.operandTypes[0].element, combiner, axes: axes)
        ]
    }
}

extension ExportedNode {
    /// The value combined along axes, which the result drops. Types that ONNX's reductions do not take are cast.
    mutating func reduce(_ value: String, _ element: ElementType, _ combiner: Combiner, axes: [Int]) throws -> String {
        if axes.isEmpty { return add("Identity", [value]) }
        // ReduceMax and ReduceMin take bool from operator set 20 on.
        let carrier = element == .bool && opset >= 20 ? element : Self.reductionCarrier(of: element)
        let input = cast(value, from: element, to: carrier)
        let result: String
        let isOperand = combiner == .sum || opset >= 18
        if isOperand {
            result = add(Self.reduction(combiner), [input, try integers(axes)], [.int("keepdims", 0)])
        } else {
            result = add(Self.reduction(combiner), [input], [.ints("axes", axes), .int("keepdims", 0)])
        }
        if combiner == .or, carrier != .bool {
            // The maximum of nothing is not 0.
            return add("Greater", [result, try scalar(0, carrier)])
        }
        return cast(result, from: carrier, to: element)
    }

    private static func reduction(_ combiner: Combiner) -> String {
        switch combiner {
        case .sum: "ReduceSum"
        case .prod: "ReduceProd"
        case .max, .or: "ReduceMax"
        case .min, .and: "ReduceMin"
        }
    }

    static func reductionCarrier(of element: ElementType) -> ElementType {
        switch element {
        case .bool, .int8, .int16, .uint8, .uint16: .int32
        case .uint32: .int64
        default: element
        }
    }
}

extension MartletIR.ArgReduce: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let type = node.operandTypes[0]
        var value = try node.operand(0)
        var axis = axes.first ?? 0
        if axes.count != 1 {
            // The axes become one, the last.
            let kept = (0..<type.rank).filter { !axes.contains($0) }
            value = node.transpose(value, kept + axes)
            let count = axes.reduce(IntExpr(1)) { $0 * type.shape[$1] }
            let moved = (kept + axes).map { type.shape[$0] }
            value = try node.reshape(value, moved, to: kept.map { type.shape[$0] } + [count])
            axis = kept.count
        }
        let input = node.cast(value, from: type.element, to: ExportedNode.reductionCarrier(of: type.element))
        let attributes = [
            AttributeProto.int("axis", axis), .int("keepdims", 0), .int("select_last_index", lastTie ? 1 : 0),
        ]
        node.results = [node.add(maximum ? "ArgMax" : "ArgMin", [input], attributes)]
    }
}

extension MartletIR.Sort: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let element = node.operandTypes[0].element
        let carrier = ExportedNode.reductionCarrier(of: element)
        let input = node.cast(try node.operand(0), from: element, to: carrier)
        let attributes = [
            AttributeProto.int("axis", axis), .int("largest", descending ? 1 : 0), .int("sorted", 1),
        ]
        let sorted = node.add("TopK", [input, try node.size(count)], attributes, resultCount: 2)
        node.results = [node.cast(sorted[0], from: carrier, to: element), sorted[1]]
    }
}

extension MartletIR.Cumulate: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let type = node.operandTypes[0]
        let carrier = ExportedNode.reductionCarrier(of: type.element)
        let input = node.cast(try node.operand(0), from: type.element, to: carrier)
        let result: String
        if combiner == .sum || (combiner == .prod && node.opset >= 26) {
            let name = combiner == .sum ? "CumSum" : "CumProd"
            result = node.add(name, [input, node.constant(HostTensor(scalar: Int64(axis)))])
        } else {
            result = try triangle(input, carrier, type.shape, &node)
        }
        node.results = [node.cast(result, from: carrier, to: type.element)]
    }

    /// What has no operator: element i combines the elements up to i of a copy of the axis, the others
    /// replaced by what changes nothing.
    private func triangle(
        _ value: String, _ element: ElementType, _ shape: [IntExpr], _ node: inout ExportedNode
    ) throws -> String {
        let (zero, one) = (node.constant(HostTensor(scalar: Int64(0))), node.constant(HostTensor(scalar: Int64(1))))
        let places = node.add("Range", [zero, try node.scalarSize(shape[axis]), one])
        let isAfter = node.add("Greater", [places, try node.unsqueeze(places, [1])])
        let mask = try node.unsqueeze(isAfter, Array(2..<2 + shape.count - axis - 1))
        let copies = try node.unsqueeze(value, [axis])
        let masked = node.add("Where", [mask, try node.scalar(identity(element), element), copies])
        return try node.reduce(masked, element, combiner, axes: [axis + 1])
    }

    private func identity(_ element: ElementType) -> Double {
        switch combiner {
        case .sum, .or: 0
        case .prod, .and: 1
        case .max: element.isFloatingPoint ? -.infinity : Double(element.lowestInteger ?? 0)
        case .min: element.isFloatingPoint ? .infinity : Double(element.highestInteger ?? 1)
        }
    }
}
