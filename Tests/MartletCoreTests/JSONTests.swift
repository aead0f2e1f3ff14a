import MartletCore
import Testing

@Suite struct JSONTests {
    @Test func parsesAndPrints() throws {
        let text = #"{"b":[1,-2.5,1e+300,true,false,null,{}],"a":"x\"\\\n\u0001é😀","":[]}"#
        let value = try JSONValue(parsing: text)
        #expect(value["b"]?[0]?.integer == 1 && value["b"]?[1]?.number == -2.5)
        #expect(value.object?.members.map(\.name) == ["b", "a", ""])
        #expect(value.description == text)
        #expect(try JSONValue(parsing: value.text(indent: 2)) == value)
        #expect(value["b"]?[7] == nil && value["c"] == nil && value["a"]?.string?.hasPrefix("x\"") == true)
    }

    @Test func indentedText() {
        let value: JSONValue = ["a": [1, 2.5], "b": [:], "c": nil]
        #expect(value.text(indent: 2) == "{\n  \"a\": [\n    1,\n    2.5\n  ],\n  \"b\": {},\n  \"c\": null\n}")
    }

    @Test func numbers() throws {
        #expect(try JSONValue(parsing: "9223372036854775807") == .integer(.max))
        #expect(try JSONValue(parsing: "9223372036854775808") == .number(0x1p63))
        #expect(try JSONValue(parsing: " 2e3 ").integer == 2000)
        #expect(JSONValue.number(.nan).description == "null")
        for value in [0.1, Double.leastNonzeroMagnitude, 1.7976931348623157e308, 1e21] {
            #expect(try JSONValue(parsing: JSONValue.number(value).description).number == value)
        }
    }

    @Test func escapes() throws {
        #expect(try JSONValue(parsing: #""\u00e9\ud83d\ude00\/\b\f""#).string == "é😀/\u{8}\u{c}")
    }

    @Test func whatTheStandardForbidsIsRefused() {
        let texts = [
            "", "01", "1.", ".5", "+1", "1e", "-", "0x1", "nul", "[1,]", "[1 2]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}",
            "\"\\ud800\"", "\"\\ude00\"", "\"\\ud800\\u0041\"", "\"\\x\"", "\"a", "\"\n\"", "[", "{", "1 2", "1e999",
            "{\"a\":1,\"a\":2}", "\"\\u+123\"", "inf", "nan",
        ]
        for text in texts { #expect(throws: Diagnostic.self, "\(text)") { try JSONValue(parsing: text) } }
        #expect(throws: Diagnostic.self) { try JSONValue(parsing: [0x22, 0xC0, 0x22]) }
        let failure = #expect(throws: Diagnostic.self) { try JSONValue(parsing: "[1,\n x]") }
        #expect(failure?.place == .text(line: 2, column: 2))
    }

    @Test func depthIsBounded() throws {
        let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
        #expect(try JSONValue(parsing: deep(JSONValue.maximumDepth)).array?.count == 1)
        #expect(throws: Diagnostic.self) { try JSONValue(parsing: deep(JSONValue.maximumDepth + 1)) }
        #expect(throws: Diagnostic.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
    }

    @Test func objectsChangeInPlace() {
        var object: JSONObject = ["a": 1, "b": 2, "c": 3]
        object["b"] = nil
        object["c"] = "x"
        object["d"] = true
        #expect(JSONValue.object(object).description == #"{"a":1,"c":"x","d":true}"#)
    }

    @Test func damagedTextNeverTraps() {
        let text = Array(#"{"b":[1,-2.5,1e+300,true,null,{}],"a":"x\"\\\u00e9\ud83d\ude00é"}"#.utf8)
        ByteFuzzer.run(text, count: 8000) { bytes in
            guard let value = try? JSONValue(parsing: bytes) else { return }
            #expect((try? JSONValue(parsing: value.description)) == value)
        }
    }
}
