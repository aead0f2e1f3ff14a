import MartletCore

extension ViewEvaluation {
    /// What a view makes of operands whose elements are known as expressions.
    ///
    /// Evaluates the view on the positions of the elements and picks the expressions at the positions that come out.
    /// `indices` are the operands that say where to read; their values must be constants.
    static func symbolicValues(
        _ operation: some Operation, _ operands: [SymbolicOperand], indices: Range<Int> = 0..<0
    ) -> [IntExpr]? {
        var known: [IntExpr] = []
        var tensors: [HostTensor] = []
        for (number, operand) in operands.enumerated() {
            guard let values = operand.values, let shape = operand.type.staticShape else { return nil }
            let numbers: [Int64]
            if indices.contains(number) {
                let constants = values.compactMap(\.constant)
                guard constants.count == values.count else { return nil }
                numbers = constants.map { Int64($0) }
            } else {
                numbers = values.indices.map { Int64(known.count + $0) }
                known += values
            }
            guard let tensor = try? HostTensor(numbers, shape: shape) else { return nil }
            tensors.append(tensor)
        }
        guard let results = try? operation.evaluate(tensors, in: ConstantContext()),
            let positions = try? results.first?.ints()
        else { return nil }
        return positions.map { known[Int($0)] }
    }
}
