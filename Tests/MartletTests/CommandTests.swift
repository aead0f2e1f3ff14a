import Martlet
import MartletCore
import TestSupport
import Testing

/// The command as a user calls it. Skipped where it was not built beside the tests.
@Suite(.enabled(if: Command.path != nil)) struct CommandTests {
    private let folder: TestFolder

    init() throws {
        folder = try TestFolder()
        try AtomicFile.write(
            Array(
                """
                graph (n: 1...) {
                  %0 = input "x" : f32[n, 4]
                  %1 = map {op = add} (%0, %0) : f32[n, 4]
                  output "y" %1
                }

                """.utf8), to: "\(folder.path)/double.graph")
    }

    private var file: String { "\(folder.path)/double.graph" }

    private func martlet(_ arguments: String) throws -> (status: Int32, output: String) {
        try Command.run(arguments, cache: "\(folder.path)/cache")
    }

    @Test func versionAndHelp() throws {
        #expect(try martlet("--version") == (0, MartletVersion.text + "\n"))
        let commands = "inspect lint run compile bench verify convert conformance doctor"
        for command in [""] + commands.split(separator: " ").map(String.init) {
            let help = try martlet("\(command) --help")
            #expect(help.status == 0 && help.output.contains("martlet \(command)"), "\(command)")
            #expect(help.output.contains("Example"), "\(command)")
        }
    }

    @Test(arguments: ["nonsense", "run", "bench x --seconds 0", "run x --input y", "compile x"])
    func wrongUsageIsStatusTwo(arguments: String) throws {
        #expect(try martlet(arguments).status == 2)
    }

    @Test func failedJobsAreStatusOneWithTheReason() throws {
        let result = try martlet("inspect '\(folder.path)/missing.onnx'")
        #expect(result.status == 1 && result.output.contains("error[file.open]"))
        #expect(try martlet("lint '\(folder.path)'").status == 1)
    }

    @Test func aModelGoesThroughAllCommands() throws {
        let engine = "\(folder.path)/double.martlet"
        #expect(try martlet("compile '\(file)' -o '\(engine)'").status == 0)
        #expect(try martlet("inspect '\(engine)' --check").status == 0)
        let bench = try martlet("bench '\(engine)' --seconds 0.05 --json")
        #expect(try JSONValue(parsing: bench.output)["open"]?.number ?? 0 > 0)
        let steps = try martlet("inspect '\(engine)' --steps --json")
        #expect(try JSONValue(parsing: Array(steps.output.utf8))["steps"]?.array?.count == 1)
        let x = try HostTensor([1, 2, 3, 4] as [Float], shape: [1, 4])
        try Npy.write(x, to: "\(folder.path)/x.npy")
        for flags in ["", "--engine reference"] {
            let path = flags.isEmpty ? engine : file
            let run = try martlet(
                "run '\(path)' --input x='\(folder.path)/x.npy' --output '\(folder.path)/out' \(flags)")
            #expect(run.status == 0, "\(run.output)")
            #expect(try Npy.read(path: "\(folder.path)/out/y.npy").array(of: Float.self) == [2, 4, 6, 8])
        }
    }

    @Test func variantsAreCompiledListedAndChosen() throws {
        let model = try CaseKit.doubling("\(folder.path)/double")
        let engine = "\(folder.path)/double.martlet"
        let compiled = try martlet("compile '\(model)' -o '\(engine)' --shapes x=4x2 --shapes x=8x2")
        #expect(compiled.status == 0 && compiled.output.contains("3 variants"), "\(compiled.output)")
        let text = try martlet("inspect '\(engine)'").output
        #expect(text.contains("variants: 3; a run takes the first that fits its inputs"))
        #expect(text.contains("variant 2: x [8, 2];") && text.contains("variant 3: x [n, 2], n in "))
        let json = try JSONValue(parsing: Array(martlet("inspect '\(engine)' --json").output.utf8))
        #expect(json["variants"]?.array?.compactMap { $0["sizes"]?.string }.first == "x [4, 2]")
        #expect(json["inputs"]?[0]?["shape"]?[0]?.string == "n")
        #expect(try martlet("inspect '\(engine)' --steps").output.contains("variant 1: x [4, 2]"))
        let special = try martlet("compile '\(model)' -o '\(engine)' --shapes x=4x2 --shapes x=8x2 --no-general")
        #expect(special.status == 0 && special.output.contains("2 variants"))
        try Npy.write(try HostTensor([1, 2] as [Float], shape: [1, 2]), to: "\(folder.path)/x.npy")
        let run = try martlet("run '\(engine)' --input x='\(folder.path)/x.npy' --output '\(folder.path)/out'")
        #expect(run.status == 1 && run.output.contains("plan.no-variant") && run.output.contains("x [4, 2]; x [8, 2]"))
        #expect(try martlet("compile '\(model)' -o '\(engine)' --no-general").status == 2)
        #expect(try martlet("compile '\(file)' -o '\(engine)' --shapes x=1x4").output.contains("model.shapes"))
    }

    @Test func benchServesTimingRequests() throws {
        let requests = "\(folder.path)/requests"
        try AtomicFile.write(Array("run 3\nrun 1\nquit\n".utf8), to: requests)
        let result = try martlet("bench '\(file)' --lines --threads 1 < '\(requests)'")
        let lines = result.output.split(separator: "\n")
        #expect(result.status == 0 && lines.first == "ready" && lines.count == 3)
        #expect(lines.dropFirst().allSatisfy { Double($0).map { $0 > 0 } ?? false })
    }

    /// The number of elements of the output is the value of the input.
    @Test func benchTakesOutputsOfUnknownSize() throws {
        let kit = try ModelKit(
            folder, name: "range", [ModelKit.node("Range", ["zero", "limit", "one"], ["y"])],
            inputs: [ModelKit.value("limit", .int64, [])], outputs: ["y"],
            constants: ["zero": HostTensor(scalar: Int64(0)), "one": HostTensor(scalar: Int64(1))])
        try Npy.write(HostTensor(scalar: Int64(1000)), to: "\(folder.path)/limit.npy")
        let arguments = "'\(kit.path)' --input limit='\(folder.path)/limit.npy' --threads 1"
        let result = try martlet("bench \(arguments) --seconds 0.05 --json")
        #expect(result.status == 0, "\(result.output)")
        #expect(try JSONValue(parsing: result.output)["runs"]?.integer ?? 0 > 0)
        #expect(try martlet("bench \(arguments) --seconds 0.05 --profile '\(folder.path)/profile.json'").status == 0)
    }

    @Test func theGraphReadsBack() throws {
        let graph = try martlet("inspect '\(file)' --graph")
        try AtomicFile.write(Array(graph.output.utf8), to: "\(folder.path)/again.graph")
        #expect(try martlet("inspect '\(folder.path)/again.graph' --graph").output == graph.output)
    }
}
