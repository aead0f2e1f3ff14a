import MartletCore

/// Memory of a result that is being computed.
///
/// Evaluations write through the bare pointer, not inside a closure that another module calls: only then does the
/// optimiser see a plain loop.
struct ResultBuffer {
    let type: ElementType
    let shape: [Int]
    /// Number of elements.
    let count: Int
    /// Start of the elements, aligned to 64 bytes. Every byte must be written before `tensor()`.
    let start: UnsafeMutableRawPointer
    private let storage: TensorStorage

    /// Allocates memory for a tensor of any type but strings.
    init(_ type: ElementType, _ shape: [Int]) throws {
        let size = try HostTensor.size(of: type, shape)
        // At least one byte, so that empty tensors have an address too.
        var memory: UnsafeMutableRawPointer?
        storage = try TensorStorage(byteCount: Swift.max(size.byteCount, 1)) { memory = $0.baseAddress }
        guard let memory, type != .string else {
            throw Diagnostic("core.element-type", "a tensor of \(type.name) has no bytes")
        }
        (self.type, self.shape, count, start) = (type, shape, size.count, memory)
    }

    /// The finished tensor. The buffer must not be written any more.
    func tensor() throws -> HostTensor { try HostTensor(type: type, shape: shape, storage: storage) }
}

extension HostTensor {
    /// Start of the elements, perhaps unaligned; valid as long as the tensor lives. Nil for strings and where empty.
    ///
    /// For use with `withExtendedLifetime`.
    var start: UnsafeRawPointer? { withUnsafeBytes { $0.baseAddress } }

    /// Distance of neighbours along each axis, in elements.
    var strides: [Int] { StridedBox.rowMajorStrides(shape) }
}
