import Martlet
import MartletCompiler
import MartletCore
import MartletONNX
import TestSupport
import Testing

/// The kernels of ONNX's suite, interpreted in memory of their operands alone: a quarter of the cases for each target.
@Suite(
    .enabled(
        if: Prepared.has("suite"), "no prepared cases; set MARTLET_PREPARED to the folder that holds suite/"))
struct CheckedSuiteTests {
    private static let targets = ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"]
    /// Without `MARTLET_LONG`, one case of so many.
    private static let share = Prepared.isLong ? 1 : 8
    /// Codes of what is not imported or compiled, and of what takes too many instructions.
    private static func isExcused(_ code: String) -> Bool {
        ["compile.", "onnx.", "type.", "vector.limit"].contains { code.hasPrefix($0) }
    }

    @Test(arguments: targets.indices) func kernelsStayInTheirOperands(number: Int) throws {
        let target = try CodegenTarget(named: Self.targets[number])
        let step = Self.targets.count * Self.share
        let folders = try CaseFolder.all(in: "\(Prepared.folder)/suite")
        var agreed = 0
        for position in stride(from: number, to: folders.count, by: step) {
            let folder = folders[position]
            do {
                agreed += try agrees(folder, target) ? 1 : 0
            } catch let diagnostic as Diagnostic where Self.isExcused(diagnostic.code) {
                continue
            } catch let diagnostics as Diagnostics where diagnostics.all.allSatisfy({ Self.isExcused($0.code) }) {
                continue
            } catch {
                Issue.record("\(folder.name): \(error)")
            }
        }
        // Not all compile, and those with images of some size take too many instructions.
        #expect(agreed > folders.count / step * 4 / 5)
    }

    private func agrees(_ folder: CaseFolder, _ target: CodegenTarget) throws -> Bool {
        let graph = try Model.graph(folder.modelPath)
        let run = try CheckedRun(graph, target: target, limit: 1 << 21)
        let judge = ReferenceRunner(graph)
        let model = try ONNXModel.load(path: folder.modelPath).graph
        for set in folder.dataSets {
            var inputs: [String: HostTensor] = [:]
            for entry in try set.arguments(for: model) {
                if case .tensor(let tensor) = entry.value { inputs[entry.name] = tensor }
            }
            guard let expected = try? judge.run(inputs) else { return false }
            let found = try run.run(inputs)
            for (name, tensor) in found {
                let comparison = OutputComparison(
                    tensor, try #require(expected[name]), tolerance: Tolerance(rtol: 1e-3, atol: 1e-4))
                #expect(comparison.passes, "\(folder.name), '\(name)': \(comparison)")
            }
        }
        return true
    }
}
