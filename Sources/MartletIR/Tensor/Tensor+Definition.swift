extension Tensor {
    /// The operation that makes a recorded tensor, its operands, and which of its results the tensor is.
    ///
    /// nil for concrete tensors and inputs. What a nested graph took from around it is looked up there.
    package var definition: (operation: any Operation, operands: [Tensor], result: Int)? {
        guard case .recorded(let recorder, let value) = payload else { return nil }
        return recorder.definition(of: value)
    }
}
