@testable import MartletCore
import TestSupport
import Testing

/// A file of version `version` with the given header and data, as NumPy lays it out.
private func file(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let text = Array((header + "\n").utf8)
    let length =
        version == 1
        ? [UInt8(text.count & 0xFF), UInt8(text.count >> 8)]
        : [UInt8(text.count & 0xFF), UInt8(text.count >> 8), 0, 0]
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
}

private func decode(_ bytes: [UInt8]) throws -> HostTensor {
    let storage = try TensorStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }
    return try Npy.decode(storage, at: 0, count: bytes.count, path: "test.npy")
}

@Suite struct NpyTests {
    static let types = ElementType.allCases.filter { $0.numpyDescriptor != nil }

    @Test(arguments: types, [[], [3], [2, 3], [0, 4], [1, 1, 1]])
    func tensorsSurvive(_ type: ElementType, _ shape: [Int]) throws {
        var fill: UInt8 = 0
        let tensor = try HostTensor.make(type, shape: shape) { bytes in
            for index in bytes.indices {
                fill &+= 37
                bytes[index] = fill
            }
        }
        let bytes = try Npy.encode(tensor)
        #expect((bytes.count - tensor.byteCount) % 64 == 0)
        #expect(try decode(bytes).isIdentical(to: tensor))
    }

    @Test func bytesAreThoseOfNumPy() throws {
        // numpy.save of array([[1, 2], [3, 4]], dtype=int16)
        let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }"
        let padded = header + String(repeating: " ", count: 128 - 10 - header.utf8.count - 1)
        let expected = file(padded, [1, 0, 2, 0, 3, 0, 4, 0])
        let tensor = try HostTensor([1, 2, 3, 4] as [Int16], shape: [2, 2])
        #expect(try Npy.encode(tensor) == expected)
    }

    @Test func fortranOrderIsTurned() throws {
        let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }"
        let tensor = try decode(file(header, [1, 4, 2, 5, 3, 6]))
        #expect(try tensor.array(of: UInt8.self) == [1, 2, 3, 4, 5, 6] && tensor.shape == [2, 3])
        let empty = try decode(file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 0), }", []))
        #expect(empty.shape == [2, 0])
    }

    @Test func bigEndianIsTurned() throws {
        let integers = [0, 0, 1, 2, 255, 255, 255, 254] as [UInt8]
        let reals = try decode(file("{'descr':'>i4','fortran_order':False,'shape':(2,)}", integers))
        #expect(try reals.array(of: Int32.self) == [258, -2])
        let complex = try decode(
            file("{'descr':'>c8','fortran_order':False,'shape':()}", [63, 128, 0, 0, 64, 0, 0, 0]))
        complex.withUnsafeBytes { #expect(Array($0) == [0, 0, 128, 63, 0, 0, 0, 64]) }
    }

    @Test func laterVersionsAndOldSpellings() throws {
        let header = "{'shape': (2L,), 'fortran_order': False, 'descr': 'u1'}"
        for version: UInt8 in [1, 2, 3] {
            #expect(try decode(file(header, [8, 9], version: version)).array(of: UInt8.self) == [8, 9])
        }
        #expect(throws: Diagnostic.self) { try decode(file(header, [8, 9], version: 4)) }
    }

    @Test func stringsSurvive() throws {
        let tensor = try HostTensor(strings: ["", "añ🐦", "b"], shape: [3, 1])
        #expect(try decode(Npy.encode(tensor)).isIdentical(to: tensor))
        let bytes = try decode(file("{'descr':'|S3','fortran_order':False,'shape':(2,)}", Array("ab\0c\0\0".utf8)))
        #expect(bytes.strings == ["ab", "c"])
        let swapped = try decode(file("{'descr':'>U1','fortran_order':False,'shape':(1,)}", [0, 0, 0, 97]))
        #expect(swapped.strings == ["a"])
        #expect(throws: Diagnostic.self) {
            try decode(file("{'descr':'<U1','fortran_order':False,'shape':(1,)}", [0, 0xD8, 0, 0]))
        }
    }

    @Test func unusableFilesSayWhy() throws {
        let headers = [
            "{'descr':'|O','fortran_order':False,'shape':(1,)}",
            "{'descr':[('a','<f4')],'fortran_order':False,'shape':(1,)}",
            "{'descr':'<f4','fortran_order':False,'shape':(-1,)}", "{'descr':'<f4','fortran_order':False}",
            "{'descr':'<f4','fortran_order':0,'shape':(1,)}",
            "{'descr':'<f4','fortran_order':False,'shape':(99999999999999999999,)}",
            "{'descr':'<f8','fortran_order':False,'shape':(4611686018427387904,)}",
            "{'descr':'<U0','fortran_order':False,'shape':(4611686018427387904,)}", "[]", "",
        ]
        for header in headers {
            #expect(throws: Diagnostic.self, "\(header)") { try decode(file(header, [0, 0, 0, 0])) }
        }
        #expect(throws: Diagnostic.self) { try Npy.encode(HostTensor(zeros: .bfloat16, shape: [1])) }
        let short = #expect(throws: Diagnostic.self) {
            try decode(file("{'descr':'<f4','fortran_order':False,'shape':(2,)}", [0, 0, 0, 0]))
        }
        #expect(short?.code == "file.truncated")
    }

    @Test func damagedFilesNeverTrap() throws {
        let plain = try Npy.encode(HostTensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
        let strings = try Npy.encode(HostTensor(strings: ["ab", "c"], shape: [2]))
        let header = "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3), }"
        let fortran = file(header, [UInt8](repeating: 1, count: 12))
        for bytes in [plain, strings, fortran] {
            ByteFuzzer.run(bytes, count: 4000) { _ = try? decode($0).doubles() }
        }
    }
}

@Suite struct NpzTests {
    private func decode(_ bytes: [UInt8]) throws -> [Npz.Entry] {
        try Npz.decode(TensorStorage(byteCount: bytes.count) { $0.copyBytes(from: bytes) }, path: "test.npz")
    }

    private func archive() throws -> [UInt8] {
        let folder = try TestFolder()
        let first = try HostTensor([1, 2, 3] as [Float], shape: [3])
        try Npz.write([("first", first), ("second", HostTensor(strings: ["x"], shape: []))], to: folder["a.npz"])
        return try MappedFile(path: folder["a.npz"]).withUnsafeBytes { Array($0) }
    }

    @Test func arraysSurvive() throws {
        let folder = try TestFolder()
        let tensors = [
            ("a", try HostTensor([1, 2, 3] as [Float], shape: [3])), ("b/ü", HostTensor(scalar: 7)),
            ("c", try HostTensor(zeros: .uint8, shape: [0])),
        ]
        try Npz.write(tensors, to: folder["a.npz"])
        let read = try Npz.read(path: folder["a.npz"])
        #expect(read.map(\.name) == ["a", "b/ü", "c"])
        for (mine, theirs) in zip(tensors, read) { #expect(mine.1.isIdentical(to: theirs.tensor)) }
        #expect(read.allSatisfy { $0.tensor.byteOffset % 64 == 0 })
        try Npz.write([], to: folder["empty.npz"])
        #expect(try Npz.read(path: folder["empty.npz"]).isEmpty)
    }

    @Test func compressedEntriesAreRefusedByName() throws {
        var bytes = try archive()
        let entry = try #require(bytes.indices.first { bytes[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
        bytes[entry + 10] = 8
        let diagnostic = #expect(throws: Diagnostic.self) { try decode(bytes) }
        #expect(diagnostic?.code == "zip.compressed" && diagnostic?.help != nil)
    }

    @Test func changedContentsAreFound() throws {
        var bytes = try archive()
        bytes[200] ^= 1
        #expect(throws: Diagnostic.self) { try decode(bytes) }
        let checksum = Array("123456789".utf8).withUnsafeBytes { CRC32.of($0) }
        #expect(checksum == 0xCBF4_3926)
    }

    @Test func damagedArchivesNeverTrap() throws {
        ByteFuzzer.run(try archive(), count: 4000) { _ = try? decode($0) }
    }
}
