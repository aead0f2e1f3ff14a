import MartletCore

/// Elements of any type but strings as bits, for moving and printing them one by one.
enum ElementBits {
    /// Elements of a complex tensor are taken as two components each.
    static func componentCount(of tensor: HostTensor) -> Int { tensor.count * (tensor.type.isComplex ? 2 : 1) }

    /// The bits of all components in the low bits of a word each.
    static func read(_ tensor: HostTensor) -> [UInt64] {
        let width = tensor.type.componentType.bitWidth
        guard width >= 8 else { return (0..<tensor.count).map { tensor.elementBits(at: $0) } }
        return tensor.withUnsafeBytes { bytes in
            (0..<componentCount(of: tensor)).map { index in
                var bits: UInt64 = 0
                for part in 0..<width / 8 { bits |= UInt64(bytes[index * (width / 8) + part]) << UInt64(8 * part) }
                return bits
            }
        }
    }

    /// A tensor of components given by their bits.
    ///
    /// - Throws: `core.shape` if their count does not fit.
    static func tensor(_ bits: [UInt64], _ type: ElementType, shape: [Int]) throws -> HostTensor {
        let (count, _) = try HostTensor.size(of: type, shape)
        guard bits.count == count * (type.isComplex ? 2 : 1) else {
            throw Diagnostic("core.shape", "\(bits.count) elements do not fill the shape \(shape)")
        }
        let width = type.componentType.bitWidth
        return try HostTensor.make(type, shape: shape) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            for (index, element) in bits.enumerated() { write(element, at: index, width: width, into: bytes) }
        }
    }

    private static func write(_ element: UInt64, at index: Int, width: Int, into bytes: UnsafeMutableRawBufferPointer) {
        if width >= 8 {
            for part in 0..<width / 8 {
                bytes[index * (width / 8) + part] = UInt8(truncatingIfNeeded: element >> UInt64(8 * part))
            }
            return
        }
        // Packed low bits first; an element of 6 bits may straddle two bytes.
        for bit in 0..<width where element >> UInt64(bit) & 1 != 0 {
            let position = index % 8 * width + bit
            bytes[index / 8 * width + position / 8] |= 1 << UInt8(position % 8)
        }
    }

    /// The elements at `positions`, which must be in range, as a tensor of that shape.
    static func take(_ tensor: HostTensor, _ positions: [Int], shape: [Int]) throws -> HostTensor {
        switch tensor.type.bitWidth {
        case 0: return try HostTensor(strings: positions.map { tensor.strings[$0] }, shape: shape)
        case 8: return try take(UInt8.self, tensor, positions, shape)
        case 16: return try take(UInt16.self, tensor, positions, shape)
        case 32: return try take(UInt32.self, tensor, positions, shape)
        case 64: return try take(UInt64.self, tensor, positions, shape)
        case 128: return try take(SIMD2<UInt64>.self, tensor, positions, shape)
        default: return try Self.tensor(positions.map { tensor.elementBits(at: $0) }, tensor.type, shape: shape)
        }
    }

    private static func take<T: BitwiseCopyable>(
        _ word: T.Type, _ tensor: HostTensor, _ positions: [Int], _ shape: [Int]
    ) throws -> HostTensor {
        let size = MemoryLayout<T>.size
        return try HostTensor.make(tensor.type, shape: shape) { target in
            tensor.withUnsafeBytes { source in
                for (index, position) in positions.enumerated() {
                    let value = source.loadUnaligned(fromByteOffset: position * size, as: T.self)
                    target.storeBytes(of: value, toByteOffset: index * size, as: T.self)
                }
            }
        }
    }
}
