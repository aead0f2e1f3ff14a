import Glibc
import MartletCore

/// What a user may set once for a whole process: by environment variables, or in Swift for a task.
///
/// `Settings.options` lists every setting with its variable; nothing else in Martlet reads the environment.
public struct Settings: Sendable, Hashable {
    /// Threads that may compute one run; nil for as many as affinity and control group allow.
    public var threads: Int?
    /// Threads that compile; nil for as many as affinity and control group allow.
    public var jobs: Int?
    /// Folder of compiled engines and kernels; nil where nothing is kept.
    public var cacheFolder: String?
    /// Bytes that compiled engines may take in the cache; those not used for longest go first.
    public var cacheLimit = 4 << 30
    /// Bytes that one run may take; nil for as many as the machine has.
    public var memoryLimit: Int?
    /// The library of LLVM to try first.
    public var llvmLibrary: String?
    /// Name of the target to compile for; nil for the machine at hand.
    public var target: String?
    /// Folder for what reproduces a failed compilation; nil where nothing is left.
    public var reproducerFolder: String? = "/tmp"
    /// Folders in which `clang` is looked for, in the form of `PATH`.
    public var searchPath = ""

    /// Settings that do not depend on the environment: no folder for a cache, all threads, this machine.
    public init() {}

    /// The settings of a task and its children, in place of those of the environment.
    @TaskLocal public static var local: Settings?

    /// The settings in force here: `local` if it is set, else those of the environment, which is read once.
    ///
    /// - Throws: `settings.value` for a variable whose value makes no sense.
    public static var current: Settings {
        get throws {
            if let local { return local }
            return try ofProcess.get()
        }
    }

    private static let ofProcess = Result<Settings, any Error> { try Settings(environment: processEnvironment) }

    /// The settings that an environment makes.
    ///
    /// - Throws: `settings.value` for a variable whose value makes no sense.
    public init(environment: [String: String]) throws {
        self.init()
        for option in Settings.options {
            for variable in option.variables {
                guard let text = environment[variable], !text.isEmpty else { continue }
                try option.set(text, from: variable, in: &self)
                break
            }
        }
    }

    private static var processEnvironment: [String: String] {
        var result: [String: String] = [:]
        for variable in options.flatMap(\.variables) {
            if let value = getenv(variable) { result[variable] = String(cString: value) }
        }
        return result
    }
}
