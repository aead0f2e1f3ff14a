import MartletCore
import MartletIR
import MartletLibrary

enum MaxPool: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let windows = try node.poolingWindows()
        let positions =
            node.isWanted(1)
            ? try x.maxPoolPositions(windows, columnMajor: try node.flag("storage_order")) : nil
        return [try x.maxPooled(windows), positions]
    }
}

enum AveragePool: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let windows = try node.poolingWindows()
        return [try node.input(0).averagePooled(windows, countingPadding: try node.flag("count_include_pad"))]
    }
}

enum GlobalMaxPool: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        return [try x.reduced(.max, axes: Array(2..<2 + node.spatialCount()), keepingAxes: true)]
    }
}

enum GlobalAveragePool: ONNXOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        return [try x.mean(axes: Array(2..<2 + node.spatialCount()), keepingAxes: true)]
    }
}
