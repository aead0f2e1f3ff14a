// Usage: RegisterTypesTool PROTOCOL MODULE OUTPUT FILE…
//
// Writes a Swift file with `PROTOCOLList.all`, the types that the files declare on a line `enum NAME: PROTOCOL`, or
// `struct`, with or without `public`. MODULE is imported for the protocol, unless it is empty.

import Foundation

@main
struct RegisterTypesTool {
    /// The array is cut into parts of this length: one long literal of metatypes is slow to type-check.
    static let partLength = 25

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 4 else {
            throw Failure(description: "usage: RegisterTypesTool PROTOCOL MODULE OUTPUT FILE…")
        }
        var names: [String] = []
        for path in arguments.dropFirst(4) {
            names += declarations(of: arguments[1], in: try String(contentsOfFile: path, encoding: .utf8))
        }
        let text = source(names.sorted(), arguments[1], importing: arguments[2])
        try text.write(toFile: arguments[3], atomically: true, encoding: .utf8)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Names of the enums and structs of a source text that name the protocol first among their conformances.
    static func declarations(of conformance: String, in text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            var words = line.split { " ,{".contains($0) }[...]
            if words.first == "public" { words.removeFirst() }
            guard line.first?.isWhitespace == false, words.count >= 3, let name = words.dropFirst().first,
                words.first == "enum" || words.first == "struct", name.hasSuffix(":"),
                words.dropFirst(2).first == conformance[...]
            else { return nil }
            return String(name.dropLast())
        }
    }

    static func source(_ names: [String], _ conformance: String, importing module: String) -> String {
        var parts: [String] = []
        for start in stride(from: 0, to: names.count, by: partLength) {
            let part = names[start..<min(start + partLength, names.count)]
            let list = part.map { "\($0).self" }.joined(separator: ", ")
            parts.append(
                "    private static func part\(parts.count)() -> [any \(conformance).Type] {\n        [\(list)]\n    }\n"
            )
        }
        let all = parts.indices.map { "part\($0)()" }.joined(separator: " + ")
        return """
            // Made by RegisterTypes from the declarations of the module.
            \(module.isEmpty ? "" : "\nimport \(module)\n")
            enum \(conformance)List {
                static var all: [any \(conformance).Type] { \(all.isEmpty ? "[]" : all) }

            \(parts.joined())}

            """
    }
}
