import MartletCore

/// Elements of constant tensors as text: values where they come back bit for bit, else `#` and the bits as an integer.
enum TensorText {
    /// `f32[2, 2] [1.0, 2.0, 3.0, 4.0]`; complex numbers as real and imaginary part in turn.
    static func text(_ tensor: HostTensor) -> String {
        let shape = tensor.shape.map(String.init).joined(separator: ", ")
        return "\(tensor.type.name)[\(shape)] [\(elements(tensor).joined(separator: ", "))]"
    }

    private static func elements(_ tensor: HostTensor) -> [String] {
        if tensor.type == .string { return tensor.strings.map(TextScanner.quoted) }
        let type = tensor.type.componentType
        return ElementBits.read(tensor).map { bits in
            let text = value(bits, type)
            var scanner = TextScanner(text, comments: false)
            return (try? read(type, &scanner)) == bits ? text : "#\(Int64(bitPattern: bits))"
        }
    }

    private static func value(_ bits: UInt64, _ type: ElementType) -> String {
        switch type {
        case .bool: return bits == 0 ? "false" : "true"
        case .float64: return Double(bitPattern: bits).description
        case .float32: return Float(bitPattern: UInt32(truncatingIfNeeded: bits)).description
        default: break
        }
        if type.isFloatingPoint { return decodeFloat(UInt16(truncatingIfNeeded: bits), as: type).description }
        let unused = UInt64(64 - type.bitWidth)
        return type.isSigned ? String(Int64(bitPattern: bits << unused) >> unused) : String(bits)
    }

    /// Reads one element of a number type or bool; gives its bits.
    static func read(_ type: ElementType, _ scanner: inout TextScanner) throws -> UInt64 {
        let mask: UInt64 = ~0 >> UInt64(64 - type.bitWidth)
        if scanner.take("#") { return UInt64(bitPattern: Int64(try scanner.expectInteger())) & mask }
        switch type {
        case .bool:
            if scanner.takeWord("true") { return 1 }
            if scanner.takeWord("false") { return 0 }
            throw scanner.failure("expected true or false, found \(scanner.nextWords)")
        case .float64: return try scanner.expectDouble().bitPattern
        case .float32: return UInt64(Float(try scanner.expectDouble()).bitPattern)
        default: break
        }
        if type.isFloatingPoint { return UInt64(encodeFloat(try scanner.expectDouble(), as: type, saturate: false)) }
        return UInt64(bitPattern: Int64(try scanner.expectInteger())) & mask
    }

    /// Reads what `text` prints, after the element type.
    static func tensor(_ type: ElementType, _ scanner: inout TextScanner) throws -> HostTensor {
        let start = scanner.offset
        let shape = try list(&scanner) { try $0.expectInteger() }
        do {
            if type == .string {
                return try HostTensor(strings: try list(&scanner) { try $0.expectString() }, shape: shape)
            }
            let bits = try list(&scanner) { try read(type.componentType, &$0) }
            return try ElementBits.tensor(bits, type, shape: shape)
        } catch let diagnostic as Diagnostic {
            throw diagnostic.at(scanner.place(at: start))
        }
    }

    private static func list<T>(
        _ scanner: inout TextScanner, _ element: (inout TextScanner) throws -> T
    ) throws -> [T] {
        try scanner.expect("[")
        var elements: [T] = []
        while !scanner.take("]") {
            if !elements.isEmpty { try scanner.expect(",") }
            elements.append(try element(&scanner))
        }
        return elements
    }
}
