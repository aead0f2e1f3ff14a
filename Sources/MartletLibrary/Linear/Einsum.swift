import MartletCore
public import MartletIR

/// A sum of products in Einstein's notation: letters name axes, those that the result lacks are summed over.
public struct EinsumEquation: Sendable {
    /// An axis of a term: a letter, or a place in what `...` stands for, counted from its end.
    enum Label: Hashable, Sendable {
        case letter(Character)
        case batch(Int)
    }

    private let terms: [[Character]]
    private let output: [Character]?

    /// What `...` is in the lists of letters.
    private static let ellipsis: Character = "."

    /// Reads an equation such as `bij,bjk->bik`, also with `...`, and without a right side.
    ///
    /// - Throws: `type.einsum` if it is not well formed.
    public init(_ text: String) throws {
        let dense = text.filter { $0 != " " }
        var sides: [String] = []
        if let arrow = dense.firstRange(of: "->") {
            sides = [String(dense[..<arrow.lowerBound]), String(dense[arrow.upperBound...])]
        } else {
            sides = [dense]
        }
        terms = try sides[0].split(separator: ",", omittingEmptySubsequences: false).map { try Self.letters($0, text) }
        output = try sides.count > 1 ? Self.letters(sides[1][...], text) : nil
    }

    private static func letters(_ term: Substring, _ text: String) throws -> [Character] {
        var result: [Character] = []
        var rest = term
        while let letter = rest.first {
            if rest.hasPrefix("..."), !result.contains(ellipsis) {
                result.append(ellipsis)
                rest = rest.dropFirst(3)
            } else {
                guard letter.isASCII, letter.isLetter else {
                    throw Diagnostic("type.einsum", "'\(text)' is no equation")
                }
                result.append(letter)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    /// The labels of the operands' axes, by their ranks.
    func labels(ranks: [Int]) throws -> [[Label]] {
        guard ranks.count == terms.count else {
            throw Diagnostic("type.einsum", "\(ranks.count) operands for an equation of \(terms.count) terms")
        }
        return try zip(terms, ranks).map { term, rank in
            let open = rank - term.count + (term.contains(Self.ellipsis) ? 1 : 0)
            guard term.contains(Self.ellipsis) ? open >= 0 : open == 0 else {
                throw Diagnostic("type.einsum", "an operand of rank \(rank) does not fit '\(String(term))'")
            }
            return Self.expand(term, open)
        }
    }

    /// The labels of the result's axes, by those of the operands.
    func resultLabels(_ operands: [[Label]]) throws -> [Label] {
        let batch = operands.joined().reduce(0) { most, label in
            if case .batch(let place) = label { return max(most, place + 1) }
            return most
        }
        if let output {
            let labels = Self.expand(output, batch)
            let known = Set(operands.joined()).union((0..<batch).map { .batch($0) })
            guard Set(labels).count == labels.count, Set(labels).isSubset(of: known) else {
                throw Diagnostic("type.einsum", "the right side names an axis twice, or one that no operand has")
            }
            return labels
        }
        var counts: [Character: Int] = [:]
        for letter in terms.joined() where letter != Self.ellipsis { counts[letter, default: 0] += 1 }
        let once = counts.filter { $0.value == 1 }.keys.sorted()
        return Self.expand([Self.ellipsis], batch) + once.map { .letter($0) }
    }

    private static func expand(_ term: [Character], _ open: Int) -> [Label] {
        term.flatMap { letter in
            letter == ellipsis ? (0..<open).reversed().map { Label.batch($0) } : [.letter(letter)]
        }
    }
}

extension Tensor {
    /// The sum of products that an equation describes; products are formed from left to right. Axes of extent 1 repeat.
    public static func einsum(_ equation: EinsumEquation, _ operands: [Tensor]) throws -> Tensor {
        let labels = try equation.labels(ranks: operands.map { try $0.rank })
        let result = try equation.resultLabels(labels)
        var factors = try zip(operands, labels).map { try EinsumFactor($0, labels: $1).withoutRepeats() }
        let extents = try EinsumFactor.extents(of: factors)
        factors = try factors.map { try $0.withoutOnes(extents) }
        guard var product = factors.first else { throw Diagnostic("type.einsum", "there is no operand") }
        for (number, factor) in factors.enumerated().dropFirst() {
            let needed = Set(result).union(factors[(number + 1)...].flatMap(\.labels))
            product = try product.multiplied(by: factor, keeping: needed)
        }
        product = try product.summed(keeping: Set(result))
        return try product.arranged(as: result, extents)
    }
}

/// A tensor whose axes have labels.
private struct EinsumFactor {
    typealias Label = EinsumEquation.Label
    let tensor: Tensor
    let labels: [Label]

    init(_ tensor: Tensor, labels: [Label]) { (self.tensor, self.labels) = (tensor, labels) }

    /// Extents by label: of several the one that is not 1.
    static func extents(of factors: [EinsumFactor]) throws -> [Label: IntExpr] {
        var result: [Label: IntExpr] = [:]
        for factor in factors {
            for (label, extent) in zip(factor.labels, try factor.tensor.shape) {
                result[label] = result[label].map { Sizes.broadcast($0, extent) } ?? Sizes.simplified(extent)
            }
        }
        return result
    }

    /// Takes the diagonal of axes with the same label.
    func withoutRepeats() throws -> EinsumFactor {
        var result = self
        while let label = result.labels.first(where: { label in result.labels.count { $0 == label } > 1 }) {
            let axes = result.labels.indices.filter { result.labels[$0] == label }
            let extents = try result.tensor.shape
            let place = try Tensor.iota(shape: [extents[axes[0]]], axis: 0)
            for axis in axes.dropFirst() {
                try Recorder.current?.require(extents[axis], equals: extents[axes[0]], "axes of one letter")
            }
            let diagonal = try result.tensor.gathered(axes.map { _ in place }, axes: axes, mode: .check)
            result = EinsumFactor(diagonal, labels: [label] + result.labels.filter { $0 != label })
        }
        return result
    }

    /// Drops axes of extent 1 that are longer in the whole.
    func withoutOnes(_ extents: [Label: IntExpr]) throws -> EinsumFactor {
        let own = try tensor.shape
        let dropped = labels.indices.filter { Sizes.simplified(own[$0]) == 1 && extents[labels[$0]] != 1 }
        if dropped.isEmpty { return self }
        let kept = labels.indices.filter { !dropped.contains($0) }.map { labels[$0] }
        return EinsumFactor(try tensor.squeezed(axes: dropped), labels: kept)
    }

    /// Sums over all other axes.
    func summed(keeping kept: Set<Label>) throws -> EinsumFactor {
        let axes = labels.indices.filter { !kept.contains(labels[$0]) }
        if axes.isEmpty { return self }
        return EinsumFactor(try tensor.reduced(.sum, axes: axes), labels: labels.filter(kept.contains))
    }

    /// The product, summed over the axes of both that are not kept.
    func multiplied(by other: EinsumFactor, keeping kept: Set<Label>) throws -> EinsumFactor {
        let a = try summed(keeping: kept.union(other.labels))
        let b = try other.summed(keeping: kept.union(labels))
        let common = a.labels.filter(b.labels.contains)
        func pairs(_ wanted: [Label]) -> [(Int, Int)] {
            wanted.compactMap { label in
                guard let left = a.labels.firstIndex(of: label), let right = b.labels.firstIndex(of: label) else {
                    return nil
                }
                return (left, right)
            }
        }
        let batch = common.filter(kept.contains)
        let product = try a.tensor.contracted(
            with: b.tensor, batch: pairs(batch), contracted: pairs(common.filter { !kept.contains($0) }))
        let free = (a.labels + b.labels).filter { !common.contains($0) }
        return EinsumFactor(product, labels: batch + free)
    }

    /// The tensor with its axes in that order; those that it lacks have extent 1 and are repeated.
    func arranged(as wanted: [Label], _ extents: [Label: IntExpr]) throws -> Tensor {
        let present = wanted.filter(labels.contains)
        let ordered = try tensor.transposed(present.compactMap { labels.firstIndex(of: $0) })
        if present == wanted { return ordered }
        let axes = wanted.indices.filter { labels.contains(wanted[$0]) }
        return try ordered.broadcast(to: wanted.map { extents[$0] ?? 1 }, axes: axes)
    }
}
