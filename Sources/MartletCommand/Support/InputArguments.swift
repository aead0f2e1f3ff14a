import ArgumentParser
import Martlet
import MartletCore
import MartletONNX

/// Where the inputs of a run come from.
struct InputArguments: ParsableArguments {
    @Option(
        name: .customLong("input"),
        help: ArgumentHelp("A tensor for an input, from a .npy or .pb file.", valueName: "name=file"))
    var files: [NamedPath] = []

    @Option(help: "A folder with tensors in input_0.pb, input_1.pb, … as cases have them.")
    var inputs: String?

    @Option(help: "Seed of inputs that are made at random.")
    var seed = 0

    /// The tensors for a model's inputs; what is neither in a folder nor in a file is made at random where `fills` says
    /// so.
    ///
    /// - Throws: `run.inputs` for files without an input, and what reading them says.
    func tensors(for ports: [ModelPort], shapes: [String: [Int]], fills: Bool) throws -> [String: HostTensor] {
        var result: [String: HostTensor] = [:]
        if let inputs {
            for (position, port) in ports.enumerated() {
                let path = "\(inputs)/input_\(position).pb"
                guard Files.exists(path) else { continue }
                result[port.name] = try CaseDataSet.input(try Self.read(path), rank: port.shape.count)
            }
            guard !result.isEmpty || ports.isEmpty else {
                throw Diagnostic(
                    "run.inputs", "there is no input_0.pb in the folder", at: .file(path: inputs, offset: nil))
            }
        }
        for file in files {
            guard ports.contains(where: { $0.name == file.name }) else {
                throw Diagnostic(
                    "run.inputs", "the model has no input '\(file.name)'",
                    help: "its inputs are: \(ports.map(\.description).joined(separator: "; "))")
            }
            result[file.name] = try Self.read(file.path)
        }
        let missing = ports.filter { result[$0.name] == nil }
        guard fills, !missing.isEmpty else { return result }
        var random = RandomInputs(seed: seed)
        let known = shapes.merging(result.mapValues(\.shape)) { $1 }
        let drawn = try random.tensors(for: ports, shapes: known)
        return result.merging(drawn) { given, _ in given }
    }

    private static func read(_ path: String) throws -> HostTensor {
        if path.hasSuffix(".npy") { return try Npy.read(path: path) }
        guard case .tensor(let tensor) = try WireValue.read(path: path, type: nil) else {
            throw Diagnostic("run.inputs", "the file holds no tensor", at: .file(path: path, offset: nil))
        }
        return tensor
    }
}
