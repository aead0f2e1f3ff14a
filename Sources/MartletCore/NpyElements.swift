/// Elements of a `.npy` file that are not a tensor's as they stand: in Fortran order, big-endian, or strings.
struct NpyElements {
    let header: NpyHeader
    let reader: ByteReader

    init(_ header: NpyHeader, _ reader: ByteReader) {
        (self.header, self.reader) = (header, reader)
    }

    /// The tensor of `data`, all elements as in the file.
    func tensor(_ data: UnsafeRawBufferPointer) throws -> HostTensor {
        if header.layout.type == .string { return try HostTensor(strings: strings(data), shape: header.shape) }
        return try HostTensor.make(header.layout.type, shape: header.shape) { bytes in
            let size = header.layout.itemSize
            var target = 0
            forEachItem(data.count) { offset in
                for byte in 0..<size { bytes[target + byte] = data[offset + sourceByte(byte)] }
                target += size
            }
        }
    }

    /// Byte of an element in the file that is byte `index` of the element little-endian.
    private func sourceByte(_ index: Int) -> Int {
        let swapped = header.layout.swappedBytes
        return swapped == 1 ? index : index / swapped * swapped + swapped - 1 - index % swapped
    }

    /// Calls `body` with the offset of each element in the file, in C order of the elements.
    private func forEachItem(_ byteCount: Int, _ body: (Int) throws -> Void) rethrows {
        let shape = header.shape
        guard !shape.contains(0) else { return }
        let strides = header.isFortranOrder ? Self.fortranStrides(shape) : Self.rowMajorStrides(shape)
        let size = header.layout.itemSize
        var indices = [Int](repeating: 0, count: shape.count)
        var item = 0
        while true {
            try body(item * size)
            var axis = shape.count - 1
            while axis >= 0, indices[axis] + 1 == shape[axis] {
                item -= indices[axis] * strides[axis]
                indices[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
            indices[axis] += 1
            item += strides[axis]
        }
    }

    // Products of extents cannot overflow: the shape was checked, and holds no 0.
    private static func fortranStrides(_ shape: [Int]) -> [Int] {
        var stride = 1
        return shape.map { extent in
            defer { stride *= extent }
            return stride
        }
    }

    private static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        fortranStrides(shape.reversed()).reversed()
    }
}

// MARK: - Strings

extension NpyElements {
    /// Fixed-width strings, zeros at the end removed: UTF-32 for NumPy's `U`, taken as UTF-8 for its `S`.
    private func strings(_ data: UnsafeRawBufferPointer) throws -> [String] {
        var result: [String] = []
        let size = header.layout.itemSize
        try forEachItem(data.count) { offset in
            let item = UnsafeRawBufferPointer(rebasing: data[offset..<offset + size])
            guard let text = header.layout.stringUnit == 4 ? utf32(item) : utf8(item) else {
                throw reader.failure("npy.format", "a string is not well-formed", header.dataOffset + offset)
            }
            result.append(text)
        }
        return result
    }

    private func utf8(_ item: UnsafeRawBufferPointer) -> String? {
        let length = item.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        return String(validating: item.prefix(length), as: UTF8.self)
    }

    private func utf32(_ item: UnsafeRawBufferPointer) -> String? {
        var units: [UInt32] = []
        for offset in stride(from: 0, to: item.count, by: 4) {
            let unit = UInt32(littleEndian: item.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            units.append(header.layout.swappedBytes == 4 ? unit.byteSwapped : unit)
        }
        while units.last == 0 { units.removeLast() }
        return String(validating: units, as: UTF32.self)
    }

    /// Type descriptor and UTF-32 bytes of `strings`, each as wide as the longest.
    static func encoded(_ strings: [String]) throws -> (descriptor: String, data: HostTensor) {
        let width = max(strings.map(\.unicodeScalars.count).max() ?? 0, 1)
        let (items, overflow) = strings.count.multipliedReportingOverflow(by: width)
        let (size, overflow2) = items.multipliedReportingOverflow(by: 4)
        guard !overflow, !overflow2 else {
            throw Diagnostic("core.out-of-memory", "the strings are too long to be padded to one length")
        }
        let data = try HostTensor.make(.uint8, shape: [size]) { bytes in
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            for (index, text) in strings.enumerated() {
                for (place, scalar) in text.unicodeScalars.enumerated() {
                    let offset = 4 * (index * width + place)
                    bytes.storeBytes(of: scalar.value.littleEndian, toByteOffset: offset, as: UInt32.self)
                }
            }
        }
        return ("<U\(width)", data)
    }
}
