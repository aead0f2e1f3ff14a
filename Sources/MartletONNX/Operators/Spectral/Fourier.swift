import MartletCore
import MartletIR
import MartletLibrary

/// The axis is an attribute, 1 by default, before version 20, and an operand, the last of the signal by default, after.
enum DFT: ONNXOperator {
    static let versions = [17, 20]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let rank = try x.rank
        let length = try node.optional(1) == nil ? nil : node.size(1)
        let kind: FourierKind =
            switch (try node.flag("inverse"), try node.flag("onesided")) {
            case (false, false): .forward
            case (false, true): .forwardHalf
            case (true, false): .inverse
            case (true, true): .inverseHalf
            }
        if node.version < 20 {
            let axis = try node.axis(try node.int("axis", default: 1), rank: rank)
            return [try x.fourierTransform(kind, axis: axis, length: length)]
        }
        switch try node.axesChoice(2, since: 20, rank: { _ in rank }) {
        case nil: return [try x.fourierTransform(kind, axis: node.axis(-2, rank: rank), length: length)]
        case .known(let axes):
            guard axes.count == 1 else { throw Diagnostic("onnx.axis", "one axis is needed, not \(axes.count)") }
            return [try x.fourierTransform(kind, axis: axes[0], length: length)]
        case .dynamic(let axes): return [try transform(x, kind, length, axes, from: 0)]
        }
    }

    /// The transform along the axis that an operand names: a chain of branches.
    private static func transform(
        _ x: Tensor, _ kind: FourierKind, _ length: IntExpr?, _ axes: DynamicAxes, from axis: Int
    ) throws -> Tensor {
        if axis >= axes.rank - 2 { return try x.fourierTransform(kind, axis: axis, length: length) }
        return try Tensor.branch(
            axes.contains(axis), then: { [try x.fourierTransform(kind, axis: axis, length: length)] },
            else: { [try transform(x, kind, length, axes, from: axis + 1)] })[0]
    }
}

enum STFT: ONNXOperator {
    static let versions = [17]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let signal = try node.input(0)
        let extents = try node.shape(of: signal)
        guard extents.count == 3 else { throw Diagnostic("onnx.rank", "the signal must have rank 3") }
        let window = try node.optional(2)
        let given = try node.optional(3) == nil ? nil : node.size(3, upper: extents[1])
        let length = try given ?? window?.shape.first ?? extents[1]
        let step = try node.input(1).cast(to: .int64).readSize("step", lower: 1)
        return [
            try signal.shortTimeFourierTransform(
                step: step, length: length, window: window, half: node.flag("onesided", default: true))
        ]
    }
}
