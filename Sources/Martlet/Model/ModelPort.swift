public import MartletCore
import MartletEngine
import MartletIR

/// A named input or output of a model.
public struct ModelPort: Sendable, Hashable {
    /// The name, as the model's file has it.
    public let name: String
    /// Type of the elements.
    public let type: ElementType
    /// Extents, outermost first.
    public let shape: [Extent]

    /// A port of its parts.
    public init(name: String, type: ElementType, shape: [Extent]) {
        (self.name, self.type, self.shape) = (name, type, shape)
    }
}

extension ModelPort: CustomStringConvertible {
    /// Name, type and shape, as `ids: i64[batch, 128]`.
    public var description: String { "\(name): \(type.name)[\(shape.map(\.text).joined(separator: ", "))]" }
}

extension ModelPort {
    init(_ port: Engine.Port, of engine: Engine) {
        self.init(
            name: port.name, type: port.type,
            shape: port.dims.map { reference in
                let text = engine.text(of: reference)
                if let size = Int(text) { return Extent(size) }
                let symbol = engine.symbols.first { $0.name == text }
                return Extent(named: text, lower: symbol?.lower ?? 0, upper: symbol?.upper)
            })
    }

    init(_ port: GraphPort, of graph: Graph) {
        let type = graph.type(of: port.value)
        let table = graph.symbols
        self.init(
            name: port.name, type: type.element,
            shape: type.shape.map { extent in
                if let size = extent.constant { return Extent(size) }
                let text = extent.text { table.name(of: $0) }
                let range = table.symbol(named: text).map { table.ranges[$0] }
                return Extent(named: text, lower: range?.lower ?? 0, upper: range?.upper)
            })
    }
}

extension Graph {
    /// The inputs in words.
    package var inputPorts: [ModelPort] { inputs.map { ModelPort($0, of: self) } }
    /// The outputs in words.
    package var outputPorts: [ModelPort] { outputs.map { ModelPort($0, of: self) } }
}

extension Engine {
    /// The inputs in words.
    package var inputPorts: [ModelPort] { ports(\.inputs) }
    /// The outputs in words.
    package var outputPorts: [ModelPort] { ports(\.outputs) }

    /// The ports of the variant that takes all sizes; where there is none, extents in which variants differ are named by
    /// all that there are, such as `224|384`.
    private func ports(_ list: (Engine) -> [Port]) -> [ModelPort] {
        let own = list(self).map { ModelPort($0, of: self) }
        guard !specialisations.isEmpty, !isGeneral else { return own }
        let others = specialisations.map { variant in list(variant).map { ModelPort($0, of: variant) } }
        return own.enumerated().map { index, port in
            let shapes = others.map { $0[index].shape } + [port.shape]
            let shape = port.shape.indices.map { axis in Extent(oneOf: shapes.map { $0[axis] }) }
            return ModelPort(name: port.name, type: port.type, shape: shape)
        }
    }
}

extension Extent {
    /// One extent for those of several variants.
    fileprivate init(oneOf extents: [Extent]) {
        var texts: [String] = []
        for extent in extents where !texts.contains(extent.text) { texts.append(extent.text) }
        if texts.count == 1 {
            self = extents[0]
        } else {
            let sizes = extents.compactMap(\.size)
            let upper = sizes.count == extents.count ? sizes.max() : nil
            self.init(named: texts.joined(separator: "|"), lower: sizes.min() ?? 0, upper: upper)
        }
    }
}
