import Glibc
import MartletCore

/// A folder that is removed, with all that is in it, when the object goes.
package final class TestFolder: Sendable {
    /// The folder's path, without a slash at the end.
    package let path: String

    /// Makes a folder of its own in `/tmp`.
    package init() throws {
        var template = Array("/tmp/martlet-tests-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Diagnostic("test.folder", "no folder for temporary files") }
        path = String(cString: made)
    }

    deinit { Self.remove(path) }

    /// The path of an entry.
    package subscript(name: String) -> String { "\(path)/\(name)" }

    /// Names of the folder's entries, sorted.
    package var names: [String] { Folder.names(in: path) }

    /// Writes a file, without the `fsync` of `AtomicFile`, of which thousands of small files would take long; gives
    /// the file's path.
    @discardableResult
    package func write(_ bytes: [UInt8], to name: String) throws -> String {
        guard let file = fopen(self[name], "we") else { throw Diagnostic("test.file", "cannot open \(self[name])") }
        let count = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, count == bytes.count else {
            throw Diagnostic("test.file", "cannot write \(self[name])")
        }
        return self[name]
    }

    private static func remove(_ path: String) {
        for name in Folder.names(in: path) {
            let entry = "\(path)/\(name)"
            if unlink(entry) != 0 { remove(entry) }
        }
        rmdir(path)
    }
}
