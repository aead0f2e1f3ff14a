import MartletCore

/// Evaluation of reductions, in row-major order of the reduced axes.
enum ReduceEvaluation {
    /// Combines all elements along `axes`, which the result drops; an empty reduction gives the identity.
    ///
    /// Floating-point sums and products are done in double precision and rounded once. NaN wins in max and min.
    static func reduce(_ x: HostTensor, _ combiner: Combiner, axes: [Int]) throws -> HostTensor {
        let axes = axes.sorted()
        let kept = x.shape.indices.filter { !axes.contains($0) }
        let rows = try ViewEvaluation.transpose(x, kept + axes)
        let shape = kept.map { x.shape[$0] }
        let length = axes.reduce(1) { $0 * x.shape[$1] }
        switch x.type {
        case .bool: return try bool(rows, combiner, shape, length)
        case .int8: return try integer(rows, combiner, shape, length, Int8.self)
        case .int16: return try integer(rows, combiner, shape, length, Int16.self)
        case .int32: return try integer(rows, combiner, shape, length, Int32.self)
        case .int64: return try integer(rows, combiner, shape, length, Int64.self)
        case .uint8: return try integer(rows, combiner, shape, length, UInt8.self)
        case .uint16: return try integer(rows, combiner, shape, length, UInt16.self)
        case .uint32: return try integer(rows, combiner, shape, length, UInt32.self)
        case .uint64: return try integer(rows, combiner, shape, length, UInt64.self)
        case .float32: return try float(rows, combiner, shape, length, Float.self)
        case .float64: return try float(rows, combiner, shape, length, Double.self)
        case .bfloat16: return try float(rows, combiner, shape, length, BFloat16.self)
        default: return try wide(x, combiner, axes)
        }
    }

    /// Narrow types: reduced in a wide one, then converted back.
    private static func wide(_ x: HostTensor, _ combiner: Combiner, _ axes: [Int]) throws -> HostTensor {
        let type: ElementType = x.type.isInteger ? .int64 : .float64
        var result = try reduce(try ScalarEvaluation.cast(x, to: type), combiner, axes: axes)
        // The identity of an empty reduction in the wide type is none of the narrow type.
        if let lowest = x.type.lowestInteger, let highest = x.type.highestInteger {
            let limit = HostTensor(scalar: Int64(combiner == .max ? lowest : highest))
            if combiner == .max { result = try ScalarEvaluation.apply(.max, [result, limit], to: type) }
            if combiner == .min { result = try ScalarEvaluation.apply(.min, [result, limit], to: type) }
        }
        return try ScalarEvaluation.cast(result, to: x.type)
    }

    private static func unfit(_ combiner: Combiner, _ type: ElementType) -> Diagnostic {
        Diagnostic("type.elements", "'\(combiner.rawValue)' does not reduce \(type.name)")
    }

    /// One value a row of `length` elements.
    @inline(__always)
    private static func fold<A: BitwiseCopyable, State, R: BitwiseCopyable>(
        _ x: HostTensor, _ shape: [Int], _ length: Int, _ initial: State, _ combine: (State, A) -> State,
        _ finish: (State) -> R
    ) throws -> HostTensor {
        let result = try ResultBuffer(x.type, shape)
        let target = result.start.assumingMemoryBound(to: R.self)
        withExtendedLifetime(x) {
            let source = x.start ?? UnsafeRawPointer(result.start)
            for row in 0..<result.count {
                var state = initial
                for index in row * length..<(row + 1) * length {
                    let value = source.loadUnaligned(fromByteOffset: index * MemoryLayout<A>.size, as: A.self)
                    state = combine(state, value)
                }
                (target + row).initialize(to: finish(state))
            }
        }
        return try result.tensor()
    }

    private static func float<T: FloatElement>(
        _ x: HostTensor, _ combiner: Combiner, _ shape: [Int], _ length: Int, _ type: T.Type
    ) throws -> HostTensor {
        let finish = { (sum: Double) in T(nearest: sum) }
        switch combiner {
        case .sum: return try fold(x, shape, length, 0.0, { (sum, a: T) in sum + a.double }, finish)
        case .prod: return try fold(x, shape, length, 1.0, { (product, a: T) in product * a.double }, finish)
        case .max:
            let greater = { (best: T.Wide, a: T) in a.wide > best || a.wide.isNaN ? a.wide : best }
            return try fold(x, shape, length, -T.Wide.infinity, greater) { T(rounding: $0) }
        case .min:
            let less = { (best: T.Wide, a: T) in a.wide < best || a.wide.isNaN ? a.wide : best }
            return try fold(x, shape, length, T.Wide.infinity, less) { T(rounding: $0) }
        case .and, .or: throw unfit(combiner, x.type)
        }
    }

    private static func integer<T: FixedWidthInteger & BitwiseCopyable>(
        _ x: HostTensor, _ combiner: Combiner, _ shape: [Int], _ length: Int, _ type: T.Type
    ) throws -> HostTensor {
        let same = { (a: T) in a }
        switch combiner {
        case .sum: return try fold(x, shape, length, 0, { (sum: T, a: T) in sum &+ a }, same)
        case .prod: return try fold(x, shape, length, 1, { (product: T, a: T) in product &* a }, same)
        case .max: return try fold(x, shape, length, T.min, { (best: T, a: T) in Swift.max(best, a) }, same)
        case .min: return try fold(x, shape, length, T.max, { (best: T, a: T) in Swift.min(best, a) }, same)
        case .and, .or: throw unfit(combiner, x.type)
        }
    }

    private static func bool(
        _ x: HostTensor, _ combiner: Combiner, _ shape: [Int], _ length: Int
    ) throws -> HostTensor {
        let same = { (a: Bool) in a }
        switch combiner {
        case .and, .min, .prod:
            return try fold(x, shape, length, true, { (all: Bool, a: UInt8) in all && a != 0 }, same)
        case .or, .max: return try fold(x, shape, length, false, { (any: Bool, a: UInt8) in any || a != 0 }, same)
        case .sum: throw unfit(combiner, x.type)
        }
    }
}
