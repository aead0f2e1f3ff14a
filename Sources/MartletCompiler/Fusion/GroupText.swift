import MartletCore
import MartletIR

extension FusedGroup {
    /// The group as text: the result, what it reads, and its body node by node.
    func text(_ name: (Symbol) -> String) -> String {
        let header = "%\(result.index) : \(type.text(name))"
        let reads = operands.enumerated().map { "\($0.offset) = %\($0.element.index)" }.joined(separator: ", ")
        var lines = [
            "group \(header) reads (\(reads))\(origins.isEmpty ? "" : " ; \(origins.joined(separator: ", "))")"
        ]
        for node in body.nodes.indices {
            let marks = (node == root ? " ; root" : "") + (node == anchor ? " ; anchor" : "")
            lines.append("  n\(node) = \(text(of: body.nodes[node], name))\(marks)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func text(of node: ScalarNode, _ name: (Symbol) -> String) -> String {
        func list(_ expressions: [IntExpr]) -> String { expressions.map { $0.text(name) }.joined(separator: ", ") }
        func axes(_ axes: [LoopAxis]) -> String {
            axes.map { "\(name($0.symbol)) in \($0.extent.text(name))" }.joined(separator: ", ")
        }
        switch node {
        case .load(let operand, let index, let type): return "load \(operand)[\(list(index))] : \(type.name)"
        case .index(let expression): return "index \(expression.text(name))"
        case .constant(let bits, let type): return "constant 0x\(String(bits, radix: 16)) : \(type.name)"
        case .apply(let function, let operands, let type):
            return "\(function.rawValue) \(operands.map { "n\($0)" }.joined(separator: ", ")) : \(type.name)"
        case .guarded(let guards, let value, let otherwise):
            let conditions = guards.map { "0 <= \($0.expression.text(name)) < \($0.limit.text(name))" }
            return "n\(value) where \(conditions.joined(separator: " and ")) else n\(otherwise)"
        case .reduce(let combiner, let reduced, let value, let type):
            return "\(combiner.rawValue) of n\(value) over \(axes(reduced)) : \(type.name)"
        case .argreduce(let maximum, let lastTie, let reduced, let value):
            let what = "\(lastTie ? "last" : "first") \(maximum ? "maximum" : "minimum")"
            return "position of \(what) of n\(value) over \(axes(reduced))"
        case .dynamic(let symbol, let value, let limit, let checked, let body):
            return "n\(body) with \(name(symbol)) = n\(value) below \(limit.text(name))\(checked ? " checked" : "")"
        }
    }
}
