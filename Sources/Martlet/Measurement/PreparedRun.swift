package import MartletCore
import MartletEngine
package import MartletRuntime

/// An engine with inputs in place and memory for the outputs, so that a run does nothing but run.
///
/// Unsafe parts and their invariants: `inputs` and `outputs` point to memory that is this object's own, of the sizes
/// that the plan states, freed when it goes.
package final class PreparedRun {
    package let engine: LoadedEngine
    package let plan: ShapePlan
    private let inputs: [UnsafeRawPointer]
    private let outputs: [UnsafeMutableRawPointer]

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
        outputs = plan.outputByteCounts.map(Self.allocate)
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

    /// Runs once.
    ///
    /// - Throws: as `LoadedEngine.run`.
    package func run(cancellation: Cancellation? = nil, profile: Profile? = nil) throws {
        try engine.run(plan: plan, inputs: inputs, outputs: outputs, cancellation: cancellation, profile: profile)
    }
}
