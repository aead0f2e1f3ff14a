import MartletCore
import TestSupport
import Testing

@testable import MartletCompiler

@Suite(.enabled(if: LLVMFixtures.hasLibrary, "libLLVM is not installed"))
struct LLVMLinkerTests {
    func object(_ text: String, _ target: String = "x86-64-v3") throws -> [UInt8] {
        try LLVMFixtures.generator().object(irText: text, target: CodegenTarget(named: target))
    }

    func expectRefusal(_ code: String, naming word: String, _ text: String) throws {
        for target in ["x86-64-v3", "aarch64"] {
            let object = try object(text, target)
            #expect { try ObjectLinker.link(object) } throws: {
                guard let error = $0 as? Diagnostic else { return false }
                return error.code == code && error.message.contains(word)
            }
        }
    }

    @Test func undefinedSymbolsAreRefusedByName() throws {
        try expectRefusal(
            "link.undefined-symbol", naming: "expf",
            "declare float @expf(float)\ndefine float @f(float %x) {\n"
                + " %y = call float @expf(float %x)\n ret float %y\n}\n")
        try expectRefusal(
            "link.undefined-symbol", naming: "llvm.nosuch",
            "declare float @llvm.nosuch.f32(float)\ndefine float @f(float %x) {\n"
                + " %y = call float @llvm.nosuch.f32(float %x)\n ret float %y\n}\n")
    }

    @Test func writableSectionsAreRefused() throws {
        try expectRefusal(
            "link.writable-section", naming: ".bss",
            "@v = internal global i32 0\n"
                + "define void @f(i32 %x) {\n store volatile i32 %x, ptr @v\n ret void\n}\n")
    }

    @Test func tablesOfPointersAreRefused() throws {
        let text = "@t = constant [2 x ptr] [ptr @f, ptr @f]\ndefine void @f() {\n ret void\n}\n"
        #expect(throws: Diagnostic.self) { try ObjectLinker.link(object(text)) }
    }

    /// Calls inside a module, constants of every access size and a jump table.
    static let manyReferences = """
        @b = private constant [3 x i8] c"\\01\\02\\03"
        @h = private constant [3 x i16] [i16 4, i16 5, i16 6], align 2
        @w = private constant [3 x i32] [i32 7, i32 8, i32 9], align 4
        @d = private constant [3 x i64] [i64 10, i64 11, i64 12], align 8
        @q = private constant [2 x <4 x i32>] [<4 x i32> splat (i32 1), <4 x i32> <i32 13, i32 14, i32 15, i32 16>]
        define i64 @sum(i64 %i) {
          %b = load volatile i8, ptr getelementptr (i8, ptr @b, i64 1)
          %h = load volatile i16, ptr getelementptr (i16, ptr @h, i64 1)
          %w = load volatile i32, ptr getelementptr (i32, ptr @w, i64 1)
          %d = load volatile i64, ptr getelementptr (i64, ptr @d, i64 1)
          %q = load volatile <4 x i32>, ptr getelementptr (<4 x i32>, ptr @q, i64 1)
          %q0 = extractelement <4 x i32> %q, i64 %i
          %b1 = zext i8 %b to i64
          %h1 = zext i16 %h to i64
          %w1 = zext i32 %w to i64
          %q1 = zext i32 %q0 to i64
          %s1 = add i64 %b1, %h1
          %s2 = add i64 %w1, %d
          %s3 = add i64 %s1, %s2
          %s4 = add i64 %s3, %q1
          ret i64 %s4
        }
        define i64 @choose(i64 %i) {
          switch i64 %i, label %other [
            i64 0, label %c0
            i64 1, label %c1
            i64 2, label %c2
            i64 3, label %c3
            i64 4, label %c4
          ]
        c0:
          %r0 = call i64 @sum(i64 0)
          ret i64 %r0
        c1:
          %r1 = mul i64 %i, 77
          ret i64 %r1
        c2:
          %r2 = xor i64 %i, 1234
          ret i64 %r2
        c3:
          %r3 = tail call i64 @sum(i64 %i)
          ret i64 %r3
        c4:
          ret i64 99
        other:
          ret i64 -1
        }
        """

    @Test func referencesReachTheirTargets() throws {
        guard let host = LLVMFixtures.target else { return }
        let code = try ObjectLinker.link(try object(Self.manyReferences, host.name))
        let section = try CodeSection([code, code])
        let mapped = try MappedCode(section.bytes)
        for entries in section.entries {
            let entry = try entries.first { $0.name == "choose" }.orThrow("no entry")
            typealias Choose = @convention(c) (Int64) -> Int64
            let choose = unsafeBitCast(mapped.start + entry.offset, to: Choose.self)
            // The elements at index 1 of the tables, 2 + 5 + 8 + 11, and element 0 or 3 of the vector.
            let expected: [Int64] = [39, 77, 1232, 42, 99, -1]
            let results: [Int64] = (0..<6).map { choose($0) }
            #expect(results == expected)
        }
    }

    @Test func codeForAArch64LinksAndJoinsOnPages() throws {
        let code = try ObjectLinker.link(try object(Self.manyReferences, "aarch64"))
        #expect(code.architecture == .arm && code.entries.map(\.name) == ["sum", "choose"])
        let section = try CodeSection([code, code])
        #expect(section.starts[1] % 4096 == 0)
        #expect(section.entries[1][0].offset == section.starts[1] + code.entries[0].offset)
        let x86 = try ObjectLinker.link(try object(Self.manyReferences))
        #expect(try CodeSection([x86, x86]).starts[1] % 64 == 0)
        #expect { try CodeSection([x86, code]) } throws: { ($0 as? Diagnostic)?.code == "link.machine" }
        #expect(try CodeSection([]).bytes.isEmpty)
    }

    @Test func damagedObjectsNeverTrap() throws {
        var random = SplitMix64(seed: 7)
        for target in ["x86-64-v3", "aarch64"] {
            let good = try object(Self.manyReferences, target)
            for _ in 0..<3000 {
                var bad = good
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bad[Int.random(in: 0..<bad.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
                _ = try? ObjectLinker.link(bad)
            }
            for count in stride(from: 0, to: good.count, by: 13) {
                #expect(throws: Diagnostic.self) { try ObjectLinker.link(Array(good.prefix(count))) }
            }
        }
    }
}

/// Relocations of AArch64 against encodings worked out by hand from the ABI's formulas.
struct LLVMRelocationTests {
    func relocate(_ type: UInt32, _ bits: UInt32, place: Int64, target: Int64) throws -> UInt32? {
        try RelocatedWord(bits: bits, place: place, target: target).relocated(type: type, on: .arm)
    }

    @Test func wordsAreThoseOfTheABI() throws {
        // adrp x0, +3 pages; adrp x1, -1 page
        #expect(try relocate(275, 0x9000_0000, place: 0x1ffc, target: 0x4008) == 0xf000_0000)
        #expect(try relocate(275, 0x9000_0001, place: 0x2000, target: 0x1fff) == 0xf0ff_ffe1)
        // add x0, x0, #0x123; ldrb, ldrh, ldr w, ldr x, ldr q with an offset in units of the access
        #expect(try relocate(277, 0x9100_0000, place: 0, target: 0x5123) == 0x9104_8c00)
        #expect(try relocate(278, 0x3940_0000, place: 0, target: 0x5123) == 0x3944_8c00)
        #expect(try relocate(284, 0x7940_0000, place: 0, target: 0x5122) == 0x7942_4400)
        #expect(try relocate(285, 0xb940_0000, place: 0, target: 0x5124) == 0xb941_2400)
        #expect(try relocate(286, 0xf940_0000, place: 0, target: 0x5128) == 0xf940_9400)
        #expect(try relocate(299, 0x3dc0_0000, place: 0, target: 0x5120) == 0x3dc0_4800)
        // b -8, bl +16
        #expect(try relocate(282, 0x1400_0000, place: 16, target: 8) == 0x17ff_fffe)
        #expect(try relocate(283, 0x9400_0000, place: 0, target: 16) == 0x9400_0004)
        #expect(try relocate(9999, 0, place: 0, target: 0) == nil)
    }

    @Test func unfitReferencesAreRefused() {
        #expect(throws: Diagnostic.self) { try relocate(286, 0xf940_0000, place: 0, target: 0x5124) }
        #expect(throws: Diagnostic.self) { try relocate(283, 0x9400_0000, place: 0, target: 18) }
        #expect(throws: Diagnostic.self) { try relocate(283, 0x9400_0000, place: 0, target: 1 << 27) }
        #expect(throws: Diagnostic.self) { try relocate(275, 0x9000_0000, place: 0, target: 1 << 32) }
    }
}
