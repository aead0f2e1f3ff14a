import Glibc
import Martlet
import MartletCore
import TestSupport
import Testing

/// `compile` as a user takes it apart: dumps, edits and goes on; looks at reasons and times; repeats a failure.
@Suite(.enabled(if: Command.path != nil)) struct StageCommandTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func martlet(_ arguments: String) throws -> (status: Int32, output: String) {
        try Command.run(arguments, cache: "\(folder.path)/cache")
    }

    /// A call of the command as a line of the shell.
    private func line(_ arguments: some StringProtocol) -> String {
        "MARTLET_CACHE='\(folder.path)/cache' '\(Command.path ?? "")' \(arguments)"
    }

    private func write(_ text: String, _ name: String) throws -> String {
        let path = "\(folder.path)/\(name)"
        try AtomicFile.write(Array(text.utf8), to: path)
        return path
    }

    private func read(_ name: String) throws -> String {
        try MappedFile(path: "\(folder.path)/\(name)").withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// `y = softmax(x + x) * weights`, with weights too many to be printed.
    private func model() throws -> String {
        let weights = (0..<100).map { "\(Float($0) / 8)" }.joined(separator: ", ")
        let parts = (0..<2).map { _ in "f32[2, 50] [\(weights)]" }
        return try write(
            """
            graph () {
              %0 = input "x" : f32[2, 100]
              %1 = map {op = add} (%0, %0) : f32[2, 100] @ "sum"
              %2 = softmax {axes = [1]} (%1) : f32[2, 100] @ "soft"
              %3 = constant {value = \(parts[0])} : f32[2, 50]
              %4 = constant {value = \(parts[1])} : f32[2, 50]
              %5 = concat {axis = 1} (%3, %4) : f32[2, 100] @ "weights"
              %6 = map {op = mul} (%2, %5) : f32[2, 100] @ "product"
              output "y" %6
            }

            """, "model.txt")
    }

    /// The output of a model for a fixed input.
    private func output(of model: String) throws -> [Float] {
        let x = try HostTensor((0..<200).map { Float($0 % 7) }, shape: [2, 100])
        try Npy.write(x, to: "\(folder.path)/x.npy")
        let run = try martlet("run '\(model)' --input x='\(folder.path)/x.npy' --output '\(folder.path)/out'")
        #expect(run.status == 0, "\(run.output)")
        return try Npy.read(path: "\(folder.path)/out/y.npy").array(of: Float.self)
    }

    @Test(arguments: ["import", "canonical"]) func goesOnFromAnEditedGraph(stage: String) throws {
        let (model, first, second) = (try model(), "\(folder.path)/1.martlet", "\(folder.path)/2.martlet")
        let dump = try martlet("compile '\(model)' -o '\(first)' --dump \(stage)='\(folder.path)/d'")
        #expect(dump.status == 0, "\(dump.output)")
        let text = try read("d/graph.\(stage).txt")
        #expect(text.contains("softmax") == (stage == "import"))
        #expect(text.contains("resource") && Files.exist("\(folder.path)/d/graph.\(stage).weights.onnx"))
        let start = "\(folder.path)/d/graph.\(stage).txt"
        let again = try martlet("compile '\(model)' -o '\(second)' --start-from \(stage)='\(start)'")
        #expect(again.status == 0, "\(again.output)")
        let expected = try output(of: first)
        #expect(try output(of: second) == expected)
        // The product becomes a sum.
        let edited = text.split(separator: "\n").map { line in
            line.contains("@ \"product\"") ? line.replacing("mul", with: "add") : line
        }
        _ = try write(edited.joined(separator: "\n") + "\n", "d/graph.\(stage).txt")
        #expect(try martlet("compile '\(model)' -o '\(second)' --start-from \(stage)='\(start)'").status == 0)
        let sums = try output(of: second)
        #expect(zip(sums, expected).contains { $0 != $1 } && sums.allSatisfy { $0 >= 0 })
    }

    /// Two texts that are equal but for the constants beside them are two models.
    @Test func constantsBesideATextAreAPartOfTheModel() throws {
        let model = try write(
            """
            graph () {
              %0 = input "x" : f32[2, 100]
              %1 = constant {value = resource "w" : f32[2, 100]} : f32[2, 100]
              %2 = map {op = add} (%0, %1) : f32[2, 100]
              output "y" %2
            }

            """, "w.txt")
        let missing = try martlet("inspect '\(model)'")
        #expect(missing.status == 1 && missing.output.contains("w.weights.onnx"))
        for weight in [1, 2] as [Float] {
            let weights = try HostTensor([Float](repeating: weight, count: 200), shape: [2, 100])
            try GraphFile.write(try read("w.txt"), resources: ["w": weights], to: model)
            #expect(try output(of: model) == (0..<200).map { Float($0 % 7) + weight })
        }
    }

    @Test func goesOnFromEditedKernels() throws {
        let model = try write(
            """
            graph () {
              %0 = input "x" : f32[2, 100]
              %1 = map {op = add} (%0, %0) : f32[2, 100]
              output "y" %1
            }

            """, "double.txt")
        let engine = "\(folder.path)/e.martlet"
        #expect(try martlet("compile '\(model)' -o '\(engine)' --dump kernels='\(folder.path)/k'").status == 0)
        let sums = try output(of: engine)
        let text = try read("k/k0.kernels.txt")
        let edited = text.replacing("fadd", with: "fmul")
        #expect(edited != text, "\(text)")
        _ = try write(edited, "k/k0.kernels.txt")
        let again = try martlet("compile '\(model)' -o '\(engine)' --start-from kernels='\(folder.path)/k'")
        #expect(again.status == 0, "\(again.output)")
        #expect(try output(of: engine) == sums.map { $0 * $0 / 4 })
        _ = try write("kernel k() { nonsense }", "k/k0.kernels.txt")
        let wrong = try martlet("compile '\(model)' -o '\(engine)' --start-from kernels='\(folder.path)/k'")
        #expect(wrong.status == 1 && wrong.output.contains("k0.kernels.txt"))
    }

    @Test func namesOfRulesAreChecked() throws {
        let rules = try martlet("doctor --rules --json")
        let document = try JSONValue(parsing: Array(rules.output.utf8))
        let names = document["rules"]?.array?.compactMap(\.string) ?? []
        #expect(names.contains("fold-constants") && names.contains("transpose-twice"))
        #expect(document["passes"]?.array?.contains(.string("expand-kept-calls")) == true)
        let model = try model()
        let unknown = try martlet("compile '\(model)' -o '\(folder.path)/e.martlet' --disable transpose-thrice")
        #expect(unknown.status == 2 && unknown.output.contains("transpose-thrice"))
        #expect(try martlet("compile '\(model)' -o '\(folder.path)/e.martlet' --disable transpose-twice").status == 0)
    }

    @Test func stagesSayTheirTimeAndMemory() throws {
        let model = try model()
        let result = try martlet("compile '\(model)' -o '\(folder.path)/e.martlet' --json")
        let stages = try JSONValue(parsing: Array(result.output.utf8))["stages"]?.array ?? []
        let names = stages.compactMap { $0["name"]?.string }
        let wanted: Set = ["import", "pass expand-kept-calls", "fused", "kernels", "llvm", "machine code", "placed"]
        #expect(wanted.isSubset(of: names))
        for stage in stages {
            #expect(stage["milliseconds"]?.number.map { $0 >= 0 } ?? false)
            #expect(stage["peakBytes"]?.integer.map { $0 > 1 << 20 } ?? false)
        }
        let table = try martlet("compile '\(model)' -o '\(folder.path)/e.martlet' --passes")
        #expect(table.output.contains("machine code"))
    }

    @Test func aFailureLeavesWhatRepeatsIt() throws {
        let model = try model()
        // Without the pass there is a call that nothing lowers.
        let command = "compile '\(model)' -o '\(folder.path)/e.martlet' --disable expand-kept-calls --fusion-limit 5"
        let failed = try Shell.run("MARTLET_REPRODUCERS='\(folder.path)/failures' \(line(command))")
        #expect(failed.status == 1)
        let words = try #require(failed.output.split(separator: "to repeat it: martlet ").last).split(separator: "\n")[
            0]
        #expect(words.contains("--disable expand-kept-calls") && words.contains("--fusion-limit 5"))
        let again = try Shell.run("MARTLET_REPRODUCERS=off \(line(words))")
        let first = try #require(failed.output.split(separator: "\n").first)
        #expect(again.status == 1 && again.output.hasPrefix(first), "\(again.output)")
    }

    @Test func verifyBisects() throws {
        let kit = try CaseKit(
            "\(folder.path)/wrong", nodes: [CaseKit.node("Add", ["a", "a"], "y")], inputs: [CaseKit.tensor("a", [2])],
            outputs: [CaseKit.tensor("y", [2])])
        try kit.add(set: 0, inputs: [CaseKit.floats([1, 2])], outputs: [CaseKit.floats([2, 5])])
        let result = try martlet("verify '\(kit.path)' --bisect")
        #expect(result.status == 1 && result.output.contains("bisect: it fails without any rewrite or fusion"))
    }

    @Test func whySaysWhatWasLeftUndone() throws {
        let model = try write(
            """
            graph () {
              %0 = input "x" : f32[100, 100]
              %1 = input "v" : f32[100]
              %2 = input "i" : i64[1000]
              %3 = gather {axes = [0], mode = check} (%1, %2) : f32[1000] @ "picked"
              %4 = map {op = exp} (%0) : f32[100, 100] @ "powers"
              %5 = transpose {perm = [1, 0]} (%4) : f32[100, 100]
              %6 = contract {batch_a = [], batch_b = [], contracted_a = [1], contracted_b = [0], result = f32} (%5, %0) : f32[100, 100] @ "product"
              output "y" %3
              output "z" %6
            }

            """, "gather.txt")
        let why = try martlet("inspect '\(model)' --why").output
        #expect(why.contains("picked: not vectorised: each element is read at an index from data"), "\(why)")
        #expect(why.contains("powers: not fused into its readers: an operand of a contraction"), "\(why)")
    }

    @Test func anInterruptLeavesNoHalfWrittenFile() throws {
        // A constant of 100 MB takes its time to be written.
        let weights = "\(folder.path)/big.weights.onnx"
        let model = try write(
            """
            graph () {
              %0 = input "x" : f32[25000000]
              %1 = constant {value = resource "w" : f32[25000000]} : f32[25000000]
              %2 = map {op = add} (%0, %1) : f32[25000000]
              output "y" %2
            }

            """, "big.txt")
        try GraphFile.write(
            try read("big.txt"), resources: ["w": try HostTensor(zeros: .float32, shape: [25_000_000])], to: model)
        #expect(Files.exist(weights))
        let out = "\(folder.path)/out-of-it"
        try Folder.make(out)
        let start = line("compile '\(model)' -o '\(out)/e.martlet'")
        // The signal is sent as soon as something is being written.
        let script = """
            \(start) & pid=$!; for i in $(seq 2000); do [ -n "$(ls '\(out)')" ] && break; sleep 0.005; done; \
            kill -INT $pid; wait $pid
            """
        let result = try Shell.run(script)
        #expect(result.status == 130, "\(result)")
        let left = Folder.names(in: out)
        #expect(left.isEmpty || left == ["e.martlet"])
        if !left.isEmpty { #expect(try martlet("inspect '\(out)/e.martlet' --check").status == 0) }
    }
}

private enum Files {
    static func exist(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
