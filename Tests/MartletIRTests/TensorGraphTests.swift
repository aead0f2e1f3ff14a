import MartletCore
import MartletIR
import Testing

/// Recording: symbolic shapes, values of sizes, rules.
@Suite struct TensorGraphTests {
    private func numbers(_ shape: [Int]) throws -> HostTensor {
        let values = (0..<shape.reduce(1, *)).map { Float($0) }
        return try HostTensor(values, shape: shape)
    }

    /// `Shape → Gather → Concat → Reshape`, as exporters write it, leaves one reshape.
    @Test func chainsOfSizesDissolve() throws {
        let recorder = Recorder()
        let (n, s) = (IntExpr(recorder.symbol("n", lower: 1)), IntExpr(recorder.symbol("s", lower: 1)))
        let x = recorder.input("x", TensorType(.float32, [n, s, 384]))
        let y = try recorder.record {
            let shape = try Tensor.dimensions(x.shape)
            let zero = Tensor(try HostTensor([0] as [Int64], shape: [1]))
            let batch = try shape.gathered([zero], axes: [0], mode: .check)
            let rest = Tensor(try HostTensor([-1, 12, 32] as [Int64], shape: [3]))
            let wanted = try Tensor.concatenate([batch, rest], axis: 0)
            let values = try #require(wanted.symbolicValues)
            #expect(values == [n, -1, 12, 32])
            return try x.reshaped(to: [values[0], s, 12, 32])
        }
        let graph = try recorder.finish([("y", y)])
        #expect(graph.nodes.count == 1)
        #expect(graph.requirements.isEmpty)
    }

    @Test func reshapeOfSymbolicAxesNeedsNoDivision() throws {
        let (b, s) = (IntExpr(Symbol.size(0)), IntExpr(Symbol.size(1)))
        let variables = LoopForm.variables(4)
        let split = try index(Reshape(shape: [b, s, 12, 32]), [b, s, 384], [b, s, 12, 32])
        #expect(split == [variables[0], variables[1], variables[2] * 32 + variables[3]])
        let joined = try index(Reshape(shape: [b * s, 384]), [b, s, 384], [b * s, 384])
        #expect(joined[2] == variables[1])
        let squeezed = try index(Reshape(shape: [b, 1, s]), [b, s], [b, 1, s])
        #expect(squeezed == [variables[0], variables[2]])
    }

    private func index(_ operation: any Operation, _ operand: [IntExpr], _ result: [IntExpr]) throws -> [IntExpr] {
        let form = try operation.kernelForm(
            operands: [TensorType(.float32, operand)], results: [TensorType(.float32, result)])
        guard case .loops(let loops) = form, case .load(_, let index, _) = loops[0].body.nodes[loops[0].root] else {
            Issue.record("no view")
            return []
        }
        return index
    }

    @Test func undecidedBroadcastsWorkInEveryValidCase() throws {
        let recorder = Recorder()
        let (n, m) = (IntExpr(recorder.symbol("n")), IntExpr(recorder.symbol("m")))
        let x = recorder.input("x", TensorType(.float32, [n]))
        let y = recorder.input("y", TensorType(.float32, [m]))
        let graph = try recorder.finish([("sum", try recorder.record { x + y }.checked())])
        for (left, right, common) in [(3, 3, 3), (1, 3, 3), (3, 1, 3), (1, 1, 1), (0, 1, 0), (1, 0, 0), (0, 0, 0)] {
            let (a, b) = (try numbers([left]), try numbers([right]))
            let result = try Interpreter(graph).run([a, b])[0]
            #expect(result.shape == [common])
            let eager = try #require((Tensor(a) + Tensor(b)).concrete)
            #expect(result.isIdentical(to: eager))
            let values = Dictionary(uniqueKeysWithValues: zip([n, m].map { $0.symbols[0] }, [left, right]))
            for (operand, tensor) in zip(graph.inputs, [a, b]) {
                let form = try self.form(of: Broadcast.self, on: operand.value, in: graph)
                let spread = try LoopFormEvaluator.evaluate(form, [tensor], values)
                let index = try tensor.doubles() + Array(repeating: tensor.doubles().first ?? 0, count: 3)
                #expect(try spread.doubles() == Array(index.prefix(common)))
            }
        }
        for (left, right) in [(2, 3), (0, 2), (4, 0)] {
            #expect(throws: Diagnostic.self) {
                try Interpreter(graph).run([try self.numbers([left]), try self.numbers([right])])
            }
        }
    }

    /// The kernel form of the operation of that type that reads a value.
    private func form<T: MartletIR.Operation>(of type: T.Type, on value: ValueID, in graph: Graph) throws -> KernelForm
    {
        let node = try #require(
            graph.nodeIDs.first { graph.operation(of: $0) is T && graph.operands(of: $0).contains(value) })
        return try graph.operation(of: node).kernelForm(
            operands: graph.operands(of: node).map(graph.type(of:)),
            results: graph.results(of: node).map(graph.type(of:)))
    }

    @Test func anExtentAboveOneDecidesABroadcast() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n", lower: 0))
        let x = recorder.input("x", TensorType(.float32, [n, 4]))
        let y = recorder.input("y", TensorType(.float32, [3, 4]))
        let sum = try recorder.record { x * y }.checked()
        #expect(try sum.shape == [3, 4])
    }

    /// Kernel forms of recorded views with sizes that are symbols, against the interpreter.
    @Test func symbolicViewsMatchTheirKernelForms() throws {
        let recorder = Recorder()
        let symbol = recorder.symbol("n", lower: 1)
        let n = IntExpr(symbol)
        let type = TensorType(.float32, [n, 6])
        let x = recorder.input("x", type)
        let zero = try Tensor(0, as: .float32)
        let views = try recorder.record {
            [
                try x.reshaped(to: [n * 2, 3]), try x.reshaped(to: [3, n * 2]), try x.reshaped(to: [n, 2, 3]),
                try x.reshaped(to: [6 * n]), try x.broadcast(to: [n, n, 6], axes: [1, 2]),
                try x.sliced(axis: 0, start: n - 1, size: n, step: -1),
                try x.sliced(axis: 0, start: n.floorDivided(by: 2), size: n - n.floorDivided(by: 2)),
                try x.padded(low: [n, 0], high: [1, 0], with: zero), try Tensor.concatenate([x, x, x], axis: 0),
                try x.windowed([.init(axis: 0, size: 3, stride: 2)]),
            ]
        }
        let graph = try recorder.finish(views.enumerated().map { ("y\($0.offset)", $0.element) })
        for size in 1...5 {
            let input = try numbers([size, 6])
            let results = try Interpreter(graph).run([input])
            for (output, result) in zip(graph.outputs, results) {
                guard case .node(let node, _) = graph.producer(of: output.value) else { continue }
                let operands = graph.operands(of: node)
                let form = try graph.operation(of: node).kernelForm(
                    operands: operands.map(graph.type(of:)), results: [graph.type(of: output.value)])
                let tensors = operands.map { graph.constant($0) ?? input }
                let other = try LoopFormEvaluator.evaluate(form, tensors, [symbol: size])
                #expect(result.isIdentical(to: other), "\(output.name) for n = \(size)")
            }
        }
    }

    @Test func dataDependentSizes() throws {
        let recorder = Recorder()
        let count = recorder.input("count", TensorType(.int64, []))
        let ramp = try recorder.record {
            let size = try recorder.bind(count, "k", lower: 0, upper: 10)
            return try Tensor.iota(shape: [size], axis: 0)
        }
        let graph = try recorder.finish([("y", ramp)])
        #expect(try Interpreter(graph).run([HostTensor(scalar: Int64(4))])[0].ints() == [0, 1, 2, 3])
        #expect(throws: Diagnostic.self) { try Interpreter(graph).run([HostTensor(scalar: Int64(11))]) }
    }

    @Test func slicesOutsideAreFoundWhenTheProgramRuns() throws {
        let recorder = Recorder()
        let n = IntExpr(recorder.symbol("n"))
        let x = recorder.input("x", TensorType(.float32, [n]))
        let y = try recorder.record { try x.sliced(axis: 0, start: 2, size: 3) }
        let graph = try recorder.finish([("y", y)])
        #expect(graph.requirements.count == 1)
        #expect(try Interpreter(graph).run([numbers([5])])[0].doubles() == [2, 3, 4])
        #expect(throws: Diagnostic.self) { try Interpreter(graph).run([try self.numbers([4])]) }
    }
}
