import Glibc
import Martlet
import MartletCore
import MartletEngine
import MartletONNX
import TestSupport
import Testing

/// A program that only runs engines is small, static, and holds nothing of the compiler.
@Suite struct RuntimeAloneTests {
    /// Of what the modules below the runtime are made; the long test looks at the program itself.
    @Test func itsModulesImportNothingElse() throws {
        let allowed: Set<Substring> = ["Glibc", "Synchronization", "CMartlet", "MartletCore", "MartletEngine"]
        let folders = ["MartletCore", "MartletEngine", "MartletRuntime"].map { "\(Shell.package)/Sources/\($0)" }
        let lines = try Shell.check("grep -rhE '^[a-z ]*import ' \(folders.joined(separator: " "))")
        let names = Set(lines.split(separator: "\n").compactMap { $0.split(separator: " ").last })
        #expect(names.contains("Glibc"))
        #expect(names.subtracting(allowed).isEmpty)
    }
}

/// Builds Examples/RunEngine without any shared library, looks into it, and runs it.
@Suite(
    .enabled(
        if: Prepared.isLong && Shell.has("swift", "strip", "nm", "readelf"),
        "takes minutes: set MARTLET_LONG=1 (needs swift and binutils)"),
    .serialized)
struct RunEngineTests {
    private let folder: TestFolder
    private let program: String

    init() throws {
        folder = try TestFolder()
        program = try Self.built.get()
    }

    /// The program with its symbols.
    private static let built = Result<String, any Error>(catching: {
        let scratch = "\(Shell.package)/.build/run-engine"
        try Shell.check(
            "swift build -c release --static-swift-stdlib -Xswiftc -static-executable --product run-engine "
                + "--disable-build-manifest-caching --package-path '\(Shell.package)/Examples/RunEngine' "
                + "--scratch-path '\(scratch)'")
        return "\(scratch)/release/run-engine"
    })

    @Test func isStaticAndUnderTenMegabytes() throws {
        let stripped = "\(folder.path)/run-engine"
        try Shell.check("strip -o '\(stripped)' '\(program)'")
        var status = stat()
        try #require(stat(stripped, &status) == 0)
        #expect(status.st_size > 1 << 20 && status.st_size < 10_000_000)
        #expect(try !Shell.check("readelf -d '\(program)'").contains("NEEDED"))
    }

    @Test func holdsNothingOfTheCompiler() throws {
        let names = try Shell.check("nm '\(program)'").split(separator: "\n").compactMap {
            $0.split(separator: " ").last
        }
        #expect(names.contains { $0.hasPrefix("$s14MartletRuntime") })
        // Mangled names start with the length and the name of their module; libLLVM's C functions with its name.
        let foreign = names.filter { name in
            let isOurs = ["11MartletCore", "13MartletEngine", "14MartletRuntime"].contains { name.contains($0) }
            let isForeign = name.contains("Martlet") && name.hasPrefix("$s") && !isOurs
            return isForeign || name.hasPrefix("LLVM") || name.hasPrefix("_ZN4llvm") || name.contains("10Foundation")
                || name.contains("20FoundationEssentials") || name.hasPrefix("swift_once_FoundationEssentials")
        }
        #expect(foreign.isEmpty, "\(foreign.prefix(5))")
    }

    @Test func runsAnEngine() throws {
        let graph = try trace([TraceInput("x", .float32, ["n"])]) { x in ["y": x[0] * x[0]] }
        let engine = "\(folder.path)/square.martlet"
        try ModelCompiler(folder.settings).compile(graph, name: "square").write(to: engine)
        try Npy.write(try HostTensor([1, 2, 3] as [Float], shape: [3]), to: "\(folder.path)/x.npy")
        try Shell.check("'\(program)' '\(engine)' x='\(folder.path)/x.npy' -o '\(folder.path)'")
        #expect(try Npy.read(path: "\(folder.path)/y.npy").array(of: Float.self) == [1, 4, 9])
        #expect(try Shell.check("'\(program)' '\(engine)'").contains("input x: f32[n]"))
        let refused = try Shell.run("'\(program)' '\(engine)' z='\(folder.path)/x.npy' -o '\(folder.path)'")
        #expect(refused.status == 1 && refused.output.contains("the engine has no input 'z'"))
    }

    @Test(Prepared.needs(Prepared.magika))
    func runsMagika() throws {
        let verification = try Verification(try Prepared.open(Prepared.magika))
        let network = try ONNXModel.load(path: verification.folder.modelPath)
        let engine = "\(folder.path)/magika.martlet"
        let graph = try verification.graph(ModelOptions())
        try ModelCompiler(folder.settings).compile(graph, name: "magika").write(to: engine)
        for set in verification.folder.dataSets {
            let inputs = try verification.inputs(of: set)
            for (name, tensor) in inputs { try Npy.write(tensor, to: "\(folder.path)/\(name).npy") }
            let files = inputs.keys.map { "\($0)='\(folder.path)/\($0).npy'" }.joined(separator: " ")
            try Shell.check("'\(program)' '\(engine)' \(files) -o '\(folder.path)'")
            for expected in try set.outputs(for: network.graph) {
                let comparison = OutputComparison(
                    .tensor(try Npy.read(path: "\(folder.path)/\(expected.name).npy")), expected.value,
                    tolerance: verification.folder.tolerance)
                #expect(comparison.passes, "\(expected.name): \(comparison)")
            }
        }
    }
}
