public import MartletCore
public import MartletIR

/// An input of a function that is traced.
public struct TraceInput: Sendable, Hashable {
    /// The name it gets.
    public let name: String
    /// Type of its elements.
    public let type: ElementType
    /// Its extents; one name stands for one size in all inputs.
    public let shape: [Extent]

    /// An input such as `TraceInput("x", .float32, ["batch", 3, 224, 224])`.
    public init(_ name: String, _ type: ElementType, _ shape: [Extent]) {
        (self.name, self.type, self.shape) = (name, type, shape)
    }
}

/// Records what a function does with its tensors, as a graph that `Model` compiles.
///
///     let graph = try trace([TraceInput("x", .float32, ["n", 384])]) { x in
///         ["y": try x[0].contracted(with: weights, contracted: [(1, 0)])]
///     }
///
/// The function runs once. Swift's own control flow is decided while it runs; `If` and `Loop` are recorded.
///
/// - Parameters:
///   - inputs: what the function takes, in order.
///   - states: names of inputs, each with the name of the result that becomes it in the next run.
///   - body: the function; it gives named results.
/// - Throws: what the body throws: a `Diagnostic` for tensors that do not fit each other.
public func trace(
    _ inputs: [TraceInput], states: KeyValuePairs<String, String> = [:],
    _ body: ([Tensor]) throws -> KeyValuePairs<String, Tensor>
) throws -> Graph {
    let recorder = Recorder()
    var sizes: [String: IntExpr] = [:]
    return try recorder.record {
        let tensors = inputs.map { input in
            let shape = input.shape.map { extent in
                if let size = extent.size { return IntExpr(size) }
                if let known = sizes[extent.text] { return known }
                let size = IntExpr(
                    recorder.symbol(extent.text, lower: extent.lower, upper: extent.upper.map { IntExpr($0) }))
                sizes[extent.text] = size
                return size
            }
            return recorder.input(input.name, TensorType(input.type, shape))
        }
        let results = try body(tensors)
        return try recorder.finish(
            results.map { (name: $0.key, tensor: $0.value) }, states: states.map { (input: $0.key, output: $0.value) })
    }
}
