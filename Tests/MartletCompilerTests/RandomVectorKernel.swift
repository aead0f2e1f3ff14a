import TestSupport
@testable import MartletCompiler

/// Makes random kernels whose results are defined: they load from the first 1 KiB of the data and store behind it.
struct RandomVectorKernel {
    private let builder: VectorBuilder
    private let data: Register
    private var random: SplitMix64
    /// Values made so far, by type.
    private var pool: [VectorType: [Register]] = [:]
    private let lanes: Int

    static func make(_ random: inout SplitMix64) -> VectorFunction {
        let seed = random.next()
        return VectorSupport.kernel { builder, data in
            var kernel = RandomVectorKernel(builder, data, SplitMix64(seed: seed))
            kernel.fill()
            for _ in 0..<24 { kernel.step() }
            kernel.structure()
            for _ in 0..<6 { kernel.step() }
            kernel.storeAll()
        }
    }

    private init(_ builder: VectorBuilder, _ data: Register, _ random: SplitMix64) {
        (self.builder, self.data, self.random) = (builder, data, random)
        lanes = [1, 2, 4, 8, 16][Int.random(in: 0..<5, using: &self.random)]
    }

    private static let kinds: [VectorType.Scalar] = [.i8, .i16, .i32, .i64, .f32, .f64]

    private mutating func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
    private mutating func kind() -> VectorType { VectorType(pick(Self.kinds), lanes: lanes) }
    private mutating func value(_ type: VectorType) -> Register {
        guard let values = pool[type], !values.isEmpty else { return builder.constant(bits: 1, type) }
        return pick(values)
    }

    private mutating func add(_ register: Register) { pool[builder.type(of: register), default: []].append(register) }

    private mutating func fill() {
        for (number, scalar) in Self.kinds.enumerated() {
            let type = VectorType(scalar, lanes: lanes)
            add(builder.load(type, builder.address(data, number * 128)))
            let count = builder.add(builder.first, Int.random(in: -1...lanes + 1, using: &random))
            add(builder.load(type, builder.address(data, number * 128 + 8), first: count))
            add(builder.constant(bits: random.next(), type))
        }
    }

    private mutating func step() {
        let type = kind()
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1, 2: add(type.scalar.isFloat ? floatBinary(type) : integerBinary(type))
        case 3: add(type.scalar.isFloat ? floatUnary(type) : selection(type))
        case 4: add(selection(type))
        case 5: conversion(type)
        case 6: laneMove(type)
        default: regrouped(type)
        }
    }

    private mutating func floatBinary(_ type: VectorType) -> Register {
        let opcode = pick(BinaryOpcode.allCases.filter(\.isFloat))
        let (a, b) = (value(type), value(type))
        return builder.binary(opcode, a, opcode == .copysign ? withoutNaN(b) : b)
    }

    private mutating func floatUnary(_ type: VectorType) -> Register {
        builder.unary(pick(UnaryOpcode.allCases), value(type))
    }

    /// Sign and payload of NaN are not defined, so they must not reach integers.
    private func withoutNaN(_ x: Register) -> Register {
        builder.select(builder.compare(.une, x, x), builder.float(1, builder.type(of: x)), x)
    }

    private mutating func integerBinary(_ type: VectorType) -> Register {
        let opcode = pick(BinaryOpcode.allCases.filter { !$0.isFloat })
        var second = value(type)
        if opcode.isShift { second = builder.binary(.and, second, builder.int(type.scalar.bitWidth - 1, type)) }
        if opcode.isDivision {
            second = builder.binary(.or, builder.binary(.and, second, builder.int(0x7F, type)), builder.int(1, type))
        }
        return builder.binary(opcode, value(type), second)
    }

    private mutating func selection(_ type: VectorType) -> Register {
        let compared = kind()
        let predicate = pick(Predicate.allCases.filter { $0.isFloat == compared.scalar.isFloat })
        let flags = builder.compare(predicate, value(compared), value(compared))
        return builder.select(flags, value(type), value(type))
    }

    private mutating func conversion(_ type: VectorType) {
        let to = pick(Self.kinds)
        let x = value(type)
        let (from, wide, narrow) = (type.scalar, to.bitWidth > type.scalar.bitWidth, to.bitWidth < type.scalar.bitWidth)
        switch (from.isFloat, to.isFloat) {
        case (false, false):
            if wide { add(builder.convert(pick([.sext, .zext]), x, to: to)) }
            if narrow { add(builder.convert(.trunc, x, to: to)) }
        case (true, true): if wide || narrow { add(builder.convert(x, to: to)) }
        case (false, true): add(builder.convert(pick([.sitofp, .uitofp]), x, to: to))
        case (true, false):
            let bounded = builder.binary(.fminB, builder.float(120, type), withoutNaN(x))
            add(builder.convert(.fptosi, builder.binary(.fmaxB, bounded, builder.float(-120, type)), to: to))
            if to.bitWidth >= 32 { add(builder.convert(.fptosiLowest, x, to: to)) }
        }
    }

    private mutating func laneMove(_ type: VectorType) {
        guard lanes > 1 else { return }
        let (a, b) = (value(type), value(type))
        let lane = Int.random(in: 0..<lanes, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: add(builder.shuffle(a, b, (0..<lanes).map { _ in Int.random(in: 0..<2 * lanes, using: &random) }))
        case 1: add(builder.insert(a, builder.extract(b, lane: lane), lane: 0))
        default: add(builder.splat(builder.extract(a, lane: lane), lanes: lanes))
        }
    }

    /// The same bits as another kind.
    private mutating func regrouped(_ type: VectorType) {
        let x = type.scalar.isFloat ? withoutNaN(value(type)) : value(type)
        let same = Self.kinds.filter { $0.bitWidth == type.scalar.bitWidth && $0 != type.scalar }
        if let to = same.first { add(builder.bitcast(x, to: type.with(scalar: to))) }
    }

    private mutating func structure() {
        let (a, b) = (kind(), kind())
        let initial = [value(a), value(b)]
        let count = builder.add(builder.first, Int.random(in: 0...5, using: &random))
        var inner = self
        let results = builder.loop(from: builder.first, to: count, step: builder.int(1), carrying: initial) {
            index, carried in
            carried.forEach { inner.add($0) }
            let isOdd = builder.compare(.ne, builder.binary(.and, index, builder.int(1)), builder.int(0))
            let chosen = builder.branch(
                isOdd, then: { inner.turned(a) }, else: { inner.turned(a) })
            return [chosen[0], inner.turned(b)[0]]
        }
        random = inner.random
        results.forEach { add($0) }
    }

    /// A new value of a type; what is made on the way is forgotten, since it is not visible outside.
    private mutating func turned(_ type: VectorType) -> [Register] {
        let saved = pool
        defer { pool = saved }
        for _ in 0..<4 { step() }
        return [type.scalar.isFloat ? floatBinary(type) : integerBinary(type)]
    }

    private mutating func storeAll() {
        for (number, scalar) in Self.kinds.enumerated() {
            let type = VectorType(scalar, lanes: lanes)
            let newest = pool[type]?.suffix(2) ?? []
            for (turn, register) in newest.enumerated() {
                let address = builder.address(data, 1024 + (number * 2 + turn) * 128)
                builder.store(register, address, first: builder.add(builder.first, lanes - turn))
            }
        }
    }
}

/// Compares what interpreter and machine code do to the same data.
enum VectorDifference {
    /// 1 KiB of operands of mixed magnitudes, then room for results.
    static func data(_ random: inout SplitMix64) -> [UInt64] {
        (0..<128).map { _ in operand(&random) } + [UInt64](repeating: 0, count: 256)
    }

    private static func operand(_ random: inout SplitMix64) -> UInt64 {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return random.next()
        case 1: return Double.random(in: -300...300, using: &random).bitPattern
        case 2: return pair { Float.random(in: -100...100, using: &random).bitPattern }
        case 3: return pair { Float(Int.random(in: -8...8, using: &random)).bitPattern / 2 }
        case 4:
            return [0, 1 << 63, 0x7FF0_0000_0000_0000, 0xFFF8_0000_0000_0000, 1, .max][
                Int.random(in: 0..<6, using: &random)]
        default: return pair { [0x8000_0000, 0x7F80_0000, 1, 0xFFC0_0000][Int.random(in: 0..<4, using: &random)] }
        }
    }

    private static func pair(_ make: () -> UInt32) -> UInt64 { UInt64(make()) << 32 | UInt64(make()) }

    /// What differs first; NaN of any bits are alike where both are NaN of f32 or f64.
    static func first(
        _ function: VectorFunction, _ kernel: CompiledVectorKernel, _ data: [UInt64]
    ) throws -> String? {
        var (left, right) = (data, data)
        try VectorSupport.interpret(function, &left)
        _ = right.withUnsafeMutableBytes { kernel.run($0.baseAddress) }
        return first(left, right)
    }

    static func first(_ left: [UInt64], _ right: [UInt64]) -> String? {
        for index in left.indices where left[index] != right[index] {
            if isAlike(left[index], right[index]) { continue }
            let words = [left[index], right[index]].map { String($0, radix: 16) }
            return "byte \(8 * index): interpreted \(words[0]), compiled \(words[1])"
        }
        return nil
    }

    private static func isAlike(_ a: UInt64, _ b: UInt64) -> Bool {
        if Double(bitPattern: a).isNaN && Double(bitPattern: b).isNaN { return true }
        return [0, 32].allSatisfy { shift in
            let (x, y) = (UInt32(truncatingIfNeeded: a >> shift), UInt32(truncatingIfNeeded: b >> shift))
            return x == y || Float(bitPattern: x).isNaN && Float(bitPattern: y).isNaN
        }
    }
}
