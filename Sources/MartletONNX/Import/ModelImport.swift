import MartletCore
import MartletIR

/// One import of a model: what all its graphs share.
final class ModelImport {
    let model: ONNXModel
    let table: OperatorTable
    let options: ImportOptions
    /// The recorder of the model's own graph.
    let root: Recorder
    /// Whether problems are collected, so that the import goes on behind them.
    let isCollecting: Bool
    /// Problems found.
    private(set) var problems: [Diagnostic] = []
    /// What is worth saying but no hindrance.
    var notes: [Diagnostic] = []
    /// Conditions that hold where the import is.
    var facts = SizeFacts()
    /// Number of regions around the node that is imported: bodies of branches and loops that are nodes of the graph.
    var regionDepth = 0
    /// What earlier attempts learned of the inputs' sizes, by name.
    let learned: [String: Bounds]
    /// Whether to begin again when something is learned.
    var isLearning = true
    /// Size symbols that are extents of inputs, whose ranges are checked before each run.
    var inputSymbols: Set<Symbol> = []
    private let functions: [FunctionKey: FunctionProto]
    private var stepsLeft: Int

    struct FunctionKey: Hashable {
        let key: OperatorTable.Key
        let overload: String
    }

    init(
        _ model: ONNXModel, _ options: ImportOptions, learned: [String: Bounds], isCollecting: Bool,
        table: OperatorTable = .all
    ) {
        self.model = model
        self.table = table
        self.options = options
        self.learned = learned
        self.isCollecting = isCollecting
        root = Recorder(rules: options.rules)
        functions = Dictionary(
            model.proto.functions.map { (FunctionKey(key: .init($0.domain, $0.name), overload: $0.overload), $0) },
            uniquingKeysWith: { first, _ in first })
        stepsLeft = 100_000 + 64 * model.graph.nodes.count
    }

    /// The recorder of the graph or region that is being imported.
    var recorder: Recorder { Recorder.current ?? root }

    // MARK: Running frames

    /// Imports what is left of the frames from the innermost one down to frame `floor`, and gives the latter's results.
    func run(_ start: [Frame], downTo floor: Int) throws -> [ImportedValue?] {
        var stack = start
        while true {
            let top = stack.count - 1
            if let (number, proto) = stack[top].next() {
                if let results = try step(proto, number, &stack, floor) { return results }
                continue
            }
            let results = try results(of: stack)
            if top == floor { return results }
            let names = stack[top].resultNames
            stack.removeLast()
            try define(names, results, &stack)
        }
    }

    private func results(of stack: [Frame]) throws -> [ImportedValue?] {
        try (stack.last?.outputs ?? []).map { name in
            if name.isEmpty { return nil }
            guard let value = stack.value(of: name) else { throw ImportFailure.problem(stack.undefined(name)) }
            return value
        }
    }

    /// Gives names of the innermost frame their values.
    func define(_ names: [String], _ values: [ImportedValue?], _ stack: inout [Frame]) throws {
        for (position, name) in names.enumerated() where !name.isEmpty {
            guard values.indices.contains(position), let value = values[position] else {
                throw Diagnostic("onnx.output", "result \(position) ('\(name)') does not exist")
            }
            try stack[stack.count - 1].define(name, value)
        }
    }

    /// Imports one node. Gives the results of frame `floor` if the node took all that is left with it.
    private func step(
        _ proto: NodeProto, _ number: Int, _ stack: inout [Frame], _ floor: Int
    ) throws -> [ImportedValue?]? {
        let name = stack[stack.count - 1].name(of: proto, number: number)
        do {
            do {
                return try advance(proto, name, &stack, floor)
            } catch let diagnostic as Diagnostic {
                throw ImportFailure.problem(placed(diagnostic, name, proto))
            }
        } catch let failure as ImportFailure where isCollecting && regionDepth == 0 {
            if let problem = failure.diagnostic { problems.append(problem) }
            for output in proto.outputs { try? stack[stack.count - 1].define(output, .unknown) }
            return nil
        }
    }

    /// The diagnostic at a node; primitives name themselves as place, which says nothing to the user.
    private func placed(_ diagnostic: Diagnostic, _ name: String, _ proto: NodeProto) -> Diagnostic {
        var result = diagnostic
        result.place = .node(name: name, operator: proto.opType, file: model.path)
        return result
    }

    private func advance(
        _ proto: NodeProto, _ name: String, _ stack: inout [Frame], _ floor: Int
    ) throws -> [ImportedValue?]? {
        try countStep()
        recorder.origin = NodeOrigin.names(of: proto) ?? stack[stack.count - 1].path + [name]
        let key = FunctionKey(key: .init(proto.domain, proto.opType), overload: proto.overload)
        let known = table[proto.domain, proto.opType]
        if let function = functions[key], known == nil || !key.key.domain.isEmpty {
            try call(function, proto, name, &stack)
            return nil
        }
        guard let type = known else { throw unknownOperator(key.key) }
        if type is any BranchOperator.Type { return try branch(node(proto, name, type, stack), &stack, floor) }
        try define(proto.outputs, results(of: type, at: node(proto, name, type, stack)), &stack)
        return nil
    }

    private func node(
        _ proto: NodeProto, _ name: String, _ type: any ONNXOperator.Type, _ stack: [Frame]
    ) throws -> ImportedNode {
        let frame = stack[stack.count - 1]
        return ImportedNode(
            proto: proto, name: name, version: try version(of: type, frame.opsets),
            values: try operands(of: proto, stack), attributes: try attributes(of: proto, in: frame), context: self,
            stack: stack)
    }

    /// What an operator makes of a node. A function of its own, since the node holds the frames, which would be copied
    /// where names are defined while it lives.
    private func results(of type: any ONNXOperator.Type, at node: consuming ImportedNode) throws -> [ImportedValue?] {
        let results = try type.apply(&node)
        var values = try results.map { try $0.map { ImportedValue.tensor(try sizes($0)) } }
        for (position, value) in node.otherResults {
            while values.count <= position { values.append(nil) }
            values[position] = value
        }
        return values
    }

    /// A tensor whose elements are sizes made of them at once, not of the way in which the model computes them.
    private func sizes(_ tensor: Tensor) throws -> Tensor {
        let type = try tensor.type
        guard type.element == .int64, type.rank <= 1, tensor.concrete == nil, let values = tensor.symbolicValues,
            !values.isEmpty
        else { return tensor }
        let vector = try Tensor.dimensions(values.map(recorder.simplify))
        return type.rank == 0 ? try vector.reshaped(to: []) : vector
    }

    /// Bounds the work: rests of graphs may be imported once per branch, which could multiply.
    private func countStep() throws {
        stepsLeft -= 1
        if stepsLeft < 0 {
            throw Diagnostic("onnx.too-complex", "the branches of the model multiply beyond all bounds")
        }
    }

    // MARK: Operands and attributes

    func operands(of proto: NodeProto, _ stack: [Frame]) throws -> [ImportedValue?] {
        try proto.inputs.map { name in
            if name.isEmpty { return nil }
            guard let value = stack.value(of: name) else { throw stack.undefined(name) }
            if case .unknown = value { throw ImportFailure.unknownValue }
            return value
        }
    }

    /// The attributes of a node, those that refer to attributes of the enclosing function replaced.
    func attributes(of proto: NodeProto, in frame: Frame) throws -> [String: AttributeProto] {
        var result: [String: AttributeProto] = [:]
        for attribute in proto.attributes {
            if attribute.refAttrName.isEmpty {
                result[attribute.name] = attribute
            } else if let value = frame.attributes[attribute.refAttrName] {
                result[attribute.name] = value
            }
        }
        return result
    }

    // MARK: Versions

    private func version(of type: any ONNXOperator.Type, _ opsets: [String: Int]) throws -> Int {
        guard let opset = opsets[OperatorTable.Key(type.domain, type.name).domain] else {
            throw Diagnostic(
                "onnx.opset", "the model does not say which version of operator set '\(type.domain)' it uses",
                help: "add it to the model's opset_import")
        }
        guard let version = type.versions.last(where: { $0 <= opset }) else {
            throw Diagnostic(
                "onnx.version",
                "the operator exists from operator set \(type.versions.first ?? 1) on, "
                    + "but the model uses \(opset)")
        }
        return version
    }

    func unknownOperator(_ key: OperatorTable.Key) -> Diagnostic {
        let domain = key.domain.isEmpty ? "ai.onnx" : key.domain
        return Diagnostic("onnx.unknown-operator", "operator '\(key.name)' of domain \(domain) is not supported")
    }

    // MARK: Functions and graphs

    private static let callLimit = 64

    private func call(_ function: FunctionProto, _ proto: NodeProto, _ name: String, _ stack: inout [Frame]) throws {
        guard stack.count(where: \.isFunction) < Self.callLimit else {
            throw Diagnostic("onnx.recursion", "functions call each other more than \(Self.callLimit) deep")
        }
        guard proto.inputs.count <= function.inputs.count, proto.outputs.count <= function.outputs.count else {
            throw Diagnostic("onnx.function", "the call does not fit function '\(function.name)'")
        }
        let outer = stack[stack.count - 1]
        let given = try operands(of: proto, stack)
        var frame = Frame(
            function: function, resultNames: proto.outputs, path: outer.path + [name], label: "\(name)/")
        for attribute in function.attributeDefaults { frame.attributes[attribute.name] = attribute }
        frame.attributes.merge(try attributes(of: proto, in: outer)) { $1 }
        for (formal, value) in zip(function.inputs, given) {
            if let value { try frame.define(formal, value) }
        }
        stack.append(frame)
    }

    /// Imports a graph of a node in a region of its own.
    func results(of graph: GraphProto, in node: ImportedNode, _ inputs: [Tensor]) throws -> [Tensor] {
        guard graph.inputs.count == inputs.count else {
            throw Diagnostic(
                "onnx.graph-inputs", "graph '\(graph.name)' has \(graph.inputs.count) inputs, \(inputs.count) are given"
            )
        }
        var frame = try self.frame(of: graph, resultNames: [], in: node)
        for (input, tensor) in zip(graph.inputs, inputs) { try frame.define(input.name, .tensor(tensor)) }
        regionDepth += 1
        defer { regionDepth -= 1 }
        return try tensors(try run(node.stack + [frame], downTo: node.stack.count))
    }

    /// The frame of a graph of a node, its initializers defined.
    func frame(of graph: GraphProto, resultNames: [String], in node: ImportedNode) throws -> Frame {
        let outer = node.stack[node.stack.count - 1]
        var frame = Frame(
            graph: graph, resultNames: resultNames, opsets: outer.opsets, path: outer.path, label: "\(node.name)/")
        frame.attributes = outer.attributes
        try defineInitializers(of: graph, in: &frame)
        return frame
    }

    /// Gives the initializers of a graph their values.
    func defineInitializers(of graph: GraphProto, in frame: inout Frame) throws {
        for tensor in graph.initializers {
            try frame.define(tensor.name, .tensor(Tensor(try model.hostTensor(tensor))))
        }
        for tensor in graph.sparseInitializers {
            try frame.define(tensor.values?.name ?? "", .tensor(Tensor(try model.dense(tensor))))
        }
    }

    /// Results that must all be tensors.
    func tensors(_ values: [ImportedValue?]) throws -> [Tensor] {
        try values.map { value in
            switch value {
            case .tensor(let tensor): return tensor
            case .unknown: throw ImportFailure.unknownValue
            default:
                throw Diagnostic("onnx.region-result", "a result of a graph must be a tensor if data decides about it")
            }
        }
    }
}
