import MartletCore
import TestSupport
import Testing

@testable import MartletCompiler

struct VectorTextTests {
    @Test(arguments: [1, 4, 16]) func everyOpcodeIsReadBack(lanes: Int) throws {
        for (name, function) in VectorOpcodeKernels.all(lanes: lanes) {
            #expect(VectorVerifier.problems(in: function).isEmpty, "\(name)")
            let again = try VectorFunction(text: function.text)
            #expect(again.text == function.text, "\(name)")
            #expect(again.types == function.types, "\(name)")
        }
    }

    @Test func structureIsReadBack() throws {
        let function = VectorSupport.kernel { builder, data in
            let start = builder.load(VectorType(.f32, lanes: 8), data)
            let sums = builder.loop(
                from: builder.first, to: builder.last, step: builder.int(2), carrying: [start]
            ) { index, carried in
                builder.violation(at: index, code: 3)
                let isThird = builder.compare(.eq, index, builder.int(3))
                return builder.branch(
                    isThird, then: { [builder.binary(.fadd, carried[0], carried[0])] }, else: { carried })
            }
            builder.store(sums[0], data)
        }
        let text = function.text
        #expect(text.contains("loop %2, %3,"))
        #expect(text.contains("} else {"))
        #expect(try VectorFunction(text: text).text == text)
    }

    @Test func opcodesComeBackFromTheirNames() {
        for opcode in Opcode.allPlain { #expect(Opcode(mnemonic: opcode.mnemonic, attributes: []) == opcode) }
        let others: [Opcode] = [
            .constant(bits: .max), .extract(lane: 3), .insert(lane: 0), .shuffle([0, 5]), .load(align: 4),
            .loadFirst(align: 1), .store(align: 64), .storeFirst(align: 2), .violation(code: 7),
        ]
        for opcode in others { #expect(Opcode(mnemonic: opcode.mnemonic, attributes: opcode.attributes) == opcode) }
        #expect(Opcode(mnemonic: "fadd", attributes: [1]) == nil)
        #expect(Opcode(mnemonic: "load", attributes: []) == nil)
    }

    @Test(arguments: [
        ("kernel k () {", "line 1, column 14"), ("kernel k () { nothing }", "line 1, column 15"),
        ("kernel k (%0: f7) {}", "line 1, column 11"), ("kernel k (%0: i64, %0: i64) {}", "line 1, column 20"),
        ("kernel k () { %1: i64 = constant }", "line 1, column 25"), ("module", "line 1, column 1"),
        ("kernel k () {} x", "line 1, column 16"), ("kernel k (%9999999999: i64) {}", "line 1, column 22"),
    ])
    func errorsSayWhere(text: String, place: String) {
        #expect {
            _ = try VectorFunction(text: text)
        } throws: { error in
            let diagnostic = error as? Diagnostic
            return diagnostic?.code == "vector.syntax" && diagnostic?.place?.description == place
        }
    }

    @Test func deepNestingIsRefused() {
        let text = "kernel k () {" + String(repeating: "branch %0 {", count: 100_000)
        #expect(throws: Diagnostic.self) { _ = try VectorFunction(text: text) }
    }

    @Test func damagedTextNeverTraps() throws {
        let text = Array(VectorOpcodeKernels.all(lanes: 4)[3].function.text.utf8)
        var random = SplitMix64(seed: 5)
        for _ in 0..<2000 {
            var damaged = text
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 32..<127, using: &random)
            }
            guard let function = try? VectorFunction(text: String(decoding: damaged, as: UTF8.self)) else { continue }
            _ = VectorVerifier.problems(in: function)
            _ = function.text
        }
    }
}
