import MartletCore
public import MartletIR

/// An operator of ONNX: one file of `Operators`, found by the plugin `RegisterTypes`.
///
/// A conforming type is an `enum` without cases, declared on a line `enum Name: ONNXOperator`.
public protocol ONNXOperator: SendableMetatype {
    /// Domain; empty is ai.onnx.
    static var domain: String { get }
    /// Name in a model's nodes; without it the type's name. A type whose name would hide one of Swift's is called
    /// `NameOperator`.
    static var name: String { get }
    /// Versions of the operator set in which the operator changed in a way that matters here, ascending; the first is
    /// the one that it came with.
    static var versions: [Int] { get }
    /// Gives the node's results in order; nil for one that cannot be given, which is an error only if it is wanted.
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?]
}

extension ONNXOperator {
    public static var domain: String { "" }
    public static var versions: [Int] { [1] }

    public static var name: String {
        let own = "\(Self.self)"
        let suffix = "Operator"
        return own.hasSuffix(suffix) ? String(own.dropLast(suffix.count)) : own
    }
}

/// An operator that takes one of two graphs. The importer imports them, with the rest of the graph where it must.
protocol BranchOperator: ONNXOperator {}

/// The operators that can be imported.
struct OperatorTable: Sendable {
    /// A name with its domain.
    struct Key: Hashable, Sendable {
        let domain: String
        let name: String

        init(_ domain: String, _ name: String) {
            self.domain = domain == "ai.onnx" ? "" : domain
            self.name = name
        }
    }

    /// All operators of this module.
    static let all = OperatorTable(ONNXOperatorList.all)

    private let types: [Key: any ONNXOperator.Type]

    init(_ list: [any ONNXOperator.Type]) {
        types = Dictionary(list.map { (Key($0.domain, $0.name), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The operator of that name.
    subscript(domain: String, name: String) -> (any ONNXOperator.Type)? { types[Key(domain, name)] }

    /// Names of a domain, sorted.
    func names(in domain: String) -> [String] {
        types.keys.filter { $0 == Key(domain, $0.name) }.map(\.name).sorted()
    }
}
