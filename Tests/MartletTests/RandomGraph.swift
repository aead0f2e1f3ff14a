import Martlet
import MartletCore
import MartletIR
import MartletLibrary
import TestSupport

/// A graph of operations that are picked at random, over sizes that the inputs or the data give.
///
/// Values are of two kinds. *Exact* ones are whole numbers so small that every order of summing gives the same; what
/// jumps (comparisons, sorting, conversions) is applied to them only, and results must be equal. All others are compared
/// within a tolerance.
struct RandomGraph {
    /// A value of the graph.
    struct Value {
        let tensor: Tensor
        /// No element is greater in magnitude; nil for values that are not exact.
        let bound: Double?

        var isExact: Bool { bound != nil }
    }

    /// What exact values of float32 may reach, with room for a few more operations.
    static let greatestBound = 0x1p20
    /// Elements that a value may have.
    private static let mostElements = 20_000
    /// The most that the sizes of the inputs are in a run.
    private static let mostOfSizes = 7
    /// The sizes `n` and `m` of the runs.
    static let sizes = [(0, 1), (1, 1), (5, 3), (7, 2)]

    private(set) var random: SplitMix64
    private(set) var values: [Value] = []
    private let recorder = Recorder()
    private let inputTypes: [TensorType]
    private let n: Symbol
    private let m: Symbol

    /// A graph of so many operations; equal seeds give equal graphs.
    static func make(seed: UInt64, operations: Int) throws -> (graph: Graph, isExact: [Bool], generator: RandomGraph) {
        var generator = RandomGraph(seed: seed)
        let graph = try generator.record(operations)
        return (graph.graph, graph.isExact, generator)
    }

    private init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        // Bounds that are known change what the compiler may assume.
        let isBounded = random.int(0...1) == 0
        n = recorder.symbol("n", upper: isBounded ? IntExpr(Self.mostOfSizes) : nil)
        m = recorder.symbol("m", lower: 1, upper: isBounded ? IntExpr(Self.mostOfSizes) : nil)
        let sizes = [IntExpr(n), IntExpr(m)]
        var types = [TensorType(.float32, [sizes[0], sizes[1]]), TensorType(.float32, [sizes[1], 4])]
        for _ in 0..<3 {
            let rank = random.int(0...3)
            var shape: [IntExpr] = []
            for _ in 0..<rank { shape.append([1, 2, 4, 17, sizes[0], sizes[1]][random.int(0...5)]) }
            types.append(TensorType([.float32, .float32, .int64, .int32][random.int(0...3)], shape))
        }
        inputTypes = types
    }

    private mutating func record(_ count: Int) throws -> (graph: Graph, isExact: [Bool]) {
        let recorder = recorder
        return try recorder.record {
            for (number, type) in inputTypes.enumerated() {
                values.append(Value(tensor: recorder.input("x\(number)", type), bound: 4))
            }
            var left = 50 * count
            while values.count < inputTypes.count + count, left > 0 {
                left -= 1
                let step = Self.operations[random.int(0...Self.operations.count - 1)]
                // Whatever does not fit its operands is not taken.
                guard let value = try? step(&self), try isSmall(value) else { continue }
                values.append(value)
            }
            let first = max(values.count - 5, inputTypes.count)
            let outputs = values[first...].map { $0 }
            let graph = try recorder.finish(outputs.enumerated().map { ("y\($0.offset)", $0.element.tensor) })
            return (graph, outputs.map(\.isExact))
        }
    }

    private func isSmall(_ value: Value) throws -> Bool {
        let type = try value.tensor.type
        return type.rank <= 5 && most(type.count) <= Self.mostElements
            && value.bound ?? 0 <= (type.element == .float32 ? Self.greatestBound : 0x1p30)
    }

    /// Tensors for the inputs, of whole numbers from -4 to 4.
    mutating func inputs(n: Int, m: Int) throws -> [String: HostTensor] {
        var tensors: [String: HostTensor] = [:]
        for (number, type) in inputTypes.enumerated() {
            let shape = try type.shape.map { try $0.evaluate { $0 == self.n ? n : m } }
            tensors["x\(number)"] = try wholeNumbers(-4...4, type.element, shape)
        }
        return tensors
    }

    mutating func wholeNumbers(_ range: ClosedRange<Int>, _ type: ElementType, _ shape: [Int]) throws -> HostTensor {
        var numbers: [Double] = []
        for _ in 0..<shape.reduce(1, *) { numbers.append(Double(random.int(range))) }
        if type.isFloatingPoint { return try HostTensor.fromDoubles(numbers, as: type, shape: shape) }
        return try HostTensor.fromInts(numbers.map { Int64($0) }, as: type, shape: shape)
    }

    // MARK: Picking

    /// What a size may come to in a run.
    func most(_ size: IntExpr) -> Int {
        (try? size.evaluate { $0 == n || $0 == m ? Self.mostOfSizes : 64 }) ?? .max
    }

    mutating func int(_ range: ClosedRange<Int>) -> Int { random.int(range) }

    mutating func pick<T>(_ list: [T]) throws -> T {
        guard !list.isEmpty else { throw Diagnostic("test.pick", "there is nothing to pick") }
        return list[random.int(0...list.count - 1)]
    }

    /// One of the values; later ones are likelier, so that chains are long.
    mutating func value(where fits: (Value) throws -> Bool = { _ in true }) throws -> Value {
        let fitting = try values.filter(fits)
        guard !fitting.isEmpty else { throw Diagnostic("test.pick", "no value fits") }
        return fitting[max(random.int(0...fitting.count - 1), random.int(0...fitting.count - 1))]
    }

    mutating func axis(of value: Value, where fits: (IntExpr) -> Bool = { _ in true }) throws -> Int {
        let shape = try value.tensor.shape
        return try pick(shape.indices.filter { fits(shape[$0]) })
    }
}
