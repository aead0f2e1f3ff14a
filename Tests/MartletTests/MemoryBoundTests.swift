import Martlet
import MartletCore
import MartletEngine
import MartletIR
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

/// Small files that ask for much memory: what is asked for is refused with words, not allocated. In a process of its own,
/// which notes the largest allocation.
@Suite struct MemoryBoundTests {
    private let folder: TestFolder
    private static let most = 1 << 30
    private static let huge: Int64 = 10_000_000_000_000

    init() throws { folder = try TestFolder() }

    @Test(.enabled(if: !TestChild.isRunning)) func nothingLargeIsAllocated() throws {
        try AllocationCounter.run("MemoryBoundTests/greedyModels", folder)
        try AllocationCounter.run("MemoryBoundTests/damagedFiles", folder)
    }

    /// An operator whose result is huge.
    private struct Greedy {
        let type: String
        var attributes: [AttributeProto] = []
        let inputs: [(name: String, tensor: HostTensor)]
        /// The input that says how large.
        let size: String
    }

    private static func greedy() throws -> [Greedy] {
        let one = try tensor([1] as [Float])
        let size = try tensor([huge])
        let (zero, step) = (HostTensor(scalar: Int64(0)), HostTensor(scalar: Int64(1)))
        func resize(_ mode: String) -> Greedy {
            Greedy(
                type: "Resize", attributes: [AttributeProto("mode", string: mode)],
                inputs: [("x", one), ("", one), ("", one), ("s", size)], size: "s")
        }
        return [
            Greedy(type: "ConstantOfShape", inputs: [("s", size)], size: "s"),
            Greedy(
                type: "ConstantOfShape", inputs: [("s", try tensor([Int64](repeating: 1 << 31, count: 3)))], size: "s"),
            Greedy(type: "Expand", inputs: [("x", one), ("s", size)], size: "s"),
            Greedy(type: "Tile", inputs: [("x", one), ("s", size)], size: "s"),
            Greedy(type: "Range", inputs: [("a", zero), ("s", HostTensor(scalar: huge)), ("c", step)], size: "s"),
            Greedy(
                type: "Range",
                inputs: [
                    ("a", HostTensor(scalar: Float(0))), ("s", HostTensor(scalar: Float(1e13))),
                    ("c", HostTensor(scalar: Float(1))),
                ], size: "s"),
            Greedy(type: "Pad", inputs: [("x", one), ("s", try tensor([0, huge]))], size: "s"),
            Greedy(
                type: "OneHot",
                inputs: [
                    ("i", try tensor([0] as [Int64])), ("s", HostTensor(scalar: huge)),
                    ("v", try tensor([0, 1] as [Float])),
                ], size: "s"),
            Greedy(type: "HannWindow", inputs: [("s", HostTensor(scalar: huge))], size: "s"), resize("nearest"),
            resize("linear"), resize("cubic"),
        ]
    }

    @Test(.enabled(if: AllocationCounter.isThere)) func greedyModels() throws {
        for (number, greedy) in try Self.greedy().enumerated() {
            for isConstant in [true, false] { try check(greedy, isConstant, "greedy\(number)\(isConstant)") }
        }
        try checkDoublings()
        #expect(AllocationCounter.largest <= Self.most, "\(AllocationCounter.largest) bytes at once")
    }

    /// The size is a constant of the model, or an input; compiling is fine, and running fails before it allocates.
    private func check(_ greedy: Greedy, _ isConstant: Bool, _ name: String) throws {
        var constants: [String: HostTensor] = [:], inputs: [ValueInfoProto] = [], data: [String: HostTensor] = [:]
        for (name, tensor) in greedy.inputs where !name.isEmpty {
            if isConstant {
                constants[name] = tensor
            } else {
                inputs.append(ModelKit.value(name, tensor.type, tensor.shape.map { "\($0)" }))
                data[name] = tensor
            }
        }
        var nodes = [
            NodeProto(
                greedy.type, name: "greedy", inputs: greedy.inputs.map(\.name), outputs: ["y"],
                attributes: greedy.attributes)
        ]
        if isConstant {
            nodes += [
                ModelKit.node("Cast", ["y"], ["f"], [AttributeProto("to", .int(1))]),
                ModelKit.node("Mul", ["f", "factor"], ["z"]),
            ]
            inputs.append(ModelKit.value("factor", .float32, ["1"]))
            data["factor"] = try tensor([2] as [Float])
        }
        let kit = try ModelKit(
            folder, name: name, nodes, inputs: inputs, outputs: [isConstant ? "z" : "y"], constants: constants)
        try refuses("\(greedy.type), \(isConstant)", kit, data)
    }

    private func refuses(_ what: String, _ kit: ModelKit, _ data: [String: HostTensor]) throws {
        let runs: [() throws -> [String: HostTensor]] = [
            { try kit.compiled().run(data) }, { try kit.reference().run(data) },
        ]
        for run in runs {
            var settings = folder.settings
            settings.memoryLimit = 1 << 28
            let problem = #expect(throws: Diagnostic.self, "\(what)") {
                try Settings.$local.withValue(settings) { try run() }
            }
            let codes = [
                "run.out-of-memory", "core.shape", "run.size", "plan.size", "plan.too-large", "core.out-of-memory",
            ]
            #expect(codes.contains(problem?.code ?? ""), "\(what): \(problem.debugDescription)")
        }
    }

    /// Each node doubles what the one before made: 2^45 elements of a file of some kilobytes.
    private func checkDoublings() throws {
        let nodes = (0..<45).map { number in
            ModelKit.node(
                "Concat", [String](repeating: number == 0 ? "one" : "d\(number - 1)", count: 2), ["d\(number)"],
                [AttributeProto("axis", .int(0))])
        }
        let kit = try ModelKit(
            folder, name: "doublings", nodes + [ModelKit.node("Mul", ["d44", "x"], ["y"])],
            inputs: [ModelKit.value("x", .float32, ["1"])], outputs: ["y"],
            constants: ["one": try tensor([1] as [Float])])
        try refuses("doublings", kit, ["x": try tensor([1] as [Float])])
    }

    // MARK: The limit

    @Test func runsAreHeldToTheLimitOfTheirRuntime() throws {
        let kit = try ModelKit(
            folder, name: "outer", [ModelKit.node("Mul", ["a", "b"], ["y"])],
            inputs: [ModelKit.value("a", .float32, ["n", "1"]), ModelKit.value("b", .float32, ["1", "n"])],
            outputs: ["y"])
        var options = folder.options()
        options.runtime = Runtime(threads: 1, memoryLimit: 1 << 20)
        let model = try Model.load(kit.path, options: options)
        func inputs(_ count: Int) throws -> [String: HostTensor] {
            ["a": try noise([count, 1]), "b": try noise([1, count])]
        }
        #expect(try model.run(try inputs(400))["y"]?.shape == [400, 400])
        let problem = #expect(throws: Diagnostic.self) { try model.run(try inputs(600)) }
        #expect(problem?.code == "run.out-of-memory")
        #expect(problem?.message.contains("1440000") == true && problem?.message.contains("'y'") == true)
        #expect(problem?.message.contains("\(1 << 20) are allowed") == true)
        let judge = Interpreter(try Model.graph(kit.path))
        judge.memoryLimit = 1 << 20
        let refusal = #expect(throws: Diagnostic.self) { try judge.run([try noise([600, 1]), try noise([1, 600])]) }
        #expect(refusal?.code == "run.out-of-memory")
    }

    // MARK: Damage

    /// Damaged models, tensors, archives and engines.
    @Test(.enabled(if: AllocationCounter.isThere)) func damagedFiles() throws {
        var damage = SplitMix64(seed: 11)
        for path in try Self.samples(folder) {
            let bytes = try read(path)
            let kind = path.split(separator: ".").last ?? ""
            for _ in 0..<150 {
                try AtomicFile.write(damage.damaged(bytes), to: "\(folder.path)/damaged.\(kind)")
                Self.exercise("\(folder.path)/damaged.\(kind)", kind: kind)
                guard AllocationCounter.largest > Self.most else { continue }
                let left = try read("\(folder.path)/damaged.\(kind)").map { String($0, radix: 16) }
                Issue.record(
                    "\(AllocationCounter.largest) bytes for \(path): \(left.joined(separator: " ").prefix(4000))")
                return
            }
        }
    }

    private func read(_ path: String) throws -> [UInt8] { try MappedFile(path: path).withUnsafeBytes { [UInt8]($0) } }

    private static func samples(_ folder: TestFolder) throws -> [String] {
        let kits = try greedy().enumerated().map { number, greedy in
            let nodes = [
                NodeProto(
                    greedy.type, name: "greedy", inputs: greedy.inputs.map(\.name), outputs: ["y"],
                    attributes: greedy.attributes)
            ]
            var constants: [String: HostTensor] = [:]
            for (name, tensor) in greedy.inputs where !name.isEmpty { constants[name] = tensor }
            return try ModelKit(
                folder, name: "sample\(number)", nodes, inputs: [], outputs: ["y"], constants: constants
            ).path
        }
        let x = try noise([3, 5])
        try WireValue.tensor(x).write(to: "\(folder.path)/x.pb")
        try Npy.write(x, to: "\(folder.path)/x.npy")
        try Npz.write([("x", x), ("y", x)], to: "\(folder.path)/x.npz")
        let compiler = try ModelCompiler(folder.settings)
        let graph = try trace([TraceInput("x", .float32, ["n", 3])]) { ["y": $0[0] * $0[0]] }
        try compiler.compile(graph, name: "square").write(to: "\(folder.path)/x.martlet")
        return kits + ["pb", "npy", "npz", "martlet"].map { "\(folder.path)/x.\($0)" }
    }

    private static func exercise(_ path: String, kind: Substring) {
        switch kind {
        case "pb": _ = try? WireValue.read(path: path, type: nil)
        case "npy": _ = try? Npy.read(path: path)
        case "npz": _ = try? Npz.read(path: path)
        case "martlet":
            guard let engine = try? Runtime(threads: 1).open(path) else { return }
            _ = try? engine.plan(for: engine.engine.inputs.map { $0.dims.map { _ in 3 } })
        default: _ = try? Model.graph(path)
        }
    }
}
