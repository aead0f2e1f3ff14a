import Glibc
import Martlet
import MartletONNX
import TestSupport
import Testing

/// `Scripts/replay` tells a change of generated code from none.
@Suite(.enabled(if: Command.path != nil && access("/usr/bin/env", X_OK) == 0)) struct ReplayTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Runs the script of the package.
    private func replay(_ arguments: String) throws -> (status: Int32, output: String) {
        try Shell.run("MARTLET_CACHE='\(folder.path)/cache' '\(Shell.package)/Scripts/replay' \(arguments)")
    }

    private func record(_ name: String, _ operations: [String: String]) throws {
        let cases = "\(folder.path)/cases-\(name)/cases"
        for (place, operation) in operations {
            _ = try CaseKit(
                "\(cases)/\(place)", nodes: [CaseKit.node(operation, ["a", "b"], "y")],
                inputs: [CaseKit.tensor("a", [8]), CaseKit.tensor("b", [8])], outputs: [CaseKit.tensor("y", [8])])
        }
        let command = try #require(Command.path)
        let result = try replay("record '\(folder.path)/\(name)' '\(cases)' --martlet '\(command)'")
        #expect(result.status == 0, "\(result.output)")
    }

    @Test func twoRunsAreTheSameAndAChangeIsSeen() throws {
        try record("first", ["one": "Add", "two": "Mul", "three": "NoSuchOperator"])
        try record("second", ["one": "Add", "two": "Mul", "three": "NoSuchOperator"])
        try record("third", ["one": "Add", "two": "Sub", "three": "NoSuchOperator"])
        let same = try replay("compare '\(folder.path)/first' '\(folder.path)/second'")
        #expect(same == (0, "no difference in 3 models\n"))
        let changed = try replay("compare '\(folder.path)/first' '\(folder.path)/third'")
        #expect(changed.status == 1 && changed.output.contains("1 of 3 models differ"), "\(changed.output)")
        #expect(changed.output.contains("fmul") && changed.output.contains("fsub"), "\(changed.output)")
    }
}
