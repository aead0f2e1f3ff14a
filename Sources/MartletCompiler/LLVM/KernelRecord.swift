import MartletCore

/// The form in which linked code is kept in a file: magic, key, checksum of all that follows, then the code. Whatever
/// the bytes are, reading them yields the code that was written under that key, or nil.
enum KernelRecord {
    private static let magic = Array("MartletKernel/1\n".utf8)
    private static let keyStart = magic.count
    private static let checksumStart = keyStart + 32
    private static let payloadStart = checksumStart + 32
    private static let entryLimit: UInt64 = 1 << 16

    static func encode(_ code: LinkedCode, key: KernelKey) -> [UInt8] {
        var payload: [UInt8] = []
        func put(_ value: Int) {
            withUnsafeBytes(of: UInt64(value).littleEndian) { payload += $0 }
        }
        func put(text: String) {
            put(text.utf8.count)
            payload += text.utf8
        }
        put(text: code.architecture.rawValue)
        put(code.alignment)
        put(code.entries.count)
        for entry in code.entries {
            put(text: entry.name)
            put(entry.offset)
        }
        put(code.bytes.count)
        payload += code.bytes
        return magic + Array(key.text.utf8) + checksum(payload[...]) + payload
    }

    static func decode(_ bytes: [UInt8], key: KernelKey) -> LinkedCode? {
        guard bytes.count > payloadStart, bytes.starts(with: magic),
            bytes[keyStart..<checksumStart].elementsEqual(key.text.utf8),
            bytes[checksumStart..<payloadStart].elementsEqual(checksum(bytes[payloadStart...]))
        else { return nil }
        var fields = Fields(rest: bytes[payloadStart...])
        guard let architecture = fields.text().flatMap(CPUArchitecture.init(rawValue:)),
            let alignment = fields.number(), let count = fields.number(), count < entryLimit,
            let entries = entries(&fields, count: count), let code = fields.block(), fields.rest.isEmpty,
            alignment > 0, alignment <= UInt64(ObjectLinker.largestAlignment), alignment & (alignment - 1) == 0,
            entries.allSatisfy({ $0.offset < code.count })
        else { return nil }
        return LinkedCode(
            architecture: architecture, alignment: Int(alignment), bytes: Array(code), entries: entries)
    }

    private static func entries(_ fields: inout Fields, count: UInt64) -> [LinkedCode.Entry]? {
        var entries: [LinkedCode.Entry] = []
        for _ in 0..<count {
            guard let name = fields.text(), let offset = fields.number().flatMap({ Int(exactly: $0) }) else {
                return nil
            }
            entries.append(LinkedCode.Entry(name: name, offset: offset))
        }
        return entries
    }

    private static func checksum(_ payload: ArraySlice<UInt8>) -> [UInt8] {
        Array(payload.withUnsafeBytes { StableHash($0) }.description.utf8)
    }

    /// Reads fields one after the other; nil beyond the end.
    private struct Fields {
        var rest: ArraySlice<UInt8>

        mutating func number() -> UInt64? {
            guard rest.count >= 8 else { return nil }
            defer { rest = rest.dropFirst(8) }
            return rest.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }

        mutating func block() -> ArraySlice<UInt8>? {
            guard let count = number(), count <= UInt64(rest.count) else { return nil }
            defer { rest = rest.dropFirst(Int(count)) }
            return rest.prefix(Int(count))
        }

        mutating func text() -> String? {
            block().map { String(decoding: $0, as: UTF8.self) }
        }
    }
}
