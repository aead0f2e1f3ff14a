public import MartletCore
public import MartletIR

/// What may be given to a model as an input.
public protocol ModelInput: Sendable {
    /// The value as a tensor of the host.
    ///
    /// - Throws: `Diagnostic` if there is none.
    func hostTensor() throws -> HostTensor
}

extension HostTensor: ModelInput {
    /// The tensor itself.
    public func hostTensor() -> HostTensor { self }
}

extension Tensor: ModelInput {
    /// The value of a concrete tensor.
    ///
    /// - Throws: `tensor.not-concrete` for a value of a graph that is being traced.
    public func hostTensor() throws -> HostTensor {
        guard let tensor = try checked().concrete else {
            throw Diagnostic(
                "tensor.not-concrete", "a tensor that is being traced has no value yet",
                help: "run the traced graph first: Model(graph)")
        }
        return tensor
    }
}

extension Tensor {
    /// The elements in row-major order, of a concrete tensor.
    ///
    /// - Throws: `tensor.not-concrete`; `core.element-type` unless `element` is the Swift type of the elements.
    public func array<T: TensorElement>(of element: T.Type) throws -> [T] {
        try hostTensor().array(of: element)
    }

    /// A concrete tensor of `values` in row-major order.
    ///
    /// - Throws: `core.shape` if they do not fill the shape.
    public init<T: TensorElement>(_ values: [T], shape: [Int]) throws {
        self.init(try HostTensor(values, shape: shape))
    }
}

extension Dictionary where Key == String, Value == any ModelInput {
    /// The same with tensors of the host.
    func hostTensors() throws -> [String: HostTensor] { try mapValues { try $0.hostTensor() } }
}
