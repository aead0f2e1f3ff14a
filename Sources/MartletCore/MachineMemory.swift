internal import Glibc

/// The memory of the machine.
package enum MachineMemory {
    /// Bytes of physical memory; a guess where the system does not say.
    package static let byteCount: Int = {
        let (bytes, overflow) = sysconf(Int32(_SC_PHYS_PAGES)).multipliedReportingOverflow(by: Int(getpagesize()))
        return overflow || bytes <= 0 ? 1 << 32 : bytes
    }()
}
