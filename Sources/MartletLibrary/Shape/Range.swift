public import MartletCore
public import MartletIR

extension Tensor {
    /// `start`, `start + step`, … before `limit`, as an integer vector of that type.
    ///
    /// - Throws: `type.step` for a step of 0.
    public static func range(start: IntExpr, limit: IntExpr, step: Int, type: ElementType = .int64) throws -> Tensor {
        guard step != 0, step != .min else { throw Diagnostic("type.step", "the step of a range must not be \(step)") }
        let span = step > 0 ? limit - start : start - limit
        let count = Sizes.simplified(.max(0, span.ceilDivided(by: IntExpr(abs(step)))))
        var result = try iota(shape: [count], axis: 0, type: type)
        if step != 1 { result = try result.mapped(.mul, Tensor(HostTensor(scalar: Int64(step))).cast(to: type)) }
        return start == 0 ? result : try result.mapped(.add, dimension(start).cast(to: type))
    }
}
