import MartletCore
public import MartletIR

extension Tensor {
    /// Integers of 2, 4 or 8 bits that lie packed in the bytes of the last axis, low bits first, as `u8`.
    public func unpackedBits(_ bits: Int) throws -> Tensor {
        guard [2, 4, 8].contains(bits), try element == .uint8, try rank > 0 else {
            throw Diagnostic("type.elements", "bytes with integers of \(bits) bits are needed, not \(try type)")
        }
        if bits == 8 { return self }
        let parts = 8 / bits
        let mask = Tensor(HostTensor(scalar: UInt8((1 << bits) - 1)))
        let extents = try shape
        let columns = try (0..<parts).map { part in
            let shifted = part == 0 ? self : try mapped(.shr, Tensor(HostTensor(scalar: UInt8(part * bits))))
            return try shifted.mapped(.and, mask).unsqueezed(axes: [extents.count])
        }
        let last = extents[extents.count - 1] * IntExpr(parts)
        return try Tensor.concatenate(columns, axis: extents.count).reshaped(to: extents.dropLast() + [last])
    }
}

/// A matrix of integers in blocks along its columns, each with a scale.
public struct BlockQuantizedMatrix: Sendable {
    /// (N, blocks, bytes of a block): `bits` for each of the K columns, low bits first.
    public var values: Tensor
    /// (N, blocks).
    public var scales: Tensor
    /// (N, blocks), not packed; 2^(bits - 1) by default.
    public var zeroPoints: Tensor?
    /// The block that each column takes its scale from; by default they follow each other. `i32[K]`.
    public var blockOfColumn: Tensor?
    public var bits: Int
    public var blockSize: Int
    public var columns: Int

    /// Collects the tensors; scales and zero points may also be flat.
    public init(
        values: Tensor, scales: Tensor, zeroPoints: Tensor? = nil, blockOfColumn: Tensor? = nil, bits: Int,
        blockSize: Int, columns: Int
    ) throws {
        guard [2, 4, 8].contains(bits), (1..<1 << 30).contains(blockSize), (1..<1 << 40).contains(columns) else {
            throw Diagnostic("type.range", "\(bits) bits in blocks of \(blockSize) for \(columns) columns")
        }
        (self.values, self.scales, self.zeroPoints, self.blockOfColumn) = (values, scales, zeroPoints, blockOfColumn)
        (self.bits, self.blockSize, self.columns) = (bits, blockSize, columns)
    }

    /// The numbers, (N, K), in the scales' type, computed as float32.
    public func dequantized() throws -> Tensor {
        let rows = try values.shape[0]
        let blocks = (columns + blockSize - 1) / blockSize
        let count = IntExpr(columns)
        let integers = try values.unpackedBits(bits)
            .reshaped(to: [rows, IntExpr(blocks * blockSize)]).sliced(axis: 1, start: 0, size: count)
        func spread(_ tensor: Tensor) throws -> Tensor {
            let wide = try tensor.cast(to: .float32).reshaped(to: [rows, IntExpr(blocks)])
            if let blockOfColumn {
                return try wide.gathered([blockOfColumn], axes: [1], mode: .check).transposed([1, 0])
            }
            return try wide.broadcast(to: [rows, IntExpr(blocks), IntExpr(blockSize)], axes: [0, 1])
                .reshaped(to: [rows, IntExpr(blocks * blockSize)]).sliced(axis: 1, start: 0, size: count)
        }
        let middle = try zeroPoints.map { try spread($0) } ?? Tensor(Double(1 << (bits - 1)), as: .float32)
        return try ((integers.cast(to: .float32) - middle) * spread(scales)).cast(to: scales.element)
    }
}
