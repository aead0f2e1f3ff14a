import Glibc

extension CodegenTarget {
    /// The machine this process runs on: the widest level whose extensions it all has, and the further extensions it
    /// has. Read once from `/proc/cpuinfo`; the lowest level of the architecture where that says nothing.
    public static let host: CodegenTarget? = CPUArchitecture.host.map {
        host(cpuInfo: readText("/proc/cpuinfo", limit: 1 << 20), architecture: $0)
    }

    /// The target that a text in the form of `/proc/cpuinfo` describes; its first processor counts.
    static func host(cpuInfo: String, architecture: CPUArchitecture) -> CodegenTarget {
        let label = architecture == .x86 ? "flags" : "Features"
        let flags = Set(words(of: label, in: cpuInfo))
        let present = CPUFeature.allCases.filter {
            $0.architecture == architecture && flags.contains($0.linuxFlag[...])
        }
        let levels = CPUModel.levels(of: architecture)
        let lowest = CPUModel(name: "x86-64", llvmName: "x86-64", architecture: .x86, features: [])
        let model = levels.first { $0.features.allSatisfy(present.contains) } ?? levels.last ?? lowest
        return CodegenTarget(model: model, extra: consistent(present))
    }

    /// Leaves out extensions whose base the system does not offer (a hypervisor may hide one of a family).
    private static func consistent(_ present: [CPUFeature]) -> [CPUFeature] {
        present.filter { feature in
            if feature.rawValue.hasPrefix("avx512") { return present.contains(.avx512f) && present.contains(.avx2) }
            if feature.rawValue.hasPrefix("amx-") { return present.contains(.amxTile) }
            if feature == .avxvnni { return present.contains(.avx2) }
            return true
        }
    }

    /// The words after the colon of the first line that starts with `label`.
    private static func words(of label: String, in text: String) -> [Substring] {
        for line in text.split(separator: "\n") where line.hasPrefix(label) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let key = line[..<colon].split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard key == [label[...]] else { continue }
            return line[line.index(after: colon)...].split(separator: " ")
        }
        return []
    }

    private static func readText(_ path: String, limit: Int) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        return String(decoding: FileBytes.read(file, limit: limit) ?? [], as: UTF8.self)
    }
}
