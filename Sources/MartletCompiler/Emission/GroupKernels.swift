import MartletCore
import MartletIR

/// The kernels of a graph's groups: equal groups on equally placed operands are given the same one, made once.
struct GroupKernels {
    /// All that a template sees of a group.
    private struct Key: Hashable {
        let axes: [LoopAxis]
        let body: ScalarBody
        let root: Int
        let anchor: Int?
        let operands: [MemoryPlace]
        let isConstant: [Bool]
        let result: MemoryPlace
        let order: [Int]
    }

    /// A kernel with its number in the engine.
    struct Made {
        let kernel: GeneratedKernel
        let number: Int
        /// For each operand, the memory order that the kernel wants of a constant where it is another.
        let orders: [[Int]?]
    }

    private var known: [Key: Made] = [:]

    /// The kernel of a group: by the contraction template if that takes it, else by the general one.
    mutating func kernel(
        of group: FusedGroup, _ operands: [StoredValue], _ result: StoredValue, _ ranges: SymbolRanges,
        _ assembler: EngineAssembler
    ) throws -> Made {
        let key = Key(
            axes: group.axes, body: group.body, root: group.root, anchor: group.anchor,
            operands: operands.map(\.place), isConstant: operands.map { $0.constant != nil }, result: result.place,
            order: result.order)
        if let made = known[key] { return made }
        let (kernel, orders) = try generate(group, operands, key, ranges, assembler)
        let number = assembler.kernel(kernel, operands: operands.count + 1)
        let made = Made(kernel: kernel, number: number, orders: orders)
        known[key] = made
        return made
    }

    private func generate(
        _ group: FusedGroup, _ operands: [StoredValue], _ key: Key, _ ranges: SymbolRanges,
        _ assembler: EngineAssembler
    ) throws -> (GeneratedKernel, orders: [[Int]?]) {
        if let kernel = try ContractionTemplate.kernel(
            group, operands: key.operands, isConstant: key.isConstant, result: key.result, order: key.order,
            ranges: ranges, machine: assembler.machine)
        {
            return (kernel, operands.map { _ in nil })
        }
        if let name = group.origins.last, group.computesFactor {
            assembler.reasons.append("\(name): a factor is computed for each product: no tile takes its layout")
        }
        let orders = constantOrders(group, operands, key.order)
        let places = zip(operands, orders).map { $1.map($0.relaid)?.place ?? $0.place }
        let kernel = try NestTemplate.kernel(
            group, operands: places, result: key.result, order: key.order, ranges: ranges,
            machine: assembler.machine)
        return (kernel, orders)
    }

    /// The layouts of constants that suit the general template's vectors.
    private func constantOrders(_ group: FusedGroup, _ operands: [StoredValue], _ order: [Int]) -> [[Int]?] {
        let innermost = order.last { group.axes[$0].extent.constant != 1 }.map { group.axes[$0].symbol }
        return operands.enumerated().map { position, operand in
            guard operand.constant != nil,
                let order = LayoutPlanner.constantOrder(position, group, innermost: innermost), order != operand.order
            else { return nil }
            return order
        }
    }
}
