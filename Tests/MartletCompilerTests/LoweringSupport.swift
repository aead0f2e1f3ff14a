import MartletCore
import MartletEngine
import MartletIR
import MartletRuntime
import TestSupport
import Testing

import MartletCompiler

/// Compiles graphs and compares compiled runs with the interpreter.
enum LoweringSupport {
    static let isAvailable: Bool = {
        guard CodegenTarget.host != nil else { return false }
        return (try? CodeGenerator(searchPath: "").backend()) != nil
    }()

    private static let generator = CodeGenerator(searchPath: "")

    /// The graph as an engine for the host, or another target.
    static func compile(_ graph: Graph, target: CodegenTarget? = .host) throws -> Engine {
        guard let target else { throw Diagnostic("test.target", "no target") }
        return try Compiler(CompilerOptions(target: target), generator: generator).compile(graph)
    }

    /// Runs compiled code on inputs in the order of the graph's inputs.
    static func run(_ graph: Graph, _ inputs: [HostTensor]) throws -> [HostTensor] {
        try run(compile(graph), graph, inputs)
    }

    /// Runs an engine of the graph.
    static func run(_ engine: Engine, _ graph: Graph, _ inputs: [HostTensor]) throws -> [HostTensor] {
        let session = Session(try Runtime.shared.load(engine))
        var named: [String: HostTensor] = [:]
        for (port, tensor) in zip(graph.inputs, inputs) { named[port.name] = tensor }
        let results = try session.run(named)
        return try graph.outputs.map { port in
            guard let tensor = results[port.name] else { throw Diagnostic("test.output", "no output \(port.name)") }
            return tensor
        }
    }

    /// Expects the compiled results to be those of the interpreter, bit by bit except for NaN.
    static func expectEqual(
        _ graph: Graph, _ inputs: [HostTensor], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expectEqual(compile(graph), graph, inputs, sourceLocation: sourceLocation)
    }

    /// The same of an engine that there is already.
    static func expectEqual(
        _ engine: Engine, _ graph: Graph, _ inputs: [HostTensor], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try Interpreter(graph).run(inputs)
        let found = try run(engine, graph, inputs)
        for (port, (left, right)) in zip(graph.outputs, zip(expected, found)) {
            let isAlike = left.type == right.type && left.shape == right.shape
            #expect(isAlike, "\(port.name)", sourceLocation: sourceLocation)
            guard isAlike else { return }
            let difference = try firstDifference(left, right)
            #expect(difference == nil, "\(port.name): \(difference ?? "")", sourceLocation: sourceLocation)
        }
    }

    private static func firstDifference(_ left: HostTensor, _ right: HostTensor) throws -> String? {
        guard left.type.isFloatingPoint else {
            let (a, b) = (try left.ints(), try right.ints())
            return a.indices.first { a[$0] != b[$0] }.map { "element \($0) is \(b[$0]), not \(a[$0])" }
        }
        let (a, b) = (try left.doubles(), try right.doubles())
        return a.indices.first { a[$0].bitPattern != b[$0].bitPattern && !(a[$0].isNaN && b[$0].isNaN) }
            .map { "element \($0) is \(b[$0]), not \(a[$0])" }
    }

    /// A graph of one operation; inputs have these types.
    static func graph(
        _ types: [TensorType], symbols: SymbolTable = SymbolTable(),
        _ body: (GraphBuilder, [ValueID]) throws -> [ValueID]
    ) throws -> Graph {
        let builder = GraphBuilder(symbols: symbols)
        let inputs = types.enumerated().map { builder.addInput("x\($0.offset)", $0.element) }
        let outputs = try body(builder, inputs).enumerated().map { GraphPort("y\($0.offset)", $0.element) }
        return try builder.finish(outputs: outputs)
    }
}

extension SplitMix64 {
    /// A tensor of values near zero, with repetitions; floats have some NaN, infinities and zeros of either sign.
    mutating func tensor(_ type: ElementType, _ shape: [Int], special: Bool = true) throws -> HostTensor {
        let count = shape.reduce(1, *)
        guard type.isFloatingPoint else {
            let low = type == .bool || !type.isSigned ? 0 : -50, high = type == .bool ? 1 : 100
            return try HostTensor.fromInts((0..<count).map { _ in Int64(int(low...high)) }, as: type, shape: shape)
        }
        let values = (0..<count).map { _ -> Double in
            let kind = int(0...40)
            if special, kind < 5 { return [Double.nan, .infinity, -.infinity, 0.0, -0.0][kind] }
            return Double(int(-1000...1000)) / (kind.isMultiple(of: 2) ? 64 : 37)
        }
        return try HostTensor.fromDoubles(values, as: type, shape: shape)
    }
}
