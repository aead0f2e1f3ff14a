import MartletCore
import MartletIR
import MartletLibrary

/// A reduction as a step that may be done axis by axis, between maps.
struct Reduction {
    var before: (Tensor) throws -> Tensor = { $0 }
    /// Reduces along axes, which keep the extent 1.
    var along: (Tensor, [Int]) throws -> Tensor
    var after: (Tensor) throws -> Tensor = { $0 }

    init(
        _ combiner: Combiner, before: @escaping (Tensor) throws -> Tensor = { $0 },
        after: @escaping (Tensor) throws -> Tensor = { $0 }
    ) {
        along = { x, axes in
            let isLogical = try x.element == .bool
            let own: Combiner = isLogical && combiner == .max ? .or : isLogical && combiner == .min ? .and : combiner
            return try x.reduced(own, axes: axes, keepingAxes: true)
        }
        (self.before, self.after) = (before, after)
    }

    init(along: @escaping (Tensor, [Int]) throws -> Tensor) { self.along = along }

    /// Reduces along all of some axes.
    func callAsFunction(_ x: Tensor, axes: [Int]) throws -> Tensor {
        let mapped = try before(x)
        return try after(axes.isEmpty ? mapped : along(mapped, axes))
    }

    /// Reduces along axes that are computed from data: along each axis, or not.
    func callAsFunction(_ x: Tensor, axes: DynamicAxes) throws -> Tensor {
        var result = try before(x)
        for axis in 0..<axes.rank {
            result = try Tensor.branch(
                axes.contains(axis), then: { [try along(result, [axis])] }, else: { [result] })[0]
        }
        return try after(result)
    }
}

extension ImportedNode {
    /// The one result of a reduction. Axes are an operand from version `newer` on.
    func reduction(_ reduction: Reduction, axesSince newer: Int = 18) throws -> [Tensor?] {
        let x = try input(0)
        let rank = try x.rank
        let keepsAxes = try flag("keepdims", default: true)
        var axes: [Int] = []
        switch try axesChoice(1, since: newer, rank: { _ in rank }) {
        case .dynamic(let axes):
            let result = try reduction(x, axes: axes)
            return [try keepsAxes ? result : result.squeezed(axes: axes)]
        case .known(let given): axes = given.sorted()
        case nil: break
        }
        if axes.isEmpty {
            if version >= newer, try flag("noop_with_empty_axes") { return [try reduction(x, axes: [])] }
            axes = Array(0..<rank)
        }
        let result = try reduction(x, axes: axes)
        return [try keepsAxes ? result : result.squeezed(axes: axes)]
    }
}

enum ReduceSum: ONNXOperator {
    static let versions = [1, 13]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        try node.reduction(Reduction(.sum), axesSince: 13)
    }
}

enum ReduceMax: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.reduction(Reduction(.max)) }
}

enum ReduceMin: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.reduction(Reduction(.min)) }
}

enum ReduceProd: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { try node.reduction(Reduction(.prod)) }
}

enum ReduceMean: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        try node.reduction(Reduction { x, axes in try x.mean(axes: axes, keepingAxes: true) })
    }
}

enum ReduceL1: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        try node.reduction(Reduction(.sum, before: { try $0.mapped(.abs) }))
    }
}

extension ImportedNode {
    /// A sum between functions that are computed in a type with a fraction, wide enough for sums.
    fileprivate func realSum(
        before: @escaping (Tensor) throws -> Tensor = { $0 }, after: @escaping (Tensor) throws -> Tensor = { $0 }
    ) throws -> [Tensor?] {
        let type = try input(0).element
        let wide = type.wideReal
        return try reduction(
            Reduction(.sum, before: { try before($0.cast(to: wide)) }, after: { try after($0).cast(to: type) }))
    }
}

extension ElementType {
    /// The type in which functions of real numbers are computed on elements of this type.
    fileprivate var wideReal: ElementType { isInteger ? .float64 : bitWidth < 32 ? .float32 : self }
}

enum ReduceL2: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        try node.realSum(before: { try ($0 * $0).checked() }, after: { try $0.mapped(.sqrt) })
    }
}

/// Squares of integers wrap round.
enum ReduceSumSquare: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        if try node.input(0).element.isInteger {
            return try node.reduction(Reduction(.sum, before: { try ($0 * $0).checked() }))
        }
        return try node.realSum(before: { try ($0 * $0).checked() })
    }
}

enum ReduceLogSum: ONNXOperator {
    static let versions = [1, 18]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        try node.realSum(after: { try $0.mapped(.log) })
    }
}

enum ReduceLogSumExp: ONNXOperator {
    static let versions = [1, 18]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let type = try node.input(0).element
        var reduction = Reduction { x, axes in try x.logSumExp(axes: axes, keepingAxes: true) }
        reduction.before = { try $0.cast(to: type.wideReal) }
        reduction.after = { try $0.cast(to: type) }
        return try node.reduction(reduction)
    }
}
