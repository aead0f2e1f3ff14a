import MartletCore
import MartletEngine

/// Engines with values that get their memory during the run.
enum GrowthEngines {
    /// As `ExampleEngines.positive`, without a bound: what is found lies in memory of n elements until there are
    /// outputs. With a limit, which depends on n, there are no more outputs than it says.
    static func positive(limit: ((IntExpr) -> IntExpr)? = nil) throws -> EngineKit {
        var kit = try EngineKit("positive")
        let n = kit.symbol("n", upper: 1 << 24)
        let m = kit.symbol("m", .bound, limit: limit?(n))
        let x = kit.input("x", .float32, [n])
        let indices = kit.output("where", .int64, [m])
        let filled = kit.output("filled", .int64, [m + 1])
        let count = kit.buffer("count", 8, 0, 1)
        let found = kit.buffer("found", n * 8, 0, 2)
        let copy = kit.buffer("copy", m * 8, 3, 4)
        let find = try kit.call(
            "positive", [(x, 0), (Engine.arenaBase, count), (Engine.arenaBase, found)], [n], grid: 1)
        let source = kit.place(Engine.arenaBase, count)
        let bind = Engine.Step(
            .bind(symbol: 1, source: source, type: .int64, low: 0, high: .max), origins: ["nonzero"])
        let moveFound = kit.copy((Engine.arenaBase, found), (indices, 0), m * 8)
        let fill = try kit.call("fill", [(Engine.arenaBase, copy)], [m], grid: m)
        let moveCopy = kit.copy((Engine.arenaBase, copy), (filled, 0), m * 8)
        let last = try kit.call("fill", [(filled, m * 8)], [m * 0 - 1], grid: 1)
        kit.engine.steps = [find, bind, Engine.Step(.copy(moveFound)), fill, Engine.Step(.copy(moveCopy)), last]
        return kit
    }

    /// Values of `count` elements, each made from the one before.
    static func chain(length: Int) throws -> EngineKit {
        var kit = try EngineKit("chain")
        let m = kit.symbol("m", .bound)
        let count = kit.input("count", .int64, [])
        let last = kit.output("last", .int64, [m])
        let source = kit.place(count)
        var steps = [Engine.Step(.bind(symbol: 0, source: source, type: .int64, low: 0, high: .max))]
        for index in 0..<length {
            let value = kit.buffer("value \(index)", m * 8, index + 1, index + 2)
            steps.append(try kit.call("fill", [(Engine.arenaBase, value)], [IntExpr(index)], grid: m))
            if index == length - 1 {
                steps.append(Engine.Step(.copy(kit.copy((Engine.arenaBase, value), (last, 0), m * 8))))
            }
        }
        kit.engine.steps = steps
        return kit
    }

    /// history = 10 · turn of each turn below `limit`, of which only a condition knows; no trip count.
    static func history() throws -> EngineKit {
        var kit = try EngineKit("history")
        let turn = kit.symbol("turn", .counter)
        let turns = kit.symbol("turns", .bound)
        let limit = kit.input("limit", .int64, [])
        let history = kit.output("history", .int64, [turns])
        let bound = kit.symbol("limit", .bound)
        // Steps: 0 bind, 1 start, 2 condition, 3 loop, 4 increment, 5 write, 6 condition, 7 store, 8 bind, 9 result.
        let state = kit.buffer("state", 8, 1, 9)
        let condition = kit.buffer("condition", 1, 2, 6)
        let next = kit.buffer("next", 1, 2, 6)
        let values = kit.buffer("values", (turn + 1) * 8, 2, 9)
        let source = kit.place(limit)
        let bind = Engine.Step(.bind(symbol: 2, source: source, type: .int64, low: 0, high: .max))
        let start = try kit.call("fill", [(Engine.arenaBase, state)], [0], grid: 1)
        let check = try kit.call("less", [(Engine.arenaBase, state), (Engine.arenaBase, condition)], [bound], grid: 1)
        let increment = try kit.call("increment", [(Engine.arenaBase, state)], grid: 1)
        let write = try kit.call("fill", [(Engine.arenaBase, values + turn * 8)], [turn * 10], grid: 1)
        let again = try kit.call("less", [(Engine.arenaBase, state), (Engine.arenaBase, next)], [bound], grid: 1)
        let carried = kit.copy((Engine.arenaBase, next), (Engine.arenaBase, condition), 1)
        let loop = Engine.Step(
            .loop(
                counter: 0, trip: nil, condition: kit.place(Engine.arenaBase, condition),
                body: [increment, write, again], carried: [carried]), origins: ["loop"])
        let store = try kit.call("fill", [(Engine.arenaBase, state)], [turn], grid: 1)
        let end = kit.place(Engine.arenaBase, state)
        let bindTurns = Engine.Step(.bind(symbol: 1, source: end, type: .int64, low: 0, high: .max))
        let result = kit.copy((Engine.arenaBase, values), (history, 0), turns * 8)
        kit.engine.steps = [bind, start, check, loop, store, bindTurns, Engine.Step(.copy(result))]
        return kit
    }

    /// y[i] = sum of row i of x[n, k], through scratch memory of an extent that is read during the run.
    static func rowSums() throws -> EngineKit {
        var kit = try EngineKit("rows")
        let (n, k) = (kit.symbol("n"), kit.symbol("k", .bound))
        let width = kit.symbol("width")
        let x = kit.input("x", .float32, [n, width])
        let source = kit.place(kit.input("k", .int64, []))
        let y = kit.output("y", .float32, [n])
        let bind = Engine.Step(.bind(symbol: 1, source: source, type: .int64, low: 0, high: .max))
        let sum = try kit.call("rowsum", [(x, 0), (y, 0)], [k], grid: n, scratch: k * 4, flops: n * k * 1000)
        kit.engine.steps = [bind, sum]
        return kit
    }
}
