import MartletCore
import MartletIR

/// Collects the constants that kernels read, in the layouts that they want. Constants that are the same bytes then are
/// stored once, also for different variants of an engine.
struct WeightSection {
    private struct Key: Hashable {
        let tensor: ConstantTensor
        let recipe: PackingRecipe
    }
    private struct Part {
        let tensor: HostTensor
        let recipe: PackingRecipe
        let offset: Int
        let bytes: Int
    }
    private var parts: [Part] = []
    private struct Content: Hashable {
        let hash: StableHash
        let bytes: Int
    }
    private var known: [Key: Int] = [:]
    private var offsets: [Content: Int] = [:]
    /// Size in bytes so far.
    private(set) var byteCount = 0

    /// Panels and rows start at multiples of this.
    private static let alignment = 64

    /// The byte offset of a constant in this layout.
    mutating func offset(of tensor: ConstantTensor, _ recipe: PackingRecipe) throws -> Int {
        let key = Key(tensor: tensor, recipe: recipe)
        if let offset = known[key] { return offset }
        let count = recipe.extents.reduce(1, *)
        guard let bytes = recipe.type.byteCount(of: count), recipe.type.bitWidth % 8 == 0 else {
            throw Diagnostic("compile.weights", "a constant of type \(recipe.type.name) cannot be stored")
        }
        let content = Content(hash: try Self.hash(tensor.tensor, recipe, bytes), bytes: bytes)
        if let offset = offsets[content] {
            known[key] = offset
            return offset
        }
        let offset = byteCount
        offsets[content] = offset
        parts.append(Part(tensor: tensor.tensor, recipe: recipe, offset: offset, bytes: bytes))
        byteCount += (bytes + Self.alignment - 1) / Self.alignment * Self.alignment
        known[key] = offset
        return offset
    }

    private static func hash(_ tensor: HostTensor, _ recipe: PackingRecipe, _ bytes: Int) throws -> StableHash {
        var packed = [UInt8](repeating: 0, count: bytes)
        try packed.withUnsafeMutableBytes { try recipe.pack(tensor, into: $0) }
        return StableHash(packed)
    }

    /// Writes all constants.
    func write(into memory: UnsafeMutableRawBufferPointer) throws {
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        for part in parts {
            let target = UnsafeMutableRawBufferPointer(rebasing: memory[part.offset..<part.offset + part.bytes])
            try part.recipe.pack(part.tensor, into: target)
        }
    }
}

extension PackingRecipe {
    /// A constant as it is.
    static func plain(_ tensor: HostTensor, order: [Int]) -> PackingRecipe {
        let extents = order.map { tensor.shape[$0] }
        var strides = [Int](repeating: 1, count: tensor.shape.count)
        for axis in tensor.shape.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * tensor.shape[axis + 1]
        }
        var index: IntExpr = 0
        for (position, axis) in order.enumerated() { index += IntExpr(.axis(position)) * IntExpr(strides[axis]) }
        return PackingRecipe(extents: extents, index: [index], guards: [], type: tensor.type)
    }

    /// Copies the constant's elements to their packed places; `index` holds one flat element number.
    func pack(_ tensor: HostTensor, into target: UnsafeMutableRawBufferPointer) throws {
        let width = type.bitWidth / 8
        var walk = try AffineWalk(self)
        try tensor.withUnsafeBytes { source in
            while let run = walk.next() {
                guard run.target + (run.count - 1) * run.targetStep < target.count / width, run.source >= 0,
                    run.source * width + (run.count - 1) * abs(run.step) * width + width <= source.count
                else { throw Diagnostic("compile.weights", "a packing recipe leaves its constant") }
                run.copy(source, target, width)
            }
        }
    }
}

/// Walks a packing recipe in runs along the longer of its last two axes, each with one step in source and target.
private struct AffineWalk {
    struct Run {
        let source: Int
        let step: Int
        let target: Int
        let targetStep: Int
        let count: Int

        func copy(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _ width: Int) {
            if step == 1, targetStep == 1 {
                let rows = UnsafeRawBufferPointer(rebasing: source[self.source * width..<(self.source + count) * width])
                UnsafeMutableRawBufferPointer(rebasing: target[self.target * width..<(self.target + count) * width])
                    .copyMemory(from: rows)
                return
            }
            for element in 0..<count {
                let from = (self.source + element * step) * width
                let to = (self.target + element * targetStep) * width
                for byte in 0..<width { target[to + byte] = source[from + byte] }
            }
        }
    }

    /// An expression that stays below a limit wherever elements are copied.
    private struct Limit {
        let steps: [Int]
        let base: Int
        let limit: Int
    }

    private let extents: [Int]
    private let steps: [Int]
    private let base: Int
    private let targetSteps: [Int]
    private let limits: [Limit]
    /// The axis that runs lie along.
    private let runAxis: Int?
    private var position: [Int]
    private var row = 0
    private let rows: Int

    init(_ recipe: PackingRecipe) throws {
        extents = recipe.extents
        let rank = extents.count
        (steps, base) = try AffineWalk.coefficients(recipe.index.first ?? 0, rank)
        limits = try recipe.guards.map { condition in
            guard let limit = condition.limit.constant else {
                throw Diagnostic("compile.weights", "a packing recipe is not static")
            }
            let (steps, base) = try AffineWalk.coefficients(condition.expression, rank)
            return Limit(steps: steps, base: base, limit: limit)
        }
        var strides = [Int](repeating: 1, count: rank)
        for axis in extents.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * extents[axis + 1] }
        targetSteps = strides
        let isPenultimate = rank > 1 && extents[rank - 2] > extents[rank - 1]
        let axis = rank == 0 ? nil : isPenultimate ? rank - 2 : rank - 1
        let length = axis.map { recipe.extents[$0] } ?? 1
        runAxis = axis
        position = [Int](repeating: 0, count: rank)
        rows = extents.contains(0) ? 0 : extents.reduce(1, *) / length
    }

    private static func coefficients(_ expression: IntExpr, _ rank: Int) throws -> ([Int], Int) {
        var rest = expression
        var steps: [Int] = []
        for axis in 0..<rank {
            guard let (linear, remaining) = rest.coefficients(of: .axis(axis)), let step = linear.constant else {
                throw Diagnostic("compile.weights", "a packing recipe is not affine")
            }
            steps.append(step)
            rest = remaining
        }
        guard let base = rest.constant else { throw Diagnostic("compile.weights", "a packing recipe is not static") }
        return (steps, base)
    }

    /// The next run, cut at the guards.
    mutating func next() -> Run? {
        while row < rows {
            var source = base
            var target = 0
            for axis in position.indices {
                source += position[axis] * steps[axis]
                target += position[axis] * targetSteps[axis]
            }
            var count = runAxis.map { extents[$0] } ?? 1
            for limit in limits { count = min(count, inside(limit)) }
            advance()
            if count > 0 {
                return Run(
                    source: source, step: runAxis.map { steps[$0] } ?? 1, target: target,
                    targetStep: runAxis.map { targetSteps[$0] } ?? 1, count: count)
            }
        }
        return nil
    }

    /// How many elements of the run stay below the limit.
    private func inside(_ limit: Limit) -> Int {
        var value = limit.base
        for axis in position.indices { value += position[axis] * limit.steps[axis] }
        let step = runAxis.map { limit.steps[$0] } ?? 0
        if step <= 0 { return value < limit.limit ? Int.max : 0 }
        return max(0, (limit.limit - value + step - 1) / step)
    }

    private mutating func advance() {
        row += 1
        for axis in position.indices.reversed() where axis != runAxis {
            position[axis] += 1
            if position[axis] < extents[axis] { return }
            position[axis] = 0
        }
    }
}
