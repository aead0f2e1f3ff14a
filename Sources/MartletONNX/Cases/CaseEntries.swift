import Glibc

/// Whether a file or folder of this kind (`S_IFREG`, `S_IFDIR`) is there, links followed.
func isPresent(_ path: String, kind: mode_t) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == kind
}

/// The number between a prefix and a suffix, such as 12 in `input_12.pb`; nil for any other name.
func number(in name: String, after prefix: String, before suffix: String = "") -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.utf8.count > prefix.utf8.count + suffix.utf8.count else {
        return nil
    }
    let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
    return digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(digits) : nil
}
