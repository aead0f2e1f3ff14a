import MartletCore

// Numbers as unevaluated sums of two registers: `high` is the rounded sum, `low` what is left of it.

extension VectorMath {
    /// `a + b` exactly (Knuth).
    func twoSum(_ a: Register, _ b: Register) -> (high: Register, low: Register) {
        let sum = add(a, b)
        let back = sub(sum, a)
        let low = add(sub(a, sub(sum, back)), sub(b, back))
        return (sum, low)
    }

    /// `a + b` exactly where `|a| >= |b|` (Dekker).
    func quickTwoSum(_ a: Register, _ b: Register) -> (high: Register, low: Register) {
        let sum = add(a, b)
        return (sum, sub(b, sub(sum, a)))
    }

    /// `a·b` exactly, unless it or, without fused multiply-add, a part of it leaves the range.
    func twoProduct(_ a: Register, _ b: Register) -> (high: Register, low: Register) {
        let product = mul(a, b)
        if machine.hasFMA { return (product, builder.fma(a, b, neg(product))) }
        let (x, y) = (dekkerParts(a), dekkerParts(b))
        let first = sub(mul(x.high, y.high), product)
        let second = add(add(first, mul(x.high, y.low)), mul(x.low, y.high))
        return (product, add(second, mul(x.low, y.low)))
    }

    /// `a` as a sum of two numbers of half the precision.
    func dekkerParts(_ a: Register) -> (high: Register, low: Register) {
        let scaled = mul(a, isDouble(a) ? 134_217_729 : 4097)
        let high = sub(scaled, sub(scaled, a))
        return (high, sub(a, high))
    }

    /// `c - a·b`, rounded once or nearly so.
    func residual(_ c: Register, _ a: Register, _ b: Register) -> Register {
        if machine.hasFMA { return builder.fma(neg(a), b, c) }
        let product = twoProduct(a, b)
        return sub(sub(c, product.high), product.low)
    }

    /// The product of two such numbers.
    func product(
        _ a: (high: Register, low: Register), _ b: (high: Register, low: Register)
    ) -> (high: Register, low: Register) {
        let head = twoProduct(a.high, b.high)
        let cross = mad(a.high, b.low, mul(a.low, b.high))
        return quickTwoSum(head.high, add(head.low, cross))
    }
}
