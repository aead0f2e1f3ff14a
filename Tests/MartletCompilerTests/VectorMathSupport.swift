import Glibc
import Testing

@testable import MartletCompiler

/// A function of VectorMath with the one of the C library that it is compared with.
struct MathFunction: CustomTestStringConvertible, Sendable {
    let name: String
    let operands: Int
    let emit: @Sendable (VectorMath, [Register]) -> Register
    let reference: @Sendable (Double, Double) -> Double

    var testDescription: String { name }

    private init(
        _ name: String, _ reference: @escaping @Sendable (Double) -> Double,
        _ emit: @escaping @Sendable (VectorMath, Register) -> Register
    ) {
        (self.name, operands, self.reference) = (name, 1, { x, _ in reference(x) })
        self.emit = { emit($0, $1[0]) }
    }

    private init(
        _ name: String, two reference: @escaping @Sendable (Double, Double) -> Double,
        _ emit: @escaping @Sendable (VectorMath, Register, Register) -> Register
    ) {
        (self.name, operands, self.reference) = (name, 2, reference)
        self.emit = { emit($0, $1[0], $1[1]) }
    }

    static let unary: [MathFunction] = [
        MathFunction("exp", { Glibc.exp($0) }) { $0.exp($1) },
        MathFunction("expm1", { Glibc.expm1($0) }) { $0.expm1($1) },
        MathFunction("log", { Glibc.log($0) }) { $0.log($1) },
        MathFunction("log1p", { Glibc.log1p($0) }) { $0.log1p($1) },
        MathFunction("sin", { Glibc.sin($0) }) { $0.sin($1) },
        MathFunction("cos", { Glibc.cos($0) }) { $0.cos($1) },
        MathFunction("tanh", { Glibc.tanh($0) }) { $0.tanh($1) },
        MathFunction("erf", { Glibc.erf($0) }) { $0.erf($1) },
    ]

    static let binary: [MathFunction] = [
        MathFunction("atan2", two: { Glibc.atan2($0, $1) }) { $0.atan2($1, $2) },
        MathFunction("pow", two: { Glibc.pow($0, $1) }) { $0.pow($1, $2) },
        MathFunction("rem", two: { Glibc.fmod($0, $1) }) { $0.rem($1, $2) },
    ]
}

/// A function compiled for rows of numbers.
struct CompiledMath<Number: BinaryFloatingPoint> {
    static var row: Int { 1024 }

    private let kernel: CompiledVectorKernel
    private let operands: Int

    init(_ function: MathFunction, lanes: Int, _ target: CodegenTarget) throws {
        let scalar: VectorType.Scalar = Number.self == Float.self ? .f32 : .f64
        kernel = try VectorSupport.compiled(
            VectorSupport.elementwise(
                VectorType(scalar, lanes: lanes), operands: function.operands,
                stride: Self.row * MemoryLayout<Number>.stride,
                target, function.emit), for: target)
        operands = function.operands
    }

    /// The function of each number of the row; the second operand is ignored by functions of one.
    func callAsFunction(_ a: [Number], _ b: [Number], first: Int = 0, last: Int = row) -> [Number] {
        var data = a + (operands == 2 ? b : []) + [Number](repeating: 0, count: Self.row)
        _ = data.withUnsafeMutableBytes { kernel.run($0.baseAddress, first: first, last: last) }
        return Array(data.suffix(Self.row))
    }
}

/// Distances of results in units of the last place.
enum MathError {
    /// How far a result is from the true one; infinite where kind or sign of a special result is wrong.
    static func ulps<Number: BinaryFloatingPoint>(_ result: Number, _ truth: Double) -> Double {
        if truth.isNaN || result.isNaN { return truth.isNaN == result.isNaN ? 0 : .infinity }
        let nearest = Number(truth)
        if result == nearest { return result == 0 && result.sign != truth.sign ? .infinity : 0 }
        let top = Double(Number.greatestFiniteMagnitude)
        // Just at the end of the range infinity and the greatest number are neighbours.
        let bounded = result.isInfinite ? (result < 0 ? -top : top) : Double(result)
        if truth.isInfinite && bounded.magnitude < top { return .infinity }
        let unit = Double(Number(truth.isInfinite ? top : truth).magnitude.ulp)
        let unitOfFinite = unit.isFinite ? unit : Double(Number.greatestFiniteMagnitude.ulp)
        let wrongSign = bounded != 0 && (bounded < 0) != (truth < 0)
        return wrongSign ? .infinity : (bounded - (truth.isInfinite ? bounded : truth)).magnitude / unitOfFinite
    }

    static let specials: [Double] = [
        .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
        0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, .infinity, -.infinity, .nan, 1e-300, -1e-300, 1e300, -1e300,
        0x1p-149, -0x1p-149, 0x1.fffffep-127, 0x1p-126, -0x1p-126, 0x1.fffffep127, -0x1.fffffep127, 0x1.fffffep23,
        0x1p24,
        -0x1.fffffep23, 0x1.fffffffffffffp52, 0x1p53, -0x1p53, 88.72283, 88.72284, -103.97208, -103.97209, -87.33655,
        709.782712893384, -745.1332191019412, 0x1.921fb6p0, 0x1.921fb54442d18p1, 1e22, 100, -100, 0.99999994, 1.0000001,
    ]
}
