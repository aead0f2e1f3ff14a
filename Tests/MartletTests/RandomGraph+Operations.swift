import Martlet
import MartletCore
import MartletIR
import MartletLibrary

/// The operations. Each picks its operands, and throws where there are none.
extension RandomGraph {
    static let operations: [@Sendable (inout RandomGraph) throws -> Value] = [
        { try $0.exactMap() }, { try $0.realMap() }, { try $0.arithmetic() }, { try $0.arithmetic() },
        { try $0.comparison() }, { try $0.choice() }, { try $0.conversion() }, { try $0.permutation() },
        { try $0.reshape() }, { try $0.slice() }, { try $0.padding() }, { try $0.concatenation() },
        { try $0.reduction() }, { try $0.reduction() }, { try $0.bestPosition() }, { try $0.runningSum() },
        { try $0.gather() }, { try $0.scatter() }, { try $0.product() }, { try $0.product() },
        { try $0.normalisation() }, { try $0.order() }, { try $0.compression() }, { try $0.windows() },
        { try $0.branch() }, { try $0.loop() }, { try $0.quantisation() },
    ]

    private static func isFloat(_ value: Value) throws -> Bool { try value.tensor.element == .float32 }
    private static func isNumber(_ value: Value) throws -> Bool { try value.tensor.element != .bool }

    // MARK: Elements

    private mutating func exactMap() throws -> Value {
        let x = try value { try $0.isExact && Self.isNumber($0) && $0.tensor.element.isSigned }
        switch int(0...3) {
        case 0: return Value(tensor: try x.tensor.relu(), bound: x.bound)
        case 1: return Value(tensor: try x.tensor.mapped(.sign), bound: 1)
        case 2: return Value(tensor: try x.tensor.mapped(.abs), bound: x.bound)
        default: return Value(tensor: try x.tensor.mapped(.neg), bound: x.bound)
        }
    }

    private mutating func realMap() throws -> Value {
        let x = try value(where: Self.isFloat).tensor
        switch int(0...6) {
        case 0: return Value(tensor: try x.mapped(.tanh), bound: nil)
        case 1: return Value(tensor: try x.mapped(.erf), bound: nil)
        case 2: return Value(tensor: try x.sigmoid(), bound: nil)
        case 3: return Value(tensor: try x.mapped(.tanh).gelu(), bound: nil)
        case 4: return Value(tensor: try (-x.mapped(.abs)).mapped(.exp), bound: nil)
        case 5: return Value(tensor: try (x.mapped(.abs) + 0.5).mapped(.sqrt).mapped(.tanh), bound: nil)
        default: return Value(tensor: try x.mapped(.tanh).mapped(.sin), bound: nil)
        }
    }

    private mutating func arithmetic() throws -> Value {
        let a = try value(where: Self.isNumber)
        let b = try value { try $0.tensor.element == a.tensor.element && Self.areBroadcast(a.tensor, $0.tensor) }
        let bounds = a.bound.flatMap { first in b.bound.map { (first, $0) } }
        switch int(0...4) {
        case 0: return Value(tensor: try (a.tensor + b.tensor).checked(), bound: bounds.map { $0.0 + $0.1 })
        case 1: return Value(tensor: try (a.tensor - b.tensor).checked(), bound: bounds.map { $0.0 + $0.1 })
        case 2: return Value(tensor: try a.tensor.mapped(.max, b.tensor), bound: bounds.map { max($0.0, $0.1) })
        case 3: return Value(tensor: try a.tensor.mapped(.min, b.tensor), bound: bounds.map { max($0.0, $0.1) })
        default:
            // Products of unbounded values would leave the tolerance.
            guard bounds != nil else {
                return Value(tensor: try a.tensor.mapped(.tanh).mapped(.mul, b.tensor), bound: nil)
            }
            return Value(tensor: try (a.tensor * b.tensor).checked(), bound: bounds.map { $0.0 * $0.1 })
        }
    }

    /// Whether the shapes broadcast whatever the sizes are.
    private static func areBroadcast(_ a: Tensor, _ b: Tensor) throws -> Bool {
        zip(try a.shape.reversed(), try b.shape.reversed()).allSatisfy { $0 == $1 || $0 == 1 || $1 == 1 }
    }

    private mutating func comparison() throws -> Value {
        let a = try value { try $0.isExact && Self.isNumber($0) }
        let b = try value {
            try $0.isExact && $0.tensor.element == a.tensor.element && Self.areBroadcast(a.tensor, $0.tensor)
        }
        return Value(tensor: try a.tensor.compared(try pick([.lt, .le, .eq, .ne, .gt]), b.tensor), bound: 1)
    }

    private mutating func choice() throws -> Value {
        let condition = try value { try $0.tensor.element == .bool }
        let a = try value { try Self.isNumber($0) && Self.areBroadcast(condition.tensor, $0.tensor) }
        let tensors = try Tensor.broadcast([condition.tensor, a.tensor])
        let other = try Tensor.constant(Double(int(-3...3)), like: tensors[1]).broadcast(to: tensors[1].shape, axes: [])
        return Value(
            tensor: try Tensor.select(tensors[0], tensors[1], other), bound: a.bound.map { max($0, 3) })
    }

    private mutating func conversion() throws -> Value {
        let x = try value { $0.bound ?? .infinity < 0x1p20 }
        let (bound, type) = (x.bound ?? 0, try pick([ElementType.float32, .int64, .int32, .uint8, .float16, .bool]))
        if type == .uint8 {
            let low = try Self.isNumber(x) ? x.tensor.mapped(.abs) : x.tensor
            return Value(tensor: try low.cast(to: .uint8).cast(to: .float32), bound: 255)
        }
        if type == .float16 {
            guard bound < 2048 else { throw Diagnostic("test.pick", "too large") }
            return Value(tensor: try x.tensor.cast(to: .float16).cast(to: .float32), bound: bound)
        }
        return Value(tensor: try x.tensor.cast(to: type), bound: type == .bool ? 1 : bound)
    }

    private mutating func quantisation() throws -> Value {
        let x = try value { try $0.isExact && Self.isFloat($0) && $0.tensor.rank >= 2 }
        let zero = Tensor(try wholeNumbers(0...20, .uint8, []))
        let rows = try x.tensor.quantized(scale: Tensor(0.5, as: .float32), zeroPoint: zero, to: .uint8)
        guard let depth = try rows.shape.last?.constant, depth > 0 else { throw Diagnostic("test.pick", "no depth") }
        let columns = int(1...9)
        let table = try wholeNumbers(-128...127, .int8, [depth, columns])
        let product = try rows.integerMatmul(Tensor(table), zeroPoint: zero, otherZeroPoint: nil)
        return Value(tensor: product, bound: Double(depth) * 255 * 128)
    }

    // MARK: Views

    private mutating func permutation() throws -> Value {
        let x = try value { try $0.tensor.rank > 1 }
        var order = Array(0..<(try x.tensor.rank))
        order.swapAt(int(0...order.count - 1), int(0...order.count - 1))
        return Value(tensor: try x.tensor.transposed(order), bound: x.bound)
    }

    private mutating func reshape() throws -> Value {
        let x = try value()
        var shape = try x.tensor.shape
        switch int(0...2) {
        case 0 where shape.count > 1:
            let first = int(0...shape.count - 2)
            shape.replaceSubrange(first...first + 1, with: [shape[first] * shape[first + 1]])
        case 1:
            let place = try axis(of: x) { $0.constant.map { $0 > 0 && $0.isMultiple(of: 2) } ?? false }
            shape.replaceSubrange(place...place, with: [2, shape[place].floorDivided(by: 2)])
        default: shape.insert(1, at: int(0...shape.count))
        }
        return Value(tensor: try x.tensor.reshaped(to: shape), bound: x.bound)
    }

    private mutating func slice() throws -> Value {
        let x = try value { try $0.tensor.rank > 0 }
        let place = try axis(of: x)
        let extent = try x.tensor.shape[place]
        let half = extent.floorDivided(by: 2)
        switch int(0...2) {
        case 0: return Value(tensor: try x.tensor.sliced(axis: place, start: 0, size: half), bound: x.bound)
        case 1: return Value(tensor: try x.tensor.sliced(axis: place, start: half, size: extent - half), bound: x.bound)
        default:
            let reversed = try x.tensor.sliced(axis: place, start: extent - 1, size: extent, step: -1)
            return Value(tensor: reversed, bound: x.bound)
        }
    }

    private mutating func padding() throws -> Value {
        let x = try value { try $0.tensor.rank > 0 && Self.isNumber($0) }
        let rank = try x.tensor.rank
        let (low, high) = ((0..<rank).map { _ in IntExpr(int(0...1)) }, (0..<rank).map { _ in IntExpr(int(0...2)) })
        let fill = try Tensor(Double(int(0...3)), as: x.tensor.element)
        return Value(tensor: try x.tensor.padded(low: low, high: high, with: fill), bound: x.bound.map { max($0, 3) })
    }

    private mutating func concatenation() throws -> Value {
        let a = try value { try $0.tensor.rank > 0 }
        let b = try value { try $0.tensor.type == a.tensor.type }
        let place = try axis(of: a)
        return Value(
            tensor: try Tensor.concatenate([a.tensor, b.tensor], axis: place),
            bound: a.bound.flatMap { first in b.bound.map { max(first, $0) } })
    }

    private mutating func windows() throws -> Value {
        let x = try value { try Self.isNumber($0) && $0.tensor.rank > 0 }
        let place = try axis(of: x) { $0.constant ?? 0 >= 3 }
        let size = int(2...3)
        let windows = try x.tensor.windowed([Window.Axis(axis: place, size: IntExpr(size), stride: int(1...2))])
        let isSum = int(0...1) == 0
        return Value(
            tensor: try windows.reduced(isSum ? .sum : .max, axes: [try windows.rank - 1]),
            bound: x.bound.map { isSum ? $0 * Double(size) : $0 })
    }

    // MARK: Reductions

    private mutating func reduction() throws -> Value {
        let x = try value { try Self.isNumber($0) && $0.tensor.rank > 0 }
        let place = try axis(of: x)
        let (extent, keeps) = (try x.tensor.shape[place], int(0...1) == 0)
        switch int(0...3) {
        case 0, 1:
            let sum = try x.tensor.reduced(.sum, axes: [place], keepingAxes: keeps)
            return Value(tensor: sum, bound: x.bound.map { $0 * Double(most(extent)) })
        case 2:
            // Of nothing it is infinite, or the least integer, which no later operation bounds.
            guard extent.constant ?? 0 > 0 else { throw Diagnostic("test.pick", "perhaps empty") }
            return Value(tensor: try x.tensor.reduced(.max, axes: [place], keepingAxes: keeps), bound: x.bound)
        default:
            guard try Self.isFloat(x), extent.constant ?? 0 > 0 else { throw Diagnostic("test.pick", "no mean") }
            return Value(tensor: try x.tensor.mean(axes: [place], keepingAxes: keeps), bound: nil)
        }
    }

    private mutating func bestPosition() throws -> Value {
        let x = try value { try $0.isExact && Self.isNumber($0) && $0.tensor.rank > 0 }
        let place = try axis(of: x) { $0.constant ?? 0 > 0 }
        let extent = try x.tensor.shape[place].constant ?? 0
        let found = try x.tensor.argReduced(maximum: int(0...1) == 0, axes: [place], lastTie: int(0...1) == 0)
        return Value(tensor: found, bound: Double(extent))
    }

    private mutating func runningSum() throws -> Value {
        let x = try value { try $0.isExact && Self.isNumber($0) && $0.tensor.rank > 0 }
        let place = try axis(of: x)
        let extent = try x.tensor.shape[place]
        return Value(
            tensor: try x.tensor.cumulated(.sum, axis: place), bound: x.bound.map { $0 * Double(most(extent)) })
    }

    private mutating func product() throws -> Value {
        let a = try value { try Self.isFloat($0) && $0.tensor.rank >= 2 }
        let depth = try a.tensor.shape[a.tensor.rank - 1]
        let b: Value
        if let extent = depth.constant, int(0...1) == 0 {
            // A constant, as weights are.
            b = Value(tensor: Tensor(try wholeNumbers(-2...2, .float32, [extent, int(1...70)])), bound: 2)
        } else {
            b = try value { try Self.isFloat($0) && $0.tensor.rank == 2 && $0.tensor.shape[0] == depth }
        }
        if let first = a.bound, let second = b.bound {
            return Value(tensor: try a.tensor.matmul(b.tensor), bound: first * second * Double(most(depth)))
        }
        return Value(tensor: try a.tensor.mapped(.tanh).matmul(b.tensor.mapped(.tanh)), bound: nil)
    }

    private mutating func normalisation() throws -> Value {
        let x = try value { try Self.isFloat($0) && $0.tensor.rank > 0 }
        let place = try x.tensor.rank - 1
        guard try x.tensor.shape[place].constant ?? 0 > 0 else { throw Diagnostic("test.pick", "perhaps empty") }
        let bounded = try x.tensor.mapped(.tanh)
        if int(0...1) == 0 { return Value(tensor: try bounded.softmax(axis: place), bound: nil) }
        // With a large epsilon, since equal elements would be divided by next to nothing.
        let normal = try bounded.layerNormalized(axis: place, scale: nil, bias: nil, epsilon: 0.5)
        return Value(tensor: normal.result, bound: nil)
    }

    // MARK: Indices

    private mutating func gather() throws -> Value {
        let x = try value { try $0.tensor.rank > 0 }
        let place = try axis(of: x) { $0.constant ?? 0 > 0 }
        let indices = try indices(below: x.tensor.shape[place])
        return Value(tensor: try x.tensor.gathered([indices], axes: [place], mode: .check), bound: x.bound)
    }

    private mutating func scatter() throws -> Value {
        let x = try value { try $0.isExact && Self.isNumber($0) && $0.tensor.rank == 1 }
        guard let extent = try x.tensor.shape[0].constant, extent > 0 else {
            throw Diagnostic("test.pick", "no extent")
        }
        let indices = try indices(below: IntExpr(extent))
        guard try indices.rank == 1 else { throw Diagnostic("test.pick", "no vector") }
        let updates = try indices.cast(to: x.tensor.element)
        let count = most(try indices.shape[0])
        let sums = try x.tensor.scattered([indices], updates: updates, axes: [0], mode: .add)
        return Value(tensor: sums, bound: x.bound.map { $0 + Double(count * extent) })
    }

    private mutating func indices(below extent: IntExpr) throws -> Tensor {
        let numbers = try value { try $0.isExact && $0.tensor.element == .int64 && $0.tensor.rank <= 2 }
        return try numbers.tensor.mapped(.abs).mapped(.rem, .dimension(extent))
    }

    private mutating func order() throws -> Value {
        let x = try value { try $0.isExact && Self.isNumber($0) && $0.tensor.rank > 0 }
        let place = try axis(of: x)
        let extent = try x.tensor.shape[place]
        let count = int(0...1) == 0 ? extent : extent.ceilDivided(by: 2)
        let sorted = try x.tensor.sorted(axis: place, descending: int(0...1) == 0, count: count)
        return int(0...1) == 0
            ? Value(tensor: sorted.values, bound: x.bound)
            : Value(tensor: sorted.indices, bound: Double(most(extent)))
    }

    /// Rows whose number only the data knows.
    private mutating func compression() throws -> Value {
        let judge = try value { try $0.isExact && Self.isNumber($0) && $0.tensor.rank > 0 }
        let own = try axis(of: judge)
        let others = (0..<(try judge.tensor.rank)).filter { $0 != own }
        let sums = try judge.tensor.reduced(.sum, axes: others)
        let mask = try sums.compared(.gt, .constant(Double(int(-2...2)), like: sums))
        let extent = try mask.shape[0]
        let x = try value { try $0.tensor.rank > 0 && $0.tensor.shape.contains(extent) }
        let place = try axis(of: x) { $0 == extent }
        return Value(tensor: try x.tensor.compressed(mask, axis: place), bound: x.bound)
    }

    // MARK: Regions

    private mutating func condition() throws -> Tensor {
        let x = try value { try $0.isExact && Self.isNumber($0) }
        let sum = try x.tensor.reduced(.sum, axes: Array(0..<(try x.tensor.rank)))
        return try sum.compared(.gt, .constant(Double(int(-2...2)), like: sum))
    }

    /// Sides that may differ in their extents.
    private mutating func branch() throws -> Value {
        let a = try value(where: Self.isNumber)
        let b = try value { try $0.tensor.element == a.tensor.element && $0.tensor.rank == a.tensor.rank }
        let condition = try condition()
        let result = try Tensor.branch(
            condition, then: { [try a.tensor.mapped(.neg)] }, else: { [try (b.tensor + b.tensor).checked()] })
        return Value(tensor: result[0], bound: a.bound.flatMap { first in b.bound.map { max(first, 2 * $0) } })
    }

    /// Turns over the slices of a value, with a sum as state; the results of the turns are stacked.
    private mutating func loop() throws -> Value {
        let x = try value { try $0.isExact && Self.isNumber($0) && $0.tensor.rank > 0 }
        let trip = try x.tensor.shape[0]
        let start = try Tensor.constant(1, like: x.tensor)
            .broadcast(to: Array(try x.tensor.shape.dropFirst()), axes: [])
        let ends = int(0...1) == 0
        let going = ends ? try condition() : nil
        let results = try Tensor.loop(trip: trip, condition: going, states: [start], scanned: [x.tensor]) {
            turn, states, slices in
            let next = try (states[0] + slices[0]).checked()
            let goesOn = ends ? try turn.compared(.lt, .number(2)) : nil
            return (goesOn, [next], [next])
        }
        let bound = x.bound.map { 1 + $0 * Double(most(trip)) }
        return int(0...1) == 0
            ? Value(tensor: results.states[0], bound: bound) : Value(tensor: results.stacked[0], bound: bound)
    }
}
