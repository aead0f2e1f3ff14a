import MartletCore

/// Plain evaluation of branches and loops.
enum RegionEvaluation {
    /// Gives symbols their values from the results of which they are extents.
    ///
    /// - Throws: `run.sizes-differ` where two extents of one symbol differ.
    static func bind(
        _ sizes: [Symbol], from tensors: [HostTensor], as types: [TensorType], in context: any EvaluationContext
    ) throws {
        var known: [Symbol: Int] = [:]
        for (tensor, type) in zip(tensors, types) {
            for (size, extent) in zip(tensor.shape, type.shape) {
                guard let symbol = extent.loneSymbol, sizes.contains(symbol) else { continue }
                guard known[symbol, default: size] == size else {
                    throw Diagnostic("run.sizes-differ", "one size of a region's results is \(size) and another")
                }
                known[symbol] = size
            }
        }
        for symbol in sizes { if let size = known[symbol] { try context.bind(symbol, to: size) } }
    }

    /// One evaluation of a loop.
    struct LoopRun {
        private let region: LoopRegion
        private let types: [TensorType]
        private let context: any EvaluationContext
        private let condition: HostTensor?
        private var states: [HostTensor]
        private let scanned: [HostTensor]
        private let captures: [HostTensor]
        private let trip: Int?
        private var slices: [[HostTensor]]

        init(
            _ region: LoopRegion, _ operands: [HostTensor], _ types: [TensorType], in context: any EvaluationContext
        ) throws {
            (condition, states, scanned, captures) = region.split(operands)
            (self.region, self.types, self.context) = (region, types, context)
            trip = try region.trip.map { max(0, try context.value(of: $0)) }
            slices = Array(repeating: [], count: region.stackedCount)
            for tensor in scanned where tensor.shape.first != trip {
                throw Diagnostic(
                    "run.sizes-differ", "a scanned tensor of shape \(tensor.shape) for \(trip ?? 0) turns")
            }
        }

        /// Does all turns; gives final states and stacked results.
        func run(binding sizes: [Symbol]) throws -> [HostTensor] {
            var run = self
            let turns = try run.runTurns()
            if sizes.contains(where: { region.turns.loneSymbol == $0 }), let symbol = region.turns.loneSymbol {
                try context.bind(symbol, to: turns)
            }
            // The first turn decides the shape of a stacked result; without turns unknown extents are 0.
            let stacked = try zip(run.slices, types.suffix(region.stackedCount)).map { slices, type in
                try RegionEvaluation.stack(slices, type.element, emptyShape: emptyShape(type))
            }
            let results = run.states + stacked
            try bind(sizes, from: results, as: types, in: context)
            return results
        }

        private mutating func runTurns() throws -> Int {
            var turn = 0
            var goesOn = try condition.map { try $0.ints().first != 0 } ?? true
            while goesOn, turn < trip ?? .max {
                try context.bind(region.counter, to: turn)
                let parts = try scanned.map { try RegionEvaluation.slice($0, at: turn) }
                let operands = [HostTensor(scalar: Int64(turn))] + states + parts + captures
                var outputs = try context.evaluate(region.body, operands)[...]
                if region.hasCondition { goesOn = try outputs.popFirst()?.ints().first != 0 }
                states = Array(outputs.prefix(region.stateCount))
                for (index, slice) in outputs.dropFirst(region.stateCount).enumerated() { slices[index].append(slice) }
                turn += 1
            }
            return turn
        }

        private func emptyShape(_ type: TensorType) -> [Int] {
            [0] + type.shape.dropFirst().map { (try? context.value(of: $0)) ?? 0 }
        }
    }

    /// The part of a tensor at one position of axis 0; shares memory where elements are whole bytes.
    static func slice(_ tensor: HostTensor, at position: Int) throws -> HostTensor {
        let shape = Array(tensor.shape.dropFirst())
        let (count, byteCount) = try HostTensor.size(of: tensor.type, shape)
        if tensor.type == .string {
            return try HostTensor(
                strings: Array(tensor.strings[position * count..<(position + 1) * count]), shape: shape)
        }
        if tensor.type.isPacked {
            return try ElementBits.take(tensor, Array(position * count..<(position + 1) * count), shape: shape)
        }
        return try HostTensor(
            type: tensor.type, shape: shape, storage: tensor.storage,
            byteOffset: tensor.byteOffset + position * byteCount)
    }

    /// Tensors of one shape, stacked along a new axis 0.
    ///
    /// - Throws: `run.sizes-differ` where shapes differ.
    static func stack(_ slices: [HostTensor], _ type: ElementType, emptyShape: [Int]) throws -> HostTensor {
        guard let first = slices.first else { return try HostTensor(zeros: type, shape: emptyShape) }
        if let other = slices.first(where: { $0.shape != first.shape }) {
            throw Diagnostic(
                "run.sizes-differ", "turns of a loop give slices of shapes \(first.shape) and \(other.shape)")
        }
        let shape = [slices.count] + first.shape
        if type == .string { return try HostTensor(strings: slices.flatMap(\.strings), shape: shape) }
        if type.isPacked { return try ElementBits.tensor(slices.flatMap { ElementBits.read($0) }, type, shape: shape) }
        return try HostTensor.make(type, shape: shape) { target in
            var rest = target[...]
            for slice in slices {
                slice.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: rest).copyMemory(from: $0) }
                rest = rest.dropFirst(slice.byteCount)
            }
        }
    }
}
