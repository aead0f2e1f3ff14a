import MartletCore

extension ScalarEvaluation {
    /// Picks the bits of `x` where `condition` is true, else those of `y`; nothing is computed.
    static func select(
        _ condition: HostTensor, _ x: HostTensor, _ y: HostTensor, _ shape: [Int]
    ) throws -> HostTensor {
        guard condition.type == .bool, x.type == y.type else {
            throw Diagnostic(
                "type.elements",
                "'select' does not take \(condition.type.name), \(x.type.name), \(y.type.name)")
        }
        if x.type == .string { return try selectStrings(condition, x, y, shape) }
        if x.type.isPacked {
            let codes = try select(
                condition, try ViewEvaluation.unpacked(x), try ViewEvaluation.unpacked(y), shape)
            return try ViewEvaluation.packed(codes, as: x.type)
        }
        switch x.type.bitWidth {
        case 8: return try select(UInt8.self, condition, x, y, shape)
        case 16: return try select(UInt16.self, condition, x, y, shape)
        case 32: return try select(UInt32.self, condition, x, y, shape)
        case 64: return try select(UInt64.self, condition, x, y, shape)
        default: return try select(SIMD2<UInt64>.self, condition, x, y, shape)
        }
    }

    private static func select<T: BitwiseCopyable>(
        _ type: T.Type, _ condition: HostTensor, _ x: HostTensor, _ y: HostTensor, _ shape: [Int]
    ) throws -> HostTensor {
        let result = try ResultBuffer(x.type, shape)
        let width = MemoryLayout<T>.size
        let target = result.start.assumingMemoryBound(to: T.self)
        // A step of 0 repeats a 0-d operand.
        let steps = [condition, x, y].map { $0.shape.isEmpty ? 0 : 1 }
        let (conditionStep, xStep, yStep) = (steps[0], steps[1] * width, steps[2] * width)
        withExtendedLifetime((condition, x, y)) {
            guard let chosen = condition.start, let left = x.start, let right = y.start else { return }
            for index in 0..<result.count {
                let isTrue = chosen.load(fromByteOffset: index * conditionStep, as: UInt8.self) != 0
                let a = left.loadUnaligned(fromByteOffset: index * xStep, as: T.self)
                let b = right.loadUnaligned(fromByteOffset: index * yStep, as: T.self)
                (target + index).initialize(to: isTrue ? a : b)
            }
        }
        return try result.tensor()
    }

    private static func selectStrings(
        _ condition: HostTensor, _ x: HostTensor, _ y: HostTensor, _ shape: [Int]
    ) throws -> HostTensor {
        let chosen = try condition.array(of: Bool.self)
        let (left, right) = (x.strings, y.strings)
        let count = try HostTensor.size(of: .string, shape).count
        let strings = (0..<count).map { index in
            let isTrue = chosen[condition.shape.isEmpty ? 0 : index]
            return isTrue ? left[x.shape.isEmpty ? 0 : index] : right[y.shape.isEmpty ? 0 : index]
        }
        return try HostTensor(strings: strings, shape: shape)
    }
}
