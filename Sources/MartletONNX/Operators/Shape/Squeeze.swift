import MartletCore
import MartletIR
import MartletLibrary

/// Without axes all those of extent 1 go, as far as they are known.
enum Squeeze: ONNXOperator {
    static let versions = [1, 11, 13]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let shape = try node.shape(of: x)
        let chosen: [Int]
        switch try node.axesChoice(1, since: 13, rank: { _ in shape.count }) {
        case nil: chosen = shape.indices.filter { shape[$0] == 1 }
        case .known(let axes): chosen = axes
        case .dynamic(let axes): return [try x.squeezed(axes: axes)]
        }
        for axis in chosen where shape[axis].isEqual(to: 1, node.recorder.symbols.ranges) == .no {
            throw Diagnostic("onnx.squeeze", "axis \(axis) is squeezed, but its size is not 1")
        }
        return [try x.squeezed(axes: chosen)]
    }
}

enum Unsqueeze: ONNXOperator {
    static let versions = [1, 11, 13]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let rank = try x.rank
        switch try node.required("axes", try node.axesChoice(1, since: 13, rank: { rank + $0 })) {
        case .known(let axes): return [try x.unsqueezed(axes: axes)]
        case .dynamic(let axes): return [try x.unsqueezed(axes: axes)]
        }
    }
}
