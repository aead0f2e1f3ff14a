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
/// `MARTLET_FUZZ` is the number of graphs, `MARTLET_SEED` the first seed and `MARTLET_OPERATIONS` the operations of each,
/// where more than a few are wanted.
@Suite struct RandomGraphTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private static func number(_ name: String, otherwise usual: Int) -> Int {
        getenv(name).flatMap { Int(String(cString: $0)) } ?? usual
    }

    /// Runs of a model by the names of its inputs.
    private typealias Run = ([String: HostTensor]) throws -> [String: HostTensor]

    @Test func compiledAndInterpretedAgree() throws {
        try check { graph, seed in
            let model = try Model(graph, options: folder.options(threads: 1 + seed % 2))
            return { try model.run($0) }
        }
    }

    /// Kernels for several targets touch nothing but their operands, and compute the same.
    @Test func kernelsStayInTheirOperands() throws {
        let targets = try ["x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"].map { try CodegenTarget(named: $0) }
        try check { graph, seed in
            let run = try CheckedRun(graph, target: targets[seed % targets.count])
            return { try run.run($0) }
        }
    }

    /// Compares the interpreter with what `prepare` makes of each graph and its seed.
    private func check(_ prepare: (Graph, Int) throws -> Run) throws {
        let first = Self.number("MARTLET_SEED", otherwise: 1)
        let count = Self.number("MARTLET_FUZZ", otherwise: 40)
        let operations = Self.number("MARTLET_OPERATIONS", otherwise: 12)
        var agreed = 0
        for seed in first..<first + count {
            var (graph, isExact, generator) = try RandomGraph.make(seed: UInt64(seed), operations: operations)
            let run: Run
            do {
                run = try prepare(graph, seed)
            } catch {
                Issue.record(error, "seed \(seed)")
                continue
            }
            let judge = ReferenceRunner(graph)
            for (n, m) in RandomGraph.sizes {
                let inputs = try generator.inputs(n: n, m: m)
                let (expected, found) = (Result { try judge.run(inputs) }, Result { try run(inputs) })
                let both = compare(found, expected, isExact, "seed \(seed), n = \(n), m = \(m)")
                agreed += both ? 1 : 0
            }
        }
        // Few graphs have data that both refuse.
        #expect(agreed > count * RandomGraph.sizes.count * 9 / 10)
    }

    private typealias Outputs = Result<[String: HostTensor], any Error>

    /// Whether both give outputs, which then must agree. Both may refuse the data, but not one alone.
    private func compare(_ found: Outputs, _ expected: Outputs, _ isExact: [Bool], _ what: String) -> Bool {
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
            return true
        case (.failure(let error), .success): Issue.record("\(what): compiled, it throws \(error)")
        case (.success, .failure(let error)): Issue.record("\(what): interpreted, it throws \(error)")
        case (.failure, .failure): break
        }
        return false
    }
}
