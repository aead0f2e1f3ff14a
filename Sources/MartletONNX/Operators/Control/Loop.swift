import MartletCore
import MartletIR

/// The body takes (turn, condition, states…) and gives (condition, states…, slices…).
///
/// Where a state is a sequence or optional, the number of turns must be known, and the turns are imported one by one.
enum Loop: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        if let results = try LoopUnrolling.results(&node) { return results }
        let operands = node
        let trip = try node.optional(0).map { try operands.dim(of: try $0.reshaped(to: []), lower: .min) }
        let condition = try node.optional(1)?.reshaped(to: [])
        let states = try (2..<max(2, node.inputCount)).map { try operands.input($0) }
        let graph = try node.graph("body")
        guard graph.inputs.count == states.count + 2, graph.outputs.count >= states.count + 1 else {
            throw Diagnostic("onnx.graph-inputs", "the body does not fit \(states.count) states")
        }
        let isEndless = condition?.concrete.map { (try? $0.ints().first) == 1 } ?? true
        let givesTrue = isEndless && bodyAlwaysGoesOn(graph)
        if givesTrue && trip == nil {
            throw Diagnostic("onnx.endless", "the loop has neither a number of turns nor a condition that may end it")
        }
        let first = givesTrue ? nil : condition ?? Tensor(HostTensor(scalar: true))
        let result = try Tensor.loop(trip: trip, condition: first, states: states, scanned: []) { turn, states, _ in
            let inner = try operands.results(of: "body", [turn, Tensor(HostTensor(scalar: true))] + states)
            let next = Array(inner[1..<1 + states.count])
            return (givesTrue ? nil : try inner[0].reshaped(to: []), next, Array(inner[(1 + states.count)...]))
        }
        return result.states + result.stacked
    }

    /// Whether the body hands its condition on, so that it never ends the loop.
    private static func bodyAlwaysGoesOn(_ graph: GraphProto) -> Bool {
        guard graph.inputs.count > 1, var name = graph.outputs.first?.name else { return false }
        for _ in 0...graph.nodes.count {
            if name == graph.inputs[1].name { return true }
            guard let node = graph.nodes.first(where: { $0.outputs.contains(name) }) else { return false }
            guard ["Identity", "Cast"].contains(node.opType), let source = node.inputs.first else { return false }
            name = source
        }
        return false
    }
}
