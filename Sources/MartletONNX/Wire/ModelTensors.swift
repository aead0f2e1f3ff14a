// A walk over all tensors of a model, subgraphs and functions included.

/// What part a tensor has in a model.
enum TensorRole {
    case initializer
    case attribute
}

extension ModelProto {
    /// Calls `body` with each tensor, which it may change, in the order of the file.
    mutating func forEachTensor(_ body: (inout TensorProto, TensorRole) throws -> Void) rethrows {
        try graph?.forEachTensor(body)
        for index in trainingInfo.indices {
            try trainingInfo[index].initialization?.forEachTensor(body)
            try trainingInfo[index].algorithm?.forEachTensor(body)
        }
        for index in functions.indices {
            try functions[index].nodes.forEachTensor(body)
            try functions[index].attributeDefaults.forEachTensor(body)
        }
    }
}

extension GraphProto {
    mutating func forEachTensor(_ body: (inout TensorProto, TensorRole) throws -> Void) rethrows {
        try nodes.forEachTensor(body)
        for index in initializers.indices { try body(&initializers[index], .initializer) }
        for index in sparseInitializers.indices { try sparseInitializers[index].forEachTensor(body) }
    }
}

extension SparseTensorProto {
    fileprivate mutating func forEachTensor(_ body: (inout TensorProto, TensorRole) throws -> Void) rethrows {
        if var tensor = values {
            try body(&tensor, .attribute)
            values = tensor
        }
        if var tensor = indices {
            try body(&tensor, .attribute)
            indices = tensor
        }
    }
}

extension [NodeProto] {
    fileprivate mutating func forEachTensor(_ body: (inout TensorProto, TensorRole) throws -> Void) rethrows {
        for index in indices { try self[index].attributes.forEachTensor(body) }
    }
}

extension [AttributeProto] {
    fileprivate mutating func forEachTensor(_ body: (inout TensorProto, TensorRole) throws -> Void) rethrows {
        for index in indices { try self[index].value.forEachTensor(body) }
    }
}

extension AttributeProto.Value {
    fileprivate mutating func forEachTensor(_ body: (inout TensorProto, TensorRole) throws -> Void) rethrows {
        switch self {
        case .tensor(var tensor):
            try body(&tensor, .attribute)
            self = .tensor(tensor)
        case .tensors(var tensors):
            for index in tensors.indices { try body(&tensors[index], .attribute) }
            self = .tensors(tensors)
        case .graph(var graph):
            try graph.forEachTensor(body)
            self = .graph(graph)
        case .graphs(var graphs):
            for index in graphs.indices { try graphs[index].forEachTensor(body) }
            self = .graphs(graphs)
        case .sparseTensor(var tensor):
            try tensor.forEachTensor(body)
            self = .sparseTensor(tensor)
        case .sparseTensors(var tensors):
            for index in tensors.indices { try tensors[index].forEachTensor(body) }
            self = .sparseTensors(tensors)
        default: break
        }
    }
}
