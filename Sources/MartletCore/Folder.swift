import Glibc

/// Folders of the file system.
package enum Folder {
    /// Makes a folder and those around it.
    ///
    /// - Throws: `file.folder` with the reason of the system.
    package static func make(_ path: String) throws {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += (made.isEmpty || made == "/" ? "" : "/") + part
            guard mkdir(made, 0o777) != 0, errno != EEXIST else { continue }
            throw Diagnostic(
                "file.folder", "cannot make the folder: \(String(cString: strerror(errno)))",
                at: .file(path: made, offset: nil))
        }
    }

    /// Names of the entries of a folder, without `.` and `..`, sorted.
    ///
    /// - Throws: `file.open` if the folder cannot be read.
    package static func entries(of path: String) throws -> [String] {
        guard let folder = opendir(path) else {
            let reason = String(cString: strerror(errno))
            throw Diagnostic("file.open", "cannot list the folder: \(reason)", at: .file(path: path, offset: nil))
        }
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

    /// The same; none if the folder cannot be read.
    package static func names(in path: String) -> [String] { (try? entries(of: path)) ?? [] }
}
