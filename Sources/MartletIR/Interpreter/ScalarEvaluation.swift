import MartletCore

/// Evaluation of the scalar functions, element by element.
///
/// Integers wrap. Floating-point functions are computed in a wider type, or exactly, and rounded once. Nothing traps:
/// division by zero, shifts beyond the width and conversions out of range have the answers stated with each function.
enum ScalarEvaluation {
    /// Applies a function to operands of equal shape, or 0-d ones that stand for their broadcast.
    ///
    /// - Throws: `type.elements` where the function does not take these element types, `run.shapes-differ`.
    static func apply(
        _ function: ScalarOp, _ operands: [HostTensor], to type: ElementType
    ) throws -> HostTensor {
        guard operands.count == function.arity else {
            throw Diagnostic("type.operand-count", "'\(function.rawValue)' takes \(function.arity) operands")
        }
        let shape = try commonShape(operands)
        switch function {
        case .cast: return try cast(operands[0], to: type)
        case .bitcast: return try bitcast(operands[0], to: type)
        case .select: return try select(operands[0], operands[1], operands[2], shape)
        default: return try arithmetic(function, operands, to: type)
        }
    }

    private static func commonShape(_ operands: [HostTensor]) throws -> [Int] {
        let shape = operands.first { !$0.shape.isEmpty }?.shape ?? []
        guard operands.allSatisfy({ $0.shape.isEmpty || $0.shape == shape }) else {
            let shapes = operands.map(\.description).joined(separator: ", ")
            throw Diagnostic("run.shapes-differ", "operands differ in shape: \(shapes)")
        }
        return shape
    }

    private static func arithmetic(
        _ function: ScalarOp, _ operands: [HostTensor], to type: ElementType
    ) throws -> HostTensor {
        let element = operands[0].type
        guard operands.allSatisfy({ $0.type == element }) else { throw unfit(function, operands) }
        let result: HostTensor?
        switch element {
        case .bool: result = try bool(function, operands)
        case .float32: result = try float(function, operands, Float.self)
        case .float64: result = try float(function, operands, Double.self)
        case .bfloat16: result = try float(function, operands, BFloat16.self)
        case .float16: result = try float16(function, operands)
        case .string: result = try string(function, operands)
        case .complex64, .complex128: result = nil
        default: result = try element.isInteger ? integer(function, operands) : wide(function, operands, .float64)
        }
        guard let result else { throw unfit(function, operands) }
        return try function.isComparison ? result : cast(result, to: type)
    }

    /// The function on operands converted to a wider type that holds them exactly; the caller rounds the result.
    static func wide(
        _ function: ScalarOp, _ operands: [HostTensor], _ type: ElementType
    ) throws -> HostTensor? {
        let converted = try operands.map { try cast($0, to: type) }
        let result = try arithmetic(function, converted, to: type)
        return try function.isComparison ? result : cast(result, to: operands[0].type)
    }

    private static func float16(_ function: ScalarOp, _ operands: [HostTensor]) throws -> HostTensor? {
        #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
            return try float(function, operands, Float16.self)
        #else
            return try wide(function, operands, .float64)
        #endif
    }

    private static func unfit(_ function: ScalarOp, _ operands: [HostTensor]) -> Diagnostic {
        let types = operands.map(\.type.name).joined(separator: ", ")
        return Diagnostic("type.elements", "'\(function.rawValue)' does not take \(types)")
    }

    private static func bitcast(_ x: HostTensor, to type: ElementType) throws -> HostTensor {
        guard x.type.bitWidth == type.bitWidth, type != .string else {
            throw Diagnostic("type.elements", "'bitcast' cannot make \(type.name) of \(x.type.name)")
        }
        return try HostTensor(type: type, shape: x.shape, storage: x.storage, byteOffset: x.byteOffset)
    }
}
