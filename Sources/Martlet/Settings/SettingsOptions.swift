import MartletCore

extension Settings {
    /// One setting: how it is called, what it may be and what it does.
    public struct Option: Sendable {
        /// Name of the property.
        public let name: String
        /// Environment variables that set it; the first that is there and not empty counts.
        public let variables: [String]
        /// What values look like.
        public let kind: String
        /// What holds where nothing is set.
        public let standard: String
        /// What it does.
        public let help: String
        private let parse: @Sendable (_ text: String, _ variable: String, inout Settings) throws -> Void
        private let show: @Sendable (Settings) -> String

        init(
            _ name: String, _ variables: [String], kind: String, standard: String, help: String,
            show: @escaping @Sendable (Settings) -> String,
            parse: @escaping @Sendable (_ text: String, _ variable: String, inout Settings) throws -> Void
        ) {
            (self.name, self.variables, self.kind, self.standard, self.help) = (name, variables, kind, standard, help)
            (self.show, self.parse) = (show, parse)
        }

        /// The value in some settings, as text.
        public func value(in settings: Settings) -> String { show(settings) }

        /// Sets the value from the text of a variable.
        ///
        /// - Throws: `settings.value`.
        func set(_ text: String, from variable: String, in settings: inout Settings) throws {
            do {
                try parse(text, variable, &settings)
            } catch let problem as Diagnostic {
                throw problem.prefixed("\(variable)=\(text): ")
            }
        }
    }

    /// Every setting.
    public static let options: [Option] = [
        Option(
            "threads", ["MARTLET_THREADS"], kind: "number", standard: "what affinity and control group allow",
            help: "threads that may compute one run, the calling one included",
            show: { $0.threads.map(String.init) ?? "all" },
            parse: { text, _, settings in settings.threads = try number(text, in: 1...4096) }),
        Option(
            "jobs", ["MARTLET_JOBS"], kind: "number", standard: "what affinity and control group allow",
            help: "threads that compile", show: { $0.jobs.map(String.init) ?? "all" },
            parse: { text, _, settings in settings.jobs = try number(text, in: 1...4096) }),
        Option(
            "cacheFolder", ["MARTLET_CACHE", "XDG_CACHE_HOME", "HOME"], kind: "folder, or 'off'",
            standard: "$XDG_CACHE_HOME/martlet, else $HOME/.cache/martlet",
            help: "where compiled engines and kernels are kept", show: { $0.cacheFolder ?? "off" },
            parse: { text, variable, settings in settings.cacheFolder = cacheFolder(text, variable) }),
        Option(
            "cacheLimit", ["MARTLET_CACHE_LIMIT"], kind: "number of MiB", standard: "4096",
            help: "how large compiled engines in the cache may be together",
            show: { String($0.cacheLimit >> 20) },
            parse: { text, _, settings in settings.cacheLimit = try number(text, in: 0...1 << 40) << 20 }),
        Option(
            "memoryLimit", ["MARTLET_MEMORY_LIMIT"], kind: "number of MiB", standard: "what the machine has",
            help: "how much memory one run may take", show: { $0.memoryLimit.map { String($0 >> 20) } ?? "all" },
            parse: { text, _, settings in settings.memoryLimit = try number(text, in: 1...1 << 40) << 20 }),
        Option(
            "llvmLibrary", ["MARTLET_LLVM"], kind: "file", standard: "the usual names of libLLVM 22 to 19",
            help: "the libLLVM.so that compiles kernels", show: { $0.llvmLibrary ?? "usual names" },
            parse: { text, _, settings in settings.llvmLibrary = text }),
        Option(
            "target", ["MARTLET_TARGET"], kind: "name, such as x86-64-v3", standard: "this machine",
            help: "the machine that models are compiled for", show: { $0.target ?? "this machine" },
            parse: { text, _, settings in settings.target = text == "host" ? nil : text }),
        Option(
            "reproducerFolder", ["MARTLET_REPRODUCERS", "TMPDIR"], kind: "folder, or 'off'",
            standard: "$TMPDIR, else /tmp",
            help: "where 'compile' leaves what reproduces its failure", show: { $0.reproducerFolder ?? "off" },
            parse: { text, _, settings in settings.reproducerFolder = isOff(text) ? nil : text }),
        Option(
            "searchPath", ["PATH"], kind: "folders", standard: "none",
            help: "where clang is looked for if there is no libLLVM", show: { $0.searchPath },
            parse: { text, _, settings in settings.searchPath = text }),
    ]

    private static func number(_ text: String, in range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw Diagnostic(
                "settings.value", "a number from \(range.lowerBound) to \(range.upperBound) is expected",
                help: "correct or unset the variable")
        }
        return number
    }

    private static func cacheFolder(_ text: String, _ variable: String) -> String? {
        switch variable {
        case "XDG_CACHE_HOME": "\(text)/martlet"
        case "HOME": "\(text)/.cache/martlet"
        default: isOff(text) ? nil : text
        }
    }

    private static func isOff(_ text: String) -> Bool { ["off", "none", "0"].contains(text) }

    /// The option of that name.
    public static func option(_ name: String) -> Option? { options.first { $0.name == name } }
}
