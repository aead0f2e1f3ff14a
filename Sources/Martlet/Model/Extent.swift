import MartletCore

/// One extent of a model's input or output: a number, or a size that is known with the inputs.
///
/// Written as a literal: `3`, or `"batch"` for a size of that name.
public struct Extent: Sendable, Hashable {
    /// The number; nil for a size that is not known before a run.
    public let size: Int?
    /// The number, the name of the size, or a formula over such names.
    public let text: String
    /// The least it may be.
    public let lower: Int
    /// The most it may be; nil for no bound.
    public let upper: Int?

    /// A number.
    public init(_ size: Int) {
        self.init(size: size, text: String(size), lower: size, upper: size)
    }

    /// A size by its name.
    public init(named name: String, lower: Int = 0, upper: Int? = nil) {
        self.init(size: nil, text: name, lower: lower, upper: upper)
    }

    private init(size: Int?, text: String, lower: Int, upper: Int?) {
        (self.size, self.text, self.lower, self.upper) = (size, text, lower, upper)
    }
}

extension Extent: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, CustomStringConvertible {
    /// A number.
    public init(integerLiteral size: Int) { self.init(size) }

    /// A size by its name.
    public init(stringLiteral name: String) { self.init(named: name) }

    /// The number, name or formula.
    public var description: String { text }
}
