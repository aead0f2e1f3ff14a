import MartletCore

/// What code generation yields.
enum CodegenArtifact: Int32, Sendable {
    // The values are LLVM's.
    case assembly = 0
    case object = 1
}

/// How code is generated.
public struct CodegenOptions: Hashable, Sendable {
    /// LLVM's effort in code generation, 0 to 3. Level 0 makes vector code several times slower.
    public var level: Int
    /// Whether the help of a thrown diagnostic carries the IR and the target: enough to replay the failure.
    public var keepsReproducer: Bool

    /// Options; the defaults are right for all generated kernels.
    public init(level: Int = 2, keepsReproducer: Bool = false) {
        self.level = min(max(level, 0), 3)
        self.keepsReproducer = keepsReproducer
    }
}

/// One compile with LLVM, on the current thread, which must be that of an `IsolatedTask`.
struct LLVMEmission {
    let functions: LLVMFunctions
    let target: CodegenTarget
    let level: Int

    /// Parses, verifies and translates a module. No pass pipeline runs: generated kernels do not gain from one.
    func emit(_ irText: String, as artifact: CodegenArtifact) throws -> [UInt8] {
        guard let context = functions.contextCreate() else { throw failure("LLVM has no memory for a context") }
        defer { functions.contextDispose(context) }
        let listener = DiagnosticListener(functions)
        return try withExtendedLifetime(listener) {
            listener.listen(to: context)
            let machine = try makeMachine()
            defer { functions.machineDispose(machine) }
            let module = try parse(irText, in: context)
            defer { functions.moduleDispose(module) }
            try verify(module)
            return try translate(module, machine, artifact, listener)
        }
    }

    private func translate(
        _ module: LLVMFunctions.Handle, _ machine: LLVMFunctions.Handle, _ artifact: CodegenArtifact,
        _ listener: DiagnosticListener
    ) throws -> [UInt8] {
        var message: LLVMFunctions.Message?
        var buffer: LLVMFunctions.Handle?
        let failed = functions.emit(machine, module, artifact.rawValue, &message, &buffer)
        defer { functions.bufferDispose(buffer) }
        let text = take(message)
        // Errors in inline assembly reach only the listener; the emission itself succeeds.
        if let error = listener.errors.first { throw failure(error) }
        guard failed == 0, let buffer, let start = functions.bufferStart(buffer) else { throw failure(text) }
        let raw = UnsafeRawBufferPointer(start: start, count: functions.bufferSize(buffer))
        return [UInt8](raw)
    }

    func makeMachine() throws -> LLVMFunctions.Handle {
        var handle: LLVMFunctions.Handle?
        var message: LLVMFunctions.Message?
        let failed = functions.targetFromTriple(target.triple, &handle, &message)
        let text = take(message)
        guard failed == 0, let handle else { throw failure(text) }
        let (positionIndependent, smallCodeModel): (Int32, Int32) = (2, 3)
        let machine = functions.machineCreate(
            handle, target.triple, target.cpu, target.features, Int32(level), positionIndependent, smallCodeModel)
        guard let machine else { throw failure("no code generator for \(target.triple)") }
        return machine
    }

    private func parse(_ irText: String, in context: LLVMFunctions.Handle) throws -> LLVMFunctions.Handle {
        var text = irText
        let buffer = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { functions.bufferCopy($0.baseAddress, $0.count, "ir") }
        }
        guard let buffer else { throw failure("LLVM has no memory for the text") }
        var module: LLVMFunctions.Handle?
        var message: LLVMFunctions.Message?
        // LLVM owns the buffer from here on, whatever comes out.
        let failed = functions.parse(context, buffer, &module, &message)
        let complaint = take(message)
        guard failed == 0, let module else { throw IRComplaint(complaint).diagnostic }
        try setTriple(of: module)
        return module
    }

    private func setTriple(of module: LLVMFunctions.Handle) throws {
        let triple = functions.moduleTriple(module).map { String(cString: $0) } ?? ""
        guard triple.isEmpty || triple == target.triple else {
            functions.moduleDispose(module)
            throw failure("the module is for \(triple), the target is \(target.triple)")
        }
        functions.setModuleTriple(module, target.triple)
    }

    private func verify(_ module: LLVMFunctions.Handle) throws {
        let returnStatus: Int32 = 2
        var message: LLVMFunctions.Message?
        let failed = functions.verify(module, returnStatus, &message)
        let text = take(message)
        if failed != 0 { throw Diagnostic("llvm.invalid-ir", "generated code is not valid: \(text)") }
    }

    /// The message as a string without surrounding space; it is freed.
    private func take(_ message: LLVMFunctions.Message?) -> String {
        guard let message else { return "no message" }
        defer { functions.disposeMessage(message) }
        return String(cString: message).withoutOuterSpace
    }

    private func failure(_ text: String) -> Diagnostic {
        Diagnostic("llvm.failed", "LLVM: \(text)")
    }
}

extension String {
    /// The text without white space at its ends.
    var withoutOuterSpace: String {
        let rest = drop(while: \.isWhitespace)
        guard let last = rest.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(rest[...last])
    }
}

/// Collects the errors that LLVM reports while it generates code.
private final class DiagnosticListener {
    private let functions: LLVMFunctions
    private(set) var errors: [String] = []

    init(_ functions: LLVMFunctions) { self.functions = functions }

    /// Registers with a context; the listener must live as long as that.
    func listen(to context: LLVMFunctions.Handle) {
        let here = Unmanaged.passUnretained(self).toOpaque()
        functions.setDiagnosticHandler(
            context,
            { information, listener in
                guard let information, let listener else { return }
                Unmanaged<DiagnosticListener>.fromOpaque(listener).takeUnretainedValue().hear(information)
            }, here)
    }

    private func hear(_ information: LLVMFunctions.Handle) {
        guard functions.diagnosticSeverity(information) == 0 else { return }
        let message = functions.diagnosticText(information)
        errors.append(message.map { String(cString: $0).withoutOuterSpace } ?? "error without a message")
        functions.disposeMessage(message)
    }
}

/// A complaint of LLVM or clang about a text: `NAME:LINE:COLUMN: error: WORDS`, then the line and a caret.
struct IRComplaint {
    let diagnostic: Diagnostic

    init(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let first = lines.first { $0.contains("error:") } ?? lines.first ?? ""
        let fields = first.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false)
        var place: Place?
        if fields.count == 5, let line = Int(fields[1]), let column = Int(fields[2]) {
            place = .text(line: line, column: column)
        }
        diagnostic = Diagnostic("llvm.syntax", "generated code cannot be read: \(text)", at: place)
    }
}
