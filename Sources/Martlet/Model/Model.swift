public import MartletCore
public import MartletIR
public import MartletRuntime

/// A trained network, compiled for this machine.
///
///     let model = try await Model("resnet50.onnx")
///     let scores = try await model(["input": image])["output"]
///
/// A model has no state and may run on any number of tasks and threads at once; what is carried from run to run belongs
/// to a `Session`.
public final class Model: Sendable {
    /// What it takes.
    public let inputs: [ModelPort]
    /// What it gives.
    public let outputs: [ModelPort]
    /// The compiled program.
    public let engine: LoadedEngine
    /// A session without states, which many threads may run at once.
    private let stateless: Session

    /// A model from an engine that is loaded already.
    ///
    /// - Throws: nothing but what a damaged engine may say.
    public init(_ engine: LoadedEngine) throws {
        self.engine = engine
        inputs = engine.engine.inputPorts
        outputs = engine.engine.outputPorts
        stateless = try Session(engine, states: [:])
    }

    /// Opens a file: an ONNX model is compiled, or its engine taken from the cache; an engine file is opened.
    ///
    /// The work is done on a thread of its own, so that the caller's task only waits.
    ///
    /// - Throws: `Diagnostic` or `Diagnostics`, which say where in the model what is wrong.
    public convenience init(_ path: String, options: ModelOptions = ModelOptions()) async throws {
        let loader = try ModelLoader(options)
        try self.init(try await RunThreads.shared.run { try loader.load(path: path) })
    }

    /// Opens a file on the calling thread; see `init(_:options:)`.
    ///
    /// - Throws: `Diagnostic` or `Diagnostics`.
    public static func load(_ path: String, options: ModelOptions = ModelOptions()) throws -> Model {
        try Model(try ModelLoader(options).load(path: path))
    }

    /// Compiles a graph, such as one made by `trace`.
    ///
    /// - Throws: `Diagnostic` that names the node which cannot be compiled.
    public convenience init(_ graph: Graph, options: ModelOptions = ModelOptions()) throws {
        try self.init(try ModelLoader(options).load(graph))
    }
}

/// Runs.
extension Model {
    /// Runs the model and returns its outputs by name, on a thread of its own; cancelling the task cancels the run.
    ///
    /// - Parameter inputs: tensors by the names of `self.inputs`.
    /// - Throws: `CancellationError`; `Diagnostic` or `Diagnostics` for inputs that do not fit and for data that the
    ///   model refuses.
    public func callAsFunction(_ inputs: [String: any ModelInput]) async throws -> [String: HostTensor] {
        try await stateless(inputs)
    }

    /// Runs the model on the calling thread and returns its outputs by name.
    ///
    /// - Throws: `Diagnostic` or `Diagnostics`, as `callAsFunction`.
    public func run(
        _ inputs: [String: any ModelInput], cancellation: Cancellation? = nil, profile: Profile? = nil
    ) throws -> [String: HostTensor] {
        try stateless.run(try inputs.hostTensors(), cancellation: cancellation, profile: profile)
    }

    /// A session: it keeps the states that the model names, from run to run.
    public func makeSession() -> Session { Session(engine) }

    /// A session that keeps the states given: names of inputs, each with the name of the output that becomes it.
    ///
    /// - Throws: `session.unknown-state`, `session.state-type`, `session.state-twice`.
    public func makeSession(states: [String: String]) throws -> Session { try Session(engine, states: states) }
}

extension Session {
    /// Runs the session on a thread of its own and returns all outputs by name; cancelling the task cancels the run,
    /// and the states then stay as they were.
    ///
    /// - Throws: as `Model.callAsFunction`.
    public func callAsFunction(_ inputs: [String: any ModelInput]) async throws -> [String: HostTensor] {
        let tensors = try inputs.hostTensors()
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try Task.checkCancellation()
            do {
                return try await RunThreads.shared.run { try self.run(tensors, cancellation: cancellation) }
            } catch let problem as Diagnostic where problem.code == "run.cancelled" {
                throw CancellationError()
            }
        } onCancel: {
            cancellation.cancel()
        }
    }
}
