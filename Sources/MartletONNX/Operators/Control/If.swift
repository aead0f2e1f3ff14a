import MartletCore
import MartletIR

/// The importer itself imports the branches, since it may have to import what follows with them.
enum If: ONNXOperator, BranchOperator {
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        throw Diagnostic("onnx.branch", "a branch is imported with what follows it")
    }
}
