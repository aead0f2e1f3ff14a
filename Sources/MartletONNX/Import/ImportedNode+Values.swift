import MartletCore
import MartletIR
import MartletLibrary

extension ImportedNode {
    /// An operand of any kind.
    ///
    /// - Throws: `onnx.input` if it is left out.
    func value(_ index: Int) throws -> ImportedValue {
        guard values.indices.contains(index), let value = values[index] else {
            throw Diagnostic("onnx.input", "input \(index) is missing")
        }
        return value
    }

    /// The elements of a sequence.
    ///
    /// - Throws: `onnx.input` if the operand is none.
    func sequence(_ index: Int) throws -> [ImportedValue] {
        let value = try value(index)
        guard case .sequence(let elements) = value else {
            throw Diagnostic("onnx.input", "input \(index) must be a sequence, not a \(value.kindName)")
        }
        return elements
    }

    /// A position among `count` places that must be known, counted from the front; nil if it is left out.
    func position(_ index: Int, count: Int) throws -> Int? {
        guard let given = try integers(index, "the position in the sequence") else { return nil }
        guard given.count == 1, given[0] >= -count, given[0] < count else {
            throw Diagnostic("onnx.sequence", "position \(given) is out of range for \(count) places")
        }
        return given[0] < 0 ? given[0] + count : given[0]
    }

    /// A scalar as a size; a floating-point one is rounded toward zero.
    func size(_ index: Int, upper: IntExpr? = nil) throws -> IntExpr {
        try input(index).cast(to: .int64).reshaped(to: []).readSize(name, upper: upper)
    }

    /// The elements of an integer vector as sizes; those computed from data are checked against `upper`, too.
    func dims(of tensor: Tensor, upper: IntExpr) throws -> [IntExpr] {
        if let known = tensor.symbolicValues { return known.map(recorder.simplify) }
        guard try tensor.rank == 1, let count = recorder.simplify(try tensor.type.count).constant else {
            throw Diagnostic("onnx.dynamic-count", "the number of sizes is not known before the model runs")
        }
        return try (0..<count).map { place in
            let element = try tensor.sliced(start: [IntExpr(place)], size: [1]).reshaped(to: [])
            return try recorder.bind(element, "\(name)_\(place)", upper: upper)
        }
    }

    /// Imports a graph that is an attribute with these values as its inputs, in place.
    func values(of attribute: String, _ inputs: [ImportedValue]) throws -> [ImportedValue?] {
        let graph = try graph(attribute)
        guard graph.inputs.count == inputs.count else {
            throw Diagnostic(
                "onnx.graph-inputs",
                "graph '\(graph.name)' has \(graph.inputs.count) inputs, \(inputs.count) are given")
        }
        var frame = try context.frame(of: graph, resultNames: [], in: self)
        for (input, value) in zip(graph.inputs, inputs) { try frame.define(input.name, value) }
        context.regionDepth += 1
        defer { context.regionDepth -= 1 }
        return try context.run(stack + [frame], downTo: stack.count)
    }
}
