import MartletCore

/// The processor that code is generated for: a known model or level and extensions beyond it, written
/// `x86-64-v3+avxvnni`. Values come only from the closed table of known names, because LLVM ends the process on others.
public struct CodegenTarget: Hashable, Sendable {
    /// The instruction set.
    public let architecture: CPUArchitecture
    /// LLVM's name of the processor.
    public let cpu: String
    /// Extensions beyond those of `cpu`, as LLVM reads them: `+avx512vnni,+avxvnni`; empty where there are none.
    public let features: String
    /// The name this target is written with and read from.
    public let name: String
    /// Every extension that code for this target may use, in the order of `CPUFeature`.
    public let allFeatures: [CPUFeature]

    init(model: CPUModel, extra: [CPUFeature] = []) {
        let added = CPUFeature.allCases.filter { extra.contains($0) && !model.features.contains($0) }
        architecture = model.architecture
        cpu = model.llvmName
        features = added.map { "+" + $0.rawValue }.joined(separator: ",")
        name = ([model.name] + added.map(\.rawValue)).joined(separator: "+")
        allFeatures = CPUFeature.allCases.filter { model.features.contains($0) || added.contains($0) }
    }

    /// Reads `MODEL` or `MODEL+FEATURE+FEATURE`; throws a diagnostic that lists the known names otherwise.
    public init(named text: String) throws {
        let words = text.split(separator: "+", omittingEmptySubsequences: false)
        guard let first = words.first, let model = CPUModel.named(first) else {
            throw Diagnostic(
                "codegen.unknown-cpu", "unknown processor \"\(words.first ?? "")\"",
                help: "known are: \(Self.knownNames.joined(separator: ", "))")
        }
        let extra = try words.dropFirst().map { try Self.feature($0, of: model.architecture) }
        self.init(model: model, extra: extra)
    }

    private static func feature(_ word: Substring, of architecture: CPUArchitecture) throws -> CPUFeature {
        if let feature = CPUFeature(rawValue: String(word)), feature.architecture == architecture { return feature }
        let known = CPUFeature.allCases.filter { $0.architecture == architecture }.map(\.rawValue)
        throw Diagnostic(
            "codegen.unknown-feature", "unknown processor feature \"\(word)\" for \(architecture.rawValue)",
            help: "known are: \(known.joined(separator: ", "))")
    }

    /// The names of all known models and levels.
    public static var knownNames: [String] { CPUModel.all.map(\.name) }

    /// Every known model and level without further extensions.
    public static let known: [CodegenTarget] = CPUModel.all.map { CodegenTarget(model: $0) }

    /// LLVM's target triple.
    public var triple: String { architecture.triple }

    /// LLVM's data layout.
    public var dataLayout: String { architecture.dataLayout }

    /// Whether code for this target may use an extension.
    public func has(_ feature: CPUFeature) -> Bool { allFeatures.contains(feature) }

    /// Bytes of the widest vector register that `llvm.fma` on floats uses in one instruction.
    public var vectorBytes: Int {
        if has(.avx512f) && has(.avx512vl) { return 64 }
        return has(.avx) ? 32 : 16
    }

    /// Number of vector registers: the tiles of matrix kernels are chosen by it.
    public var vectorRegisters: Int {
        architecture == .arm || has(.avx512f) ? 32 : 16
    }

    /// Whether a machine described by `host` executes code made for this target.
    public func runs(on host: CodegenTarget) -> Bool {
        architecture == host.architecture && allFeatures.allSatisfy(host.has)
    }

    /// The two lines that open a module for this target.
    public var moduleHeader: String {
        "target datalayout = \"\(dataLayout)\"\ntarget triple = \"\(triple)\"\n"
    }

    /// The attributes every generated function carries, without the group's braces. They keep vectors of
    /// `vectorBytes` whole and keep LLVM from making calls to the C library out of loops.
    public var functionAttributes: String {
        var words = ["nounwind", "\"target-cpu\"=\"\(cpu)\""]
        if !features.isEmpty { words.append("\"target-features\"=\"\(features)\"") }
        if architecture == .x86 { words.append("\"prefer-vector-width\"=\"\(vectorBytes * 8)\"") }
        words.append("\"no-builtins\"")
        return words.joined(separator: " ")
    }
}

extension CodegenTarget: CustomStringConvertible {
    /// The name this target is written with.
    public var description: String { name }
}
