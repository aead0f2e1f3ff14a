import MartletCore

/// Runs kernels of Vector IR without machine code, on memory of this process, instruction by instruction. Every access
/// is checked; what the IR leaves undefined (shifts past the width, division by zero) is an error. It is meant for
/// tests, and slow.
public struct VectorInterpreter {
    /// A value: the bits of each lane.
    typealias Lanes = [UInt64]

    private let memory: VectorMemory
    private let limit: Int
    private var function = VectorFunction(name: "", types: [], body: Region())
    private var values: [Lanes] = []
    private var count = 0

    /// An interpreter of kernels that touch only `memory` (which must include bases, words and scratch), and that run
    /// at most `limit` instructions.
    public init(memory: VectorMemory, limit: Int = 1 << 28) {
        self.memory = memory
        self.limit = limit
    }

    /// Runs a kernel with the five arguments of the kernel interface.
    ///
    /// - Throws: `Diagnostics` where the kernel is not valid, a diagnostic where it goes wrong.
    public func run(
        _ function: VectorFunction, bases: UnsafeRawPointer, words: UnsafeRawPointer, first: Int, last: Int,
        scratch: UnsafeRawPointer?
    ) throws {
        try VectorVerifier.verify(function)
        var run = self
        run.function = function
        run.values = [Lanes](repeating: [], count: function.types.count)
        let arguments = [
            UInt64(UInt(bitPattern: bases)), UInt64(UInt(bitPattern: words)), UInt64(bitPattern: Int64(first)),
            UInt64(bitPattern: Int64(last)), UInt64(UInt(bitPattern: scratch)),
        ]
        for (parameter, argument) in zip(function.body.parameters, arguments) { run[parameter] = [argument] }
        try run.execute(function.body)
    }

    private subscript(register: Register) -> Lanes {
        get { values[Int(register.id)] }
        set { values[Int(register.id)] = newValue }
    }

    private func type(_ register: Register) -> VectorType { function.type(of: register) }
    private func scalar(_ register: Register) -> UInt64 { self[register].first ?? 0 }
    private func index(_ register: Register) -> Int { Int(Int64(bitPattern: scalar(register))) }

    // MARK: Regions

    private mutating func execute(_ region: Region) throws {
        for instruction in region.body {
            count += 1
            if count > limit { throw Diagnostic("vector.limit", "kernel \(function.name) runs too long") }
            do {
                try execute(instruction)
            } catch var diagnostic as Diagnostic {
                let results = instruction.results.map(\.description).joined(separator: ", ")
                let name = results.isEmpty ? instruction.opcode.mnemonic : "\(results) = \(instruction.opcode.mnemonic)"
                // The innermost instruction is named once.
                if !diagnostic.message.hasPrefix("kernel ") {
                    diagnostic.message = "kernel \(function.name), \(name): " + diagnostic.message
                }
                throw diagnostic
            }
        }
    }

    private mutating func execute(_ instruction: Instruction) throws {
        switch instruction.opcode {
        case .loop: try loop(instruction)
        case .branch: try branch(instruction)
        case .store(let align):
            try store(self[instruction.operands[0]], instruction.operands, align, all: true)
        case .storeFirst(let align):
            try store(self[instruction.operands[0]], instruction.operands, align, all: false)
        case .violation(let code): try violation(instruction.operands, code)
        case .prefetch: break
        default: self[instruction.results[0]] = try value(instruction)
        }
    }

    private mutating func loop(_ instruction: Instruction) throws {
        let operands = instruction.operands, region = instruction.regions[0]
        let (upper, step) = (index(operands[1]), index(operands[2]))
        var position = index(operands[0])
        var carried = operands.dropFirst(3).map { self[$0] }
        while position < upper {
            guard step > 0 else { throw Diagnostic("vector.undefined", "the step \(step) is not positive") }
            self[region.parameters[0]] = [UInt64(bitPattern: Int64(position))]
            for (parameter, value) in zip(region.parameters.dropFirst(), carried) { self[parameter] = value }
            try execute(region)
            carried = region.yields.map { self[$0] }
            let next = position.addingReportingOverflow(step)
            guard !next.overflow else { throw Diagnostic("vector.undefined", "the index overflows") }
            position = next.partialValue
        }
        for (result, value) in zip(instruction.results, carried) { self[result] = value }
    }

    private mutating func branch(_ instruction: Instruction) throws {
        let region = instruction.regions[scalar(instruction.operands[0]) == 1 ? 0 : 1]
        try execute(region)
        let yields = region.yields.map { self[$0] }
        for (result, value) in zip(instruction.results, yields) { self[result] = value }
    }

    // MARK: Memory

    private func load(_ instruction: Instruction, _ align: Int, all: Bool) throws -> Lanes {
        let type = type(instruction.results[0])
        let size = type.scalar.bitWidth / 8
        let count = all ? type.lanes : min(max(index(instruction.operands[1]), 0), type.lanes)
        var lanes = Lanes(repeating: 0, count: type.lanes)
        guard count > 0 else { return lanes }
        let address = scalar(instruction.operands[0])
        let source = try memory.pointer(to: address, size: count * size, align: align, writing: false)
        for lane in 0..<count {
            withUnsafeMutableBytes(of: &lanes[lane]) {
                $0.baseAddress?.copyMemory(from: source + lane * size, byteCount: size)
            }
        }
        return lanes
    }

    private func store(_ lanes: Lanes, _ operands: [Register], _ align: Int, all: Bool) throws {
        let size = type(operands[0]).scalar.bitWidth / 8
        let count = all ? lanes.count : min(max(index(operands[2]), 0), lanes.count)
        guard count > 0 else { return }
        let target = try memory.pointer(to: scalar(operands[1]), size: count * size, align: align, writing: true)
        for lane in 0..<count {
            withUnsafeBytes(of: lanes[lane]) { bytes in
                guard let start = bytes.baseAddress else { return }
                (target + lane * size).copyMemory(from: start, byteCount: size)
            }
        }
    }

    private func violation(_ operands: [Register], _ code: Int) throws {
        let slot = try memory.pointer(to: scalar(operands[0]), size: 8, align: 8, writing: false)
        let status = slot.loadUnaligned(as: UInt64.self)
        let word = try memory.pointer(to: status, size: 8, align: 8, writing: true)
        let found = scalar(operands[1]) << 8 | UInt64(code)
        word.storeBytes(of: min(word.loadUnaligned(as: UInt64.self), found), as: UInt64.self)
    }

    // MARK: Values

    private func value(_ instruction: Instruction) throws -> Lanes {
        let operands = instruction.operands.map { self[$0] }
        let result = type(instruction.results[0])
        switch instruction.opcode {
        case .constant(let bits):
            return Lanes(repeating: LaneArithmetic(result.scalar).canonical(bits), count: result.lanes)
        case .binary(let opcode):
            let arithmetic = LaneArithmetic(result.scalar)
            return try zip(operands[0], operands[1]).map { try arithmetic.binary(opcode, $0, $1) }
        case .unary(let opcode):
            let arithmetic = LaneArithmetic(result.scalar)
            return operands[0].map { arithmetic.unary(opcode, $0) }
        case .fma:
            let arithmetic = LaneArithmetic(result.scalar)
            return result.indices.map { arithmetic.multiplyAdd(operands[0][$0], operands[1][$0], operands[2][$0]) }
        case .compare(let predicate):
            let arithmetic = LaneArithmetic(type(instruction.operands[0]).scalar)
            return zip(operands[0], operands[1]).map { arithmetic.compare(predicate, $0, $1) ? 1 : 0 }
        case .select: return selected(operands, result)
        case .convert(let opcode):
            return try LaneConversion(type(instruction.operands[0]), result).convert(opcode, operands[0])
        case .address: return [operands[0][0] &+ operands[1][0]]
        case .load(let align): return try load(instruction, align, all: true)
        case .loadFirst(let align): return try load(instruction, align, all: false)
        default: return rearranged(instruction, operands, result)
        }
    }

    private func selected(_ operands: [Lanes], _ result: VectorType) -> Lanes {
        let condition = operands[0]
        return result.indices.map { operands[condition[condition.count == 1 ? 0 : $0] == 1 ? 1 : 2][$0] }
    }

    private func rearranged(_ instruction: Instruction, _ operands: [Lanes], _ result: VectorType) -> Lanes {
        switch instruction.opcode {
        case .splat: return Lanes(repeating: operands[0][0], count: result.lanes)
        case .extract(let lane): return [operands[0][lane]]
        case .insert(let lane):
            var lanes = operands[0]
            lanes[lane] = operands[1][0]
            return lanes
        case .shuffle(let lanes):
            let both = operands[0] + operands[1]
            return lanes.map { both[$0] }
        case .dot(let opcode): return LaneArithmetic.dot(opcode, operands)
        default: return []
        }
    }
}

extension VectorType {
    fileprivate var indices: Range<Int> { 0..<lanes }
}
