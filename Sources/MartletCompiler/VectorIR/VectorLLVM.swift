import MartletCore

/// Prints a kernel of Vector IR as textual LLVM IR that LLVM 19 to 22 and clang 21 read.
///
/// Loops become a guard and a bottom-tested block with phi nodes; nothing needs an optimiser behind it.
public struct LLVMPrinter {
    private let function: VectorFunction
    private var lines: [String] = []
    private var names: [String]
    private var block = "entry"
    private var blockCount = 0
    private var declarations: Set<String> = []

    private init(_ function: VectorFunction) {
        self.function = function
        names = function.types.indices.map { "%v\($0)" }
    }

    /// The module's text. `attributes` are those of the function, such as `"target-cpu"="x86-64-v3"`.
    private static func module(
        _ function: VectorFunction, triple: String, dataLayout: String, attributes: String
    ) -> String {
        var printer = LLVMPrinter(function)
        printer.print(function.body)
        let parameters = function.body.parameters
            .map { "\(printer.spelling(function.type(of: $0))) %v\($0.id)" }.joined(separator: ", ")
        let header = [
            "target datalayout = \"\(dataLayout)\"", "target triple = \"\(triple)\"", "",
            "define void @\(function.name)(\(parameters)) #0 {", "entry:",
        ]
        let footer =
            ["  ret void", "}", ""] + printer.declarations.sorted() + ["", "attributes #0 = { \(attributes) }", ""]
        return (header + printer.lines + footer).joined(separator: "\n")
    }

    /// The module's text for a target; what its processors lack is replaced.
    public static func module(_ function: VectorFunction, for target: CodegenTarget) -> String {
        module(
            VectorExpansion.expanded(function, for: VectorExpansion.Abilities(of: target)), triple: target.triple,
            dataLayout: target.dataLayout, attributes: target.functionAttributes)
    }

    // MARK: Spelling

    private func spelling(_ type: VectorType) -> String {
        let scalar = Self.spelling(type.scalar)
        return type.lanes == 1 ? scalar : "<\(type.lanes) x \(scalar)>"
    }

    private static func spelling(_ scalar: VectorType.Scalar) -> String {
        switch scalar {
        case .f16: return "half"
        case .bf16: return "bfloat"
        case .f32: return "float"
        case .f64: return "double"
        default: return scalar.rawValue
        }
    }

    /// Suffix of an overloaded intrinsic.
    private func suffix(_ type: VectorType) -> String {
        (type.lanes == 1 ? "" : "v\(type.lanes)") + type.scalar.rawValue
    }

    private func name(_ register: Register) -> String { names[Int(register.id)] }
    private func typed(_ register: Register) -> String { "\(spelling(function.type(of: register))) \(name(register))" }
    private func type(_ register: Register) -> VectorType { function.type(of: register) }

    private func literal(_ bits: UInt64, _ type: VectorType) -> String {
        let scalar: String
        switch type.scalar {
        case .i1: scalar = bits & 1 == 0 ? "false" : "true"
        case .f32: scalar = hex(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))), bits)
        case .f64: scalar = hexDigits(bits)
        case .f16: scalar = "0xH" + pad(bits & 0xFFFF, 4)
        case .bf16: scalar = "0xR" + pad(bits & 0xFFFF, 4)
        case .ptr: scalar = "null"
        default:
            // Bits past the width are refused by LLVM.
            let unused = Int64(64 - type.scalar.bitWidth)
            scalar = "\((Int64(bitPattern: bits) << unused) >> unused)"
        }
        return type.lanes == 1 ? scalar : "splat (\(Self.spelling(type.scalar)) \(scalar))"
    }

    /// LLVM spells a float by the bits of the double of the same value; NaN payloads are kept by hand.
    private func hex(_ value: Double, _ bits: UInt64) -> String {
        guard value.isNaN else { return hexDigits(value.bitPattern) }
        let sign = (bits >> 31) & 1
        return hexDigits(sign << 63 | 0x7FF0_0000_0000_0000 | (bits & 0x7F_FFFF) << 29)
    }

    private func hexDigits(_ bits: UInt64) -> String { "0x" + pad(bits, 16) }

    private func pad(_ bits: UInt64, _ digits: Int) -> String {
        let text = String(bits, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(digits - text.count, 0)) + text
    }

    // MARK: Instructions

    private mutating func line(_ text: String) { lines.append("  " + text) }

    private mutating func freshBlock() -> String {
        blockCount += 1
        return "b\(blockCount)"
    }

    private mutating func open(_ label: String) {
        lines.append("\(label):")
        block = label
    }

    private mutating func print(_ region: Region) { for instruction in region.body { print(instruction) } }

    private mutating func print(_ instruction: Instruction) {
        let operands = instruction.operands
        switch instruction.opcode {
        case .constant(let bits):
            names[Int(instruction.results[0].id)] = literal(bits, type(instruction.results[0]))
        case .loop: printLoop(instruction)
        case .branch: printBranch(instruction)
        case .store(let align): line("store \(typed(operands[0])), \(typed(operands[1])), align \(align)")
        case .storeFirst(let align): printStoreFirst(operands, align)
        case .violation(let code): printViolation(operands, code)
        case .prefetch: printPrefetch(operands[0])
        default: line("\(name(instruction.results[0])) = \(expression(instruction))")
        }
    }

    private mutating func expression(_ instruction: Instruction) -> String {
        let operands = instruction.operands
        let result = type(instruction.results[0])
        switch instruction.opcode {
        case .binary(let opcode): return binary(opcode, operands, result)
        case .unary(let opcode): return unary(opcode, operands[0], result)
        case .fma: return call("llvm.fma.\(suffix(result))", result, operands)
        case .compare(let predicate):
            let family = type(operands[0]).scalar.isFloat ? "fcmp" : "icmp"
            return "\(family) \(predicate.rawValue) \(typed(operands[0])), \(name(operands[1]))"
        case .select: return "select \(operands.map(typed).joined(separator: ", "))"
        case .convert(.fptosiLowest): return truncation(operands[0], result, instruction.results[0])
        case .convert(let opcode): return "\(opcode.rawValue) \(typed(operands[0])) to \(spelling(result))"
        case .splat: return splat(instruction.results[0], operands[0], result)
        case .extract(let lane): return "extractelement \(typed(operands[0])), i64 \(lane)"
        case .insert(let lane): return "insertelement \(typed(operands[0])), \(typed(operands[1])), i64 \(lane)"
        case .shuffle(let lanes):
            let mask = lanes.map { "i32 \($0)" }.joined(separator: ", ")
            return "shufflevector \(typed(operands[0])), \(typed(operands[1])), <\(lanes.count) x i32> <\(mask)>"
        case .dot(let opcode): return dot(opcode, operands, result, instruction.results[0])
        case .address: return "getelementptr inbounds i8, ptr \(name(operands[0])), \(typed(operands[1]))"
        case .load(let align): return "load \(spelling(result)), \(typed(operands[0])), align \(align)"
        case .loadFirst(let align): return loadFirst(operands, result, align, instruction.results[0])
        default: return "poison"
        }
    }

    private mutating func call(_ intrinsic: String, _ result: VectorType, _ operands: [Register]) -> String {
        call(intrinsic, result, operands.map { (spelling(type($0)), name($0)) })
    }

    private mutating func call(
        _ intrinsic: String, _ result: VectorType, _ arguments: [(type: String, name: String)]
    ) -> String {
        let parameters = arguments.map(\.type).joined(separator: ", ")
        declarations.insert("declare \(spelling(result)) @\(intrinsic)(\(parameters))")
        let list = arguments.map { "\($0.type) \($0.name)" }.joined(separator: ", ")
        return "call \(spelling(result)) @\(intrinsic)(\(list))"
    }

    private mutating func binary(_ opcode: BinaryOpcode, _ operands: [Register], _ result: VectorType) -> String {
        switch opcode {
        case .smax, .smin, .umax, .umin, .copysign:
            return call("llvm.\(opcode.rawValue).\(suffix(result))", result, operands)
        case .fmaxB, .fminB:
            let condition = "%c\(lines.count)"
            let predicate = opcode == .fmaxB ? "ogt" : "olt"
            line("\(condition) = fcmp \(predicate) \(typed(operands[0])), \(name(operands[1]))")
            let flag = spelling(VectorType(.i1, lanes: result.lanes))
            return "select \(flag) \(condition), \(typed(operands[0])), \(typed(operands[1]))"
        default: return "\(opcode.rawValue) \(typed(operands[0])), \(name(operands[1]))"
        }
    }

    private mutating func unary(_ opcode: UnaryOpcode, _ operand: Register, _ result: VectorType) -> String {
        opcode == .fneg
            ? "fneg \(typed(operand))" : call("llvm.\(opcode.rawValue).\(suffix(result))", result, [operand])
    }

    /// x86's conversions from f32 to i32; a scalar is the first lane of a vector.
    private mutating func truncation(_ operand: Register, _ result: VectorType, _ register: Register) -> String {
        switch result.lanes {
        case 1:
            line("%w\(register.id) = insertelement <4 x float> zeroinitializer, \(typed(operand)), i64 0")
            return call("llvm.x86.sse.cvttss2si", result, [("<4 x float>", "%w\(register.id)")])
        case 4: return call("llvm.x86.sse2.cvttps2dq", result, [operand])
        case 8: return call("llvm.x86.avx.cvtt.ps2dq.256", result, [operand])
        default:
            // All lanes, and the rounding that is set.
            let vectors = [(spelling(type(operand)), name(operand)), (spelling(result), "zeroinitializer")]
            return call("llvm.x86.avx512.mask.cvttps2dq.512", result, vectors + [("i16", "-1"), ("i32", "4")])
        }
    }

    private mutating func splat(_ result: Register, _ scalar: Register, _ type: VectorType) -> String {
        let single = "%s\(result.id)"
        line("\(single) = insertelement \(spelling(type)) poison, \(typed(scalar)), i64 0")
        return "shufflevector \(spelling(type)) \(single), \(spelling(type)) poison, "
            + "<\(type.lanes) x i32> zeroinitializer"
    }

    private mutating func dot(
        _ opcode: DotOpcode, _ operands: [Register], _ result: VectorType, _ register: Register
    ) -> String {
        switch opcode {
        case .u8s8:
            // The form with three vectors of i32 is read by all versions.
            var names = [typed(operands[0])]
            for (position, operand) in operands.dropFirst().enumerated() {
                line("%d\(register.id).\(position) = bitcast \(typed(operand)) to \(spelling(result))")
                names.append("\(spelling(result)) %d\(register.id).\(position)")
            }
            let intrinsic = "llvm.x86.avx512.vpdpbusd.\(result.lanes * 32)"
            let kind = spelling(result)
            declarations.insert("declare \(kind) @\(intrinsic)(\(kind), \(kind), \(kind))")
            return "call \(kind) @\(intrinsic)(\(names.joined(separator: ", ")))"
        case .bf16: return call("llvm.x86.avx512bf16.dpbf16ps.\(result.lanes * 32)", result, operands)
        }
    }

    // MARK: First-n memory

    /// A mask of the first `count` lanes.
    private mutating func mask(_ count: Register, lanes: Int, _ tag: String) -> String {
        let vector = "<\(lanes) x i64>"
        let numbers = (0..<lanes).map { "i64 \($0)" }.joined(separator: ", ")
        line("%m\(tag).0 = insertelement \(vector) poison, \(typed(count)), i64 0")
        line("%m\(tag).1 = shufflevector \(vector) %m\(tag).0, \(vector) poison, <\(lanes) x i32> zeroinitializer")
        line("%m\(tag).2 = icmp sgt \(vector) %m\(tag).1, <\(numbers)>")
        return "<\(lanes) x i1> %m\(tag).2"
    }

    private mutating func loadFirst(
        _ operands: [Register], _ result: VectorType, _ align: Int, _ register: Register
    ) -> String {
        let mask = mask(operands[1], lanes: result.lanes, "l\(register.id)")
        let kind = vectorSpelling(result)
        let intrinsic = "llvm.masked.load.\(vectorSuffix(result)).p0"
        declarations.insert("declare \(kind) @\(intrinsic)(ptr, i32 immarg, <\(result.lanes) x i1>, \(kind))")
        let load = "call \(kind) @\(intrinsic)(\(typed(operands[0])), i32 \(align), \(mask), \(kind) zeroinitializer)"
        guard result.lanes == 1 else { return load }
        line("%l\(register.id) = \(load)")
        return "extractelement \(kind) %l\(register.id), i64 0"
    }

    private mutating func printStoreFirst(_ operands: [Register], _ align: Int) {
        let value = type(operands[0])
        let tag = "s\(lines.count)"
        let mask = mask(operands[2], lanes: value.lanes, tag)
        let kind = vectorSpelling(value)
        let intrinsic = "llvm.masked.store.\(vectorSuffix(value)).p0"
        declarations.insert("declare void @\(intrinsic)(\(kind), ptr, i32 immarg, <\(value.lanes) x i1>)")
        var stored = typed(operands[0])
        if value.lanes == 1 {
            line("%v\(tag) = insertelement \(kind) poison, \(stored), i64 0")
            stored = "\(kind) %v\(tag)"
        }
        line("call void @\(intrinsic)(\(stored), \(typed(operands[1])), i32 \(align), \(mask))")
    }

    /// The masked intrinsics know only vectors: a scalar is one of one lane.
    private func vectorSpelling(_ type: VectorType) -> String { "<\(type.lanes) x \(Self.spelling(type.scalar))>" }
    private func vectorSuffix(_ type: VectorType) -> String { "v\(type.lanes)\(type.scalar.rawValue)" }

    // MARK: Structure

    private mutating func printLoop(_ instruction: Instruction) {
        let (lower, upper, step) = (instruction.operands[0], instruction.operands[1], instruction.operands[2])
        let initial = instruction.operands.dropFirst(3)
        let region = instruction.regions[0]
        let (body, exit) = (freshBlock(), freshBlock())
        let index = region.parameters[0]
        let guardName = "%g\(index.id)"
        line("\(guardName) = icmp slt \(typed(lower)), \(name(upper))")
        line("br i1 \(guardName), label %\(body), label %\(exit)")
        let before = block
        open(body)
        let phiStart = lines.count
        print(region)
        let end = block
        line("%n\(index.id) = add nsw i64 \(name(index)), \(name(step))")
        line("%t\(index.id) = icmp slt i64 %n\(index.id), \(name(upper))")
        line("br i1 %t\(index.id), label %\(body), label %\(exit)")
        var phis = ["  \(name(index)) = phi i64 [ \(name(lower)), %\(before) ], [ %n\(index.id), %\(end) ]"]
        for (parameter, (start, next)) in zip(region.parameters.dropFirst(), zip(initial, region.yields)) {
            phis.append(
                "  \(name(parameter)) = phi \(spelling(type(parameter))) "
                    + "[ \(name(start)), %\(before) ], [ \(name(next)), %\(end) ]")
        }
        lines.insert(contentsOf: phis, at: phiStart)
        open(exit)
        for (result, (start, next)) in zip(instruction.results, zip(initial, region.yields)) {
            line(
                "\(name(result)) = phi \(spelling(type(result))) "
                    + "[ \(name(start)), %\(before) ], [ \(name(next)), %\(end) ]")
        }
    }

    private mutating func printBranch(_ instruction: Instruction) {
        let labels = (freshBlock(), freshBlock(), freshBlock())
        line("br \(typed(instruction.operands[0])), label %\(labels.0), label %\(labels.1)")
        open(labels.0)
        print(instruction.regions[0])
        let firstEnd = block
        line("br label %\(labels.2)")
        open(labels.1)
        print(instruction.regions[1])
        let secondEnd = block
        line("br label %\(labels.2)")
        open(labels.2)
        for (position, result) in instruction.results.enumerated() {
            line(
                "\(name(result)) = phi \(spelling(type(result))) "
                    + "[ \(name(instruction.regions[0].yields[position])), %\(firstEnd) ], "
                    + "[ \(name(instruction.regions[1].yields[position])), %\(secondEnd) ]")
        }
    }

    /// Into the second cache: the line is read after the first has been filled with other data.
    private mutating func printPrefetch(_ pointer: Register) {
        declarations.insert("declare void @llvm.prefetch.p0(ptr, i32 immarg, i32 immarg, i32 immarg)")
        line("call void @llvm.prefetch.p0(\(typed(pointer)), i32 0, i32 2, i32 1)")
    }

    /// `status = min(status, gridIndex << 8 | code)`; the status word is the first of base 0.
    private mutating func printViolation(_ operands: [Register], _ code: Int) {
        let tag = "%x\(lines.count)"
        line("\(tag).0 = load ptr, ptr \(name(operands[0])), align 8")
        line("\(tag).1 = shl i64 \(name(operands[1])), 8")
        line("\(tag).2 = or i64 \(tag).1, \(code)")
        line("\(tag).3 = atomicrmw umin ptr \(tag).0, i64 \(tag).2 monotonic, align 8")
    }
}
