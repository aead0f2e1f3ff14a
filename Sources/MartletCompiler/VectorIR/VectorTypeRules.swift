/// What types the operands and results of each opcode have; the rules 5 to 8 of `VectorVerifier` for instructions
/// without regions.
enum VectorTypeRules {
    /// A broken rule and what is wrong.
    typealias Breach = (number: Int, text: String)

    static func breach(
        _ opcode: Opcode, _ operands: [VectorType], _ results: [VectorType], _ regions: Int
    ) -> Breach? {
        let shape = shape(opcode)
        if operands.count != shape.operands || results.count != shape.results || regions != 0 {
            return (5, "\(opcode.mnemonic) has \(shape.operands) operands, \(shape.results) results and no region")
        }
        if let align = alignment(opcode), align <= 0 || align & (align - 1) != 0 {
            return (8, "the alignment \(align) is no power of two")
        }
        if let breach = lanes(opcode, operands, results) { return breach }
        let list = (operands + ["→"] + results as [any CustomStringConvertible]).map(\.description)
        return fits(opcode, operands, results) ? nil : (6, "the types do not fit: " + list.joined(separator: " "))
    }

    private static func shape(_ opcode: Opcode) -> (operands: Int, results: Int) {
        switch opcode {
        case .constant: return (0, 1)
        case .binary, .compare, .insert, .shuffle, .address, .loadFirst: return (2, 1)
        case .unary, .convert, .splat, .extract, .load: return (1, 1)
        case .fma, .select, .dot: return (3, 1)
        case .store, .violation: return (2, 0)
        case .storeFirst: return (3, 0)
        case .prefetch: return (1, 0)
        case .loop, .branch: return (0, 0)
        }
    }

    private static func alignment(_ opcode: Opcode) -> Int? {
        switch opcode {
        case .load(let align), .loadFirst(let align), .store(let align), .storeFirst(let align): return align
        default: return nil
        }
    }

    private static func lanes(_ opcode: Opcode, _ operands: [VectorType], _ results: [VectorType]) -> Breach? {
        switch opcode {
        case .extract(let lane), .insert(let lane):
            return (0..<operands[0].lanes).contains(lane) ? nil : (7, "there is no lane \(lane)")
        case .shuffle(let lanes):
            let all = 0..<2 * operands[0].lanes
            return lanes.first { !all.contains($0) }.map { (7, "there is no lane \($0)") }
        default: return nil
        }
    }

    private static func fits(_ opcode: Opcode, _ a: [VectorType], _ r: [VectorType]) -> Bool {
        switch opcode {
        case .constant: return true
        case .binary(let opcode):
            return a[0] == a[1] && a[0] == r[0] && isArithmetic(a[0], float: opcode.isFloat)
        case .unary: return a[0] == r[0] && a[0].scalar.isFloat
        case .fma: return a.allSatisfy { $0 == r[0] } && r[0].scalar.isFloat
        case .compare(let predicate):
            let isKind = isArithmetic(a[0], float: predicate.isFloat)
            return a[0] == a[1] && isKind && r[0] == VectorType(.i1, lanes: a[0].lanes)
        case .select:
            let isCondition = a[0] == .flag || a[0] == VectorType(.i1, lanes: r[0].lanes)
            return isCondition && a[1] == r[0] && a[2] == r[0]
        case .convert(let opcode): return fits(opcode, a[0], r[0])
        case .dot(let opcode): return fits(opcode, a, r[0])
        case .splat, .extract, .insert, .shuffle: return fitsLanes(opcode, a, r[0])
        default: return fitsMemory(opcode, a, r)
        }
    }

    private static func isArithmetic(_ type: VectorType, float: Bool) -> Bool {
        float ? type.scalar.isFloat : !type.scalar.isFloat && type.scalar != .ptr
    }

    private static func fitsLanes(_ opcode: Opcode, _ a: [VectorType], _ result: VectorType) -> Bool {
        switch opcode {
        case .splat: return a[0].lanes == 1 && result.lanes > 1 && a[0].scalar == result.scalar && a[0].scalar != .ptr
        case .extract: return result == a[0].with(lanes: 1) && a[0].lanes > 1
        case .insert: return a[0] == result && a[1] == result.with(lanes: 1) && result.lanes > 1
        case .shuffle(let lanes):
            return a[0] == a[1] && a[0].lanes > 1 && lanes.count > 0 && result == a[0].with(lanes: lanes.count)
        default: return false
        }
    }

    private static func fitsMemory(_ opcode: Opcode, _ a: [VectorType], _ r: [VectorType]) -> Bool {
        switch opcode {
        case .address: return a[0] == .pointer && a[1] == .index && r[0] == .pointer
        case .load: return a[0] == .pointer && isStored(r[0])
        case .loadFirst: return a[0] == .pointer && a[1] == .index && isStored(r[0]) && r[0].scalar != .ptr
        case .store: return isStored(a[0]) && a[1] == .pointer
        case .storeFirst: return isStored(a[0]) && a[0].scalar != .ptr && a[1] == .pointer && a[2] == .index
        case .violation: return a[0] == .pointer && a[1] == .index
        case .prefetch: return a[0] == .pointer
        default: return false
        }
    }

    /// Flags have no form in memory.
    private static func isStored(_ type: VectorType) -> Bool { type.scalar != .i1 }

    private static func fits(_ opcode: ConversionOpcode, _ from: VectorType, _ to: VectorType) -> Bool {
        let widths = (from.scalar.bitWidth, to.scalar.bitWidth)
        if opcode == .bitcast {
            return widths.0 * from.lanes == widths.1 * to.lanes && from.scalar != .ptr && to.scalar != .ptr
        }
        guard from.lanes == to.lanes, from.scalar != .ptr, to.scalar != .ptr else { return false }
        let floats = (from.scalar.isFloat, to.scalar.isFloat)
        switch opcode {
        case .sext, .zext: return floats == (false, false) && widths.0 < widths.1
        case .trunc: return floats == (false, false) && widths.0 > widths.1
        case .sitofp, .uitofp: return floats == (false, true)
        case .fptosi, .fptoui: return floats == (true, false)
        case .fptosiLowest:
            return [.f32, .f64].contains(from.scalar) && [.i32, .i64].contains(to.scalar)
        case .fpext: return floats == (true, true) && widths.0 < widths.1
        case .fptrunc: return floats == (true, true) && widths.0 > widths.1
        case .bitcast: return false
        }
    }

    private static func fits(_ opcode: DotOpcode, _ a: [VectorType], _ result: VectorType) -> Bool {
        guard result.lanes == 16, a[0] == result else { return false }
        switch opcode {
        case .u8s8: return result.scalar == .i32 && a[1] == VectorType(.i8, lanes: 64) && a[2] == a[1]
        case .bf16: return result.scalar == .f32 && a[1] == VectorType(.bf16, lanes: 32) && a[2] == a[1]
        }
    }
}

extension Predicate {
    /// Whether it compares floating-point numbers; the others compare integers.
    var isFloat: Bool {
        switch self {
        case .oeq, .une, .olt, .ole, .ogt, .oge: return true
        default: return false
        }
    }
}
