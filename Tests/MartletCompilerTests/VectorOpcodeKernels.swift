@testable import MartletCompiler

/// A small kernel for every opcode and type.
enum VectorOpcodeKernels {
    static let integers: [VectorType.Scalar] = [.i8, .i16, .i32, .i64]
    static let floats: [VectorType.Scalar] = [.f32, .f64]

    /// The kernels of one number of lanes with their names.
    static func all(lanes: Int) -> [(name: String, function: VectorFunction)] {
        let kinds = integers + floats
        return integers.flatMap { integerKernels(VectorType($0, lanes: lanes)) }
            + floats.flatMap { floatKernels(VectorType($0, lanes: lanes)) }
            + kinds.flatMap { memoryKernels(VectorType($0, lanes: lanes)) }
            + kinds.flatMap { lanes > 1 ? laneKernels(VectorType($0, lanes: lanes)) : [] }
            + conversions(lanes: lanes) + halfConversions(lanes: lanes)
    }

    /// Operand i lies at 256·i bytes; the result at 1024.
    private static func kernel(
        _ name: String, _ body: (VectorBuilder, _ operand: (VectorType, Int) -> Register) -> Register
    ) -> (name: String, function: VectorFunction) {
        (
            name,
            VectorSupport.kernel { builder, data in
                let result = body(builder) { builder.load($0, builder.address(data, $1 * 256)) }
                builder.store(result, builder.address(data, 1024))
            }
        )
    }

    private static func integerKernels(_ type: VectorType) -> [(name: String, function: VectorFunction)] {
        let arithmetic = BinaryOpcode.allCases.filter { !$0.isFloat }.map { opcode in
            kernel("\(opcode) \(type)") { builder, operand in
                var second = operand(type, 1)
                if opcode.isShift { second = builder.binary(.and, second, builder.int(7, type)) }
                if opcode.isDivision {
                    let positive = builder.binary(.and, second, builder.int(0x7F, type))
                    second = builder.binary(.or, positive, builder.int(1, type))
                }
                return builder.binary(opcode, operand(type, 0), second)
            }
        }
        return arithmetic + Predicate.allCases.filter { !$0.isFloat }.map { comparison($0, type) }
    }

    private static func comparison(_ predicate: Predicate, _ type: VectorType) -> (
        name: String, function: VectorFunction
    ) {
        kernel("\(predicate) \(type)") { builder, operand in
            let flags = builder.compare(predicate, operand(type, 0), operand(type, 1))
            return builder.select(flags, operand(type, 2), operand(type, 3))
        }
    }

    private static func floatKernels(_ type: VectorType) -> [(name: String, function: VectorFunction)] {
        BinaryOpcode.allCases.filter(\.isFloat).map { opcode in
            kernel("\(opcode) \(type)") { $0.binary(opcode, $1(type, 0), $1(type, 1)) }
        }
            + UnaryOpcode.allCases.map { opcode in
                kernel("\(opcode) \(type)") { $0.unary(opcode, $1(type, 0)) }
            }
            + Predicate.allCases.filter(\.isFloat).map { comparison($0, type) }
    }

    private static func memoryKernels(_ type: VectorType) -> [(name: String, function: VectorFunction)] {
        [
            (
                "first \(type)",
                VectorSupport.kernel { builder, data in
                    let count = builder.add(builder.first, type.lanes / 2)
                    let loaded = builder.load(type, data, first: count)
                    builder.store(loaded, builder.address(data, 1024), first: count)
                }
            ),
            kernel("constant \(type)") { builder, _ in builder.constant(bits: 0xFFFF_FFFF_FFFF_FFF3, type) },
        ]
    }

    private static func laneKernels(_ type: VectorType) -> [(name: String, function: VectorFunction)] {
        [
            kernel("splat \(type)") { $0.splat($1(type.with(lanes: 1), 0), lanes: type.lanes) },
            kernel("insert \(type)") { builder, operand in
                builder.insert(operand(type, 0), builder.extract(operand(type, 1), lane: type.lanes - 1), lane: 1)
            },
            kernel("shuffle \(type)") { builder, operand in
                builder.shuffle(
                    operand(type, 0), operand(type, 1), (0..<type.lanes).map { ($0 * 7 + 1) % (2 * type.lanes) })
            },
        ]
    }

    private static func conversions(lanes: Int) -> [(name: String, function: VectorFunction)] {
        var kernels: [(name: String, function: VectorFunction)] = []
        for small in integers {
            let from = VectorType(small, lanes: lanes)
            for large in integers where large.bitWidth > small.bitWidth {
                kernels.append(kernel("sext \(from) \(large)") { $0.convert(.sext, $1(from, 0), to: large) })
                kernels.append(kernel("zext \(from) \(large)") { $0.convert(.zext, $1(from, 0), to: large) })
                let wide = from.with(scalar: large)
                kernels.append(kernel("trunc \(wide) \(small)") { $0.convert(.trunc, $1(wide, 0), to: small) })
            }
            for float in floats {
                kernels.append(kernel("sitofp \(from) \(float)") { $0.convert(.sitofp, $1(from, 0), to: float) })
                kernels.append(kernel("uitofp \(from) \(float)") { $0.convert(.uitofp, $1(from, 0), to: float) })
                kernels += fromFloat(VectorType(float, lanes: lanes), small)
            }
        }
        return kernels
    }

    private static func fromFloat(_ type: VectorType, _ to: VectorType.Scalar) -> [(
        name: String, function: VectorFunction
    )] {
        let total =
            to.bitWidth < 32
            ? []
            : [
                kernel("fptosi_lowest \(type) \(to)") { $0.convert(.fptosiLowest, $1(type, 0), to: to) }
            ]
        return total
            + [.fptosi, .fptoui].map { (opcode: ConversionOpcode) in
                kernel("\(opcode) \(type) \(to)") { builder, operand in
                    let low = builder.float(opcode == .fptosi ? -120 : 0, type)
                    let bounded = builder.binary(.fminB, builder.float(120, type), operand(type, 0))
                    let value = builder.binary(.fmaxB, bounded, low)
                    return builder.convert(opcode, value, to: to)
                }
            }
    }

    private static func halfConversions(lanes: Int) -> [(name: String, function: VectorFunction)] {
        let narrow: [VectorType.Scalar] = [.f16, .bf16]
        return narrow.flatMap { scalar in
            floats.flatMap { wide -> [(name: String, function: VectorFunction)] in
                let (small, large) = (VectorType(scalar, lanes: lanes), VectorType(wide, lanes: lanes))
                return [
                    kernel("\(small) to \(wide)") { $0.convert($1(small, 0), to: wide) },
                    kernel("\(large) to \(scalar)") { builder, operand in
                        // Payloads of NaN are not compared, so none is made.
                        let value = operand(large, 0)
                        let isNaN = builder.compare(.une, value, value)
                        return builder.convert(builder.select(isNaN, builder.float(1, large), value), to: scalar)
                    },
                ]
            }
        }
    }
}
