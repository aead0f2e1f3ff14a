package import MartletCore
package import MartletIR
package import MartletONNX
package import MartletRuntime

/// Compares a compiled model with the reference interpreter value by value.
///
/// The values inside a fused step are in no memory; so the model is compiled several times, each time with some of
/// its values as further outputs. A step that is wrong only when it is fused may therefore escape.
package struct LayerComparison {
    /// A value on which the two differ.
    package struct Difference: Sendable {
        /// The node that computes it.
        package let node: NodeID
        /// Names of the source nodes.
        package let origins: [String]
        /// The operation's name.
        package let operation: String
        /// What is different.
        package let reason: String
    }

    private let graph: Graph
    private let tolerance: Tolerance
    private let load: (Graph) throws -> LoadedEngine
    /// Values that are made outputs in one compile.
    private static let chunkSize = 48

    /// A comparison of a graph; `load` compiles a variant of it.
    package init(_ graph: Graph, tolerance: Tolerance, load: @escaping (Graph) throws -> LoadedEngine) {
        (self.graph, self.tolerance, self.load) = (graph, tolerance, load)
    }

    private struct Observation {
        let node: NodeID
        let value: ValueID
        let tensor: HostTensor
    }

    /// The first value, in the order of the graph, on which the two differ; nil if they agree on all.
    ///
    /// - Parameters:
    ///   - inputs: tensors by name.
    ///   - progress: called before each compile with the part of the work that is done, from 0 to 1.
    /// - Throws: what evaluating, compiling and running say.
    package func firstDifference(
        _ inputs: [String: HostTensor], progress: (Double) -> Void = { _ in }
    ) throws -> Difference? {
        let observations = try observe(inputs)
        for start in stride(from: 0, to: observations.count, by: Self.chunkSize) {
            progress(Double(start) / Double(observations.count))
            let chunk = Array(observations[start..<min(start + Self.chunkSize, observations.count)])
            if let difference = try firstDifference(in: chunk, inputs) { return difference }
        }
        return nil
    }

    /// Values of floating point that are computed, not constant, in the order of the graph.
    private func observe(_ inputs: [String: HostTensor]) throws -> [Observation] {
        let interpreter = Interpreter(graph)
        var found: [Observation] = []
        interpreter.observer = { [graph] node, results in
            guard !(graph.operation(of: node) is Constant) else { return }
            for (value, tensor) in zip(graph.results(of: node), results) where tensor.type.isFloatingPoint {
                found.append(Observation(node: node, value: value, tensor: tensor))
            }
        }
        defer { interpreter.observer = nil }
        _ = try interpreter.run(
            try graph.inputs.map { port in
                guard let tensor = inputs[port.name] else {
                    throw Diagnostic("run.inputs", "input '\(port.name)' is missing")
                }
                return tensor
            })
        return found
    }

    private func firstDifference(in chunk: [Observation], _ inputs: [String: HostTensor]) throws -> Difference? {
        let variant = try graph.adding(outputs: chunk.map { (name: Self.name($0.value), value: $0.value) })
        let outputs = try Session(try load(variant), states: [:]).run(inputs)
        for observation in chunk {
            guard let got = outputs[Self.name(observation.value)] else { continue }
            let comparison = OutputComparison(got, observation.tensor, tolerance: try scaled(to: observation.tensor))
            if comparison.passes { continue }
            return Difference(
                node: observation.node, origins: graph.origins(of: observation.node),
                operation: Swift.type(of: graph.operation(of: observation.node)).name, reason: "\(comparison)")
        }
        return nil
    }

    private static func name(_ value: ValueID) -> String { "value %\(value.index)" }

    /// The case's tolerance, with what sums inside the model lose to cancellation: elements near 0 of a tensor are off
    /// by a share of its root mean square, not of themselves.
    private func scaled(to tensor: HostTensor) throws -> Tolerance {
        let values = try tensor.doubles().filter(\.isFinite)
        let square = values.reduce(0) { $0 + $1 * $1 } / Double(max(values.count, 1))
        var result = tolerance
        result.atol = max(tolerance.atol, tolerance.rtol * square.squareRoot())
        return result
    }
}

extension Graph {
    /// The same graph with some of its values as further outputs.
    fileprivate func adding(outputs more: [(name: String, value: ValueID)]) throws -> Graph {
        let builder = GraphBuilder(symbols: symbols)
        var renamed = [ValueID](repeating: ValueID(-1), count: values.count)
        for port in inputs { renamed[Int(port.value.index)] = builder.addInput(port.name, type(of: port.value)) }
        for requirement in requirements {
            try builder.require(requirement.left, equals: requirement.right, requirement.what)
        }
        for node in nodeIDs {
            builder.origin = origins(of: node)
            let results = try builder.add(operation(of: node), operands(of: node).map { renamed[Int($0.index)] })
            for (old, new) in zip(self.results(of: node), results) { renamed[Int(old.index)] = new }
        }
        let ports = outputs + more.map { GraphPort($0.name, $0.value) }
        return try builder.finish(outputs: ports.map { GraphPort($0.name, renamed[Int($0.value.index)]) })
    }
}
