// Usage: RegisterTypesTool PROTOCOL OUTPUT FILE…
//
// Writes a Swift file with the list of all types that the files declare on a line `enum NAME: PROTOCOL`.

import Foundation

@main
struct RegisterTypesTool {
    /// The array is cut into parts of this length: one long literal of metatypes is slow to type-check.
    static let partLength = 25

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else {
            throw Failure(description: "usage: RegisterTypesTool PROTOCOL OUTPUT FILE…")
        }
        var names: [String] = []
        for path in arguments.dropFirst(3) {
            names += declarations(of: arguments[1], in: try String(contentsOfFile: path, encoding: .utf8))
        }
        let text = source(names.sorted(), arguments[1])
        try text.write(toFile: arguments[2], atomically: true, encoding: .utf8)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Names of the enums and structs of a source text that name the protocol first among their conformances.
    static func declarations(of conformance: String, in text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("enum ") || line.hasPrefix("struct ") else { return nil }
            let words = line.split { " ,{".contains($0) }
            guard words.count >= 3, words[1].hasSuffix(":"), words[2] == conformance else { return nil }
            return String(words[1].dropLast())
        }
    }

    static func source(_ names: [String], _ conformance: String) -> String {
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
            // Made by RegisterTypes from the declarations in Operators.

            enum OperatorList {
                static var all: [any \(conformance).Type] { \(all.isEmpty ? "[]" : all) }

            \(parts.joined())}

            """
    }
}
