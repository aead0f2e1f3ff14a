import MartletCore

/// What a compiled kernel is kept under: a hash of everything that its code depends on.
public struct KernelKey: Hashable, Sendable {
    let hash: StableHash

    /// The key of a text for a target, compiled by a backend of that identity (name and version).
    public init(irText: String, target: CodegenTarget, options: CodegenOptions, backendIdentity: String) {
        var hash = StableHash()
        // The number changes when the linker or the form of what is kept changes.
        hash.combine("kernel 1")
        for part in [backendIdentity, target.name, String(options.level), irText] { hash.combine(part) }
        self.hash = hash
    }

    /// 32 hexadecimal digits.
    var text: String { hash.description }
}
