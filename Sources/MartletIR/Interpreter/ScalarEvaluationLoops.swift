import MartletCore

// Loops over elements. They are inlined into each function's case, so that the optimiser sees a concrete loop.

extension ScalarEvaluation {
    /// `body` of each element.
    @inline(__always)
    static func unary<A: BitwiseCopyable, R: BitwiseCopyable>(
        _ x: HostTensor, to type: ElementType, _ body: (A) -> R
    ) throws -> HostTensor {
        let result = try ResultBuffer(type, x.shape)
        let target = result.start.assumingMemoryBound(to: R.self)
        withExtendedLifetime(x) {
            guard let source = x.start else { return }
            for index in 0..<result.count {
                let value = source.loadUnaligned(fromByteOffset: index * MemoryLayout<A>.size, as: A.self)
                (target + index).initialize(to: body(value))
            }
        }
        return try result.tensor()
    }

    /// `body` of pairs of elements; a 0-d operand pairs with each.
    @inline(__always)
    static func binary<A: BitwiseCopyable, R: BitwiseCopyable>(
        _ x: HostTensor, _ y: HostTensor, to type: ElementType, _ body: (A, A) -> R
    ) throws -> HostTensor {
        let width = MemoryLayout<A>.size
        let result = try ResultBuffer(type, x.shape.isEmpty ? y.shape : x.shape)
        let target = result.start.assumingMemoryBound(to: R.self)
        let count = result.count
        withExtendedLifetime((x, y)) {
            guard let left = x.start, let right = y.start else { return }
            if y.shape.isEmpty {
                let b = right.loadUnaligned(as: A.self)
                for index in 0..<count {
                    let a = left.loadUnaligned(fromByteOffset: index * width, as: A.self)
                    (target + index).initialize(to: body(a, b))
                }
            } else if x.shape.isEmpty {
                let a = left.loadUnaligned(as: A.self)
                for index in 0..<count {
                    let b = right.loadUnaligned(fromByteOffset: index * width, as: A.self)
                    (target + index).initialize(to: body(a, b))
                }
            } else {
                for index in 0..<count {
                    let a = left.loadUnaligned(fromByteOffset: index * width, as: A.self)
                    let b = right.loadUnaligned(fromByteOffset: index * width, as: A.self)
                    (target + index).initialize(to: body(a, b))
                }
            }
        }
        return try result.tensor()
    }

    /// The comparison of pairs, NaN as IEEE 754 has it; nil for other functions.
    @inline(__always)
    static func compare<A: BitwiseCopyable, C: Comparable>(
        _ function: ScalarOp, _ operands: [HostTensor], _ key: (A) -> C
    ) throws -> HostTensor? {
        let (x, y) = (operands[0], operands[1])
        switch function {
        case .eq: return try binary(x, y, to: .bool) { (a: A, b: A) in key(a) == key(b) }
        case .ne: return try binary(x, y, to: .bool) { (a: A, b: A) in key(a) != key(b) }
        case .lt: return try binary(x, y, to: .bool) { (a: A, b: A) in key(a) < key(b) }
        case .le: return try binary(x, y, to: .bool) { (a: A, b: A) in key(a) <= key(b) }
        case .gt: return try binary(x, y, to: .bool) { (a: A, b: A) in key(a) > key(b) }
        case .ge: return try binary(x, y, to: .bool) { (a: A, b: A) in key(a) >= key(b) }
        default: return nil
        }
    }
}

// MARK: - Bool, string

extension ScalarEvaluation {
    /// A function of truth values, stored as 0 and 1; any byte except 0 is true. Nil where there is none.
    static func bool(_ function: ScalarOp, _ operands: [HostTensor]) throws -> HostTensor? {
        let x = operands[0]
        if function.isComparison { return try compare(function, operands) { (a: UInt8) in a != 0 ? 1 : 0 } }
        switch function {
        case .and, .min: return try binary(x, operands[1], to: .bool) { (a: UInt8, b: UInt8) in a != 0 && b != 0 }
        case .or, .max: return try binary(x, operands[1], to: .bool) { (a: UInt8, b: UInt8) in a != 0 || b != 0 }
        case .xor: return try binary(x, operands[1], to: .bool) { (a: UInt8, b: UInt8) in (a != 0) != (b != 0) }
        case .not: return try unary(x, to: .bool) { (a: UInt8) in a == 0 }
        default: return nil
        }
    }

    /// Equality of strings; nil for other functions.
    static func string(_ function: ScalarOp, _ operands: [HostTensor]) throws -> HostTensor? {
        guard function == .eq || function == .ne else { return nil }
        let (x, y) = (operands[0], operands[1])
        let shape = x.shape.isEmpty ? y.shape : x.shape
        let (left, right) = (x.strings, y.strings)
        let count = Swift.max(left.count, right.count)
        guard !left.isEmpty, !right.isEmpty else { return try HostTensor(zeros: .bool, shape: shape) }
        let equal = (0..<count).map { left[x.shape.isEmpty ? 0 : $0] == right[y.shape.isEmpty ? 0 : $0] }
        return try HostTensor(equal.map { $0 == (function == .eq) }, shape: shape)
    }
}
