import MartletCore
import Synchronization

/// LLVM, opened while the process runs; nothing of it is needed to build or to start Martlet.
///
/// Creating one takes about 20 ms. LLVM's fatal errors, which would end the process, become errors of the compile that
/// caused them (see `IsolatedTask`).
public final class LLVMLibrary: Sendable {
    /// The version, major, minor and patch.
    public let version: [Int]
    /// The name or path the library was opened by.
    public let name: String
    /// The instruction sets this library generates code for.
    public let architectures: [CPUArchitecture]
    /// What was tried before in vain, in the loader's words.
    public let failedAttempts: [String]
    let functions: LLVMFunctions

    /// The oldest version whose textual IR and processor names Martlet's generator relies on.
    public static let oldestVersion = 19

    /// The names that are tried, in this order.
    public static let usualNames: [String] = [
        "libLLVM.so.22.1", "libLLVM-22.so", "libLLVM.so.21.1", "libLLVM-21.so",
        "libLLVM.so.20.1", "libLLVM-20.so", "libLLVM.so.19.1", "libLLVM-19.so",
    ]

    /// Opens LLVM: from `path` if that is given and works, else by the first of the usual names that works.
    /// Throws a diagnostic that says what was tried.
    public convenience init(path: String?) throws {
        let first = path.flatMap { $0.isEmpty ? nil : $0 }.map { [$0] } ?? []
        try self.init(names: first + Self.usualNames)
    }

    init(names: [String]) throws {
        var failures: [String] = []
        for name in names {
            do {
                let opened = try Self.open(name)
                (self.name, failedAttempts) = (name, failures)
                (version, architectures, functions) = opened
                return
            } catch let diagnostic as Diagnostic {
                failures.append(diagnostic.message)
            }
        }
        throw Diagnostic(
            "llvm.not-found", "libLLVM cannot be opened: \(failures.joined(separator: "; "))",
            help: "install LLVM \(Self.oldestVersion) or newer (Debian and Ubuntu: libllvm22), or name its libLLVM.so")
    }

    /// The version with dots.
    public var versionText: String { version.map(String.init).joined(separator: ".") }
}

extension LLVMLibrary {
    /// Libraries, by handle, whose targets are set up: that must happen once and on one thread.
    private static let prepared = Mutex<[UInt: [CPUArchitecture]]>([:])

    private static func open(_ name: String) throws -> ([Int], [CPUArchitecture], LLVMFunctions) {
        var failure = ""
        guard let library = DynamicLibrary(name, failure: &failure) else {
            throw Diagnostic("llvm.not-found", failure)
        }
        do {
            let version = try version(of: library)
            let functions = try LLVMFunctions(library)
            return (version, prepare(library, functions), functions)
        } catch let diagnostic as Diagnostic {
            throw diagnostic.prefixed("\(name): ")
        }
    }

    private static func version(of library: DynamicLibrary) throws -> [Int] {
        typealias Slot = UnsafeMutablePointer<UInt32>
        let get: (@convention(c) (Slot, Slot, Slot) -> Void)? = library.optional("LLVMGetVersion")
        var (major, minor, patch): (UInt32, UInt32, UInt32) = (0, 0, 0)
        get?(&major, &minor, &patch)
        guard major >= oldestVersion else {
            throw Diagnostic("llvm.too-old", "not LLVM, or older than version \(oldestVersion)")
        }
        return [Int(major), Int(minor), Int(patch)]
    }

    private static func prepare(_ library: DynamicLibrary, _ functions: LLVMFunctions) -> [CPUArchitecture] {
        prepared.withLock { prepared in
            let key = UInt(bitPattern: library.handle)
            if let known = prepared[key] { return known }
            functions.installFatalErrorHandler { IsolatedTask.stopCurrentThread(message: $0) }
            let found = CPUArchitecture.allCases.filter { initialize($0, of: library) }
            prepared[key] = found
            return found
        }
    }

    /// Sets up one target; false where the library was built without it.
    private static func initialize(_ architecture: CPUArchitecture, of library: DynamicLibrary) -> Bool {
        let target = architecture == .x86 ? "X86" : "AArch64"
        let parts: [String] = ["TargetInfo", "Target", "TargetMC", "AsmPrinter", "AsmParser"]
        let functions = parts.compactMap { part in
            library.optional("LLVMInitialize\(target)\(part)", (@convention(c) () -> Void).self)
        }
        guard functions.count == parts.count else { return false }
        for function in functions { function() }
        return true
    }
}

extension LLVMLibrary: CustomStringConvertible {
    /// The library in words.
    public var description: String { "LLVM \(versionText) (\(name))" }
}
