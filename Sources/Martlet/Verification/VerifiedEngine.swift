package import MartletCore
package import MartletIR
package import MartletRuntime

/// Which implementation of a model is looked at.
package enum VerifiedEngine: String, Sendable, CaseIterable {
    /// The reference interpreter.
    case reference
    /// The compiled engine.
    case compiled
}

/// A model that runs on tensors by name, with or without keeping a state.
package protocol CaseRunner {
    /// Runs once, without any state.
    func run(_ inputs: [String: HostTensor]) throws -> [String: HostTensor]
    /// Runs as the first of a stream: the state comes with the inputs.
    mutating func begin(_ inputs: [String: HostTensor]) throws -> [String: HostTensor]
    /// Runs as a later one of a stream: the inputs lack the state.
    mutating func proceed(_ inputs: [String: HostTensor]) throws -> [String: HostTensor]
}

/// The reference interpreter as a runner.
package struct ReferenceRunner: CaseRunner {
    private let graph: Graph
    /// Outputs by the inputs that they become.
    private let links: [String: String]
    private var state: [String: HostTensor] = [:]

    /// A runner of a graph; `links` are outputs by the inputs that they become in a stream.
    package init(_ graph: Graph, links: [String: String] = [:]) {
        (self.graph, self.links) = (graph, links)
    }

    package func run(_ inputs: [String: HostTensor]) throws -> [String: HostTensor] {
        let tensors = try graph.inputs.map { port in
            guard let tensor = inputs[port.name] else {
                throw Diagnostic("run.inputs", "input '\(port.name)' is missing")
            }
            return tensor
        }
        for name in inputs.keys.sorted() where !graph.inputs.contains(where: { $0.name == name }) {
            throw Diagnostic("run.inputs", "the model has no input '\(name)'")
        }
        let interpreter = Interpreter(graph)
        if let limit = try Settings.current.memoryLimit { interpreter.memoryLimit = limit }
        let results = try interpreter.run(tensors)
        return Dictionary(zip(graph.outputs.map(\.name), results)) { first, _ in first }
    }

    package mutating func begin(_ inputs: [String: HostTensor]) throws -> [String: HostTensor] {
        let outputs = try run(inputs)
        for (input, output) in links { state[input] = outputs[output] }
        return outputs
    }

    package mutating func proceed(_ inputs: [String: HostTensor]) throws -> [String: HostTensor] {
        try begin(inputs.merging(state) { $1 })
    }
}

/// A compiled engine as a runner; in a stream its own session keeps the state.
package struct CompiledRunner: CaseRunner {
    private let stateless: Session
    private let session: Session

    /// A runner of an engine; `links` are outputs by the inputs that they become in a stream.
    package init(_ engine: LoadedEngine, links: [String: String] = [:]) throws {
        stateless = try Session(engine, states: [:])
        session = try Session(engine, states: links)
    }

    package func run(_ inputs: [String: HostTensor]) throws -> [String: HostTensor] { try stateless.run(inputs) }

    package func begin(_ inputs: [String: HostTensor]) throws -> [String: HostTensor] {
        try session.reset(inputs.filter { session.links[$0.key] != nil })
        return try proceed(inputs)
    }

    package func proceed(_ inputs: [String: HostTensor]) throws -> [String: HostTensor] {
        try session.run(inputs.filter { session.links[$0.key] == nil })
    }
}
