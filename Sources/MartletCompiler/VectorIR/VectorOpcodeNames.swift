/// The words of the text form: an opcode is a mnemonic and integers in brackets.
extension Opcode {
    /// The mnemonic; operations of one family that share names with others begin with the family.
    public var mnemonic: String {
        switch self {
        case .constant: return "constant"
        case .binary(let opcode): return opcode.rawValue
        case .unary(let opcode): return opcode.rawValue
        case .fma: return "fma"
        case .compare(let predicate): return "compare." + predicate.rawValue
        case .select: return "select"
        case .convert(let opcode): return "convert." + opcode.rawValue
        case .splat: return "splat"
        case .extract: return "extract"
        case .insert: return "insert"
        case .shuffle: return "shuffle"
        case .dot(let opcode): return "dot." + opcode.rawValue
        case .address: return "address"
        case .load: return "load"
        case .loadFirst: return "load.first"
        case .store: return "store"
        case .storeFirst: return "store.first"
        case .loop: return "loop"
        case .branch: return "branch"
        case .violation: return "violation"
        case .prefetch: return "prefetch"
        }
    }

    /// The integers that belong to the opcode: bits, lanes, an alignment or a code.
    public var attributes: [Int] {
        switch self {
        case .constant(let bits): return [Int(Int64(bitPattern: bits))]
        case .extract(let lane), .insert(let lane): return [lane]
        case .shuffle(let lanes): return lanes
        case .load(let align), .loadFirst(let align), .store(let align), .storeFirst(let align): return [align]
        case .violation(let code): return [code]
        default: return []
        }
    }

    /// The opcode of a mnemonic and its integers; nil if there is none.
    public init?(mnemonic: String, attributes: [Int]) {
        if mnemonic == "shuffle" {
            self = .shuffle(attributes)
        } else if let found = attributes.isEmpty ? Self.plain[mnemonic] : nil {
            self = found
        } else if attributes.count == 1, let found = Self.withAttribute(mnemonic, attributes[0]) {
            self = found
        } else {
            return nil
        }
    }

    private static func withAttribute(_ mnemonic: String, _ value: Int) -> Opcode? {
        switch mnemonic {
        case "constant": return .constant(bits: UInt64(bitPattern: Int64(value)))
        case "extract": return .extract(lane: value)
        case "insert": return .insert(lane: value)
        case "load": return .load(align: value)
        case "load.first": return .loadFirst(align: value)
        case "store": return .store(align: value)
        case "store.first": return .storeFirst(align: value)
        case "violation": return .violation(code: value)
        default: return nil
        }
    }

    /// All opcodes without integers.
    static let allPlain: [Opcode] =
        BinaryOpcode.allCases.map { .binary($0) } + UnaryOpcode.allCases.map { .unary($0) }
        + Predicate.allCases.map { .compare($0) } + ConversionOpcode.allCases.map { .convert($0) }
        + DotOpcode.allCases.map { .dot($0) } + [.fma, .select, .splat, .address, .loop, .branch, .prefetch]

    private static let plain: [String: Opcode] = Dictionary(
        allPlain.map { ($0.mnemonic, $0) }, uniquingKeysWith: { first, _ in first })
}

extension VectorType: CustomStringConvertible {
    /// The scalar kind, and the number of lanes of a vector: `f32`, `f32x16`.
    public var description: String { lanes == 1 ? scalar.rawValue : "\(scalar.rawValue)x\(lanes)" }

    /// Reads what `description` gives; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        guard let first = parts.first, let scalar = Scalar(rawValue: String(first)), parts.count <= 2 else {
            return nil
        }
        if parts.count == 1 {
            self.init(scalar)
        } else {
            guard let lanes = Int(parts[1]), lanes > 1, lanes <= VectorType.mostLanes else { return nil }
            self.init(scalar, lanes: lanes)
        }
    }

    /// The most lanes that a type may have.
    static let mostLanes = 1024
}

extension Register: CustomStringConvertible {
    /// `%` and the number.
    public var description: String { "%\(id)" }
}
