package import MartletCore
package import MartletIR
import MartletLibrary
import MartletONNX

/// Texts of graphs as files. Constants that a text names by hash lie beside it, as the initializers of an ONNX file.
package enum GraphFile {
    /// Where the constants of a text are: `graph.txt` has them in `graph.weights.onnx`.
    package static func resourcePath(of path: String) -> String {
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        let stem = name.lastIndex(of: ".").map { String(path[..<$0]) } ?? path
        return stem + ".weights.onnx"
    }

    /// Writes a text, and its constants if there are any.
    ///
    /// - Throws: `file.write`.
    package static func write(_ text: String, resources: [String: HostTensor], to path: String) throws {
        if !resources.isEmpty {
            var graph = GraphProto()
            graph.name = "constants of a graph's text"
            graph.initializers = resources.sorted { $0.key < $1.key }.map { TensorProto($0.value, name: $0.key) }
            var model = ModelProto()
            model.graph = graph
            try ONNXModel(model).write(to: resourcePath(of: path))
        }
        try AtomicFile.write(Array(text.utf8), to: path)
    }

    /// Reads a graph whose text is that of the file.
    ///
    /// - Throws: a diagnostic with the file's name; that of `Graph(text:)`.
    package static func read(_ text: String, path: String) throws -> Graph {
        let resources = try resources(beside: path)
        do {
            return try Graph(text: text, resources: resources ?? [:], registry: .library)
        } catch var problem as Diagnostic {
            if resources == nil, text.contains("resource \"") {
                problem.help =
                    "its constants are read from '\(resourcePath(of: path))', which 'compile --dump' writes"
            }
            throw problem.prefixed("\(path): ")
        }
    }

    /// The constants beside a text; nil if there is no such file.
    private static func resources(beside path: String) throws -> [String: HostTensor]? {
        let path = resourcePath(of: path)
        guard ModelFile.exists(path) else { return nil }
        let model = try ONNXModel.load(path: path)
        let named = try model.graph.initializers.map { ($0.name, try model.hostTensor($0)) }
        return Dictionary(named) { first, _ in first }
    }
}
