/// What stands before the elements of a `.npy` file.
struct NpyHeader {
    let layout: NpyLayout
    let isFortranOrder: Bool
    let shape: [Int]
    /// Where the elements begin, in bytes from the beginning of the array's file.
    let dataOffset: Int

    /// Whether the elements in the file are those of a tensor as they stand.
    var isPlain: Bool { layout.isPlain && !(isFortranOrder && shape.count > 1) }

    init(_ reader: ByteReader) throws {
        let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
        guard try reader.slice(at: 0, count: 6).elementsEqual(magic) else {
            throw reader.failure("npy.format", "this is no .npy file", 0)
        }
        let version = try reader.integer(at: 6, as: UInt8.self)
        let textOffset: Int
        let length: Int
        switch version {
        case 1: (textOffset, length) = (10, Int(try reader.integer(at: 8, as: UInt16.self)))
        case 2, 3: (textOffset, length) = (12, Int(try reader.integer(at: 8, as: UInt32.self)))
        default: throw reader.failure("npy.format", "version \(version) of the format is unknown", 6)
        }
        let text = try reader.slice(at: textOffset, count: length)
        dataOffset = textOffset + length
        do {
            var parser = NpyHeaderParser(scanner: TextScanner(utf8: Array(text), comments: false, code: "npy.format"))
            let fields = try parser.fields()
            (layout, isFortranOrder, shape) = (fields.layout, fields.isFortranOrder, fields.shape)
        } catch let diagnostic as Diagnostic {
            // The header is one line of text inside the file: name the byte instead.
            var column = 1
            if case .text(_, let found) = diagnostic.place { column = found }
            throw reader.failure(
                diagnostic.code, "header: \(diagnostic.message)", textOffset + column - 1, help: diagnostic.help)
        }
    }
}

/// How one element stands in a `.npy` file.
struct NpyLayout {
    /// Type of the tensor that it becomes.
    let type: ElementType
    /// Bytes in the file.
    let itemSize: Int
    /// Bytes whose order is to be reversed; 1 for little-endian elements.
    var swappedBytes = 1
    /// Code units of a fixed-width string, of this many bytes each; 0 for numbers.
    var stringUnit = 0

    var isPlain: Bool { swappedBytes == 1 && stringUnit == 0 }

    /// The layout with a type descriptor such as `<f4`; nil if no tensor holds such elements.
    init?(descriptor: String) {
        let isBig = descriptor.hasPrefix(">")
        let code = descriptor.drop { "<>|=".contains($0) }
        if code.hasPrefix("U") || code.hasPrefix("S") {
            let unit = code.hasPrefix("U") ? 4 : 1
            guard let length = Int(code.dropFirst()), length >= 0, length < 1 << 40 else { return nil }
            (type, itemSize, stringUnit) = (.string, length * unit, unit)
            swappedBytes = isBig ? unit : 1
            return
        }
        let facts = ElementTypeFacts.table.first { $0.numpy.map { $0.dropFirst() == code } ?? false }
        guard let facts else { return nil }
        (type, itemSize) = (facts.type, facts.bits / 8)
        swappedBytes = isBig ? facts.type.componentType.bitWidth / 8 : 1
    }
}

/// Reads the header's text, a literal of a Python dictionary.
struct NpyHeaderParser {
    var scanner: TextScanner

    mutating func fields() throws -> (layout: NpyLayout, isFortranOrder: Bool, shape: [Int]) {
        var layout: NpyLayout?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try scanner.expect("{")
        while !scanner.take("}") {
            let key = try scanner.expectString()
            try scanner.expect(":")
            switch key {
            case "descr": layout = try descriptor()
            case "fortran_order": isFortranOrder = try truth()
            case "shape": shape = try tuple()
            default: throw scanner.failure("unknown key '\(key)'")
            }
            if !scanner.take(",") {
                try scanner.expect("}")
                break
            }
        }
        guard let layout, let isFortranOrder, let shape else {
            throw scanner.failure("one of 'descr', 'fortran_order' and 'shape' is missing")
        }
        return (layout, isFortranOrder, shape)
    }

    private mutating func descriptor() throws -> NpyLayout {
        guard let text = try scanner.string() else { throw unsupported("structured elements") }
        guard let layout = NpyLayout(descriptor: text) else { throw unsupported("elements of type '\(text)'") }
        return layout
    }

    private func unsupported(_ what: String) -> Diagnostic {
        Diagnostic(
            "npy.element-type", "\(what) cannot become a tensor", at: scanner.place,
            help: "convert the array in NumPy, for example by astype, before saving it")
    }

    private mutating func truth() throws -> Bool {
        if scanner.takeWord("True") { return true }
        if scanner.takeWord("False") { return false }
        throw scanner.failure("expected True or False, found \(scanner.nextWords)")
    }

    private mutating func tuple() throws -> [Int] {
        var extents: [Int] = []
        try scanner.expect("(")
        while !scanner.take(")") {
            extents.append(try scanner.expectInteger())
            // Python 2 wrote long integers with a suffix.
            _ = scanner.take("L")
            if !scanner.take(",") {
                try scanner.expect(")")
                break
            }
        }
        guard extents.allSatisfy({ $0 >= 0 }) else { throw scanner.failure("an extent is negative") }
        return extents
    }
}
