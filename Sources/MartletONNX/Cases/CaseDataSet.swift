package import MartletCore

/// Inputs and expected outputs of one run of a case's model.
public struct CaseDataSet: Sendable {
    /// A data file.
    public struct File: Sendable, Hashable {
        /// Number in the name: the position among the graph's data inputs or its outputs.
        public var position: Int
        /// The file.
        public var path: String
    }

    /// A named value.
    public struct Entry: Sendable {
        /// Name of the graph's input or output.
        public var name: String
        /// Its value.
        public var value: WireValue
    }

    /// Number of the set in its case.
    public let number: Int
    /// The folder.
    public let path: String
    /// Files `input_J.pb` by position.
    public let inputFiles: [File]
    /// Files `output_J.pb` by position.
    public let outputFiles: [File]

    init(number: Int, path: String) throws {
        self.number = number
        self.path = path
        let names = try Folder.entries(of: path)
        inputFiles = Self.files(names, path, prefix: "input_")
        outputFiles = Self.files(names, path, prefix: "output_")
    }

    private static func files(_ names: [String], _ folder: String, prefix: String) -> [File] {
        names
            .compactMap { name in
                let position = MartletONNX.number(in: name, after: prefix, before: ".pb")
                return position.map { File(position: $0, path: "\(folder)/\(name)") }
            }
            .sorted { $0.position < $1.position }
    }

    /// The inputs, each with the name of the graph input at its position among those that no initializer stands for.
    ///
    /// - Throws: `Diagnostic` if a file is malformed or has no place in the graph.
    public func inputs(for graph: GraphProto) throws -> [Entry] {
        try Self.entries(inputFiles, graph.dataInputs).map(\.entry)
    }

    /// The inputs as the model takes them, which its file may declare to be scalars.
    ///
    /// - Throws: as `inputs`.
    public func arguments(for graph: GraphProto) throws -> [Entry] {
        try Self.entries(inputFiles, graph.dataInputs).map { entry, declared in
            guard case .tensor(let tensor) = entry.value, case .tensor(_, let shape?) = declared.type?.value else {
                return entry
            }
            return Entry(name: entry.name, value: .tensor(try Self.input(tensor, rank: shape.dimensions.count)))
        }
    }

    /// A tensor as an input of this rank takes it: a scalar for one element in one axis.
    ///
    /// NumPy's `ascontiguousarray`, through which tools write data files, gives scalars an axis, and ONNX Runtime takes
    /// them for what they were.
    package static func input(_ tensor: HostTensor, rank: Int) throws -> HostTensor {
        rank == 0 && tensor.shape == [1] ? try tensor.reshaped([]) : tensor
    }

    /// The expected outputs, each with the name of the graph output at its position.
    ///
    /// - Throws: `Diagnostic` if a file is malformed or has no place in the graph.
    public func outputs(for graph: GraphProto) throws -> [Entry] {
        try Self.entries(outputFiles, graph.outputs).map(\.entry)
    }

    private static func entries(
        _ files: [File], _ declared: [ValueInfoProto]
    ) throws -> [(entry: Entry, declared: ValueInfoProto)] {
        try files.map { file in
            guard declared.indices.contains(file.position) else {
                throw Diagnostic(
                    "case.position", "the model has \(declared.count) values of this kind",
                    at: .file(path: file.path, offset: nil))
            }
            let value = declared[file.position]
            return (Entry(name: value.name, value: try WireValue.read(path: file.path, type: value.type)), value)
        }
    }
}
