import MartletCore
public import MartletIR

extension Tensor {
    /// The mean along `axes`. float16 and bfloat16 are summed as float32, so that sums do not overflow.
    public func mean(axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
        let extents = try shape
        let count = axes.reduce(IntExpr(1)) { $0 * extents[$1] }
        return try inWideType { x in
            try x.reduced(.sum, axes: axes, keepingAxes: keepingAxes) / .size(count, as: x.element)
        }
    }

    /// Calls `body` with this tensor, as float32 if it is float16 or bfloat16, and rounds the result back.
    public func inWideType(_ body: (Tensor) throws -> Tensor) throws -> Tensor {
        let type = try element
        guard type == .float16 || type == .bfloat16 else { return try body(self).checked() }
        return try body(try cast(to: .float32)).checked().cast(to: type)
    }

    /// log Σ exp(x) along `axes`, without overflow of the exponentials.
    public func logSumExp(axes: [Int], keepingAxes: Bool = false) throws -> Tensor {
        try inWideType { x in
            let top = try x.reduced(.max, axes: axes, keepingAxes: true)
            // An infinite maximum would make NaN of itself; 0 leaves the sum what it is.
            let zero = try Tensor.constant(0, like: x)
            let isFinite = try (top - top).compared(.eq, zero)
            let shift = try Tensor.select(isFinite, top, zero)
            let sum = try (x - shift).mapped(.exp).reduced(.sum, axes: axes, keepingAxes: true)
            let result = try sum.mapped(.log) + shift
            return keepingAxes ? result : try result.squeezed(axes: axes)
        }
    }
}
