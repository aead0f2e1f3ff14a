extension CodeGenerator {
    /// Compiles and links modules, `jobs` at a time; the result has the order of the modules. Modules of equal text are
    /// compiled once; what `cache` holds is not compiled at all. Errors are those of `objects` and `ObjectLinker`.
    ///
    /// - Parameter progress: called, from any thread, with the modules that are compiled and how many there are to compile.
    public func kernels(
        for modules: [(name: String, irText: String)], target: CodegenTarget, jobs: Int, cache: KernelCache? = nil,
        progress: @escaping @Sendable (_ done: Int, _ count: Int) -> Void = { _, _ in }
    ) throws -> [LinkedCode] {
        let identity = try backend().identity
        let keys = modules.map {
            KernelKey(irText: $0.irText, target: target, options: options, backendIdentity: identity)
        }
        var known: [KernelKey: LinkedCode] = [:]
        var missing: [Int] = []
        var seen: Set<KernelKey> = []
        for (index, key) in keys.enumerated() where seen.insert(key).inserted {
            known[key] = cache?.code(for: key)
            if known[key] == nil { missing.append(index) }
        }
        let objects = try objects(for: missing.map { modules[$0] }, target: target, jobs: jobs) {
            [count = missing.count] in progress($0, count)
        }
        for (index, object) in zip(missing, objects) {
            let code = try explaining(modules[index], target) { try ObjectLinker.link(object) }
            cache?.store(code, for: keys[index])
            known[keys[index]] = code
        }
        return keys.compactMap { known[$0] }
    }
}
