public import MartletCore

extension Tensor {
    /// Applies a scalar function to this tensor and `others`, broadcast to a common shape by NumPy's rule.
    ///
    /// - Throws: `type.elements` where element types do not fit; `type.sizes-differ` where shapes do not.
    public func mapped(_ function: ScalarOp, _ others: Tensor...) throws -> Tensor {
        try Tensor.map(function, [self] + others)
    }

    /// Applies a scalar function to tensors broadcast to a common shape by NumPy's rule.
    public static func map(_ function: ScalarOp, _ operands: [Tensor], to type: ElementType? = nil) throws -> Tensor {
        try apply(Map(function, to: type), try broadcast(operands))[0]
    }

    /// The tensors with a common shape by NumPy's rule. 0-d tensors stay as they are: a map takes them.
    public static func broadcast(_ tensors: [Tensor]) throws -> [Tensor] {
        let shapes = try tensors.map { try $0.checked().shape }
        let ranked = shapes.filter { !$0.isEmpty }
        guard let first = ranked.first, ranked.contains(where: { $0 != first }) else { return tensors }
        let shape = try ShapeScope(of: tensors).common(ranked)
        return try zip(tensors, shapes).map { $1.isEmpty ? $0 : try $0.expanded(to: shape) }
    }

    /// The values in another type; see the map primitive `cast`.
    public func cast(to type: ElementType) throws -> Tensor {
        if try element == type { return self }
        return try Tensor.apply(Map(.cast, to: type), self)
    }

    /// The bits as another type: of the same width element by element; to a narrower type with a last axis added, low
    /// bits first; to a wider type with the last axis, of that ratio, removed.
    public func bitcast(to type: ElementType) throws -> Tensor {
        let own = try element
        if own == type { return self }
        return try Tensor.apply(own.bitWidth == type.bitWidth ? Map(.bitcast, to: type) : Rebits(to: type), self)
    }

    /// Compares element by element: `.eq`, `.ne`, `.lt`, `.le`, `.gt` or `.ge`; the result is bool.
    public func compared(_ function: ScalarOp, _ other: Tensor) throws -> Tensor {
        guard function.isComparison else {
            throw Diagnostic("tensor.comparison", "'\(function.rawValue)' is no comparison")
        }
        return try mapped(function, other)
    }

    /// Elements of `a` where `condition` is true, of `b` elsewhere.
    public static func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        try map(.select, [condition, a, b])
    }

    /// A 0-d tensor of the element type of `other`.
    public static func constant(_ value: Double, like other: Tensor) throws -> Tensor {
        try Tensor(value, as: other.element)
    }
}

// MARK: - Operators

extension Tensor {
    /// The sum, by NumPy's broadcasting. An error is kept in the result.
    public static func + (a: Tensor, b: Tensor) -> Tensor { attempt { try a.mapped(.add, b) } }
    /// The difference, by NumPy's broadcasting. An error is kept in the result.
    public static func - (a: Tensor, b: Tensor) -> Tensor { attempt { try a.mapped(.sub, b) } }
    /// The product, by NumPy's broadcasting. An error is kept in the result.
    public static func * (a: Tensor, b: Tensor) -> Tensor { attempt { try a.mapped(.mul, b) } }
    /// The quotient, by NumPy's broadcasting; of integers toward zero. An error is kept in the result.
    public static func / (a: Tensor, b: Tensor) -> Tensor { attempt { try a.mapped(.div, b) } }
    /// The elements with changed sign. An error is kept in the result.
    public static prefix func - (a: Tensor) -> Tensor { attempt { try a.mapped(.neg) } }

    /// The sum with a number, rounded to the tensor's type.
    public static func + (a: Tensor, b: Double) -> Tensor { attempt { try a.mapped(.add, constant(b, like: a)) } }
    /// The sum with a number, rounded to the tensor's type.
    public static func + (a: Double, b: Tensor) -> Tensor { attempt { try constant(a, like: b).mapped(.add, b) } }
    /// The difference from a number, rounded to the tensor's type.
    public static func - (a: Tensor, b: Double) -> Tensor { attempt { try a.mapped(.sub, constant(b, like: a)) } }
    /// The difference of a number, rounded to the tensor's type.
    public static func - (a: Double, b: Tensor) -> Tensor { attempt { try constant(a, like: b).mapped(.sub, b) } }
    /// The product with a number, rounded to the tensor's type.
    public static func * (a: Tensor, b: Double) -> Tensor { attempt { try a.mapped(.mul, constant(b, like: a)) } }
    /// The product with a number, rounded to the tensor's type.
    public static func * (a: Double, b: Tensor) -> Tensor { attempt { try constant(a, like: b).mapped(.mul, b) } }
    /// The quotient by a number, rounded to the tensor's type.
    public static func / (a: Tensor, b: Double) -> Tensor { attempt { try a.mapped(.div, constant(b, like: a)) } }
    /// The quotient of a number, rounded to the tensor's type.
    public static func / (a: Double, b: Tensor) -> Tensor { attempt { try constant(a, like: b).mapped(.div, b) } }
}
