public import MartletCore

/// `fail`: ends the run with a diagnostic when reached. Its results stand for values that are never made.
public struct Fail: Operation {
    public static let name = "fail"
    public let diagnostic: Diagnostic
    public let results: [TensorType]

    /// Makes a node that throws `diagnostic`.
    public init(_ diagnostic: Diagnostic, results: [TensorType]) {
        self.diagnostic = diagnostic
        self.results = results
    }

    public init(_ attributes: AttributeReader) throws {
        var place: Place?
        if attributes.has("node") {
            let file = attributes.has("file") ? try attributes.word("file") : nil
            place = .node(
                name: try attributes.word("node"), operator: try attributes.word("operator"), file: file)
        }
        let help = attributes.has("help") ? try attributes.word("help") : nil
        let diagnostic = Diagnostic(
            try attributes.word("code"), try attributes.word("message"), at: place, help: help)
        self.init(diagnostic, results: try attributes.types("results"))
    }

    public var attributes: [Attribute] {
        var list = [Attribute("code", .text(diagnostic.code)), Attribute("message", .text(diagnostic.message))]
        if let help = diagnostic.help { list.append(Attribute("help", .text(help))) }
        if case .node(let name, let operatorName, let file) = diagnostic.place {
            list.append(Attribute("node", .text(name)))
            list.append(Attribute("operator", .text(operatorName)))
            if let file { list.append(Attribute("file", .text(file))) }
        }
        list.append(Attribute("results", .types(results)))
        return list
    }

    public var isInterned: Bool { false }
    public var isFoldable: Bool { false }
    public var hasEffect: Bool { true }

    public func resultTypes(of operands: [TensorType], in scope: any TypeScope) throws -> [TensorType] {
        try expect(operands, count: 0)
        return results
    }

    public func evaluate(_ operands: [HostTensor], in context: any EvaluationContext) throws -> [HostTensor] {
        throw diagnostic
    }

    public func kernelForm(operands: [TensorType], results: [TensorType]) throws -> KernelForm { .fail(diagnostic) }
}
