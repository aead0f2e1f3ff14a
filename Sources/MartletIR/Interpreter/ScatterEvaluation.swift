import MartletCore

/// Plain evaluation of `scatter`.
enum ScatterEvaluation {
    /// `target` with `update` combined into it, one update after the other in row-major order.
    ///
    /// - Throws: `run.index-range` for an index out of range if the form is checked; `run.sizes-differ`.
    static func scatter(
        _ target: HostTensor, _ indices: [HostTensor], _ update: HostTensor, _ form: ScatterForm,
        in context: any EvaluationContext
    ) throws -> HostTensor {
        let others = AxisOffsets.others(than: form.axes, rank: target.shape.count)
        let expected = indices[0].shape + others.map { target.shape[$0] }
        guard update.shape == expected, indices.allSatisfy({ $0.shape == indices[0].shape }) else {
            throw Diagnostic("run.sizes-differ", "updates of shape \(update.shape) do not fit indices and target")
        }
        let starts = try starts(target.shape, indices, form, context)
        let inner = AxisOffsets.offsets(of: others, in: target.shape)
        if form.mode == .set { return try set(target, update, starts, inner) }
        if target.type.isFloatingPoint {
            let values = try combined(
                try target.doubles(), try update.doubles(), starts, inner, combine(form.mode))
            return try HostTensor.fromDoubles(values, as: target.type, shape: target.shape)
        }
        let values = try combined(
            try target.ints(), try update.ints(), starts, inner,
            combine(form.mode, unsigned: target.type == .uint64))
        return try HostTensor.fromInts(values, as: target.type, shape: target.shape)
    }

    /// Offset in the target of each index tuple; nil where it is out of range.
    private static func starts(
        _ shape: [Int], _ indices: [HostTensor], _ form: ScatterForm, _ context: any EvaluationContext
    ) throws -> [Int?] {
        let strides = AxisOffsets.strides(of: shape)
        var starts = [Int?](repeating: 0, count: indices[0].count)
        for (number, (place, tensor)) in zip(form.axes, indices).enumerated() {
            let axis = IndexedAxis(operand: 1 + number, axis: place, extent: shape[place], context: context)
            for (position, index) in try tensor.ints().enumerated() {
                guard let start = starts[position], index >= 0, index < axis.extent else {
                    if form.checked { throw axis.failure(index, tensor.type) }
                    starts[position] = nil
                    continue
                }
                starts[position] = start + Int(index) * strides[place]
            }
        }
        return starts
    }

    /// Each element of the result is one of the target's or of the updates'; later updates overwrite earlier ones.
    private static func set(
        _ target: HostTensor, _ update: HostTensor, _ starts: [Int?], _ inner: [Int]
    ) throws -> HostTensor {
        switch target.type.bitWidth {
        case 0:
            let strings = try combined(target.strings, update.strings, starts, inner) { $1 }
            return try HostTensor(strings: strings, shape: target.shape)
        case 8: return try set(UInt8.self, target, update, starts, inner)
        case 16: return try set(UInt16.self, target, update, starts, inner)
        case 32: return try set(UInt32.self, target, update, starts, inner)
        case 64: return try set(UInt64.self, target, update, starts, inner)
        case 128: return try set(SIMD2<UInt64>.self, target, update, starts, inner)
        default:
            let bits = try combined(ElementBits.read(target), ElementBits.read(update), starts, inner) { $1 }
            return try ElementBits.tensor(bits, target.type, shape: target.shape)
        }
    }

    private static func set<T: BitwiseCopyable>(
        _ word: T.Type, _ target: HostTensor, _ update: HostTensor, _ starts: [Int?], _ inner: [Int]
    ) throws -> HostTensor {
        let size = MemoryLayout<T>.size
        return try HostTensor.make(target.type, shape: target.shape) { result in
            target.withUnsafeBytes { result.copyMemory(from: $0) }
            update.withUnsafeBytes { source in
                var position = 0
                for start in starts {
                    defer { position += inner.count }
                    guard let start else { continue }
                    for (step, offset) in inner.enumerated() {
                        let value = source.loadUnaligned(fromByteOffset: (position + step) * size, as: T.self)
                        result.storeBytes(of: value, toByteOffset: (start + offset) * size, as: T.self)
                    }
                }
            }
        }
    }

    private static func combined<T>(
        _ target: [T], _ update: [T], _ starts: [Int?], _ inner: [Int], _ combine: (T, T) -> T
    ) throws -> [T] {
        var values = target
        var position = 0
        for start in starts {
            defer { position += inner.count }
            guard let start else { continue }
            for (step, offset) in inner.enumerated() {
                values[start + offset] = combine(values[start + offset], update[position + step])
            }
        }
        return values
    }

    /// NaN in gives NaN out.
    private static func combine(_ mode: ScatterForm.Mode) -> (Double, Double) -> Double {
        switch mode {
        case .set: { $1 }
        case .add: { $0 + $1 }
        case .mul: { $0 * $1 }
        case .max: { $1.isNaN || $1 > $0 ? $1 : $0 }
        case .min: { $1.isNaN || $1 < $0 ? $1 : $0 }
        }
    }

    private static func combine(_ mode: ScatterForm.Mode, unsigned: Bool) -> (Int64, Int64) -> Int64 {
        let flip: Int64 = unsigned ? .min : 0
        return switch mode {
        case .set: { $1 }
        case .add: { $0 &+ $1 }
        case .mul: { $0 &* $1 }
        case .max: { $0 ^ flip > $1 ^ flip ? $0 : $1 }
        case .min: { $0 ^ flip < $1 ^ flip ? $0 : $1 }
        }
    }
}
