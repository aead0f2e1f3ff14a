public import MartletCore

/// A tensor of the library: concrete, or a value of the graph that the current task records.
///
/// Library functions are written once over `Tensor`. Called with concrete tensors and no recorder they compute at once;
/// under a recorder (import, `trace`) they build the graph. Operators such as `+` keep an error inside the tensor; the
/// next throwing call throws it.
public struct Tensor: Sendable {
    enum Payload: Sendable {
        case concrete(HostTensor)
        case recorded(Recorder, ValueID)
        case failed(Diagnostic)
    }
    let payload: Payload

    init(_ payload: Payload) { self.payload = payload }

    /// A concrete tensor.
    public init(_ tensor: HostTensor) { payload = .concrete(tensor) }

    /// A 0-d tensor of that element type holding `value`, rounded to the type.
    public init(_ value: Double, as type: ElementType) throws {
        self.init(try HostTensor.fromDoubles([value], as: type, shape: []))
    }

    /// Type and shape.
    public var type: TensorType {
        get throws {
            switch payload {
            case .concrete(let tensor): return TensorType(tensor.type, tensor.shape.map { IntExpr($0) })
            case .recorded(let recorder, let value): return recorder.type(of: value)
            case .failed(let diagnostic): throw diagnostic
            }
        }
    }

    /// Extents.
    public var shape: [IntExpr] { get throws { try type.shape } }
    /// Element type.
    public var element: ElementType { get throws { try type.element } }
    /// Number of axes.
    public var rank: Int { get throws { try type.rank } }

    /// The value, where it is known now: concrete tensors and constants of the graph.
    public var concrete: HostTensor? {
        switch payload {
        case .concrete(let tensor): return tensor
        case .recorded(let recorder, let value): return recorder.constant(value)
        case .failed: return nil
        }
    }

    /// The elements of a small integer tensor as size expressions, where all are known.
    public var symbolicValues: [IntExpr]? {
        if let tensor = concrete {
            guard tensor.type.isInteger, let values = try? tensor.ints() else { return nil }
            return values.map { IntExpr(Int($0)) }
        }
        guard case .recorded(let recorder, let value) = payload else { return nil }
        return recorder.symbolicValues(value)
    }

    /// Throws the error that an operator kept in this tensor, if any.
    public func checked() throws -> Tensor {
        if case .failed(let diagnostic) = payload { throw diagnostic }
        return self
    }

    /// Applies an operation to tensors and gives its results.
    ///
    /// - Throws: the operation's diagnostic, or the error kept in an operand.
    public static func apply(_ operation: any Operation, _ operands: [Tensor]) throws -> [Tensor] {
        for operand in operands { _ = try operand.checked() }
        if let recorder = try Recorder.governing(operands) { return try recorder.apply(operation, operands) }
        let tensors = operands.compactMap(\.concrete)
        let scope = EagerScope()
        let types = tensors.map { TensorType($0.type, $0.shape.map { IntExpr($0) }) }
        do {
            _ = try operation.resultTypes(of: types, in: scope)
            return try operation.evaluate(tensors, in: ConstantContext()).map { Tensor($0) }
        } catch let diagnostic as Diagnostic {
            throw diagnostic.at(.node(name: "", operator: Swift.type(of: operation).name, file: nil))
        }
    }

    /// Applies an operation of one result.
    public static func apply(_ operation: any Operation, _ operands: Tensor...) throws -> Tensor {
        try apply(operation, operands)[0]
    }

    /// Applies an operation of one result and keeps an error in the tensor; for operators that cannot throw.
    static func attempt(_ body: () throws -> Tensor) -> Tensor {
        do {
            return try body()
        } catch let diagnostic as Diagnostic {
            return Tensor(.failed(diagnostic))
        } catch {
            return Tensor(.failed(Diagnostic("tensor.failed", "\(error)")))
        }
    }
}

/// Type scope of eager evaluation: all sizes are constants.
struct EagerScope: TypeScope {
    var ranges: SymbolRanges { SymbolRanges() }
    func freshSymbol(_ name: String, lower: Int, upper: IntExpr?) -> Symbol { Symbol(id: UInt32.max >> 1) }
    func require(_ left: IntExpr, equals right: IntExpr, _ what: @autoclosure () -> String) throws {
        if left != right { throw Diagnostic("type.sizes-differ", "\(what()): \(left) and \(right) differ") }
    }
}
