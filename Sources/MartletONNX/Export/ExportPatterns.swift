import MartletCore
import MartletIR

// Nodes that one operator of ONNX computes together. What a pattern leaves unused is dropped at the end. Only nodes of
// one origin are joined, so that a model's own operators come back and origins stay.

extension ExportedNode {
    /// Writes the node together with nodes before it as one operator, if they fit one.
    mutating func exportPattern(of operation: any MartletIR.Operation, _ node: NodeID) throws -> Bool {
        switch operation {
        case let map as MartletIR.Map where map.function == .add:
            return try exportBias(node) || exportSoftplus(node)
        case let map as MartletIR.Map where map.function == .div:
            return try exportSigmoid(node) || exportAverage(node)
        case let map as MartletIR.Map where map.function == .select: return try exportElu(node)
        case let reduce as MartletIR.Reduce where reduce.combiner == .max: return try exportMaxPool(node, reduce)
        case let reduce as MartletIR.Reduce where reduce.combiner == .sum: return try exportSumPool(node, reduce)
        case let transpose as MartletIR.Transpose: return try exportGather(transpose, node)
        default: return false
        }
    }

    /// The operation that makes an operand for this node alone, of the same origin.
    func joined(_ value: ValueID, to node: NodeID) -> (operation: any MartletIR.Operation, operands: [ValueID])? {
        guard let found = scope.definition(of: value), scope.isUsedOnce(value),
            scope.graph.origins(of: found.node) == scope.graph.origins(of: node)
        else { return nil }
        return (found.operation, found.operands)
    }

    // MARK: Bias

    /// A product plus something; the other way round it would come back in another order.
    private mutating func exportBias(_ node: NodeID) throws -> Bool {
        guard let found = joined(operands[0], to: node) else { return false }
        if let convolve = found.operation as? MartletIR.Convolve, convolve.result.isFloatingPoint,
            let bias = try vector(operands[1], axis: 1)
        {
            results = [try convolve.convolution(&self, found.operands, bias: bias)]
            return true
        }
        let types = found.operands.map { scope.graph.type(of: $0) }
        guard let contract = found.operation as? MartletIR.Contract, contract.isPlanar(types),
            types.allSatisfy({ $0.element == contract.result }), contract.result.isFloatingPoint
        else { return false }
        let inputs = try found.operands.map { try scope.name(of: $0) } + [try compactName(operands[1])]
        results = [add("Gemm", inputs, contract.gemmAttributes)]
        return true
    }

    /// A value, or what it repeats where that is for the consumer to do, by NumPy's rule.
    private mutating func compactName(_ value: ValueID) throws -> String {
        guard let broadcast = scope.pendingBroadcast(value) else { return try scope.name(of: value) }
        return try compactName(broadcast)
    }

    /// A vector that a value repeats along all axes but one; extents of the vector must be those of the axis.
    private mutating func vector(_ value: ValueID, axis: Int) throws -> String? {
        guard let broadcast = scope.pendingBroadcast(value) else { return nil }
        let shape = scope.graph.type(of: broadcast.operand).shape
        let axes = broadcast.operation.axes
        guard let place = axes.firstIndex(of: axis), shape[place] == broadcast.operation.shape[axis],
            shape.indices.allSatisfy({ $0 == place || shape[$0] == 1 })
        else { return nil }
        if let constant = scope.graph.constant(broadcast.operand) {
            return self.constant(try constant.reshaped([constant.count]))
        }
        if let found = scope.definition(of: broadcast.operand), found.operation is MartletIR.Reshape,
            scope.graph.type(of: found.operands[0]).shape == [shape[place]]
        {
            return try scope.name(of: found.operands[0])
        }
        return try reshape(try scope.name(of: broadcast.operand), shape, to: [shape[place]])
    }

    // MARK: Activations

    /// 1 / (1 + exp(-x)) is ONNX's Sigmoid.
    private mutating func exportSigmoid(_ node: NodeID) throws -> Bool {
        guard resultTypes[0].element.isFloatingPoint, isScalar(operands[0], 1),
            let sum = joined(operands[1], to: node, as: .add), isScalar(sum[0], 1),
            let power = joined(sum[1], to: node, as: .exp), let negated = joined(power[0], to: node, as: .neg)
        else { return false }
        results = [add("Sigmoid", [try scope.name(of: negated[0])])]
        return true
    }

    /// max(x, 0) + log(1 + exp(-|x|)) is ONNX's Softplus.
    private mutating func exportSoftplus(_ node: NodeID) throws -> Bool {
        guard resultTypes[0].element.isFloatingPoint, let positive = joined(operands[0], to: node, as: .max),
            isScalar(positive[1], 0), let log = joined(operands[1], to: node, as: .log1p),
            let power = joined(log[0], to: node, as: .exp), let negated = joined(power[0], to: node, as: .neg),
            let magnitude = joined(negated[0], to: node, as: .abs), magnitude[0] == positive[0]
        else { return false }
        results = [add("Softplus", [try scope.name(of: positive[0])])]
        return true
    }

    /// x < 0 ? (exp(x) - 1) · alpha : x is ONNX's Elu.
    private mutating func exportElu(_ node: NodeID) throws -> Bool {
        guard resultTypes[0].element.isFloatingPoint, let test = joined(operands[0], to: node, as: .lt),
            test[0] == operands[2], isScalar(test[1], 0), let product = joined(operands[1], to: node, as: .mul),
            let power = joined(product[0], to: node, as: .expm1), power[0] == operands[2],
            let factor = scope.graph.constant(product[1]), factor.shape.isEmpty, let alpha = try factor.doubles().first,
            Double(Float(alpha)) == alpha
        else { return false }
        results = [add("Elu", [try scope.name(of: operands[2])], [AttributeProto("alpha", .float(Float(alpha)))])]
        return true
    }

    private func joined(_ value: ValueID, to node: NodeID, as function: ScalarOp) -> [ValueID]? {
        guard let found = joined(value, to: node), let map = found.operation as? MartletIR.Map, map.function == function
        else { return nil }
        return found.operands
    }

    private func isScalar(_ value: ValueID, _ number: Double) -> Bool {
        guard let tensor = scope.graph.constant(value), tensor.shape.isEmpty else { return false }
        return (try? tensor.doubles()) == [number]
    }

    // MARK: Gather

    /// A gather whose index axes are moved to the place of the indexed axis is ONNX's.
    private mutating func exportGather(_ transpose: MartletIR.Transpose, _ node: NodeID) throws -> Bool {
        guard let found = joined(operands[0], to: node), let gather = found.operation as? MartletIR.Gather,
            gather.axes.count == 1, gather.mode == .check, let producer = scope.definition(of: operands[0])?.node
        else { return false }
        let (axis, count) = (gather.axes[0], scope.graph.type(of: found.operands[1]).rank)
        let rank = resultTypes[0].rank
        let order = Array(count..<count + axis) + Array(0..<count) + Array(count + axis..<rank)
        guard transpose.permutation == order else { return false }
        var inner = ExportedNode(producer, in: scope)
        let place = try gather.place(0, &inner)
        results = [add("Gather", [try scope.name(of: found.operands[0]), place], [.int("axis", axis)])]
        return true
    }
}
