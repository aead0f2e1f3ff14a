import MartletCore
import MartletIR

extension Tensor {
    /// Tensors are followed this far back.
    private static let depthLimit = 16

    /// Whether no element of an integer tensor can be negative, as far as its definition shows: coordinates, sizes,
    /// constants, and sums, products and views of them. False means that it was not found.
    func isNeverNegative(depth: Int = 0) throws -> Bool {
        if let known = concrete { return try known.count <= 1 << 20 && known.ints().allSatisfy { $0 >= 0 } }
        if let sizes = symbolicValues, !sizes.isEmpty {
            return sizes.allSatisfy { $0.bounds(Sizes.ranges).lower ?? -1 >= 0 }
        }
        guard depth < Self.depthLimit, let definition, try element == .int64 else { return false }
        func all() throws -> Bool { try definition.operands.allSatisfy { try $0.isNeverNegative(depth: depth + 1) } }
        switch definition.operation {
        case is Iota: return true
        case is Reshape, is Transpose, is Broadcast, is Slice, is Concat, is Window: return try all()
        case let map as Map: return try map.function.keepsSign && all()
        default: return false
        }
    }
}

extension ScalarOp {
    /// Whether operands that are not negative give a result that is not, if it does not overflow.
    fileprivate var keepsSign: Bool {
        switch self {
        case .add, .mul, .div, .rem, .max, .min: true
        default: false
        }
    }
}
