public import MartletCore
public import MartletIR
public import MartletLibrary

/// A node as its operator sees it: operands, attributes, and what helps to read them.
public struct ImportedNode {
    /// The node as the file has it.
    public let proto: NodeProto
    /// Its name, made up where the file has none.
    public let name: String
    /// The version of the operator that counts: the largest of `versions` that the model's operator set has reached.
    public let version: Int
    /// What the inputs stand for; nil for one that is left out.
    public let values: [ImportedValue?]
    /// Results that are no tensors, by position; they go before what `apply` gives.
    public var otherResults: [Int: ImportedValue] = [:]

    let attributes: [String: AttributeProto]
    let context: ModelImport
    /// The frames around the node, for its graphs.
    let stack: [Frame]

    // MARK: Operands

    /// Number of inputs, left-out ones among them.
    public var inputCount: Int { values.count }

    /// Number of results that the node names; trailing ones may be left out.
    public var outputCount: Int { proto.outputs.count }

    /// Whether the node names result number `index`.
    public func isWanted(_ index: Int) -> Bool {
        proto.outputs.indices.contains(index) && !proto.outputs[index].isEmpty
    }

    /// An operand.
    ///
    /// - Throws: `onnx.input` if it is left out or no tensor.
    public func input(_ index: Int) throws -> Tensor {
        guard let tensor = try optional(index) else { throw Diagnostic("onnx.input", "input \(index) is missing") }
        return tensor
    }

    /// An operand that may be left out.
    ///
    /// - Throws: `onnx.input` if it is no tensor.
    public func optional(_ index: Int) throws -> Tensor? {
        guard values.indices.contains(index), let value = values[index] else { return nil }
        guard case .tensor(let tensor) = value else {
            throw Diagnostic("onnx.input", "input \(index) must be a tensor, not a \(value.kindName)")
        }
        return tensor
    }

    /// All operands of an operator that takes any number; none may be left out.
    public var inputs: [Tensor] {
        get throws { try values.indices.map { try input($0) } }
    }

    // MARK: Axes and sizes

    /// The recorder that the node is imported into.
    public var recorder: Recorder { context.recorder }

    /// An axis counted from the front.
    ///
    /// - Throws: `onnx.axis` if it is out of range.
    public func axis(_ axis: Int, rank: Int) throws -> Int {
        guard axis >= -rank, axis < rank else {
            throw Diagnostic("onnx.axis", "axis \(axis) is out of range for a tensor of rank \(rank)")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// Axes counted from the front, in the given order.
    ///
    /// - Throws: `onnx.axis` if one is out of range or named twice.
    public func axes(_ axes: [Int], rank: Int) throws -> [Int] {
        let result = try axes.map { try axis($0, rank: rank) }
        guard Set(result).count == result.count else {
            throw Diagnostic("onnx.axis", "axes \(axes) name an axis twice")
        }
        return result
    }

    /// The shape of a tensor with what is known of its sizes here.
    public func shape(of tensor: Tensor) throws -> [IntExpr] { try tensor.shape.map(recorder.simplify) }

    /// The elements of an integer tensor of at most one axis as sizes; what is computed from data becomes a size that
    /// is read, and checked to be at least `lower`, when the program runs.
    ///
    /// - Throws: `onnx.dynamic-count` where not even the number of elements is known.
    public func dims(of tensor: Tensor, lower: Int = 0) throws -> [IntExpr] {
        if let known = tensor.symbolicValues { return known.map(recorder.simplify) }
        let type = try tensor.type
        guard type.element.isInteger, type.rank <= 1 else {
            throw Diagnostic("onnx.sizes", "sizes must be an integer vector, not \(type)")
        }
        guard let count = recorder.simplify(type.count).constant, count <= Self.dimsLimit else {
            throw Diagnostic("onnx.dynamic-count", "the number of sizes is not known before the model runs")
        }
        if type.rank == 0 { return [try recorder.bind(tensor, name, lower: lower)] }
        return try (0..<count).map { position in
            let element = try tensor.sliced(start: [IntExpr(position)], size: [1]).reshaped(to: [])
            return try recorder.bind(element, "\(name)_\(position)", lower: lower)
        }
    }

    private static let dimsLimit = 1024

    /// The one element of an integer tensor as a size; see `dims`.
    public func dim(of tensor: Tensor, lower: Int = 0) throws -> IntExpr {
        let sizes = try dims(of: tensor, lower: lower)
        guard sizes.count == 1 else { throw Diagnostic("onnx.sizes", "one size is needed, not \(sizes.count)") }
        return sizes[0]
    }

    /// The integers that an operand holds, if it is there and they are known.
    ///
    /// - Throws: `onnx.dynamic` if they depend on data or sizes.
    public func integers(_ index: Int, _ what: String) throws -> [Int]? {
        guard let tensor = try optional(index) else { return nil }
        guard let values = tensor.symbolicValues?.map(recorder.simplify) else { throw dynamic(what) }
        let constants = values.compactMap(\.constant)
        guard constants.count == values.count else { throw dynamic(what) }
        return constants
    }

    private func dynamic(_ what: String) -> Diagnostic {
        Diagnostic(
            "onnx.dynamic", "\(what) must be known before the model runs",
            help: "make \(what) a constant or an initializer of the model")
    }

    /// The axes that an operator takes as attribute `axes` or, in newer versions, as an operand; nil where left out.
    public func axesOperand(_ index: Int, since newer: Int) throws -> [Int]? {
        version >= newer ? try integers(index, "axes") : try ints("axes")
    }

    /// The axes that an operator takes as attribute `axes` or, in newer versions, as an operand, which may be computed
    /// while the model runs; nil where left out.
    ///
    /// - Parameter rank: the rank of the tensor whose axes they are, for a given number of axes.
    public func axesChoice(_ index: Int, since newer: Int, rank: (Int) throws -> Int) throws -> AxesChoice? {
        if version < newer { return try ints("axes").map { .known(try axes($0, rank: try rank($0.count))) } }
        guard let tensor = try optional(index) else { return nil }
        let constants = tensor.symbolicValues?.compactMap { recorder.simplify($0).constant }
        let count = recorder.simplify(try tensor.type.count).constant
        if count == 0 { return .known([]) }
        if let constants, constants.count == count {
            return .known(try axes(constants, rank: try rank(constants.count)))
        }
        return .dynamic(try DynamicAxes(tensor, rank: try rank(count ?? 0)))
    }

    // MARK: Graphs

    /// Imports a graph that is an attribute, with these tensors as its inputs, into the current recorder.
    ///
    /// For bodies of loops, which may be imported more than once.
    public func results(of attribute: String, _ inputs: [Tensor]) throws -> [Tensor] {
        try context.results(of: try graph(attribute), in: self, inputs)
    }
}

/// Axes of a tensor.
public enum AxesChoice {
    /// Known now, counted from the front, in the given order.
    case known([Int])
    /// Computed while the model runs.
    case dynamic(DynamicAxes)
}
