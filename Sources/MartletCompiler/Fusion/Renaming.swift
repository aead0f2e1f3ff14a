import MartletCore
import MartletIR

/// What the variables of a form stand for where it is written out. Forms have few variables, so they are searched in order.
struct Renaming {
    private var pairs: [(symbol: Symbol, meaning: IntExpr)]

    /// The axes of a form at an index of its value.
    init(_ axes: [LoopAxis], at index: [IntExpr]) {
        pairs = zip(axes, index).map { ($0.symbol, $1) }
    }

    subscript(symbol: Symbol) -> IntExpr? {
        get { pairs.first { $0.symbol == symbol }?.meaning }
        set {
            pairs.removeAll { $0.symbol == symbol }
            if let newValue { pairs.append((symbol, newValue)) }
        }
    }

    /// An expression of the form as it reads there.
    func callAsFunction(_ expression: IntExpr) -> IntExpr {
        expression.constant != nil ? expression : expression.substituting { self[$0] }
    }
}
