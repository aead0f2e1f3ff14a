public import MartletCore
import MartletIR

/// Imports ONNX models as graphs.
public enum ONNXImporter {
    /// Imports a model.
    ///
    /// - Throws: the first problem as a `Diagnostic` that names the node.
    public static func `import`(_ model: ONNXModel, options: ImportOptions = ImportOptions()) throws -> ImportedModel {
        do {
            return try attempts(model, options, isCollecting: false) { try $0.imported() }
        } catch let failure as ImportFailure {
            throw failure.diagnostic ?? Diagnostic("onnx.unknown-value", "a value could not be imported")
        }
    }

    /// Imports a model file.
    ///
    /// - Throws: a `Diagnostic` that names the file, and the node where there is one.
    public static func `import`(path: String, options: ImportOptions = ImportOptions()) throws -> ImportedModel {
        try `import`(try ONNXModel.load(path: path), options: options)
    }

    /// All problems of a model, then warnings and notes: behind a node that cannot be imported the import goes on with
    /// what does not depend on it.
    public static func lint(_ model: ONNXModel, options: ImportOptions = ImportOptions()) -> [Diagnostic] {
        do {
            return try attempts(model, options, isCollecting: true) { context in
                var last: [Diagnostic] = []
                do {
                    _ = try context.imported()
                } catch let failure as ImportFailure {
                    if let diagnostic = failure.diagnostic { last.append(diagnostic) }
                } catch let diagnostic as Diagnostic {
                    last.append(diagnostic)
                }
                return context.problems + last + context.unknownOperators() + context.notes
            }
        } catch {
            return [Diagnostic("onnx.failed", "\(error)")]
        }
    }

    /// Imports, again with what was learned of the inputs' sizes until that is nothing new.
    private static func attempts<R>(
        _ model: ONNXModel, _ options: ImportOptions, isCollecting: Bool, _ body: (ModelImport) throws -> R
    ) throws -> R {
        var learned = SizeNotes(readFrom: model.graph).bounds
        var notes: [Diagnostic] = []
        for _ in 0..<Self.attemptLimit {
            let context = ModelImport(model, options, learned: learned, isCollecting: isCollecting)
            context.notes = notes
            do {
                return try body(context)
            } catch let found as LearnedRanges {
                for (name, range) in found.ranges.sorted(by: { $0.key < $1.key }) {
                    notes.append(found.note(name, range))
                    learned[name] = range
                }
            }
        }
        let context = ModelImport(model, options, learned: learned, isCollecting: isCollecting)
        (context.notes, context.isLearning) = (notes, false)
        return try body(context)
    }

    private static let attemptLimit = 8
}

extension ModelImport {
    /// Imports the whole model.
    func imported() throws -> ImportedModel {
        let proto = model.graph
        let opsets = OpsetImports.table(model.proto.opsetImports)
        var frame = Frame(graph: proto, resultNames: [], opsets: opsets, path: [], label: "")
        var inputs = InputTypes(self)
        let graph = try root.record {
            for input in proto.dataInputs {
                try frame.define(input.name, .tensor(root.input(input.name, try inputs.type(of: input))))
            }
            inputSymbols = inputs.symbols
            try SizeNotes(readFrom: proto).require(in: root)
            try defineInitializers(of: proto, in: &frame)
            let outputs = try tensors(try run([frame], downTo: 0))
            return try root.finish(zip(proto.outputs.map(\.name), outputs).map { (name: $0, tensor: $1) })
        }
        if let found = learned(from: graph) { throw found }
        return ImportedModel(
            graph: graph, opsets: opsets, irVersion: Int(model.proto.irVersion), producer: producer,
            metadata: model.proto.metadata.map { (key: $0.key, value: $0.value) }, notes: notes)
    }

    /// What the graph requires of a size of an input, where that is but a range.
    private func learned(from graph: Graph) -> LearnedRanges? {
        guard isLearning else { return nil }
        let ranges = graph.symbols.ranges
        for requirement in graph.requirements {
            guard let change = (requirement.left - requirement.right).signChange(ranges), let zero = change.zero,
                inputSymbols.contains(change.symbol), zero != ranges[change.symbol]
            else { continue }
            let note = Diagnostic("onnx.size-range", "sizes must agree (\(requirement.what))")
            return LearnedRanges(ranges: [graph.symbols.name(of: change.symbol): zero], note: note)
        }
        return nil
    }

    private var producer: String {
        [model.proto.producerName, model.proto.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// Problems of nodes that the import did not come to because of their operators: behind failed nodes and in
    /// branches.
    func unknownOperators() -> [Diagnostic] {
        let known = Set(model.proto.functions.map { OperatorTable.Key($0.domain, $0.name) })
        let reported = Set(problems.map(\.place))
        var found: [Diagnostic] = []
        var pending: [(nodes: [NodeProto], label: String)] = model.proto.functions.map { ($0.nodes, "\($0.name)/") }
        pending.append((model.graph.nodes, ""))
        while let (nodes, label) = pending.popLast() {
            for (number, node) in nodes.enumerated() {
                let name = node.name.isEmpty ? "\(label)\(node.opType)_\(number)" : node.name
                let key = OperatorTable.Key(node.domain, node.opType)
                let place = Place.node(name: name, operator: node.opType, file: model.path)
                if table[node.domain, node.opType] == nil, !known.contains(key), !reported.contains(place) {
                    found.append(unknownOperator(key).at(place))
                }
                for case .graph(let graph) in node.attributes.map(\.value) { pending.append((graph.nodes, "\(name)/")) }
            }
        }
        return found
    }
}
