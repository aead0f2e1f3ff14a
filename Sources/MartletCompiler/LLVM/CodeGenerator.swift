import MartletCore
import Synchronization

/// Turns textual LLVM IR into machine code: by libLLVM where it can be opened, else by the command `clang`.
///
/// Creating one costs nothing; the backend is looked for on first use, so that a process that only runs engines never
/// loads LLVM. Objects depend only on the text, the target, the options and the version of the backend.
public final class CodeGenerator: Sendable {
    /// What generates the code.
    public enum Backend: Sendable {
        /// LLVM inside this process.
        case library(LLVMLibrary)
        /// The compiler clang, one process per module.
        case clang(ClangCompiler)
    }

    /// The options of every compile.
    public let options: CodegenOptions
    private let find: @Sendable () throws -> Backend
    private let found = Mutex<Result<Backend, any Error>?>(nil)

    /// A generator that looks for libLLVM at `llvmPath` and under its usual names, then for clang in the folders of
    /// `searchPath` (in the form of the environment variable `PATH`) and beside the command `swift` there.
    public init(llvmPath: String? = nil, searchPath: String = "", options: CodegenOptions = CodegenOptions()) {
        self.options = options
        find = { try Self.choose(llvmPath: llvmPath, searchPath: searchPath) }
    }

    /// A generator with a backend that was already chosen.
    public init(backend: Backend, options: CodegenOptions = CodegenOptions()) {
        self.options = options
        find = { backend }
    }

    /// The backend; looked for on the first call. Throws a diagnostic that says what was tried.
    public func backend() throws -> Backend {
        try found.withLock { found in
            let result = found ?? Result(catching: find)
            found = result
            return result
        }.get()
    }

    private static func choose(llvmPath: String?, searchPath: String) throws -> Backend {
        do {
            return .library(try LLVMLibrary(path: llvmPath))
        } catch let missing as Diagnostic {
            if let clang = ClangCompiler.find(searchPath: searchPath) { return .clang(clang) }
            var diagnostic = missing
            diagnostic.code = "codegen.no-backend"
            diagnostic.message += "; and no clang \(LLVMLibrary.oldestVersion) or newer was found on the search path"
            throw diagnostic
        }
    }
}

extension CodeGenerator {
    /// Compiles a module to an ELF object.
    public func object(irText: String, target: CodegenTarget) throws -> [UInt8] {
        try compile([(name: "", irText: irText)], target: target, as: .object, jobs: 1).first ?? []
    }

    /// Compiles a module to assembly text, to look at.
    public func assembly(irText: String, target: CodegenTarget) throws -> String {
        let bytes = try compile([(name: "", irText: irText)], target: target, as: .assembly, jobs: 1).first
        return String(decoding: bytes ?? [], as: UTF8.self)
    }

    /// Compiles modules to ELF objects, `jobs` at a time; the result has the order of the modules and does not depend
    /// on `jobs`. An error names the module; of several errors that of the first module is thrown. `progress` is called,
    /// from any thread, with the number of modules that are done.
    public func objects(
        for modules: [(name: String, irText: String)], target: CodegenTarget, jobs: Int,
        progress: @escaping @Sendable (_ done: Int) -> Void = { _ in }
    ) throws -> [[UInt8]] {
        try compile(modules, target: target, as: .object, jobs: jobs, progress: progress)
    }

    private func compile(
        _ modules: [(name: String, irText: String)], target: CodegenTarget, as artifact: CodegenArtifact, jobs: Int,
        progress: @escaping @Sendable (_ done: Int) -> Void = { _ in }
    ) throws -> [[UInt8]] {
        let emit = try emitter(target: target, artifact: artifact)
        let done = Counter()
        let bodies = modules.map { module -> @Sendable () throws -> [UInt8] in
            return {
                let object = try emit(module.irText)
                progress(done.next())
                return object
            }
        }
        do {
            return try IsolatedTask.run(bodies, jobs: jobs)
        } catch let failure as IsolatedTask.Failure {
            return try explaining(modules[failure.index], target) { throw failure.error }
        }
    }

    private func emitter(
        target: CodegenTarget, artifact: CodegenArtifact
    ) throws -> @Sendable (String) throws -> [UInt8] {
        let level = options.level
        switch try backend() {
        case .library(let library):
            guard library.architectures.contains(target.architecture) else {
                throw Diagnostic(
                    "codegen.missing-target", "\(library) was built without \(target.architecture.rawValue)")
            }
            let emission = LLVMEmission(functions: library.functions, target: target, level: level)
            return { try emission.emit($0, as: artifact) }
        case .clang(let clang):
            return { try clang.emit($0, target: target, level: level, as: artifact) }
        }
    }

    /// Runs `body`; its diagnostics get the name of the module, and its text if the options say so.
    func explaining<R>(
        _ module: (name: String, irText: String), _ target: CodegenTarget, _ body: () throws -> R
    ) throws -> R {
        do {
            return try body()
        } catch var diagnostic as Diagnostic {
            if !module.name.isEmpty { diagnostic = diagnostic.prefixed("kernel \(module.name): ") }
            if options.keepsReproducer {
                let before = diagnostic.help.map { $0 + "\n" } ?? ""
                diagnostic.help = before + "; target \(target), level \(options.level)\n" + module.irText
            }
            throw diagnostic
        }
    }
}

/// Counts from 1 on, on many threads.
private final class Counter: Sendable {
    private let value = Atomic(0)

    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}

extension CodeGenerator.Backend: CustomStringConvertible {
    /// The backend in words.
    public var description: String {
        switch self {
        case .library(let library): library.description
        case .clang(let clang): clang.description
        }
    }

    /// Name and version: objects of the same text are the same as long as this is.
    public var identity: String {
        switch self {
        case .library(let library): "LLVM \(library.versionText)"
        case .clang(let clang): clang.version
        }
    }
}
