import MartletCompiler

/// The state of the cache in words.
package enum CacheReport {
    /// Folder, number and size of the engines in it, or why there is none.
    package static func describe(_ settings: Settings) -> String {
        guard let cache = EngineCache(settings), let folder = settings.cacheFolder else { return "off" }
        if let problem = CompilerTools.shared(settings).kernels.folderProblem { return "\(folder): \(problem)" }
        let usage = cache.usage
        return "\(folder): \(usage.count) engines, \(usage.byteCount >> 20) of at most \(settings.cacheLimit >> 20) MiB"
    }
}
