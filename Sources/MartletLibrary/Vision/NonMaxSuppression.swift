import MartletCore
public import MartletIR

/// What decides which boxes are kept.
public struct SuppressionRule {
    /// Most boxes kept of one class of one image, an integer scalar.
    public var most: Tensor
    /// Boxes that overlap a kept one by more than this share of their union are dropped; a float scalar.
    public var overlap: Tensor
    /// Boxes must score more than this, if it is given; a float scalar.
    public var score: Tensor?
    /// Boxes are (x centre, y centre, width, height), not two opposite corners.
    public var isCentered: Bool

    /// Makes a rule.
    public init(most: Tensor, overlap: Tensor, score: Tensor?, isCentered: Bool) {
        (self.most, self.overlap, self.score, self.isCentered) = (most, overlap, score, isCentered)
    }
}

extension Tensor {
    /// Keeps the boxes (images, boxes, 4) with the best scores (images, classes, boxes) that do not overlap much:
    /// (kept, 3) indices of image, class and box, by image, class and falling score.
    ///
    /// One box of every class of every image is picked at a time.
    public static func keptBoxes(_ boxes: Tensor, scores: Tensor, _ rule: SuppressionRule) throws -> Tensor {
        let extents = try scores.shape
        guard extents.count == 3, try boxes.rank == 3 else {
            throw Diagnostic("type.rank", "boxes and scores must have rank 3")
        }
        let available = try Tensor.dimension(extents[2])
        let turns = try rule.most.cast(to: .int64).reshaped(to: []).mapped(.max, .number(0)).mapped(.min, available)
            .readSize("picks", upper: extents[2])
        let never = try Tensor(-.infinity, as: scores.element)
        var open = scores
        if let least = rule.score {
            open = try Tensor.select(scores.compared(.gt, least.reshaped(to: [])), scores, never)
        }
        let corners = try Corners(boxes, isCentered: rule.isCentered)
        let overlap = try rule.overlap.reshaped(to: [])
        let outer = Array(extents.prefix(2))
        let result = try Tensor.loop(
            trip: turns, condition: nil, states: [open], scanned: []
        ) { _, states, _ in
            let best = try states[0].argReduced(maximum: true, axes: [2])
            let image = try Tensor.iota(shape: outer, axis: 0)
            let top = try states[0].reduced(.max, axes: [2])
            let pick = try Tensor.select(top.compared(.gt, never), best, .number(-1))
            let shares = try corners.sharesAbove(overlap, image, best, extents)
            let isSelf = try Tensor.iota(shape: extents, axis: 2)
                .compared(.eq, best.broadcast(to: extents, axes: [0, 1]))
            let next = try Tensor.select(shares.mapped(.or, isSelf), never, states[0])
            return (nil, [next], [pick])
        }
        let picks = try result.stacked[0].transposed([1, 2, 0])
        let shape = try picks.shape
        let flat = try picks.reshaped(to: [shape.reduce(IntExpr(1)) { $0 * $1 }])
        let kept = try flat.compared(.ge, .number(0)).truePositions()
        let coordinates = try kept.coordinates(in: shape)
        let box = try flat.gathered([kept], axes: [0], mode: .check)
        return try Tensor.concatenate(
            [coordinates[0], coordinates[1], box].map { try $0.unsqueezed(axes: [1]) }, axis: 1)
    }
}

/// Boxes by their least and greatest coordinates, each (images, boxes).
private struct Corners {
    let low: [Tensor]
    let high: [Tensor]

    init(_ boxes: Tensor, isCentered: Bool) throws {
        let fields = try (0..<4).map { number in
            try boxes.sliced(axis: 2, start: IntExpr(number), size: 1).squeezed(axes: [2])
        }
        if isCentered {
            low = try (0..<2).map { try (fields[$0] - fields[$0 + 2] / 2).checked() }
            high = try (0..<2).map { try (fields[$0] + fields[$0 + 2] / 2).checked() }
        } else {
            low = try (0..<2).map { try fields[$0].mapped(.min, fields[$0 + 2]) }
            high = try (0..<2).map { try fields[$0].mapped(.max, fields[$0 + 2]) }
        }
    }

    /// Whether each box shares more than `limit` of its union with the picked one of its image and class.
    func sharesAbove(_ limit: Tensor, _ image: Tensor, _ box: Tensor, _ shape: [IntExpr]) throws -> Tensor {
        let zero = try Tensor.constant(0, like: limit)
        func other(_ values: Tensor) throws -> Tensor { try values.broadcast(to: shape, axes: [0, 2]) }
        func picked(_ values: Tensor) throws -> Tensor {
            try values.gathered([image, box], axes: [0, 1], mode: .clamp).broadcast(to: shape, axes: [0, 1])
        }
        func area(_ side: (Tensor) throws -> Tensor) throws -> Tensor {
            try (side(high[0]) - side(low[0])) * (side(high[1]) - side(low[1]))
        }
        let sides = try (0..<2).map { axis in
            let end = try other(high[axis]).mapped(.min, picked(high[axis]))
            let start = try other(low[axis]).mapped(.max, picked(low[axis]))
            return try (end - start).mapped(.max, zero)
        }
        let common = sides[0] * sides[1]
        let union = try area(other) + area(picked) - common
        let share = try Tensor.select(union.compared(.gt, zero), common / union, zero)
        return try share.compared(.gt, limit)
    }
}
