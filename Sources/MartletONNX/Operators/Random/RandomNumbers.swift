import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// The generator of the node: by its attribute `seed`, else by its name, so that nodes differ and runs do not.
    func generator() throws -> Philox {
        switch attributes["seed"]?.value {
        case .float(let seed): return Philox(key: UInt64(seed.bitPattern))
        case .int(let seed): return Philox(key: UInt64(bitPattern: seed))
        case nil:
            var hash = StableHash()
            hash.combine(name)
            return Philox(key: hash.low)
        default: throw Diagnostic("onnx.attribute", "attribute 'seed' must be a number")
        }
    }

    /// The element type of the result: attribute `dtype`, else that of the input.
    fileprivate func randomType(like x: Tensor?) throws -> ElementType {
        try elementType("dtype") ?? x?.element ?? .float32
    }

    fileprivate func uniform(_ type: ElementType, _ shape: [IntExpr]) throws -> [Tensor?] {
        let (low, high) = (try float("low", default: 0), try float("high", default: 1))
        return [try (generator().uniform(type, shape: shape) * (high - low) + low).checked()]
    }

    fileprivate func normal(_ type: ElementType, _ shape: [IntExpr]) throws -> [Tensor?] {
        let (mean, scale) = (try float("mean", default: 0), try float("scale", default: 1))
        return [try (generator().normal(type, shape: shape) * scale + mean).checked()]
    }

    fileprivate func shapeAttribute() throws -> [IntExpr] {
        try required("shape", try ints("shape")).map { size in
            guard size >= 0 else { throw Diagnostic("onnx.attribute", "a size of the shape is \(size)") }
            return IntExpr(size)
        }
    }
}

enum RandomUniform: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        try node.uniform(node.randomType(like: nil), node.shapeAttribute())
    }
}

enum RandomUniformLike: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        return try node.uniform(node.randomType(like: x), node.shape(of: x))
    }
}

enum RandomNormal: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        try node.normal(node.randomType(like: nil), node.shapeAttribute())
    }
}

enum RandomNormalLike: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        return try node.normal(node.randomType(like: x), node.shape(of: x))
    }
}

enum Bernoulli: ONNXOperator {
    static let versions = [15]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        return [try node.generator().bernoulli(x).cast(to: node.randomType(like: x))]
    }
}
