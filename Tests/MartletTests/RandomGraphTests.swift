import Glibc
import Martlet
import MartletCompiler
import MartletCore
import MartletIR
import MartletONNX
import TestSupport
import Testing

/// Random graphs, compiled and interpreted, with inputs of several sizes each.
///
/// `MARTLET_FUZZ` is the number of graphs, and `MARTLET_SEED` the first seed, where more than a few are wanted.
@Suite struct RandomGraphTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

    @Test func compiledAndInterpretedAgree() throws {
        let first = Self.number("MARTLET_SEED") ?? 1
        for seed in first..<first + (Self.number("MARTLET_FUZZ") ?? 40) {
            var (graph, isExact, generator) = try RandomGraph.make(
                seed: UInt64(seed), operations: Self.number("MARTLET_OPERATIONS") ?? 12)
            let comment = Comment(rawValue: "seed \(seed)")
            let model: Model
            do {
                model = try Model(graph, options: folder.options(threads: 1 + seed % 2))
            } catch {
                Issue.record(error, comment)
                continue
            }
            let judge = ReferenceRunner(graph)
            for (n, m) in RandomGraph.sizes {
                let inputs = try generator.inputs(n: n, m: m)
                let expected = Result { try judge.run(inputs) }
                let found = Result { try model.run(inputs) }
                compare(found, expected, isExact, "seed \(seed), n = \(n), m = \(m)")
            }
        }
    }

    /// Kernels for several targets touch nothing but their operands, and compute the same.
    @Test func kernelsStayInTheirOperands() throws {
        let targets = try ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"].map { try CodegenTarget(named: $0) }
        let first = Self.number("MARTLET_SEED") ?? 1
        for seed in first..<first + (Self.number("MARTLET_FUZZ") ?? 40) {
            var (graph, isExact, generator) = try RandomGraph.make(
                seed: UInt64(seed), operations: Self.number("MARTLET_OPERATIONS") ?? 12)
            let run = try CheckedRun(graph, target: targets[seed % targets.count])
            let judge = ReferenceRunner(graph)
            for (n, m) in RandomGraph.sizes {
                let inputs = try generator.inputs(n: n, m: m)
                let (expected, found) = (Result { try judge.run(inputs) }, Result { try run.run(inputs) })
                compare(found, expected, isExact, "seed \(seed), n = \(n), m = \(m)")
            }
        }
    }

    private typealias Outputs = Result<[String: HostTensor], any Error>

    private func compare(_ found: Outputs, _ expected: Outputs, _ isExact: [Bool], _ what: String) {
        switch (found, expected) {
        case (.success(let found), .success(let expected)):
            for (number, isExact) in isExact.enumerated() {
                guard let left = found["y\(number)"], let right = expected["y\(number)"] else {
                    Issue.record("\(what): y\(number) is not there")
                    continue
                }
                let tolerance = isExact ? Tolerance(rtol: 0, atol: 0) : Tolerance(rtol: 1e-4, atol: 1e-4)
                let comparison = OutputComparison(left, right, tolerance: tolerance)
                #expect(comparison.passes, "\(what), y\(number): \(comparison)")
            }
        case (.failure(let error), .success): Issue.record("\(what): compiled, it throws \(error)")
        case (.success, .failure(let error)): Issue.record("\(what): interpreted, it throws \(error)")
        case (.failure, .failure): break
        }
    }
}
