import MartletCore

/// Memory that interpreted kernels may touch.
public struct VectorMemory {
    /// A stretch of it.
    public struct Range: Hashable, Sendable {
        /// What messages call it.
        public var name: String
        /// Address of the first byte, and number of bytes.
        public var start: UInt64
        public var count: Int
        /// Whether stores are allowed.
        public var isWritable: Bool

        /// A stretch that kernels only read.
        public init(_ name: String, _ bytes: UnsafeRawBufferPointer) {
            self.init(name, UnsafeRawPointer(bytes.baseAddress), bytes.count, isWritable: false)
        }

        /// A stretch that kernels read and write.
        public init(_ name: String, _ bytes: UnsafeMutableRawBufferPointer) {
            self.init(name, UnsafeRawPointer(bytes.baseAddress), bytes.count, isWritable: true)
        }

        private init(_ name: String, _ start: UnsafeRawPointer?, _ count: Int, isWritable: Bool) {
            self.name = name
            self.start = UInt64(UInt(bitPattern: start))
            self.count = count
            self.isWritable = isWritable
        }

        func contains(_ address: UInt64, _ size: Int) -> Bool {
            address >= start && address - start <= UInt64(count) && UInt64(size) <= UInt64(count) - (address - start)
        }
    }

    private let ranges: [Range]

    /// Memory of the given stretches, which must stay where they are while a kernel runs.
    public init(_ ranges: [Range]) { self.ranges = ranges }

    /// The pointer to `size` bytes at `address`.
    ///
    /// - Throws: a diagnostic unless one stretch holds all of them and the address is a multiple of `align`.
    func pointer(
        to address: UInt64, size: Int, align: Int, writing: Bool
    ) throws -> UnsafeMutableRawPointer {
        guard align > 0, address % UInt64(align) == 0 else {
            throw Diagnostic(
                "vector.alignment", "address \(hex(address)) is no multiple of \(align)\(nearest(address))")
        }
        guard let range = ranges.first(where: { $0.contains(address, size) }) else {
            throw Diagnostic("vector.bounds", "\(size) bytes at \(hex(address)) lie outside\(nearest(address))")
        }
        guard range.isWritable || !writing else {
            throw Diagnostic("vector.read-only", "a store of \(size) bytes at \(hex(address)) into '\(range.name)'")
        }
        guard let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
            throw Diagnostic("vector.bounds", "the null pointer is used")
        }
        return pointer
    }

    private func hex(_ address: UInt64) -> String { "0x" + String(address, radix: 16) }

    /// Where the address lies relative to the closest stretch before it.
    private func nearest(_ address: UInt64) -> String {
        guard let range = ranges.filter({ $0.start <= address }).max(by: { $0.start < $1.start }) else { return "" }
        return "; it is byte \(address - range.start) of '\(range.name)', which has \(range.count)"
    }
}
