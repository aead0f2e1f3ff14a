import Foundation
import MartletCore
@testable import MartletONNX
import TestSupport
import Testing

@Suite("Wire: case folders") struct WireCaseTests {
    private func value(_ name: String) -> ValueInfoProto {
        ValueInfoProto(name: name, type: TypeProto(tensor: .float32, shape: TensorShapeProto(extents: [])))
    }

    /// A folder with a model of inputs a, w (an initializer), b and output y, and data sets 0, 2 and 10.
    private func makeCase(_ files: [String: String]) throws -> TestFolder {
        let folder = try TestFolder()
        var model = ModelProto()
        model.graph = GraphProto()
        model.graph?.inputs = ["a", "w", "b"].map(value)
        model.graph?.outputs = [value("y")]
        model.graph?.initializers = [TensorProto(HostTensor(scalar: 3 as Float), name: "w")]
        try folder.write(model.encoded(), to: "model.onnx")
        for set in [10, 2, 0] {
            let path = "\(folder.path)/test_data_set_\(set)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (file, number) in [("input_0", 1), ("input_1", 2), ("output_0", set)] {
                try WireValue.tensor(HostTensor(scalar: Float(number))).write(to: "\(path)/\(file).pb")
            }
        }
        for (name, text) in files { try folder.write(Array(text.utf8), to: name) }
        return folder
    }

    @Test func plainCase() throws {
        let folder = try makeCase([:])
        let test = try CaseFolder(path: folder.path + "/")
        #expect(test.tolerance == Tolerance(rtol: 1e-3, atol: 1e-7, relL2: nil))
        #expect(test.dataSets.map(\.number) == [0, 2, 10])
        #expect(test.state == nil)
        let graph = try ONNXModel.load(path: test.modelPath).graph
        #expect(try test.dataSets[0].inputs(for: graph).map(\.name) == ["a", "b"])
        let output = try test.dataSets[2].outputs(for: graph)[0]
        #expect(OutputComparison(output.value, .tensor(HostTensor(scalar: 10 as Float))).passes)
        let outer = try TestFolder()
        for name in ["b", "a/c"] {
            let copy = "\(outer.path)/\(name)"
            let parent = (copy as NSString).deletingLastPathComponent
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: folder.path, toPath: copy)
        }
        #expect(try CaseFolder.all(in: outer.path).map(\.name) == ["c", "b"])
        #expect(try CaseFolder.all(in: outer.path, depth: 1).map(\.name) == ["b"])
    }

    @Test func describedCase() throws {
        let folder = try makeCase([
            "case.json": #"""
            {"rtol": 0, "atol": 0.5, "rel_l2": null, "note": "n",
             "state": {"output": "hn,cn", "input": "h,c", "streams": [[0, 3], [3, 5]]}}
            """#,
            "data.json": #"{"rtol": 0.002}"#,
        ])
        let test = try CaseFolder(path: folder.path)
        #expect(test.tolerance == Tolerance(rtol: 0.002, atol: 0.5, relL2: nil))
        #expect(test.note == "n")
        let state = try #require(test.state)
        #expect(state.links == [.init(output: "hn", input: "h"), .init(output: "cn", input: "c")])
        #expect((0..<5).map(state.continues) == [false, true, true, false, true])
    }

    @Test func wrongCases() throws {
        #expect(errorCode { _ = try CaseFolder(path: "/nonexistent") } == "case.no-model")
        let folder = try makeCase(["case.json": #"{"state": {"output": "a,b", "input": "c", "streams": []}}"#])
        #expect(errorCode { _ = try CaseFolder(path: folder.path) } == "case.state")
        let damaged = try makeCase(["case.json": "{"])
        #expect(throws: Diagnostic.self) { try CaseFolder(path: damaged.path) }
        let test = try CaseFolder(path: try makeCase([:]).keep())
        #expect(errorCode { _ = try test.dataSets[0].inputs(for: GraphProto()) } == "case.position")
        try? FileManager.default.removeItem(atPath: test.path)
    }
}

extension TestFolder {
    /// The path of a copy that outlives the object.
    func keep() throws -> String {
        try FileManager.default.copyItem(atPath: path, toPath: path + "-kept")
        return path + "-kept"
    }
}

@Suite("Wire: comparison of outputs") struct WireComparisonTests {
    private func compare<Element: TensorElement>(
        _ got: [Element], _ expected: [Element], _ tolerance: Tolerance = Tolerance()
    ) throws -> OutputComparison {
        OutputComparison(
            try HostTensor(got, shape: [got.count]), try HostTensor(expected, shape: [expected.count]),
            tolerance: tolerance)
    }

    @Test func floats() throws {
        #expect(try compare([1, 1000.9] as [Float], [1, 1000]).passes)
        #expect(try !compare([1001.1] as [Float], [1000]).passes)
        #expect(try compare([0.9e-7] as [Float], [0]).passes)
        #expect(try !compare([1.1e-7] as [Float], [0]).passes)
        #expect(try compare([-0.0, .nan, .infinity, -.infinity] as [Float], [0, -.nan, .infinity, -.infinity]).passes)
        #expect(try !compare([.infinity] as [Float], [-.infinity]).passes)
        #expect(try !compare([.infinity] as [Float], [Float.greatestFiniteMagnitude]).passes)
        #expect(try !compare([1] as [Float], [.nan]).passes)
        #expect(try !compare([.nan] as [Float], [1]).passes)
        #expect(try !compare([1] as [Float], [.infinity], Tolerance(rtol: 1, atol: 1)).passes)
    }

    @Test func reports() throws {
        let tensor = { (values: [Float]) in try HostTensor(values, shape: [2, 2]) }
        let comparison = OutputComparison(try tensor([1, 2, 3.5, 6]), try tensor([1, 2, 3, 4]))
        #expect(comparison.mismatch == .init(what: "element", index: [1, 0], got: "3.5", expected: "3.0"))
        #expect(comparison.mismatchCount == 2)
        #expect(comparison.maximumError == 2)
        #expect(abs(comparison.relativeL2 - (4.25 / 30).squareRoot()) < 1e-12)
        #expect("\(comparison)" == "element [1, 0]: got 3.5, expected 3.0 (2 differ, by at most 2.0)")
    }

    @Test func relativeNorm() throws {
        let loose = Tolerance(rtol: 0, atol: 1, relL2: 0.1)
        #expect(try compare([1.05, 1] as [Float], [1, 1], loose).passes)
        let bad = try compare([1.5, 1] as [Float], [1, 1], loose)
        #expect(bad.mismatch?.what == "relative L2 distance")
    }

    @Test func typesAndShapes() throws {
        let scalar = HostTensor(scalar: 1 as Float)
        #expect(OutputComparison(scalar, try scalar.reshaped([1])).mismatch?.what == "shape")
        #expect(OutputComparison(scalar, HostTensor(scalar: 1 as Double)).mismatch?.what == "element type")
    }

    @Test func exactTypes() throws {
        #expect(try !compare([1001] as [Int32], [1000]).passes)
        #expect(try compare([.max] as [UInt64], [.max]).passes)
        #expect(try compare([.max] as [UInt64], [UInt64.max - 1]).maximumError <= 1)
        #expect(try !compare([Int64.max] as [Int64], [.max - 1]).passes)
        #expect(try !compare([true] as [Bool], [false]).passes)
        let strings = { (value: String) in try HostTensor(strings: ["a", value], shape: [2]) }
        #expect(OutputComparison(try strings("b"), try strings("b")).passes)
        #expect(OutputComparison(try strings("b"), try strings("c")).mismatch?.index == [1])
    }

    @Test func bfloat16HasItsOwnTolerance() throws {
        #expect(try compare([BFloat16(1.0078125 as Float)], [BFloat16(1 as Float)]).passes)
        #expect(try !compare([BFloat16(1.03125 as Float)], [BFloat16(1 as Float)]).passes)
    }

    @Test(
        "One step of a small float fails",
        arguments: ElementType.allCases.filter {
            ($0.isFloatingPoint || $0.isInteger) && $0.bitWidth <= 8
        })
    func steps(type: ElementType) throws {
        let codes = Array(UInt8(0)...(.max >> UInt8(8 - type.bitWidth)))
        let tensors = try codes.map { code in try HostTensor.make(type, shape: [1]) { $0[0] = code } }
        for (a, b) in zip(tensors, tensors.dropFirst()) {
            let (x, y) = (try a.doubles()[0], try b.doubles()[0])
            let same = x == y || x.isNaN && y.isNaN
            #expect(OutputComparison(a, b).passes == same, "\(x) \(y)")
        }
    }

    @Test func halves() throws {
        #expect(try compare([Float16(1.0009765625)], [Float16(1)]).passes)
        #expect(try !compare([Float16(1.001953125)], [Float16(1)]).passes)
    }

    @Test func complexNumbers() throws {
        let tensor = { (real: Float, imaginary: Float) in
            try HostTensor.make(.complex64, shape: [1]) { bytes in
                bytes.storeBytes(of: real, as: Float.self)
                bytes.storeBytes(of: imaginary, toByteOffset: 4, as: Float.self)
            }
        }
        #expect(OutputComparison(try tensor(1000, 0.5), try tensor(1000, 0)).passes)
        #expect(!OutputComparison(try tensor(1, 0.5), try tensor(1, 0)).passes)
        #expect(OutputComparison(try tensor(.nan, 1), try tensor(0, .nan)).passes)
    }

    @Test func sequencesAndOptionals() throws {
        let one = WireValue.tensor(HostTensor(scalar: 1 as Float))
        let two = WireValue.tensor(HostTensor(scalar: 2 as Float))
        #expect(OutputComparison(.sequence([one, two]), .sequence([one, two])).passes)
        let second = OutputComparison(.sequence([one, two]), .sequence([one, one]))
        #expect(second.mismatch?.what == "sequence entry 1: element")
        #expect(!OutputComparison(.sequence([one]), .sequence([one, one])).passes)
        #expect(OutputComparison(.optional(nil), .optional(nil)).passes)
        #expect(!OutputComparison(.optional(nil), .optional(one)).passes)
        #expect(!OutputComparison(one, .optional(one)).passes)
    }
}
