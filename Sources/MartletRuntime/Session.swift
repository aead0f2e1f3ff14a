public import MartletCore
internal import MartletEngine
internal import Synchronization

/// Runs an engine and keeps its state between runs.
///
/// A state is an output that becomes an input of the next run; that input may then be left out. Runs of a session with
/// states follow one another; a session without states may run on many threads at once.
public final class Session: Sendable {
    /// The engine that runs.
    public let engine: LoadedEngine
    /// The outputs that become inputs, by the names of the inputs.
    public let links: [String: String]
    /// For each output the input it becomes.
    private let inputOfOutput: [Int?]
    /// For each input its state, if it has one and it is known.
    private let state: Mutex<[TensorRun.Value?]>

    /// A session of the engine with its own states.
    public convenience init(_ engine: LoadedEngine) {
        self.init(engine, links: engine.engine.states)
    }

    /// A session with the states given as names of inputs and of the outputs that become them; none if empty.
    ///
    /// - Throws: `session.unknown-state`; `session.state-type` where input and output differ in element type or rank;
    ///   `session.state-twice` for an output that becomes two inputs.
    public convenience init(_ engine: LoadedEngine, states: [String: String]) throws {
        self.init(engine, links: try engine.engine.links(of: states))
    }

    private init(_ engine: LoadedEngine, links: [Engine.StateLink], state: [TensorRun.Value?]? = nil) {
        self.engine = engine
        var inputOfOutput = [Int?](repeating: nil, count: engine.engine.outputs.count)
        var names: [String: String] = [:]
        for link in links {
            inputOfOutput[link.output] = link.input
            names[engine.engine.inputs[link.input].name] = engine.engine.outputs[link.output].name
        }
        self.inputOfOutput = inputOfOutput
        self.links = names
        self.state = Mutex(state ?? [TensorRun.Value?](repeating: nil, count: engine.engine.inputs.count))
    }
}

/// States.
extension Session {
    /// The states that are known, by the names of their inputs. Of a state that runs append to it is a copy.
    ///
    /// - Throws: `core.out-of-memory` for a state that does not fit memory a second time.
    public var states: [String: HostTensor] {
        get throws {
            try state.withLock { known in
                var result: [String: HostTensor] = [:]
                for (input, value) in zip(engine.engine.inputs, known) {
                    do {
                        result[input.name] = try value?.tensor()
                    } catch var problem as Diagnostic {
                        problem.message = "state '\(input.name)' cannot be copied: \(problem.message)"
                        throw problem
                    }
                }
                return result
            }
        }
    }

    /// Forgets all states and sets those given. A state that is neither given nor computed is zero; its extents that
    /// other inputs do not determine are the least of their range.
    ///
    /// - Throws: `session.unknown-state`, `run.type`.
    public func reset(_ states: [String: HostTensor] = [:]) throws {
        var fresh = [TensorRun.Value?](repeating: nil, count: engine.engine.inputs.count)
        for (name, tensor) in states {
            guard links[name] != nil, let index = engine.engine.inputs.firstIndex(where: { $0.name == name }) else {
                throw Diagnostic("session.unknown-state", "'\(name)' is no state of this session")
            }
            try engine.engine.inputs[index].checkType(tensor)
            fresh[index] = .tensor(tensor)
        }
        state.withLock { [fresh] in $0 = fresh }
    }

    /// A session in the same state that goes its own way.
    ///
    /// - Throws: `core.out-of-memory` for a state that is appended to.
    public func copy() throws -> Session {
        let links = inputOfOutput.enumerated().compactMap { output, input in
            input.map { Engine.StateLink(input: $0, output: output) }
        }
        let copies = try state.withLock { known in
            try known.map { value in
                guard case .appended(let memory)? = value else { return value }
                return .appended(try memory.copy())
            }
        }
        return Session(engine, links: links, state: copies)
    }
}

/// Runs.
extension Session {
    /// Runs the engine on the calling thread and returns all outputs, those that become states included, but for those
    /// that a state of this session only grows by: `states` has them.
    ///
    /// - Parameters:
    ///   - inputs: Tensors by the names of the engine's inputs; states may be left out.
    ///   - cancellation: Stops the run when cancelled; the states then stay as they were.
    ///   - profile: Takes the times of the steps.
    /// - Throws: `run.inputs` or `run.type` for what does not fit the engine, `plan.…` for shapes, `run.…` for what
    ///   goes wrong during the run; `Diagnostics` if there are several problems.
    public func run(
        _ inputs: [String: HostTensor], cancellation: Cancellation? = nil, profile: Profile? = nil
    ) throws -> [String: HostTensor] {
        if links.isEmpty {
            return try named(TensorRun(engine, try collect(inputs, state: [])).run(cancellation, profile))
        }
        return try state.withLock { state in
            let run = try TensorRun(engine, try collect(inputs, state: state))
            let outputs = try explainingStates(inputs, state) { try run.run(cancellation, profile) }
            let next = try inputOfOutput.enumerated().map { output, input in
                try input.map { (input: $0, value: try self.state($0, from: outputs[output], of: output)) }
            }
            for case let (input, value)? in next { state[input] = value }
            return try named(outputs)
        }
    }

    /// An output as the next run's input. Memory that runs append to has an order of its own, which only the input knows
    /// that it grows out of.
    private func state(_ input: Int, from value: TensorRun.Value, of output: Int) throws -> TensorRun.Value {
        guard case .appended = value else { return value }
        let isOwn = engine.engine.states.contains { $0.input == input && $0.output == output }
        return isOwn ? value : .tensor(try value.tensor())
    }

    private func named(_ outputs: [TensorRun.Value]) throws -> [String: HostTensor] {
        var result: [String: HostTensor] = [:]
        for (index, value) in outputs.enumerated() {
            if case .appended = value, inputOfOutput[index] != nil { continue }
            result[engine.engine.outputs[index].name] = try value.tensor()
        }
        return result
    }

    /// Runs `body`; if the shapes do not fit, the error tells of states that earlier runs left.
    private func explainingStates<R>(
        _ inputs: [String: HostTensor], _ state: [TensorRun.Value?], _ body: () throws -> R
    ) throws -> R {
        do {
            return try body()
        } catch var problem as Diagnostic where problem.code.hasPrefix("plan.") {
            let kept = zip(engine.engine.inputs, state).compactMap { port, value in
                inputs[port.name] == nil ? value.map { "'\(port.name)' is \($0.shape)" } : nil
            }
            guard !kept.isEmpty else { throw problem }
            let remark = "the session keeps states of the run before: \(kept.joined(separator: ", ")); "
            problem.help = remark + "reset it before a run with other sizes" + (problem.help.map { "; \($0)" } ?? "")
            throw problem
        }
    }

    /// The tensors of all inputs, in the engine's order.
    private func collect(_ inputs: [String: HostTensor], state: [TensorRun.Value?]) throws -> [TensorRun.Value] {
        let ports = engine.engine.inputs
        var values: [TensorRun.Value?] = []
        var problems = unknownNames(inputs.keys)
        for (index, port) in ports.enumerated() {
            if let tensor = inputs[port.name] {
                values.append(.tensor(tensor))
                do { try port.checkType(tensor) } catch let problem as Diagnostic { problems.append(problem) }
                continue
            }
            values.append(state.isEmpty ? nil : state[index])
            if values[index] == nil && links[port.name] == nil {
                problems.append(Diagnostic("run.inputs", "input '\(port.name)' is missing"))
            }
        }
        if problems.count == 1 { throw problems[0] }
        if !problems.isEmpty { throw Diagnostics(problems) }
        return try fillStates(values)
    }

    private func unknownNames(_ names: some Sequence<String>) -> [Diagnostic] {
        let known = engine.engine.inputs.map(\.name)
        return names.filter { !known.contains($0) }.sorted().map {
            Diagnostic(
                "run.inputs", "the engine has no input '\($0)'",
                help: "its inputs are \(known.joined(separator: ", "))")
        }
    }

    /// Makes zeros for the states that are still missing.
    private func fillStates(_ values: [TensorRun.Value?]) throws -> [TensorRun.Value] {
        guard values.contains(where: { $0 == nil }) else { return values.compactMap { $0 } }
        let shapes = try engine.initialShapes(knowing: values.map { $0?.shape })
        return try zip(values, zip(engine.engine.inputs, shapes)).map { value, port in
            try value ?? .tensor(HostTensor(zeros: port.0.type, shape: port.1))
        }
    }
}

extension Engine.Port {
    /// - Throws: `run.type`.
    func checkType(_ tensor: HostTensor) throws {
        guard tensor.type == type else {
            throw Diagnostic(
                "run.type", "input '\(name)' is of type \(tensor.type.name), the engine expects \(type.name)")
        }
    }
}
