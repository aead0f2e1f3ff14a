import Martlet
import MartletCore
import MartletIR
import MartletONNX
import TestSupport

/// An ONNX model that spells a function out, node by node.
struct SpelledModel {
    private var graph = GraphProto()
    private let opset: Int64
    private var count = 0

    init(opset: Int64) { self.opset = opset }

    /// Adds a float32 input; an extent below 0 is a size of its own.
    mutating func input(_ name: String, _ extents: [Int], _ type: ElementType = .float32) -> String {
        let dimensions = extents.enumerated().map { axis, extent -> TensorShapeProto.Dimension in
            .init(extent < 0 ? .parameter("\(name)\(axis)") : .extent(Int64(extent)))
        }
        graph.inputs.append(ValueInfoProto(name: name, type: TypeProto(tensor: type, shape: .init(dimensions))))
        return name
    }

    /// Adds a node named like its operator, with a number; gives its result.
    mutating func add(_ type: String, _ inputs: [String], _ attributes: [AttributeProto] = []) -> String {
        count += 1
        let name = "\(type)\(count)"
        graph.nodes.append(NodeProto(type, name: name, inputs: inputs, outputs: [name], attributes: attributes))
        return name
    }

    mutating func constant(_ tensor: HostTensor) -> String {
        count += 1
        graph.initializers.append(TensorProto(tensor, name: "c\(count)"))
        return "c\(count)"
    }

    mutating func number(_ value: Double, _ type: ElementType = .float32) throws -> String {
        constant(try HostTensor.fromDoubles([value], as: type, shape: []))
    }

    mutating func integers(_ values: [Int]) throws -> String {
        constant(try HostTensor(values.map { Int64($0) }, shape: [values.count]))
    }

    /// Makes a value an output, `y0` and so on.
    mutating func output(_ value: String) {
        let name = "y\(graph.outputs.count)"
        graph.nodes.append(NodeProto("Identity", inputs: [value], outputs: [name]))
        graph.outputs.append(ValueInfoProto(name: name))
    }

    /// A mean whose axes are an attribute, or an operand from version 18 on.
    mutating func mean(_ x: String, _ axes: [Int]) throws -> String {
        if opset >= 18 { return add("ReduceMean", [x, try integers(axes)]) }
        return add("ReduceMean", [x], [AttributeProto("axes", .ints(axes.map { Int64($0) }))])
    }

    func imported() throws -> Graph {
        var proto = ModelProto()
        proto.graph = graph
        proto.opsetImports = [OperatorSetIdProto(version: opset)]
        return try ONNXImporter.import(ONNXModel(proto)).graph
    }
}

/// The ways in which layer normalisation comes.
enum LayerNormSpelling: String, CaseIterable {
    /// The operator of version 17.
    case standard
    /// The body that ONNX defines for the operator.
    case definition
    /// PyTorch's exporter for version 13: axes as attributes, squares as powers.
    case powers
    /// PyTorch's exporter for version 18: axes as operands; with products as squares.
    case products
    /// The reciprocal of the root, and a product.
    case reciprocal
    /// TensorFlow's: scale and bias are combined with mean and deviation first.
    case folded

    private var opset: Int64 { self == .products ? 18 : self == .powers ? 13 : 17 }

    /// A model of the norm of `x` over the axes from `axis` on. Scale and bias are constants, or inputs if there is no
    /// generator.
    func model(_ shape: [Int], axis: Int, epsilon: Double = 1e-5, constants: inout SplitMix64?) throws -> Graph {
        var model = SpelledModel(opset: opset)
        let x = model.input("x", shape)
        var parameters: [String] = []
        for name in ["scale", "bias"] {
            if let tensor = try constants?.tensor(Array(shape[axis...])) {
                parameters.append(model.constant(tensor))
            } else {
                parameters.append(model.input(name, Array(shape[axis...])))
            }
        }
        model.output(try spell(&model, x, parameters, axis: axis, rank: shape.count, epsilon))
        return try model.imported()
    }

    private func spell(
        _ model: inout SpelledModel, _ x: String, _ parameters: [String], axis: Int, rank: Int, _ epsilon: Double
    ) throws -> String {
        switch self {
        case .standard:
            let attributes = [
                AttributeProto("axis", .int(Int64(axis))), AttributeProto("epsilon", .float(Float(epsilon))),
            ]
            return model.add("LayerNormalization", [x] + parameters, attributes)
        case .definition: return try definition(&model, x, parameters, axis: axis, epsilon)
        default: return try steps(&model, x, parameters, Array(axis - rank..<0), epsilon)
        }
    }

    /// The nodes of the function body of `LayerNormalization` (onnx 1.19, `onnx/defs/nn/defs.cc`) that y needs.
    private func definition(
        _ model: inout SpelledModel, _ x: String, _ parameters: [String], axis: Int, _ epsilon: Double
    ) throws -> String {
        let toFloat = [AttributeProto("to", .int(1))]
        let epsilonCast = model.add("Cast", [try model.number(epsilon)], toFloat)
        let shape = model.add("Shape", [x])
        let flat = model.add("Flatten", [x], [AttributeProto("axis", .int(Int64(axis)))])
        let wide = model.add("Cast", [flat], toFloat)
        let mean = try model.mean(wide, [1])
        let meanOfSquare = try model.mean(model.add("Mul", [wide, wide]), [1])
        let variance = model.add("Sub", [meanOfSquare, model.add("Mul", [mean, mean])])
        let deviation = model.add("Sqrt", [model.add("Add", [variance, epsilonCast])])
        let centred = model.add("Sub", [wide, mean])
        let normalized = model.add("Cast", [model.add("Div", [centred, deviation])], toFloat)
        let flatten = [AttributeProto("axis", .int(0))]
        let scaled = model.add("Mul", [normalized, model.add("Flatten", [parameters[0]], flatten)])
        let biased = model.add("Add", [scaled, model.add("Flatten", [parameters[1]], flatten)])
        return model.add("Reshape", [biased, shape])
    }

    private func steps(
        _ model: inout SpelledModel, _ x: String, _ parameters: [String], _ axes: [Int], _ epsilon: Double
    ) throws -> String {
        let mean = try model.mean(x, axes)
        let centred = model.add("Sub", [x, mean])
        let square =
            self == .powers
            ? model.add("Pow", [centred, try model.number(2)]) : model.add("Mul", [centred, centred])
        let variance = try model.mean(square, axes)
        let root = model.add("Sqrt", [model.add("Add", [variance, try model.number(epsilon)])])
        switch self {
        case .folded:
            let factor = model.add("Mul", [model.add("Reciprocal", [root]), parameters[0]])
            let shift = model.add("Sub", [parameters[1], model.add("Mul", [mean, factor])])
            return model.add("Add", [model.add("Mul", [x, factor]), shift])
        case .reciprocal:
            let normal = model.add("Mul", [model.add("Reciprocal", [root]), centred])
            return model.add("Add", [parameters[1], model.add("Mul", [parameters[0], normal])])
        default:
            let normal = model.add("Div", [centred, root])
            return model.add("Add", [model.add("Mul", [normal, parameters[0]]), parameters[1]])
        }
    }
}

extension SplitMix64 {
    /// float32 values between -2 and 2.
    mutating func tensor(_ shape: [Int]) throws -> HostTensor {
        let values = (0..<shape.reduce(1, *)).map { _ in Float(int(-2000...2000)) / 1000 }
        return try HostTensor(values, shape: shape)
    }
}

extension Graph {
    /// The text without the names of source nodes.
    var textWithoutOrigins: String {
        text.split(separator: "\n").map { line in
            line.firstRange(of: " @ \"").map { String(line[..<$0.lowerBound]) } ?? String(line)
        }.joined(separator: "\n")
    }

    /// Names of the kept calls, those of nested graphs too.
    var keptCalls: [String] {
        nodeIDs.flatMap { node -> [String] in
            let operation = operation(of: node)
            let nested = operation.regions.flatMap(\.keptCalls)
            return operation is any KeptFunction ? [Swift.type(of: operation).name] + nested : nested
        }
    }
}
