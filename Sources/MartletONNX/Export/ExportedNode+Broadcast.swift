import MartletCore
public import MartletIR

// Broadcasts are written where a consumer needs them; the consumers that broadcast by NumPy's rule take the operand.

extension MartletIR.Broadcast: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let operand = try node.operand(0)
        let aligned = try node.align(operand, constant: node.constantOperand(0), with: self)
        let carried = carriedAxes(node.operandTypes[0].shape)
        let target = shape.enumerated().map { carried.contains($0.offset) ? 1 : $0.element }
        // An axis that only has to be there is done with the alignment, unless leading ones are missing.
        let isDone = target.allSatisfy { $0 == 1 } && axes.first ?? shape.count == 0
        node.results = [isDone ? aligned : node.add("Expand", [aligned, try node.sizes(target)])]
    }

    /// Axes of the result that have their full extent in the operand.
    func carriedAxes(_ operandShape: [IntExpr]) -> [Int] {
        zip(axes, operandShape).filter { axis, extent in extent == shape[axis] }.map(\.0)
    }
}

extension ExportedNode {
    /// A value whose axes stand at the right places, counted from the end, for broadcasting by NumPy's rule.
    fileprivate mutating func align(
        _ value: String, constant: HostTensor?, with broadcast: MartletIR.Broadcast
    ) throws -> String {
        guard let first = broadcast.axes.first else { return value }
        let missing = (first..<broadcast.shape.count).filter { !broadcast.axes.contains($0) }.map { $0 - first }
        if missing.isEmpty { return value }
        guard let constant else { return try unsqueeze(value, missing) }
        var shape = constant.shape
        for axis in missing { shape.insert(1, at: axis) }
        return self.constant(try constant.reshaped(shape))
    }

    /// Names of operands of an operator that broadcasts by NumPy's rule; broadcasts that it does are left to it.
    mutating func broadcastOperands() throws -> [String] {
        let pending = operands.map { scope.pendingBroadcast($0) }
        let hasFull = zip(pending, operandTypes).contains { $0 == nil && $1.rank > 0 }
        var mustExpand = !hasFull && !isCovered(pending.compactMap(\.self))
        return try operands.indices.map { position in
            guard let broadcast = pending[position], !mustExpand else {
                // One operand of the full shape is enough.
                if pending[position] != nil { mustExpand = false }
                return try operand(position)
            }
            return try compactName(broadcast)
        }
    }

    /// The operand of a broadcast, aligned.
    mutating func compactName(_ broadcast: (operation: MartletIR.Broadcast, operand: ValueID)) throws -> String {
        try align(
            try scope.name(of: broadcast.operand), constant: scope.graph.constant(broadcast.operand),
            with: broadcast.operation)
    }

    /// Whether the operands of broadcasts have the result's shape in common, by NumPy's rule.
    private func isCovered(_ pending: [(operation: MartletIR.Broadcast, operand: ValueID)]) -> Bool {
        guard let shape = pending.first?.operation.shape else { return true }
        return shape.indices.allSatisfy { axis in
            let extents = pending.compactMap { broadcast -> IntExpr? in
                guard let own = broadcast.operation.axes.firstIndex(of: axis) else { return nil }
                return scope.graph.type(of: broadcast.operand).shape[own]
            }
            if shape[axis] == 1 || extents.contains(shape[axis]) { return true }
            return isCommon(shape[axis], extents.filter { $0 != 1 })
        }
    }

    /// Whether an extent was made as the common one of two of which one may be 1; see `ShapeScope`.
    private func isCommon(_ extent: IntExpr, _ parts: [IntExpr]) -> Bool {
        guard parts.count == 2 else { return false }
        let (largest, smallest) = (IntExpr.max(parts[0], parts[1]), IntExpr.min(parts[0], parts[1]))
        return (largest * IntExpr.min(smallest, 1)).simplified(scope.model.symbols.ranges) == extent
    }
}
