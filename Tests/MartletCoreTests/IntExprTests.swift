import Testing

@testable import MartletCore

@Suite struct IntExprTests {
    let n = IntExpr(Symbol.size(0))
    let m = IntExpr(Symbol.size(1))
    let i = IntExpr(Symbol.axis(0))
    let j = IntExpr(Symbol.axis(1))
    let l = IntExpr(Symbol.axis(2))

    func axes(_ extents: IntExpr...) -> SymbolRanges {
        SymbolRanges(axes: extents.enumerated().map { (Symbol.axis($0), extent: $1) })
    }

    func parse(_ text: String) throws -> IntExpr { try IntExpr.parse(text) }

    @Test func polynomialsOfOneMeaningAreEqual() {
        #expect((n + 1) * m == n * m + m)
        #expect((n + m) * (n - m) == n * n - m * m)
        #expect(n - n == 0)
        #expect((n + 2 * 1 - 3).floorDivided(by: 1) + 1 == n)
        #expect((n + 1).hashValue == (1 + n).hashValue)
    }

    @Test func sizesOfConvolutions() {
        #expect((n + 2 * 3 - 7).floorDivided(by: 2) + 1 == (n + 1).floorDivided(by: 2))
        #expect(n.ceilDivided(by: 2) == (n + 1).floorDivided(by: 2))
        #expect(n.ceilDivided(by: 2).ceilDivided(by: 2) == n.ceilDivided(by: 4))
        #expect((n * 8).ceilDivided(by: 8) == n)
        #expect((n * 6).ceilDivided(by: 4) == (n * 3).ceilDivided(by: 2))
        #expect(IntExpr(7).ceilDivided(by: 2) == 4)
        #expect(IntExpr(-7).ceilDivided(by: 2) == -3)
    }

    @Test func multiplesOfDivisorsAreTakenOut() throws {
        #expect((n * 4 + 6).floorDivided(by: 4) == n + 1)
        #expect((n * 4 + 6).modulo(4) == 2)
        #expect((n * m).floorDivided(by: m) == n)
        #expect((n * m).modulo(m) == 0)
        #expect((i * n + j).floorDivided(by: n) == i + j.floorDivided(by: n))
        #expect((n * (m + 1)).floorDivided(by: m + 1) == n)
        #expect((n * i).floorDivided(by: n * m) == i.floorDivided(by: m))
        #expect((n * i).modulo(n * 4) == n * i.modulo(4))
        #expect((4 * i + 2).floorDivided(by: 8) == i.floorDivided(by: 2))
        #expect((4 * i + 2).modulo(8) == 4 * i.modulo(2) + 2)
        #expect(n.modulo(12).modulo(4) == n.modulo(4))
        #expect(n.floorDivided(by: -2) == (-n).floorDivided(by: 2))
        #expect(n.floorDivided(by: 0).description == "s0 // 0")
        #expect(IntExpr(5).modulo(0).constant == nil)
    }

    @Test func minimaAndMaxima() {
        #expect(IntExpr.min(n, .min(m, n)) == IntExpr.min(m, n))
        #expect(IntExpr.min(n + 1, n) == n)
        #expect(IntExpr.max(.max(n, 3), 5) == IntExpr.max(5, n))
        #expect(IntExpr.min(3, 5) == 3)
        #expect(IntExpr.max(0, n).simplified(SymbolRanges()) == n)
        let ranges = axes(n)
        #expect(IntExpr.min(i, n - 1).simplified(ranges) == i)
        #expect(IntExpr.min(.max(i, 0), n * 2).simplified(ranges) == i)
    }

    @Test func indexMapsOfReshapes() {
        let constant = axes(n, 384)
        #expect((i * 384 + j).floorDivided(by: 384).simplified(constant) == i)
        #expect((i * 384 + j).modulo(384).simplified(constant) == j)
        let symbolic = axes(5, n)
        #expect((i * n + j).floorDivided(by: n).simplified(symbolic) == i)
        #expect((i * n + j).modulo(n).simplified(symbolic) == j)
        let three = axes(7, n, m)
        let flat = (i * n + j) * m + l
        #expect(flat.floorDivided(by: n * m).simplified(three) == i)
        #expect(flat.modulo(n * m).simplified(three) == j * m + l)
        #expect(flat.floorDivided(by: m).simplified(three) == i * n + j)
        #expect(flat.floorDivided(by: m).modulo(n).simplified(three) == j)
        #expect(flat.modulo(m).simplified(three) == l)
        #expect((9 - i).modulo(10).simplified(axes(10)) == 9 - i)
    }

    @Test func partsOfDivisorsAreSplitOff() {
        let ranges = axes(100, 64)
        #expect((i * 64 + j).floorDivided(by: 128).simplified(ranges) == i.floorDivided(by: 2))
        #expect((i * 64 + j).modulo(128).simplified(ranges) == i.modulo(2) * 64 + j)
        #expect((i * 64 + j + 64).floorDivided(by: 128).simplified(ranges) == (i + 1).floorDivided(by: 2))
        let symbolic = axes(100, n)
        #expect((i * n + j).floorDivided(by: n * m).simplified(symbolic) == i.floorDivided(by: m))
    }

    @Test func quotientAndRemainderMakeUpTheDividend() {
        let ranges = SymbolRanges()
        #expect((n.floorDivided(by: 4) * 4 + n.modulo(4)).simplified(ranges) == n)
        #expect((n.floorDivided(by: m) * m * 3 + n.modulo(m) * 3 + 1).simplified(ranges) == n * 3 + 1)
        let bits = n.modulo(2) + n.floorDivided(by: 2).modulo(2) * 2 + n.floorDivided(by: 4) * 4
        #expect(bits.simplified(ranges) == n)
    }

    @Test func symbolsOfOneValueDisappear() {
        var ranges = axes(1, n)
        ranges[.size(0)] = Bounds(3...3)
        #expect((i * 7 + n * m).simplified(ranges) == 3 * m)
    }

    @Test func proofs() {
        let ranges = axes(n, m)
        #expect((i * m + j).isLess(than: n * m, ranges) == .yes)
        #expect((i * m + j).isAtLeast(0, ranges) == .yes)
        #expect((n * m).isAtLeast(1, ranges) == .unknown)
        #expect(n.isAtLeast(i + 1, ranges) == .yes)
        #expect(i.isEqual(to: n, ranges) == .no)
        #expect((n * m).isAtLeast(n, SymbolRanges()) == .unknown)
        var positive = SymbolRanges()
        positive[.size(1)] = Bounds(lower: 1)
        #expect((n * m).isAtLeast(n, positive) == .yes)
        #expect((n.ceilDivided(by: 2) * 2).isAtLeast(n) == .yes)
        #expect((n.floorDivided(by: 2) * 2).isAtLeast(n + 1) == .no)
        #expect(n.isAtLeast(n.modulo(7)) == .yes)
        #expect(IntExpr.min(n, 4).isAtLeast(5) == .no)
        #expect(IntExpr.max(n, m).isAtLeast(m) == .yes)
        #expect((n * 8 + m * 4).isDivisible(by: 4))
        #expect(!(n * 8 + m * 4).isDivisible(by: 8))
        #expect(((n * 4).modulo(12 * m) + IntExpr.min(n * 8, 20)).isDivisible(by: 4))
    }

    @Test func boundsOfExpressions() {
        let ranges = axes(8, n)
        #expect((i * 3 + 1).bounds(ranges) == Bounds(1...22))
        #expect(j.bounds(ranges) == Bounds(lower: 0))
        #expect((i - 4).floorDivided(by: 3).bounds(ranges) == Bounds(-2...1))
        #expect((i + n).modulo(5).bounds(ranges) == Bounds(0...4))
        #expect(((i - 3) * (i - 3)).bounds(ranges).lower != nil)
        var huge = SymbolRanges()
        huge[.size(0)] = Bounds(lower: .min, upper: .max)
        #expect((n * n * n + .init(.max)).bounds(huge) == Bounds())
    }

    @Test func coefficients() throws {
        let parts = try #require((i * n * 4 + j + i).coefficients(of: .axis(0)))
        #expect(parts.linear == n * 4 + 1 && parts.rest == j)
        #expect((i * i).coefficients(of: .axis(0)) == nil)
        #expect(i.modulo(4).coefficients(of: .axis(0)) == nil)
        #expect(n.coefficients(of: .axis(0))?.linear == 0)
    }

    @Test func text() throws {
        #expect((n * 4 + 2).description == "s0*4 + 2")
        #expect((n + 1).floorDivided(by: 2).description == "(s0 + 1) // 2")
        #expect(n.modulo(4).description == "s0 % 4")
        #expect((n.floorDivided(by: 4) * 2 - 3).description == "(s0 // 4)*2 - 3")
        #expect(IntExpr.min(i, n * m).description == "min(s0*s1, a0)")
        #expect((-n).description == "-s0")
        #expect(IntExpr(.min).description == "-9223372036854775808")
        for text in ["-s0*3 - 1", "s0*-9223372036854775808 - 9223372036854775807", "max(-1, s0 // -3 % 5)", "0"] {
            let expression = try parse(text)
            #expect(try parse(expression.description) == expression)
        }
        #expect(n.text { _ in "batch" } == "batch")
        #expect(try IntExpr.parse("seq.len + 1") { _ in Symbol.size(0) } == n + 1)
    }

    @Test func textsThatAreRefused() {
        let deep = String(repeating: "(", count: 100_000)
        let minus = String(repeating: "-", count: 100_000)
        let broken = ["", "s0 +", "s0 s1", "(s0", "min(s0", "min()", "4s0", "s0 / 2", "9223372036854775808", "x"]
        for text in broken + [deep, minus] {
            #expect(throws: Diagnostic.self) { try parse(text) }
        }
    }

    @Test func nothingTraps() throws {
        let extremes = [Int.min, .min + 1, -1, 0, 1, .max - 1, .max]
        let values = extremes.map { IntExpr($0) } + extremes.map { n + IntExpr($0) } + extremes.map { n * IntExpr($0) }
        var ranges = SymbolRanges()
        ranges[.size(0)] = Bounds(lower: .min, upper: .max)
        for a in values {
            for b in values {
                let results = [a + b, a - b, a * b, a.floorDivided(by: b), a.modulo(b), a.ceilDivided(by: b)]
                for result in results + [.min(a, b), .max(a, b)] {
                    for value in extremes { _ = try? result.evaluate { _ in value } }
                    _ = result.simplified(ranges)
                    _ = result.bounds(ranges)
                    _ = result.isAtLeast(b, ranges)
                    let text = result.description
                    let read = try parse(text).description
                    #expect(read == text, "\(text) was read as \(read)")
                }
            }
        }
    }

    @Test func evaluationThrows() {
        #expect(throws: Diagnostic.sizeOverflow) { try (n * n).evaluate { _ in 1 << 40 } }
        #expect(throws: Diagnostic.sizeDivisionByZero) { try n.modulo(m).evaluate { _ in 0 } }
        #expect(throws: Diagnostic.sizeOverflow) { try n.floorDivided(by: m).evaluate { $0.id == 0 ? .min : -1 } }
    }

    @Test func hugeExpressionsBecomeTooLarge() throws {
        var chain = n
        for step in 0..<100_000 { chain = (chain.floorDivided(by: 3) + chain.modulo(5) + IntExpr(step)) }
        #expect(chain.isTooLarge)
        var deep = n
        for _ in 0..<100_000 { deep = IntExpr.max(0, deep - m) }
        #expect(deep.isTooLarge)
        let sum = (0..<50).reduce(IntExpr(0)) { $0 + IntExpr(Symbol.size($1)) }
        #expect((sum * sum * sum * sum).isTooLarge)
        #expect((IntExpr.tooLarge * 0 - .tooLarge).isTooLarge)
        #expect(IntExpr.tooLarge.isEqual(to: .tooLarge) == .unknown)
        #expect(throws: Diagnostic.sizeTooLarge) { try deep.evaluate { _ in 1 } }
        #expect(try parse(deep.description).isTooLarge)
    }

    @Test func depthAtTheLimitIsHandled() {
        var deep = n
        while true {
            let next = IntExpr.max(0, (deep - m).modulo(deep.floorDivided(by: 7)))
            if next.isTooLarge { break }
            deep = next
        }
        _ = deep.simplified(SymbolRanges())
        _ = deep.isAtLeast(3)
        #expect((try? deep.evaluate { _ in 5 }) == nil)
    }

    @Test func symbolsPrintAndParse() {
        #expect(Symbol.axis(3).description == "a3" && Symbol("a3") == .axis(3) && Symbol.axis(3).isAxis)
        #expect(Symbol("s12") == .size(12) && Symbol.size(12).number == 12)
        #expect(Symbol("s") == nil && Symbol("s-1") == nil && Symbol("x1") == nil && Symbol("s4294967295") == nil)
        #expect(Symbol.size(9) < Symbol.axis(0))
        #expect((i * n + m.modulo(j)).symbols == [.size(0), .size(1), .axis(0), .axis(1)])
    }
}

@Suite struct ExprProgramTests {
    let n = IntExpr(Symbol.size(0))
    let m = IntExpr(Symbol.size(1))

    @Test func onlyChangedEntriesAreComputed() throws {
        var program = ExprProgram()
        let a = program.append(n * 4 + 1)
        let b = program.append(m.floorDivided(by: 2))
        let c = program.append(n * m)
        var values: [Int] = []
        try program.evaluate(into: &values) { $0 == .size(0) ? 3 : 10 }
        #expect([a, b, c].map { values[Int($0)] } == [13, 5, 30])
        let changed = program.dependencies(on: [.size(1)])
        values[Int(a)] = -1
        try program.evaluate(into: &values, changed: changed) { $0 == .size(0) ? 99 : 20 }
        #expect([a, b, c].map { values[Int($0)] } == [-1, 10, 60])
        #expect(program.dependencies(of: a).isDisjoint(with: changed))
        #expect(program.dependencies(of: c).isSuperset(of: changed))
    }

    @Test func manySymbolsShareTheLastBit() throws {
        var program = ExprProgram()
        let entries = (0..<100).map { program.append(IntExpr(Symbol.size($0)) * 2) }
        let changed = program.dependencies(on: [.size(99)])
        #expect(!program.dependencies(of: entries[99]).isDisjoint(with: changed))
        #expect(program.dependencies(of: entries[5]).isDisjoint(with: changed))
        var values: [Int] = []
        try program.evaluate(into: &values) { $0.number }
        #expect(entries.map { values[Int($0)] } == (0..<100).map { $0 * 2 })
    }

    @Test func damagedArraysAreRefused() {
        #expect(throws: Diagnostic.self) {
            try ExprProgram(operations: [0, 2], left: [0, 1], right: [0, 0], constants: [1, 0])
        }
        #expect(throws: Diagnostic.self) {
            try ExprProgram(operations: [0, 2], left: [0, 0], right: [0, -1], constants: [1, 0])
        }
        #expect(throws: Diagnostic.self) { try ExprProgram(operations: [8], left: [0], right: [0], constants: [1]) }
        #expect(throws: Diagnostic.self) { try ExprProgram(operations: [0], left: [], right: [0], constants: [1]) }
    }

    @Test func failuresAreThrown() {
        var program = ExprProgram()
        _ = program.append(n.floorDivided(by: m))
        _ = program.append(.tooLarge)
        var values: [Int] = []
        #expect(throws: Diagnostic.sizeDivisionByZero) { try program.evaluate(into: &values) { _ in 0 } }
        #expect(throws: Diagnostic.self) { try program.evaluate(into: &values, symbolValues: [1]) }
    }
}
