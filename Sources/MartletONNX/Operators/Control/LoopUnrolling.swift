import MartletCore
import MartletIR
import MartletLibrary

/// A loop whose turns are imported one after the other.
enum LoopUnrolling {
    /// The results of a loop with a state that is no tensor; nil for other loops.
    static func results(_ node: inout ImportedNode) throws -> [Tensor?]? {
        let isTensor = { (value: ImportedValue?) in if case .tensor? = value { true } else { false } }
        guard node.inputCount > 2, !node.values[2...].allSatisfy(isTensor) else { return nil }
        let own = node
        var states = try (2..<node.inputCount).map { try own.value($0) }
        guard let turns = try node.integers(0, "the number of turns of a loop over sequences")?.first else {
            throw Diagnostic("onnx.dynamic", "a loop over sequences needs a known number of turns")
        }
        var goesOn = try node.optional(1).map { try isTrue($0) } ?? true
        var stacked: [[Tensor]] = []
        for turn in 0..<max(0, turns) where goesOn {
            let inputs: [ImportedValue] = [.tensor(.number(turn)), .tensor(Tensor(HostTensor(scalar: true)))] + states
            let results = try node.values(of: "body", inputs).map { value -> ImportedValue in
                guard let value else { throw Diagnostic("onnx.output", "a result of the body does not exist") }
                return value
            }
            guard results.count > states.count, case .tensor(let condition) = results[0] else {
                throw Diagnostic("onnx.graph-outputs", "the body does not fit \(states.count) states")
            }
            goesOn = try isTrue(condition)
            states = Array(results[1...states.count])
            let slices = try results.dropFirst(states.count + 1).map { value -> Tensor in
                guard case .tensor(let tensor) = value else {
                    throw Diagnostic("onnx.region-result", "a result that is stacked must be a tensor")
                }
                return try tensor.unsqueezed(axes: [0])
            }
            stacked.append(slices)
        }
        for (number, state) in states.enumerated() { node.otherResults[number] = state }
        return Array(repeating: nil, count: states.count) + (try joined(stacked))
    }

    private static func joined(_ turns: [[Tensor]]) throws -> [Tensor] {
        guard let first = turns.first else { return [] }
        return try first.indices.map { number in try Tensor.concatenate(turns.map { $0[number] }, axis: 0) }
    }

    private static func isTrue(_ condition: Tensor) throws -> Bool {
        guard let value = try condition.concrete?.ints().first else {
            throw Diagnostic("onnx.dynamic", "the condition of a loop over sequences must be known")
        }
        return value != 0
    }
}
