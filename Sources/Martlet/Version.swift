import Glibc

/// The version of this library.
public enum MartletVersion {
    /// Major, minor and patch.
    public static let text = "0.1.0"

    /// Tells builds of the running program apart, so that engines cached by one build are not taken by another, whose
    /// compiler may make better ones under the same version.
    static let build: String = {
        var status = stat()
        guard stat("/proc/self/exe", &status) == 0 else { return text }
        return "\(text) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }()
}
