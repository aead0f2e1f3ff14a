import MartletCore
public import MartletIR

extension MartletIR.Map: ONNXExportable {
    public func export(into node: inout ExportedNode) throws {
        let operands = try node.broadcastOperands()
        switch function {
        case .cast:
            node.results = [node.add("Cast", operands, [.int("to", node.resultTypes[0].element.onnxCode)])]
        case .bitcast: node.results = [try bitcast(operands, &node)]
        case .select: node.results = [try select(operands, &node)]
        case .and, .or, .xor, .not: node.results = [try logical(operands, &node)]
        case .shl, .shr: node.results = [try shift(operands, &node)]
        default: node.results = [try arithmetic(operands, &node)]
        }
    }

    private func bitcast(_ operands: [String], _ node: inout ExportedNode) throws -> String {
        let (source, target) = (node.operandTypes[0].element, node.resultTypes[0].element)
        // Casts between integers of one width keep the bits.
        if source.isInteger, target.isInteger { return node.cast(operands[0], from: source, to: target) }
        guard node.opset >= 26 else {
            throw node.unsupported(
                "bits of \(source.name) as \(target.name) need operator set 26", help: "export at 26 or later")
        }
        return node.add("BitCast", operands, [.int("to", target.onnxCode)])
    }

    private func logical(_ operands: [String], _ node: inout ExportedNode) throws -> String {
        let name = function == .and ? "And" : function == .or ? "Or" : function == .xor ? "Xor" : "Not"
        if node.operandTypes[0].element == .bool { return node.add(name, operands) }
        guard node.opset >= 18 else {
            throw node.unsupported(
                "bitwise '\(function.rawValue)' needs operator set 18", help: "export at 18 or later")
        }
        return node.add("Bitwise\(name)", operands)
    }

    /// Where does not take the smallest types, and ONNX Runtime not all others; casts that lose nothing help.
    private func select(_ operands: [String], _ node: inout ExportedNode) throws -> String {
        let element = node.resultTypes[0].element
        let carrier: ElementType
        switch element {
        case .bool, .int8, .int16, .uint16, .int2, .int4, .uint2, .uint4: carrier = .int32
        case .uint32, .uint64: carrier = .int64
        case let type where type.isFloatingPoint && type.bitWidth < 16: carrier = .float32
        default: carrier = element
        }
        if carrier == element { return node.add("Where", operands) }
        let choices = operands.dropFirst().map { node.cast($0, from: element, to: carrier) }
        return node.cast(node.add("Where", [operands[0]] + choices), from: carrier, to: element)
    }

    // MARK: Arithmetic

    /// Computes in a type that ONNX's operator takes.
    private func arithmetic(_ operands: [String], _ node: inout ExportedNode) throws -> String {
        let element = node.operandTypes[0].element
        if element == .bool, function == .max || function == .min {
            return node.add(function == .max ? "Or" : "And", operands)
        }
        let carrier = self.carrier(of: element)
        let inputs = operands.map { node.cast($0, from: element, to: carrier) }
        let result = try compute(inputs, carrier, &node)
        return function.isComparison ? result : node.cast(result, from: carrier, to: element)
    }

    private func carrier(of element: ElementType) -> ElementType {
        switch element {
        case .bool: return function == .eq || function == .ne ? .bool : .int32
        case .int8, .int16, .uint8, .uint16: return .int32
        case .uint32: return .int64
        // Sums and products of 64 bits are the same bits with and without sign.
        case .uint64: return [.add, .sub, .mul, .eq, .ne].contains(function) ? .int64 : .uint64
        case .float16, .bfloat16: return [.expm1, .log1p, .atan2].contains(function) ? .float32 : element
        default: return element
        }
    }

    private func compute(_ inputs: [String], _ type: ElementType, _ node: inout ExportedNode) throws -> String {
        if let name = Self.operators[function] { return node.add(name, inputs) }
        switch function {
        case .max:
            return type.isFloatingPoint && isZero(node.constantOperand(1))
                ? node.add("Relu", [inputs[0]]) : node.add("Max", inputs)
        case .ne:
            let isNaN = inputs[0] == inputs[1] && type.isFloatingPoint
            return isNaN ? node.add("IsNaN", [inputs[0]]) : node.add("Not", [node.add("Equal", inputs)])
        case .rem:
            let rest = node.add("Mod", [inputs[0], try node.divisor(inputs[1], type)], [.int("fmod", 1)])
            return try node.guarded(rest, inputs[1], type)
        case .div:
            let quotient = node.add("Div", [inputs[0], try node.divisor(inputs[1], type)])
            return try node.guarded(quotient, inputs[1], type)
        case .neg: return try negated(inputs[0], type, &node)
        case .trunc:
            let isNegative = node.add("Less", [inputs[0], try node.scalar(0, type)])
            return node.add("Where", [isNegative, node.add("Ceil", inputs), node.add("Floor", inputs)])
        case .expm1: return try node.expm1(inputs[0], type)
        case .log1p: return try node.log1p(inputs[0], type)
        case .atan2: return try node.atan2(inputs[0], inputs[1], type)
        default: throw node.unsupported("'\(function.rawValue)' has no form in ONNX")
        }
    }

    private static let operators: [ScalarOp: String] = [
        .add: "Add", .sub: "Sub", .mul: "Mul", .pow: "Pow", .min: "Min", .abs: "Abs", .sign: "Sign",
        .floor: "Floor", .ceil: "Ceil", .round: "Round", .exp: "Exp", .log: "Log", .sqrt: "Sqrt", .sin: "Sin",
        .cos: "Cos", .tanh: "Tanh", .erf: "Erf", .eq: "Equal", .lt: "Less", .le: "LessOrEqual", .gt: "Greater",
        .ge: "GreaterOrEqual",
    ]

    private func isZero(_ tensor: HostTensor?) -> Bool {
        guard let tensor, tensor.shape.isEmpty, let value = try? tensor.doubles().first else { return false }
        return value == 0 && value.sign == .plus
    }

    private func negated(_ input: String, _ type: ElementType, _ node: inout ExportedNode) throws -> String {
        type.isSigned ? node.add("Neg", [input]) : node.add("Sub", [try node.scalar(0, type), input])
    }

    // MARK: Shifts

    /// BitShift takes unsigned integers only.
    private func shift(_ operands: [String], _ node: inout ExportedNode) throws -> String {
        let element = node.operandTypes[0].element
        guard let unsigned = element.unsignedCounterpart else {
            throw node.unsupported("shifts of \(element.name) have no form in ONNX")
        }
        let amount = node.cast(operands[1], from: element, to: unsigned)
        func moved(_ value: String, _ node: inout ExportedNode) -> String {
            let bits = node.cast(value, from: element, to: unsigned)
            let direction = function == .shl ? "LEFT" : "RIGHT"
            let shifted = node.add("BitShift", [bits, amount], [AttributeProto("direction", string: direction)])
            return node.cast(shifted, from: unsigned, to: element)
        }
        guard element.isSigned, function == .shr else { return moved(operands[0], &node) }
        // A negative x is shifted as -(x + 1), which is not negative.
        let one = try node.scalar(1, element)
        let mirrored = node.add("Neg", [node.add("Add", [operands[0], one])])
        let shifted = node.add("Sub", [node.add("Neg", [moved(mirrored, &node)]), one])
        let isNegative = node.add("Less", [operands[0], try node.scalar(0, element)])
        return node.add("Where", [isNegative, shifted, moved(operands[0], &node)])
    }
}

// ONNX leaves integer division by 0 open, and some engines stop at it; the primitives give 0.
extension ExportedNode {
    /// The divisor with 1 in place of 0, where that may occur.
    fileprivate mutating func divisor(_ value: String, _ type: ElementType) throws -> String {
        guard type.isInteger, mayBeZero(operands[1]) else { return value }
        return add("Where", [add("Equal", [value, try scalar(0, type)]), try scalar(1, type), value])
    }

    /// The quotient, or 0 where the divisor is.
    fileprivate mutating func guarded(_ result: String, _ divisor: String, _ type: ElementType) throws -> String {
        guard type.isInteger, mayBeZero(operands[1]) else { return result }
        return add("Where", [add("Equal", [divisor, try scalar(0, type)]), try scalar(0, type), result])
    }

    private func mayBeZero(_ value: ValueID) -> Bool {
        guard let found = scope.definition(of: value) else { return true }
        if let constant = found.operation as? MartletIR.Constant {
            return (try? constant.tensor.ints().contains(0)) ?? true
        }
        if let dimension = found.operation as? MartletIR.Dimension {
            return dimension.expression.isAtLeast(1, scope.model.symbols.ranges) != .yes
        }
        let isView = found.operation is MartletIR.Broadcast || found.operation is MartletIR.Reshape
        return !isView || mayBeZero(found.operands[0])
    }
}

extension ElementType {
    /// The unsigned integer type of the same width.
    fileprivate var unsignedCounterpart: ElementType? {
        guard isInteger, !isPacked else { return nil }
        switch bitWidth {
        case 8: return .uint8
        case 16: return .uint16
        case 32: return .uint32
        default: return .uint64
        }
    }
}
