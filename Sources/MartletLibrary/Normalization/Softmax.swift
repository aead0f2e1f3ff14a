import MartletCore
public import MartletIR

extension Tensor {
    /// exp(x - max) / Σ exp(x - max) along `axes` together.
    public func softmax(axes: [Int]) throws -> Tensor { try Tensor.apply(Softmax(axes: axes.sorted()), self) }

    /// exp(x) / Σ exp(x) along one axis.
    public func softmax(axis: Int) throws -> Tensor { try softmax(axes: [axis]) }

    /// The logarithm of softmax along `axes` together.
    public func logSoftmax(axes: [Int]) throws -> Tensor {
        try inWideType { x in
            let shifted = try x.shiftedByMaximum(axes)
            return try shifted - shifted.mapped(.exp).reduced(.sum, axes: axes, keepingAxes: true).mapped(.log)
        }
    }

    fileprivate func shiftedByMaximum(_ axes: [Int]) throws -> Tensor {
        try (self - reduced(.max, axes: axes, keepingAxes: true)).checked()
    }
}

/// The kept call of softmax.
public struct Softmax: KeptFunction {
    public static let name = "softmax"
    /// Axes along which the results sum to one, ascending.
    public let axes: [Int]

    /// Makes the call.
    public init(axes: [Int]) { self.axes = axes }
    public init(_ attributes: AttributeReader) throws { self.init(axes: try attributes.ints("axes")) }
    public var attributes: [Attribute] { [Attribute("axes", .ints(axes))] }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        guard axes.allSatisfy({ (0..<operands[0].rank).contains($0) }), operands[0].element.isFloatingPoint else {
            throw Diagnostic(
                "type.axes",
                "softmax along \(axes) does not fit \(operands[0].element.name) of rank \(operands[0].rank)")
        }
        return operands
    }

    public func body(_ operands: [Tensor]) throws -> [Tensor] {
        [
            try operands[0].inWideType { x in
                let powers = try x.shiftedByMaximum(axes).mapped(.exp)
                return try powers / powers.reduced(.sum, axes: axes, keepingAxes: true)
            }
        ]
    }
}

extension Softmax {
    /// exp(x - max) / Σ exp(x - max), as ONNX defines the operator and PyTorch decomposes it. Types narrower than
    /// float32 are left alone: spelled out, each step rounds.
    public static let spelledForms: SpelledForms? = SpelledForms(around: { ($0 as? Reduce)?.combiner == .max }) {
        seed in
        guard let reduce = seed.operation as? Reduce, let type = seed.types.first, type.element.isWideFloat else {
            return []
        }
        let form = SpelledForm(operands: [type], call: { _ in Softmax(axes: reduce.axes) }) { inputs in
            let top = try inputs[0].reduced(.max, axes: reduce.axes, keepingAxes: true)
            let powers = try Tensor.elementwise(.sub, [inputs[0], top]).mapped(.exp)
            let sum = try powers.reduced(.sum, axes: reduce.axes, keepingAxes: true)
            return try Tensor.elementwise(.div, [powers, sum])
        }
        return [form]
    }
}
