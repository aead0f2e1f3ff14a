import Foundation
import MartletCore
import MartletIR
import MartletONNX
import TestSupport
import Testing

/// A graph with inputs, to be exported and computed by ONNX Runtime.
struct ExportSample: Sendable {
    /// An input of the graph: its values, and names for those extents that are symbols.
    struct Input: Sendable {
        var tensor: HostTensor
        var symbols: [Int: String] = [:]
    }

    typealias Body = @Sendable ([Tensor], Recorder) throws -> [Tensor]

    let name: String
    /// The operator sets that it is exported in.
    var opsets: [Int]
    let inputs: [Input]
    let body: Body
    /// Operators that the model must hold.
    var operators: Set<String>?

    init(
        _ name: String, _ inputs: [Input], opsets: [Int] = [13, 18, 22], operators: Set<String>? = nil,
        _ body: @escaping Body
    ) {
        (self.name, self.inputs, self.opsets, self.operators, self.body) = (name, inputs, opsets, operators, body)
    }

    /// The graph.
    func graph() throws -> Graph {
        let recorder = Recorder()
        var symbols: [String: Symbol] = [:]
        let tensors = inputs.enumerated().map { number, input in
            let shape = input.tensor.shape.enumerated().map { axis, extent -> IntExpr in
                guard let name = input.symbols[axis] else { return IntExpr(extent) }
                let symbol = symbols[name] ?? recorder.symbol(name, lower: 1)
                symbols[name] = symbol
                return IntExpr(symbol)
            }
            return recorder.input("x\(number)", TensorType(input.tensor.type, shape))
        }
        let results = try recorder.record { try body(tensors, recorder) }
        return try recorder.finish(results.enumerated().map { (name: "y\($0.offset)", tensor: $0.element) })
    }
}

extension ExportSample.Input {
    /// Values from -2.75 to 2.75, in no order, as floats or as integers four times as large.
    static func ramp(_ type: ElementType, _ shape: [Int], _ symbols: [Int: String] = [:]) throws -> Self {
        let count = shape.reduce(1, *)
        let scale = type.isFloatingPoint ? 0.25 : 1
        let shift = type.isSigned ? 11 : 0
        let values = (0..<count).map { Double(($0 * 7 + 3) % 23 - shift) * scale }
        return Self(tensor: try HostTensor.fromDoubles(values, as: type, shape: shape), symbols: symbols)
    }

    /// The given integers.
    static func integers(
        _ values: [Int64], _ shape: [Int], _ symbols: [Int: String] = [:], as type: ElementType = .int64
    ) throws -> Self {
        Self(tensor: try HostTensor.fromInts(values, as: type, shape: shape), symbols: symbols)
    }

    /// The given numbers.
    static func numbers(_ values: [Double], as type: ElementType = .float32) throws -> Self {
        Self(tensor: try HostTensor.fromDoubles(values, as: type, shape: [values.count]))
    }
}

/// Hands exported models to onnx's checker and to ONNX Runtime.
struct ExportJudge {
    private let folder: TestFolder
    private var paths: [String] = []

    init() throws { folder = try TestFolder() }

    /// Adds a case: a model with inputs and the outputs that it must give.
    mutating func add(_ name: String, _ model: ModelProto, _ inputs: [HostTensor], _ outputs: [HostTensor]) throws {
        let path = "\(folder.path)/\(name)"
        let set = "\(path)/test_data_set_0"
        try FileManager.default.createDirectory(atPath: set, withIntermediateDirectories: true)
        try ONNXModel(model).write(to: "\(path)/model.onnx")
        for (number, tensor) in inputs.enumerated() {
            try WireValue.tensor(tensor).write(to: "\(set)/input_\(number).pb")
        }
        for (number, tensor) in outputs.enumerated() {
            try WireValue.tensor(tensor).write(to: "\(set)/output_\(number).pb")
        }
        paths.append(path)
    }

    /// Adds a model with the data sets and the tolerance of a case.
    mutating func add(_ model: ModelProto, like test: CaseFolder) throws {
        let path = "\(folder.path)/\(test.name)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try ONNXModel(model).write(to: "\(path)/model.onnx")
        for set in test.dataSets {
            let target = URL(fileURLWithPath: set.path).standardizedFileURL.path
            let link = "\(path)/test_data_set_\(set.number)"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
        }
        let tolerance = "\(test.tolerance.rtol) \(test.tolerance.atol)"
        try Data(tolerance.utf8).write(to: URL(fileURLWithPath: "\(path)/tolerance"))
        paths.append(path)
    }

    /// What is wrong with each case, one line each.
    func problems() throws -> [String] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Prepared.python)
        process.arguments = ["-c", Self.script] + paths
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let lines = text.split(separator: "\n").map(String.init)
        return lines.filter { $0 != "done \(paths.count)" } + (lines.last == "done \(paths.count)" ? [] : ["no end"])
    }

    /// Compares with a tolerance for floats, exactly otherwise.
    static let script = """
        import glob, os, sys
        import numpy, onnx, onnxruntime
        from onnx import numpy_helper

        def load(path):
            tensor = onnx.TensorProto()
            tensor.ParseFromString(open(path, "rb").read())
            return numpy_helper.to_array(tensor)

        def check(path, tolerance):
            rtol, atol = tolerance
            model = path + "/model.onnx"
            onnx.checker.check_model(model, full_check=True)
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 4
            options.intra_op_num_threads = 2
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            names = [entry.name for entry in session.get_inputs()]
            for folder in sorted(glob.glob(path + "/test_data_set_*")):
                inputs = {name: load(f"{folder}/input_{k}.pb") for k, name in enumerate(names)}
                for number, got in enumerate(session.run(None, inputs)):
                    compare(f"output {number}", got, load(f"{folder}/output_{number}.pb"), rtol, atol)

        def compare(what, got, wanted, rtol, atol):
            assert got.dtype == wanted.dtype, f"{what}: {got.dtype} for {wanted.dtype}"
            assert got.shape == wanted.shape, f"{what}: {got.shape} for {wanted.shape}"
            if got.dtype.kind == "f":
                numpy.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol, err_msg=what)
            else:
                assert (got == wanted).all(), f"{what}: {got.tolist()} for {wanted.tolist()}"

        for path in sys.argv[1:]:
            stated = path + "/tolerance"
            try:
                check(path, map(float, open(stated).read().split()) if os.path.exists(stated) else (1e-5, 2e-6))
            except BaseException as error:
                print(path.split("/")[-1] + ": " + " ".join(str(error).split())[:600], flush=True)
        print("done", len(sys.argv) - 1)
        """
}

/// Exports samples in their operator sets and lets ONNX Runtime compute what the interpreter computes.
func expectSameOutputs(_ samples: [ExportSample], _ location: SourceLocation = #_sourceLocation) throws {
    var judge = try ExportJudge()
    for sample in samples {
        let graph = try sample.graph()
        let inputs = sample.inputs.map(\.tensor)
        let outputs = try Interpreter(graph).run(inputs)
        for opset in sample.opsets {
            let model = try ONNXExporter.export(graph, opset: opset, name: sample.name)
            if let operators = sample.operators {
                #expect(Set(model.graph?.nodes.map(\.opType) ?? []) == operators, sourceLocation: location)
            }
            try judge.add("\(sample.name)-\(opset)", model, inputs, outputs)
        }
    }
    let problems = try judge.problems()
    #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))", sourceLocation: location)
}

extension Trait where Self == ConditionTrait {
    /// ONNX Runtime must be there.
    static var onnxRuntime: Self { .enabled(if: Prepared.has("venv/bin/python"), "no Python environment prepared") }
}
