public import MartletCore
public import MartletIR

/// An operation that can be written as nodes of ONNX.
///
/// All primitives conform. A kept function of the library conforms where ONNX has an operator for it; elsewhere it is
/// expanded before the export.
public protocol ONNXExportable: MartletIR.Operation {
    /// Whether `export` has a form in that version of ai.onnx.
    func isExportable(opset: Int) -> Bool

    /// Adds the nodes that compute the results, and states the results' names in `node.results`.
    ///
    /// - Throws: a diagnostic where the operator set has no form for this operation.
    func export(into node: inout ExportedNode) throws
}

extension ONNXExportable {
    public func isExportable(opset: Int) -> Bool { true }
}

/// A node of a graph while it is written as nodes of ONNX.
///
/// Values are named: operands by `operand`, constants and sizes by the functions that make them, results of nodes by
/// `add`, which appends a node. Equal constants are stored once.
public struct ExportedNode {
    /// Types of the operands.
    public let operandTypes: [TensorType]
    /// Types of the results.
    public let resultTypes: [TensorType]
    /// Whether each result is used; the others need no name but `""`.
    public let isUsed: [Bool]
    /// Names of the results; to be set by `export`.
    public var results: [String] = []

    let scope: GraphExport
    let operands: [ValueID]
    /// Names of the source nodes, for the nodes that are added.
    let origin: [String]

    init(_ node: NodeID, in scope: GraphExport) {
        self.scope = scope
        operands = Array(scope.graph.operands(of: node))
        operandTypes = operands.map { scope.graph.type(of: $0) }
        resultTypes = scope.graph.results(of: node).map { scope.graph.type(of: $0) }
        origin = scope.graph.origins(of: node)
        isUsed = scope.graph.results(of: node).map { scope.isUsed($0) }
    }

    /// Name of the source node; empty where there is none.
    public var name: String { origin.last ?? "" }

    /// Version of ai.onnx that is written.
    public var opset: Int { scope.model.opset }

    // MARK: Operands

    /// Name of an operand.
    public func operand(_ position: Int) throws -> String { try scope.name(of: operands[position]) }

    /// Names of all operands.
    public func operandNames() throws -> [String] { try operands.map { try scope.name(of: $0) } }

    /// The tensor that an operand is, where it is constant.
    public func constantOperand(_ position: Int) -> HostTensor? { scope.graph.constant(operands[position]) }

    // MARK: Nodes

    /// Appends a node of one result and gives the result's name.
    public mutating func add(
        _ opType: String, _ inputs: [String], _ attributes: [AttributeProto] = [], domain: String = ""
    ) -> String {
        scope.add(opType, inputs, attributes, domain: domain, origin: origin, resultCount: 1)[0]
    }

    /// Appends a node and gives the names of its results.
    public mutating func add(
        _ opType: String, _ inputs: [String], _ attributes: [AttributeProto] = [], resultCount: Int
    ) -> [String] {
        scope.add(opType, inputs, attributes, domain: "", origin: origin, resultCount: resultCount)
    }

    // MARK: Constants and sizes

    /// Name of a constant.
    public func constant(_ tensor: HostTensor) -> String { scope.model.constant(tensor, near: name) }

    /// Name of a 0-d constant of that type.
    public func scalar(_ value: Double, _ type: ElementType) throws -> String {
        constant(try HostTensor.fromDoubles([value], as: type, shape: []))
    }

    /// Name of an `i64` vector.
    public func integers(_ values: [Int]) throws -> String {
        constant(try HostTensor(values.map { Int64($0) }, shape: [values.count]))
    }

    /// Name of a size as an `i64` vector of one element.
    public func size(_ expression: IntExpr) throws -> String { try scope.size(expression) }

    /// Name of a size as a 0-d `i64`.
    public func scalarSize(_ expression: IntExpr) throws -> String { try scope.scalarSize(expression) }

    /// Name of sizes as an `i64` vector.
    public func sizes(_ expressions: [IntExpr]) throws -> String { try scope.sizes(expressions) }

    // MARK: Frequent nodes

    /// The value in another element type.
    public mutating func cast(_ value: String, from source: ElementType, to target: ElementType) -> String {
        source == target ? value : add("Cast", [value], [.int("to", target.onnxCode)])
    }

    /// The value with its axes permuted.
    public mutating func transpose(_ value: String, _ permutation: [Int]) -> String {
        if permutation == Array(permutation.indices) { return value }
        return add("Transpose", [value], [.ints("perm", permutation)])
    }

    /// The value with axes of extent 1 inserted, at positions in the result.
    public mutating func unsqueeze(_ value: String, _ axes: [Int]) throws -> String {
        axes.isEmpty ? value : add("Unsqueeze", [value, try integers(axes)])
    }

    /// The value without axes of extent 1.
    public mutating func squeeze(_ value: String, _ axes: [Int]) throws -> String {
        axes.isEmpty ? value : add("Squeeze", [value, try integers(axes)])
    }

    /// An error about this node that no form of ONNX can express it.
    public func unsupported(_ message: String, help: String? = nil) -> Diagnostic {
        Diagnostic("export.unsupported", message, at: .node(name: name, operator: "", file: nil), help: help)
    }
}

extension AttributeProto {
    /// An integer attribute.
    static func int(_ name: String, _ value: Int) -> AttributeProto { AttributeProto(name, .int(Int64(value))) }

    /// A list of integers.
    static func ints(_ name: String, _ values: [Int]) -> AttributeProto {
        AttributeProto(name, .ints(values.map { Int64($0) }))
    }
}
