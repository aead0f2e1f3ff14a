public import ArgumentParser
public import Martlet

/// A shape by the name of an input: `image=1x3x224x224`; `_` leaves an extent as the model has it, and nothing behind the
/// sign is a scalar's shape.
struct NamedShape: ExpressibleByArgument {
    let name: String
    let shape: [Int]

    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "="), sign > argument.startIndex else { return nil }
        var shape: [Int] = []
        for word in argument[argument.index(after: sign)...].split(separator: "x", omittingEmptySubsequences: true) {
            guard let extent = word == "_" ? -1 : Int(word), extent >= -1 else { return nil }
            shape.append(extent)
        }
        name = String(argument[..<sign])
        self.shape = shape
    }
}

/// Shapes of several inputs, separated by commas: `ids=1x128,mask=1x128`.
struct ShapeGroup: ExpressibleByArgument {
    /// The shapes by the names of the inputs.
    let shapes: [String: [Int]]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
        let named = parts.compactMap { NamedShape(argument: String($0)) }
        guard named.count == parts.count, Set(named.map(\.name)).count == named.count else { return nil }
        shapes = Dictionary(uniqueKeysWithValues: named.map { ($0.name, $0.shape) })
    }
}

/// A file by the name of an input: `image=image.npy`.
struct NamedPath: ExpressibleByArgument {
    let name: String
    let path: String

    init?(argument: String) {
        guard let sign = argument.firstIndex(of: "="), sign > argument.startIndex else { return nil }
        name = String(argument[..<sign])
        path = String(argument[argument.index(after: sign)...])
        if path.isEmpty { return nil }
    }
}

/// A state: an input, and the output that becomes it: `past=present`.
struct NamedState: ExpressibleByArgument {
    let input: String
    let output: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        (input, output) = (String(parts[0]), String(parts[1]))
    }
}

/// How a model is made ready.
struct ModelArguments: ParsableArguments {
    @Option(help: .setting("threads"))
    var threads: Int?

    @Option(
        name: .customLong("shapes"),
        help: ArgumentHelp(
            "Compile for exactly these shapes of inputs, such as 'image=1x3x224x224'.", valueName: "name=shape,…"))
    var shapes: [ShapeGroup] = []

    func validate() throws {
        if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    }

    /// The options for making a model.
    func options() throws -> ModelOptions { try ModelOptions(threads: threads, shapes: shapesByName) }

    /// The shapes by name.
    var shapesByName: [String: [Int]] { Dictionary(shapes.flatMap(\.shapes)) { $1 } }
}

extension ModelOptions {
    /// Options from the command line over the settings in force.
    init(threads: Int?, shapes: [String: [Int]] = [:]) throws {
        self.init(shapes: shapes)
        var settings = try Settings.current
        if let threads {
            runtime = Runtime(threads: threads)
            settings.threads = threads
        }
        self.settings = settings
    }
}

extension VerifiedEngine: ExpressibleByArgument {}
extension Accuracy: ExpressibleByArgument {}
