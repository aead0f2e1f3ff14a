import Foundation
import MartletCompiler
import MartletCore
import MartletIR
import Synchronization
import TestSupport
import Testing

/// Texts of stages: each file in `Texts` holds a graph and what a stage makes of it.
///
/// A file has two parts, `=== graph` and `=== STAGE`. `MARTLET_BLESS=1 swift test --filter StageText` writes the second
/// part anew.
@Suite struct StageTextTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Texts")

    static let files: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test func textsAreThere() { #expect(Self.files.count >= 3) }

    @Test(arguments: files)
    func text(_ file: String) throws {
        let url = Self.folder.appending(path: file)
        let parts = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "=== ").dropFirst()
            .map { part in
                let lines = part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
                return (name: String(lines[0]), text: lines.count > 1 ? String(lines[1]) : "")
            }
        let graph = try #require(parts.first { $0.name == "graph" }?.text)
        let stageName = try #require(parts.first { $0.name != "graph" }?.name)
        let stage = try #require(CompilerStage(rawValue: stageName))
        let found = try Self.text(of: stage, for: graph)
        if ProcessInfo.processInfo.environment["MARTLET_BLESS"] == "1" {
            try "=== graph\n\(graph)=== \(stageName)\n\(found)".write(to: url, atomically: true, encoding: .utf8)
        }
        let expected = parts.first { $0.name == stageName }?.text
        #expect(found == expected, "run with MARTLET_BLESS=1 to accept the new text of \(file)")
    }

    private static func text(of stage: CompilerStage, for text: String) throws -> String {
        let recorded = Mutex("")
        var options = CompilerOptions(target: try CodegenTarget(named: "x86-64-v3"))
        options.lastStage = stage
        options.observer = StageObserver(stages: [stage]) { _, texts in
            recorded.withLock { $0 = texts.map(\.text).joined() }
        }
        do {
            _ = try Compiler(options, generator: CodeGenerator()).compile(try Graph(text: text))
        } catch let diagnostic as Diagnostic where diagnostic.code == "compile.stopped" {}
        return recorded.withLock { $0 }
    }
}
