import MartletCore

/// Reads the tables that `Engine.encodedTables` wrote; the result still has to be validated.
struct DecodedTables {
    let symbols: [Engine.SymbolInfo]
    let program: ExprProgram
    let inputs: [Engine.Port]
    let outputs: [Engine.Port]
    let states: [Engine.StateLink]
    let buffers: [Engine.Buffer]
    let kernels: [Engine.KernelInfo]
    let steps: [Engine.Step]
    let requirements: [Engine.Requirement]
    let reasons: [String]

    /// - Parameter format: the version of the tables.
    init(_ bytes: UnsafeRawBufferPointer, section: String, format: Int) throws {
        var reader = try TableReader(bytes, section: section)
        let abi = try reader.unsigned()
        guard abi == UInt64(Engine.kernelABIVersion) else {
            throw Diagnostic(
                "engine.unknown-abi",
                "the kernels use calling convention \(abi), this program knows "
                    + "\(Engine.kernelABIVersion)", help: "compile the model again with this version of Martlet")
        }
        symbols = try reader.list { try $0.symbol(format: format) }
        program = try reader.program()
        inputs = try reader.list { try $0.port() }
        outputs = try reader.list { try $0.port() }
        states = try reader.list { reader in
            Engine.StateLink(
                input: try reader.natural(), output: try reader.natural(),
                growth: try reader.optional {
                    Engine.Append(axis: try $0.natural(), capacity: try $0.optional { try $0.natural() })
                })
        }
        buffers = try reader.list { try $0.buffer() }
        kernels = try reader.list { try $0.kernel() }
        steps = try reader.list { try $0.step(depth: 0) }
        requirements = try reader.list { reader in
            let (left, right) = (try reader.expression(), try reader.expression())
            return Engine.Requirement(left: left, right: right, what: try reader.string())
        }
        reasons = try reader.list { try $0.string() }
        guard reader.isAtEnd else { throw reader.damaged("something follows its end") }
    }
}

extension TableReader {
    fileprivate mutating func symbol(format: Int) throws -> Engine.SymbolInfo {
        let name = try string()
        let kind: Engine.SymbolKind =
            switch try byte() {
            case 0: .input
            case 1: .bound
            case 2: .counter
            case 3: .offset(buffer: try natural())
            default: throw damaged("a symbol is of unknown kind")
            }
        let lower = try signed()
        let upper = try optional { try $0.signed() }
        let limit = format < 2 ? nil : try optional { try $0.expression() }
        return Engine.SymbolInfo(name: name, kind: kind, lower: lower, upper: upper, limit: limit)
    }

    fileprivate mutating func program() throws -> ExprProgram {
        var (operations, left, right): ([Int32], [Int32], [Int32]) = ([], [], [])
        var constants: [Int64] = []
        _ = try list { reader in
            let operation = Int32(try reader.byte())
            var (a, b, constant): (Int32, Int32, Int64) = (0, 0, 0)
            switch ExprProgram.Op(rawValue: operation) {
            case .constant: constant = Int64(try reader.signed())
            case .symbol: a = try reader.expression()
            default: (a, b) = (try reader.expression(), try reader.expression())
            }
            operations.append(operation)
            left.append(a)
            right.append(b)
            constants.append(constant)
        }
        return try ExprProgram(operations: operations, left: left, right: right, constants: constants)
    }

    fileprivate mutating func elementType() throws -> ElementType {
        guard let type = ElementType(rawValue: try byte()) else { throw damaged("an element type is unknown") }
        return type
    }

    fileprivate mutating func port() throws -> Engine.Port {
        let name = try string()
        let type = try elementType()
        let dims = try list { try $0.expression() }
        return Engine.Port(name: name, type: type, dims: dims, base: try natural())
    }

    fileprivate mutating func buffer() throws -> Engine.Buffer {
        let name = try string()
        let size = try expression()
        let firstStep = try natural()
        return Engine.Buffer(name: name, size: size, firstStep: firstStep, lastStep: try natural())
    }

    fileprivate mutating func kernel() throws -> Engine.KernelInfo {
        let name = try string()
        let offset = try natural()
        let operands = try natural()
        return Engine.KernelInfo(name: name, offset: offset, operands: operands, words: try natural())
    }

    fileprivate mutating func location() throws -> Engine.Location {
        let base = try natural()
        return Engine.Location(base: base, offset: try expression())
    }

    fileprivate mutating func copy() throws -> Engine.Copy {
        let from = try location()
        let to = try location()
        return Engine.Copy(from: from, to: to, bytes: try expression())
    }

    fileprivate mutating func step(depth: Int) throws -> Engine.Step {
        guard depth <= Engine.maximumNesting else { throw damaged("steps nest too deep") }
        let kind = try kind(depth: depth)
        let origins = try list { try $0.string() }
        let flops = try optional { try $0.expression() }
        let bytes = try optional { try $0.expression() }
        return Engine.Step(kind, origins: origins, flops: flops, bytes: bytes, note: try string())
    }

    private mutating func kind(depth: Int) throws -> Engine.Step.Kind {
        switch try byte() {
        case StepTag.kernel: return try kernelStep()
        case StepTag.bind: return try bindStep()
        case StepTag.branch:
            let condition = try location()
            let then = try list { try $0.step(depth: depth + 1) }
            return .branch(condition: condition, then: then, else: try list { try $0.step(depth: depth + 1) })
        case StepTag.loop: return try loopStep(depth: depth)
        case StepTag.copy: return .copy(try copy())
        case StepTag.fail:
            let code = try string()
            let message = try string()
            return .fail(code: code, message: message, help: try string())
        case StepTag.host:
            let name = try string()
            return .host(name: name, operands: try list { try $0.location() })
        default: throw damaged("a step is of unknown kind")
        }
    }

    private mutating func kernelStep() throws -> Engine.Step.Kind {
        let kernel = try natural()
        let words = try list { try $0.expression() }
        let grid = try expression()
        return .kernel(kernel: kernel, words: words, grid: grid, scratch: try expression())
    }

    private mutating func bindStep() throws -> Engine.Step.Kind {
        let symbol = try natural()
        let source = try location()
        let type = try elementType()
        let low = try signed()
        return .bind(symbol: symbol, source: source, type: type, low: low, high: try signed())
    }

    private mutating func loopStep(depth: Int) throws -> Engine.Step.Kind {
        let counter = try natural()
        let trip = try optional { try $0.expression() }
        let condition = try optional { try $0.location() }
        let body = try list { try $0.step(depth: depth + 1) }
        let carried = try list { try $0.copy() }
        return .loop(counter: counter, trip: trip, condition: condition, body: body, carried: carried)
    }
}
