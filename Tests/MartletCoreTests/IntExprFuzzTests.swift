import TestSupport
import Testing

@testable import MartletCore

/// An expression as it was written, evaluated without any algebra.
indirect enum ExprTree: CustomStringConvertible {
    case constant(Int)
    case symbol(Symbol)
    case binary(String, ExprTree, ExprTree)

    static let operators = ["+", "+", "-", "*", "*", "//", "%", "ceil", "min", "max"]

    static func random(depth: Int, _ symbols: [Symbol], _ random: inout SplitMix64) -> ExprTree {
        if depth == 0 || Int.random(in: 0..<6, using: &random) == 0 {
            return Bool.random(using: &random)
                ? .constant(Int.random(in: -4...12, using: &random))
                : .symbol(symbols[Int.random(in: 0..<symbols.count, using: &random)])
        }
        let name = operators[Int.random(in: 0..<operators.count, using: &random)]
        return .binary(
            name, .random(depth: depth - 1, symbols, &random), .random(depth: depth - 1, symbols, &random))
    }

    var expression: IntExpr {
        switch self {
        case .constant(let value): return IntExpr(value)
        case .symbol(let symbol): return IntExpr(symbol)
        case .binary(let name, let a, let b):
            let (x, y) = (a.expression, b.expression)
            switch name {
            case "+": return x + y
            case "-": return x - y
            case "*": return x * y
            case "//": return x.floorDivided(by: y)
            case "%": return x.modulo(y)
            case "ceil": return x.ceilDivided(by: y)
            case "min": return .min(x, y)
            default: return .max(x, y)
            }
        }
    }

    /// nil where there is no value.
    func value(_ symbols: [Symbol: Int]) -> Int? {
        switch self {
        case .constant(let value): return value
        case .symbol(let symbol): return symbols[symbol]
        case .binary(let name, let a, let b):
            guard let x = a.value(symbols), let y = b.value(symbols) else { return nil }
            guard x.magnitude < 1 << 30, y.magnitude < 1 << 30 else { return nil }
            switch name {
            case "+": return x + y
            case "-": return x - y
            case "*": return x * y
            case "//": return y == 0 ? nil : Self.floor(x, y)
            case "%": return y == 0 ? nil : x - y * Self.floor(x, y)
            case "ceil": return y == 0 ? nil : -Self.floor(-x, y)
            case "min": return Swift.min(x, y)
            default: return Swift.max(x, y)
            }
        }
    }

    private static func floor(_ x: Int, _ y: Int) -> Int {
        let quotient = x / y
        return quotient * y != x && (x < 0) != (y < 0) ? quotient - 1 : quotient
    }

    var description: String {
        switch self {
        case .constant(let value): return String(value)
        case .symbol(let symbol): return symbol.description
        case .binary(let name, let a, let b): return "(\(a) \(name) \(b))"
        }
    }
}

/// Ranges with constant and symbolic ends, and points within.
struct ExprSetting {
    let symbols: [Symbol]
    var ranges = SymbolRanges()

    init(_ random: inout SplitMix64) {
        let (n, m, k) = (Symbol.size(0), Symbol.size(1), Symbol.size(2))
        let axes = (0..<3).map { Symbol.axis($0) }
        symbols = [n, m, k] + axes
        ranges[m] = Bounds(lower: Int.random(in: 1...3, using: &random))
        let low = Int.random(in: -6...3, using: &random)
        ranges[k] = Bounds(low...(low + Int.random(in: 0...9, using: &random)))
        ranges.setExtent(axes[0], IntExpr(n))
        ranges.setExtent(axes[1], IntExpr(Int.random(in: 1...9, using: &random)))
        let extents = [IntExpr(m), IntExpr(m) + 1, IntExpr(n) * IntExpr(m), IntExpr(n).ceilDivided(by: 2)]
        ranges.setExtent(axes[2], extents[Int.random(in: 0..<4, using: &random)])
    }

    /// Values of all symbols within the ranges; nil where an axis happens to be empty.
    func point(_ random: inout SplitMix64) throws -> [Symbol: Int]? {
        var values: [Symbol: Int] = [:]
        for symbol in symbols {
            let bounds = ranges[symbol]
            let lower = bounds.lower ?? -20
            var upper = bounds.upper ?? lower + (Bool.random(using: &random) ? 3 : 20)
            if let limit = ranges.symbolicUpper(symbol) {
                upper = min(upper + 20, try limit.evaluate { values[$0] ?? 0 } - 1)
            }
            if upper < lower { return nil }
            values[symbol] = Int.random(in: lower...upper, using: &random)
        }
        return values
    }

    func points(_ count: Int, _ random: inout SplitMix64) throws -> [[Symbol: Int]] {
        try (0..<count).compactMap { _ in try point(&random) }
    }
}

@Suite struct IntExprFuzzTests {
    static let rounds = 1000

    /// Runs a body with random trees; the seed identifies the round in messages.
    func forEachTree(_ seed: UInt64, _ body: (ExprTree, ExprSetting, inout SplitMix64) throws -> Void) rethrows {
        for round in 0..<Self.rounds {
            var random = SplitMix64(seed: seed << 32 | UInt64(round))
            let setting = ExprSetting(&random)
            let depth = Int.random(in: 1...5, using: &random)
            try body(.random(depth: depth, setting.symbols, &random), setting, &random)
        }
    }

    func value(_ expression: IntExpr, _ point: [Symbol: Int]) throws -> Int {
        try expression.evaluate { point[$0] ?? 0 }
    }

    @Test func constructionKeepsValues() throws {
        try forEachTree(1) { tree, setting, random in
            let expression = tree.expression
            for point in try setting.points(12, &random) {
                guard let expected = tree.value(point) else { continue }
                let found = try value(expression, point)
                #expect(found == expected, "\(tree) became \(expression) at \(point)")
            }
        }
    }

    @Test func simplifiedKeepsValuesAndIsIdempotent() throws {
        try forEachTree(2) { tree, setting, random in
            let simple = tree.expression.simplified(setting.ranges)
            let again = simple.simplified(setting.ranges)
            #expect(again == simple, "\(tree)")
            for point in try setting.points(12, &random) {
                guard let expected = tree.value(point) else { continue }
                let found = try value(simple, point)
                #expect(found == expected, "\(tree) became \(simple) at \(point)")
            }
        }
    }

    @Test func boundsAreSound() throws {
        try forEachTree(3) { tree, setting, random in
            let bounds = tree.expression.bounds(setting.ranges)
            for point in try setting.points(12, &random) {
                guard let found = tree.value(point) else { continue }
                #expect(bounds.contains(found), "\(tree) is \(found) at \(point), not in \(bounds)")
            }
        }
    }

    @Test func answersAreSound() throws {
        var decided = 0
        try forEachTree(4) { tree, setting, random in
            let other = ExprTree.random(depth: 2, setting.symbols, &random)
            let (a, b) = (tree.expression, other.expression)
            let atLeast = a.isAtLeast(b, setting.ranges)
            let less = a.isLess(than: b, setting.ranges)
            let equal = a.isEqual(to: b, setting.ranges)
            if atLeast != .unknown { decided += 1 }
            for point in try setting.points(12, &random) {
                guard let x = tree.value(point), let y = other.value(point) else { continue }
                let comment: Comment = "\(tree) and \(other) at \(point)"
                #expect(atLeast != (x >= y ? .no : .yes), comment)
                #expect(less != (x < y ? .no : .yes), comment)
                #expect(equal != (x == y ? .no : .yes), comment)
                for k in [2, 3, 4, 6, 8] where a.isDivisible(by: k) { #expect(x % k == 0, comment) }
            }
        }
        #expect(decided > Self.rounds / 10)
    }

    @Test func textIsReadBack() throws {
        try forEachTree(5) { tree, _, _ in
            let expression = tree.expression
            let read = try IntExpr.parse(expression.description)
            #expect(read == expression, "\(expression) was read as \(read)")
        }
    }

    @Test func substitutionAndCoefficients() throws {
        try forEachTree(6) { tree, setting, random in
            let expression = tree.expression
            let symbol = setting.symbols[Int.random(in: 0..<6, using: &random)]
            let replacement = ExprTree.random(depth: 2, setting.symbols, &random)
            let substituted = expression.substituting { $0 == symbol ? replacement.expression : nil }
            let parts = expression.coefficients(of: symbol)
            if let parts {
                #expect(parts.linear * IntExpr(symbol) + parts.rest == expression)
                #expect(!parts.linear.contains(symbol) && !parts.rest.contains(symbol))
            }
            #expect(expression.contains(symbol) == expression.symbols.contains(symbol))
            for point in try setting.points(6, &random) {
                guard let inner = replacement.value(point) else { continue }
                var moved = point
                moved[symbol] = inner
                guard let expected = tree.value(moved) else { continue }
                let found = try value(substituted, point)
                #expect(found == expected, "\(tree) with \(replacement) for \(symbol)")
            }
        }
    }

    @Test func programsGiveTheSameValues() throws {
        try forEachTree(7) { tree, setting, random in
            var program = ExprProgram()
            let trees = [tree, ExprTree.random(depth: 3, setting.symbols, &random)]
            let entries = trees.map { program.append($0.expression) }
            #expect(program.append(tree.expression) == entries[0])
            let stored = try ExprProgram(
                operations: program.operations, left: program.left, right: program.right,
                constants: program.constants)
            #expect(stored.symbols == program.symbols)
            for point in try setting.points(4, &random) {
                let expected = trees.map { $0.value(point) }
                if expected.contains(nil) { continue }
                var values: [Int] = []
                try stored.evaluate(into: &values) { point[$0] ?? 0 }
                #expect(entries.map { values[Int($0)] } == expected, "\(trees) at \(point)")
                var table: [Int] = []
                try program.evaluate(into: &table, symbolValues: program.symbols.map { point[$0] ?? 0 })
                #expect(table == values)
            }
        }
    }

    @Test func equalityHashAndOrderAgree() throws {
        var random = SplitMix64(seed: 8)
        let symbols = [Symbol.size(0), Symbol.axis(0)]
        let all = (0..<400).map { _ in ExprTree.random(depth: 2, symbols, &random).expression }
        for a in all {
            for b in all {
                let order = IntExpr.order(a, b)
                #expect((order == 0) == (a == b))
                #expect(order.signum() == -IntExpr.order(b, a).signum())
                if a == b { #expect(a.hashValue == b.hashValue) }
            }
        }
        let sorted = all.sorted { IntExpr.order($0, $1) < 0 }
        let pairs = zip(sorted, sorted.dropFirst())
        #expect(pairs.allSatisfy { IntExpr.order($0, $1) <= 0 })
    }
}
