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
                let bytes = run.count * width
                guard run.target * width + bytes <= target.count, run.source >= 0,
                    run.source * width + (run.count - 1) * abs(run.step) * width + width <= source.count
                else { throw Diagnostic("compile.weights", "a packing recipe leaves its constant") }
                run.copy(source, target, width)
            }
        }
    }
}

/// Walks the rows of a packing recipe: each row is a run of elements with one step in the source.
private struct AffineWalk {
    struct Run {
        let source: Int
        let step: Int
        let target: Int
        let count: Int

        func copy(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _ width: Int) {
            if step == 1 {
                let rows = UnsafeRawBufferPointer(rebasing: source[self.source * width..<(self.source + count) * width])
                UnsafeMutableRawBufferPointer(rebasing: target[self.target * width..<(self.target + count) * width])
                    .copyMemory(from: rows)
                return
            }
            for element in 0..<count {
                let from = (self.source + element * step) * width
                let to = (self.target + element) * width
                for byte in 0..<width { target[to + byte] = source[from + byte] }
            }
        }
    }

    private let extents: [Int]
    private let steps: [Int]
    private let base: Int
    /// The guarded expression's steps and limit; its base is 0.
    private let guardSteps: [Int]
    private let guardLimit: Int?
    private var position: [Int]
    private var row = 0
    private let rows: Int

    init(_ recipe: PackingRecipe) throws {
        extents = recipe.extents
        (steps, base) = try AffineWalk.coefficients(recipe.index.first ?? 0, extents.count)
        if let condition = recipe.guards.first, let limit = condition.limit.constant {
            guardSteps = try AffineWalk.coefficients(condition.expression, extents.count).0
            guardLimit = limit
        } else {
            (guardSteps, guardLimit) = ([Int](repeating: 0, count: extents.count), nil)
        }
        position = [Int](repeating: 0, count: max(extents.count - 1, 0))
        rows = extents.contains(0) ? 0 : extents.dropLast().reduce(1, *)
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

    /// The next row, cut at the guard.
    mutating func next() -> Run? {
        while row < rows {
            let length = extents.last ?? 1
            var source = base
            var guarded = 0
            for (axis, coordinate) in position.enumerated() {
                source += coordinate * steps[axis]
                guarded += coordinate * guardSteps[axis]
            }
            let target = row * length
            advance()
            let count = inside(guarded, length)
            if count > 0 { return Run(source: source, step: steps.last ?? 1, target: target, count: count) }
        }
        return nil
    }

    private func inside(_ guarded: Int, _ length: Int) -> Int {
        guard let guardLimit else { return length }
        let step = guardSteps.last ?? 0
        if step == 0 { return guarded < guardLimit ? length : 0 }
        return max(0, min(length, (guardLimit - guarded + step - 1) / step))
    }

    private mutating func advance() {
        row += 1
        for axis in position.indices.reversed() {
            position[axis] += 1
            if position[axis] < extents[axis] { return }
            position[axis] = 0
        }
    }
}
