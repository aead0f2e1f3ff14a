import MartletCore
import MartletEngine

/// Engines that several tests use.
enum ExampleEngines {
    /// sum = a + b, twice through the arena: sum = (a + b) + b, with extent n.
    static func add() throws -> EngineKit {
        var kit = try EngineKit("add")
        let n = kit.symbol("n", upper: 1 << 30)
        let a = kit.input("a", .float32, [n])
        let b = kit.input("b", .float32, [n])
        let sum = kit.output("sum", .float32, [n])
        let middle = kit.buffer("middle", n * 4, 0, 1)
        let flops = n * 100
        let first = try kit.call(
            "add", [(a, 0), (b, 0), (Engine.arenaBase, middle)], grid: n, flops: flops, origin: "add_1")
        let second = try kit.call(
            "add", [(Engine.arenaBase, middle), (b, 0), (sum, 0)], grid: n, flops: flops, origin: "add_2")
        kit.engine.steps = [first, second]
        return kit
    }

    /// rows[i] = sum of row i of x[n, k], summed in scratch memory.
    static func rowSums() throws -> EngineKit {
        var kit = try EngineKit("rows")
        let (n, k) = (kit.symbol("n"), kit.symbol("k", lower: 1))
        let x = kit.input("x", .float32, [n, k])
        let y = kit.output("y", .float32, [n])
        let step = try kit.call(
            "rowsum", [(x, 0), (y, 0)], [k], grid: n, scratch: k * 4, flops: n * k * 8, origin: "sum")
        kit.engine.steps = [step]
        return kit
    }

    /// where = positions of the positive elements of x, an extent known only during the run; doubled = positions of
    /// which each was filled with the count.
    static func positive() throws -> EngineKit {
        var kit = try EngineKit("positive")
        let n = kit.symbol("n", upper: 1000)
        let m = kit.symbol("m", .bound, upper: 1000)
        let x = kit.input("x", .float32, [n])
        let indices = kit.output("where", .int64, [m])
        let filled = kit.output("filled", .int64, [m + 1])
        let count = kit.buffer("count", 8, 0, 1)
        let copy = kit.buffer("copy", m * 8, 2, 3)
        let find = try kit.call("positive", [(x, 0), (Engine.arenaBase, count), (indices, 0)], [n], grid: 1)
        let source = kit.place(Engine.arenaBase, count)
        let bind = Engine.Step(
            .bind(symbol: 1, source: source, type: .int64, low: 0, high: 1000), origins: ["nonzero"])
        let fill = try kit.call("fill", [(Engine.arenaBase, copy)], [m], grid: m)
        let move = kit.copy((Engine.arenaBase, copy), (filled, 0), m * 8)
        let last = try kit.call("fill", [(filled, m * 8)], [m * 0 - 1], grid: 1)
        kit.engine.steps = [find, bind, fill, Engine.Step(.copy(move)), last]
        return kit
    }

    /// total = sum of i while i < limit and i < trip: a loop with a counter, a condition and carried state.
    static func loop() throws -> EngineKit {
        var kit = try EngineKit("loop")
        let trip = kit.symbol("trip", .bound, upper: 100)
        let turn = kit.symbol("turn", .counter, upper: 100)
        let x = kit.input("trip", .int64, [])
        let y = kit.output("turns", .int64, [])
        let history = kit.output("history", .int64, [turn])
        // Steps: 0 bind, 1 start, 2 condition, 3 loop, 4 increment, 5 history, 6 condition, 7 result.
        let state = kit.buffer("state", 8, 1, 7)
        let condition = kit.buffer("condition", 1, 2, 6)
        let next = kit.buffer("next", 1, 4, 6)
        let source = kit.place(x)
        let bind = Engine.Step(.bind(symbol: 0, source: source, type: .int64, low: 0, high: 100))
        let start = try kit.call("fill", [(Engine.arenaBase, state)], [0], grid: 1)
        let check = try kit.call("less", [(Engine.arenaBase, state), (Engine.arenaBase, condition)], [7], grid: 1)
        let increment = try kit.call("increment", [(Engine.arenaBase, state)], grid: 1)
        let write = try kit.call("fill", [(history, turn * 8)], [turn * 10], grid: 1)
        let again = try kit.call("less", [(Engine.arenaBase, state), (Engine.arenaBase, next)], [7], grid: 1)
        let carried = kit.copy((Engine.arenaBase, next), (Engine.arenaBase, condition), 1)
        let loop = Engine.Step(
            .loop(
                counter: 1, trip: kit.expression(trip), condition: kit.place(Engine.arenaBase, condition),
                body: [increment, write, again], carried: [carried]), origins: ["loop"])
        let result = kit.copy((Engine.arenaBase, state), (y, 0), 8)
        kit.engine.steps = [bind, start, check, loop, Engine.Step(.copy(result))]
        return kit
    }

    /// y = x + x if flag, else a failure.
    static func branch() throws -> EngineKit {
        var kit = try EngineKit("branch")
        let flag = kit.input("flag", .bool, [])
        let x = kit.input("x", .float32, [3])
        let y = kit.output("y", .float32, [3])
        let double = try kit.call("add", [(x, 0), (x, 0), (y, 0)], grid: 3)
        let fail = Engine.Step(.fail(code: "run.test", message: "no", help: "say yes"), origins: ["choice"])
        kit.engine.steps = [
            Engine.Step(.branch(condition: kit.place(flag), then: [double], else: [fail]), origins: ["choice"])
        ]
        return kit
    }

    /// next = state + x, where state may have been left out.
    static func state() throws -> EngineKit {
        var kit = try EngineKit("state")
        let n = kit.symbol("n")
        let x = kit.input("x", .float32, [n])
        let state = kit.input("state", .float32, [n])
        let next = kit.output("next", .float32, [n])
        kit.engine.steps = [try kit.call("add", [(state, 0), (x, 0), (next, 0)], grid: n)]
        kit.engine.states = [Engine.StateLink(input: 1, output: 0)]
        return kit
    }

    /// y[i] = x[index[i]], where an index may be out of range.
    static func gather() throws -> EngineKit {
        var kit = try EngineKit("gather")
        let (n, m) = (kit.symbol("n"), kit.symbol("m"))
        let x = kit.input("x", .float32, [n])
        let index = kit.input("index", .int64, [m])
        let y = kit.output("y", .float32, [m])
        let step = try kit.call(
            "gather", [(x, 0), (index, 0), (y, 0)], [n], grid: m, flops: m * 1000, origin: "embedding")
        kit.engine.steps = [step]
        return kit
    }

    /// Many steps that do nothing.
    static func nothing(steps: Int) throws -> EngineKit {
        var kit = try EngineKit("nothing")
        let y = kit.output("y", .float32, [1])
        kit.engine.steps = [Engine.Step](repeating: try kit.call("nothing", [(y, 0)], grid: 1), count: steps)
        return kit
    }

    static func all() throws -> [EngineKit] {
        [
            try add(), try rowSums(), try positive(), try loop(), try branch(), try state(), try gather(),
            try GrowthEngines.positive(), try GrowthEngines.history(),
        ]
    }
}
