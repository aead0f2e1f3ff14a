import MartletCore

/// Links one ELF object at compile time into `LinkedCode`: all sections that are needed at run time one after the
/// other, every relocation resolved. What cannot be resolved that way is refused: undefined symbols (calls to the C
/// library, unknown intrinsics), writable sections, relocations that need a loader.
public struct ObjectLinker {
    /// More code than any kernel has; a damaged object could claim terabytes.
    static let sizeLimit = 64 << 20
    static let largestAlignment = 4096

    private let object: ELFObject
    /// Offset of each section in the blob; nil for those left out.
    private var offsets: [Int?] = []
    private var alignment = 1
    private var blob: [UInt8] = []

    /// Links the bytes of an object file. Throws a diagnostic that names what is refused.
    public static func link(_ object: [UInt8]) throws -> LinkedCode {
        var linker = ObjectLinker(object: try ELFObject(object))
        try linker.refuseUndefinedSymbols()
        try linker.layOut()
        try linker.relocate()
        return LinkedCode(
            architecture: linker.object.architecture, alignment: linker.alignment, bytes: linker.blob,
            entries: try linker.entries())
    }

    private init(object: ELFObject) {
        self.object = object
    }

    /// What lies between sections: a trap on x86-64; zeros are an undefined instruction on AArch64.
    static func filler(_ architecture: CPUArchitecture) -> UInt8 {
        architecture == .x86 ? 0xcc : 0
    }

    private func refuseUndefinedSymbols() throws {
        let names = object.symbols.dropFirst().filter { $0.section == ELF.undefinedSection }.map(\.name)
        guard !names.isEmpty else { return }
        throw Diagnostic(
            "link.undefined-symbol", "the code uses symbols that it does not define: \(names.joined(separator: ", "))",
            help: "generated code must not call the C library; an unknown intrinsic also ends here")
    }

    private static func isNeeded(_ section: ELFObject.Section) -> Bool {
        let leftOut = [".eh_frame", ".note", ".comment"].contains { section.name.hasPrefix($0) }
        return section.flags & ELF.allocated != 0 && !leftOut
    }

    private mutating func layOut() throws {
        blob.reserveCapacity(object.bytes.count)
        for section in object.sections {
            guard Self.isNeeded(section) else {
                offsets.append(nil)
                continue
            }
            try check(section)
            let start = (blob.count + section.alignment - 1) / section.alignment * section.alignment
            guard section.size <= Self.sizeLimit - start else {
                throw Diagnostic("link.too-large", "section \(section.name) is too large")
            }
            blob += repeatElement(Self.filler(object.architecture), count: start - blob.count)
            blob += object.bytes[section.range]
            blob += repeatElement(0, count: section.size - section.range.count)
            offsets.append(start)
            alignment = max(alignment, section.alignment)
        }
    }

    private func check(_ section: ELFObject.Section) throws {
        // Assemblers make an empty .data and .bss in any case.
        guard section.flags & (ELF.writable | ELF.threadLocal) == 0 || section.size == 0 else {
            throw Diagnostic(
                "link.writable-section", "section \(section.name) is writable: code must not have variables")
        }
        let alignment = section.alignment
        guard alignment & (alignment - 1) == 0, alignment <= Self.largestAlignment else {
            throw Diagnostic("link.alignment", "section \(section.name) asks for an alignment of \(alignment)")
        }
        guard section.range.count <= section.size else {
            throw Diagnostic("elf.damaged", "section \(section.name) has more bytes than its size")
        }
    }

    private mutating func relocate() throws {
        for table in object.sections {
            let hasAddends = table.type == ELF.relocationTable
            guard hasAddends || table.type == ELF.relocationTableWithoutAddends else { continue }
            guard table.info < offsets.count else {
                throw Diagnostic("elf.damaged", "a relocation table of a section that does not exist")
            }
            guard let base = offsets[table.info] else { continue }
            guard hasAddends else { throw Diagnostic("link.relocation", "relocations without addends are unknown") }
            let size = object.sections[table.info].size
            for relocation in try object.relocations(in: table) {
                try apply(relocation, base: base, size: size)
            }
        }
    }

    private mutating func apply(_ relocation: ELFObject.Relocation, base: Int, size: Int) throws {
        let symbol = object.symbols[relocation.symbol]
        guard size >= 4, relocation.offset <= UInt64(size - 4) else {
            throw Diagnostic("elf.damaged", "a relocation outside its section")
        }
        let place = base + Int(relocation.offset)
        let (target, overflow) = Int64(try address(of: symbol)).addingReportingOverflow(relocation.addend)
        guard !overflow, target.magnitude <= UInt64(Self.sizeLimit) * 2 else {
            throw Diagnostic("link.relocation", "a reference to \(symbol.name) that reaches too far")
        }
        let word = RelocatedWord(bits: word(at: place), place: Int64(place), target: target)
        guard let bits = try word.relocated(type: relocation.type, on: object.architecture) else {
            throw Diagnostic(
                "link.relocation",
                "unknown relocation \(relocation.type) of \(object.architecture.rawValue) to "
                    + "\(symbol.name.isEmpty ? "a section" : symbol.name)")
        }
        for byte in 0..<4 { blob[place + byte] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(byte))) }
    }

    private func word(at place: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(blob[place + $1]) << (8 * UInt32($1)) }
    }

    /// Offset of a symbol in the blob.
    private func address(of symbol: ELFObject.Symbol) throws -> Int {
        guard symbol.type <= ELF.sectionSymbol, symbol.section < offsets.count, let base = offsets[symbol.section],
            symbol.value <= UInt64(object.sections[symbol.section].size)
        else {
            throw Diagnostic("link.symbol", "the symbol \"\(symbol.name)\" is not in the code or its constants")
        }
        return base + Int(symbol.value)
    }

    private func entries() throws -> [LinkedCode.Entry] {
        let functions = object.symbols.filter { symbol in
            symbol.type == ELF.functionSymbol && symbol.binding != ELF.localBinding
                && symbol.section < offsets.count && offsets[symbol.section] != nil
                && object.sections[symbol.section].flags & ELF.executable != 0
        }
        let entries = try functions.map { LinkedCode.Entry(name: $0.name, offset: try address(of: $0)) }
        guard Set(entries.map(\.name)).count == entries.count else {
            throw Diagnostic("link.duplicate-symbol", "two functions of one name")
        }
        return entries.sorted { ($0.offset, $0.name) < ($1.offset, $1.name) }
    }
}
