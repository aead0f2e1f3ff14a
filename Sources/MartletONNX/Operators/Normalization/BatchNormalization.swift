import MartletCore
import MartletIR
import MartletLibrary

/// Training is an attribute from version 14 on; before, results beyond the first told it, and in versions before 7 the
/// attribute `is_test`. Versions before 9 may have statistics for each place, not only for each channel.
enum BatchNormalization: ONNXOperator {
    static let versions = [1, 7, 9, 14]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let epsilon = try node.float("epsilon", default: 1e-5)
        var own = BatchStatistics(
            scale: try node.input(1), bias: try node.input(2), mean: try node.input(3), variance: try node.input(4))
        guard try isTraining(node) else { return [try x.batchNormalized(own, epsilon: epsilon)] }
        let isSpatial = try node.version >= 9 || node.flag("spatial", default: true)
        let moments = try x.batchMoments(isSpatial: isSpatial)
        let momentum = try node.float("momentum", default: 0.9)
        func running(_ old: Tensor, _ new: Tensor) throws -> Tensor {
            let type = try new.element
            return try (old.cast(to: type) * momentum + new * (1 - momentum)).checked().cast(to: old.element)
        }
        let (mean, variance) = (try running(own.mean, moments.mean), try running(own.variance, moments.variance))
        let type = try own.mean.element
        (own.mean, own.variance) = (moments.mean, moments.variance)
        let saved = try [moments.mean, moments.variance].map { try $0.cast(to: type) }
        return [try x.batchNormalized(own, epsilon: epsilon), mean, variance, saved[0], saved[1]]
    }

    private static func isTraining(_ node: ImportedNode) throws -> Bool {
        if node.version >= 14 { return try node.flag("training_mode") }
        let isTest = try node.version < 7 && node.flag("is_test")
        return !isTest && (1..<max(node.outputCount, 1)).contains(where: node.isWanted)
    }
}
