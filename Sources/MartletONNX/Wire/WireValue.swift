public import MartletCore

/// A value at a model's boundary, as data files hold it.
public indirect enum WireValue: Sendable {
    case tensor(HostTensor)
    case sparse(SparseHostTensor)
    case sequence([WireValue])
    case optional(WireValue?)
    case map(WireMap)
}

/// Values by keys, in the order of the file.
public struct WireMap: Sendable {
    /// The keys of a map.
    public enum Keys: Sendable, Equatable {
        /// Keys of an integer type.
        case integers([Int64], ElementType)
        case strings([String])
    }

    /// The keys.
    public var keys: Keys
    /// As many values as keys.
    public var values: [WireValue]

    /// A map of its parts.
    public init(keys: Keys, values: [WireValue]) {
        self.keys = keys
        self.values = values
    }
}

extension WireValue {
    /// Reads a data file such as `input_0.pb`.
    ///
    /// - Parameters:
    ///   - path: the file; it is mapped, and tensors may refer to the mapping.
    ///   - type: the declared type of the graph's input or output, which says what message the file holds;
    ///     nil for a tensor.
    /// - Throws: `Diagnostic` if the file cannot be opened or is no such message.
    public static func read(path: String, type: TypeProto?) throws -> WireValue {
        do {
            return try WireValue(decoding: WireSource(mapping: path).all, type: type)
        } catch let error as Diagnostic {
            throw error.at(.file(path: path, offset: nil))
        }
    }

    /// Reads a value from the bytes of a data file.
    ///
    /// - Throws: `Diagnostic` if they are not the message that `type` asks for.
    public init(decoding slice: WireSlice, type: TypeProto?) throws {
        switch type?.value {
        case nil, .tensor: self = .tensor(try TensorProto(slice: slice).hostTensor())
        case .sparseTensor: self = .sparse(try SparseTensorProto(slice: slice).sparseHostTensor())
        case .sequence: self = .sequence(try SequenceProto(slice: slice).values())
        case .optional: self = .optional(try OptionalProto(slice: slice).value())
        case .map: self = .map(try MapProto(slice: slice).map())
        case .opaque: throw Diagnostic("onnx.opaque", "values of opaque types cannot be read")
        }
    }

    /// The bytes of a data file that holds the value.
    ///
    /// - Throws: `Diagnostic` (`onnx.sequence`) for a sequence or map of values of several kinds.
    public func encoded(name: String = "") throws -> [UInt8] {
        var writer = ProtoWriter()
        switch self {
        case .tensor(let tensor): TensorProto(tensor, name: name).write(to: &writer)
        case .sparse(let tensor): SparseTensorProto(tensor, name: name).write(to: &writer)
        case .sequence(let values): try SequenceProto(values, name: name).write(to: &writer)
        case .optional(let value): try OptionalProto(value, name: name).write(to: &writer)
        case .map(let map): try MapProto(map, name: name).write(to: &writer)
        }
        return writer.finished()
    }

    /// Writes a data file.
    ///
    /// - Throws: `Diagnostic` if it cannot be written; see also `encoded`.
    public func write(to path: String, name: String = "") throws {
        try AtomicFile.write(try encoded(name: name), to: path)
    }
}

// MARK: - Messages to values

extension SequenceProto {
    fileprivate func values() throws -> [WireValue] {
        switch HeldKind(rawValue: kind) {
        case .undefined?, .tensor?: try tensors.map { .tensor(try $0.hostTensor()) }
        case .sparseTensor?: try sparseTensors.map { .sparse(try $0.sparseHostTensor()) }
        case .sequence?: try sequences.map { .sequence(try $0.values()) }
        case .map?: try maps.map { .map(try $0.map()) }
        case .optional?: try optionals.map { .optional(try $0.value()) }
        case nil: throw Diagnostic("onnx.sequence", "a sequence holds values of unknown kind \(kind)")
        }
    }
}

extension OptionalProto {
    fileprivate func value() throws -> WireValue? {
        switch HeldKind(rawValue: kind) {
        case .undefined?: nil
        case .tensor?: try tensor.map { .tensor(try $0.hostTensor()) }
        case .sparseTensor?: try sparseTensor.map { .sparse(try $0.sparseHostTensor()) }
        case .sequence?: try sequence.map { .sequence(try $0.values()) }
        case .map?: try map.map { .map(try $0.map()) }
        case .optional?: try optional.first.map { .optional(try $0.value()) }
        case nil: throw Diagnostic("onnx.optional", "an optional holds a value of unknown kind \(kind)")
        }
    }
}

extension MapProto {
    fileprivate func map() throws -> WireMap {
        guard let type = ElementType(onnxCode: Int(keyType)), type == .string || type.isInteger else {
            throw Diagnostic("onnx.map", "a map has keys of type \(keyType)")
        }
        let values = try values.first?.values() ?? []
        let count = type == .string ? stringKeys.count : keys.count
        guard count == values.count else {
            throw Diagnostic("onnx.map", "a map has \(count) keys and \(values.count) values")
        }
        return WireMap(keys: type == .string ? .strings(stringKeys) : .integers(keys, type), values: values)
    }
}

// MARK: - Values to messages

extension SequenceProto {
    fileprivate init(_ values: [WireValue], name: String = "") throws {
        self.name = name
        kind = (values.first?.held ?? .tensor).rawValue
        for value in values {
            guard value.held.rawValue == kind else {
                throw Diagnostic("onnx.sequence", "a sequence holds values of several kinds")
            }
            switch value {
            case .tensor(let tensor): tensors.append(TensorProto(tensor))
            case .sparse(let tensor): sparseTensors.append(SparseTensorProto(tensor))
            case .sequence(let values): sequences.append(try SequenceProto(values))
            case .optional(let value): optionals.append(try OptionalProto(value))
            case .map(let map): maps.append(try MapProto(map))
            }
        }
    }
}

extension OptionalProto {
    fileprivate init(_ value: WireValue?, name: String = "") throws {
        self.name = name
        kind = (value?.held ?? .undefined).rawValue
        switch value {
        case nil: break
        case .tensor(let held): tensor = TensorProto(held)
        case .sparse(let held): sparseTensor = SparseTensorProto(held)
        case .sequence(let held): sequence = try SequenceProto(held)
        case .optional(let held): optional = [try OptionalProto(held)]
        case .map(let held): map = try MapProto(held)
        }
    }
}

extension MapProto {
    fileprivate init(_ map: WireMap, name: String = "") throws {
        self.name = name
        switch map.keys {
        case .integers(let integers, let type): (keys, keyType) = (integers, Int32(type.onnxCode))
        case .strings(let strings): (stringKeys, keyType) = (strings, Int32(ElementType.string.onnxCode))
        }
        values = [try SequenceProto(map.values)]
    }
}

extension WireValue {
    fileprivate var held: HeldKind {
        switch self {
        case .tensor: .tensor
        case .sparse: .sparseTensor
        case .sequence: .sequence
        case .optional: .optional
        case .map: .map
        }
    }
}
