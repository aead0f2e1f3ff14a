import Martlet

/// Runs the model whose file is given, on zeros; without a file, a small network that is written here.
@main
struct Quickstart {
    static func main() async throws {
        if let path = CommandLine.arguments.dropFirst().first {
            try await runFile(path)
        } else {
            try runTraced()
        }
    }

    /// A model from a file: compiled on first use, then taken from the cache.
    static func runFile(_ path: String) async throws {
        let model = try await Model(path)
        var inputs: [String: HostTensor] = [:]
        for input in model.inputs {
            print("input \(input)")
            inputs[input.name] = try HostTensor(zeros: input.type, shape: input.shape.map { $0.size ?? 1 })
        }
        let outputs = try await model(inputs)
        for output in model.outputs {
            if let tensor = outputs[output.name] { print("output \(output.name): \(tensor)") }
        }
    }

    /// A layer written in Swift, traced into a graph and compiled for any number of rows.
    static func runTraced() throws {
        let weights = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])
        let graph = try trace([TraceInput("x", .float32, ["rows", 3])]) { x in
            ["y": try x[0].matmul(weights).relu()]
        }
        let model = try Model(graph)
        let x = try HostTensor([1, 0, -1, 0, 1, 1] as [Float], shape: [2, 3])
        if let y = try model.run(["x": x])["y"] { print("\(y):", try y.array(of: Float.self)) }
    }
}
