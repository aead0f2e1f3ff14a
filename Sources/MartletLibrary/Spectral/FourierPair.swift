import Glibc
import MartletCore
import MartletIR

/// Complex numbers as two real tensors, the signal along the last axis.
struct FourierPair {
    var real: Tensor
    /// nil for real numbers.
    var imaginary: Tensor?

    /// Signals of at most this many elements, and of prime numbers of elements, are multiplied with the matrix.
    private static let matrixLimit = 64

    /// Σ x[n]·exp(±2πi·nk/length) for the first `bins` k, over all n. `sign` is that of the exponent.
    func transformed(length: IntExpr, bins: IntExpr, sign: Double) throws -> FourierPair {
        guard let count = length.constant, let factor = Self.factor(count), bins.constant != nil else {
            return try multiplied(by: FourierMatrix(rows: length, columns: bins, length: length, sign, real.element))
        }
        let whole = try split(count, factor, sign)
        return bins == length ? whole : try whole.map { try $0.sliced(axis: $0.rank - 1, start: 0, size: bins) }
    }

    /// A factor of a length that is worth splitting: the largest up to `matrixLimit`.
    private static func factor(_ length: Int) -> Int? {
        guard length > matrixLimit else { return nil }
        return (2...matrixLimit).last { length % $0 == 0 }
    }

    /// With n = factor·rest: transforms of length factor over strided parts, rotated, then of length rest.
    private func split(_ length: Int, _ factor: Int, _ sign: Double) throws -> FourierPair {
        let rest = length / factor
        let type = try real.element
        let outer = Array(try real.shape.dropLast())
        let axis = outer.count
        let (a, b) = (IntExpr(factor), IntExpr(rest))
        // x[rest·j + m] as (…, m, j).
        let swapped = Array(0..<axis) + [axis + 1, axis]
        let parts = try map { try $0.reshaped(to: outer + [a, b]).transposed(swapped) }
        let inner = try parts.multiplied(by: FourierMatrix(rows: a, columns: a, length: a, sign, type))
        let rotation = try FourierMatrix(rows: b, columns: a, length: IntExpr(length), sign, type)
        let rotated = try inner.rotated(by: rotation).map { try $0.transposed(swapped) }
        // X[k + factor·l] from (…, k, l).
        let whole = try rotated.transformed(length: b, bins: b, sign: sign)
        return try whole.map { try $0.transposed(swapped).reshaped(to: outer + [IntExpr(length)]) }
    }

    func map(_ body: (Tensor) throws -> Tensor) throws -> FourierPair {
        FourierPair(real: try body(real), imaginary: try imaginary.map(body))
    }

    /// The product with a complex matrix over the last axis.
    func multiplied(by matrix: FourierMatrix) throws -> FourierPair {
        let axis = try real.rank - 1
        func product(_ a: Tensor, _ b: Tensor) throws -> Tensor { try a.contracted(with: b, contracted: [(axis, 0)]) }
        let own = (try product(real, matrix.cosine), try product(real, matrix.sine))
        guard let imaginary else { return FourierPair(real: own.0, imaginary: own.1) }
        return FourierPair(
            real: try (own.0 - product(imaginary, matrix.sine)).checked(),
            imaginary: try (own.1 + product(imaginary, matrix.cosine)).checked())
    }

    /// The product, element by element, with a matrix for the last two axes.
    private func rotated(by matrix: FourierMatrix) throws -> FourierPair {
        let imaginary = imaginary ?? real * 0
        return FourierPair(
            real: try (real * matrix.cosine - imaginary * matrix.sine).checked(),
            imaginary: try (real * matrix.sine + imaginary * matrix.cosine).checked())
    }
}

/// cos and sin of ±2π·row·column/length.
struct FourierMatrix {
    let cosine: Tensor
    let sine: Tensor

    /// Matrices of known size up to this many elements are constants.
    private static let constantLimit = 1 << 16

    init(rows: IntExpr, columns: IntExpr, length: IntExpr, _ sign: Double, _ type: ElementType) throws {
        if let rows = rows.constant, let columns = columns.constant, let length = length.constant, length > 0,
            rows * columns <= Self.constantLimit
        {
            let angles = (0..<rows * columns).map { place in
                sign * 2 * Double.pi * Double((place / columns) * (place % columns) % length) / Double(length)
            }
            let shape = [rows, columns]
            cosine = Tensor(try HostTensor.fromDoubles(angles.map { cos($0) }, as: type, shape: shape))
            sine = Tensor(try HostTensor.fromDoubles(angles.map { sin($0) }, as: type, shape: shape))
            return
        }
        let shape = [rows, columns]
        let product = try Tensor.iota(shape: shape, axis: 0) * .iota(shape: shape, axis: 1)
        // In float64, so that half and whole turns give zeros.
        let turn = try product.mapped(.rem, .dimension(length)).cast(to: .float64)
        let angle = try (turn * (sign * 2 * Double.pi / Tensor.size(length, as: .float64))).checked()
        (cosine, sine) = (try angle.mapped(.cos).cast(to: type), try angle.mapped(.sin).cast(to: type))
    }
}
