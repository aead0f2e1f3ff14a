import MartletCore
package import MartletONNX

/// ONNX's own suite as `conformance` runs it.
package enum ConformanceCases {
    /// How a case came out.
    package enum Status: String, Sendable, CaseIterable {
        /// All outputs are as expected.
        case passed
        /// An output is not, or the run failed.
        case failed
        /// The model uses something that Martlet does not have.
        case unsupported
        /// Values are random: types and shapes are as expected.
        case checkedShape = "checked-shape"
        /// The process ended or did not answer in time.
        case crashed
    }

    /// Cases whose values are drawn at random, so that no other implementation can give the recorded ones: type and
    /// shape are compared. (Dropout's were drawn with NumPy's generator; Bernoulli's with none that is specified.)
    private static let random: Set<String> = [
        "test_bernoulli", "test_bernoulli_double", "test_bernoulli_seed", "test_bernoulli_expanded",
        "test_bernoulli_double_expanded", "test_bernoulli_seed_expanded", "test_training_dropout",
        "test_training_dropout_default", "test_training_dropout_mask", "test_training_dropout_default_mask",
    ]

    /// Whether only types and shapes of a case's outputs can be compared.
    package static func isRandom(_ name: String) -> Bool { random.contains(name) }

    /// Runs a case and says how it came out, and why where it did not pass.
    package static func run(_ folder: CaseFolder, _ options: Verification.Options) -> (status: Status, reason: String) {
        var options = options
        options.comparesShapesOnly = isRandom(folder.name)
        do {
            let report = try Verification(folder, options: options).run()
            if let first = report.failures.first { return (.failed, "output '\(first.output)': \(first.reason)") }
            if options.comparesShapesOnly { return (.checkedShape, "the values are random") }
            return (.passed, "")
        } catch let problem as Diagnostic {
            return (problem.isUnsupported ? .unsupported : .failed, "\(problem)")
        } catch let problems as Diagnostics {
            let isUnsupported = !problems.all.isEmpty && problems.all.allSatisfy(\.isUnsupported)
            return (isUnsupported ? .unsupported : .failed, "\(problems)")
        } catch {
            return (.failed, "\(error)")
        }
    }
}
