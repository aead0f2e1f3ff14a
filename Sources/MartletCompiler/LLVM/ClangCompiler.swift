import Glibc
import MartletCore

/// The command clang as a code generator, for machines without libLLVM: the toolchain of Swift has one. A module
/// takes about 30 ms. Objects are the same as libLLVM of the same version makes.
public struct ClangCompiler: Sendable {
    /// Path of the command.
    public let path: String
    /// First line of what it says of its version.
    public let version: String

    /// The command at `path`; throws a diagnostic if it does not start, or is older than the IR that Martlet writes.
    public init(path: String) throws {
        let result = try ChildProcess.run(path, ["--version"], input: [])
        let line = String(decoding: result.output.prefix { $0 != 10 }, as: UTF8.self)
        guard result.status == 0, let major = Self.majorVersion(line), major >= LLVMLibrary.oldestVersion else {
            throw Diagnostic(
                "clang.too-old", "\(path) is not clang \(LLVMLibrary.oldestVersion) or newer; it says: \(line)")
        }
        self.path = path
        version = line.withoutOuterSpace
    }

    /// The first clang that is new enough: in the folders of `searchPath` (separated by colons), then beside the
    /// commands `swift` there, links followed.
    public static func find(searchPath: String) -> ClangCompiler? {
        let folders = searchPath.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        let besideSwift = folders.compactMap { folder($0 + "/swift") }
        for folder in folders + besideSwift {
            let candidate = folder + "/clang"
            if access(candidate, X_OK) == 0, let clang = try? ClangCompiler(path: candidate) { return clang }
        }
        return nil
    }

    /// The folder of a file after following links.
    private static func folder(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        let text = String(cString: real)
        return text.lastIndex(of: "/").map { String(text[..<$0]) }
    }

    private static func majorVersion(_ line: String) -> Int? {
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "version"), index + 1 < words.count else { return nil }
        return Int(words[index + 1].prefix { $0.isNumber })
    }

    /// Translates a module. A crash of clang is an error with what it wrote.
    func emit(
        _ irText: String, target: CodegenTarget, level: Int, as artifact: CodegenArtifact
    ) throws -> [UInt8] {
        let arguments = Self.arguments(target: target, level: level, artifact: artifact)
        let result = try ChildProcess.run(path, arguments, input: Array(irText.utf8))
        guard result.status == 0, !result.output.isEmpty else {
            throw Self.failure(status: result.status, errors: String(decoding: result.errors, as: UTF8.self))
        }
        return result.output
    }

    static func arguments(target: CodegenTarget, level: Int, artifact: CodegenArtifact) -> [String] {
        // No passes over the IR, as with the library: they may make calls to the C library out of loops.
        var arguments: [String] = [
            "--target=\(target.triple)", "-x", "ir", artifact == .object ? "-c" : "-S", "-O\(level)", "-fPIC",
            "-Wno-override-module", "-fno-crash-diagnostics", "-Xclang", "-disable-llvm-passes",
            "-Xclang", "-target-cpu", "-Xclang", target.cpu,
        ]
        for feature in target.features.split(separator: ",") {
            arguments += ["-Xclang", "-target-feature", "-Xclang", String(feature)]
        }
        return arguments + ["-o", "-", "-"]
    }

    private static func failure(status: Int32, errors: String) -> Diagnostic {
        let complaint = IRComplaint(errors.withoutOuterSpace).diagnostic
        if complaint.place != nil { return complaint }
        return Diagnostic(
            "clang.failed", "clang cannot generate this code (status \(status)): \(errors.withoutOuterSpace)",
            help: "the code may use an instruction that the target lacks")
    }
}

extension ClangCompiler: CustomStringConvertible {
    /// The compiler in words.
    public var description: String { "\(version) (\(path))" }
}
