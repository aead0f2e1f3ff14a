public import MartletCore

extension ImportedNode {
    /// An integer attribute.
    public func int(_ name: String) throws -> Int? {
        switch attributes[name]?.value {
        case nil: return nil
        case .int(let value): return Int(value)
        case .some(let value): throw wrong(name, value, "an integer")
        }
    }

    /// An integer attribute with a default.
    public func int(_ name: String, default other: Int) throws -> Int { try int(name) ?? other }

    /// An attribute that is 0 or 1.
    public func flag(_ name: String, default other: Bool = false) throws -> Bool {
        try int(name).map { $0 != 0 } ?? other
    }

    /// A list of integers.
    public func ints(_ name: String) throws -> [Int]? {
        switch attributes[name]?.value {
        case nil: return nil
        case .ints(let values): return values.map { Int($0) }
        case .some(let value): throw wrong(name, value, "a list of integers")
        }
    }

    /// A number.
    public func float(_ name: String) throws -> Double? {
        switch attributes[name]?.value {
        case nil: return nil
        case .float(let value): return Double(value)
        case .some(let value): throw wrong(name, value, "a number")
        }
    }

    /// A number with a default, which is rounded to float32 as numbers in a file are.
    public func float(_ name: String, default other: Float) throws -> Double { try float(name) ?? Double(other) }

    /// A list of numbers.
    public func floats(_ name: String) throws -> [Double]? {
        switch attributes[name]?.value {
        case nil: return nil
        case .floats(let values): return values.map { Double($0) }
        case .some(let value): throw wrong(name, value, "a list of numbers")
        }
    }

    /// A text.
    public func string(_ name: String) throws -> String? {
        switch attributes[name]?.value {
        case nil: return nil
        case .string(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .some(let value): throw wrong(name, value, "a text")
        }
    }

    /// A text with a default.
    public func string(_ name: String, default other: String) throws -> String { try string(name) ?? other }

    /// A list of texts.
    public func strings(_ name: String) throws -> [String]? {
        switch attributes[name]?.value {
        case nil: return nil
        case .strings(let values): return values.map { String(decoding: $0, as: UTF8.self) }
        case .some(let value): throw wrong(name, value, "a list of texts")
        }
    }

    /// A tensor.
    public func tensor(_ name: String) throws -> HostTensor? {
        switch attributes[name]?.value {
        case nil: return nil
        case .tensor(let value): return try context.model.hostTensor(value)
        case .some(let value): throw wrong(name, value, "a tensor")
        }
    }

    /// A sparse tensor, its zeros filled in.
    public func sparseTensor(_ name: String) throws -> HostTensor? {
        switch attributes[name]?.value {
        case nil: return nil
        case .sparseTensor(let value): return try context.model.dense(value)
        case .some(let value): throw wrong(name, value, "a sparse tensor")
        }
    }

    /// A graph, which must be there.
    public func graph(_ name: String) throws -> GraphProto {
        guard case .graph(let value) = attributes[name]?.value else {
            throw Diagnostic("onnx.attribute", "attribute '\(name)' must be a graph")
        }
        return value
    }

    /// An element type, by its number in ONNX.
    public func elementType(_ name: String) throws -> ElementType? {
        guard let code = try int(name) else { return nil }
        guard let type = ElementType(onnxCode: code) else {
            throw Diagnostic("onnx.element-type", "attribute '\(name)': element type \(code) is unknown")
        }
        return type
    }

    /// Whether the node has the attribute.
    public func has(_ name: String) -> Bool { attributes[name] != nil }

    /// The value of an attribute that must be there.
    public func required<Value>(_ name: String, _ value: Value?) throws -> Value {
        guard let value else { throw Diagnostic("onnx.attribute", "attribute '\(name)' is missing") }
        return value
    }

    private func wrong(_ name: String, _ value: AttributeProto.Value, _ expected: String) -> Diagnostic {
        Diagnostic("onnx.attribute", "attribute '\(name)' is a \(value.kind), but must be \(expected)")
    }
}
