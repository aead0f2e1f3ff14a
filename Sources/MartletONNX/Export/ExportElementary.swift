import MartletCore

// Functions that ONNX lacks, as compositions that lose no more than a few units in the last place.

extension ExportedNode {
    /// exp(x) - 1: near 0 as 2t / (1 - t) with t = tanh(x / 2), which cancels nothing.
    mutating func expm1(_ x: String, _ type: ElementType) throws -> String {
        let one = try scalar(1, type)
        let t = add("Tanh", [add("Mul", [x, try scalar(0.5, type)])])
        let near = add("Div", [add("Add", [t, t]), add("Sub", [one, t])])
        let far = add("Sub", [add("Exp", [x]), one])
        return add("Where", [add("Less", [add("Abs", [x]), one]), near, far])
    }

    /// log(1 + x) as log(u) · x / (u - 1) with u = 1 + x rounded, so that the rounding cancels (Kahan).
    mutating func log1p(_ x: String, _ type: ElementType) throws -> String {
        let one = try scalar(1, type)
        let u = add("Add", [x, one])
        let rounded = add("Sub", [u, one])
        let log = add("Log", [u])
        let exact = add("Mul", [log, add("Div", [x, rounded])])
        let isTiny = add("Equal", [rounded, try scalar(0, type)])
        let isInfinite = add("Equal", [x, try scalar(.infinity, type)])
        return add("Where", [isTiny, x, add("Where", [isInfinite, log, exact])])
    }

    /// The angle of (x, y): the arc tangent of the smaller over the larger magnitude, mirrored into the octant.
    mutating func atan2(_ y: String, _ x: String, _ type: ElementType) throws -> String {
        let (right, up) = (add("Abs", [x]), add("Abs", [y]))
        let (large, small) = (add("Max", [right, up]), add("Min", [right, up]))
        // Equal magnitudes are 45 degrees even if infinite; both 0 are 0 degrees.
        let isEqual = add("Equal", [large, small])
        let isOrigin = add("Equal", [large, try scalar(0, type)])
        let ratio = add("Where", [isEqual, try scalar(1, type), add("Div", [small, large])])
        var angle = add("Atan", [add("Where", [isOrigin, try scalar(0, type), ratio])])
        let isSteep = add("Greater", [up, right])
        angle = add("Where", [isSteep, add("Sub", [try scalar(.pi / 2, type), angle]), angle])
        let isLeft = try isMinus(x, type)
        angle = add("Where", [isLeft, add("Sub", [try scalar(.pi, type), angle]), angle])
        angle = add("Where", [try isMinus(y, type), add("Neg", [angle]), angle])
        let isUndefined = add("Or", [add("IsNaN", [x]), add("IsNaN", [y])])
        return add("Where", [isUndefined, try scalar(.nan, type), angle])
    }

    /// Whether the sign is minus, that of -0 too.
    private mutating func isMinus(_ x: String, _ type: ElementType) throws -> String {
        let zero = try scalar(0, type)
        let inverse = add("Div", [try scalar(1, type), x])
        return add("Or", [add("Less", [x, zero]), add("Less", [inverse, zero])])
    }
}
