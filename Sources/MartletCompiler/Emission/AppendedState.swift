import MartletCore
import MartletEngine
import MartletIR

/// A state that a run only appends to: its output is its input and more behind that along one axis.
///
/// Input and output are then one memory, in which the axis lies outermost, so that nothing that is there moves.
struct AppendedState {
    let input: ValueID
    let output: ValueID
    let growth: Engine.Append
    /// Memory order of both.
    let order: [Int]

    /// The states of a graph that are appended to, and why the others are not.
    static func find(in graph: Graph) throws -> (states: [AppendedState], reasons: [String]) {
        var states: [AppendedState] = []
        var reasons: [String] = []
        for link in graph.states {
            guard let input = graph.inputs.first(where: { $0.name == link.input })?.value,
                let output = graph.outputs.first(where: { $0.name == link.output })?.value
            else { continue }
            switch try AppendedState.make(input, output, graph) {
            case .success(let state): states.append(state)
            case .failure(let refusal): reasons.append("state '\(link.input)': not appended in place: \(refusal.text)")
            }
        }
        return (states, reasons)
    }

    private struct Refusal: Error {
        let text: String
    }

    private static func make(
        _ input: ValueID, _ output: ValueID, _ graph: Graph
    ) throws -> Result<AppendedState, Refusal> {
        guard case .node(let node, 0) = graph.producer(of: output) else {
            return .failure(Refusal(text: "the model does not compute it"))
        }
        let operands = Array(graph.operands(of: node))
        let types = operands.map(graph.type(of:))
        let form = try graph.operation(of: node).kernelForm(operands: types, results: [graph.type(of: output)])
        guard case .loops(let loops) = form, loops.count == 1,
            let concatenation = Concatenation(loops[0], operands: types),
            operands[concatenation.pieces[0].operand] == input, operands.count(where: { $0 == input }) == 1
        else { return .failure(Refusal(text: "it is not the state with more behind it")) }
        if let refusal = try usage(input, output, graph) { return .failure(refusal) }
        let type = graph.type(of: output)
        let upper = type.shape[concatenation.axis].bounds(graph.symbols.ranges).upper
        return .success(
            AppendedState(
                input: input, output: output, growth: Engine.Append(axis: concatenation.axis, capacity: upper),
                order: [concatenation.axis] + (0..<type.rank).filter { $0 != concatenation.axis }))
    }

    /// What stands against one memory in an order of its own.
    private static func usage(_ input: ValueID, _ output: ValueID, _ graph: Graph) throws -> Refusal? {
        if graph.outputs.count(where: { $0.value == output }) != 1
            || graph.outputs.contains(where: { $0.value == input })
        {
            return Refusal(text: "it is several outputs")
        }
        for node in graph.nodeIDs where graph.operands(of: node).contains(where: { $0 == input || $0 == output }) {
            let operands = graph.operands(of: node).map(graph.type(of:))
            let results = graph.results(of: node).map(graph.type(of:))
            let form = try graph.operation(of: node).kernelForm(operands: operands, results: results)
            guard case .loops(let loops) = form, loops.count == 1 else {
                return Refusal(text: "a step that is no loop nest reads it")
            }
        }
        let given = Set(graph.inputs.flatMap { graph.type(of: $0.value).shape.flatMap(\.symbols) })
        guard graph.type(of: output).shape.allSatisfy({ $0.symbols.allSatisfy(given.contains) }) else {
            return Refusal(text: "its size is known only during the run")
        }
        return nil
    }
}
