import Glibc
package import MartletCore
package import MartletEngine
package import MartletIR
package import MartletONNX

/// A model in one of the forms that Martlet opens.
package enum ModelFile: Sendable {
    /// An engine, compiled already.
    case engine(EngineReader)
    /// An ONNX model.
    case onnx(ONNXModel)
    /// The text of a graph, as `inspect --graph` prints it.
    case graph(Graph)

    /// Extension of engine files.
    package static let engineExtension = ".martlet"

    /// Opens a file; what it holds decides about its kind, not its name.
    ///
    /// - Throws: `file.open`, and what the reader of that kind says.
    package init(path: String) throws {
        let file = try MappedFile(path: path)
        let isEngine = file.withUnsafeBytes { $0.starts(with: Array("MARTLET\u{1a}".utf8)) }
        let isGraph = file.withUnsafeBytes { $0.starts(with: Array("graph (".utf8)) }
        if isEngine {
            self = .engine(try EngineReader(path: path))
        } else if isGraph {
            let text = file.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            self = .graph(try GraphFile.read(text, path: path))
        } else {
            self = .onnx(try ONNXModel.load(path: path))
        }
    }

    /// Whether there is a file or folder of that path.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The kind in words.
    package var kind: String {
        switch self {
        case .engine: "engine"
        case .onnx: "ONNX model"
        case .graph: "graph"
        }
    }
}

extension ModelFile {
    /// The computation of a model that is not compiled yet.
    ///
    /// - Parameter states: outputs by the inputs that they become, in place of the file's own unless empty.
    /// - Throws: `model.compiled` for an engine, `model.shapes` for shapes of a graph's text; the problems of the import;
    ///   `graph.…` for states that do not fit.
    package func graph(
        shapes: [String: [Int]] = [:], states: [String: String] = [:], rules: RuleSet.Options = RuleSet.Options()
    ) throws -> Graph {
        let graph = try graph(shapes, rules)
        return states.isEmpty ? graph : try graph.carrying(states: states)
    }

    private func graph(_ shapes: [String: [Int]], _ rules: RuleSet.Options) throws -> Graph {
        switch self {
        case .engine(let reader):
            throw Diagnostic(
                "model.compiled", "an engine holds no graph that could be evaluated or compiled",
                at: .file(path: reader.path, offset: nil), help: "give the model that it was compiled from")
        case .graph(let graph):
            guard shapes.isEmpty else {
                throw Diagnostic(
                    "model.shapes", "the text of a graph states its shapes itself", help: "change them in the text")
            }
            return graph
        case .onnx(let model):
            return try ONNXImporter.import(model, options: ImportOptions(shapes: shapes, rules: rules)).graph
        }
    }

    /// A hash of the model's contents, weights beside it included: the same wherever the model lies.
    package static func hash(path: String) throws -> StableHash {
        try hash(path: path) { file, name, hash in
            hash.combine(name)
            hash.combine(try MappedFile(path: file).withUnsafeBytes { StableHash($0) })
        }
    }

    /// A hash that differs where the contents may differ: weights beside a model are too large to be read each time it
    /// is opened.
    package static func quickHash(path: String) throws -> StableHash {
        try hash(path: path) { file, _, hash in hash.combine(identity(of: file)) }
    }

    /// A hash of the file, to which `combine` adds those beside it: it takes path and name of each.
    private static func hash(
        path: String, _ combine: (String, String, inout StableHash) throws -> Void
    ) throws -> StableHash {
        var hash = try MappedFile(path: path).withUnsafeBytes { StableHash($0) }
        let file = try ModelFile(path: path)
        let constants = GraphFile.resourcePath(of: path)
        if case .graph = file, exists(constants) {
            hash.combine(try MappedFile(path: constants).withUnsafeBytes { StableHash($0) })
        }
        guard case .onnx(let model) = file else { return hash }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let tensors = model.graph.initializers.filter { !$0.externalData.isEmpty }
        let files = Set(tensors.flatMap(\.externalData).filter { $0.key == "location" }.map(\.value))
        for file in files.sorted() { try combine(folder + file, file, &hash) }
        return hash
    }

    /// Path, size and time of a file.
    private static func identity(of path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return path }
        return "\(path) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }
}
