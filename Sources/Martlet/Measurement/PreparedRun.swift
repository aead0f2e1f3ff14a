package import MartletCore
import MartletEngine
package import MartletRuntime

/// An engine with inputs in place and memory for the outputs, so that a run does nothing but run.
///
/// Unsafe parts and their invariants: `inputs` and `outputs` point to memory that is this object's own, of at least the
/// sizes that the plan states, freed when it goes. Memory of outputs whose size is known only during a run is replaced by
/// larger memory when a run asks for it, and kept for the next.
package final class PreparedRun {
    package let engine: LoadedEngine
    package let plan: ShapePlan
    private let inputs: [UnsafeRawPointer]
    private var outputs: [UnsafeMutableRawPointer]
    /// Bytes of the memory of each output.
    private var capacities: [Int]

    /// Copies the inputs and plans the run.
    ///
    /// - Throws: `run.inputs`, `run.type`, and what planning for the shapes says.
    package init(_ engine: LoadedEngine, inputs tensors: [String: HostTensor]) throws {
        let ordered = try engine.engine.inputs.map { port in
            guard let tensor = tensors[port.name] else {
                throw Diagnostic("run.inputs", "input '\(port.name)' is missing")
            }
            guard tensor.type == port.type else {
                throw Diagnostic(
                    "run.type", "input '\(port.name)' is of type \(tensor.type), the model expects \(port.type)")
            }
            return tensor
        }
        self.engine = engine
        plan = try engine.plan(for: ordered.map(\.shape))
        inputs = ordered.map { tensor in
            let memory = Self.allocate(tensor.byteCount)
            tensor.withUnsafeBytes { bytes in
                if let start = bytes.baseAddress { memory.copyMemory(from: start, byteCount: bytes.count) }
            }
            return UnsafeRawPointer(memory)
        }
        capacities = plan.outputByteCounts
        outputs = capacities.map(Self.allocate)
    }

    deinit {
        for memory in inputs { memory.deallocate() }
        for memory in outputs { memory.deallocate() }
    }

    private static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 64), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 64))
        return memory
    }

    /// Memory of `count` bytes for an output, with the first `kept` bytes of what it had.
    private func grow(_ output: Int, _ count: Int, _ kept: Int) -> UnsafeMutableRawPointer {
        let (old, capacity) = (outputs[output], capacities[output])
        guard capacity < count else { return old }
        let memory = Self.allocate(count)
        memory.copyMemory(from: old, byteCount: min(kept, capacity))
        old.deallocate()
        (outputs[output], capacities[output]) = (memory, count)
        return memory
    }

    /// Runs once.
    ///
    /// - Throws: as `LoadedEngine.run`.
    package func run(cancellation: Cancellation? = nil, profile: Profile? = nil) throws {
        guard !plan.growingOutputs.isEmpty else {
            return try engine.run(
                plan: plan, inputs: inputs, outputs: outputs, cancellation: cancellation, profile: profile)
        }
        _ = try engine.run(
            plan: plan, inputs: inputs, allocate: grow, cancellation: cancellation, profile: profile)
    }
}
