import MartletCore
import TestSupport
import Testing

@Suite struct FileTests {
    @Test func writesAndMaps() throws {
        let folder = try TestFolder()
        let path = folder["a"]
        let large = [UInt8](repeating: 7, count: 100_000)
        try AtomicFile.write(to: path) { writer in
            try writer.write([1, 2, 3])
            try writer.pad(to: 8)
            try writer.write(large)
            try writer.write([9])
            try writer.overwrite([5, 6], at: 1)
        }
        let file = try MappedFile(path: path)
        #expect(Array(file.bytes) == [1, 5, 6, 0, 0, 0, 0, 0] + large + [9])
        #expect(try file.slice(at: 1, count: 2).withUnsafeBytes { Array($0) } == [5, 6])
        #expect(folder.names == ["a"])
    }

    @Test func slicesStayInside() throws {
        let folder = try TestFolder()
        try AtomicFile.write([1, 2, 3], to: folder["a"])
        let file = try MappedFile(path: folder["a"])
        #expect(try file.slice(at: 3, count: 0).range.isEmpty)
        for (offset, count) in [(4, 0), (-1, 1), (0, 4), (2, -1), (Int.max, 1), (1, Int.max)] {
            #expect(throws: Diagnostic.self) { try file.slice(at: offset, count: count) }
        }
    }

    @Test func failureLeavesTheOldFileOnly() throws {
        let folder = try TestFolder()
        try AtomicFile.write([1], to: folder["a"])
        #expect(throws: Diagnostic.self) {
            try AtomicFile.write(to: folder["a"]) { writer in
                try writer.write([2])
                throw Diagnostic("test", "stop")
            }
        }
        #expect(throws: Diagnostic.self) {
            try AtomicFile.write(to: folder["a"]) { try $0.overwrite([1], at: 0) }
        }
        #expect(folder.names == ["a"])
        #expect(try MappedFile(path: folder["a"]).withUnsafeBytes { Array($0) } == [1])
    }

    @Test func unusableFilesAreNamed() throws {
        let folder = try TestFolder()
        let missing = #expect(throws: Diagnostic.self) { try MappedFile(path: folder["b"]) }
        #expect(missing?.place == .file(path: folder["b"], offset: nil))
        #expect(throws: Diagnostic.self) { try MappedFile(path: folder.path) }
        #expect(throws: Diagnostic.self) { try AtomicFile.write([1], to: folder["no/such"]) }
        try AtomicFile.write([], to: folder["empty"])
        #expect(try MappedFile(path: folder["empty"]).count == 0)
    }

    @Test func mappedTensorsKeepTheFile() throws {
        let folder = try TestFolder()
        try AtomicFile.write([1, 0, 2, 0], to: folder["a"])
        let tensor = try HostTensor(
            type: .uint16, shape: [2], storage: TensorStorage(MappedFile(path: folder["a"])))
        #expect(try tensor.ints() == [1, 2])
    }
}
