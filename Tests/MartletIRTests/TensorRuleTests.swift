import MartletCore
import MartletIR
import Testing

/// Local rules fire where they are exact, count themselves, and can be switched off.
@Suite struct TensorRuleTests {
    private let builder = GraphBuilder()
    private let x: ValueID
    private let integers: ValueID

    init() {
        x = builder.addInput("x", TensorType(.float32, [2, 3]))
        integers = builder.addInput("i", TensorType(.int32, [2, 3]))
    }

    private func scalar(_ value: Double, _ type: ElementType) throws -> ValueID {
        try builder.add(constant: HostTensor.fromDoubles([value], as: type, shape: []))
    }

    @Test func viewsThatDoNothingVanish() throws {
        let zero = try scalar(0, .float32)
        #expect(try builder.add(Reshape(shape: [2, 3]), x) == x)
        #expect(try builder.add(Transpose([0, 1]), x) == x)
        #expect(try builder.add(Broadcast(shape: [2, 3], axes: [0, 1]), x) == x)
        #expect(try builder.add(Slice(start: [0, 0], size: [2, 3], step: [1, 1]), x) == x)
        #expect(try builder.add(Pad(low: [0, 0], high: [0, 0], interior: [0, 0]), x, zero) == x)
        #expect(try builder.add(Concat(axis: 0), x) == x)
        #expect(try builder.add(Window([]), x) == x)
        #expect(builder.rules.counts.count == 7)
    }

    @Test func viewsOfViewsMeet() throws {
        let reshaped = try builder.add(Reshape(shape: [6]), x)
        #expect(try builder.add(Reshape(shape: [2, 3]), reshaped) == x)
        let turned = try builder.add(Transpose([1, 0]), x)
        #expect(try builder.add(Transpose([1, 0]), turned) == x)
        let once = try builder.add(Broadcast(shape: [4, 2, 3], axes: [1, 2]), x)
        let twice = try builder.add(Broadcast(shape: [5, 4, 2, 3], axes: [1, 2, 3]), once)
        let definition = try #require(builder.definition(of: twice))
        #expect(definition.operands == [x])
        #expect((definition.operation as? Broadcast)?.axes == [2, 3])
    }

    @Test func neutralOperandsVanish() throws {
        #expect(try builder.add(Map(.add), integers, scalar(0, .int32)) == integers)
        #expect(try builder.add(Map(.add), scalar(0, .int32), integers) == integers)
        #expect(try builder.add(Map(.mul), scalar(1, .float32), x) == x)
        #expect(try builder.add(Map(.div), x, scalar(1, .float32)) == x)
        #expect(try builder.add(Map(.sub), x, scalar(0, .float32)) == x)
        #expect(try builder.add(Map(.add), x, scalar(-0.0, .float32)) == x)
        #expect(try builder.add(Map(.cast, to: .float32), x) == x)
        let negated = try builder.add(Map(.neg), x)
        #expect(try builder.add(Map(.neg), negated) == x)
    }

    @Test func inexactRewritesDoNotHappen() throws {
        #expect(try builder.add(Map(.add), x, scalar(0, .float32)) != x)
        #expect(try builder.add(Map(.sub), x, scalar(-0.0, .float32)) != x)
        #expect(try builder.add(Map(.sub), scalar(0, .float32), x) != x)
        #expect(try builder.add(Map(.div), scalar(1, .float32), x) != x)
        let product = try builder.add(Map(.mul), x, scalar(0, .float32))
        #expect(builder.constant(product) == nil)
    }

    @Test func rulesCanBeSwitchedOff() throws {
        var options = RuleSet.Options()
        options.disabled = ["reshape-identity"]
        let builder = GraphBuilder(rules: RuleSet(options))
        let x = builder.addInput("x", TensorType(.float32, [2, 3]))
        #expect(try builder.add(Reshape(shape: [2, 3]), x) != x)
        options = RuleSet.Options()
        options.limit = 0
        let none = GraphBuilder(rules: RuleSet(options))
        let y = none.addInput("y", TensorType(.float32, [2, 3]))
        #expect(try none.add(Concat(axis: 0), y) != y)
    }

    @Test func illTypedNodesAreRejectedBeforeRules() throws {
        #expect(throws: Diagnostic.self) { try builder.add(Transpose([0, 1, 2]), x) }
        #expect(throws: Diagnostic.self) { try builder.add(Transpose([]), []) }
        #expect(throws: Diagnostic.self) { try builder.add(Map(.add), [x]) }
        #expect(throws: Diagnostic.self) { try builder.add(Concat(axis: 0), []) }
        #expect(throws: Diagnostic.self) { try builder.add(Map(.mul), x, scalar(1, .float64)) }
    }

    @Test func foldingLeavesFailuresToTheRun() throws {
        let table = try builder.add(constant: HostTensor([1, 2] as [Float], shape: [2]))
        let index = try builder.add(constant: HostTensor([5] as [Int64], shape: [1]))
        let y = try builder.add(Gather(axes: [0], mode: .check), table, index)
        let graph = try builder.finish(outputs: [GraphPort("y", y)])
        let zeros = [try HostTensor(zeros: .float32, shape: [2, 3]), try HostTensor(zeros: .int32, shape: [2, 3])]
        #expect(throws: Diagnostic.self) { try Interpreter(graph).run(zeros) }
    }

    @Test func reductionsOfSizesAreKnown() throws {
        let n = IntExpr(builder.freshSymbol("n"))
        let sizes = try [n, 3, 4].map { try builder.add(Dimension($0)) }
        let lines = try sizes.map { try builder.add(Reshape(shape: [1]), $0) }
        let shape = try builder.add(Concat(axis: 0), lines)[0]
        #expect(builder.symbolicValues(shape) == [n, 3, 4])
        #expect(builder.symbolicValues(try builder.add(Reduce(.prod, axes: [0]), shape)) == [n * 12])
        let tail = try builder.add(Slice(start: [1], size: [2], step: [1]), shape)
        #expect(builder.symbolicValues(tail) == [3, 4])
        let padded = try builder.add(
            Pad(low: [1], high: [0], interior: [0]), tail, builder.add(constant: HostTensor(scalar: Int64(1))))
        #expect(builder.symbolicValues(padded) == [1, 3, 4])
    }
}
