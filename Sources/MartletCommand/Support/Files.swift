import Glibc
import Martlet
import MartletCore
import MartletONNX

/// Files that commands write.
enum Files {
    /// Whether there is a file or folder of that path.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Writes a text, in one piece or not at all.
    static func write(_ text: String, to path: String) throws {
        try AtomicFile.write(Array(text.utf8), to: path)
    }

    /// Writes a tensor into a folder under its name: as `.npy`, or as ONNX's `.pb` if NumPy does not have its type.
    /// Gives the path.
    static func write(_ tensor: HostTensor, named name: String, in folder: String) throws -> String {
        let plain = String(name.map { $0 == "/" || $0 == ":" ? "_" : $0 })
        do {
            let path = "\(folder)/\(plain).npy"
            try Npy.write(tensor, to: path)
            return path
        } catch let problem as Diagnostic where problem.code == "npy.element-type" {
            let path = "\(folder)/\(plain).pb"
            try WireValue.tensor(tensor).write(to: path, name: name)
            return path
        }
    }
}
