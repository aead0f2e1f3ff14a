import Foundation
import MartletCore
@testable import MartletONNX
import Testing

/// Test data that `make` prepares: models, data sets and a Python environment.
enum Prepared {
    static let folder = ProcessInfo.processInfo.environment["MARTLET_PREPARED"] ?? ".build/prepared"
    static var suite: String { "\(folder)/suite" }
    static var python: String { "\(folder)/venv/bin/python" }

    static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// The suite's cases and whatever other cases are there, without the large ones if `small`.
    static func cases() throws -> [CaseFolder] {
        try ["suite", "real", "onnx"].flatMap { kind in
            has("\(folder)/\(kind)") ? try CaseFolder.all(in: "\(folder)/\(kind)") : []
        }
    }
}

/// A folder that is removed when the object goes.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "martlet-wire-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], _ name: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }
}

extension WireMessage {
    init(bytes: [UInt8]) throws {
        try self.init(slice: try WireSource(copying: bytes).all)
    }

    var bytes: [UInt8] {
        var writer = ProtoWriter()
        write(to: &writer)
        return writer.finished()
    }
}

/// The code of the diagnostic that `body` throws; nil if it throws none.
func code(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch {
        return (error as? Diagnostic)?.code ?? "\(error)"
    }
}

/// Pseudo-random numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
