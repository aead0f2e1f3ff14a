import Martlet
import MartletCore
import MartletEngine
import MartletONNX
import TestSupport
import Testing

/// Files that are cut short or damaged are refused with the file's name, and with the offset or section where it is.
@Suite struct DamagedFileTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Cuts a file at some places; gives what `open` says of each beginning, nil where it takes it.
    private func problems(_ name: String, _ bytes: [UInt8], _ open: (String) throws -> Void) throws -> [String?] {
        let path = "\(folder.path)/\(name)"
        return try stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)).map { count in
            try AtomicFile.write(Array(bytes[..<count]), to: path)
            do {
                try open(path)
                return nil
            } catch let problem as Diagnostic {
                return "\(problem)"
            } catch let problems as Diagnostics {
                return "\(problems)"
            }
        }
    }

    private func read(_ path: String) throws -> [UInt8] { try MappedFile(path: path).withUnsafeBytes { [UInt8]($0) } }

    @Test func models() throws {
        let kit = try ModelKit(
            folder, [ModelKit.node("MatMul", ["x", "w"], ["y"])], inputs: [ModelKit.value("x", .float32, ["n", "8"])],
            outputs: ["y"], constants: ["w": try noise([8, 8])])
        let found = try problems("cut.onnx", try read(kit.path)) { _ = try Model.graph($0) }
        #expect(found.allSatisfy { $0?.contains("cut.onnx") == true }, "\(found)")
        // Most cuts are within a message; the others leave a shorter model, which lacks something.
        #expect(found.count { $0?.contains("cut.onnx at byte") == true } > found.count / 2, "\(found)")
    }

    @Test func tensors() throws {
        let bytes = try WireValue.tensor(try noise([9, 7])).encoded(name: "x")
        let found = try problems("cut.pb", bytes) { _ = try WireValue.read(path: $0, type: nil) }
        #expect(found.allSatisfy { $0?.contains("cut.pb") == true }, "\(found)")
    }

    @Test func arrays() throws {
        let x = try noise([9, 7])
        try Npz.write([("x", x)], to: "\(folder.path)/x.npz")
        let one = try problems("cut.npy", try Npy.encode(x)) { _ = try Npy.read(path: $0) }
        let many = try problems("cut.npz", try read("\(folder.path)/x.npz")) { _ = try Npz.read(path: $0) }
        #expect(one.allSatisfy { $0?.contains("cut.npy at byte") == true }, "\(one)")
        #expect(many.allSatisfy { $0?.contains("cut.npz at byte") == true }, "\(many)")
    }

    @Test func engines() throws {
        let path = "\(folder.path)/whole.martlet"
        let graph = try trace([TraceInput("x", .float32, ["n", 3])]) { ["y": $0[0] * $0[0]] }
        try ModelCompiler(folder.settings).compile(graph, name: "square").write(to: path)
        let bytes = try read(path)
        let found = try problems("cut.martlet", bytes) { _ = try Runtime(threads: 1).open($0) }
        #expect(found.allSatisfy { $0?.contains("cut.martlet") == true }, "\(found)")
        #expect(found.dropFirst().allSatisfy { $0?.contains("section 'directory'") == true })
        let engine = try Engine(contentsOf: path)
        // A changed byte in tables or code is noticed when the file is opened.
        for (section, content) in [("code", engine.code)] {
            let start = try #require(content.withUnsafeBytes { Self.find(Array($0.prefix(32)), in: bytes) })
            var damaged = bytes
            damaged[start + 7] ^= 4
            try AtomicFile.write(damaged, to: "\(folder.path)/damaged.martlet")
            let problem = #expect(throws: Diagnostic.self) {
                try Runtime(threads: 1).open("\(folder.path)/damaged.martlet")
            }
            let text = problem.map { "\($0)" } ?? ""
            #expect(text.contains("damaged.martlet") && text.contains("section '\(section)'"), "\(text)")
        }
    }

    private static func find(_ part: [UInt8], in bytes: [UInt8]) -> Int? {
        (0...(bytes.count - part.count)).first { bytes[$0..<$0 + part.count].elementsEqual(part) }
    }
}
