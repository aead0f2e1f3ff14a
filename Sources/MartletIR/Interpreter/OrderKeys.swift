import MartletCore

/// Integers that are ordered as the elements of a tensor are, for sorting and for finding extremes.
///
/// -0 and +0 have one key. NaN has a key of its own.
struct OrderKeys {
    /// Where NaN stands.
    enum NaNPlace { case greatest, least }

    /// A key an element, in row-major order.
    let keys: [Int64]
    /// The key of NaN, for floating-point elements.
    let nan: Int64?

    /// The keys of a tensor of numbers or bools.
    ///
    /// - Throws: `core.element-type` for complex numbers and strings.
    init(_ tensor: HostTensor, nan place: NaNPlace) throws {
        guard tensor.type.isFloatingPoint else {
            keys = tensor.type == .uint64 ? try tensor.ints().map { $0 ^ .min } : try tensor.ints()
            nan = nil
            return
        }
        // No other number has either key: those of the infinities are nearer to zero.
        let nanKey: Int64 = place == .greatest ? .max : .min
        keys = try tensor.doubles().map { $0.isNaN ? nanKey : Self.key($0) }
        nan = nanKey
    }

    /// IEEE numbers are ordered as sign and magnitude; this makes two's complement of it.
    private static func key(_ value: Double) -> Int64 {
        let bits = Int64(bitPattern: value.bitPattern)
        return bits >= 0 ? bits : -(bits & .max)
    }
}
