import MartletCore

/// An engine file that is open: its header can be read whatever its version, its contents if this version knows them.
///
/// Opening maps the file and reads its first page. `engine()` checks tables and code; weights are not touched before
/// `check()` or the first run.
public struct EngineReader: Sendable {
    /// Who wrote the engine, and for which machine.
    public let header: Engine.Header
    /// The path given.
    public let path: String
    private let storage: TensorStorage
    private let entries: [EngineFile.Entry]

    /// Opens the engine at `path`.
    ///
    /// - Throws: `file.open`; `engine.not-an-engine`, `engine.unknown-version` or `engine.damaged` for what is no
    ///   readable engine.
    public init(path: String) throws {
        do {
            try self.init(storage: TensorStorage(try MappedFile(path: path)), path: path)
        } catch let error as Diagnostic {
            throw error.at(.file(path: path, offset: nil))
        }
    }

    private init(storage: TensorStorage, path: String) throws {
        self.storage = storage
        self.path = path
        let entries = try storage.withUnsafeBytes { try EngineFile.directory(of: $0) }
        self.entries = entries
        let bytes = try Self.section(EngineFile.header, of: entries, in: storage)
        try Self.check(entries, EngineFile.header, bytes)
        header = try bytes.withUnsafeBytes { try Engine.Header(decoding: String(decoding: $0, as: UTF8.self)) }
    }

    /// Reads and checks everything but the weights and the source graph.
    ///
    /// - Throws: `engine.unknown-version` for a newer engine, `engine.damaged`, `engine.invalid`.
    public func engine() throws -> Engine {
        do {
            return try readEngine()
        } catch let error as Diagnostic {
            throw error.at(.file(path: path, offset: nil))
        }
    }

    private func readEngine() throws -> Engine {
        try checkVersions()
        let weights = try section(EngineFile.weights)
        var engine = try readVariant(0, weights)
        engine.graph = .section(try section(EngineFile.graph))
        let count = entries.count { $0.name.hasPrefix(EngineFile.section(EngineFile.tables, ofVariant: nil)) }
        engine.specialisations = try (0..<count).map { try readVariant($0 + 1, weights) }
        try engine.validate()
        return engine
    }

    private func readVariant(_ number: Int, _ weights: SectionBytes) throws -> Engine {
        let name = EngineFile.section(EngineFile.tables, ofVariant: number)
        let tables = try checkedSection(name).withUnsafeBytes {
            try DecodedTables($0, section: name, format: header.formatVersion)
        }
        return Engine(
            header: header, symbols: tables.symbols, program: tables.program, inputs: tables.inputs,
            outputs: tables.outputs, states: tables.states, buffers: tables.buffers, steps: tables.steps,
            requirements: tables.requirements, kernels: tables.kernels,
            code: try checkedSection(EngineFile.section(EngineFile.code, ofVariant: number)), weights: weights,
            reasons: tables.reasons)
    }

    private func checkVersions() throws {
        let help = "use a newer Martlet, or compile the model again with this one"
        guard header.formatVersion <= Engine.formatVersion, header.formatVersion > 0 else {
            throw Diagnostic(
                "engine.unknown-version",
                "the engine has format \(header.formatVersion), this program knows formats "
                    + "up to \(Engine.formatVersion)", help: help)
        }
        for entry in entries where entry.isRequired && !EngineFile.isKnown(entry.name) {
            throw Diagnostic(
                "engine.unknown-section", "the engine needs section '\(entry.name)', which this program does not know",
                help: help)
        }
    }

    /// Compares every section with its checksum, the weights included: reads the whole file.
    ///
    /// - Throws: `engine.damaged` with the first damaged section.
    public func check() throws {
        for entry in entries { _ = try checkedSection(entry.name) }
    }

    private func section(_ name: String) throws -> SectionBytes {
        try Self.section(name, of: entries, in: storage)
    }

    private func checkedSection(_ name: String) throws -> SectionBytes {
        let bytes = try section(name)
        try Self.check(entries, name, bytes)
        return bytes
    }

    /// The bytes of a section; an optional one that is missing is empty.
    private static func section(
        _ name: String, of entries: [EngineFile.Entry], in storage: TensorStorage
    ) throws -> SectionBytes {
        guard let entry = entries.first(where: { $0.name == name }) else {
            if name == EngineFile.graph { return SectionBytes() }
            throw EngineFile.damaged(section: name, "it is missing")
        }
        guard name == EngineFile.header || entry.offset % EngineFile.alignment == 0 else {
            throw EngineFile.damaged(section: name, "it is not aligned")
        }
        return try SectionBytes(
            storage, offset: entry.offset, count: entry.count, isMapped: name != EngineFile.header)
    }

    private static func check(_ entries: [EngineFile.Entry], _ name: String, _ bytes: SectionBytes) throws {
        guard let entry = entries.first(where: { $0.name == name }) else { return }
        guard bytes.withUnsafeBytes({ EngineFile.checksum($0) }) == entry.checksum else {
            throw EngineFile.damaged(section: name, "its checksum is wrong")
        }
    }
}

extension EngineReader {
    /// Header and sections in words, one a line; works for engines that this version cannot run.
    public func describe() -> String {
        let sections = entries.map { entry in
            "section \(entry.name) [\(entry.tag)]: \(entry.count) bytes at \(entry.offset)\n"
        }
        return header.describe() + sections.joined()
    }
}

extension Engine {
    /// Reads the engine file at `path`; see `EngineReader` for what is checked.
    ///
    /// - Throws: as `EngineReader.init` and `EngineReader.engine`.
    public init(contentsOf path: String) throws {
        self = try EngineReader(path: path).engine()
    }
}
