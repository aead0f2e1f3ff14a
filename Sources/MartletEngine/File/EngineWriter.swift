import MartletCore

extension Engine {
    /// Writes the engine file; the same engine always gives the same bytes.
    ///
    /// - Throws: `engine.invalid` if the engine contradicts itself, `file.write`.
    public func write(to path: String) throws {
        try validate()
        let graphBytes = try GraphText.section(of: graph)
        var contents: [(name: String, tag: String, bytes: SectionBytes)] = [
            (EngineFile.header, "text", try SectionBytes(Array(header.encoded.utf8))),
            (EngineFile.tables, "host", try SectionBytes(encodedTables())),
            (EngineFile.code, header.target, code),
            (EngineFile.weights, "host", weights),
            (EngineFile.graph, "text", graphBytes),
        ]
        for (index, variant) in specialisations.enumerated() {
            let (tables, code) = (EngineFile.tables, EngineFile.code)
            contents += [
                (EngineFile.section(tables, ofVariant: index + 1), "host", try SectionBytes(variant.encodedTables())),
                (EngineFile.section(code, ofVariant: index + 1), header.target, variant.code),
            ]
        }
        let (entries, fileSize) = layOut(contents)
        try AtomicFile.write(to: path) { writer in
            try writer.write(EngineFile.encode(entries, fileSize: fileSize))
            for (entry, content) in zip(entries, contents) {
                if entry.name != EngineFile.header { try writer.pad(to: EngineFile.alignment) }
                try content.bytes.withUnsafeBytes { try writer.write($0) }
            }
        }
    }

    private func layOut(_ contents: [(name: String, tag: String, bytes: SectionBytes)]) -> ([EngineFile.Entry], Int) {
        var entries: [EngineFile.Entry] = []
        var position = EngineFile.directorySize(sections: contents.count)
        for (name, tag, bytes) in contents {
            if name != EngineFile.header { position = EngineFile.aligned(position) }
            entries.append(
                EngineFile.Entry(
                    name: name, tag: tag, offset: position, count: bytes.count,
                    checksum: bytes.withUnsafeBytes { EngineFile.checksum($0) },
                    version: UInt32(clamping: Engine.formatVersion), isRequired: name != EngineFile.graph))
            position += bytes.count
        }
        return (entries, position)
    }
}

extension Engine.GraphText {
    fileprivate static func section(of graph: Engine.GraphText) throws -> SectionBytes {
        switch graph {
        case .text(let text): try SectionBytes(Array(text.utf8))
        case .section(let bytes): bytes
        }
    }
}
