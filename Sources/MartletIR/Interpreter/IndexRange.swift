package import MartletCore

extension Diagnostic {
    /// The error for an index that an axis does not have. Compiled code says the same, but for the index.
    package static func indexOutOfRange(_ index: String, axis: Int, extent: Int) -> Diagnostic {
        Diagnostic("run.index-range", "an index is out of range: \(index), for axis \(axis) of size \(extent)")
    }
}

/// Where an operation reads the indices of one axis of its first operand.
struct IndexedAxis {
    /// Number of the operand that holds the indices.
    let operand: Int
    /// The axis, and its size.
    let axis: Int, extent: Int
    let context: any EvaluationContext

    /// The error for an index of that type that is out of range.
    func failure(_ index: Int64, _ type: ElementType) -> Diagnostic {
        let given = context.givenIndex(index, operand: operand, axis: axis)
        // A uint64 beyond Int64 reads as negative, which is out of range as well.
        let text = type == .uint64 ? String(UInt64(bitPattern: index)) : String(given)
        return .indexOutOfRange(text, axis: axis, extent: extent)
    }
}
