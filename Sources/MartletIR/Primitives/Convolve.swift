public import MartletCore

/// `convolve`: sums of products of a sliding window of x with weights w.
///
/// x is N, C, spatial…; w is O, C/groups, spatial…; the result is N, O, spatial…. Weights are not flipped. Padding, and
/// the gaps that an input dilation opens between elements of x, contribute zeros. Negative padding crops. Elements are
/// converted to the result type before they are multiplied.
public struct Convolve: Operation {
    public static let name = "convolve"
    /// Step of the window, for each spatial axis.
    public let stride: [Int]
    /// Padding before and after each spatial axis.
    public let low: [IntExpr], high: [IntExpr]
    /// Distance of the weights' taps.
    public let dilation: [Int]
    /// Distance of x's elements; above 1 for transposed convolution.
    public let inputDilation: [Int]
    public let groups: Int
    /// Element type of products and sums.
    public let result: ElementType

    /// Strides and dilations above this are refused, so that positions never overflow.
    static let factorLimit = 1 << 30

    /// Makes a convolution; all lists have one entry for each spatial axis.
    public init(
        stride: [Int], low: [IntExpr], high: [IntExpr], dilation: [Int], inputDilation: [Int], groups: Int,
        result: ElementType
    ) {
        self.stride = stride
        self.low = low
        self.high = high
        self.dilation = dilation
        self.inputDilation = inputDilation
        self.groups = groups
        self.result = result
    }

    public init(_ attributes: AttributeReader) throws {
        self.init(
            stride: try attributes.ints("stride"), low: try attributes.dims("low"),
            high: try attributes.dims("high"), dilation: try attributes.ints("dilation"),
            inputDilation: try attributes.ints("input_dilation"), groups: try attributes.int("groups"),
            result: try attributes.type("result"))
    }

    public var attributes: [Attribute] {
        [
            Attribute("stride", .ints(stride)), Attribute("low", .dims(low)), Attribute("high", .dims(high)),
            Attribute("dilation", .ints(dilation)), Attribute("input_dilation", .ints(inputDilation)),
            Attribute("groups", .int(groups)), Attribute("result", .type(result)),
        ]
    }

    // MARK: Types

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 2)
        let (x, w) = (operands[0], operands[1])
        try checkAttributes(rank: x.rank, weights: w)
        try Contract.checkProduct(of: x.element, w.element, to: result, Self.name)
        try scope.require(x.shape[1], equals: w.shape[1] * IntExpr(groups), "channels of a convolution")
        if let outputs = w.shape[0].constant, outputs % groups != 0 {
            throw Diagnostic("type.groups", "\(outputs) output channels do not divide into \(groups) groups")
        }
        let spatial = stride.indices.map { axis in
            scope.simplify(outputExtent(axis, x.shape[axis + 2], kernel: w.shape[axis + 2]))
        }
        return [TensorType(result, [x.shape[0], w.shape[0]] + spatial)]
    }

    private func checkAttributes(rank: Int, weights: TensorType) throws {
        let lengths = [stride.count, low.count, high.count, dilation.count, inputDilation.count]
        guard rank >= 3, weights.rank == rank, lengths.allSatisfy({ $0 == rank - 2 }) else {
            throw Diagnostic(
                "type.rank", "convolve of ranks \(rank) and \(weights.rank) with \(stride.count) spatial axes")
        }
        guard (stride + dilation + inputDilation + [groups]).allSatisfy({ (1...Self.factorLimit).contains($0) }) else {
            throw Diagnostic("type.range", "strides, dilations and groups of a convolution must be positive")
        }
    }

    private func outputExtent(_ axis: Int, _ extent: IntExpr, kernel: IntExpr) -> IntExpr {
        let gaps = IntExpr.max(0, extent - 1) * IntExpr(inputDilation[axis] - 1)
        let padded = extent + gaps + low[axis] + high[axis]
        let span = (kernel - 1) * IntExpr(dilation[axis]) + 1
        return .max(0, (padded - span).floorDivided(by: IntExpr(stride[axis])) + 1)
    }

    // MARK: Evaluation

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        let (x, w) = (operands[0], operands[1])
        let axes = try stride.indices.map { axis in
            try ConvolutionAxis(
                input: x.shape[axis + 2], kernel: w.shape[axis + 2], stride: stride[axis], dilation: dilation[axis],
                inputDilation: inputDilation[axis], low: try context.value(of: low[axis]),
                high: try context.value(of: high[axis]))
        }
        return [try ConvolveEvaluation.convolve(x, w, axes, groups: groups, result: result)]
    }

    // MARK: Kernel form

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm {
        let (x, w) = (operands[0], operands[1])
        let rank = x.rank
        let reduced = (1..<rank).map { LoopAxis(.axis(rank + $0 - 1), w.shape[$0]) }
        let taps = reduced.map { IntExpr($0.symbol) }
        let output = LoopForm.variables(rank)
        var body = ScalarBody()
        var channel = taps[0]
        if groups > 1 {
            let group = output[1].floorDivided(by: w.shape[0].floorDivided(by: IntExpr(groups)))
            channel += group * w.shape[1]
        }
        var index = [output[0], channel]
        var guards: [IndexGuard] = []
        for axis in stride.indices {
            let place = position(axis, output[axis + 2], taps[axis + 1], x.shape[axis + 2])
            index.append(place.index)
            guards += place.guards
        }
        var value = body.addLoad(0, index, x.element, as: result)
        if !guards.isEmpty {
            let zero = body.add(.constant(bits: 0, type: result))
            value = body.add(.guarded(guards, value: value, otherwise: zero))
        }
        let weight = body.addLoad(1, [output[1]] + taps, w.element, as: result)
        let root = body.addSum(of: [value, weight], over: reduced, type: result)
        return .loops([LoopForm(axes: LoopForm.axes(of: results[0].shape), body: body, root: root)])
    }

    /// Where along x a tap of the window reads, and under which conditions.
    private func position(
        _ axis: Int, _ output: IntExpr, _ tap: IntExpr, _ extent: IntExpr
    ) -> (index: IntExpr, guards: [IndexGuard]) {
        let place = output * IntExpr(stride[axis]) + tap * IntExpr(dilation[axis]) - low[axis]
        let gap = IntExpr(inputDilation[axis])
        if inputDilation[axis] == 1 {
            // Without padding the window never leaves x, whatever the stride.
            let isInside = low[axis] == 0 && high[axis] == 0
            return (place, isInside ? [] : [IndexGuard(place, below: extent)])
        }
        let guards = [IndexGuard(place, below: (extent - 1) * gap + 1), IndexGuard(place.modulo(gap), below: 1)]
        return (place.floorDivided(by: gap), guards)
    }
}
