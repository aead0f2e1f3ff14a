import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    fileprivate func window(_ coefficients: [Double]) throws -> [Tensor?] {
        let type = try elementType("output_datatype") ?? .float32
        let isPeriodic = try flag("periodic", default: true)
        return [
            try Tensor.cosineWindow(try size(0), coefficients: coefficients, symmetric: !isPeriodic, type: type)
        ]
    }
}

enum HannWindow: ONNXOperator {
    static let versions = [17]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.window([0.5, 0.5]) }
}

enum HammingWindow: ONNXOperator {
    static let versions = [17]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.window([25.0 / 46, 21.0 / 46]) }
}

enum BlackmanWindow: ONNXOperator {
    static let versions = [17]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.window([0.42, 0.5, 0.08]) }
}

enum MelWeightMatrix: ONNXOperator {
    static let versions = [17]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let type = try node.elementType("output_datatype") ?? .float32
        return [
            try Tensor.melFilters(
                bins: node.size(0), length: node.size(1), rate: node.input(2), lower: node.input(3),
                upper: node.input(4), type: type)
        ]
    }
}
