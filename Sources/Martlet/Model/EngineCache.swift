import Glibc
import MartletCore
import MartletEngine

/// Compiled engines in a folder, by the hash of everything that they depend on.
///
/// A folder that cannot be written is no error: the model is compiled each time.
struct EngineCache: Sendable {
    let folder: String
    /// Bytes that all engines together may take.
    let limit: Int

    /// Where the engine of a key is, or would be.
    func path(for key: StableHash) -> String { "\(folder)/\(key)\(ModelFile.engineExtension)" }

    /// The path of a key's engine, if it is there.
    func existing(_ key: StableHash) -> String? {
        let path = path(for: key)
        return access(path, R_OK) == 0 ? path : nil
    }

    /// Writes an engine and removes others beyond the limit; nil if it cannot be written.
    func store(_ engine: Engine, for key: StableHash) -> String? {
        let path = path(for: key)
        guard Self.makeFolder(folder), (try? engine.write(to: path)) != nil else { return nil }
        trim(keeping: path)
        return path
    }

    private struct Entry {
        let path: String
        let size: Int
        let lastUse: Int
    }

    private func trim(keeping kept: String) {
        var entries = entries()
        var total = entries.reduce(0) { $0 + $1.size }
        guard total > limit else { return }
        entries.sort { ($0.lastUse, $0.path) < ($1.lastUse, $1.path) }
        for entry in entries where total > limit && entry.path != kept {
            if unlink(entry.path) == 0 { total -= entry.size }
        }
    }

    private func entries() -> [Entry] {
        Folder.names(in: folder).compactMap { name in
            guard name.hasSuffix(ModelFile.engineExtension) else { return nil }
            var status = stat()
            guard stat("\(folder)/\(name)", &status) == 0 else { return nil }
            let lastUse = max(status.st_atim.tv_sec, status.st_mtim.tv_sec)
            return Entry(path: "\(folder)/\(name)", size: Int(status.st_size), lastUse: lastUse)
        }
    }

    /// Number and bytes of the engines in the folder.
    var usage: (count: Int, byteCount: Int) {
        let entries = entries()
        return (entries.count, entries.reduce(0) { $0 + $1.size })
    }

    private static func makeFolder(_ path: String) -> Bool { (try? Folder.make(path)) != nil }
}
