import MartletCore
import MartletIR

/// Types of a model's inputs: names of sizes become symbols, one for each name.
struct InputTypes {
    private let recorder: Recorder
    private let options: ImportOptions
    private let learned: [String: Bounds]
    private var named: [String: IntExpr] = [:]
    /// The symbols made.
    private(set) var symbols: Set<Symbol> = []

    init(_ context: ModelImport) {
        recorder = context.root
        options = context.options
        learned = context.learned
        for input in context.model.graph.dataInputs { fix(input) }
    }

    /// Gives names of sizes the values that the options state for them.
    private mutating func fix(_ input: ValueInfoProto) {
        guard let sizes = options.shapes[input.name], case .tensor(_, let shape?) = input.type?.value,
            shape.dimensions.count == sizes.count
        else { return }
        for (dimension, size) in zip(shape.dimensions, sizes) {
            if case .parameter(let name) = dimension.value, size >= 0, !name.isEmpty { named[name] = IntExpr(size) }
        }
    }

    /// The type of an input.
    ///
    /// - Throws: `onnx.input-type`, `onnx.unknown-rank`, `onnx.shape-option`.
    mutating func type(of input: ValueInfoProto) throws -> TensorType {
        let place = Place.parameter(input.name)
        guard case .tensor(let code, let shape) = input.type?.value else {
            throw Diagnostic("onnx.input-type", "input '\(input.name)' is no tensor", at: place)
        }
        guard let element = ElementType(onnxCode: code) else {
            throw Diagnostic("onnx.element-type", "element type \(code) of input '\(input.name)' is unknown", at: place)
        }
        let given = options.shapes[input.name]
        guard let dimensions = shape?.dimensions ?? given?.map({ _ in TensorShapeProto.Dimension() }) else {
            throw Diagnostic(
                "onnx.unknown-rank", "the model does not state the rank of input '\(input.name)'", at: place,
                help: "state its shape in the options")
        }
        guard given == nil || given?.count == dimensions.count else {
            throw Diagnostic(
                "onnx.shape-option", "input '\(input.name)' has \(dimensions.count) axes", at: place)
        }
        return TensorType(
            element,
            try dimensions.enumerated().map { axis, dimension in
                try extent(dimension.value, input.name, axis, given: given?[axis])
            })
    }

    private mutating func extent(
        _ declared: TensorShapeProto.Dimension.Value, _ input: String, _ axis: Int, given: Int?
    ) throws -> IntExpr {
        let given = given.flatMap { $0 < 0 ? nil : $0 }
        switch declared {
        case .extent(let size) where size >= 0:
            guard given == nil || given == Int(size) else {
                throw Diagnostic(
                    "onnx.shape-option", "axis \(axis) of input '\(input)' is \(size) in the model",
                    at: .parameter(input))
            }
            return IntExpr(Int(size))
        case .parameter(let name) where !name.isEmpty:
            if let known = named[name] {
                guard given == nil || known == IntExpr(given ?? 0) else {
                    throw Diagnostic(
                        "onnx.shape-option", "size '\(name)' is given two values", at: .parameter(input))
                }
                return known
            }
            let size = symbol(name)
            named[name] = size
            return size
        default:
            return given.map { IntExpr($0) } ?? symbol("\(input)_\(axis)")
        }
    }

    private mutating func symbol(_ name: String) -> IntExpr {
        let symbol = recorder.symbol(
            name, lower: learned[name]?.lower ?? 0, upper: learned[name]?.upper.map { IntExpr($0) })
        symbols.insert(symbol)
        return IntExpr(symbol)
    }
}
