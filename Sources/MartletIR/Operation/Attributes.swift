public import MartletCore

/// One attribute of an operation, as it is printed, hashed and read back.
public enum AttributeValue: Hashable, Sendable {
    case int(Int)
    case ints([Int])
    case dim(IntExpr)
    case dims([IntExpr])
    case type(ElementType)
    /// Types of tensors, such as the results of a branch.
    case types([TensorType])
    case word(String)
    case text(String)
    case flag(Bool)
    /// A constant tensor, known by the hash of its content.
    case tensor(ConstantTensor)
    /// A nested graph.
    case graph(GraphReference)
}

/// A named attribute.
public struct Attribute: Hashable, Sendable {
    public let name: String
    public let value: AttributeValue

    public init(_ name: String, _ value: AttributeValue) {
        self.name = name
        self.value = value
    }
}

/// Attributes read from a text, handed to an operation's initializer.
///
/// Every accessor throws `text.attribute` when the attribute is missing or of another kind.
public struct AttributeReader {
    private let values: [String: AttributeValue]
    private let operation: String

    /// Makes a reader of the attributes of `operation`.
    public init(operation: String, _ attributes: [Attribute]) {
        self.operation = operation
        values = Dictionary(attributes.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    public func int(_ name: String) throws -> Int {
        switch values[name] {
        case .int(let value): return value
        case .dim(let value): if let constant = value.constant { return constant }
        default: break
        }
        throw missing(name, "an integer")
    }

    public func ints(_ name: String) throws -> [Int] {
        switch values[name] {
        case .ints(let list): return list
        case .dims(let list):
            let constants = list.compactMap(\.constant)
            if constants.count == list.count { return constants }
        default: break
        }
        throw missing(name, "a list of integers")
    }

    public func dim(_ name: String) throws -> IntExpr {
        switch values[name] {
        case .dim(let value): return value
        case .int(let value): return IntExpr(value)
        default: throw missing(name, "a size")
        }
    }

    public func dims(_ name: String) throws -> [IntExpr] {
        switch values[name] {
        case .dims(let list): return list
        case .ints(let list): return list.map { IntExpr($0) }
        default: throw missing(name, "a list of sizes")
        }
    }

    public func type(_ name: String) throws -> ElementType {
        guard case .type(let value) = values[name] else { throw missing(name, "an element type") }
        return value
    }

    public func word(_ name: String) throws -> String {
        switch values[name] {
        case .word(let value), .text(let value): return value
        // A word that happens to be spelled like an element type.
        case .type(let value): return value.name
        default: throw missing(name, "a word")
        }
    }

    public func types(_ name: String) throws -> [TensorType] {
        guard case .types(let value) = values[name] else { throw missing(name, "a list of tensor types") }
        return value
    }

    /// Whether the attribute is there.
    public func has(_ name: String) -> Bool { values[name] != nil }

    public func flag(_ name: String) throws -> Bool {
        guard case .flag(let value) = values[name] else { throw missing(name, "true or false") }
        return value
    }

    public func tensor(_ name: String) throws -> HostTensor {
        guard case .tensor(let value) = values[name] else { throw missing(name, "a tensor") }
        return value.tensor
    }

    public func graph(_ name: String) throws -> Graph {
        guard case .graph(let value) = values[name] else { throw missing(name, "a graph") }
        return value.graph
    }

    private func missing(_ name: String, _ kind: String) -> Diagnostic {
        Diagnostic("text.attribute", "operation '\(operation)' needs attribute '\(name)', \(kind)")
    }
}

/// A constant tensor that compares by content for small tensors and by storage for large ones.
public struct ConstantTensor: Hashable, Sendable {
    /// The value.
    public let tensor: HostTensor
    private let key: StableHash

    /// Tensors above this size are told apart by their storage: hashing gigabytes of weights at import buys nothing.
    private static let contentLimit = 1 << 16

    public init(_ tensor: HostTensor) {
        self.tensor = tensor
        var hash = StableHash()
        hash.combine(tensor.type.name)
        for extent in tensor.shape { hash.combine(extent) }
        if tensor.type == .string {
            for string in tensor.strings { hash.combine(string) }
        } else {
            tensor.withUnsafeBytes { bytes in
                if bytes.count <= Self.contentLimit {
                    hash.combine(bytes)
                } else {
                    hash.combine(Int(bitPattern: bytes.baseAddress))
                }
            }
        }
        key = hash
    }

    public static func == (left: ConstantTensor, right: ConstantTensor) -> Bool { left.key == right.key }
    public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// A nested graph as an attribute; never interned, so it compares by identity.
public struct GraphReference: Hashable, Sendable {
    private final class Box: Sendable {
        let graph: Graph
        init(_ graph: Graph) { self.graph = graph }
    }
    private let box: Box

    public init(_ graph: Graph) { box = Box(graph) }
    public var graph: Graph { box.graph }
    public static func == (left: GraphReference, right: GraphReference) -> Bool { left.box === right.box }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(box)) }
}
