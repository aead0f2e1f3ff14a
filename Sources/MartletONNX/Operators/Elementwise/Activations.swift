import MartletCore
import MartletIR
import MartletLibrary

// Version 1 of these operators had an attribute `consumed_inputs`, which told nothing about the results.

enum Softplus: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).softplus()] }
}

enum Softsign: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).softsign()] }
}

enum Mish: ONNXOperator {
    static let versions = [18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [try node.input(0).mish()] }
}

enum Gelu: ONNXOperator {
    static let versions = [20]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let approximation = try node.string("approximate", default: "none")
        guard approximation == "none" || approximation == "tanh" else {
            throw Diagnostic("onnx.attribute", "approximate '\(approximation)' is unknown")
        }
        return [try node.input(0).gelu(tanh: approximation == "tanh")]
    }
}

enum HardSigmoid: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (alpha, beta) = (try node.float("alpha", default: 0.2), try node.float("beta", default: 0.5))
        return [try node.input(0).hardSigmoid(alpha: alpha, beta: beta)]
    }
}

enum HardSwish: ONNXOperator {
    static let versions = [14]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).hardSwish(alpha: 1.0 / 6, beta: 0.5)]
    }
}

enum Elu: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).elu(alpha: node.float("alpha", default: 1))]
    }
}

enum Celu: ONNXOperator {
    static let versions = [12]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).celu(alpha: node.float("alpha", default: 1))]
    }
}

/// Version 1 had fewer digits in its defaults.
enum Selu: ONNXOperator {
    static let versions = [1, 6]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let alpha = try node.float("alpha", default: node.version == 1 ? 1.6732 : 1.67326319217681884765625)
        let gamma = try node.float("gamma", default: node.version == 1 ? 1.0507 : 1.05070102214813232421875)
        return [try node.input(0).selu(alpha: alpha, gamma: gamma)]
    }
}

enum LeakyRelu: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).leakyRelu(alpha: node.float("alpha", default: 0.01))]
    }
}

enum ThresholdedRelu: ONNXOperator {
    static let versions = [10]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).thresholdedRelu(alpha: node.float("alpha", default: 1))]
    }
}

enum Shrink: ONNXOperator {
    static let versions = [9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (limit, bias) = (try node.float("lambd", default: 0.5), try node.float("bias", default: 0))
        return [try node.input(0).shrunk(threshold: limit, bias: bias)]
    }
}

enum Swish: ONNXOperator {
    static let versions = [24]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        [try node.input(0).swish(alpha: node.float("alpha", default: 1))]
    }
}

enum SwiGLU: ONNXOperator {
    static let versions = [28]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let (gate, value) = (try node.input(0), try node.input(1))
        return [try gate.swiGLU(value, alpha: node.float("alpha", default: 1))]
    }
}

/// Before version 7 a slope of one axis belonged to the channels, axis 1.
enum PRelu: ONNXOperator {
    static let versions = [1, 7]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        var slope = try node.input(1)
        let rank = try x.rank
        if try node.version < 7 && slope.rank == 1 && rank > 2 && slope.shape != [1] {
            slope = try slope.reshaped(to: slope.shape + [IntExpr](repeating: 1, count: rank - 2))
        }
        guard try slope.rank <= rank else {
            throw Diagnostic("type.ranks-differ", "a slope of rank \(try slope.rank) for a tensor of rank \(rank)")
        }
        return [try x.parametricRelu(slope: slope)]
    }
}
