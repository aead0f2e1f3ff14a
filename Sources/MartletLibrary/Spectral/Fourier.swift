public import MartletCore
public import MartletIR

/// Which discrete Fourier transform.
public enum FourierKind: Sendable {
    case forward
    /// The forward transform of real numbers, of which the first half of the bins is kept: length/2 + 1.
    case forwardHalf
    case inverse
    /// The inverse of `forwardHalf`, real numbers.
    case inverseHalf
}

extension Tensor {
    /// The discrete Fourier transform along `axis`; the last axis holds real and imaginary parts, or one real number.
    ///
    /// - Parameter length: elements of the signal, which is cut or filled with zeros; by default those that are there.
    public func fourierTransform(_ kind: FourierKind, axis: Int, length: IntExpr? = nil) throws -> Tensor {
        let extents = try shape
        let last = extents.count - 1
        guard axis >= 0, axis < last, let parts = Sizes.simplified(extents[last]).constant, parts == 1 || parts == 2
        else { throw Diagnostic("type.dft", "axis \(axis) or the last axis, which must be 1 or 2, does not fit") }
        return try inWideType { x in
            let outer = (0..<last).filter { $0 != axis }
            let moved = try x.transposed(outer + [axis, last])
            let pair = try moved.fourierPair(parts)
            let result = try pair.transformed(kind, Sizes.simplified(extents[axis]), length)
            let joined = try Tensor.concatenate(
                [result.real, result.imaginary].compactMap(\.self).map { try $0.unsqueezed(axes: [last]) }, axis: last)
            // The transformed axis stands before the last one now.
            let back = (0..<last).map { $0 == axis ? last - 1 : outer.firstIndex(of: $0) ?? 0 }
            return try joined.transposed(back + [last])
        }
    }

    private func fourierPair(_ parts: Int) throws -> FourierPair {
        let axis = try rank - 1
        func part(_ number: Int) throws -> Tensor {
            try sliced(axis: axis, start: IntExpr(number), size: 1).squeezed(axes: [axis])
        }
        return FourierPair(real: try part(0), imaginary: parts == 2 ? try part(1) : nil)
    }

    /// Transforms of frames of this signal (batch, samples, 1 or 2): (batch, frames, bins, 2).
    ///
    /// - Parameters:
    ///   - step: samples from frame to frame; known, or a size that is read.
    ///   - window: factors for the elements of each frame.
    public func shortTimeFourierTransform(
        step: IntExpr, length: IntExpr, window: Tensor?, half isHalf: Bool
    ) throws -> Tensor {
        let extents = try shape
        guard extents.count == 3 else { throw Diagnostic("type.rank", "a signal must have rank 3") }
        let count = Sizes.simplified((extents[1] - length).floorDivided(by: step) + 1)
        var frames: Tensor
        if let stride = step.constant, stride > 0 {
            frames = try windowed([Window.Axis(axis: 1, size: length, stride: stride)]).transposed([0, 1, 3, 2])
        } else {
            let grid = [count, length]
            let place = try Tensor.iota(shape: grid, axis: 0) * .dimension(step) + .iota(shape: grid, axis: 1)
            frames = try gathered([place.checked()], axes: [1], mode: .check).transposed([2, 0, 1, 3])
        }
        if let window {
            frames = try frames * window.cast(to: element).broadcast(to: frames.shape, axes: [2])
        }
        return try frames.checked().fourierTransform(isHalf ? .forwardHalf : .forward, axis: 2, length: length)
    }
}

extension FourierPair {
    /// The transform of a signal of `extent` elements, taken as one of `length`.
    fileprivate func transformed(_ kind: FourierKind, _ extent: IntExpr, _ length: IntExpr?) throws -> FourierPair {
        switch kind {
        case .forward, .forwardHalf:
            let length = length ?? extent
            let bins = kind == .forward ? length : Sizes.simplified(length.floorDivided(by: 2) + 1)
            return try fitted(extent, length).transformed(length: length, bins: bins, sign: -1)
        case .inverse:
            let length = length ?? extent
            let sums = try fitted(extent, length).transformed(length: length, bins: length, sign: 1)
            return try sums.map { try ($0 / .size(length, as: $0.element)).checked() }
        case .inverseHalf:
            let length = length ?? Sizes.simplified(.max(1, (extent - 1) * 2))
            let half = Sizes.simplified(length.floorDivided(by: 2) + 1)
            let whole = try fitted(extent, half).mirrored(length, half)
            let sums = try whole.transformed(length: length, bins: length, sign: 1)
            return FourierPair(real: try (sums.real / .size(length, as: sums.real.element)).checked(), imaginary: nil)
        }
    }

    /// Cut or filled with zeros to `length` elements.
    private func fitted(_ extent: IntExpr, _ length: IntExpr) throws -> FourierPair {
        if extent == length { return self }
        return try map { part in
            let axis = try part.rank - 1
            let kept = try part.sliced(axis: axis, start: 0, size: Sizes.simplified(.min(extent, length)))
            var high = [IntExpr](repeating: 0, count: axis + 1)
            high[axis] = Sizes.simplified(.max(0, length - extent))
            if high[axis] == 0 { return kept }
            return try kept.padded(
                low: high.map { _ in 0 }, high: high, with: .constant(0, like: part))
        }
    }

    /// The whole spectrum of a real signal from its first half: bin length - k is the conjugate of bin k.
    private func mirrored(_ length: IntExpr, _ half: IntExpr) throws -> FourierPair {
        let count = Sizes.simplified(.max(0, length - half))
        func joined(_ part: Tensor, _ isConjugate: Bool) throws -> Tensor {
            let axis = try part.rank - 1
            let behind = try part.sliced(axis: axis, start: count, size: count, step: -1)
            return try Tensor.concatenate([part, isConjugate ? -behind : behind], axis: axis)
        }
        return FourierPair(real: try joined(real, false), imaginary: try imaginary.map { try joined($0, true) })
    }
}
