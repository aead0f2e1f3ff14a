import Glibc
import MartletCore

/// The folder of a kernel cache: one file per kernel, bounded in total. Safe under concurrent processes, since a file
/// appears under its name only when complete; every failure only means that nothing is kept.
struct KernelFolder {
    let path: String
    let limit: Int
    /// Bytes of all kernels as far as this process knows; nil until the folder was looked through.
    private var total: Int?

    private static let suffix = ".kernel"
    private static let temporaryPrefix = ".kernel-"
    private static let staleSeconds = 3600
    private static let fileLimit = 128 << 20

    /// The folder at `path`, made if missing. Nil and a reason where it cannot be used; a folder that anybody may
    /// write to is refused, because what it holds is executed.
    init?(path: String, limit: Int, reason: inout String) {
        self.path = path
        self.limit = limit
        Self.makeFolders(path)
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            reason = "\(path) is not a folder and cannot be made: \(String(cString: strerror(errno)))"
            return nil
        }
        guard status.st_mode & S_IWOTH == 0 else {
            reason = "anybody may write to \(path)"
            return nil
        }
    }

    private static func makeFolders(_ path: String) {
        for (index, character) in zip(path.indices, path) where character == "/" && index != path.startIndex {
            mkdir(String(path[..<index]), 0o777)
        }
        mkdir(path, 0o700)
    }

    private func file(_ name: String) -> String { path + "/" + name }

    /// The contents of a kernel's file; nil where there is none, or one that this user or root did not write.
    func read(_ key: KernelKey) -> [UInt8]? {
        let handle = open(file(key.text + Self.suffix), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard handle >= 0 else { return nil }
        defer { close(handle) }
        var status = stat()
        guard fstat(handle, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_uid == geteuid() || status.st_uid == 0
        else { return nil }
        // The time of the file says when it was last used: the oldest are removed first.
        futimens(handle, nil)
        return FileBytes.read(handle, limit: Self.fileLimit)
    }

    func remove(_ key: KernelKey) {
        unlink(file(key.text + Self.suffix))
    }

    /// Writes a kernel's file; false where that fails.
    mutating func write(_ bytes: [UInt8], _ key: KernelKey) -> Bool {
        guard bytes.count <= min(limit, Self.fileLimit) else { return false }
        let random = String(UInt64.random(in: 0 ... .max), radix: 16)
        let temporary = file("\(Self.temporaryPrefix)\(getpid())-\(random)")
        let handle = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard handle >= 0 else { return false }
        let written = FileBytes.write(bytes, to: handle)
        close(handle)
        guard written, rename(temporary, file(key.text + Self.suffix)) == 0 else {
            unlink(temporary)
            return false
        }
        total = total.map { $0 + bytes.count }
        shrinkIfNeeded()
        return true
    }

    private struct File {
        var name: String
        var bytes: Int
        var time: (Int, Int)
    }

    /// Looks through the folder when this process has not yet, or believes it full, and removes the files that were
    /// not used for longest until an eighth is free.
    private mutating func shrinkIfNeeded() {
        if let total, total <= limit { return }
        let files = listing()
        var sum = files.reduce(0) { $0 + $1.bytes }
        if sum > limit {
            for file in files.sorted(by: { ($0.time, $0.name) < ($1.time, $1.name) }) where sum > limit / 8 * 7 {
                unlink(self.file(file.name))
                sum -= file.bytes
            }
        }
        total = sum
    }

    /// The kernels in the folder; temporary files that a killed process left are removed.
    private func listing() -> [File] {
        var files: [File] = []
        for name in Folder.names(in: path) {
            var status = stat()
            guard lstat(file(name), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            if Self.isKernel(name) {
                let time = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
                files.append(File(name: name, bytes: Int(status.st_size), time: time))
            } else if name.hasPrefix(Self.temporaryPrefix), time(nil) - status.st_mtim.tv_sec > Self.staleSeconds {
                unlink(file(name))
            }
        }
        return files
    }

    private static func isKernel(_ name: String) -> Bool {
        name.hasSuffix(suffix) && name.utf8.count == 32 + suffix.utf8.count && !name.hasPrefix(".")
    }
}

private func < (left: ((Int, Int), String), right: ((Int, Int), String)) -> Bool {
    left.0 != right.0 ? left.0 < right.0 : left.1 < right.1
}
