import MartletCore
import MartletIR
import MartletLibrary

/// Version 1 repeats along one axis and takes the number of copies and the axis as scalars.
enum Tile: ONNXOperator {
    static let versions = [1, 6]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let rank = try x.rank
        if node.version >= 6 { return [try x.tiled(node.dims(of: node.input(1)))] }
        guard let axis = try whole(node.input(2)) else {
            throw Diagnostic("onnx.dynamic", "the axis must be known before the model runs")
        }
        var repeats = [IntExpr](repeating: 1, count: rank)
        repeats[try node.axis(axis, rank: rank)] = try node.size(1)
        return [try x.tiled(repeats)]
    }

    /// A scalar that version 1 gives in the type of the data.
    private static func whole(_ tensor: Tensor) throws -> Int? {
        try tensor.concrete?.doubles().first.flatMap { Int(exactly: $0) }
    }
}
