public import MartletCore

/// `window`: makes sliding windows along some axes visible as axes of their own.
///
/// Each window axis of size n becomes the `max(0, ⌊(n - (size - 1)·dilation - 1) / stride⌋ + 1)` positions of the
/// window, and adds a last axis of extent `size`. Element (i, w) is element `i·stride + w·dilation`.
public struct Window: Operation {
    public static let name = "window"
    public static let ruleNames = ["window-none"]

    /// A window along one axis.
    public struct Axis: Hashable, Sendable {
        /// Axis of the operand.
        public var axis: Int
        /// Elements in the window.
        public var size: IntExpr
        /// Distance of neighbouring windows, at least 1.
        public var stride: Int
        /// Distance of neighbouring elements of a window, at least 1.
        public var dilation: Int

        /// Makes a window along `axis`.
        public init(axis: Int, size: IntExpr, stride: Int = 1, dilation: Int = 1) {
            self.axis = axis
            self.size = size
            self.stride = stride
            self.dilation = dilation
        }
    }

    /// The windows, in the order of the axes that they add.
    public let axes: [Axis]

    /// Makes windows.
    public init(_ axes: [Axis]) { self.axes = axes }

    public init(_ attributes: AttributeReader) throws {
        let numbers = try attributes.ints("axes")
        let (sizes, strides) = (try attributes.dims("size"), try attributes.ints("stride"))
        let dilations = try attributes.ints("dilation")
        guard sizes.count == numbers.count, strides.count == numbers.count, dilations.count == numbers.count else {
            throw Diagnostic("text.attribute", "the attributes of 'window' differ in length")
        }
        self.init(
            numbers.indices.map {
                Axis(axis: numbers[$0], size: sizes[$0], stride: strides[$0], dilation: dilations[$0])
            })
    }

    public var attributes: [Attribute] {
        [
            Attribute("axes", .ints(axes.map(\.axis))), Attribute("size", .dims(axes.map(\.size))),
            Attribute("stride", .ints(axes.map(\.stride))), Attribute("dilation", .ints(axes.map(\.dilation))),
        ]
    }

    /// Number of positions of a window along an axis of extent `extent`.
    static func extent(_ extent: IntExpr, _ size: IntExpr, _ stride: Int, _ dilation: Int) -> IntExpr {
        let last = extent - (size - 1) * IntExpr(dilation) - 1
        return IntExpr.max(0, last.floorDivided(by: IntExpr(stride)) + 1)
    }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 1)
        let numbers = axes.map(\.axis)
        guard numbers.allSatisfy((0..<operands[0].rank).contains), Set(numbers).count == numbers.count else {
            throw Diagnostic("type.axes", "axes \(numbers) do not fit a tensor of rank \(operands[0].rank)")
        }
        guard axes.allSatisfy({ $0.stride > 0 && $0.dilation > 0 && $0.size.constant ?? 1 > 0 }) else {
            throw Diagnostic("type.window", "size, stride and dilation of a window must be at least 1")
        }
        var shape = operands[0].shape
        for window in axes {
            shape[window.axis] = Self.extent(shape[window.axis], window.size, window.stride, window.dilation)
        }
        return [TensorType(operands[0].element, (shape + axes.map(\.size)).map(scope.simplify))]
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let windows = try axes.map { ($0.axis, try context.value(of: $0.size), $0.stride, $0.dilation) }
        return [try ViewEvaluation.window(operands[0], windows)]
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        let rank = operands[0].rank
        let variables = LoopForm.variables(results[0].rank)
        var index = Array(variables.prefix(rank))
        for (number, window) in axes.enumerated() {
            index[window.axis] =
                variables[window.axis] * IntExpr(window.stride) + variables[rank + number] * IntExpr(window.dilation)
        }
        return .view(of: operands[0], index: index, as: results[0])
    }

    public func symbolicValues(_ operands: [SymbolicOperand]) -> [IntExpr]? {
        ViewEvaluation.symbolicValues(self, operands)
    }

    public func simplified(_ operands: [ValueID], in builder: GraphBuilder) throws -> [ValueID]? {
        guard axes.isEmpty, builder.rules.allows("window-none") else { return nil }
        builder.rules.count("window-none")
        return operands
    }
}
