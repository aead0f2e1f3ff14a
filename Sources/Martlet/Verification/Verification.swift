package import MartletCompiler
package import MartletCore
package import MartletIR
package import MartletONNX
import MartletRuntime

/// Runs the model of a case on its data sets and compares the outputs with those that the case expects.
package struct Verification {
    /// How a case is verified.
    package struct Options: Sendable {
        /// What runs the model.
        package var engine = VerifiedEngine.compiled
        /// How it is compiled.
        package var model = ModelOptions()
        /// Whether it is compiled for exactly the shapes of each data set.
        package var usesShapesOfData = false
        /// Whether only types and shapes of outputs are compared: their values are random.
        package var comparesShapesOnly = false
        /// Passes and local rules that must not run, in the import and in the compiler.
        package var rules = RuleSet.Options()
        /// Changes other options of the compiler; the cache of engines is then not used.
        package var adjust: (@Sendable (inout CompilerOptions) -> Void)?

        /// Whether the model is compiled as it always is, so that an engine of the cache will do.
        fileprivate var isPlain: Bool {
            adjust == nil && rules.disabled.isEmpty && rules.limit == nil && rules.log == nil
        }

        /// The defaults verify the compiled engine.
        package init() {}
    }

    /// An output that is not as expected.
    package struct Failure: Sendable {
        /// Number of the data set.
        package let dataSet: Int
        /// Whether the set was run as a part of a stream.
        package let isStream: Bool
        /// Name of the output.
        package let output: String
        /// What is wrong with it.
        package let reason: String
    }

    /// What came out.
    package struct Report: Sendable {
        /// Outputs that are not as expected.
        package var failures: [Failure] = []
        /// Data sets run alone.
        package var aloneCount = 0
        /// Data sets run as parts of streams.
        package var streamCount = 0
        /// Largest absolute difference of all elements compared.
        package var maximumError = 0.0
        /// Largest norm of a difference relative to that of the expected tensor.
        package var relativeL2 = 0.0
    }

    package let folder: CaseFolder
    package let options: Options
    private let model: ONNXModel

    /// Loads the model of a case.
    ///
    /// - Throws: `Diagnostic` if it cannot be read.
    package init(_ folder: CaseFolder, options: Options = Options()) throws {
        self.folder = folder
        self.options = options
        model = try ONNXModel.load(path: folder.modelPath)
    }

    /// Runs every data set alone, then every stream.
    ///
    /// - Throws: what importing, compiling and running say.
    package func run() throws -> Report {
        guard !folder.dataSets.isEmpty else {
            throw Diagnostic("case.no-data", "the case has no data set", at: .file(path: folder.path, offset: nil))
        }
        var report = Report()
        var runners = Runners(self)
        for set in folder.dataSets {
            let outputs = try runners.runner(for: set).run(try inputs(of: set))
            try compare(outputs, set, isStream: false, &report)
        }
        for stream in folder.state?.streams ?? [] {
            guard let first = folder.dataSets.first(where: { stream.contains($0.number) }) else { continue }
            var runner = try runners.runner(for: first)
            for set in folder.dataSets where stream.contains(set.number) {
                let all = try inputs(of: set)
                let isFirst = set.number == stream.lowerBound
                let outputs = isFirst ? try runner.begin(all) : try runner.proceed(all.filter { links[$0.key] == nil })
                try compare(outputs, set, isStream: true, &report)
            }
        }
        return report
    }

    /// The links of the case's streams: outputs by the inputs that they become.
    private var links: [String: String] {
        Dictionary((folder.state?.links ?? []).map { ($0.input, $0.output) }) { first, _ in first }
    }

    /// The model, made ready once for each choice of shapes.
    private struct Runners {
        private let verification: Verification
        private var known: [[String: [Int]]: any CaseRunner] = [:]

        init(_ verification: Verification) { self.verification = verification }

        mutating func runner(for set: CaseDataSet) throws -> any CaseRunner {
            let options = try verification.modelOptions(for: set)
            if let runner = known[options.shapes] { return runner }
            let runner = try verification.makeRunner(options)
            known[options.shapes] = runner
            return runner
        }
    }

    private func makeRunner(_ options: ModelOptions) throws -> any CaseRunner {
        switch self.options.engine {
        case .reference: ReferenceRunner(try graph(options), links: links)
        case .compiled: try CompiledRunner(try load(options), links: links)
        }
    }

    private func load(_ options: ModelOptions) throws -> LoadedEngine {
        let loader = try ModelLoader(options)
        if self.options.isPlain { return try loader.load(path: folder.modelPath) }
        return try loader.load(try graph(options), name: folder.name) {
            $0.rules = self.options.rules
            self.options.adjust?(&$0)
        }
    }

    /// The graph that the case's model is imported as.
    package func graph(_ options: ModelOptions) throws -> Graph {
        try ONNXImporter.import(model, options: ImportOptions(shapes: options.shapes, rules: self.options.rules)).graph
    }

    /// The model options, with the shapes of a data set where those are asked for.
    package func modelOptions(for set: CaseDataSet) throws -> ModelOptions {
        var result = options.model
        guard options.usesShapesOfData else { return result }
        for (name, tensor) in try inputs(of: set) where result.shapes[name] == nil {
            result.shapes[name] = tensor.shape
        }
        return result
    }

    /// The inputs of a data set by name.
    package func inputs(of set: CaseDataSet) throws -> [String: HostTensor] {
        var result: [String: HostTensor] = [:]
        for entry in try set.arguments(for: model.graph) {
            guard case .tensor(let tensor) = entry.value else {
                throw Diagnostic("verify.unsupported-kind", "input '\(entry.name)' is no tensor")
            }
            result[entry.name] = tensor
        }
        return result
    }

    private func compare(
        _ outputs: [String: HostTensor], _ set: CaseDataSet, isStream: Bool, _ report: inout Report
    ) throws {
        if isStream { report.streamCount += 1 } else { report.aloneCount += 1 }
        for expected in try set.outputs(for: model.graph) {
            func fail(_ reason: String) {
                report.failures.append(
                    Failure(dataSet: set.number, isStream: isStream, output: expected.name, reason: reason))
            }
            guard let got = outputs[expected.name] else {
                fail("the output is missing")
                continue
            }
            if options.comparesShapesOnly, case .tensor(let tensor) = expected.value {
                if got.type != tensor.type || got.shape != tensor.shape { fail("got \(got), expected \(tensor)") }
                continue
            }
            let comparison = OutputComparison(.tensor(got), expected.value, tolerance: folder.tolerance)
            report.maximumError = max(report.maximumError, comparison.maximumError)
            report.relativeL2 = max(report.relativeL2, comparison.relativeL2)
            if !comparison.passes { fail("\(comparison)") }
        }
    }
}

extension Diagnostic {
    /// Whether it says that something is not supported rather than that something went wrong.
    package var isUnsupported: Bool {
        code.contains("unsupported") || code.hasPrefix("compile.")
            || ["onnx.unknown-operator", "onnx.input-type", "onnx.version", "onnx.region-result"].contains(code)
    }
}
