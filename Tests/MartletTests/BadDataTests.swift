import Martlet
import MartletCore
import MartletONNX
import MartletRuntime
import TestSupport
import Testing

/// One operator on data that it may refuse.
struct BadData: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let type: String
    var attributes: [AttributeProto] = []
    let inputs: [HostTensor]
    /// The answer; nil where the run must fail.
    var answer: HostTensor?

    init(_ name: String, _ type: String, _ inputs: [HostTensor], gives answer: HostTensor? = nil) {
        self.init(name, type, [], inputs, gives: answer)
    }

    init(
        _ name: String, _ type: String, _ attributes: [AttributeProto], _ inputs: [HostTensor],
        gives answer: HostTensor? = nil
    ) {
        (testDescription, self.type, self.attributes) = (name, type, attributes)
        (self.inputs, self.answer) = (inputs, answer)
    }
}

/// Bad data gives the operator's answer, or an error with the name of the node; compiled as interpreted.
@Suite struct BadDataTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    @Test(arguments: (try? Self.cases()) ?? []) func data(_ data: BadData) throws {
        let names = data.inputs.indices.map { "x\($0)" }
        let inputs = zip(names, data.inputs).map { name, tensor in
            // The first axis of the first input is open, so that nothing can be refused before the run.
            let extents = tensor.shape.indices.map { name == "x0" && $0 == 0 ? "n" : "\(tensor.shape[$0])" }
            return ModelKit.value(name, tensor.type, tensor.shape.count == 1 ? ["\(tensor.shape[0])"] : extents)
        }
        let outputs = data.type == "TopK" || data.type == "Split" ? ["y", "z"] : ["y"]
        let node = NodeProto(
            data.type, name: "the node", inputs: names, outputs: outputs, attributes: data.attributes)
        let kit = try ModelKit(folder, [node], inputs: inputs, outputs: outputs)
        let given = Dictionary(zip(names, data.inputs)) { first, _ in first }
        let runs: [(String, () throws -> [String: HostTensor])] = [
            ("compiled", { try kit.compiled().run(given) }), ("interpreted", { try kit.reference().run(given) }),
        ]
        for (name, run) in runs {
            guard let answer = data.answer else {
                let problem = #expect(throws: Diagnostic.self, "\(name)") { try run() }
                #expect(problem.map { "\($0)" }?.contains("the node") == true, "\(name): \(problem.debugDescription)")
                continue
            }
            let found = try #require(try run()["y"])
            #expect(found.isIdentical(to: answer), "\(name): \(found) \((try? found.ints()) ?? [])")
        }
    }

    /// An index out of range is an error of one code and one text; the interpreter also says the index as it was given,
    /// before it was counted from the end.
    @Test(arguments: [7, 4, -5, -12, .min] as [Int64], [true, false]) func indexAsGiven(
        _ index: Int64, _ isConstant: Bool
    ) throws {
        let along = [AttributeProto("axis", .int(0))]
        let x = try noise([4, 2])
        let uneven = try tensor([0, 3, index])
        let column = try tensor([0, index, 1], [3, 1])
        let nodes: [(String, [AttributeProto], HostTensor, HostTensor?)] = [
            ("Gather", [], uneven, nil), ("Gather", [], HostTensor(scalar: index), nil),
            ("GatherElements", along, column, nil), ("GatherND", [], column, nil),
            ("ScatterElements", along, column, try noise([3, 1])), ("ScatterND", [], column, try noise([3, 2])),
        ]
        for (number, (type, attributes, indices, updates)) in nodes.enumerated() {
            var constants = updates.map { ["u": $0] } ?? [:]
            if isConstant { constants["i"] = indices }
            let inputs = ["x": x].merging(isConstant ? [:] : ["i": indices]) { first, _ in first }
            let node = NodeProto(
                type, name: "the node", inputs: ["x", "i"] + (updates == nil ? [] : ["u"]), outputs: ["y"],
                attributes: attributes)
            let kit = try ModelKit(
                folder, name: "\(type)\(number)", [node],
                inputs: inputs.sorted { $0.key > $1.key }.map { name, tensor in
                    ModelKit.value(name, tensor.type, tensor.shape.map { "\($0)" })
                }, outputs: ["y"], constants: constants)
            let interpreted = try problem { try kit.reference().run(inputs) }
            #expect(
                interpreted.message.contains("an index is out of range: \(index), for axis 0 of size 4"),
                "\(type): \(interpreted)")
            let compiled = try problem { try kit.compiled().run(inputs) }
            for found in [interpreted, compiled] {
                #expect(found.code == "run.index-range" || isConstant, "\(type): \(found)")
                #expect(found.message.hasPrefix("an index is out of range"), "\(type): \(found)")
                #expect("\(found)".contains("the node"), "\(type): \(found)")
            }
        }
    }

    private func problem(_ body: () throws -> [String: HostTensor]) throws -> Diagnostic {
        do {
            _ = try body()
        } catch let several as Diagnostics {
            return try #require(several.all.first)
        } catch let problem as Diagnostic {
            return problem
        }
        throw Diagnostic("test.no-error", "the index was taken")
    }

    @Test func thereAreCases() throws { #expect(try Self.cases().count > 50) }

    private static func cases() throws -> [BadData] {
        try indices() + sizes() + divisions() + casts() + shifts()
    }

    private static func indices() throws -> [BadData] {
        let x = try noise([4, 2])
        let row = try tensor([5, 6] as [Float], [1, 2])
        let along = [AttributeProto("axis", .int(0))]
        return try [7, 4, -5, .min, .max].flatMap { (index: Int64) in
            [
                BadData("gather \(index)", "Gather", [x, try tensor([0, index])]),
                BadData("gather elements \(index)", "GatherElements", along, [x, try tensor([0, index], [1, 2])]),
                BadData("gather nd \(index)", "GatherND", [x, try tensor([0, 1, index, 0], [2, 2])]),
                BadData("scatter \(index)", "ScatterElements", along, [x, try tensor([0, index], [1, 2]), row]),
                BadData("scatter nd \(index)", "ScatterND", [x, try tensor([index], [1, 1]), row]),
            ]
        } + [
            BadData(
                "gather from the end", "Gather", [try tensor([1, 2, 3] as [Float]), try tensor([-1, -3] as [Int64])],
                gives: try tensor([3, 1] as [Float]))
        ]
    }

    private static func sizes() throws -> [BadData] {
        let x = try noise([4, 2])
        func sizes(_ values: Int64...) throws -> HostTensor { try tensor(values) }
        func number(_ value: Int64) -> HostTensor { HostTensor(scalar: value) }
        return [
            BadData("top 9 of 4", "TopK", [AttributeProto("axis", .int(0))], [x, try sizes(9)]),
            BadData("top -1", "TopK", [AttributeProto("axis", .int(0))], [x, try sizes(-1)]),
            BadData("reshape", "Reshape", [x, try sizes(3, 3)]), BadData("expand", "Expand", [x, try sizes(-4, 2)]),
            BadData("expand apart", "Expand", [x, try sizes(3, 2)]),
            BadData("tile", "Tile", [x, try sizes(-1, 2)]), BadData("split", "Split", [x, try sizes(3, 3)]),
            BadData("negative shape", "ConstantOfShape", [try sizes(-3)]),
            BadData("no step", "Range", [number(0), number(5), number(0)]),
            BadData("slice without step", "Slice", [x, try sizes(0), try sizes(2), try sizes(0), try sizes(0)]),
            BadData("pad", "Pad", [x, try sizes(0, 0, -9, 0)]),
            BadData("depth", "OneHot", [try sizes(0), number(-3), try tensor([0, 1] as [Float])]),
        ]
    }

    private static func divisions() throws -> [BadData] {
        func division<T: TensorElement & FixedWidthInteger>(_ type: T.Type) throws -> [BadData] {
            let fmod = [AttributeProto("fmod", .int(1))]
            let zero = [try tensor([5, .max, .min] as [T]), try tensor([1, 0, 0] as [T])]
            let none = [
                BadData("\(T.self) by zero", "Div", zero, gives: try tensor([5, 0, 0] as [T])),
                BadData("\(T.self) rest by zero", "Mod", zero, gives: try tensor([0, 0, 0] as [T])),
                BadData("\(T.self) fmod by zero", "Mod", fmod, zero, gives: try tensor([0, 0, 0] as [T])),
            ]
            guard T.isSigned else { return none }
            let minus = [try tensor([6, .min, .max] as [T]), try tensor([-1, -1, -1] as [T])]
            return none + [
                BadData("\(T.self) least by -1", "Div", minus, gives: try tensor([0 &- 6, .min, 0 &- .max] as [T])),
                BadData("\(T.self) rest of least", "Mod", minus, gives: try tensor([0, 0, 0] as [T])),
                BadData("\(T.self) fmod of least", "Mod", fmod, minus, gives: try tensor([0, 0, 0] as [T])),
            ]
        }
        return try division(Int8.self) + division(Int32.self) + division(Int64.self) + division(UInt8.self)
            + division(UInt32.self) + division(UInt64.self)
    }

    /// Out of range floating-point numbers become what x86 makes of them.
    private static func casts() throws -> [BadData] {
        let values: [Float] = [1.9, .nan, .infinity, -.infinity, 1e30, -1e30, 300, -3.5, 9.3e18, 3e9]
        func cast<T: TensorElement>(_ expected: [T]) throws -> BadData {
            let type = AttributeProto("to", .int(Int64(T.elementType.onnxCode)))
            return BadData(
                "cast to \(T.self)", "Cast", [type], [try tensor(values)], gives: try tensor(expected))
        }
        let (low, low64) = (Int32.min, Int64.min)
        let half: UInt64 = 1 << 63
        return [
            try cast([1, low, low, low, low, low, 300, -3, low, low]),
            try cast([1, low64, low64, low64, low64, low64, 300, -3, low64, 3_000_000_000]),
            try cast([1, 0, 0, 0, 0, 0, 44, -3, 0, 0] as [Int8]),
            try cast([1, 0, 0, 0, 0, 0, 44, 253, 0, 0] as [UInt8]),
            try cast([1, half, 0, half, 0, half, 300, 0 &- 3, UInt64(values[8]), 3_000_000_000]),
            try cast([true, true, true, true, true, true, true, true, true, true]),
        ]
    }

    private static func shifts() throws -> [BadData] {
        func shift<T: TensorElement & FixedWidthInteger>(_ type: T.Type) throws -> [BadData] {
            let width = T(T.bitWidth)
            let inputs = [try tensor([3, 3, 3, .max] as [T]), try tensor([1, width, width + 1, .max] as [T])]
            return [
                BadData(
                    "\(T.self) left", "BitShift", [AttributeProto("direction", string: "LEFT")], inputs,
                    gives: try tensor([6, 0, 0, 0] as [T])),
                BadData(
                    "\(T.self) right", "BitShift", [AttributeProto("direction", string: "RIGHT")], inputs,
                    gives: try tensor([1, 0, 0, 0] as [T])),
            ]
        }
        return try shift(UInt8.self) + shift(UInt16.self) + shift(UInt32.self) + shift(UInt64.self)
    }
}
