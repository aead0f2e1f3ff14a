/// An integer expression over symbols: sizes of tensors and index maps of kernels. An immutable value.
///
/// The canonical form is a polynomial with integer coefficients over atoms: symbols, floor division, floor
/// remainder, minimum and maximum. Polynomials of one meaning are equal values; equal values mean the same;
/// whether two values mean the same in general is a question for `isEqual(to:_:)`.
///
/// An expression has no value where a divisor is 0 or where a result does not fit `Int`: `evaluate` throws there.
/// Rewriting keeps the value wherever there is one, and may give a value where there was none (`n * m // m` is `n`).
///
/// Nothing traps. Constants and coefficients that leave the range of `Int` while an expression is built stick to
/// the nearer end of it. An expression with more than about 20,000 parts, or more than 128 operations inside each
/// other, becomes `IntExpr.tooLarge`.
public struct IntExpr: Hashable, Sendable, ExpressibleByIntegerLiteral {
    /// The constant term. Kept outside the polynomial, so that constants and `x + 1` need no storage of their own.
    let offset: Int
    /// The other terms; nil if the expression is constant.
    let node: Polynomial?

    init(offset: Int, node: Polynomial?) {
        self.offset = offset
        self.node = node
    }

    /// A constant.
    public init(_ constant: Int) {
        self.init(offset: constant, node: nil)
    }

    /// A constant.
    public init(integerLiteral constant: Int) {
        self.init(offset: constant, node: nil)
    }

    /// The value of a symbol.
    public init(_ symbol: Symbol) {
        self.init(.symbol(symbol))
    }

    init(_ atom: Atom) {
        self.init(Term(coefficient: 1, monomial: Monomial(atom)))
    }

    init(_ term: Term) {
        self.init(offset: 0, node: Polynomial.make([term]))
    }

    /// coefficient · product of atoms that are in order.
    init(_ coefficient: Int, times sorted: [Atom]) {
        guard let monomial = Monomial(sorted: sorted), coefficient != 0 else {
            self.init(coefficient)
            return
        }
        self.init(Term(coefficient: coefficient, monomial: monomial))
    }

    /// Stands for every expression beyond the limits of size. It has no value: `evaluate` throws, proofs answer
    /// unknown, and arithmetic with it gives `tooLarge` again.
    public static let tooLarge = IntExpr(offset: 0, node: Polynomial.tooLarge)

    /// Whether the expression went beyond the limits of size.
    public var isTooLarge: Bool { node?.isTooLarge ?? false }

    /// The value, if it depends on no symbol.
    public var constant: Int? { node == nil ? offset : nil }

    /// The symbols that occur, ascending and distinct.
    public var symbols: [Symbol] {
        var found: Set<Symbol> = []
        collectSymbols(&found)
        return found.sorted()
    }

    private func collectSymbols(_ found: inout Set<Symbol>) {
        forEachAtom { atom in
            switch atom {
            case .symbol(let symbol): found.insert(symbol)
            case .compound(let compound): for operand in compound.operands { operand.collectSymbols(&found) }
            }
        }
    }

    func forEachAtom(_ body: (Atom) -> Void) {
        for term in terms {
            for index in 0..<term.monomial.degree { body(term.monomial[index]) }
        }
    }

    var terms: [Term] { node?.terms ?? [] }

    /// Number of terms, the constant one included.
    var termCount: Int { terms.count + (offset == 0 ? 0 : 1) }

    /// Whether the symbol occurs; true for `tooLarge`.
    public func contains(_ symbol: Symbol) -> Bool {
        guard let node, node.mask & symbol.maskBit != 0 else { return false }
        if node.isTooLarge { return true }
        return node.terms.contains { term in
            term.monomial.first.contains(symbol) || term.monomial.rest.contains { $0.contains(symbol) }
        }
    }

    /// Equality of canonical forms.
    public static func == (a: IntExpr, b: IntExpr) -> Bool {
        a.offset == b.offset && Polynomial.equal(a.node, b.node)
    }

    /// Hashes the canonical form.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(offset)
        hasher.combine(node?.hash ?? 0)
    }

    var fingerprint: UInt { mixed(node?.hash ?? 0, UInt(bitPattern: offset)) }

    /// Total order of canonical forms, equal in every run: constants first.
    static func order(_ a: IntExpr, _ b: IntExpr) -> Int {
        if let x = a.node, let y = b.node {
            let order = Polynomial.order(x, y)
            if order != 0 { return order }
        } else if a.node != nil || b.node != nil {
            return a.node == nil ? -1 : 1
        }
        return a.offset == b.offset ? 0 : (a.offset < b.offset ? -1 : 1)
    }
}
