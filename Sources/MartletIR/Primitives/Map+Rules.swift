import MartletCore

// Local rules of maps. Only exact ones: x + 0 is not exact for a floating-point x = -0, x · 0 not for infinity and NaN.

extension Map {
    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        let types = operands.map(builder.type(of:))
        if function == .cast || function == .bitcast { return sameType(operands, types, builder) }
        if function == .neg || function == .not {
            return try twice(operands, builder) ?? notEqual(operands, builder)
        }
        guard operands.count == 2, let neutral = Self.neutral(of: function, types[0].element) else { return nil }
        if isScalar(operands[1], neutral.value, builder) {
            return apply("map-neutral", builder) { operands[0] }
        }
        if neutral.commutes, isScalar(operands[0], neutral.value, builder) {
            return apply("map-neutral", builder) { operands[1] }
        }
        return nil
    }

    private func apply(_ rule: String, _ builder: GraphBuilder, _ result: () -> ValueID) -> [ValueID]? {
        guard builder.rules.allows(rule) else { return nil }
        builder.rules.count(rule)
        return [result()]
    }

    private func sameType(
        _ operands: [ValueID], _ types: [TensorType], _ builder: GraphBuilder
    ) -> [ValueID]? {
        guard types[0].element == target else { return nil }
        return apply("map-same-type", builder) { operands[0] }
    }

    /// The operand of the operand, where both nodes are this function.
    private func twice(_ operands: [ValueID], _ builder: GraphBuilder) -> [ValueID]? {
        guard let inner = builder.definition(of: operands[0]), let map = inner.operation as? Map,
            map.function == function
        else { return nil }
        return apply("map-twice", builder) { inner.operands[0] }
    }

    /// The right operand that leaves the left one as it is, to the bit.
    private static func neutral(of function: ScalarOp, _ type: ElementType) -> (value: Double, commutes: Bool)? {
        switch function {
        case .add: return (type.isFloatingPoint ? -0.0 : 0, true)
        case .max where type.isFloatingPoint: return (-.infinity, true)
        case .min where type.isFloatingPoint: return (.infinity, true)
        case .sub: return (0, false)
        case .mul: return (1, true)
        case .div: return (1, false)
        case .or, .xor: return (0, true)
        case .shl, .shr: return (0, false)
        default: return nil
        }
    }

    /// Not equal, of not (equal), and the reverse; other comparisons have no reverse where there is a NaN.
    private func notEqual(_ operands: [ValueID], _ builder: GraphBuilder) throws -> [ValueID]? {
        guard function == .not, let inner = builder.definition(of: operands[0]), let map = inner.operation as? Map,
            map.function == .eq || map.function == .ne, builder.rules.allows("map-not-equal")
        else { return nil }
        builder.rules.count("map-not-equal")
        return try builder.add(Map(map.function == .eq ? .ne : .eq), inner.operands)
    }

    /// Whether a value is that 0-d constant; -0 is told from 0.
    private func isScalar(_ value: ValueID, _ number: Double, _ builder: GraphBuilder) -> Bool {
        guard let tensor = builder.constant(value), tensor.shape.isEmpty, let found = try? tensor.doubles().first
        else { return false }
        return found == number && found.sign == number.sign
    }
}
