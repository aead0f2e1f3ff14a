import MartletCore

/// The wide types in which products are summed: `Double`, and `Int64` with wrap-around.
protocol WideNumber: SIMDScalar, Hashable, Codable {
    static var zero: Self { get }
    /// sum + factor · values, lane by lane.
    static func accumulate(_ sum: SIMD4<Self>, _ values: SIMD4<Self>, _ factor: Self) -> SIMD4<Self>
    static func read(_ tensor: HostTensor) throws -> [Self]
    static func tensor(_ values: [Self], as type: ElementType, shape: [Int]) throws -> HostTensor
}

extension Double: WideNumber {
    @inline(__always)
    static func accumulate(_ sum: SIMD4<Double>, _ values: SIMD4<Double>, _ factor: Double) -> SIMD4<Double> {
        sum + values * factor
    }
    static func read(_ tensor: HostTensor) throws -> [Double] { try tensor.doubles() }
    static func tensor(_ values: [Double], as type: ElementType, shape: [Int]) throws -> HostTensor {
        try HostTensor.fromDoubles(values, as: type, shape: shape)
    }
}

extension Int64: WideNumber {
    @inline(__always)
    static func accumulate(_ sum: SIMD4<Int64>, _ values: SIMD4<Int64>, _ factor: Int64) -> SIMD4<Int64> {
        sum &+ values &* SIMD4(repeating: factor)
    }
    static func read(_ tensor: HostTensor) throws -> [Int64] { try tensor.ints() }
    static func tensor(_ values: [Int64], as type: ElementType, shape: [Int]) throws -> HostTensor {
        try HostTensor.fromInts(values, as: type, shape: shape)
    }
}

enum WideProduct {
    /// Whether sums of `depth` products of integers of these types stay exact in `Double`: below 2^53.
    static func isExactInDouble(_ a: ElementType, _ b: ElementType, depth: Int) -> Bool {
        a.bitWidth + b.bitWidth + (Int.bitWidth - max(depth, 1).leadingZeroBitCount) <= 53
    }
}
