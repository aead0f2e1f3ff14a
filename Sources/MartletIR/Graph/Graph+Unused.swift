import MartletCore

extension Graph {
    /// The same graph without the nodes that no output needs; inputs stay. A constant stands before the node that uses
    /// it first and has its origin, wherever it was made or folded, so that equal graphs have equal texts.
    func withoutUnusedNodes() -> Graph {
        let needed = neededNodes()
        var result = self
        result.nodes.removeAll(keepingCapacity: true)
        result.values.removeAll(keepingCapacity: true)
        result.operandPool.removeAll(keepingCapacity: true)
        var newID = [ValueID](repeating: ValueID(-1), count: values.count)
        for port in inputs { newID[Int(port.value.index)] = result.append(values[Int(port.value.index)]) }
        for (index, node) in nodes.enumerated() where needed[index] && !isConstant(node) {
            let operands = operands(of: NodeID(index))
            for operand in operands { result.copyConstant(operand, firstUse: node.origin, from: self, &newID) }
            result.copy(node, operands, from: self, &newID)
        }
        for port in outputs { result.copyConstant(port.value, firstUse: nil, from: self, &newID) }
        result.inputs = inputs.map { GraphPort($0.name, newID[Int($0.value.index)]) }
        result.outputs = outputs.map { GraphPort($0.name, newID[Int($0.value.index)]) }
        return result.withoutUnusedOperations()
    }

    private func neededNodes() -> [Bool] {
        var needed = [Bool](repeating: false, count: nodes.count)
        var pending = outputs.map(\.value)
        for node in nodeIDs where operation(of: node).hasEffect {
            needed[Int(node.index)] = true
            pending += operands(of: node)
        }
        while let value = pending.popLast() {
            guard case .node(let node, _) = producer(of: value), !needed[Int(node.index)] else { continue }
            needed[Int(node.index)] = true
            pending += operands(of: node)
        }
        return needed
    }

    private mutating func append(_ value: Value) -> ValueID {
        values.append(value)
        return ValueID(values.count - 1)
    }

    private func isConstant(_ node: Node) -> Bool { operations[Int(node.operation)] is Constant }

    /// Copies the node of a value if that is a constant and has not been copied.
    private mutating func copyConstant(
        _ value: ValueID, firstUse origin: Int32?, from source: Graph, _ newID: inout [ValueID]
    ) {
        guard newID[Int(value.index)] == ValueID(-1), case .node(let producer, _) = source.producer(of: value),
            source.isConstant(source.nodes[Int(producer.index)])
        else { return }
        let node = source.nodes[Int(producer.index)]
        let moved = Node(
            operation: node.operation, operandStart: 0, operandCount: 0, firstResult: node.firstResult,
            resultCount: node.resultCount, origin: origin ?? node.origin)
        copy(moved, [], from: source, &newID)
    }

    private mutating func copy(
        _ node: Node, _ operands: ArraySlice<ValueID>, from source: Graph, _ newID: inout [ValueID]
    ) {
        let id = NodeID(nodes.count)
        nodes.append(
            Node(
                operation: node.operation, operandStart: Int32(operandPool.count), operandCount: node.operandCount,
                firstResult: ValueID(values.count), resultCount: node.resultCount, origin: node.origin))
        operandPool += operands.map { newID[Int($0.index)] }
        for result in 0..<Int(node.resultCount) {
            let old = Int(node.firstResult.index) + result
            newID[old] = append(Value(type: source.values[old].type, producer: .node(id, result: result)))
        }
    }

    private func withoutUnusedOperations() -> Graph {
        var newID = [Int32](repeating: -1, count: operations.count)
        var result = self
        result.operations.removeAll(keepingCapacity: true)
        for (index, node) in nodes.enumerated() {
            let old = Int(node.operation)
            if newID[old] < 0 {
                newID[old] = Int32(result.operations.count)
                result.operations.append(operations[old])
            }
            result.nodes[index] = Node(
                operation: newID[old], operandStart: node.operandStart, operandCount: node.operandCount,
                firstResult: node.firstResult, resultCount: node.resultCount, origin: node.origin)
        }
        return result
    }
}
