import MartletCore
import MartletIR
import MartletONNX
import TestSupport

/// A model of one node, imported and interpreted.
struct OperatorCase {
    /// An input of the node.
    enum Input {
        /// Given when the model runs.
        case data(HostTensor)
        /// Known when the model is imported.
        case constant(HostTensor)
        case missing
    }

    let type: String
    var domain = ""
    var opset: Int64 = 26
    var outputs = 1
    var attributes: [AttributeProto] = []
    /// Whether all sizes of the data are unknown at import.
    var hasOpenSizes = false

    init(
        _ type: String, domain: String = "", opset: Int64 = 26, outputs: Int = 1, _ attributes: [AttributeProto] = []
    ) {
        (self.type, self.domain, self.opset, self.outputs) = (type, domain, opset, outputs)
        self.attributes = attributes
    }

    /// The results for these inputs.
    func callAsFunction(_ inputs: Input...) throws -> [HostTensor] {
        var graph = GraphProto()
        var names: [String] = [], data: [HostTensor] = []
        for (number, input) in inputs.enumerated() {
            let name = "x\(number)"
            names.append(name)
            switch input {
            case .missing: names[number] = ""
            case .constant(let tensor): graph.initializers.append(TensorProto(tensor, name: name))
            case .data(let tensor):
                data.append(tensor)
                graph.inputs.append(ValueInfoProto(name: name, type: type(of: tensor, number)))
            }
        }
        let results = (0..<outputs).map { "y\($0)" }
        graph.nodes = [NodeProto(type, domain: domain, inputs: names, outputs: results, attributes: attributes)]
        graph.outputs = results.map { ValueInfoProto(name: $0) }
        var model = ModelProto()
        model.graph = graph
        model.opsetImports = [.init(domain: domain, version: opset)]
        return try Interpreter(try ONNXImporter.import(ONNXModel(model)).graph).run(data)
    }

    private func type(of tensor: HostTensor, _ number: Int) -> TypeProto {
        if !hasOpenSizes { return TypeProto(tensor: tensor.type, shape: .init(extents: tensor.shape)) }
        let axes = tensor.shape.indices.map { TensorShapeProto.Dimension(.parameter("d\(number)_\($0)")) }
        return TypeProto(tensor: tensor.type, shape: .init(axes))
    }

    /// The one result as numbers.
    func numbers(_ inputs: [Double], shape: [Int]? = nil, as type: ElementType = .float32) throws -> [Double] {
        try self(.data(.of(inputs, shape, type)))[0].doubles()
    }

    /// The code of the diagnostic for these inputs; nil if there is none.
    func failure(_ inputs: [Double], shape: [Int]? = nil, as type: ElementType = .float32) -> String? {
        errorCode { _ = try self(.data(.of(inputs, shape, type))) }
    }
}

extension HostTensor {
    /// A tensor of numbers; a vector by default.
    static func of(_ values: [Double], _ shape: [Int]? = nil, _ type: ElementType = .float32) throws -> HostTensor {
        try fromDoubles(values, as: type, shape: shape ?? [values.count])
    }

    /// An `i64` vector.
    static func of(integers: Int64...) throws -> HostTensor { try HostTensor(integers, shape: [integers.count]) }
}

/// Whether numbers agree to one part in 10⁵; NaN agrees with NaN.
func agree(_ a: [Double], _ b: [Double], within tolerance: Double = 1e-5) -> Bool {
    a.count == b.count
        && zip(a, b).allSatisfy { x, y in
            x == y || (x.isNaN && y.isNaN) || abs(x - y) <= tolerance * max(1, abs(y))
        }
}
