/// What a monomial is a product of: a symbol, or an operation that is not polynomial.
enum Atom: Hashable, Sendable {
    case symbol(Symbol)
    case compound(Compound)

    static func == (a: Atom, b: Atom) -> Bool {
        switch (a, b) {
        case (.symbol(let x), .symbol(let y)): x == y
        case (.compound(let x), .compound(let y)): x === y || (x.hash == y.hash && Compound.order(x, y) == 0)
        default: false
        }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }

    var fingerprint: UInt {
        switch self {
        case .symbol(let symbol): mixed(0x51, UInt(symbol.id))
        case .compound(let compound): compound.hash
        }
    }

    /// A filter of the symbols inside: each sets one of 64 bits.
    var mask: UInt64 {
        switch self {
        case .symbol(let symbol): symbol.maskBit
        case .compound(let compound): compound.mask
        }
    }

    var weight: Int {
        if case .compound(let compound) = self { return compound.weight }
        return 1
    }

    var depth: Int {
        if case .compound(let compound) = self { return compound.depth }
        return 0
    }

    /// Total order, negative, 0 or positive: symbols by id, then compounds by kind and operands.
    static func order(_ a: Atom, _ b: Atom) -> Int {
        switch (a, b) {
        case (.symbol(let x), .symbol(let y)): x == y ? 0 : (x < y ? -1 : 1)
        case (.symbol, .compound): -1
        case (.compound, .symbol): 1
        case (.compound(let x), .compound(let y)): Compound.order(x, y)
        }
    }

    func contains(_ symbol: Symbol) -> Bool {
        switch self {
        case .symbol(let own): own == symbol
        case .compound(let compound):
            compound.mask & symbol.maskBit != 0 && compound.operands.contains { $0.contains(symbol) }
        }
    }
}

extension Symbol {
    var maskBit: UInt64 { 1 << UInt64((id ^ (id >> 26)) & 63) }
}

/// An operation that is not polynomial, with operands in canonical form.
final class Compound: Sendable {
    enum Kind: UInt8, Sendable {
        case floorDivide, modulo, minimum, maximum
    }

    let kind: Kind
    let operands: [IntExpr]
    let hash: UInt
    let mask: UInt64
    /// Number of parts when shared parts count as often as they occur.
    let weight: Int
    /// Number of compounds that enclose each other, this one included.
    let depth: Int

    init(_ kind: Kind, _ operands: [IntExpr]) {
        var hash = mixed(0xC0, UInt(kind.rawValue))
        var mask: UInt64 = 0
        var weight = 1
        var depth = 0
        for operand in operands {
            hash = mixed(hash, operand.fingerprint)
            mask |= operand.node?.mask ?? 0
            weight += 1 + (operand.node?.weight ?? 0)
            depth = Swift.max(depth, operand.node?.depth ?? 0)
        }
        self.kind = kind
        self.operands = operands
        self.hash = hash
        self.mask = mask
        self.weight = weight
        self.depth = depth + 1
    }

    /// Total order by kind, number of operands, operands.
    static func order(_ a: Compound, _ b: Compound) -> Int {
        if a === b { return 0 }
        if a.kind != b.kind { return a.kind.rawValue < b.kind.rawValue ? -1 : 1 }
        if a.operands.count != b.operands.count { return a.operands.count < b.operands.count ? -1 : 1 }
        for index in a.operands.indices {
            let order = IntExpr.order(a.operands[index], b.operands[index])
            if order != 0 { return order }
        }
        return 0
    }

    /// The same operation on other operands, in canonical form.
    func rebuilt(with operands: [IntExpr]) -> IntExpr {
        switch kind {
        case .floorDivide: operands[0].floorDivided(by: operands[1])
        case .modulo: operands[0].modulo(operands[1])
        case .minimum, .maximum: IntExpr.extremum(kind, operands)
        }
    }
}

/// One step of a plain multiplicative hash: equal in every run, used for equality only, never for order.
@inline(__always)
func mixed(_ hash: UInt, _ value: UInt) -> UInt {
    let product = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
    return product ^ (product >> 29)
}
