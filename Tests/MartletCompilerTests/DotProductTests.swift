import MartletCompiler
import MartletCore
import MartletEngine
import MartletIR
import TestSupport
import Testing

/// Products of bytes and of bfloat16: by dot-product instructions where the target has them, the same integers elsewhere.
@Suite(.enabled(if: LoweringSupport.isAvailable))
struct DotProductTests {
    private typealias Support = LoweringSupport

    /// The host, and the levels that it runs.
    static let targets: [CodegenTarget] = {
        guard let host = CodegenTarget.host else { return [] }
        let levels = ["x86-64-v2", "x86-64-v3"].compactMap { try? CodegenTarget(named: $0) }
        return levels.filter { $0.runs(on: host) } + [host]
    }()

    private static func hasBytes(_ target: CodegenTarget) -> Bool {
        target.vectorBytes == 64 && target.has(.avx512vnni)
    }
    private static func hasBrain(_ target: CodegenTarget) -> Bool {
        target.vectorBytes == 64 && target.has(.avx512bf16)
    }

    private static let depths = [1, 3, 4, 5, 64, 67], widths = [1, 17, 64, 130], heights = [1, 6, 7, 50]
    /// Types of rows and panel.
    private static let signs: [(ElementType, ElementType)] = [
        (.uint8, .int8), (.int8, .uint8), (.int8, .int8), (.uint8, .uint8),
    ]

    /// All values of the type, its ends often.
    private func bytes(_ type: ElementType, _ shape: [Int], _ random: inout SplitMix64) throws -> HostTensor {
        let ends = type == .int8 ? (-128, 127) : (0, 255)
        let values = (0..<shape.reduce(1, *)).map { _ -> Int64 in
            switch random.int(0...5) {
            case 0: return Int64(ends.0)
            case 1: return Int64(ends.1)
            default: return Int64(random.int(ends.0...ends.1))
            }
        }
        return try HostTensor.fromInts(values, as: type, shape: shape)
    }

    private func product(
        _ rows: IntExpr, _ depth: Int, _ weights: HostTensor, _ types: (ElementType, ElementType),
        _ symbols: SymbolTable
    ) throws -> Graph {
        try Support.graph([TensorType(types.0, [rows, IntExpr(depth)])], symbols: symbols) { builder, x in
            let contract = Contract(batch: [], contracted: [(1, 0)], result: .int32)
            return [try builder.add(contract, x[0], builder.add(constant: weights))]
        }
    }

    @Test(arguments: targets, 0..<4)
    func productsOfBytes(_ target: CodegenTarget, _ pair: Int) throws {
        let types = Self.signs[pair]
        var random = SplitMix64(seed: UInt64(pair))
        for (number, depth) in Self.depths.enumerated() {
            for (position, width) in Self.widths.enumerated() {
                let weights = try bytes(types.1, [depth, width], &random)
                var symbols = SymbolTable()
                // Static rows, and for some sizes rows that are known at run time.
                let height = Self.heights[(number + position) % 4]
                let isOpen = number == position
                let rows = isOpen ? IntExpr(symbols.add("rows", lower: 0)) : IntExpr(height)
                let graph = try product(rows, depth, weights, types, symbols)
                let engine = try Support.compile(graph, target: target)
                for count in isOpen ? Self.heights : [height] {
                    try Support.expectEqual(engine, graph, [bytes(types.0, [count, depth], &random)])
                }
                let isDot = Self.hasBytes(target) && pair < 3 && depth > 1 && width > 1
                if width > 1 { #expect(engine.steps[0].note.contains("dot.u8s8") == isDot) }
            }
        }
    }

    /// Three input channels and a border: groups of terms that do not fill a word, rows outside of the image.
    @Test(arguments: targets, 0..<4)
    func convolutionsOfBytes(_ target: CodegenTarget, _ pair: Int) throws {
        let types = Self.signs[pair]
        var random = SplitMix64(seed: 5)
        for channels in [3, 8] {
            let weights = try bytes(types.1, [20, channels, 3, 3], &random)
            let input = TensorType(types.0, [1, 9, 10, IntExpr(channels)])
            let graph = try Support.graph([input]) { builder, x in
                let image = try builder.add(Transpose([0, 3, 1, 2]), x[0])
                let convolve = Convolve(
                    stride: [1, 2], low: [1, 1], high: [1, 1], dilation: [1, 1], inputDilation: [1, 1], groups: 1,
                    result: .int32)
                return [try builder.add(convolve, image, builder.add(constant: weights))]
            }
            let engine = try Support.compile(graph, target: target)
            try Support.expectEqual(engine, graph, [bytes(types.0, [1, 9, 10, channels], &random)])
            let isDot = Self.hasBytes(target) && pair < 3
            #expect(engine.steps.contains { $0.note.contains("dot.u8s8") } == isDot)
        }
    }

    // MARK: Computed rows

    /// round(x / scale) + point within the type, the product with constants, and its float32 multiple.
    private func quantised(
        _ shape: [IntExpr], _ type: ElementType, _ weights: HostTensor, _ symbols: SymbolTable
    ) throws -> Graph {
        try Support.graph([TensorType(.float32, shape)], symbols: symbols) { builder, x in
            func scalar(_ value: Double) throws -> ValueID {
                try builder.add(constant: HostTensor.fromDoubles([value], as: .float32, shape: []))
            }
            let ends = type == .int8 ? (-128.0, 127.0) : (0.0, 255.0)
            var value = try builder.add(Map(.round), builder.add(Map(.div), x[0], scalar(0.37)))
            value = try builder.add(Map(.add), value, scalar(3))
            value = try builder.add(Map(.min), builder.add(Map(.max), value, scalar(ends.0)), scalar(ends.1))
            value = try builder.add(Map(.cast, to: type), value)
            let contract = Contract(batch: [], contracted: [(shape.count - 1, 0)], result: .int32)
            let sums = try builder.add(contract, value, builder.add(constant: weights))
            return [try builder.add(Map(.mul), builder.add(Map(.cast, to: .float32), sums), scalar(0.011))]
        }
    }

    @Test(arguments: targets, [ElementType.uint8, .int8])
    func quantisedRowsAreOneKernel(_ target: CodegenTarget, _ type: ElementType) throws {
        var random = SplitMix64(seed: 17)
        for (number, depth) in [3, 4, 5, 64, 67].enumerated() {
            for (position, width) in [17, 64, 130].enumerated() {
                let weights = try bytes(.int8, [depth, width], &random)
                var symbols = SymbolTable()
                let height = Self.heights[(number + position) % 4]
                let isOpen = number == position
                let rows = isOpen ? IntExpr(symbols.add("rows", lower: 0)) : IntExpr(height)
                let graph = try quantised([rows, IntExpr(depth)], type, weights, symbols)
                let engine = try Support.compile(graph, target: target)
                #expect(engine.steps.count == 1 && engine.steps[0].note.contains("rows computed"))
                #expect(engine.steps[0].note.contains("dot.u8s8") == Self.hasBytes(target))
                for count in isOpen ? Self.heights + [0, 97] : [height] {
                    // Not a number, infinities and numbers far outside of the range are among them.
                    let x = try random.tensor(.float32, [count, depth])
                    try Support.expectEqual(engine, graph, [x])
                }
            }
        }
    }

    /// Rows of several axes, and scales of every column of the rows.
    @Test func rowsOfSeveralAxes() throws {
        var random = SplitMix64(seed: 19)
        let graph = try quantised([2, 5, 36], .uint8, bytes(.int8, [36, 70], &random), SymbolTable())
        let engine = try Support.compile(graph)
        #expect(engine.steps.count == 1)
        try Support.expectEqual(engine, graph, [random.tensor(.float32, [2, 5, 36])])
    }

    /// What no tile can compute in place is stored, not computed for every product.
    @Test func sumsOverTwoAxesStoreTheirFactor() throws {
        var random = SplitMix64(seed: 23)
        let weights = try bytes(.int8, [4, 9, 33], &random)
        let graph = try Support.graph([TensorType(.float32, [7, 4, 9])]) { builder, x in
            let value = try builder.add(Map(.cast, to: .uint8), builder.add(Map(.abs), x[0]))
            let contract = Contract(batch: [], contracted: [(1, 0), (2, 1)], result: .int32)
            return [try builder.add(contract, value, builder.add(constant: weights))]
        }
        let engine = try Support.compile(graph)
        #expect(engine.steps.count == 2)
        try Support.expectEqual(engine, graph, [random.tensor(.float32, [7, 4, 9], special: false)])
    }

    /// A reshape within the factor splits its depth: planned anew with the factor stored.
    @Test func splitDepthsStoreTheirFactor() throws {
        var random = SplitMix64(seed: 29)
        let weights = try bytes(.int8, [36, 33], &random)
        let graph = try Support.graph([TensorType(.float32, [4, 7, 9])]) { builder, x in
            let rows = try builder.add(Transpose([1, 0, 2]), x[0])
            let flat = try builder.add(Reshape(shape: [7, 36]), rows)
            let value = try builder.add(Map(.cast, to: .uint8), builder.add(Map(.abs), flat))
            let contract = Contract(batch: [], contracted: [(1, 0)], result: .int32)
            return [try builder.add(contract, value, builder.add(constant: weights))]
        }
        let engine = try Support.compile(graph)
        #expect(!engine.steps.contains { $0.note.contains("rows computed") })
        #expect(engine.steps.contains { $0.note.contains("contraction") })
        try Support.expectEqual(engine, graph, [random.tensor(.float32, [4, 7, 9], special: false)])
    }

    // MARK: bfloat16

    @Test(arguments: targets, [ElementType.float32, .bfloat16])
    func productsOfBrainFloats(_ target: CodegenTarget, _ result: ElementType) throws {
        var random = SplitMix64(seed: 31)
        for (depth, width, computed) in [(64, 64, false), (67, 130, false), (3, 17, false), (65, 33, true)] {
            let weights = try random.tensor(.bfloat16, [depth, width], special: false)
            let input: ElementType = computed ? .float32 : .bfloat16
            let graph = try Support.graph([TensorType(input, [13, IntExpr(depth)])]) { builder, x in
                let rows = computed ? try builder.add(Map(.cast, to: .bfloat16), x[0]) : x[0]
                let contract = Contract(batch: [], contracted: [(1, 0)], result: result)
                return [try builder.add(contract, rows, builder.add(constant: weights))]
            }
            let x = try random.tensor(input, [13, depth], special: false)
            let engine = try Support.compile(graph, target: target)
            #expect(engine.steps.count == 1)
            #expect(engine.steps[0].note.contains("dot.bf16") == Self.hasBrain(target))
            let expected = try Interpreter(graph).run([x])[0].doubles()
            let found = try Support.run(engine, graph, [x])[0].doubles()
            let scale = expected.map(abs).max() ?? 1
            let tolerance = scale * (result == .bfloat16 ? 0.008 : 1e-5)
            #expect(zip(expected, found).allSatisfy { abs($0 - $1) <= tolerance })
        }
    }

    /// Infinite elements stay so in the group of terms that the depth does not fill.
    @Test(arguments: targets) func infinityInTheLastGroup(_ target: CodegenTarget) throws {
        let weights = try HostTensor.fromDoubles([1, 1, 1, 1, 2, 2], as: .bfloat16, shape: [3, 2])
        let graph = try Support.graph([TensorType(.bfloat16, [1, 3])]) { builder, x in
            let contract = Contract(batch: [], contracted: [(1, 0)], result: .float32)
            return [try builder.add(contract, x[0], builder.add(constant: weights))]
        }
        let x = try HostTensor.fromDoubles([1, 2, .infinity], as: .bfloat16, shape: [1, 3])
        let found = try Support.run(Support.compile(graph, target: target), graph, [x])[0].doubles()
        #expect(found == [.infinity, .infinity])
    }
}
