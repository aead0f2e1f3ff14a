import MartletCore

/// The tables of an engine as bytes: everything but the header, the code, the weights and the source graph.
extension Engine {
    func encodedTables() -> [UInt8] {
        var writer = TableWriter()
        writer.unsigned(UInt64(Engine.kernelABIVersion))
        writer.list(symbols) { $0.symbol($1) }
        writer.program(program)
        writer.list(inputs) { $0.port($1) }
        writer.list(outputs) { $0.port($1) }
        writer.list(states) { writer, link in
            writer.unsigned(UInt64(link.input))
            writer.unsigned(UInt64(link.output))
            writer.optional(link.growth) { writer, growth in
                writer.unsigned(UInt64(growth.axis))
                writer.optional(growth.capacity) { $0.unsigned(UInt64($1)) }
            }
        }
        writer.list(buffers) { $0.buffer($1) }
        writer.list(kernels) { $0.kernel($1) }
        writer.list(steps) { $0.step($1) }
        writer.list(requirements) { writer, requirement in
            writer.expression(requirement.left)
            writer.expression(requirement.right)
            writer.string(requirement.what)
        }
        writer.list(reasons) { $0.string($1) }
        return writer.finished()
    }
}

extension TableWriter {
    fileprivate mutating func expression(_ reference: ExprRef) {
        unsigned(UInt64(reference))
    }

    fileprivate mutating func symbol(_ symbol: Engine.SymbolInfo) {
        string(symbol.name)
        switch symbol.kind {
        case .input: byte(0)
        case .bound: byte(1)
        case .counter: byte(2)
        case .offset(let buffer):
            byte(3)
            unsigned(UInt64(buffer))
        }
        signed(symbol.lower)
        optional(symbol.upper) { $0.signed($1) }
        optional(symbol.limit) { $0.expression($1) }
    }

    fileprivate mutating func program(_ program: ExprProgram) {
        unsigned(UInt64(program.count))
        for index in 0..<program.count {
            byte(UInt8(truncatingIfNeeded: program.operations[index]))
            switch ExprProgram.Op(rawValue: program.operations[index]) {
            case .constant: signed(Int(program.constants[index]))
            case .symbol: unsigned(UInt64(UInt32(bitPattern: program.left[index])))
            default:
                unsigned(UInt64(UInt32(bitPattern: program.left[index])))
                unsigned(UInt64(UInt32(bitPattern: program.right[index])))
            }
        }
    }

    fileprivate mutating func port(_ port: Engine.Port) {
        string(port.name)
        byte(port.type.rawValue)
        list(port.dims) { $0.expression($1) }
        unsigned(UInt64(port.base))
    }

    fileprivate mutating func buffer(_ buffer: Engine.Buffer) {
        string(buffer.name)
        expression(buffer.size)
        unsigned(UInt64(buffer.firstStep))
        unsigned(UInt64(buffer.lastStep))
    }

    fileprivate mutating func kernel(_ kernel: Engine.KernelInfo) {
        string(kernel.name)
        unsigned(UInt64(kernel.offset))
        unsigned(UInt64(kernel.operands))
        unsigned(UInt64(kernel.words))
    }

    fileprivate mutating func location(_ location: Engine.Location) {
        unsigned(UInt64(location.base))
        expression(location.offset)
    }

    fileprivate mutating func copy(_ copy: Engine.Copy) {
        location(copy.from)
        location(copy.to)
        expression(copy.bytes)
    }

    fileprivate mutating func step(_ step: Engine.Step) {
        kind(step.kind)
        list(step.origins) { $0.string($1) }
        optional(step.flops) { $0.expression($1) }
        optional(step.bytes) { $0.expression($1) }
        string(step.note)
    }

    private mutating func kind(_ kind: Engine.Step.Kind) {
        switch kind {
        case .kernel(let kernel, let words, let grid, let scratch):
            byte(StepTag.kernel)
            unsigned(UInt64(kernel))
            list(words) { $0.expression($1) }
            expression(grid)
            expression(scratch)
        case .bind(let symbol, let source, let type, let low, let high):
            byte(StepTag.bind)
            unsigned(UInt64(symbol))
            location(source)
            byte(type.rawValue)
            signed(low)
            signed(high)
        case .branch(let condition, let then, let otherwise):
            byte(StepTag.branch)
            location(condition)
            list(then) { $0.step($1) }
            list(otherwise) { $0.step($1) }
        case .loop(let counter, let trip, let condition, let body, let carried):
            byte(StepTag.loop)
            unsigned(UInt64(counter))
            optional(trip) { $0.expression($1) }
            optional(condition) { $0.location($1) }
            list(body) { $0.step($1) }
            list(carried) { $0.copy($1) }
        case .copy(let copy):
            byte(StepTag.copy)
            self.copy(copy)
        case .fail(let code, let message, let help):
            byte(StepTag.fail)
            for text in [code, message, help] { string(text) }
        case .host(let name, let operands):
            byte(StepTag.host)
            string(name)
            list(operands) { $0.location($1) }
        }
    }
}

/// The first byte of a step in the file.
enum StepTag {
    static let kernel: UInt8 = 0
    static let bind: UInt8 = 1
    static let branch: UInt8 = 2
    static let loop: UInt8 = 3
    static let copy: UInt8 = 4
    static let fail: UInt8 = 5
    static let host: UInt8 = 6
}
