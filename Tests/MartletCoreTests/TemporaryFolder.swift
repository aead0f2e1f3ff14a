internal import Glibc

/// A folder that is removed, with the files in it, when the object goes.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/martlet-tests-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw CannotCreate() }
        path = String(cString: made)
    }

    deinit {
        for name in files { unlink(self[name]) }
        rmdir(path)
    }

    subscript(name: String) -> String { "\(path)/\(name)" }

    /// Names of all files in the folder, sorted.
    var files: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    struct CannotCreate: Error {}
}
