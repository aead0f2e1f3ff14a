import MartletCore
import MartletIR

/// What recurrent layers have in common. Shapes are ONNX's: D directions, T steps, B sequences, I inputs, H cells.
public struct RecurrentLayer: Sendable {
    /// Which ways the steps go.
    public enum Direction: String, Sendable {
        case forward, reverse, bidirectional

        /// Number of directions, D.
        public var count: Int { self == .bidirectional ? 2 : 1 }
    }

    public var direction: Direction
    /// Functions of each direction, one after the other.
    public var activations: [RecurrentActivation]
    /// Bound of what goes into an activation: -clip…clip.
    public var clip: Double?

    /// Describes a layer.
    public init(direction: Direction = .forward, activations: [RecurrentActivation], clip: Double? = nil) {
        self.direction = direction
        self.activations = activations
        self.clip = clip
    }

    func isReversed(_ number: Int) -> Bool { direction == .reverse || number == 1 }

    /// The functions of one direction.
    func functions(_ number: Int, count: Int) throws -> [RecurrentActivation] {
        guard activations.count == count * direction.count else {
            throw Diagnostic(
                "type.activations", "\(count * direction.count) activations are needed, not \(activations.count)")
        }
        return Array(activations[number * count..<(number + 1) * count])
    }

    /// What goes into an activation.
    func clipped(_ x: Tensor) throws -> Tensor {
        guard let clip else { return try x.checked() }
        return try x.mapped(.min, .constant(clip, like: x)).mapped(.max, .constant(-clip, like: x))
    }
}

extension Tensor {
    /// Entry `number` of the first axis, which is dropped.
    func entry(_ number: Int) throws -> Tensor {
        try sliced(axis: 0, start: IntExpr(number), size: 1).squeezed(axes: [0])
    }

    /// Part `number` of the parts of `size` elements that the last axis consists of.
    func part(_ number: Int, _ size: IntExpr) throws -> Tensor {
        try sliced(axis: try rank - 1, start: size * IntExpr(number), size: size)
    }

    /// The product (…, I) · (G, I)ᵀ, summed over the last axes.
    func projected(_ weights: Tensor) throws -> Tensor {
        try contracted(with: weights, contracted: [(try rank - 1, 1)])
    }

    /// This tensor, which must have that shape, as one of exactly that shape: sizes of other names would spread as
    /// broadcasts through every step.
    func requiring(_ extents: [IntExpr], _ what: String) throws -> Tensor {
        let own = try shape
        guard own.count == extents.count else {
            throw Diagnostic("type.rank", "\(what) must have rank \(extents.count), not \(own.count)")
        }
        for (size, extent) in zip(own, extents) {
            try Recorder.current?.require(size, equals: extent, what)
        }
        return try reshaped(to: extents)
    }
}
