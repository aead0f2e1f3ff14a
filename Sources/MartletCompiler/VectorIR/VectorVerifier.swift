public import MartletCore

/// Checks that a kernel of Vector IR is well-formed. The rules, whose numbers stand in the messages:
///
/// 1. The body has the five parameters of the kernel interface, `ptr, ptr, i64, i64, ptr`, and yields nothing.
/// 2. Every register has a type; a type has at least one lane, and a pointer exactly one.
/// 3. Every register is defined once.
/// 4. Every operand and every yield is defined before, in the same region or in one around it.
/// 5. Every instruction has the number of operands, results and regions of its opcode.
/// 6. The types of operands and results fit the opcode: `VectorTypeRules`.
/// 7. Lane numbers lie in the vectors they select from.
/// 8. Alignments are powers of two.
/// 9. A loop's region has the index and the carried values as parameters; carried values, yields and results have equal
///    types. A step that is a constant is positive.
/// 10. The regions of a branch have no parameters; their yields and the results have equal types.
/// 11. A shift by a constant is by less than the width, and a division by a constant is not by zero.
/// 12. A pointer constant is null; a violation's code has 8 bits.
public struct VectorVerifier {
    private let function: VectorFunction
    private var problems: [Diagnostic] = []
    private var defined: Set<Register> = []
    private var visible: Set<Register> = []
    private var constants: [Register: UInt64] = [:]
    private var place = ""

    private init(_ function: VectorFunction) { self.function = function }

    /// What is wrong with a kernel: one diagnostic of code `vector.invalid` for every breach; empty for a valid kernel.
    public static func problems(in function: VectorFunction) -> [Diagnostic] {
        var verifier = VectorVerifier(function)
        verifier.checkFunction()
        return verifier.problems
    }

    /// - Throws: all that is wrong, as `Diagnostics`.
    public static func verify(_ function: VectorFunction) throws {
        let problems = problems(in: function)
        if !problems.isEmpty { throw Diagnostics(problems) }
    }

    private mutating func fail(_ rule: Int, _ text: String) {
        let before = place.isEmpty ? "" : place + ": "
        problems.append(Diagnostic("vector.invalid", "kernel \(function.name): \(before)\(text) (rule \(rule))"))
    }

    // MARK: Structure

    private mutating func checkFunction() {
        for (id, type) in function.types.enumerated() where !Self.isType(type) {
            fail(2, "%\(id) has the type \(type)")
        }
        let expected: [VectorType] = [.pointer, .pointer, .index, .index, .pointer]
        let parameters = function.body.parameters
        if types(parameters) != expected { fail(1, "the parameters are not ptr, ptr, i64, i64, ptr") }
        if !function.body.yields.isEmpty { fail(1, "the body yields values") }
        check(function.body)
    }

    private static func isType(_ type: VectorType) -> Bool {
        type.scalar == .ptr ? type.lanes == 1 : (1...VectorType.mostLanes).contains(type.lanes)
    }

    private func type(_ register: Register) -> VectorType? {
        function.types.indices.contains(Int(register.id)) ? function.types[Int(register.id)] : nil
    }

    private func types(_ registers: some Sequence<Register>) -> [VectorType] { registers.compactMap(type) }

    private mutating func define(_ register: Register) {
        if type(register) == nil { fail(2, "\(register) has no type") }
        if !defined.insert(register).inserted { fail(3, "\(register) is defined twice") }
        visible.insert(register)
    }

    private mutating func use(_ register: Register) {
        if !visible.contains(register) { fail(4, "\(register) is not defined here") }
    }

    private mutating func check(_ region: Region) {
        let before = visible
        region.parameters.forEach { define($0) }
        for instruction in region.body {
            place = Self.describe(instruction)
            instruction.operands.forEach { use($0) }
            checkRegions(instruction)
            place = Self.describe(instruction)
            checkInstruction(instruction)
            instruction.results.forEach { define($0) }
        }
        place = "yield"
        region.yields.forEach { use($0) }
        visible = before
    }

    private static func describe(_ instruction: Instruction) -> String {
        let results = instruction.results.map(\.description).joined(separator: ", ")
        return results.isEmpty ? instruction.opcode.mnemonic : "\(results) = \(instruction.opcode.mnemonic)"
    }

    private mutating func checkRegions(_ instruction: Instruction) {
        for region in instruction.regions { check(region) }
    }

    // MARK: Instructions

    private mutating func checkInstruction(_ instruction: Instruction) {
        let operands = types(instruction.operands), results = types(instruction.results)
        guard operands.count == instruction.operands.count, results.count == instruction.results.count else { return }
        switch instruction.opcode {
        case .loop: return checkLoop(instruction, operands, results)
        case .branch: return checkBranch(instruction, operands, results)
        default: break
        }
        if let rule = VectorTypeRules.breach(instruction.opcode, operands, results, instruction.regions.count) {
            return fail(rule.number, rule.text)
        }
        checkConstants(instruction, results)
    }

    private mutating func checkConstants(_ instruction: Instruction, _ results: [VectorType]) {
        switch instruction.opcode {
        case .constant(let bits):
            constants[instruction.results[0]] = bits
            if results[0].scalar == .ptr && bits != 0 { fail(12, "a pointer constant is not null") }
        case .binary(let opcode):
            guard let amount = constants[instruction.operands[1]] else { return }
            let mask = UInt64.max >> UInt64(64 - results[0].scalar.bitWidth)
            if opcode.isShift && amount & mask >= UInt64(results[0].scalar.bitWidth) {
                fail(11, "the shift is too far")
            }
            if opcode.isDivision && amount & mask == 0 { fail(11, "the divisor is zero") }
        case .violation(let code):
            if !(0..<256).contains(code) { fail(12, "the code \(code) does not have 8 bits") }
        default: break
        }
    }

    private mutating func checkLoop(_ instruction: Instruction, _ operands: [VectorType], _ results: [VectorType]) {
        guard operands.count >= 3, instruction.regions.count == 1 else {
            return fail(5, "a loop has at least 3 operands and one region")
        }
        if operands[..<3].contains(where: { $0 != .index }) { fail(6, "bounds and step are not i64") }
        let carried = Array(operands[3...])
        let region = instruction.regions[0]
        if types(region.parameters) != [.index] + carried {
            fail(9, "the parameters are not the index and the carried values")
        }
        if types(region.yields) != carried { fail(9, "the yields have not the types of the carried values") }
        if results != carried { fail(9, "the results have not the types of the carried values") }
        if let step = constants[instruction.operands[2]], Int64(bitPattern: step) <= 0 {
            fail(9, "the step is not positive")
        }
    }

    private mutating func checkBranch(_ instruction: Instruction, _ operands: [VectorType], _ results: [VectorType]) {
        guard operands.count == 1, instruction.regions.count == 2 else {
            return fail(5, "a branch has one operand and two regions")
        }
        if operands[0] != .flag { fail(6, "the condition is not i1") }
        for region in instruction.regions {
            if !region.parameters.isEmpty { fail(10, "a region has parameters") }
            if types(region.yields) != results { fail(10, "the yields have not the types of the results") }
        }
    }
}

extension BinaryOpcode {
    var isShift: Bool { self == .shl || self == .lshr || self == .ashr }
    var isDivision: Bool { self == .sdiv || self == .udiv || self == .srem || self == .urem }

    /// Whether it works on floating-point numbers; the others work on integers.
    var isFloat: Bool {
        switch self {
        case .fadd, .fsub, .fmul, .fdiv, .fmaxB, .fminB, .copysign: return true
        default: return false
        }
    }
}
