package import MartletCore

/// Values whose size is known only during the run, and of which no useful bound is known before.
extension Engine {
    /// The greatest size in bytes for which memory is reserved before the size is known. Values that may need more get
    /// their memory during the run.
    package static let greatestReservation = 1 << 30

    /// Numbers of the values that may have to get their memory during the run, whatever the shapes of the inputs.
    ///
    /// For the shapes of one run some of them may have a bound after all.
    public var growth: (buffers: [Int], outputs: [Int]) { growth(ofLeastInputs: false) }

    /// Numbers of the values that no size of the inputs bounds: even for the least inputs they may need any memory.
    var unboundedValues: (buffers: [Int], outputs: [Int]) { growth(ofLeastInputs: true) }

    private func growth(ofLeastInputs isLeast: Bool) -> (buffers: [Int], outputs: [Int]) {
        let isDynamic = program.entries { [symbols] symbol in
            symbols.indices.contains(symbol) && symbols[symbol].kind.isSetDuringRun
        }
        guard isDynamic.contains(true) else { return ([], []) }
        let ranges = expressionRanges(ofLeastInputs: isLeast)
        let values = buffers.indices.filter { index in
            let size = Int(buffers[index].size)
            return isDynamic.indices.contains(size) && isDynamic[size]
                && ranges[size].upperBound > Int64(Engine.greatestReservation)
        }
        let results = outputs.indices.filter { index in
            let dims = outputs[index].dims.map { Int($0) }
            guard dims.allSatisfy(isDynamic.indices.contains), dims.contains(where: { isDynamic[$0] }) else {
                return false
            }
            let bytes = Engine.greatestByteCount(outputs[index].type, dims.map { ranges[$0] })
            return bytes > Int64(Engine.greatestReservation)
        }
        return (values, results)
    }

    /// Where the values of all expressions lie over all shapes and runs; ends that are not known are those of `Int64`.
    private func expressionRanges(ofLeastInputs isLeast: Bool) -> [ClosedRange<Int64>] {
        program.ranges { symbol in
            guard symbols.indices.contains(symbol) else { return ValueRange.all }
            if case .offset = symbols[symbol].kind { return ValueRange.all }
            let (lower, upper) = (Int64(symbols[symbol].lower), Int64(symbols[symbol].upper ?? .max))
            return isLeast && symbols[symbol].kind == .input ? lower...lower : lower...max(lower, upper)
        } limit: { symbol in
            symbols.indices.contains(symbol) ? symbols[symbol].limit : nil
        }
    }

    /// The most bytes that a tensor with extents in these ranges has; `Int64.max` if one of them has no bound.
    package static func greatestByteCount(_ type: ElementType, _ extents: [ClosedRange<Int64>]) -> Int64 {
        guard !extents.contains(where: { $0.upperBound == .max }) else { return .max }
        let bits = Int64(max(type.bitWidth, 1))
        let start = bits...bits
        let total = extents.reduce(start) { ValueRange.apply(.multiply, $0, 0...max($1.upperBound, 0)) }
        return total.upperBound == .max ? .max : total.upperBound / 8 + 1
    }
}

extension Engine.SymbolKind {
    /// Whether the symbol has no value before the run.
    package var isSetDuringRun: Bool {
        switch self {
        case .bound, .counter: true
        case .input, .offset: false
        }
    }
}

extension ExprProgram {
    /// Which entries depend on a symbol of the given kind.
    package func entries(dependingOn isSource: (Int) -> Bool) -> [Bool] {
        var isReached = [Bool](repeating: false, count: count)
        for index in 0..<count {
            switch Op(rawValue: operations[index]) {
            case .constant, nil: break
            case .symbol: isReached[index] = isSource(Int(left[index]))
            default: isReached[index] = isReached[Int(left[index])] || isReached[Int(right[index])]
            }
        }
        return isReached
    }

    /// Where the values of the entries lie if those of the symbols lie in the given ranges and up to their limits.
    fileprivate func ranges(
        _ symbol: (Int) -> ClosedRange<Int64>, limit: (Int) -> ExprRef?
    ) -> [ClosedRange<Int64>] {
        var ranges: [ClosedRange<Int64>] = []
        ranges.reserveCapacity(count)
        for index in 0..<count {
            let range: ClosedRange<Int64> =
                switch Op(rawValue: operations[index]) {
                case .constant: constants[index]...constants[index]
                case .symbol:
                    ValueRange.limited(
                        symbol(Int(left[index])),
                        by: limit(Int(left[index])).flatMap { ranges.indices.contains(Int($0)) ? ranges[Int($0)] : nil }
                    )
                case nil: ValueRange.all
                case let op?: ValueRange.apply(op, ranges[Int(left[index])], ranges[Int(right[index])])
                }
            ranges.append(range)
        }
        return ranges
    }
}
