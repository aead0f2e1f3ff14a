import Glibc
import MartletCore

/// Symbols of a library that was opened while the process runs.
struct DynamicLibrary: @unchecked Sendable {
    // Never closed: code of it may still be running on a thread that LLVM's fatal errors stopped.
    let handle: UnsafeMutableRawPointer

    /// Opens a library by path or by the name the system's loader knows it by; nil and `failure` in words otherwise.
    init?(_ name: String, failure: inout String) {
        guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
            failure = dlerror().map { String(cString: $0) } ?? "\(name): cannot be opened"
            return nil
        }
        self.handle = handle
    }

    /// The address of a function as a value of the C function type `T`; nil where the library has none of that name.
    func optional<T>(_ name: String, _ type: T.Type = T.self) -> T? {
        guard MemoryLayout<T>.size == MemoryLayout<UnsafeRawPointer>.size, let address = dlsym(handle, name) else {
            return nil
        }
        return unsafeBitCast(address, to: T.self)
    }

    /// As `optional`, and an error where the library has no such function.
    func required<T>(_ name: String, _ type: T.Type = T.self) throws -> T {
        if let function = optional(name, type) { return function }
        throw Diagnostic("llvm.missing-function", "the library has no function \(name)")
    }
}

/// The functions of LLVM's C interface that code generation calls. Handles are opaque pointers, Booleans `Int32`,
/// messages C strings that `disposeMessage` frees.
struct LLVMFunctions: @unchecked Sendable {
    typealias Handle = OpaquePointer
    typealias Text = UnsafePointer<CChar>
    typealias Message = UnsafeMutablePointer<CChar>
    typealias MessageSlot = UnsafeMutablePointer<Message?>
    typealias HandleSlot = UnsafeMutablePointer<Handle?>
    typealias Dispose = @convention(c) (Handle?) -> Void
    typealias DiagnosticHandler = @convention(c) (Handle?, UnsafeMutableRawPointer?) -> Void
    typealias FatalErrorHandler = @convention(c) (Text?) -> Void

    let contextCreate: @convention(c) () -> Handle?
    let contextDispose: Dispose
    let setDiagnosticHandler: @convention(c) (Handle, DiagnosticHandler?, UnsafeMutableRawPointer?) -> Void
    let diagnosticText: @convention(c) (Handle) -> Message?
    let diagnosticSeverity: @convention(c) (Handle) -> Int32
    let installFatalErrorHandler: @convention(c) (FatalErrorHandler?) -> Void
    let disposeMessage: @convention(c) (Message?) -> Void

    let bufferCopy: @convention(c) (Text?, Int, Text) -> Handle?
    let bufferStart: @convention(c) (Handle) -> Text?
    let bufferSize: @convention(c) (Handle) -> Int
    let bufferDispose: Dispose

    let parse: @convention(c) (Handle, Handle, HandleSlot, MessageSlot) -> Int32
    let verify: @convention(c) (Handle, Int32, MessageSlot) -> Int32
    let moduleTriple: @convention(c) (Handle) -> Text?
    let setModuleTriple: @convention(c) (Handle, Text) -> Void
    let moduleDispose: Dispose

    let targetFromTriple: @convention(c) (Text, HandleSlot, MessageSlot) -> Int32
    let machineCreate: @convention(c) (Handle, Text, Text, Text, Int32, Int32, Int32) -> Handle?
    let machineDispose: Dispose
    let machineLayout: @convention(c) (Handle) -> Handle?
    let layoutText: @convention(c) (Handle) -> Message?
    let layoutDispose: Dispose
    let emit: @convention(c) (Handle, Handle, Int32, MessageSlot, HandleSlot) -> Int32

    init(_ library: DynamicLibrary) throws {
        contextCreate = try library.required("LLVMContextCreate")
        contextDispose = try library.required("LLVMContextDispose")
        setDiagnosticHandler = try library.required("LLVMContextSetDiagnosticHandler")
        diagnosticText = try library.required("LLVMGetDiagInfoDescription")
        diagnosticSeverity = try library.required("LLVMGetDiagInfoSeverity")
        installFatalErrorHandler = try library.required("LLVMInstallFatalErrorHandler")
        disposeMessage = try library.required("LLVMDisposeMessage")
        bufferCopy = try library.required("LLVMCreateMemoryBufferWithMemoryRangeCopy")
        bufferStart = try library.required("LLVMGetBufferStart")
        bufferSize = try library.required("LLVMGetBufferSize")
        bufferDispose = try library.required("LLVMDisposeMemoryBuffer")
        parse = try library.required("LLVMParseIRInContext")
        verify = try library.required("LLVMVerifyModule")
        moduleTriple = try library.required("LLVMGetTarget")
        setModuleTriple = try library.required("LLVMSetTarget")
        moduleDispose = try library.required("LLVMDisposeModule")
        targetFromTriple = try library.required("LLVMGetTargetFromTriple")
        machineCreate = try library.required("LLVMCreateTargetMachine")
        machineDispose = try library.required("LLVMDisposeTargetMachine")
        machineLayout = try library.required("LLVMCreateTargetDataLayout")
        layoutText = try library.required("LLVMCopyStringRepOfTargetData")
        layoutDispose = try library.required("LLVMDisposeTargetData")
        emit = try library.required("LLVMTargetMachineEmitToMemoryBuffer")
    }
}
