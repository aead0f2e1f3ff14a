import MartletCore

extension VectorFunction {
    /// Reads the text form of a kernel. The result is well-formed text, not yet a valid kernel: see `VectorVerifier`.
    ///
    /// - Throws: a diagnostic with line and column.
    public init(text: String) throws {
        var parser = VectorTextParser(text)
        self = try parser.function()
    }
}

/// Reads the text form.
private struct VectorTextParser {
    private var scanner: TextScanner
    private var types: [Int32: VectorType] = [:]

    /// Registers that a kernel may have, and how deep regions may nest.
    private static let mostRegisters = 1 << 20
    private static let deepest = 64

    init(_ text: String) { scanner = TextScanner(text, code: "vector.syntax") }

    mutating func function() throws -> VectorFunction {
        guard scanner.takeWord("kernel") else { throw scanner.failure("expected 'kernel', found \(scanner.nextWords)") }
        let name = try scanner.expectIdentifier("the kernel's name", allowing: ".-")
        var body = Region()
        body.parameters = try parameters()
        try scanner.expect("{")
        try contents(of: &body, depth: 0)
        guard scanner.isAtEnd else { throw scanner.failure("expected the end, found \(scanner.nextWords)") }
        let count = (types.keys.max() ?? -1) + 1
        let list = (0..<count).map { types[$0] ?? .index }
        return VectorFunction(name: name, types: list, body: body)
    }

    // MARK: Regions

    /// What stands before the closing brace, and that.
    private mutating func contents(of region: inout Region, depth: Int) throws {
        guard depth < Self.deepest else { throw scanner.failure("regions nest too deep") }
        while true {
            if scanner.take("}") { return }
            if scanner.takeWord("yield") {
                region.yields = try operands()
                return try scanner.expect("}")
            }
            region.body.append(try instruction(depth: depth))
        }
    }

    private mutating func regions(depth: Int) throws -> [Region] {
        guard scanner.peek() == UInt8(ascii: "{") || scanner.peek() == UInt8(ascii: "(") else { return [] }
        var regions: [Region] = []
        repeat {
            var region = Region()
            if scanner.peek() == UInt8(ascii: "(") { region.parameters = try parameters() }
            try scanner.expect("{")
            try contents(of: &region, depth: depth + 1)
            regions.append(region)
        } while scanner.takeWord("else")
        return regions
    }

    // MARK: Instructions

    private mutating func instruction(depth: Int) throws -> Instruction {
        let results = try results()
        scanner.skipSpace()
        let start = scanner.offset
        let mnemonic = try scanner.expectIdentifier("an instruction", allowing: ".")
        let attributes = try attributes()
        guard let opcode = Opcode(mnemonic: mnemonic, attributes: attributes) else {
            throw scanner.failure("there is no instruction '\(mnemonic)' with \(attributes.count) integers", at: start)
        }
        let operands = try operands()
        return Instruction(
            opcode: opcode, operands: operands, results: results, regions: try regions(depth: depth))
    }

    private mutating func results() throws -> [Register] {
        guard scanner.peek() == UInt8(ascii: "%") else { return [] }
        let results = try typedRegisters()
        try scanner.expect("=")
        return results
    }

    private mutating func attributes() throws -> [Int] {
        guard scanner.take("[") else { return [] }
        var values: [Int] = []
        repeat { values.append(try scanner.expectInteger()) } while scanner.take(",")
        try scanner.expect("]")
        return values
    }

    private mutating func operands() throws -> [Register] {
        // A register with a type after it is the result of the next instruction.
        var ahead = scanner
        guard ahead.take("%"), (try ahead.integer()) != nil, !ahead.take(":") else { return [] }
        var operands: [Register] = []
        repeat { operands.append(try register()) } while scanner.take(",")
        return operands
    }

    // MARK: Registers

    private mutating func parameters() throws -> [Register] {
        try scanner.expect("(")
        if scanner.take(")") { return [] }
        let registers = try typedRegisters()
        try scanner.expect(")")
        return registers
    }

    private mutating func typedRegisters() throws -> [Register] {
        var registers: [Register] = []
        repeat {
            scanner.skipSpace()
            let start = scanner.offset
            let register = try register()
            try scanner.expect(":")
            let word = try scanner.expectIdentifier("a type")
            guard let type = VectorType(word) else { throw scanner.failure("there is no type '\(word)'", at: start) }
            guard types.updateValue(type, forKey: register.id) == nil else {
                throw scanner.failure("\(register) is defined twice", at: start)
            }
            registers.append(register)
        } while scanner.take(",")
        return registers
    }

    private mutating func register() throws -> Register {
        try scanner.expect("%")
        let number = try scanner.expectInteger()
        guard (0..<Self.mostRegisters).contains(number) else { throw scanner.failure("no such register: %\(number)") }
        return Register(id: Int32(number))
    }
}
