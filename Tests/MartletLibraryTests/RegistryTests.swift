import Foundation
import MartletCore
import MartletIR
import MartletLibrary
import TestSupport
import Testing

/// The build lists primitives and kept functions; nobody keeps a list by hand.
@Suite struct RegistryTests {
    @Test func primitivesHaveDifferentNames() {
        let names = OperationRegistry.primitives.map { $0.name }
        #expect(Set(names).count == names.count && names.count >= 24)
        for name in ["map", "slice", "contract", "loop"] { #expect(OperationRegistry()[name] != nil, "\(name)") }
    }

    @Test func keptFunctionsReadBack() throws {
        let recorder = Recorder()
        let x = recorder.input("x", TensorType(.float32, [2, 3]))
        let graph = try recorder.finish([(name: "y", tensor: try recorder.record { try x.softmax(axis: 1) })])
        #expect(graph.text.contains("softmax"))
        #expect(try Graph(text: graph.text, registry: .library).text == graph.text)
        #expect(throws: (any Error).self) { try Graph(text: graph.text) }
    }

    /// `--disable` and bisection know rules by the lists of the operations: no rule may be missing there.
    @Test func everyRuleOfTheSourcesIsListed() throws {
        let root = URL(fileURLWithPath: Shell.package)
        var named: Set<String> = []
        for module in ["MartletIR", "MartletLibrary"] {
            let folder = root.appending(path: "Sources/\(module)")
            let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            for case let file as URL in try #require(files) where file.pathExtension == "swift" {
                let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                let text = lines.filter { !$0.contains("///") }.joined(separator: "\n")
                for match in text.matches(of: /(?:rules\.allows|rules\.count|apply)\("([a-z0-9-]+)"/) {
                    named.insert(String(match.1))
                }
            }
        }
        #expect(named.count > 10)
        // Raising counts its calls under the name of the pass, which the compiler lists.
        #expect(named.subtracting(OperationRegistry.library.ruleNames) == ["raise-kept-calls"])
    }
}
