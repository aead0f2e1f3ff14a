import MartletCore
import MartletEngine

/// Engines with several variants. Each computes something else, so that a test sees which one ran.
enum VariantEngines {
    /// What a variant computes of its inputs.
    enum Function { case sum, product }

    /// y = a + b or a * b, for extents that are the number given or lie in the range.
    static func pair(
        _ function: Function, lower: Int, upper: Int?, state: Bool = false
    ) throws -> EngineKit {
        var kit = try EngineKit("pair")
        let n = lower == upper ? IntExpr(lower) : kit.symbol("n", lower: lower, upper: upper)
        let a = kit.input("a", .float32, [n])
        let b = kit.input("b", .float32, [n])
        let y = kit.output("y", .float32, [n])
        kit.engine.steps = [
            try kit.call(
                function == .sum ? "add" : "multiply", [(a, 0), (b, 0), (y, 0)], grid: n, origin: "\(function)")
        ]
        if state { kit.engine.states = [Engine.StateLink(input: 1, output: 0)] }
        return kit
    }

    /// Products for 4 elements and for 8 to 16, sums for all other counts.
    static func three() throws -> EngineKit {
        var kit = try pair(.sum, lower: 0, upper: nil)
        kit.engine.specialisations = [
            try pair(.product, lower: 4, upper: 4).engine, try pair(.product, lower: 8, upper: 16).engine,
        ]
        return try kit.withWeights()
    }

    /// Products for 2 elements, sums for 3, and nothing for any other count.
    static func withoutGeneral(state: Bool = false) throws -> EngineKit {
        var kit = try pair(.sum, lower: 3, upper: 3, state: state)
        kit.engine.specialisations = [try pair(.product, lower: 2, upper: 2, state: state).engine]
        return kit
    }
}

extension EngineKit {
    /// The same with weights that no page holds, in all variants.
    func withWeights() throws -> EngineKit {
        var copy = self
        copy.engine.weights = try SectionBytes((0..<200_000).map { UInt8($0 % 251) })
        for index in copy.engine.specialisations.indices {
            copy.engine.specialisations[index].weights = copy.engine.weights
        }
        return copy
    }
}
