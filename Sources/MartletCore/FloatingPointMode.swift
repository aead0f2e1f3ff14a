internal import CMartlet

/// The rounding and denormal mode of the calling thread.
package enum FloatingPointMode {
    /// Runs `body` in the IEEE 754 default mode and restores the caller's. Kernels are compiled for that mode, and models
    /// are compiled and interpreted in it: results must not depend on what other code of the process has set.
    package static func withIEEE<Result>(_ body: () throws -> Result) rethrows -> Result {
        let saved = cm_get_fp_mode()
        let wanted = cm_ieee_fp_mode()
        if saved != wanted { cm_set_fp_mode(wanted) }
        defer { if cm_get_fp_mode() != saved { cm_set_fp_mode(saved) } }
        return try body()
    }

    /// Sets the default mode for good: for threads of our own, which inherit the mode of the thread that made them.
    package static func setIEEE() {
        cm_set_fp_mode(cm_ieee_fp_mode())
    }
}
