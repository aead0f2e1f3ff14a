import Glibc
import MartletCore

/// A stored floating-point type and the type in which its arithmetic is done.
protocol FloatElement: BitwiseCopyable {
    /// Wide enough that one operation of + - · / √ rounded to it, then to this type, is rounded as if once: at least
    /// twice the digits plus two; or the type itself.
    associatedtype Wide: BinaryFloatingPoint
    static var element: ElementType { get }
    var wide: Wide { get }
    init(rounding wide: Wide)
    var double: Double { get }
    /// Rounded once to nearest, ties to even.
    init(nearest double: Double)
}

extension Float: FloatElement {
    static var element: ElementType { .float32 }
    @inline(__always) var wide: Float { self }
    @inline(__always) init(rounding wide: Float) { self = wide }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) init(nearest double: Double) { self.init(double) }
}

extension Double: FloatElement {
    static var element: ElementType { .float64 }
    @inline(__always) var wide: Double { self }
    @inline(__always) init(rounding wide: Double) { self = wide }
    @inline(__always) var double: Double { self }
    @inline(__always) init(nearest double: Double) { self = double }
}

extension BFloat16: FloatElement {
    static var element: ElementType { .bfloat16 }
    @inline(__always) var wide: Float { Float(self) }
    @inline(__always) init(rounding wide: Float) { self.init(wide) }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) init(nearest double: Double) { self.init(double) }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
    extension Float16: FloatElement {
        static var element: ElementType { .float16 }
        @inline(__always) var wide: Float { Float(self) }
        @inline(__always) init(rounding wide: Float) { self.init(wide) }
        @inline(__always) var double: Double { Double(self) }
        @inline(__always) init(nearest double: Double) { self.init(double) }
    }
#endif

extension ScalarEvaluation {
    /// A function of numbers of type `T`; nil where there is none.
    static func float<T: FloatElement>(
        _ function: ScalarOp, _ operands: [HostTensor], _ type: T.Type
    ) throws -> HostTensor? {
        if function.isComparison { return try compare(function, operands) { (a: T) in a.wide } }
        if function.arity == 2 { return try floatBinary(function, operands[0], operands[1], T.self) }
        return try floatUnary(function, operands[0], T.self) ?? floatLibrary(function, operands[0], T.self)
    }

    private static func floatBinary<T: FloatElement>(
        _ function: ScalarOp, _ x: HostTensor, _ y: HostTensor, _ type: T.Type
    ) throws -> HostTensor? {
        let element = T.element
        switch function {
        case .add: return try binary(x, y, to: element) { (a: T, b: T) in T(rounding: a.wide + b.wide) }
        case .sub: return try binary(x, y, to: element) { (a: T, b: T) in T(rounding: a.wide - b.wide) }
        case .mul: return try binary(x, y, to: element) { (a: T, b: T) in T(rounding: a.wide * b.wide) }
        case .div: return try binary(x, y, to: element) { (a: T, b: T) in T(rounding: a.wide / b.wide) }
        // The second operand wins where it is NaN; a first one that is NaN compares false.
        case .max: return try binary(x, y, to: element) { (a: T, b: T) in b.wide > a.wide || b.wide.isNaN ? b : a }
        case .min: return try binary(x, y, to: element) { (a: T, b: T) in b.wide < a.wide || b.wide.isNaN ? b : a }
        // C's remainder is exact in any type.
        case .rem: return try binary(x, y, to: element) { (a: T, b: T) in T(nearest: fmod(a.double, b.double)) }
        case .pow: return try binary(x, y, to: element) { (a: T, b: T) in T(nearest: pow(a.double, b.double)) }
        case .atan2: return try binary(x, y, to: element) { (a: T, b: T) in T(nearest: atan2(a.double, b.double)) }
        default: return nil
        }
    }

    /// Functions that are exact or rounded by IEEE 754.
    private static func floatUnary<T: FloatElement>(
        _ function: ScalarOp, _ x: HostTensor, _ type: T.Type
    ) throws -> HostTensor? {
        let element = T.element
        switch function {
        case .neg: return try unary(x, to: element) { (a: T) in T(rounding: -a.wide) }
        case .abs: return try unary(x, to: element) { (a: T) in T(rounding: a.wide.magnitude) }
        case .sign: return try unary(x, to: element) { (a: T) in T(rounding: sign(a.wide)) }
        case .floor: return try unary(x, to: element) { (a: T) in T(rounding: a.wide.rounded(.down)) }
        case .ceil: return try unary(x, to: element) { (a: T) in T(rounding: a.wide.rounded(.up)) }
        case .trunc: return try unary(x, to: element) { (a: T) in T(rounding: a.wide.rounded(.towardZero)) }
        case .round: return try unary(x, to: element) { (a: T) in T(rounding: a.wide.rounded(.toNearestOrEven)) }
        case .sqrt: return try unary(x, to: element) { (a: T) in T(rounding: a.wide.squareRoot()) }
        default: return nil
        }
    }

    /// Functions of the C library, computed in double precision.
    private static func floatLibrary<T: FloatElement>(
        _ function: ScalarOp, _ x: HostTensor, _ type: T.Type
    ) throws -> HostTensor? {
        let element = T.element
        switch function {
        case .exp: return try unary(x, to: element) { (a: T) in T(nearest: exp(a.double)) }
        case .expm1: return try unary(x, to: element) { (a: T) in T(nearest: expm1(a.double)) }
        case .log: return try unary(x, to: element) { (a: T) in T(nearest: log(a.double)) }
        case .log1p: return try unary(x, to: element) { (a: T) in T(nearest: log1p(a.double)) }
        case .sin: return try unary(x, to: element) { (a: T) in T(nearest: sin(a.double)) }
        case .cos: return try unary(x, to: element) { (a: T) in T(nearest: cos(a.double)) }
        case .tanh: return try unary(x, to: element) { (a: T) in T(nearest: tanh(a.double)) }
        case .erf: return try unary(x, to: element) { (a: T) in T(nearest: erf(a.double)) }
        default: return nil
        }
    }

    /// -1, 1, or the number itself where it is 0 or NaN.
    @inline(__always)
    private static func sign<T: BinaryFloatingPoint>(_ value: T) -> T { value > 0 ? 1 : value < 0 ? -1 : value }
}
