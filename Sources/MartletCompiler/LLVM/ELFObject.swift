import MartletCore

/// A relocatable ELF object of x86-64 or AArch64, read with every offset checked: a damaged object is a diagnostic.
struct ELFObject {
    /// A section with the fields that linking needs.
    struct Section {
        var name: String
        var type: UInt32
        var flags: UInt64
        /// Where its bytes are in the file; empty for a section without bytes there.
        var range: Range<Int>
        /// Size in memory.
        var size: Int
        var link: Int
        var info: Int
        var alignment: Int
    }

    /// An entry of the symbol table.
    struct Symbol {
        var name: String
        var type: UInt8
        var binding: UInt8
        var section: Int
        var value: UInt64
    }

    /// An entry of a relocation table with an addend.
    struct Relocation {
        var offset: UInt64
        var type: UInt32
        var symbol: Int
        var addend: Int64
    }

    let bytes: [UInt8]
    let architecture: CPUArchitecture
    private(set) var sections: [Section] = []
    private(set) var symbols: [Symbol] = []

    init(_ bytes: [UInt8]) throws {
        let reader = ELFReader(bytes: bytes)
        self.bytes = bytes
        architecture = try reader.architecture()
        sections = try reader.sections()
        symbols = try reader.symbols(in: sections)
    }

    /// The relocations that a section of type `relocationTable` holds.
    func relocations(in section: Section) throws -> [Relocation] {
        try ELFReader(bytes: bytes).relocations(in: section, symbolCount: symbols.count)
    }
}

/// Numbers of the ELF format, from the System V ABI.
enum ELF {
    static let symbolTable: UInt32 = 2
    static let relocationTable: UInt32 = 4
    static let noBits: UInt32 = 8
    static let relocationTableWithoutAddends: UInt32 = 9

    static let writable: UInt64 = 1
    static let allocated: UInt64 = 2
    static let executable: UInt64 = 4
    static let threadLocal: UInt64 = 0x400

    static let undefinedSection = 0
    static let firstReservedSection = 0xff00

    static let objectSymbol: UInt8 = 1
    static let functionSymbol: UInt8 = 2
    static let sectionSymbol: UInt8 = 3
    static let localBinding: UInt8 = 0
}

/// Reads the tables of an ELF file.
struct ELFReader {
    let bytes: [UInt8]

    func damaged(_ what: String) -> Diagnostic { Diagnostic("elf.damaged", "damaged object file: \(what)") }

    /// The little-endian number at `offset`.
    func load<T: FixedWidthInteger>(_ offset: Int, as type: T.Type = T.self) throws -> T {
        let size = MemoryLayout<T>.size
        guard offset >= 0, bytes.count >= size, offset <= bytes.count - size else { throw damaged("too short") }
        return bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
    }

    /// A 64-bit field that must fit an `Int`.
    private func size(_ offset: Int) throws -> Int {
        guard let value = Int(exactly: try load(offset, as: UInt64.self)) else { throw damaged("size out of range") }
        return value
    }

    private func range(start: Int, count: Int) throws -> Range<Int> {
        guard start >= 0, count >= 0, start <= bytes.count, count <= bytes.count - start else {
            throw damaged("a table reaches beyond the end")
        }
        return start..<start + count
    }

    func architecture() throws -> CPUArchitecture {
        guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
            throw damaged("not a 64-bit little-endian ELF file")
        }
        guard try load(16, as: UInt16.self) == 1 else { throw damaged("not relocatable") }
        switch try load(18, as: UInt16.self) {
        case 62: return .x86
        case 183: return .arm
        case let machine: throw Diagnostic("elf.machine", "an object for the unknown machine \(machine)")
        }
    }

    func sections() throws -> [ELFObject.Section] {
        let (start, entry) = (try size(40), Int(try load(58, as: UInt16.self)))
        let (count, names) = (Int(try load(60, as: UInt16.self)), Int(try load(62, as: UInt16.self)))
        guard entry == 64, count > 0, count < ELF.firstReservedSection else { throw damaged("no section table") }
        let table = try range(start: start, count: count * entry)
        guard names < count else { throw damaged("no section names") }
        let nameTable = try section(at: table.lowerBound + names * entry, names: nil).range
        return try (0..<count).map { try section(at: table.lowerBound + $0 * entry, names: nameTable) }
    }

    private func section(at offset: Int, names: Range<Int>?) throws -> ELFObject.Section {
        let type: UInt32 = try load(offset + 4)
        let size = try size(offset + 32)
        let hasBytes = type != ELF.noBits && type != 0
        let range = hasBytes ? try range(start: self.size(offset + 24), count: size) : 0..<0
        let name = try names.map { try text(at: load(offset, as: UInt32.self), in: $0) } ?? ""
        return ELFObject.Section(
            name: name, type: type, flags: try load(offset + 8), range: range, size: size,
            link: Int(try load(offset + 40, as: UInt32.self)), info: Int(try load(offset + 44, as: UInt32.self)),
            alignment: max(1, try self.size(offset + 48)))
    }

    private func text(at index: UInt32, in table: Range<Int>) throws -> String {
        guard Int(index) < table.count else {
            if index == 0 { return "" }
            throw damaged("a name lies outside its table")
        }
        let rest = bytes[(table.lowerBound + Int(index))..<table.upperBound]
        return String(decoding: rest.prefix { $0 != 0 }, as: UTF8.self)
    }

    func symbols(in sections: [ELFObject.Section]) throws -> [ELFObject.Symbol] {
        let tables = sections.filter { $0.type == ELF.symbolTable }
        guard let table = tables.first else { return [] }
        guard tables.count == 1, table.range.count % 24 == 0, table.link < sections.count else {
            throw damaged("bad symbol table")
        }
        let names = sections[table.link].range
        let found = try stride(from: table.range.lowerBound, to: table.range.upperBound, by: 24).map {
            try symbol(at: $0, names: names)
        }
        guard found.allSatisfy({ $0.section < sections.count || $0.section >= ELF.firstReservedSection }) else {
            throw damaged("a symbol of a section that does not exist")
        }
        return found
    }

    private func symbol(at offset: Int, names: Range<Int>) throws -> ELFObject.Symbol {
        let information: UInt8 = try load(offset + 4)
        return ELFObject.Symbol(
            name: try text(at: load(offset), in: names), type: information & 15, binding: information >> 4,
            section: Int(try load(offset + 6, as: UInt16.self)), value: try load(offset + 8))
    }

    func relocations(in section: ELFObject.Section, symbolCount: Int) throws -> [ELFObject.Relocation] {
        guard section.range.count % 24 == 0 else { throw damaged("bad relocation table") }
        return try stride(from: section.range.lowerBound, to: section.range.upperBound, by: 24).map { offset in
            let information: UInt64 = try load(offset + 8)
            let symbol = Int(information >> 32)
            guard symbol < symbolCount else { throw damaged("a relocation by a symbol that does not exist") }
            return ELFObject.Relocation(
                offset: try load(offset), type: UInt32(truncatingIfNeeded: information), symbol: symbol,
                addend: try load(offset + 16))
        }
    }
}
