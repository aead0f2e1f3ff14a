import MartletCore

extension VectorMath {
    /// The error function `2/√π ∫ e^-t² dt` from 0 to `x`.
    func erf(_ x: Register) -> Register {
        guard isDouble(x) else { return singleErf(x) }
        let t = atMost(6, abs(x))
        let square = mul(t, t)
        let near = mul(t, polynomial(square, Self.nearDouble))
        // erfc(t)·e^t²·(t + ½) is smooth in u = (t - 2.5) / (t + 2.5).
        let u = div(sub(t, 2.5), add(t, 2.5))
        let far = sub(1, div(mul(exp(neg(square)), polynomial(u, Self.farDouble)), add(t, 0.5)))
        return withSign(select(compare(.olt, t, 1), near, far), of: x)
    }

    /// As `2^-g - 1` with g = -log2(1 - erf |x|), which is a smooth function: one formula holds everywhere, and near
    /// zero nothing is lost. The sign of `x` is put on the negative result.
    private func singleErf(_ x: Register) -> Register {
        let t = atMost(4, abs(x))
        let g = mul(t, polynomial(t, Self.erfSingle))
        let rounder = format(x).rounder
        let sum = add(g, rounder)
        let remainder = sub(sub(sum, rounder), g)
        let tail = mul(remainder, polynomial(remainder, Self.powerOfTwoSingle))
        let turns = builder.binary(.shl, bits(sum), integer(23, like: x))
        let power = value(bits: builder.binary(.sub, integer(format(x).one, like: x), turns))
        return withSign(mad(power, tail, sub(power, 1)), of: x)
    }

    /// -log2(1 - erf t) / t, for t to 4.
    private static let erfSingle: [Double] = [
        1.627907, 0.9184474, 0.14828044, -0.027648395, -0.00019418432, 0.0023608424, -0.00088497816, 0.000160771,
        -1.2227583e-05,
    ]

    /// (2^r - 1) / r for |r| <= 1/2.
    private static let powerOfTwoSingle: [Double] = [
        0.6931472, 0.24022649, 0.055503674, 0.009618311, 0.0013387384, 0.00015382083,
    ]

    /// erf(t) / t in t², for t to 1.
    private static let nearDouble: [Double] = [
        1.1283791670955126, -0.37612638903183754, 0.11283791670955119, -0.026866170645129733, 0.005223977625422086,
        -0.0008548327021853216, 0.00012055332899358621, -1.4925647465136332e-05, 1.646204340813592e-06,
        -1.6364614425831495e-07, 1.4792145790475579e-08, -1.2163042131780548e-09, 8.703790562349853e-11,
        -4.222897268920461e-12,
    ]

    private static let farDouble: [Double] = [
        0.6324190921834308, -0.061178381541199305, -0.04951226978686269, 0.0788149595090301, -0.05148352803898218,
        0.016380446774933076, 0.00046594937395694864, -0.0021910236175477008, 0.00024592834644293854,
        0.0003156246190185438, -4.660655640581832e-05, -6.327258701832983e-05, -7.00123774023382e-06,
        3.3154394347445197e-06,
    ]
}
