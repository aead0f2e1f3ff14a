import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

extension Prepared {
    static var suite: String { "\(folder)/suite" }
    static var python: String { "\(folder)/venv/bin/python" }

    /// The suite's cases and whatever other cases are there.
    static func cases() throws -> [CaseFolder] {
        try ["suite", "real", "onnx"].flatMap { kind in
            has(kind) ? try CaseFolder.all(in: "\(folder)/\(kind)") : []
        }
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
