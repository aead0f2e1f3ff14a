import MartletCore
import Testing

@Suite struct TextScannerTests {
    @Test func readsTokens() throws {
        var scanner = TextScanner(
            """
            %3 = add.f32(%1, -0x10) ; a comment
            // another one
            { name: "a\\n\\u{e9}", range: 0..<4, x: 1.5e3 }
            """)
        try scanner.expect("%")
        #expect(try scanner.expectInteger() == 3)
        try scanner.expect("=")
        #expect(try scanner.expectIdentifier(allowing: ".") == "add.f32")
        #expect(scanner.take("(") && !scanner.take("("))
        try scanner.expect("%1,")
        #expect(try scanner.integer() == -16)
        try scanner.expect(")")
        try scanner.expect("{")
        #expect(!scanner.takeWord("nam") && scanner.takeWord("name"))
        try scanner.expect(":")
        #expect(try scanner.expectString() == "a\né")
        try scanner.expect(",")
        #expect(scanner.takeWord("range") && scanner.take(":"))
        #expect(try scanner.expectInteger() == 0)
        try scanner.expect("..<")
        #expect(try scanner.expectInteger() == 4)
        #expect(scanner.take(",") && scanner.takeWord("x") && scanner.take(":"))
        #expect(try scanner.integer() == nil)
        #expect(try scanner.expectDouble() == 1500)
        #expect(!scanner.isAtEnd && scanner.take("}") && scanner.isAtEnd && scanner.peek() == nil)
    }

    @Test func numbers() throws {
        let values: [Double] = [0, -0.0, 1.5, -2e-300, 0x1.8p-1040, .infinity, -.infinity, 123456789]
        for value in values {
            var scanner = TextScanner(value.description + ",")
            #expect(scanner.double()?.bitPattern == value.bitPattern && scanner.take(","))
        }
        var nan = TextScanner("-nan 0x1.8p3 information 7.x")
        #expect(nan.double()?.isNaN == true)
        #expect(nan.double() == 12)
        #expect(nan.double() == nil && nan.identifier() == "information")
        #expect(nan.double() == 7 && nan.take(".x"))
        var integers = TextScanner("9223372036854775807 -9223372036854775808 9223372036854775808")
        #expect(try integers.integer() == .max && integers.integer() == .min)
        #expect(throws: Diagnostic.self) { try integers.integer() }
    }

    @Test func failuresHaveLineAndColumn() {
        var scanner = TextScanner("a\n  b c", code: "ir.syntax")
        #expect(scanner.takeWord("a") && scanner.takeWord("b"))
        let failure = #expect(throws: Diagnostic.self) { try scanner.expect("(") }
        #expect(failure?.place == .text(line: 2, column: 5))
        #expect(failure?.description == "error[ir.syntax] line 2, column 5: expected '(', found 'c'")
    }

    @Test func badStringsAreRefused() {
        for text in ["\"abc", "\"\\q\"", "\"\\", "'\\u{110000}'", "'\\u{", "'\\u", "'\\u{41"] {
            var scanner = TextScanner(text)
            #expect(throws: Diagnostic.self, "\(text)") { try scanner.string() }
            _ = try? scanner.string()
            _ = scanner.take("x")
        }
        var invalid = TextScanner(utf8: [0x22, 0xFF, 0x22])
        #expect(throws: Diagnostic.self) { try invalid.string() }
    }

    @Test func quotedStringsComeBack() throws {
        for text in ["", "plain", "q\"'\\ \n\r\t\0\u{7}\u{7f} é🐦"] {
            var scanner = TextScanner(TextScanner.quoted(text))
            #expect(try scanner.string() == text)
        }
    }

    @Test func damagedTextNeverTraps() {
        let text = Array("%1 = f(\"a\\u{41}\", 0x1.8p3, -12, 'b') ; c\n inf".utf8)
        ByteFuzzer.run(text, count: 4000) { bytes in
            var scanner = TextScanner(utf8: bytes)
            while !scanner.isAtEnd {
                let before = scanner.offset
                _ = scanner.identifier()
                _ = try? scanner.integer()
                _ = scanner.double()
                _ = try? scanner.string()
                for mark: StaticString in ["%", "=", "(", ")", ","] { _ = scanner.take(mark) }
                if scanner.offset == before { break }
            }
        }
    }
}
