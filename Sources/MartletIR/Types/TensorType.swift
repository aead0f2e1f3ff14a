public import MartletCore

/// The type of a graph value: an element type and a shape of fixed rank whose extents may be symbolic.
///
/// Printed as `f32[n, 384]`; a rank of zero prints as `f32[]`.
public struct TensorType: Hashable, Sendable {
    /// Type of each element.
    public let element: ElementType
    /// Extents, outermost first; each is at least 0.
    public let shape: [IntExpr]

    /// Makes a type from an element type and extents.
    public init(_ element: ElementType, _ shape: [IntExpr]) {
        self.element = element
        self.shape = shape
    }

    /// Number of axes.
    public var rank: Int { shape.count }

    /// Number of elements.
    public var count: IntExpr { shape.reduce(1) { $0 * $1 } }

    /// The shape, where every extent is a constant.
    public var staticShape: [Int]? {
        var sizes: [Int] = []
        sizes.reserveCapacity(shape.count)
        for extent in shape {
            guard let size = extent.constant else { return nil }
            sizes.append(size)
        }
        return sizes
    }

    /// The same shape with another element type.
    public func with(element: ElementType) -> TensorType { TensorType(element, shape) }

    /// Text form; `name` gives the spelling of a symbol.
    public func text(_ name: (Symbol) -> String) -> String {
        "\(element.name)[\(shape.map { $0.text(name) }.joined(separator: ", "))]"
    }
}
