internal import CMartlet
internal import Glibc
internal import MartletCore

/// How many threads this process may sensibly use.
enum ThreadCount {
    /// The smaller of the CPUs in the affinity mask and the quota of the control group, at least 1.
    static func available() -> Int {
        let affinity = max(Int(cm_affinity_count()), 1)
        guard let quota = cgroupQuota() else { return affinity }
        return max(min(affinity, quota), 1)
    }

    /// CPUs that the control group's quota grants, rounded up; nil without one.
    static func cgroupQuota() -> Int? {
        let paths = groupPaths()
        return [quotaOfVersion2(paths["", default: "/"]), quotaOfVersion1(paths["cpu", default: "/"])]
            .compactMap { $0 }.min()
    }

    /// The group's path per controller; the key is empty for version 2. From `/proc/self/cgroup`.
    private static func groupPaths() -> [String: String] {
        var paths: [String: String] = [:]
        for line in (contents(of: "/proc/self/cgroup") ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for controller in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
                paths[String(controller)] = String(parts[2])
            }
        }
        return paths
    }

    /// The least quota on the way from the group to the root: each ancestor limits as well.
    private static func quotaOfVersion2(_ group: String) -> Int? {
        ancestors(of: group).compactMap { path in
            guard let text = contents(of: "/sys/fs/cgroup\(path)/cpu.max") else { return nil }
            let fields = text.split { $0 == " " || $0 == "\n" }
            guard fields.count == 2 else { return nil }
            return cpus(quota: Int(fields[0]), period: Int(fields[1]))
        }.min()
    }

    private static func quotaOfVersion1(_ group: String) -> Int? {
        ancestors(of: group).compactMap { path in
            let folder = "/sys/fs/cgroup/cpu\(path)"
            return cpus(
                quota: number(in: "\(folder)/cpu.cfs_quota_us"), period: number(in: "\(folder)/cpu.cfs_period_us"))
        }.min()
    }

    private static func ancestors(of group: String) -> [String] {
        var paths: [String] = [""]
        for part in group.split(separator: "/").prefix(64) { paths.append("\(paths[paths.count - 1])/\(part)") }
        return paths
    }

    private static func cpus(quota: Int?, period: Int?) -> Int? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return (quota - 1) / period + 1
    }

    private static func number(in path: String) -> Int? {
        contents(of: path).flatMap { $0.split(separator: "\n").first }.flatMap { Int($0) }
    }

    /// At most 4 KiB of a small text file of the system.
    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}
