import MartletCore
import MartletIR
import MartletLibrary

/// The body takes (states…, slices…) and gives (states…, slices of the results…).
///
/// Version 8 runs once for each entry of a batch, with time along axis 1 and an operand for lengths; from version 9 on
/// axes and directions are attributes.
enum Scan: ONNXOperator {
    static let versions = [8, 9]

    static func apply(_ node: inout ImportedNode) throws -> [Tensor?] {
        let operands = try (node.version == 8 ? 1..<max(1, node.inputCount) : 0..<node.inputCount).map {
            try node.input($0)
        }
        let scanCount = try node.required("num_scan_inputs", try node.int("num_scan_inputs"))
        guard scanCount >= 1, scanCount <= operands.count else {
            throw Diagnostic(
                "onnx.attribute", "'num_scan_inputs' is \(scanCount), there are \(operands.count) operands")
        }
        let states = Array(operands.dropLast(scanCount)), scanned = Array(operands.suffix(scanCount))
        if node.version == 8 { return try batched(node, states, scanned) }
        let axes = try node.list("scan_input_axes", scanCount),
            directions = try node.list("scan_input_directions", scanCount)
        let slices = try scanned.indices.map { number in
            let tensor = scanned[number]
            let axis = try node.axis(axes[number], rank: try tensor.rank)
            return try tensor.movingAxis(axis, to: 0).reversed(directions[number] != 0)
        }
        let result = try run(node, states, slices, lengths: nil)
        let count = result.stacked.count
        let outputAxes = try node.list("scan_output_axes", count)
        let outputDirections = try node.list("scan_output_directions", count)
        let stacked = try result.stacked.indices.map { number in
            let tensor = try result.stacked[number].reversed(outputDirections[number] != 0)
            return try tensor.movingAxis(0, to: node.axis(outputAxes[number], rank: try tensor.rank))
        }
        return result.states + stacked
    }

    /// Runs the body over axis 0 of the slices; states stay what they are from turn `length` on, if it is given.
    private static func run(
        _ node: ImportedNode, _ states: [Tensor], _ slices: [Tensor], lengths length: Tensor?
    ) throws -> (states: [Tensor], stacked: [Tensor]) {
        try Tensor.loop(trip: nil, condition: nil, states: states, scanned: slices) { turn, states, slices in
            let results = try node.results(of: "body", states + slices)
            guard results.count >= states.count else {
                throw Diagnostic(
                    "onnx.graph-outputs", "the body gives \(results.count) results for \(states.count) states")
            }
            var next = Array(results.prefix(states.count))
            if let length {
                let isOpen = try turn.compared(.lt, length)
                next = try zip(next, states).map { try Tensor.select(isOpen.expanded(to: $0.shape), $0, $1) }
            }
            return (nil, next, Array(results.dropFirst(states.count)))
        }
    }

    /// Version 8: a loop over the batch around the loop over time.
    private static func batched(_ node: ImportedNode, _ states: [Tensor], _ scanned: [Tensor]) throws -> [Tensor?] {
        let directions = try node.list("directions", scanned.count)
        let lengths = try node.optional(0)?.cast(to: .int64)
        let slices = try scanned.enumerated().map { number, tensor in
            if directions[number] == 0 { return tensor }
            guard let lengths else { return try tensor.movingAxis(1, to: 0).reversed(true).movingAxis(0, to: 1) }
            return try tensor.reversedSequences(lengths, time: 1, batch: 0)
        }
        let outer = (lengths.map { [$0] } ?? []) + states + slices
        let result = try Tensor.loop(trip: nil, condition: nil, states: [], scanned: outer) { _, _, parts in
            let own = parts.dropFirst(lengths == nil ? 0 : 1)
            let inner = try run(
                node, Array(own.prefix(states.count)), Array(own.dropFirst(states.count)),
                lengths: lengths == nil ? nil : parts[0])
            return (nil, [], inner.states + inner.stacked)
        }
        return result.stacked
    }
}

extension ImportedNode {
    /// A list of `count` integers, zeros by default.
    fileprivate func list(_ name: String, _ count: Int) throws -> [Int] {
        guard let values = try ints(name) else { return Array(repeating: 0, count: count) }
        guard values.count == count else {
            throw Diagnostic("onnx.attribute", "'\(name)' must have \(count) entries, not \(values.count)")
        }
        return values
    }
}

extension Tensor {
    fileprivate func movingAxis(_ axis: Int, to place: Int) throws -> Tensor {
        if axis == place { return self }
        var order = Array(0..<(try rank))
        order.insert(order.remove(at: axis), at: place)
        return try transposed(order)
    }

    /// Backwards along axis 0.
    fileprivate func reversed(_ isReversed: Bool) throws -> Tensor {
        guard isReversed, let extent = try shape.first else { return self }
        return try sliced(axis: 0, start: extent - 1, size: extent, step: -1)
    }
}
