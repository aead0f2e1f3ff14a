import Martlet
import MartletCore
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

extension Prepared {
    static let magika = "real/magika"
    static let silero = "real/silero-vad-16k-op15"
    static let miniLM = "onnx/minilm_l6"
    static let resNet = "onnx/resnet50"
    static let greedyLoop = "onnx/greedy_loop"

    /// A trait of tests that need these cases.
    static func needs(_ names: String...) -> ConditionTrait {
        let missing = names.filter { !hasModel($0) }
        return .enabled(
            if: missing.isEmpty, "no prepared \(missing.joined(separator: ", ")); set MARTLET_PREPARED to their folder")
    }

    /// Those of these cases that are there.
    static func present(_ names: [String]) -> [String] { names.filter(hasModel) }

    static let missing: Comment = "no prepared cases; set MARTLET_PREPARED to the folder that holds onnx/ and real/"

    static func open(_ name: String) throws -> CaseFolder { try CaseFolder(path: "\(folder)/\(name)") }
}

/// A model, and what it is run on: independent sets of inputs, or the steps of a stream.
struct TestRun: Sendable {
    let path: String
    let steps: [[String: HostTensor]]
    /// Outputs that become inputs, by the names of the inputs; none if the steps are independent.
    private(set) var links: [String: String] = [:]

    init(path: String, steps: [[String: HostTensor]], links: [String: String] = [:]) {
        (self.path, self.steps, self.links) = (path, steps, links)
    }

    /// A prepared case, with the inputs of its data sets.
    init(prepared name: String) throws {
        let folder = try Prepared.open(name)
        let graph = try ONNXModel.load(path: folder.modelPath).graph
        path = folder.modelPath
        steps = try folder.dataSets.map { set in
            var inputs: [String: HostTensor] = [:]
            for entry in try set.arguments(for: graph) {
                if case .tensor(let tensor) = entry.value { inputs[entry.name] = tensor }
            }
            return inputs
        }
        for link in folder.state?.links ?? [] { links[link.input] = link.output }
    }

    /// The outputs of all steps in a session of their own, which keeps the state of a stream.
    func outputs(_ engine: LoadedEngine) throws -> [[String: HostTensor]] {
        let session = try Session(engine, states: links)
        return try steps.enumerated().map { number, inputs in
            try session.run(number == 0 ? inputs : inputs.filter { links[$0.key] == nil })
        }
    }
}

/// Where two series of outputs differ; nil if every bit agrees.
func difference(_ one: [[String: HostTensor]], _ other: [[String: HostTensor]]) -> String? {
    guard one.count == other.count else { return "\(one.count) and \(other.count) steps" }
    for (step, (mine, theirs)) in zip(one, other).enumerated() {
        guard mine.keys.sorted() == theirs.keys.sorted() else { return "step \(step): other outputs" }
        for (name, tensor) in mine where theirs[name]?.isIdentical(to: tensor) != true {
            return "step \(step): '\(name)'"
        }
    }
    return nil
}
