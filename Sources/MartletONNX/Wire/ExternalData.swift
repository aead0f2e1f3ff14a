import Glibc
import MartletCore
import Synchronization

/// The files beside a model that hold tensors of it; each is mapped once.
///
/// A model may come from a stranger, so it can name files of its own folder only: no absolute path, no `..`, no
/// symbolic link that leads out, nothing beyond a file's end.
public final class ExternalData: Sendable {
    /// The model's folder.
    public let folder: String
    private let files = Mutex<[String: WireSource]>([:])

    /// Files of a folder.
    public init(folder: String) {
        self.folder = folder.isEmpty ? "." : folder
    }

    /// The bytes that a tensor's `external_data` names.
    ///
    /// - Parameters:
    ///   - entries: `location`, and optionally `offset` and `length`, decimal. Other keys are ignored.
    ///   - byteCount: bytes that the tensor takes.
    func slice(_ entries: [StringStringEntryProto], byteCount: Int) throws -> WireSlice {
        let location = try value("location", entries) ?? ""
        let offset = try number("offset", entries) ?? 0
        let length = try number("length", entries) ?? byteCount
        guard length == byteCount else {
            throw Self.refusal("\(length) bytes are stored where the shape asks for \(byteCount)")
        }
        let source = try file(location)
        guard offset <= source.bytes.count, length <= source.bytes.count - offset else {
            throw source.failure("onnx.external-data", "\(length) bytes do not lie in the file", at: offset)
        }
        return WireSlice(unchecked: source, offset: offset, count: length)
    }

    private func value(_ key: String, _ entries: [StringStringEntryProto]) throws -> String? {
        let values = entries.filter { $0.key == key }
        guard values.count <= 1 else { throw Self.refusal("\"\(key)\" is given twice") }
        return values.first?.value
    }

    private func number(_ key: String, _ entries: [StringStringEntryProto]) throws -> Int? {
        guard let text = try value(key, entries) else { return nil }
        guard let number = Int(text), number >= 0 else { throw Self.refusal("\"\(key)\" is no size: \"\(text)\"") }
        return number
    }

    private func file(_ location: String) throws -> WireSource {
        try files.withLock { files in
            if let source = files[location] { return source }
            let source = try open(location)
            files[location] = source
            return source
        }
    }

    private func open(_ location: String) throws -> WireSource {
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.isEmpty, !location.hasPrefix("/"), !location.utf8.contains(0), !parts.contains("..") else {
            throw Self.refusal("\"\(location)\" does not name a file in the model's folder")
        }
        let root = try Self.resolved(folder)
        let path = try Self.resolved("\(folder)/\(location)")
        guard path.hasPrefix(root == "/" ? "/" : "\(root)/") else {
            throw Self.refusal("\"\(location)\" leads out of the model's folder")
        }
        // The resolved path is opened, so that links that change meanwhile are not followed unseen; a pipe would
        // block the opening, hence the look at the kind.
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Self.refusal("\"\(location)\" is not a regular file")
        }
        return try WireSource(mapping: path)
    }

    private static func resolved(_ path: String) throws -> String {
        guard let resolved = realpath(path, nil) else {
            let reason = String(cString: strerror(errno))
            throw Diagnostic("onnx.external-data", "cannot open: \(reason)", at: .file(path: path, offset: nil))
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func refusal(_ message: String) -> Diagnostic {
        Diagnostic("onnx.external-data", "external data: \(message)")
    }
}

extension TensorProto {
    /// The bytes of values in another file.
    func externalSlice(_ externalData: ExternalData?, byteCount: Int) throws -> WireSlice {
        guard let externalData else {
            throw failure(
                "onnx.external-data", "the values are in another file, and no folder is known",
                help: "load the model by its path")
        }
        do {
            return try externalData.slice(self.externalData, byteCount: byteCount)
        } catch let error as Diagnostic {
            throw Diagnostic(error.code, failure(error.code, error.message).message, at: error.place, help: error.help)
        }
    }
}
