public import MartletCore
public import MartletIR

extension Tensor {
    /// For each element the value of the key that equals it, `other` where none does. NaN equals NaN; of equal keys the
    /// last one counts.
    ///
    /// - Parameters:
    ///   - keys: vector of this tensor's element type.
    ///   - values: as many values.
    ///   - other: a 0-d tensor of the values' type.
    public func lookedUp(keys: HostTensor, values: HostTensor, otherwise other: Tensor) throws -> Tensor {
        guard keys.count == values.count, keys.count > 0, try element == keys.type else {
            throw Diagnostic("type.keys", "\(keys.count) keys of type \(keys.type.name) for \(values.count) values")
        }
        let table = Tensor(try values.reshaped([values.count]))
        let order = try Self.order(of: keys)
        let positions = Tensor(try HostTensor(order.places.map { Int64($0) }, shape: [order.places.count]))
        let sorted = try Tensor(try keys.reshaped([keys.count])).gathered([positions], axes: [0], mode: .check)
        var result = other
        if !order.places.isEmpty {
            let place = try place(in: sorted, count: order.places.count)
            let isHit = try sorted.gathered([place], axes: [0], mode: .clamp).compared(.eq, self)
            let found = try positions.gathered([place], axes: [0], mode: .clamp)
            let value = try table.gathered([found], axes: [0], mode: .clamp)
            result = try Tensor.select(isHit, value, other)
        }
        guard let nan = order.nan else { return result }
        let value = try table.sliced(start: [IntExpr(nan)], size: [1]).reshaped(to: [])
        let base = try result.rank == 0 ? result.broadcast(to: shape, axes: []) : result
        return try Tensor.select(isNaN(), value, base)
    }

    /// Places of the different keys in ascending order, and of the last NaN.
    private static func order(of keys: HostTensor) throws -> (places: [Int], nan: Int?) {
        func sorted<Key: Comparable & Hashable>(_ keys: [Key]) -> [Int] {
            var last: [Key: Int] = [:]
            for (place, key) in keys.enumerated() where key == key { last[key] = place }
            return last.sorted { $0.key < $1.key }.map(\.value)
        }
        if keys.type.isInteger { return (sorted(try keys.ints()), nil) }
        let values = try keys.doubles()
        return (sorted(values), values.lastIndex { $0.isNaN })
    }

    /// The place of the last of `sorted` that is not greater, or the first one: by halving.
    private func place(in sorted: Tensor, count: Int) throws -> Tensor {
        var place = try Tensor.number(0).broadcast(to: shape, axes: [])
        var step = 1
        while step * 2 < count { step *= 2 }
        while step > 0 {
            let probe = place + .number(step)
            let isSmall = try sorted.gathered([probe.checked()], axes: [0], mode: .clamp).compared(.le, self)
            let isInside = try probe.compared(.lt, .number(count))
            place = try Tensor.select(isSmall.mapped(.and, isInside), probe, place)
            step /= 2
        }
        return place
    }
}
