import MartletCore

/// Compares the elements of two tensors of one type and shape.
struct ElementComparison {
    /// The first element that differs too much: position in row-major order, and both values in words.
    private(set) var first: (position: Int, got: String, expected: String)?
    private(set) var mismatchCount = 0
    private(set) var maximumError = 0.0
    /// Norm of the difference relative to that of the expected tensor, over elements that are finite in both.
    private(set) var relativeL2 = 0.0

    private mutating func fail(_ position: Int, _ got: String, _ expected: String) {
        mismatchCount += 1
        if first == nil { first = (position, got, expected) }
    }

    mutating func compare(_ got: HostTensor, _ expected: HostTensor, _ tolerance: Tolerance) throws {
        switch got.type {
        case .string:
            compareExactly(got.strings, expected.strings) { _, _ in 0 }
        case .uint64:
            let unsigned = { (tensor: HostTensor) in try tensor.ints().map { UInt64(bitPattern: $0) } }
            compareExactly(try unsigned(got), try unsigned(expected)) { abs(Double($0) - Double($1)) }
        case .complex64, .complex128:
            compareComplex(try Self.parts(got), try Self.parts(expected), tolerance)
        case let type where type.isInteger || type == .bool:
            compareExactly(try got.ints(), try expected.ints()) { abs(Double($0) - Double($1)) }
        default:
            compareReals(try got.doubles(), try expected.doubles(), got.type, tolerance)
        }
    }

    private mutating func compareExactly<Element: Equatable>(
        _ got: [Element], _ expected: [Element], _ error: (Element, Element) -> Double
    ) {
        for position in got.indices where got[position] != expected[position] {
            maximumError = max(maximumError, error(got[position], expected[position]))
            fail(position, "\(got[position])", "\(expected[position])")
        }
    }

    private mutating func compareReals(
        _ got: [Double], _ expected: [Double], _ type: ElementType, _ tolerance: Tolerance
    ) {
        // A step of bfloat16 is up to 2^-7; values of float8e8m0 go down to 2^-127, where `atol` would hide a step.
        let rtol = type == .bfloat16 ? max(tolerance.rtol, 0x1p-6) : tolerance.rtol
        let atol = type == .float8e8m0 ? 0 : tolerance.atol
        let shorten = { (value: Double) in type == .float64 ? "\(value)" : "\(Float(value))" }
        var norms = Norms()
        for position in got.indices {
            let (a, b) = (got[position], expected[position])
            if a == b || a.isNaN && b.isNaN {
                norms.add(0, b)
                continue
            }
            let difference = abs(a - b)
            // Not finite: infinity or NaN on one side only.
            if difference.isFinite {
                maximumError = max(maximumError, difference)
                norms.add(difference, b)
                if difference <= atol + rtol * abs(b) { continue }
            }
            fail(position, shorten(a), shorten(b))
        }
        relativeL2 = norms.relative
    }

    private mutating func compareComplex(_ got: [Double], _ expected: [Double], _ tolerance: Tolerance) {
        var norms = Norms()
        for position in 0..<got.count / 2 {
            let a = (got[2 * position], got[2 * position + 1])
            let b = (expected[2 * position], expected[2 * position + 1])
            let size = Self.modulus(b.0, b.1)
            if a == b || (a.0.isNaN || a.1.isNaN) && (b.0.isNaN || b.1.isNaN) {
                norms.add(0, size)
                continue
            }
            let difference = Self.modulus(a.0 - b.0, a.1 - b.1)
            if difference.isFinite {
                maximumError = max(maximumError, difference)
                norms.add(difference, size)
                if difference <= tolerance.atol + tolerance.rtol * size { continue }
            }
            fail(position, "\(a.0)+\(a.1)i", "\(b.0)+\(b.1)i")
        }
        relativeL2 = norms.relative
    }

    private static func modulus(_ real: Double, _ imaginary: Double) -> Double {
        (real * real + imaginary * imaginary).squareRoot()
    }

    /// Real and imaginary parts in turn.
    private static func parts(_ tensor: HostTensor) throws -> [Double] {
        try HostTensor(
            type: tensor.type.componentType, shape: tensor.shape + [2], storage: tensor.storage,
            byteOffset: tensor.byteOffset
        ).doubles()
    }
}

/// Sums for the norm of a difference and that of the expected tensor.
private struct Norms {
    private var difference = 0.0
    private var expected = 0.0

    mutating func add(_ difference: Double, _ expected: Double) {
        guard expected.isFinite else { return }
        self.difference += difference * difference
        self.expected += expected * expected
    }

    /// The ratio of the norms; the norm of the difference where nothing but zeros is expected.
    var relative: Double {
        expected == 0 ? difference.squareRoot() : (difference / expected).squareRoot()
    }
}
