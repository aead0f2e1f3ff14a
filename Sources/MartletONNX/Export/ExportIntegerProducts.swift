import MartletCore
import MartletIR

// Products of bytes with zero points: MatMulInteger and ConvInteger.

extension ExportedNode {
    /// The inputs of an operator on bytes for two operands, with their zero points; nil where they are none.
    ///
    /// - Parameter channelAxis: axis of the second operand along which its zero points may differ.
    mutating func byteInputs(_ values: [ValueID], channelAxis: Int?) throws -> [String]? {
        guard let left = try byteOperand(values[0], channelAxis: nil),
            let right = try byteOperand(values[1], channelAxis: channelAxis)
        else { return nil }
        var inputs = [left.value, right.value]
        if left.zeroPoint != nil || right.zeroPoint != nil { inputs.append(left.zeroPoint ?? "") }
        if let zeroPoint = right.zeroPoint { inputs.append(zeroPoint) }
        return inputs
    }

    private typealias ByteOperand = (value: String, zeroPoint: String?)

    private mutating func byteOperand(_ value: ValueID, channelAxis: Int?) throws -> ByteOperand? {
        if scope.graph.type(of: value).element.isByte { return (try scope.name(of: value), nil) }
        if let constant = scope.graph.constant(value) { return try byteConstant(constant).map { ($0, nil) } }
        guard let difference = scope.definition(of: value, as: .sub), let bytes = bytes(difference[0]),
            let zeroPoint = try zeroPoint(difference[1], scope.graph.type(of: bytes).element, channelAxis)
        else { return nil }
        return (try scope.name(of: bytes), zeroPoint)
    }

    /// What a cast makes of bytes is made of.
    private func bytes(_ value: ValueID) -> ValueID? {
        guard let cast = scope.definition(of: value, as: .cast), scope.graph.type(of: cast[0]).element.isByte else {
            return nil
        }
        return cast[0]
    }

    /// The zero point as a scalar, or as a vector along the axis.
    private mutating func zeroPoint(_ value: ValueID, _ type: ElementType, _ channelAxis: Int?) throws -> String? {
        var inner = value
        while let found = scope.definition(of: inner), scope.graph.constant(inner) == nil {
            let shape = scope.graph.type(of: found.operands.first ?? inner).shape
            if let broadcast = found.operation as? MartletIR.Broadcast {
                guard shape.allSatisfy({ $0 == 1 }) || (channelAxis.map { broadcast.axes == [$0] } ?? false) else {
                    return nil
                }
            } else if !(found.operation is MartletIR.Reshape && shape.allSatisfy { $0 == 1 }) {
                break
            }
            inner = found.operands[0]
        }
        let shape = scope.graph.type(of: inner).shape
        let target: [IntExpr] = shape.allSatisfy { $0 == 1 } ? [] : shape
        guard target.isEmpty || (channelAxis != nil && target.count == 1) else { return nil }
        if let constant = scope.graph.constant(inner) {
            let values = try constant.ints()
            guard values.allSatisfy({ type.holds($0) }) else { return nil }
            return self.constant(try HostTensor.fromInts(values, as: type, shape: target.compactMap(\.constant)))
        }
        guard let bytes = bytes(inner), scope.graph.type(of: bytes).element == type else { return nil }
        return try reshape(try scope.name(of: bytes), shape, to: target)
    }

    /// Integers that fit a byte as bytes.
    private func byteConstant(_ tensor: HostTensor) throws -> String? {
        guard tensor.type == .int32 else { return nil }
        let values = try tensor.ints()
        for type in [ElementType.int8, .uint8] where values.allSatisfy({ type.holds($0) }) {
            return constant(try HostTensor.fromInts(values, as: type, shape: tensor.shape))
        }
        return nil
    }
}

extension GraphExport {
    /// The operands of a map of that function that makes a value.
    func definition(of value: ValueID, as function: ScalarOp) -> [ValueID]? {
        guard let found = definition(of: value), let map = found.operation as? MartletIR.Map, map.function == function
        else { return nil }
        return found.operands
    }
}

extension ElementType {
    /// Whether it is one of the integers of 8 bits.
    fileprivate var isByte: Bool { self == .int8 || self == .uint8 }

    fileprivate func holds(_ value: Int64) -> Bool {
        guard let lowest = lowestInteger, let highest = highestInteger else { return false }
        return (Int64(lowest)...Int64(highest)).contains(value)
    }
}
