/// A product of atoms in ascending order, powers by repetition; never empty.
struct Monomial: Sendable {
    let first: Atom
    /// The other factors. Most monomials are one atom and need no storage here.
    let rest: [Atom]

    var degree: Int { 1 + rest.count }

    subscript(index: Int) -> Atom { index == 0 ? first : rest[index - 1] }

    init(_ atom: Atom) {
        first = atom
        rest = []
    }

    /// The product of atoms that are in order; nil if there are none.
    init?(sorted atoms: [Atom]) {
        guard let first = atoms.first else { return nil }
        self.first = first
        rest = atoms.count == 1 ? [] : Array(atoms[1...])
    }

    /// Graded order: higher degrees first, then lexicographic. Multiplication keeps it.
    static func order(_ a: Monomial, _ b: Monomial) -> Int {
        if a.rest.count != b.rest.count { return a.rest.count > b.rest.count ? -1 : 1 }
        let order = Atom.order(a.first, b.first)
        if order != 0 || a.rest.isEmpty { return order }
        for index in a.rest.indices {
            let order = Atom.order(a.rest[index], b.rest[index])
            if order != 0 { return order }
        }
        return 0
    }

    static func == (a: Monomial, b: Monomial) -> Bool {
        a.first == b.first && a.rest == b.rest
    }

    static func * (a: Monomial, b: Monomial) -> Monomial {
        var atoms: [Atom] = []
        atoms.reserveCapacity(a.degree + b.degree)
        var (i, j) = (0, 0)
        while i < a.degree || j < b.degree {
            if j == b.degree || (i < a.degree && Atom.order(a[i], b[j]) <= 0) {
                atoms.append(a[i])
                i += 1
            } else {
                atoms.append(b[j])
                j += 1
            }
        }
        return Monomial(sorted: atoms) ?? a
    }

    /// The atoms left when those of `divisor` are taken away; nil if one is missing.
    func removing(_ divisor: Monomial) -> [Atom]? {
        guard divisor.degree <= degree else { return nil }
        var left: [Atom] = []
        var j = 0
        for i in 0..<degree {
            if j < divisor.degree && self[i] == divisor[j] { j += 1 } else { left.append(self[i]) }
        }
        return j == divisor.degree ? left : nil
    }

    /// How often the atom occurs as a factor.
    func count(of atom: Atom) -> Int {
        var count = first == atom ? 1 : 0
        for other in rest where other == atom { count += 1 }
        return count
    }
}

/// A monomial with its coefficient, which is not 0.
struct Term: Sendable {
    let coefficient: Int
    let monomial: Monomial
}

/// A sum of terms in the order of their monomials, without constant term; never empty. Immutable.
final class Polynomial: Sendable {
    let terms: [Term]
    let hash: UInt
    let mask: UInt64
    let weight: Int
    let depth: Int

    /// An expression may be this heavy and this deep; beyond, it becomes `tooLarge`. This bounds time and
    /// stack of every function here, whatever a file contains.
    static let weightLimit = 20_000
    static let depthLimit = 128

    private init(_ terms: [Term], hash: UInt, mask: UInt64, weight: Int, depth: Int) {
        self.terms = terms
        self.hash = hash
        self.mask = mask
        self.weight = weight
        self.depth = depth
    }

    /// Stands for every expression beyond the limits; has no value.
    static let tooLarge = Polynomial([], hash: 0xBAD, mask: .max, weight: 0, depth: 0)

    var isTooLarge: Bool { terms.isEmpty }

    /// The sum of terms that are in order; nil if there are none.
    static func make(_ terms: [Term]) -> Polynomial? {
        if terms.isEmpty { return nil }
        var hash: UInt = 0xA0
        var mask: UInt64 = 0
        var weight = 0
        var depth = 0
        for term in terms {
            hash = mixed(hash, UInt(bitPattern: term.coefficient))
            weight += 1
            for index in 0..<term.monomial.degree {
                let atom = term.monomial[index]
                hash = mixed(hash, atom.fingerprint)
                mask |= atom.mask
                weight += atom.weight
                depth = max(depth, atom.depth)
            }
        }
        if weight > weightLimit || depth > depthLimit { return tooLarge }
        return Polynomial(terms, hash: hash, mask: mask, weight: weight, depth: depth)
    }

    static func equal(_ a: Polynomial?, _ b: Polynomial?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        if a === b { return true }
        guard a.hash == b.hash, a.terms.count == b.terms.count else { return false }
        for index in a.terms.indices {
            let (x, y) = (a.terms[index], b.terms[index])
            guard x.coefficient == y.coefficient && x.monomial == y.monomial else { return false }
        }
        return true
    }

    /// Total order: terms one by one, then their number.
    static func order(_ a: Polynomial, _ b: Polynomial) -> Int {
        if a === b { return 0 }
        for index in 0..<Swift.min(a.terms.count, b.terms.count) {
            let (x, y) = (a.terms[index], b.terms[index])
            let order = Monomial.order(x.monomial, y.monomial)
            if order != 0 { return order }
            if x.coefficient != y.coefficient { return x.coefficient < y.coefficient ? -1 : 1 }
        }
        return a.terms.count - b.terms.count
    }

    /// a + scale·b, by merging.
    static func sum(_ a: Polynomial, _ b: Polynomial, scale: Int) -> Polynomial? {
        if a.isTooLarge || b.isTooLarge { return tooLarge }
        var terms: [Term] = []
        terms.reserveCapacity(a.terms.count + b.terms.count)
        var (i, j) = (0, 0)
        while i < a.terms.count && j < b.terms.count {
            let (x, y) = (a.terms[i], b.terms[j])
            let order = Monomial.order(x.monomial, y.monomial)
            if order <= 0 { i += 1 }
            if order >= 0 { j += 1 }
            let left = order <= 0 ? x.coefficient : 0
            let right = order >= 0 ? y.coefficient.multipliedSaturated(scale) : 0
            let coefficient = left.addingSaturated(right)
            if coefficient != 0 {
                terms.append(Term(coefficient: coefficient, monomial: order <= 0 ? x.monomial : y.monomial))
            }
        }
        terms.append(contentsOf: a.terms[i...])
        for term in b.terms[j...] { terms.append(term.scaled(by: scale)) }
        return make(terms)
    }

    /// Brings terms in order and adds up those of one monomial.
    static func collecting(_ terms: [Term]) -> Polynomial? {
        var sorted: [Term] = []
        sorted.reserveCapacity(terms.count)
        for term in terms.sorted(by: { Monomial.order($0.monomial, $1.monomial) < 0 }) {
            guard let last = sorted.last, last.monomial == term.monomial else {
                sorted.append(term)
                continue
            }
            let sum = last.coefficient.addingSaturated(term.coefficient)
            sorted[sorted.count - 1] = Term(coefficient: sum, monomial: term.monomial)
        }
        return make(sorted.filter { $0.coefficient != 0 })
    }
}

extension Term {
    /// `factor` must not be 0.
    func scaled(by factor: Int) -> Term {
        if factor == 1 { return self }
        return Term(coefficient: coefficient.multipliedSaturated(factor), monomial: monomial)
    }

    static func * (a: Term, b: Term) -> Term {
        Term(coefficient: a.coefficient.multipliedSaturated(b.coefficient), monomial: a.monomial * b.monomial)
    }
}
