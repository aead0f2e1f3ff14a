import MartletCore
import MartletIR

/// Where a stored value lies, as kernels see it: element type and, for each axis, the stride in elements.
struct MemoryPlace: Hashable {
    let type: ElementType
    let extents: [IntExpr]
    let strides: [IntExpr]

    /// The element offset of an index.
    func offset(of index: [IntExpr]) -> IntExpr {
        zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// A dense place whose axes lie in memory in `order`, outermost first.
    static func dense(_ type: TensorType, order: [Int]) -> MemoryPlace {
        var strides = [IntExpr](repeating: 1, count: type.rank)
        var stride: IntExpr = 1
        for axis in order.reversed() {
            strides[axis] = stride
            stride = stride * type.shape[axis]
        }
        return MemoryPlace(type: type.element, extents: type.shape, strides: strides)
    }

    /// A dense row-major place.
    static func rowMajor(_ type: TensorType) -> MemoryPlace { dense(type, order: Array(0..<type.rank)) }
}

/// A packed copy of a constant operand that a kernel wants instead of the constant itself.
///
/// Element `p` of the packed array, counted in row-major order of `extents`, is the constant's element at `index`, whose
/// expressions use `Symbol.axis(k)` for packed axis `k`; it is zero where a guard fails (padding of the last panel).
struct PackingRecipe: Hashable {
    let extents: [Int]
    let index: [IntExpr]
    let guards: [IndexGuard]
    let type: ElementType
}

/// A kernel as a template makes it, before any machine code.
struct GeneratedKernel {
    let function: VectorFunction
    /// Words behind the (base, offset) pairs of operands and result.
    let words: [IntExpr]
    /// For each operand, how it is to be packed where the kernel does not read it in place.
    let packing: [Int: PackingRecipe]
    /// Size of the linear grid.
    let grid: IntExpr
    /// Bytes of scratch memory.
    let scratch: IntExpr
    /// Arithmetic operations of the whole grid, for profiles and for the choice of threads.
    let flops: IntExpr
    /// Bytes that the whole grid reads and writes at least once.
    let bytes: IntExpr
    /// Which template, and what it chose.
    let note: String
    /// What the template did not do, and why.
    var reasons: [String] = []
}
