import MartletCore

/// The header section: lines of `key value`, in which `\` and line ends of values are escaped. Unknown keys are kept
/// out of the way of older readers, which only print what they know.
extension Engine.Header {
    var encoded: String {
        var lines = [
            ("format", String(formatVersion)), ("name", name), ("writer", writerVersion), ("target", target),
            ("triple", triple), ("accuracy", accuracy), ("model", modelHash),
        ]
        for feature in features { lines.append(("feature", feature)) }
        return lines.map { "\($0.0) \(Self.escape($0.1))\n" }.joined()
    }

    /// Reads what it knows of `text`.
    ///
    /// - Throws: `engine.damaged` if there is no version in it.
    init(decoding text: String) throws {
        self.init(name: "")
        var version: Int?
        // By scalars: as characters, a carriage return would swallow the line end behind it.
        for line in text.unicodeScalars.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? Self.unescape(parts[1]) : ""
            switch String(parts[0]) {
            case "format": version = Int(value)
            case "name": name = value
            case "writer": writerVersion = value
            case "target": target = value
            case "triple": triple = value
            case "accuracy": accuracy = value
            case "model": modelHash = value
            case "feature": features.append(value)
            default: break
            }
        }
        guard let version else { throw EngineFile.damaged(section: EngineFile.header, "it states no version") }
        formatVersion = version
    }

    private static func escape(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static func unescape(_ text: Substring.UnicodeScalarView) -> String {
        var result = ""
        var isEscaped = false
        for character in text {
            if isEscaped {
                result.unicodeScalars.append(character == "n" ? "\n" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
