import MartletCore

/// Evaluation of the view operations: results are contiguous copies, elements keep their bits.
enum ViewEvaluation {
    /// A tensor whose elements stand somewhere in a result.
    struct Piece {
        let tensor: HostTensor
        let box: StridedBox
    }

    /// Element `i` of the result is element `offset + Σ iₖ·stridesₖ` of `x`: every affine view.
    static func gatherCopy(_ x: HostTensor, offset: Int, strides: [Int], shape: [Int]) throws -> HostTensor {
        let plain = StridedBox.rowMajorStrides(shape)
        let box = StridedBox(
            extents: shape, source: .init(offset: offset, strides: strides), target: .init(offset: 0, strides: plain))
        try box.check(source: x.count, target: try HostTensor.size(of: x.type, shape).count)
        if !x.type.isPacked, x.type != .string, !box.isEmpty, box.coalesced().isOneRun {
            let start = x.byteOffset + offset * (x.type.bitWidth / 8)
            return try HostTensor(type: x.type, shape: shape, storage: x.storage, byteOffset: start)
        }
        return try assemble(x.type, shape, fill: nil, [Piece(tensor: x, box: box)])
    }

    /// A tensor put together from pieces. Where no piece writes stands `fill`, which is nil only if there is no such place.
    static func assemble(
        _ type: ElementType, _ shape: [Int], fill: HostTensor?, _ pieces: [Piece]
    ) throws -> HostTensor {
        let count = try HostTensor.size(of: type, shape).count
        for piece in pieces { try piece.box.check(source: piece.tensor.count, target: count) }
        if type == .string { return try assembleStrings(shape, count, fill, pieces) }
        if type.isPacked { return try assemblePacked(type, shape, fill, pieces) }
        let result = try ResultBuffer(type, shape)
        let width = type.bitWidth / 8
        if let fill { try fillAll(result, with: fill) }
        for piece in pieces where !piece.box.isEmpty {
            withExtendedLifetime(piece.tensor) {
                guard let source = piece.tensor.start else { return }
                piece.box.copy(width: width, from: source, to: result.start)
            }
        }
        return try result.tensor()
    }

    private static func fillAll(_ result: ResultBuffer, with fill: HostTensor) throws {
        guard fill.count == 1, fill.type == result.type else {
            throw Diagnostic("run.fill", "the fill value \(fill) is no scalar of type \(result.type.name)")
        }
        let everywhere = StridedBox(
            extents: [result.count], source: .init(offset: 0, strides: [0]), target: .init(offset: 0, strides: [1]))
        withExtendedLifetime(fill) {
            guard let source = fill.start else { return }
            everywhere.copy(width: result.type.bitWidth / 8, from: source, to: result.start)
        }
    }

    private static func assembleStrings(
        _ shape: [Int], _ count: Int, _ fill: HostTensor?, _ pieces: [Piece]
    ) throws -> HostTensor {
        var strings = [String](repeating: fill?.strings.first ?? "", count: count)
        for piece in pieces { piece.box.copy(from: piece.tensor.strings, to: &strings) }
        return try HostTensor(strings: strings, shape: shape)
    }

    private static func assemblePacked(
        _ type: ElementType, _ shape: [Int], _ fill: HostTensor?, _ pieces: [Piece]
    ) throws -> HostTensor {
        let bytes = try pieces.map { Piece(tensor: try unpacked($0.tensor), box: $0.box) }
        return try packed(try assemble(.uint8, shape, fill: try fill.map(unpacked), bytes), as: type)
    }
}

extension StridedBox {
    /// Whether a coalesced box is one contiguous run in both memories.
    var isOneRun: Bool {
        extents.isEmpty || (extents.count == 1 && source.strides[0] == 1 && target.strides[0] == 1)
    }
}

// MARK: - Affine views

extension ViewEvaluation {
    /// Axis `k` of the result is axis `permutation[k]` of `x`.
    static func transpose(_ x: HostTensor, _ permutation: [Int]) throws -> HostTensor {
        guard permutation.sorted() == Array(x.shape.indices) else {
            throw Diagnostic("run.permutation", "\(permutation) is no permutation of the axes of \(x)")
        }
        let strides = x.strides
        return try gatherCopy(
            x, offset: 0, strides: permutation.map { strides[$0] }, shape: permutation.map { x.shape[$0] })
    }

    /// Axis `k` of `x` becomes axis `axes[k]` of the result; extents of 1 and missing axes are repeated.
    static func broadcast(_ x: HostTensor, to shape: [Int], axes: [Int]) throws -> HostTensor {
        let own = x.strides
        var strides = [Int](repeating: 0, count: shape.count)
        for (axis, target) in axes.enumerated() where x.shape[axis] != 1 {
            guard x.shape[axis] == shape[target] else {
                throw Diagnostic(
                    "run.broadcast", "axis \(axis) of \(x) cannot be broadcast to size \(shape[target])")
            }
            strides[target] = own[axis]
        }
        return try gatherCopy(x, offset: 0, strides: strides, shape: shape)
    }

    /// Element `i` of the result is element `start + i·step` along each axis.
    static func slice(_ x: HostTensor, start: [Int], size: [Int], step: [Int]) throws -> HostTensor {
        if size.contains(0) { return try empty(x.type, size) }
        let own = x.strides
        var offset = 0
        var strides: [Int] = []
        for axis in x.shape.indices {
            try checkSlice(x, axis, start[axis], size[axis], step[axis])
            offset += start[axis] * own[axis]
            strides.append(size[axis] == 1 ? 0 : step[axis] * own[axis])
        }
        return try gatherCopy(x, offset: offset, strides: strides, shape: size)
    }

    private static func checkSlice(_ x: HostTensor, _ axis: Int, _ start: Int, _ size: Int, _ step: Int) throws {
        let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: step)
        let (last, outside) = start.addingReportingOverflow(reach)
        let valid = 0..<x.shape[axis]
        guard size > 0, !overflow, !outside, valid.contains(start), valid.contains(last) else {
            throw Diagnostic(
                "run.slice-range",
                "\(size) elements from \(start) in steps of \(step) leave axis \(axis) of size \(x.shape[axis])")
        }
    }

    /// Each axis of `axes` becomes positions of a window, of which each adds a last axis; see `Window`.
    static func window(
        _ x: HostTensor, _ axes: [(axis: Int, size: Int, stride: Int, dilation: Int)]
    ) throws -> HostTensor {
        var shape = x.shape
        var strides = x.strides
        for window in axes {
            let extent = Window.extent(
                IntExpr(x.shape[window.axis]), IntExpr(window.size), window.stride, window.dilation)
            shape[window.axis] = extent.constant ?? 0
            shape.append(window.size)
            strides.append(strides[window.axis].multipliedReportingOverflow(by: window.dilation).partialValue)
            strides[window.axis] =
                strides[window.axis].multipliedReportingOverflow(by: window.stride).partialValue
        }
        if shape.contains(0) { return try empty(x.type, shape) }
        for axis in shape.indices where shape[axis] == 1 { strides[axis] = 0 }
        return try gatherCopy(x, offset: 0, strides: strides, shape: shape)
    }

    /// A tensor without elements.
    static func empty(_ type: ElementType, _ shape: [Int]) throws -> HostTensor {
        try HostTensor(zeros: type, shape: shape)
    }
}

// MARK: - Views that put pieces together

extension ViewEvaluation {
    /// `low` elements before, `high` after, `interior` between neighbours, all `fill`; negative `low`, `high` cut.
    static func pad(
        _ x: HostTensor, _ fill: HostTensor, low: [Int], high: [Int], interior: [Int]
    ) throws -> HostTensor {
        let shape = try zip(x.shape.indices, x.shape).map { axis, size in
            let extent = Pad.extent(IntExpr(size), IntExpr(low[axis]), IntExpr(high[axis]), interior[axis])
            guard let extent = extent.constant, extent >= 0, low[axis] > -padLimit, low[axis] < padLimit else {
                throw Diagnostic("run.pad", "axis \(axis) of \(x) cannot be padded by \(low[axis]), \(high[axis])")
            }
            return extent
        }
        _ = try HostTensor.size(of: x.type, shape)
        let (own, target) = (x.strides, StridedBox.rowMajorStrides(shape))
        var box = StridedBox(
            extents: [], source: .init(offset: 0, strides: own), target: .init(offset: 0, strides: []))
        for axis in x.shape.indices {
            let pitch = interior[axis] + 1
            let first = low[axis] < 0 ? (-low[axis] + pitch - 1) / pitch : 0
            let room = shape[axis] - 1 - low[axis]
            let end = room < 0 ? 0 : Swift.min(x.shape[axis], room / pitch + 1)
            let extent = Swift.max(end - first, 0)
            box.extents.append(extent)
            box.source.offset += first * own[axis]
            box.target.offset += (low[axis] + first * pitch) * target[axis]
            box.target.strides.append(extent <= 1 ? 0 : pitch * target[axis])
        }
        return try assemble(x.type, shape, fill: fill, [Piece(tensor: x, box: box)])
    }

    private static let padLimit = 1 << 48

    /// The tensors one after the other along `axis`.
    static func concatenate(_ tensors: [HostTensor], axis: Int) throws -> HostTensor {
        guard let first = tensors.first else { throw Diagnostic("run.concat", "nothing to concatenate") }
        var shape = first.shape
        shape[axis] = 0
        for tensor in tensors {
            var expected = tensor.shape
            let (sum, overflow) = shape[axis].addingReportingOverflow(tensor.shape[axis])
            expected[axis] = shape[axis]
            guard expected == shape, !overflow else {
                throw Diagnostic("run.concat", "\(first) and \(tensor) do not fit together along axis \(axis)")
            }
            shape[axis] = sum
        }
        _ = try HostTensor.size(of: first.type, shape)
        let strides = StridedBox.rowMajorStrides(shape)
        var position = 0
        let pieces = tensors.map { tensor in
            defer { position += tensor.shape[axis] }
            return Piece(
                tensor: tensor,
                box: StridedBox(
                    extents: tensor.shape, source: .init(offset: 0, strides: tensor.strides),
                    target: .init(offset: position * strides[axis], strides: strides)))
        }
        return try assemble(first.type, shape, fill: nil, pieces)
    }
}
