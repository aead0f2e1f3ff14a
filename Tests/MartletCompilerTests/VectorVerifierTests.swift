import MartletCore
import Testing

@testable import MartletCompiler

struct VectorVerifierTests {
    private static let head = "kernel k (%0: ptr, %1: ptr, %2: i64, %3: i64, %4: ptr) {\n"

    /// The rules that the body of a kernel breaks.
    private func rules(_ body: String) throws -> Set<Int> {
        let function = try VectorFunction(text: Self.head + body + "\n}")
        return Set(
            VectorVerifier.problems(in: function).compactMap { problem in
                problem.message.split(separator: "rule ").last.flatMap { Int($0.dropLast()) }
            })
    }

    @Test(arguments: [
        ("yield %0", 1), ("%5: ptrx4 = constant [0]", 2), ("%5: i64 = add %2, %6\n %6: i64 = add %2, %3", 4),
        ("branch %2 { %5: i64 = add %2, %2 yield } else { yield }\n %6: i64 = add %5, %5", 4),
        ("%5: i64 = add %2", 5), ("%5: i64 = load [8] %0, %2", 5), ("branch %2 { yield }", 5),
        ("%5: i32 = add %2, %3", 6), ("%5: i64 = fadd %2, %3", 6), ("%5: i64 = compare.eq %2, %3", 6),
        ("%5: f64 = convert.sitofp %0", 6), ("%5: i32 = convert.zext %2", 6), ("%5: i64x4 = splat %0", 6),
        ("%5: i64x4 = splat %2 %6: i64x2 = shuffle [0, 8] %5, %5", 7),
        ("%5: i64x4 = splat %2 %6: i64 = extract [4] %5", 7),
        ("%5: i64 = load [3] %0", 8), ("store [0] %2, %0", 8), ("%5: i64 = load [-8] %0", 8),
        ("loop %2, %3, %2 (%5: i32) { yield }", 9), ("loop %2, %3, %2, %2 (%5: i64) { yield }", 9),
        ("%5: i64 = constant [0] loop %2, %3, %5 (%6: i64) { yield }", 9),
        ("%6: i64 = loop %2, %3, %2, %2 (%5: i64, %7: i64) { yield %0 }", 9),
        ("%5: i1 = compare.eq %2, %3 %6: i64 = branch %5 { yield %2 } else { yield %0 }", 10),
        ("%5: i64 = constant [64] %6: i64 = shl %2, %5", 11), ("%5: i64 = constant [0] %6: i64 = sdiv %2, %5", 11),
        ("%5: ptr = constant [8]", 12), ("violation [256] %0, %2", 12),
        ("%5: i1x4 = load [1] %0", 6), ("%5: f32x4 = load [4] %0 %6: f32x4 = fma %5, %5, %2", 6),
    ])
    func everyRuleIsFound(body: String, rule: Int) throws {
        #expect(try rules(body).contains(rule), "\(body)")
    }

    @Test func parametersAreThoseOfTheInterface() throws {
        let function = try VectorFunction(text: "kernel k (%0: ptr, %1: i64) {}")
        #expect(VectorVerifier.problems(in: function).count == 1)
    }

    @Test func definingTwiceIsFound() {
        var function = VectorSupport.kernel { builder, data in
            builder.store(builder.load(.index, data), data)
        }
        function.body.body += function.body.body
        let messages = VectorVerifier.problems(in: function).map(\.message)
        #expect(messages.contains { $0.contains("(rule 3)") })
    }

    @Test func validKernelsPass() throws {
        #expect(try rules("%5: i64 = constant [8] loop %2, %3, %5 (%6: i64) { store [8] %6, %0 yield }").isEmpty)
        #expect(throws: Never.self) { try VectorVerifier.verify(VectorSupport.kernel { _, _ in }) }
    }

    @Test func errorsComeTogether() throws {
        let function = try VectorFunction(text: Self.head + "%5: i32 = add %2, %3 store [3] %2, %0 }")
        #expect {
            try VectorVerifier.verify(function)
        } throws: { ($0 as? Diagnostics)?.all.count == 2 }
    }
}
