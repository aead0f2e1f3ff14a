import MartletCore

extension ONNXModel {
    /// A sparse tensor with its zeros.
    ///
    /// - Throws: `onnx.sparse` if places and values do not fit each other or the shape.
    func dense(_ sparse: SparseTensorProto) throws -> HostTensor {
        guard let valuesProto = sparse.values, let indicesProto = sparse.indices else {
            throw Diagnostic("onnx.sparse", "a sparse tensor needs values and indices")
        }
        let values = try hostTensor(valuesProto)
        let indices = try hostTensor(indicesProto)
        let shape = sparse.dimensions.map { Int($0) }
        let count = try HostTensor.size(of: values.type, shape).count
        guard values.type != .string, !values.type.isPacked else {
            throw Diagnostic("onnx.sparse", "sparse tensors of \(values.type.name) are not supported")
        }
        let positions = try Self.positions(indices, of: values.count, shape)
        guard positions.allSatisfy({ $0 >= 0 && $0 < count }) else {
            throw Diagnostic("onnx.sparse", "an index of a sparse tensor is out of range")
        }
        let width = values.type.bitWidth / 8
        return try HostTensor.make(values.type, shape: shape) { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            values.withUnsafeBytes { source in
                for (number, position) in positions.enumerated() {
                    for byte in 0..<width { target[position * width + byte] = source[number * width + byte] }
                }
            }
        }
    }

    /// Row-major positions from linear ones or from rows of coordinates; -1 for one out of range.
    private static func positions(_ indices: HostTensor, of count: Int, _ shape: [Int]) throws -> [Int] {
        let numbers = try indices.ints().map { Int($0) }
        if indices.shape == [count] { return numbers }
        guard indices.shape == [count, shape.count] else {
            throw Diagnostic("onnx.sparse", "\(count) values of a sparse tensor have indices of shape \(indices.shape)")
        }
        return (0..<count).map { row in
            shape.enumerated().reduce(0) { position, axis in
                let index = numbers[row * shape.count + axis.offset]
                return position < 0 || index < 0 || index >= axis.element ? -1 : position * axis.element + index
            }
        }
    }
}
