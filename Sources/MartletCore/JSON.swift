/// A JSON value (RFC 8259). Objects keep the order of their members.
public enum JSONValue: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number without fraction and exponent that fits an `Int`.
    case integer(Int)
    /// Any other number; finite when it was parsed.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object.
    case object(JSONObject)
}

/// The members of a JSON object, in order, with unique names.
public struct JSONObject: Sendable, Hashable {
    /// A member of an object.
    public struct Member: Sendable, Hashable {
        /// Name of the member.
        public var name: String
        /// Its value.
        public var value: JSONValue

        /// A member of the given name and value.
        public init(_ name: String, _ value: JSONValue) {
            (self.name, self.value) = (name, value)
        }
    }

    /// All members, in order.
    public private(set) var members: [Member] = []
    private var indices: [String: Int] = [:]

    /// An object without members.
    public init() {}

    /// The value of the member `name`. Setting appends a new member, or removes one by nil.
    public subscript(name: String) -> JSONValue? {
        get { indices[name].map { members[$0].value } }
        set {
            switch (indices[name], newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): remove(at: index)
            case (nil, let value?):
                indices[name] = members.count
                members.append(Member(name, value))
            case (nil, nil): break
            }
        }
    }

    private mutating func remove(at index: Int) {
        members.remove(at: index)
        indices = [:]
        for (index, member) in members.enumerated() { indices[member.name] = index }
    }

    /// Equality of the members, in order.
    public static func == (a: JSONObject, b: JSONObject) -> Bool { a.members == b.members }

    /// Hashes the members, in order.
    public func hash(into hasher: inout Hasher) { hasher.combine(members) }
}

// MARK: - Access

extension JSONValue {
    /// The member `name` of an object; nil if there is none, or this is no object.
    public subscript(name: String) -> JSONValue? { object?[name] }

    /// The element `index` of an array; nil if there is none, or this is no array.
    public subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The truth value; nil if this is none.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The integer, also of a number such as `2e3`; nil if this is none, or does not fit.
    public var integer: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number, of an integer rounded to nearest; nil if this is none.
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The string; nil if this is none.
    public var string: String? { if case .string(let value) = self { value } else { nil } }

    /// The elements of an array; nil if this is none.
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The object; nil if this is none.
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
}

// MARK: - Literals

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Members in the order written; of two with the same name the later value stays.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (name, value) in elements { self[name] = value }
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    /// An object, its members in the order written; of two with the same name the later value stays.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }

    /// An array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    public init(integerLiteral value: Int) { self = .integer(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
}
