import Foundation
import Martlet

/// Says what the compiler made of a model, and how fast the reference interpreter is beside it.
struct CompilationReport {
    private let model: Model
    private let graph: Graph

    init(_ model: Model, file: URL) throws {
        self.model = model
        graph = try Model.graph(file.path)
    }

    /// Lines about fusion and memory for one run on these inputs.
    func lines(_ inputs: [String: HostTensor]) throws -> [String] {
        let engine = model.engine.engine
        let shapes = model.inputs.map { inputs[$0.name]?.shape ?? [] }
        let plan = try model.engine.plan(for: shapes)
        let nodes = graph.operations.isEmpty ? 0 : graph.nodes.count
        var lines = [
            "  \(nodes) operations of the graph became \(engine.stepCount) steps on \(engine.kernels.count) kernels",
            "  memory: \(kib(plan.arenaByteCount)) for values, \(kib(plan.scratchByteCount)) of scratch, "
                + "\(kib(engine.weights.count)) of weights",
        ]
        if let largest = engine.steps.max(by: { $0.origins.count < $1.origins.count }), largest.origins.count > 1 {
            let names = largest.origins.prefix(3).map { $0.split(separator: "/").suffix(2).joined(separator: "/") }
            lines.append(
                "  fused the most, \(largest.origins.count) nodes in one kernel: \(names.joined(separator: ", ")), …")
        }
        return lines
    }

    /// Milliseconds that the reference interpreter takes for one run.
    func interpreterMilliseconds(_ inputs: [String: HostTensor]) throws -> Double {
        let operands = try graph.inputs.map { port in
            guard let tensor = inputs[port.name] else { throw Problem("no value for input '\(port.name)'") }
            return tensor
        }
        let start = ContinuousClock.now
        _ = try Interpreter(graph).run(operands)
        return (ContinuousClock.now - start).milliseconds
    }

    private func kib(_ bytes: Int) -> String { "\((bytes + 1023) / 1024) KiB" }
}
