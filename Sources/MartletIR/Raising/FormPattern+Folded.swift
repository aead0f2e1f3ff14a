import MartletCore

// Views of constants are folded while a graph is built: a scale that the form reshapes or repeats is then found as one
// constant of the later shape.

extension FormPattern {
    /// The operand of which a value of the pattern is a view, if the view of it can be this tensor.
    ///
    /// - Returns: the pattern's input and the tensor that it is; nil where the value is no view of an operand or where
    ///   the tensor is not one.
    func operand(viewedAs tensor: HostTensor, by value: ValueID) -> (input: ValueID, tensor: HostTensor)? {
        guard let views = graph.views(makingUp: value), !views.nodes.isEmpty,
            case .input(let position) = graph.producer(of: views.input), holes[position] == .operand
        else { return nil }
        var source = tensor
        for node in views.nodes {
            guard let shape = graph.type(of: graph.operands(of: node)[graph.operands(of: node).startIndex]).staticShape,
                let inverse = try? Self.source(of: source, graph.operation(of: node), shape)
            else { return nil }
            source = inverse
        }
        // A tensor that differs along repeated axes is no view.
        var again = source
        for node in views.nodes.reversed() {
            guard let results = try? graph.operation(of: node).evaluate([again], in: ConstantContext()) else {
                return nil
            }
            again = results[0]
        }
        return again.hasBytes(of: tensor) ? (views.input, source) : nil
    }

    /// The tensor of that shape of which a view may be `tensor`.
    private static func source(of tensor: HostTensor, _ view: any Operation, _ shape: [Int]) throws -> HostTensor {
        guard let broadcast = view as? Broadcast else { return try tensor.reshaped(shape) }
        var first = tensor.shape.map { $0 == 0 ? 0 : 1 }
        for (axis, extent) in zip(broadcast.axes, shape) { first[axis] = extent }
        let slice = Slice(
            start: first.map { _ in 0 }, size: first.map { IntExpr($0) }, step: first.map { _ in 1 })
        return try slice.evaluate([tensor], in: ConstantContext())[0].reshaped(shape)
    }
}

extension Graph {
    /// The reshapes and broadcasts, the last one first, that make a value of an input, and the input.
    func views(makingUp value: ValueID) -> (input: ValueID, nodes: [NodeID])? {
        var nodes: [NodeID] = []
        var current = value
        while case .node(let node, _) = producer(of: current) {
            let operation = operation(of: node)
            guard operation is Reshape || operation is Broadcast, let operand = operands(of: node).first else {
                return nil
            }
            nodes.append(node)
            current = operand
        }
        return (current, nodes)
    }
}

extension HostTensor {
    /// Whether two tensors of one type and shape hold the same bits.
    fileprivate func hasBytes(of other: HostTensor) -> Bool {
        guard type == other.type, shape == other.shape, type != .string else { return false }
        return withUnsafeBytes { own in other.withUnsafeBytes { own.elementsEqual($0) } }
    }
}
