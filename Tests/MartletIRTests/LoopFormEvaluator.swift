import MartletCore
import MartletIR

/// Evaluates loop forms point by point, to compare kernel forms with the operations' own evaluation.
struct LoopFormEvaluator {
    let body: ScalarBody
    let operands: [HostTensor]
    var symbols: [Symbol: Int]

    static func evaluate(
        _ form: KernelForm, _ operands: [HostTensor], _ symbols: [Symbol: Int]
    ) throws -> HostTensor {
        if case .constant(let tensor) = form { return tensor }
        guard case .loops(let loops) = form, let loop = loops.first else {
            throw Diagnostic("test.form", "not a loop form")
        }
        var evaluator = LoopFormEvaluator(body: loop.body, operands: operands, symbols: symbols)
        let type = loop.body.type(of: loop.root)
        let shape = try loop.axes.map { try evaluator.value(of: $0.extent) }
        var scalars: [Tensor] = []
        for index in indices(of: shape) {
            for (axis, coordinate) in zip(loop.axes, index) { evaluator.symbols[axis.symbol] = coordinate }
            scalars.append(Tensor(try evaluator.scalar(loop.root).reshaped([1])))
        }
        guard !scalars.isEmpty else { return try HostTensor(zeros: type, shape: shape) }
        guard let line = try Tensor.concatenate(scalars, axis: 0).concrete else {
            throw Diagnostic("test.form", "no value")
        }
        return try line.reshaped(shape)
    }

    func value(of expression: IntExpr) throws -> Int {
        try expression.evaluate { symbol in
            guard let value = symbols[symbol] else { throw Diagnostic("test.symbol", "\(symbol) has no value") }
            return value
        }
    }

    /// The 0-d value of a node at the current point.
    mutating func scalar(_ node: Int) throws -> HostTensor {
        switch body.nodes[node] {
        case .load(let operand, let index, _): return try load(operands[operand], try index.map(value(of:)))
        case .index(let expression): return HostTensor(scalar: Int64(try value(of: expression)))
        case .constant(let bits, let type):
            return try HostTensor.make(type, shape: []) { bytes in
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: bits >> UInt64(8 * index)) }
            }
        case .apply(let function, let nodes, let type):
            var arguments: [Tensor] = []
            for node in nodes { arguments.append(Tensor(try scalar(node))) }
            let target = function == .cast || function == .bitcast ? type : nil
            return try concrete(try Tensor.apply(Map(function, to: target), arguments)[0])
        case .guarded(let guards, let value, let otherwise):
            let holds = try guards.allSatisfy {
                let position = try self.value(of: $0.expression)
                let limit = try self.value(of: $0.limit)
                return position >= 0 && position < limit
            }
            return try scalar(holds ? value : otherwise)
        case .reduce(let combiner, let axes, let value, _): return try reduce(combiner, axes, value)
        case .argreduce(let maximum, let lastTie, let axes, let value):
            let line = try self.line(axes, value)
            return try concrete(try Tensor(line).argReduced(maximum: maximum, axes: [0], lastTie: lastTie))
        case .dynamic(let symbol, let value, let limit, let checked, let body):
            let index = Int(try scalar(value).ints()[0])
            let extent = try self.value(of: limit)
            if checked, index < 0 || index >= extent {
                throw Diagnostic("test.violation", "index \(index) is out of range")
            }
            symbols[symbol] = index
            return try scalar(body)
        }
    }

    private func concrete(_ tensor: Tensor) throws -> HostTensor {
        guard let value = tensor.concrete else { throw Diagnostic("test.form", "no value") }
        return value
    }

    private func load(_ tensor: HostTensor, _ index: [Int]) throws -> HostTensor {
        guard index.count == tensor.shape.count, zip(index, tensor.shape).allSatisfy({ $0 >= 0 && $0 < $1 }) else {
            throw Diagnostic("test.load", "index \(index) outside \(tensor)")
        }
        let slice = try Tensor(tensor).sliced(
            start: index.map { IntExpr($0) }, size: index.map { _ in 1 })
        return try concrete(slice).reshaped([])
    }

    /// The values of a node over all points of some axes.
    private mutating func line(_ axes: [LoopAxis], _ node: Int) throws -> HostTensor {
        let extents = try axes.map { try value(of: $0.extent) }
        var values: [Tensor] = []
        for index in indices(of: extents) {
            for (axis, coordinate) in zip(axes, index) { symbols[axis.symbol] = coordinate }
            values.append(Tensor(try scalar(node).reshaped([1])))
        }
        guard !values.isEmpty else { return try HostTensor(zeros: body.type(of: node), shape: [0]) }
        return try concrete(try Tensor.concatenate(values, axis: 0))
    }

    private mutating func reduce(_ combiner: Combiner, _ axes: [LoopAxis], _ node: Int) throws -> HostTensor {
        try concrete(try Tensor(try line(axes, node)).reduced(combiner, axes: [0]))
    }
}
