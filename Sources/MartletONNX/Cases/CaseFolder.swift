import Glibc
import MartletCore

/// A test case in the layout of ONNX's own: a model, and data sets with inputs and expected outputs.
///
///     NAME/model.onnx
///     NAME/test_data_set_K/input_J.pb, output_J.pb
///     NAME/case.json      rtol, atol, rel_l2, state, note (optional)
///     NAME/data.json      rtol, atol (optional; ONNX's own form, which goes before case.json)
public struct CaseFolder: Sendable {
    /// Outputs of one data set that are inputs of the next: recurrent state.
    public struct StateChain: Sendable, Hashable {
        /// Names of an output, and of the input that takes it.
        public struct Link: Sendable, Hashable {
            /// Output of a data set.
            public var output: String
            /// Input of the next.
            public var input: String
        }

        /// What is handed on.
        public var links: [Link]
        /// Numbers of the data sets within which it is; at a stream's first set the state comes from the file.
        public var streams: [Range<Int>]
    }

    /// The folder.
    public let path: String
    /// Last part of the path.
    public let name: String
    /// The model file.
    public let modelPath: String
    /// How far outputs may be off.
    public let tolerance: Tolerance
    /// State handed from set to set; nil where sets are independent.
    public let state: StateChain?
    /// What the case is about; empty where not stated.
    public let note: String
    /// Data sets by number.
    public let dataSets: [CaseDataSet]

    /// Reads what a folder holds; model and data stay unread.
    ///
    /// - Throws: `Diagnostic` if there is no model, or a JSON file is malformed.
    public init(path: String) throws {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        self.path = path
        name = path.split(separator: "/").last.map(String.init) ?? path
        modelPath = "\(path)/model.onnx"
        guard isPresent(modelPath, kind: S_IFREG) else {
            throw Diagnostic("case.no-model", "not a case: it has no model.onnx", at: .file(path: path, offset: nil))
        }
        let description = try Self.json("\(path)/case.json")
        let override = try Self.json("\(path)/data.json")
        tolerance = Tolerance(description: description, override: override)
        note = description?["note"]?.string ?? ""
        state = try description?["state"].flatMap { try StateChain($0, path: "\(path)/case.json") }
        dataSets = try Folder.entries(of: path)
            .compactMap { entry in number(in: entry, after: "test_data_set_").map { ($0, "\(path)/\(entry)") } }
            .sorted { $0.0 < $1.0 }
            .map { try CaseDataSet(number: $0.0, path: $0.1) }
    }

    /// All cases in a folder and the folders in it, sorted by path. A case's own folders are not searched.
    ///
    /// - Parameter depth: how many levels below the folder are searched.
    /// - Throws: `Diagnostic` if a folder or case cannot be read.
    public static func all(in path: String, depth: Int = 4) throws -> [CaseFolder] {
        if isPresent("\(path)/model.onnx", kind: S_IFREG) { return [try CaseFolder(path: path)] }
        guard depth > 0 else { return [] }
        return try Folder.entries(of: path)
            .map { "\(path)/\($0)" }
            .filter { isPresent($0, kind: S_IFDIR) }
            .flatMap { try all(in: $0, depth: depth - 1) }
    }

    private static func json(_ path: String) throws -> JSONValue? {
        guard isPresent(path, kind: S_IFREG) else { return nil }
        let file = try WireSource(mapping: path)
        do {
            return try JSONValue(parsing: file.all.array)
        } catch let error as Diagnostic {
            throw error.at(.file(path: path, offset: nil))
        }
    }
}

extension Tolerance {
    fileprivate init(description: JSONValue?, override: JSONValue?) {
        self.init()
        for json in [description, override].compactMap({ $0 }) {
            rtol = json["rtol"]?.number ?? rtol
            atol = json["atol"]?.number ?? atol
            relL2 = json["rel_l2"]?.number ?? relL2
        }
    }
}

extension CaseFolder.StateChain {
    /// Reads `{"output": "hn,cn", "input": "h,c", "streams": [[0, 3]]}`; nil for null.
    fileprivate init?(_ json: JSONValue, path: String) throws {
        if json == .null { return nil }
        let names = { (key: String) in json[key]?.string?.split(separator: ",").map(String.init) ?? [] }
        let (outputs, inputs) = (names("output"), names("input"))
        let streams = json["streams"]?.array?.compactMap(Self.range) ?? []
        guard !outputs.isEmpty, outputs.count == inputs.count, streams.count == json["streams"]?.array?.count else {
            throw Diagnostic(
                "case.state", "\"state\" needs output, input and streams", at: .file(path: path, offset: nil))
        }
        links = zip(outputs, inputs).map { Link(output: $0, input: $1) }
        self.streams = streams
    }

    private static func range(_ json: JSONValue) -> Range<Int>? {
        guard let first = json[0]?.integer, let end = json[1]?.integer, first <= end else { return nil }
        return first..<end
    }

    /// Whether a data set takes the state that the set before left.
    public func continues(at set: Int) -> Bool {
        streams.contains { $0.contains(set) && $0.lowerBound < set }
    }
}
