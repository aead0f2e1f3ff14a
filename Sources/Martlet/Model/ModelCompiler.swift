package import MartletCompiler
package import MartletCore
package import MartletEngine
package import MartletIR
import MartletRuntime
import Synchronization

/// Compiles models with the settings of a process or task.
package struct ModelCompiler: Sendable {
    package let settings: Settings
    /// The machine that code is made for.
    package let target: CodegenTarget

    /// A compiler for the settings' target.
    ///
    /// - Throws: `codegen.unknown-cpu` for a target that is not known, `compile.host` on a machine that is none.
    package init(_ settings: Settings) throws {
        self.settings = settings
        if let name = settings.target {
            target = try CodegenTarget(named: name)
        } else if let host = CodegenTarget.host {
            target = host
        } else {
            throw Diagnostic("compile.host", "Martlet generates no code for this kind of machine")
        }
    }

    /// Compiles a graph that `stage` made; `adjust` may change the options of the compiler before.
    ///
    /// - Parameter specialisations: the same model for narrower sizes.
    /// - Throws: the compiler's diagnostics.
    package func compile(
        _ graph: Graph, specialisations: [Graph] = [], name: String, hash: StableHash? = nil,
        from stage: CompilerStage = .imported,
        adjust: (inout CompilerOptions) -> Void = { _ in }
    ) throws -> Engine {
        try compiler(name, hash, adjust).compile(graph, specialisations: specialisations, from: stage)
    }

    /// The canonical form of a graph.
    ///
    /// - Throws: the diagnostics of the passes.
    package func canonical(_ graph: Graph, adjust: (inout CompilerOptions) -> Void = { _ in }) throws -> Graph {
        try compiler("", nil, adjust).canonical(graph)
    }

    private func compiler(
        _ name: String, _ hash: StableHash?, _ adjust: (inout CompilerOptions) -> Void
    ) -> Compiler {
        let tools = CompilerTools.shared(settings)
        var options = options(name, hash)
        adjust(&options)
        return Compiler(options, generator: tools.generator, cache: tools.kernels)
    }

    private func options(_ name: String, _ hash: StableHash?) -> CompilerOptions {
        var options = CompilerOptions(target: target)
        options.jobs = settings.jobs ?? Runtime.shared.threadCount
        options.name = name
        options.modelHash = hash?.description ?? ""
        options.writerVersion = MartletVersion.text
        return options
    }

    /// What the engine of a model is kept under: everything that it depends on.
    func cacheKey(model: StableHash, _ options: ModelOptions) -> StableHash {
        var key = StableHash()
        key.combine("engine 1")
        key.combine(model)
        for part in [MartletVersion.build, target.name, options.accuracy.rawValue] { key.combine(part) }
        for shapes in [options.shapes] + options.specialisations {
            key.combine(shapes.count)
            for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
                key.combine(name)
                key.combine(shape.count)
                for extent in shape { key.combine(extent) }
            }
        }
        for (input, output) in options.states.sorted(by: { $0.key < $1.key }) {
            key.combine(input)
            key.combine(output)
        }
        return key
    }
}

/// The code generator and the cache of kernels, once for equal settings.
package struct CompilerTools: Sendable {
    package let generator: CodeGenerator
    package let kernels: KernelCache

    private struct Key: Hashable {
        let llvmLibrary: String?
        let searchPath: String
        let cacheFolder: String?
    }

    private static let known = Mutex<[Key: CompilerTools]>([:])

    /// The tools for these settings.
    package static func shared(_ settings: Settings) -> CompilerTools {
        let key = Key(
            llvmLibrary: settings.llvmLibrary, searchPath: settings.searchPath, cacheFolder: settings.cacheFolder)
        return known.withLock { known in
            if let tools = known[key] { return tools }
            let tools = CompilerTools(
                generator: CodeGenerator(llvmPath: settings.llvmLibrary, searchPath: settings.searchPath),
                kernels: KernelCache(folder: kernelFolder(settings)))
            known[key] = tools
            return tools
        }
    }

    private static func kernelFolder(_ settings: Settings) -> String? {
        guard let folder = settings.cacheFolder, (try? Folder.make("\(folder)/kernels")) != nil else { return nil }
        return "\(folder)/kernels"
    }
}
