public import MartletCore

/// How far a result may be from what is expected.
public struct Tolerance: Sendable, Hashable {
    /// Allowed difference relative to the expected element.
    public var rtol: Double
    /// Allowed difference beside that.
    public var atol: Double
    /// Allowed Euclidean norm of the difference relative to that of the expected tensor; nil where it does not matter.
    public var relL2: Double?

    /// A tolerance; the defaults are those of ONNX's test runner.
    public init(rtol: Double = 1e-3, atol: Double = 1e-7, relL2: Double? = nil) {
        self.rtol = rtol
        self.atol = atol
        self.relL2 = relL2
    }
}

/// The outcome of comparing a result with what is expected.
///
/// The rules are those of ONNX's test runner (`assert_similar_outputs`): element types and shapes equal exactly, then
/// `|got - expected| <= atol + rtol * |expected|` for each element; NaN equals NaN; infinities must agree; for bfloat16
/// `rtol` is at least 2^-6. Stricter than there: integers and booleans must be equal, and sequences as long as
/// expected.
public struct OutputComparison: Sendable {
    /// The first difference that is too large.
    public struct Mismatch: Sendable, Hashable {
        /// What differs, such as `shape` or `element`.
        public var what: String
        /// Where in a tensor; empty for a scalar and where not an element differs.
        public var index: [Int] = []
        /// What was computed.
        public var got: String
        /// What it should be.
        public var expected: String
    }

    /// The first difference that is too large; nil if the result is as expected.
    public private(set) var mismatch: Mismatch?
    /// Number of elements that differ too much.
    public private(set) var mismatchCount = 0
    /// Largest absolute difference of elements that are finite in both tensors.
    public private(set) var maximumError = 0.0
    /// Norm of the difference relative to the norm of what is expected, the largest of several tensors; floating point
    /// and complex only.
    public private(set) var relativeL2 = 0.0

    /// Whether the result is as expected.
    public var passes: Bool { mismatch == nil }

    /// Compares two tensors.
    public init(_ got: HostTensor, _ expected: HostTensor, tolerance: Tolerance = Tolerance()) {
        compare(got, expected, tolerance)
    }

    /// Compares two values of any kind.
    public init(_ got: WireValue, _ expected: WireValue, tolerance: Tolerance = Tolerance()) {
        compare(got, expected, tolerance)
    }

    private mutating func fail(_ what: String, _ got: String, _ expected: String, index: [Int] = []) {
        mismatchCount += 1
        if mismatch == nil { mismatch = Mismatch(what: what, index: index, got: got, expected: expected) }
    }

    // MARK: Values

    private mutating func compare(_ got: WireValue, _ expected: WireValue, _ tolerance: Tolerance) {
        switch (got, expected) {
        case (.tensor(let got), .tensor(let expected)): compare(got, expected, tolerance)
        case (.sequence(let got), .sequence(let expected)): compare(got, expected, tolerance, what: "sequence")
        case (.optional(nil), .optional(nil)): break
        case (.optional(let got?), .optional(let expected?)): compare(got, expected, tolerance)
        case (.map(let got), .map(let expected)):
            guard got.keys == expected.keys else { return fail("map keys", "\(got.keys)", "\(expected.keys)") }
            compare(got.values, expected.values, tolerance, what: "map")
        case (.sparse(let got), .sparse(let expected)):
            guard got.shape == expected.shape else { return fail("shape", "\(got.shape)", "\(expected.shape)") }
            compare(got.indices, expected.indices, tolerance)
            compare(got.values, expected.values, tolerance)
        default: fail("kind of value", got.kindName, expected.kindName)
        }
    }

    private mutating func compare(
        _ got: [WireValue], _ expected: [WireValue], _ tolerance: Tolerance, what: String
    ) {
        guard got.count == expected.count else {
            return fail("length of \(what)", "\(got.count)", "\(expected.count)")
        }
        for (position, pair) in zip(got, expected).enumerated() {
            let hadMismatch = mismatch != nil
            compare(pair.0, pair.1, tolerance)
            if !hadMismatch, let inner = mismatch { mismatch?.what = "\(what) entry \(position): \(inner.what)" }
        }
    }

    // MARK: Tensors

    private mutating func compare(_ got: HostTensor, _ expected: HostTensor, _ tolerance: Tolerance) {
        guard got.type == expected.type else { return fail("element type", "\(got.type)", "\(expected.type)") }
        guard got.shape == expected.shape else { return fail("shape", "\(got.shape)", "\(expected.shape)") }
        var elements = ElementComparison()
        do {
            try elements.compare(got, expected, tolerance)
        } catch {
            return fail("element type", "\(got.type)", "a type that can be compared (\(error))")
        }
        maximumError = max(maximumError, elements.maximumError)
        relativeL2 = max(relativeL2, elements.relativeL2)
        if let first = elements.first {
            fail("element", first.got, first.expected, index: Self.index(first.position, got.shape))
            mismatchCount += elements.mismatchCount - 1
        } else if let limit = tolerance.relL2, !(elements.relativeL2 <= limit) {
            fail("relative L2 distance", "\(elements.relativeL2)", "at most \(limit)")
        }
    }

    /// The index along each axis of the element at a position in row-major order.
    private static func index(_ position: Int, _ shape: [Int]) -> [Int] {
        var rest = position
        var index = shape
        for axis in shape.indices.reversed() where shape[axis] > 0 {
            index[axis] = rest % shape[axis]
            rest /= shape[axis]
        }
        return index
    }
}

extension OutputComparison: CustomStringConvertible {
    /// One line for a report.
    public var description: String {
        guard let mismatch else { return "as expected, largest difference \(maximumError)" }
        let place = mismatch.index.isEmpty ? "" : " \(mismatch.index)"
        let count = mismatchCount > 1 ? " (\(mismatchCount) differ, by at most \(maximumError))" : ""
        return "\(mismatch.what)\(place): got \(mismatch.got), expected \(mismatch.expected)\(count)"
    }
}

extension WireValue {
    /// The kind in one word.
    var kindName: String {
        switch self {
        case .tensor: "tensor"
        case .sparse: "sparse tensor"
        case .sequence: "sequence"
        case .optional(nil): "empty optional"
        case .optional: "optional"
        case .map: "map"
        }
    }
}
