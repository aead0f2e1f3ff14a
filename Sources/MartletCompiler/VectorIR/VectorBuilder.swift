import MartletCore

/// Builds a kernel in Vector IR: every method adds one instruction where the builder stands and gives its result.
///
/// Integer constants fold and common index arithmetic simplifies while building, since no optimiser runs afterwards.
public final class VectorBuilder {
    private var types: [VectorType] = []
    private var regions: [Region] = [Region()]
    private var constants: [Register: UInt64] = [:]
    /// Instructions that run once, before everything else.
    private var entry: [Instruction] = []
    /// Constants and pure index arithmetic by scope, so that equal ones are one register.
    private var known: [[PureKey: Register]] = [[:]]
    private var entryKnown: [PureKey: Register] = [:]

    private struct PureKey: Hashable {
        let opcode: Opcode
        let operands: [Register]
        let type: VectorType
    }

    /// The kernel's parameters.
    public let bases: Register, words: Register, first: Register, last: Register, scratch: Register

    /// Starts a kernel.
    public init() {
        let parameterTypes: [VectorType] = [.pointer, .pointer, .index, .index, .pointer]
        let parameters = (0..<5).map { Register(id: Int32($0)) }
        types = parameterTypes
        regions[0].parameters = parameters
        (bases, words, first) = (parameters[0], parameters[1], parameters[2])
        (last, scratch) = (parameters[3], parameters[4])
    }

    /// Ends the kernel.
    public func finish(name: String) -> VectorFunction {
        var body = regions[0]
        body.body = entry + body.body
        return VectorFunction(name: name, types: types, body: body)
    }

    /// Adds what `body` emits to the kernel's entry, wherever the builder stands: loads of words and bases.
    public func atEntry<R>(_ body: () throws -> R) rethrows -> R {
        let (saved, savedKnown) = (regions, known)
        regions = [Region()]
        known = [entryKnown]
        defer {
            entry += regions[0].body
            entryKnown = known[0]
            regions = saved
            known = savedKnown
        }
        return try body()
    }

    /// Floor of the quotient of values of any sign.
    public func floorDiv(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b), y > 0 { return int(x >= 0 ? x / y : -((y - 1 - x) / y)) }
        let remainder = binary(.srem, a, b)
        let differs = compare(.slt, binary(.xor, remainder, b), int(0))
        let down = binary(.and, compare(.ne, remainder, int(0)), differs)
        let quotient = binary(.sdiv, a, b)
        return select(down, sub(quotient, int(1)), quotient)
    }

    /// `a - b·floor(a / b)`.
    public func floorMod(_ a: Register, _ b: Register) -> Register { sub(a, mul(floorDiv(a, b), b)) }

    /// The type of a register.
    public func type(of register: Register) -> VectorType { types[Int(register.id)] }

    // MARK: Adding instructions

    private func newRegister(_ type: VectorType) -> Register {
        types.append(type)
        return Register(id: Int32(types.count - 1))
    }

    @discardableResult
    private func emit(_ opcode: Opcode, _ operands: [Register], _ type: VectorType) -> Register {
        let result = newRegister(type)
        regions[regions.count - 1].body.append(Instruction(opcode: opcode, operands: operands, results: [result]))
        return result
    }

    private func pure(_ opcode: Opcode, _ operands: [Register], _ type: VectorType) -> Register {
        let key = PureKey(opcode: opcode, operands: operands, type: type)
        for scope in known.reversed() { if let register = scope[key] { return register } }
        let result = emit(opcode, operands, type)
        known[known.count - 1][key] = result
        return result
    }

    // MARK: Constants

    /// A constant of integer kind.
    public func int(_ value: Int, _ type: VectorType = .index) -> Register {
        constant(bits: UInt64(bitPattern: Int64(value)), type)
    }

    /// A constant of floating kind.
    public func float(_ value: Double, _ type: VectorType) -> Register {
        let bits: UInt64
        switch type.scalar {
        case .f32: bits = UInt64(Float(value).bitPattern)
        case .f64: bits = value.bitPattern
        default:
            // Half kinds convert from f32, which is exact to spell.
            return convert(float(value, type.with(scalar: .f32)), to: type.scalar)
        }
        return constant(bits: bits, type)
    }

    /// A constant by its bits, in every lane; those past the width do not count.
    public func constant(bits: UInt64, _ type: VectorType) -> Register {
        let bits = Self.canonical(bits, type.scalar)
        let register = pure(.constant(bits: bits), [], type)
        constants[register] = bits
        return register
    }

    /// Integers with their sign extended to 64 bits, so that equal ones are equal bits.
    private static func canonical(_ bits: UInt64, _ scalar: VectorType.Scalar) -> UInt64 {
        let unused = UInt64(64 - scalar.bitWidth)
        if scalar.isFloat || scalar == .i1 { return bits & (UInt64.max >> unused) }
        return UInt64(bitPattern: Int64(bitPattern: bits << unused) >> Int64(unused))
    }

    /// The value of an integer constant register.
    public func constantInt(_ register: Register) -> Int? {
        guard type(of: register).lanes == 1, let bits = constants[register] else { return nil }
        return Int(Int64(bitPattern: bits))
    }

    /// Whether a register of f32 or f64 is a constant other than NaN.
    func isNumber(_ register: Register) -> Bool {
        guard let bits = constants[register] else { return false }
        switch type(of: register).scalar {
        case .f32: return !Float(bitPattern: UInt32(truncatingIfNeeded: bits)).isNaN
        case .f64: return !Double(bitPattern: bits).isNaN
        default: return false
        }
    }

    // MARK: Index arithmetic

    public func add(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b) { return int(x &+ y, type(of: a)) }
        if constantInt(a) == 0 { return b }
        if constantInt(b) == 0 { return a }
        return binary(.add, a, b)
    }

    public func add(_ a: Register, _ b: Int) -> Register { add(a, int(b, type(of: a))) }

    public func sub(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b) { return int(x &- y, type(of: a)) }
        if constantInt(b) == 0 { return a }
        return binary(.sub, a, b)
    }

    public func mul(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b) { return int(x &* y, type(of: a)) }
        if constantInt(a) == 1 { return b }
        if constantInt(b) == 1 { return a }
        if constantInt(a) == 0 { return a }
        if constantInt(b) == 0 { return b }
        return binary(.mul, a, b)
    }

    public func mul(_ a: Register, _ b: Int) -> Register { mul(a, int(b, type(of: a))) }

    /// Quotient of values that are not negative.
    public func div(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b), y != 0 { return int(x / y, type(of: a)) }
        if constantInt(b) == 1 { return a }
        return binary(.udiv, a, b)
    }

    /// Remainder of values that are not negative.
    public func rem(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b), y != 0 { return int(x % y, type(of: a)) }
        if constantInt(b) == 1 { return int(0, type(of: a)) }
        return binary(.urem, a, b)
    }

    public func min(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b) { return int(Swift.min(x, y), type(of: a)) }
        return binary(.smin, a, b)
    }

    public func max(_ a: Register, _ b: Register) -> Register {
        if let x = constantInt(a), let y = constantInt(b) { return int(Swift.max(x, y), type(of: a)) }
        return binary(.smax, a, b)
    }

    /// `ceil(a / b)` of values that are not negative.
    public func ceilDiv(_ a: Register, _ b: Int) -> Register { div(add(a, b - 1), int(b)) }

    // MARK: Arithmetic

    public func binary(_ opcode: BinaryOpcode, _ a: Register, _ b: Register) -> Register {
        pure(.binary(opcode), [a, b], type(of: a))
    }

    public func unary(_ opcode: UnaryOpcode, _ a: Register) -> Register { pure(.unary(opcode), [a], type(of: a)) }

    public func fma(_ a: Register, _ b: Register, _ c: Register) -> Register { emit(.fma, [a, b, c], type(of: a)) }

    public func compare(_ predicate: Predicate, _ a: Register, _ b: Register) -> Register {
        pure(.compare(predicate), [a, b], VectorType(.i1, lanes: type(of: a).lanes))
    }

    public func select(_ condition: Register, _ a: Register, _ b: Register) -> Register {
        a == b ? a : pure(.select, [condition, a, b], type(of: a))
    }

    public func convert(_ opcode: ConversionOpcode, _ a: Register, to scalar: VectorType.Scalar) -> Register {
        type(of: a).scalar == scalar && opcode != .bitcast
            ? a : pure(.convert(opcode), [a], type(of: a).with(scalar: scalar))
    }

    /// Conversion between float kinds.
    public func convert(_ a: Register, to scalar: VectorType.Scalar) -> Register {
        let from = type(of: a).scalar
        if from == scalar { return a }
        return convert(from.bitWidth < scalar.bitWidth ? .fpext : .fptrunc, a, to: scalar)
    }

    public func bitcast(_ a: Register, to type: VectorType) -> Register {
        self.type(of: a) == type ? a : pure(.convert(.bitcast), [a], type)
    }

    // MARK: Lanes

    /// The scalar in every lane.
    public func splat(_ a: Register, lanes: Int) -> Register {
        if lanes == 1 || type(of: a).lanes == lanes { return a }
        if let bits = constants[a] { return constant(bits: bits, type(of: a).with(lanes: lanes)) }
        return pure(.splat, [a], type(of: a).with(lanes: lanes))
    }

    public func extract(_ a: Register, lane: Int) -> Register {
        type(of: a).lanes == 1 ? a : emit(.extract(lane: lane), [a], type(of: a).with(lanes: 1))
    }

    public func insert(_ a: Register, _ scalar: Register, lane: Int) -> Register {
        emit(.insert(lane: lane), [a, scalar], type(of: a))
    }

    public func shuffle(_ a: Register, _ b: Register, _ lanes: [Int]) -> Register {
        emit(.shuffle(lanes), [a, b], type(of: a).with(lanes: lanes.count))
    }

    /// `0, 1, 2, …` as a vector.
    public func laneNumbers(_ lanes: Int) -> Register {
        var vector = splat(int(0), lanes: lanes)
        for lane in 1..<Swift.max(lanes, 1) {
            vector = pure(.insert(lane: lane), [vector, int(lane)], type(of: vector))
        }
        return vector
    }

    /// Combines the lanes pairwise: lane `i` with lane `i + n/2`, then halves again. The order is fixed by the lane count.
    public func combineLanes(_ a: Register, _ combine: (Register, Register) -> Register) -> Register {
        var vector = a
        var lanes = type(of: a).lanes
        while lanes > 2 {
            lanes /= 2
            let low = shuffle(vector, vector, Array(0..<lanes))
            let high = shuffle(vector, vector, Array(lanes..<2 * lanes))
            vector = combine(low, high)
        }
        return lanes == 1 ? vector : combine(extract(vector, lane: 0), extract(vector, lane: 1))
    }

    /// A dot-product instruction of the machine.
    public func dot(_ opcode: DotOpcode, _ accumulator: Register, _ a: Register, _ b: Register) -> Register {
        emit(.dot(opcode), [accumulator, a, b], type(of: accumulator))
    }

    // MARK: Memory

    /// `pointer` plus `bytes`.
    public func address(_ pointer: Register, _ bytes: Register) -> Register {
        constantInt(bytes) == 0 ? pointer : pure(.address, [pointer, bytes], .pointer)
    }

    public func address(_ pointer: Register, _ bytes: Int) -> Register { address(pointer, int(bytes)) }

    public func load(_ type: VectorType, _ pointer: Register, align: Int? = nil) -> Register {
        emit(.load(align: align ?? Self.alignment(type)), [pointer], type)
    }

    public func load(_ type: VectorType, _ pointer: Register, first count: Register) -> Register {
        if let n = constantInt(count), n >= type.lanes { return load(type, pointer) }
        return emit(.loadFirst(align: Self.alignment(type)), [pointer, count], type)
    }

    public func store(_ value: Register, _ pointer: Register, align: Int? = nil) {
        let opcode = Opcode.store(align: align ?? Self.alignment(type(of: value)))
        regions[regions.count - 1].body.append(Instruction(opcode: opcode, operands: [value, pointer], results: []))
    }

    public func store(_ value: Register, _ pointer: Register, first count: Register) {
        if let n = constantInt(count), n >= type(of: value).lanes { return store(value, pointer) }
        // LLVM 22 makes of a truncation stored under a mask of one lane a store of the wide lane (AVX-512).
        if constantInt(count) == 1 { return store(extract(value, lane: 0), pointer) }
        let opcode = Opcode.storeFirst(align: Self.alignment(type(of: value)))
        regions[regions.count - 1].body.append(
            Instruction(opcode: opcode, operands: [value, pointer, count], results: []))
    }

    /// Asks for the cache line at `pointer`, which may lie anywhere, ahead of its use.
    public func prefetch(_ pointer: Register) {
        regions[regions.count - 1].body.append(Instruction(opcode: .prefetch, operands: [pointer], results: []))
    }

    private static func alignment(_ type: VectorType) -> Int { Swift.max(type.scalar.bitWidth / 8, 1) }

    // MARK: Structure

    /// A counted loop with carried values; gives their values after the last turn.
    @discardableResult
    public func loop(
        from lower: Register, to upper: Register, step: Register, carrying initial: [Register] = [],
        _ body: (_ index: Register, _ carried: [Register]) throws -> [Register]
    ) rethrows -> [Register] {
        let parameters = [newRegister(.index)] + initial.map { newRegister(type(of: $0)) }
        let region = try nested(parameters) { try body(parameters[0], Array(parameters.dropFirst())) }
        let results = initial.map { newRegister(type(of: $0)) }
        regions[regions.count - 1].body.append(
            Instruction(
                opcode: .loop, operands: [lower, upper, step] + initial, results: results, regions: [region]))
        return results
    }

    /// A loop in which nothing is carried.
    public func loop(from lower: Register, to upper: Register, step: Int = 1, _ body: (Register) throws -> Void)
        rethrows
    {
        try loop(from: lower, to: upper, step: int(step)) { index, _ in
            try body(index)
            return []
        }
    }

    /// Two-way choice; both sides give values of the same types.
    @discardableResult
    public func branch(
        _ condition: Register, then: () throws -> [Register], else: () throws -> [Register] = { [] }
    ) rethrows -> [Register] {
        let first = try nested([], then)
        let second = try nested([], `else`)
        let results = first.yields.map { newRegister(type(of: $0)) }
        regions[regions.count - 1].body.append(
            Instruction(opcode: .branch, operands: [condition], results: results, regions: [first, second]))
        return results
    }

    private func nested(_ parameters: [Register], _ body: () throws -> [Register]) rethrows -> Region {
        regions.append(Region(parameters: parameters))
        known.append([:])
        var isWhole = false
        // Also where the body throws, the builder stands where it stood.
        defer {
            known.removeLast()
            if !isWhole { regions.removeLast() }
        }
        let yields = try body()
        var region = regions.removeLast()
        isWhole = true
        region.yields = yields
        return region
    }

    /// Notes a violation at a grid index.
    public func violation(at gridIndex: Register, code: Int) {
        regions[regions.count - 1].body.append(
            Instruction(opcode: .violation(code: code), operands: [bases, gridIndex], results: []))
    }
}
