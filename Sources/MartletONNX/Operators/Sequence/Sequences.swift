import MartletCore
import MartletIR
import MartletLibrary

// Sequences have a known length while a model is imported, and are gone after.

extension ImportedNode {
    /// Makes the node's one result a sequence.
    fileprivate mutating func give(_ elements: [ImportedValue]) -> [Tensor?] {
        otherResults[0] = .sequence(elements)
        return [nil]
    }

    fileprivate mutating func give(_ value: ImportedValue) -> [Tensor?] {
        if case .tensor(let tensor) = value { return [tensor] }
        otherResults[0] = value
        return [nil]
    }
}

enum SequenceConstruct: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        node.give(try node.inputs.map { .tensor($0) })
    }
}

enum SequenceEmpty: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { node.give([]) }
}

enum SequenceInsert: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        var elements = try node.sequence(0)
        // -n…n, where negative positions count from the end of the old sequence.
        let count = elements.count
        var place = count
        if let given = try node.integers(2, "the position in the sequence") {
            guard given.count == 1, given[0] >= -count, given[0] <= count else {
                throw Diagnostic("onnx.sequence", "position \(given) is out of range for \(count) elements")
            }
            place = given[0] < 0 ? given[0] + count : given[0]
        }
        elements.insert(.tensor(try node.input(1)), at: place)
        return node.give(elements)
    }
}

enum SequenceErase: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        var elements = try node.sequence(0)
        let place = try node.position(1, count: elements.count) ?? elements.count - 1
        guard place >= 0 else { throw Diagnostic("onnx.sequence", "the sequence has no element to erase") }
        elements.remove(at: place)
        return node.give(elements)
    }
}

/// A position that depends on data selects among tensors of one type.
enum SequenceAt: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let elements = try node.sequence(0)
        let position = try node.input(1)
        if position.symbolicValues == nil {
            let rows = try elements.tensors().map { try $0.unsqueezed(axes: [0]) }
            guard !rows.isEmpty else { throw Diagnostic("onnx.sequence", "the sequence is empty") }
            return [try Tensor.concatenate(rows, axis: 0).taken(position.reshaped(to: []), axis: 0)]
        }
        guard let place = try node.position(1, count: elements.count) else { return [nil] }
        return node.give(elements[place])
    }
}

enum SequenceLength: ONNXOperator {
    static let versions = [11]
    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] { [.number(try node.sequence(0).count)] }
}

/// Joins along an axis, or along a new one.
enum ConcatFromSequence: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let parts = try node.sequence(0).tensors()
        guard let first = parts.first else { throw Diagnostic("onnx.sequence", "an empty sequence cannot be joined") }
        let given = try node.required("axis", try node.int("axis"))
        if try node.flag("new_axis") {
            let axis = try node.axis(given, rank: try first.rank + 1)
            return [try Tensor.concatenate(parts.map { try $0.unsqueezed(axes: [axis]) }, axis: axis)]
        }
        return [try Tensor.concatenate(parts, axis: node.axis(given, rank: try first.rank))]
    }
}

/// Parts of one size, 1 by default, or of given sizes. `keepdims` counts for the default only.
enum SplitToSequence: ONNXOperator {
    static let versions = [11]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let x = try node.input(0)
        let axis = try node.axis(try node.int("axis", default: 0), rank: try x.rank)
        let extent = try node.shape(of: x)[axis]
        let split = try node.optional(1)
        if let split, try split.rank > 0 {
            let sizes = try node.dims(of: split, upper: extent)
            return node.give(try x.split(sizes, axis: axis).map { .tensor($0) })
        }
        let size = try node.integers(1, "the size of the parts")?.first ?? 1
        guard let total = extent.constant else {
            throw Diagnostic("onnx.dynamic-count", "the length of the sequence is not known before the model runs")
        }
        guard size > 0, total / size < 1 << 16 else {
            throw Diagnostic("onnx.sequence", "an axis of \(total) cannot be split into parts of \(size)")
        }
        let sizes = stride(from: 0, to: total, by: size).map { IntExpr(min(size, total - $0)) }
        let parts = try x.split(sizes, axis: axis)
        let isDropped = try split == nil && !node.flag("keepdims", default: true)
        return node.give(try parts.map { .tensor(isDropped ? try $0.squeezed(axes: [axis]) : $0) })
    }
}

/// Imports the body once for each element.
enum SequenceMap: ONNXOperator {
    static let versions = [17]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let count = try node.sequence(0).count
        var results = [[ImportedValue]](repeating: [], count: node.outputCount)
        for place in 0..<count {
            let inputs = try node.values.indices.map { index -> ImportedValue in
                let value = try node.value(index)
                guard case .sequence(let elements) = value else { return value }
                guard elements.count == count else {
                    throw Diagnostic("onnx.sequence", "sequences of \(count) and \(elements.count) elements")
                }
                return elements[place]
            }
            for (number, value) in try node.values(of: "body", inputs).enumerated() where number < results.count {
                guard let value else { throw Diagnostic("onnx.output", "result \(number) of the body does not exist") }
                results[number].append(value)
            }
        }
        for (number, elements) in results.enumerated() { node.otherResults[number] = .sequence(elements) }
        return Array(repeating: nil, count: results.count)
    }
}

/// An optional of something, or an empty one.
enum OptionalOperator: ONNXOperator {
    static let versions = [15]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        node.otherResults[0] = .optional(node.values.first ?? nil)
        return [nil]
    }
}

enum OptionalHasElement: ONNXOperator {
    static let versions = [15]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        switch node.values.first ?? nil {
        case nil, .optional(nil): return [Tensor(HostTensor(scalar: false))]
        default: return [Tensor(HostTensor(scalar: true))]
        }
    }
}

enum OptionalGetElement: ONNXOperator {
    static let versions = [15]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        switch try node.value(0) {
        case .optional(let value?): return node.give(value)
        case .optional(nil): throw Diagnostic("onnx.optional", "the optional is empty")
        case let value: return node.give(value)
        }
    }
}

extension [ImportedValue] {
    /// The elements of a sequence of tensors.
    fileprivate func tensors() throws -> [Tensor] {
        try map { value in
            guard case .tensor(let tensor) = value else {
                throw Diagnostic("onnx.sequence", "the sequence holds a \(value.kindName), not tensors")
            }
            return tensor
        }
    }
}
