import Glibc
import Testing

/// What a host program may have set for arithmetic on the thread that calls.
enum CallerMode: CaseIterable {
    case standard
    /// Denormals taken for zero and flushed to zero.
    case flushing
    /// Rounding towards plus infinity.
    case upward
    case flushingDownward

    /// Runs `body` in the mode and checks that it is still set then.
    func around<Result>(_ body: () throws -> Result) rethrows -> Result {
        var saved = fenv_t()
        fegetenv(&saved)
        defer { fesetenv(&saved) }
        var wanted = saved
        wanted.control = (saved.control & ~Self.mask) | bits
        fesetenv(&wanted)
        let result = try body()
        var after = fenv_t()
        fegetenv(&after)
        #expect(after.control & Self.mask == bits, "\(self) is not restored")
        return result
    }

    private static let mask: UInt32 = flush | up | down

    private var bits: UInt32 {
        switch self {
        case .standard: 0
        case .flushing: Self.flush
        case .upward: Self.up
        case .flushingDownward: Self.flush | Self.down
        }
    }

    #if arch(x86_64)
        // MXCSR: flush to zero and denormals are zero; rounding control.
        private static let (flush, up, down): (UInt32, UInt32, UInt32) = (0x8040, 0x4000, 0x2000)
    #else
        // FPCR: FZ; RMode.
        private static let (flush, up, down): (UInt32, UInt32, UInt32) = (1 << 24, 1 << 22, 2 << 22)
    #endif
}

extension fenv_t {
    /// The register that holds rounding and denormal mode.
    #if arch(x86_64)
        fileprivate var control: UInt32 {
            get { __mxcsr }
            set { __mxcsr = newValue }
        }
    #else
        fileprivate var control: UInt32 {
            get { __fpcr }
            set { __fpcr = newValue }
        }
    #endif
}
