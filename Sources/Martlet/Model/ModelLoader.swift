package import MartletCompiler
import MartletCore
import MartletEngine
package import MartletIR
package import MartletRuntime
import Synchronization

/// Makes models ready to run: opens engines, compiles what is none, and keeps what was compiled.
package struct ModelLoader: Sendable {
    package let options: ModelOptions
    package let settings: Settings
    package let runtime: Runtime

    /// A loader; what the options leave open is settled here.
    ///
    /// - Throws: `settings.value`.
    package init(_ options: ModelOptions) throws {
        self.options = options
        settings = try options.resolvedSettings()
        runtime = options.runtime ?? SharedRuntimes.runtime(settings)
    }

    /// Opens an engine file, or compiles a model unless its engine is in the cache.
    ///
    /// - Throws: what reading, importing and compiling say, as `Diagnostic` or `Diagnostics`.
    package func load(path: String) throws -> LoadedEngine {
        try FloatingPointMode.withIEEE { try open(path) }
    }

    private func open(_ path: String) throws -> LoadedEngine {
        let file = try ModelFile(path: path)
        if case .engine = file { return try runtime.open(path) }
        let compiler = try ModelCompiler(settings)
        let key = compiler.cacheKey(model: try ModelFile.quickHash(path: path), options)
        if let cached = cache?.existing(key), let loaded = try? runtime.open(cached) { return loaded }
        let engine = try compiler.compile(
            try file.graph(shapes: options.shapes, states: options.states),
            specialisations: try options.specialisations.map { special in
                try file.graph(shapes: options.shapes.merging(special) { $1 }, states: options.states)
            }, name: Self.name(of: path), hash: try ModelFile.hash(path: path))
        return try keep(engine, key)
    }

    /// Compiles a graph; `adjust` may change the options of the compiler before.
    ///
    /// - Throws: what compiling says.
    package func load(
        _ graph: Graph, name: String = "graph", adjust: (inout CompilerOptions) -> Void = { _ in }
    ) throws -> LoadedEngine {
        try FloatingPointMode.withIEEE {
            try runtime.load(try ModelCompiler(settings).compile(graph, name: name, adjust: adjust))
        }
    }

    /// Loads an engine, from the cache if it can be kept there: then its weights are mapped and shared.
    private func keep(_ engine: Engine, _ key: StableHash) throws -> LoadedEngine {
        if let path = cache?.store(engine, for: key), let loaded = try? runtime.open(path) { return loaded }
        return try runtime.load(engine)
    }

    private var cache: EngineCache? { EngineCache(settings) }

    /// The last part of a path without its extension.
    package static func name(of path: String) -> String {
        let file = path.split(separator: "/").last ?? ""
        return file.lastIndex(of: ".").map { String(file[..<$0]) } ?? String(file)
    }
}

extension EngineCache {
    /// The cache of the settings; nil where nothing is kept.
    init?(_ settings: Settings) {
        guard let folder = settings.cacheFolder, settings.cacheLimit > 0 else { return nil }
        self.init(folder: "\(folder)/engines", limit: settings.cacheLimit)
    }
}

/// One runtime for each number of threads and amount of memory that was asked for.
enum SharedRuntimes {
    private struct Key: Hashable {
        let threads: Int?
        let memoryLimit: Int?
    }

    private static let known = Mutex<[Key: Runtime]>([:])

    static func runtime(_ settings: Settings) -> Runtime {
        let key = Key(threads: settings.threads, memoryLimit: settings.memoryLimit)
        if key == Key(threads: nil, memoryLimit: nil) { return .shared }
        return known.withLock { known in
            if let runtime = known[key] { return runtime }
            let runtime = Runtime(threads: settings.threads, memoryLimit: settings.memoryLimit)
            known[key] = runtime
            return runtime
        }
    }
}
