import MartletCore
import MartletIR

/// A concatenation, recognised by its form: operands side by side along an axis.
///
/// Where it is stored, its operands are computed into their places of it, so that nothing is copied.
struct Concatenation {
    /// A part of the whole.
    struct Piece {
        /// Position among the node's operands.
        let operand: Int
        /// Where it starts on the axis.
        let start: IntExpr
    }

    let axis: Int
    let pieces: [Piece]

    /// Fails (nil) for any other form of operands of these types.
    init?(_ form: LoopForm, operands: [TensorType]) {
        guard let axis = Self.axis(of: form) else { return nil }
        var node = form.root
        var pieces: [Piece] = []
        var end: IntExpr = 0
        while true {
            let start = end
            let place = IntExpr(form.axes[axis].symbol) - start
            var load = node
            var rest: Int?
            if case .guarded(let guards, let value, let otherwise) = form.body.nodes[node] {
                guard guards.count == 1, guards[0].expression == place else { return nil }
                end = start + guards[0].limit
                (load, rest) = (value, otherwise)
            }
            var index = form.axes.map { IntExpr($0.symbol) }
            index[axis] = place
            guard case .load(let operand, index, _) = form.body.nodes[load],
                rest == nil || operands[operand].shape[axis] == end - start
            else { return nil }
            pieces.append(Piece(operand: operand, start: start))
            guard let next = rest else { break }
            node = next
        }
        (self.axis, self.pieces) = (axis, pieces)
    }

    /// The axis that the outermost guard is about.
    private static func axis(of form: LoopForm) -> Int? {
        guard case .guarded(let guards, _, _) = form.body.nodes[form.root],
            let symbol = guards.first?.expression.symbols.first(where: \.isAxis)
        else { return nil }
        return form.axes.firstIndex { $0.symbol == symbol }
    }
}
