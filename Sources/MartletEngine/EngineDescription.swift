import MartletCore

extension Engine.Header {
    /// The header in words, one fact a line.
    public func describe() -> String {
        let facts: [(String, String)] = [
            ("engine", name), ("format", String(formatVersion)), ("written by", writerVersion), ("target", target),
            ("triple", triple), ("features", features.joined(separator: " ")), ("accuracy", accuracy),
            ("model", modelHash),
        ]
        return facts.filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1)\n" }.joined()
    }
}

extension Engine {
    /// What the engine is, in words: header, ports, states, sizes. One fact a line.
    public func describe() -> String {
        var text = header.describe()
        for input in inputs { text += "input \(describe(input))\n" }
        for output in outputs { text += "output \(describe(output))\n" }
        for link in states where inputs.indices.contains(link.input) && outputs.indices.contains(link.output) {
            let growth = link.growth.map { growth in
                ", appended along axis \(growth.axis)" + (growth.capacity.map { " up to \($0)" } ?? "")
            }
            text += "state \(inputs[link.input].name) <- \(outputs[link.output].name)\(growth ?? "")\n"
        }
        for requirement in requirements {
            text +=
                "requires \(self.text(of: requirement.left)) = \(self.text(of: requirement.right)): "
                + "\(requirement.what)\n"
        }
        text += describeGrowth()
        text += "steps: \(stepCount), kernels: \(kernels.count), arena values: \(buffers.count)\n"
        text += "code: \(code.count) bytes, weights: \(weights.count) bytes\n"
        return text + describeVariants()
    }

    private func describeVariants() -> String {
        guard !specialisations.isEmpty else { return "" }
        let lines = variants.enumerated().map { index, variant in
            "variant \(index + 1): \(variant.sizes); \(variant.stepCount) steps, \(variant.code.count) bytes of code\n"
        }
        return "variants: \(lines.count); a run takes the first that fits its inputs\n" + lines.joined()
    }

    /// The shapes of the inputs that it takes, with the ranges of their sizes: `x [n, 3], n in 1...8`.
    public var sizes: String {
        let shapes = inputs.map { input in
            "\(input.name) [\(input.dims.map { text(of: $0) }.joined(separator: ", "))]"
        }
        let ranges = symbols.filter { $0.kind == .input }.map { symbol in
            "\(symbol.name) in \(symbol.lower)...\(symbol.upper.map { String($0) } ?? "")"
        }
        return (shapes + ranges).joined(separator: ", ")
    }

    private func describeGrowth() -> String {
        let growth = unboundedValues
        let values = growth.buffers.map { "'\(buffers[$0].name)', \(text(of: buffers[$0].size)) bytes" }
        let results = growth.outputs.map { "output '\(outputs[$0].name)'" }
        return (values + results).map { "grows during the run: \($0)\n" }.joined()
    }

    private func describe(_ port: Port) -> String { "\(port.name): \(text(ofType: port))" }

    /// Element type and extents of a port as messages show them: `f32[n, 3]`.
    func text(ofType port: Port) -> String {
        "\(port.type.name)[\(port.dims.map { text(of: $0) }.joined(separator: ", "))]"
    }

    /// An expression as messages show it: a constant, the name of a symbol, or a formula over names.
    public func text(of reference: ExprRef) -> String {
        program.text(of: reference, names: symbols.map(\.name))
    }
}
