public import MartletCore
public import MartletIR

extension Tensor {
    /// The values as a floating-point type of 8 bits, where what is too large becomes infinity, or NaN in types
    /// without it, and not the largest value.
    ///
    /// - Throws: `type.elements` for other types.
    public func castWithoutSaturation(to type: ElementType) throws -> Tensor {
        let limit: Double, special: UInt8
        switch type {
        // The least value that does not round to a finite one, and the bits of what it becomes. 464 lies in the middle
        // of 448 and what would be next, and goes to 448, which is even.
        case .float8e4m3fn: (limit, special) = (464.00003, 0x7F)
        case .float8e4m3fnuz: (limit, special) = (248, 0x80)
        case .float8e5m2: (limit, special) = (61440, 0x7C)
        case .float8e5m2fnuz: (limit, special) = (61440, 0x80)
        default: throw Diagnostic("type.elements", "\(type.name) always saturates")
        }
        let wide = try cast(to: .float32)
        let isTooLarge = try wide.mapped(.abs).compared(.ge, .constant(limit, like: wide))
        let isNegative = try wide.compared(.lt, .constant(0, like: wide))
        let hasSign = type == .float8e5m2 || type == .float8e4m3fn
        let negative = hasSign ? special | 0x80 : special
        let overflow = try Tensor.select(isNegative, .bits(negative, type), .bits(special, type))
        return try Tensor.select(isTooLarge, overflow, cast(to: type))
    }

    private static func bits(_ bits: UInt8, _ type: ElementType) throws -> Tensor {
        Tensor(try HostTensor.make(type, shape: []) { $0[0] = bits })
    }

    /// Which way a cast to powers of two goes.
    public enum PowerRounding: String, Sendable {
        case up, down, nearest
    }

    /// The values as powers of two, in type `float8e8m0`. What is out of range becomes the nearest power, or NaN unless
    /// it `saturates`.
    public func castToPowers(_ rounding: PowerRounding, saturates: Bool = true) throws -> Tensor {
        let rounded = try roundedToPowers(rounding)
        if saturates { return rounded }
        let magnitude = try cast(to: element == .float64 ? .float64 : .float32).mapped(.abs)
        let isSmall = try magnitude.compared(.lt, .constant(0x1p-127, like: magnitude))
        let isLarge =
            switch rounding {
            case .up: try magnitude.compared(.gt, .constant(0x1p127, like: magnitude))
            case .nearest: try magnitude.compared(.ge, .constant(0x1.8p127, like: magnitude))
            case .down: try magnitude.compared(.ge, .constant(0x1p128, like: magnitude))
            }
        return try Tensor.select(isSmall.mapped(.or, isLarge), .bits(0xFF, .float8e8m0), rounded)
    }

    private func roundedToPowers(_ rounding: PowerRounding) throws -> Tensor {
        let type = ElementType.float8e8m0
        let nearest = try cast(to: type)
        if rounding == .nearest { return nearest }
        let (wide, power) = (try cast(to: .float32), try nearest.cast(to: .float32))
        let isUp = rounding == .up
        let isShort = try power.compared(isUp ? .lt : .gt, wide)
        return try Tensor.select(isShort, power * (isUp ? 2 : 0.5), power).cast(to: type)
    }
}
