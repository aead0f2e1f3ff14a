/// A name for an integer that is not known yet: a size of a model or a loop axis of a kernel.
///
/// Ids below 2^31 are sizes, ids with the top bit set are loop axes.
public struct Symbol: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The identity of the symbol; the top bit marks a loop axis.
    public let id: UInt32

    /// The symbol of this id.
    @inlinable
    public init(id: UInt32) {
        self.id = id
    }

    @usableFromInline static let axisBit: UInt32 = 1 << 31

    /// The size of this number; only its low 31 bits count.
    @inlinable
    public static func size(_ number: Int) -> Symbol {
        Symbol(id: UInt32(truncatingIfNeeded: number) & ~axisBit)
    }

    /// The loop axis of this number; only its low 31 bits count.
    @inlinable
    public static func axis(_ number: Int) -> Symbol {
        Symbol(id: UInt32(truncatingIfNeeded: number) | axisBit)
    }

    /// Whether the symbol is a loop axis.
    @inlinable
    public var isAxis: Bool { id & Self.axisBit != 0 }

    /// The number of the size or of the axis: the id without the bit that tells them apart.
    @inlinable
    public var number: Int { Int(id & ~Self.axisBit) }

    /// Orders by id: sizes before axes.
    @inlinable
    public static func < (a: Symbol, b: Symbol) -> Bool { a.id < b.id }

    /// `s12` for a size, `a3` for an axis.
    public var description: String { (isAxis ? "a" : "s") + String(number) }

    /// Reads what `description` prints; nil for any other text.
    public init?(_ text: some StringProtocol) {
        guard let kind = text.first, kind == "s" || kind == "a" else { return nil }
        let digits = text.dropFirst()
        guard let first = digits.utf8.first, first >= 0x30, first <= 0x39,
            let number = UInt32(digits), number < Self.axisBit
        else { return nil }
        self = kind == "a" ? .axis(Int(number)) : .size(Int(number))
    }
}
