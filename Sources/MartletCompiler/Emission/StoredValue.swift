import MartletCore
import MartletEngine
import MartletIR

/// Where a stored value of the graph being compiled lies.
struct StoredValue {
    /// What the byte offset is counted from.
    indirect enum Memory: Hashable {
        /// A buffer of the arena by number.
        case buffer(Int)
        /// An input or output of the engine, by base number.
        case port(Int)
        /// A constant, put into the weights section when a kernel reads it.
        case constant(ConstantTensor)
        /// What lies so many bytes behind the start of another memory.
        case part(Memory, offset: IntExpr)

        /// The buffer of the arena, if it is one or part of one.
        var buffer: Int? {
            switch self {
            case .buffer(let number): return number
            case .part(let whole, _): return whole.buffer
            case .port, .constant: return nil
            }
        }
    }

    let memory: Memory
    let place: MemoryPlace
    /// Order of the axes in memory, outermost first.
    let order: [Int]

    /// The constant, if it is one.
    var constant: HostTensor? {
        if case .constant(let value) = memory { return value.tensor }
        return nil
    }

    /// The same value with its axes in another memory order.
    func relaid(_ order: [Int]) -> StoredValue {
        StoredValue(memory: memory, place: .dense(TensorType(place.type, place.extents), order: order), order: order)
    }
}
