import MartletCore
import Testing

@testable import MartletCompiler

@Suite(.enabled(if: LLVMFixtures.hasLibrary, "libLLVM is not installed"))
struct LLVMCodeGeneratorTests {
    let a: [Float] = (0..<100).map { Float($0) * 0.5 }
    let b: [Float] = (0..<100).map { 7 - Float($0) }

    func checkAdd(_ object: [UInt8]) throws {
        let code = try ObjectLinker.link(object)
        #expect(code.entries.map(\.name) == ["add"])
        let mapped = try MappedCode(code.bytes)
        let offset = try code.offset(of: "add").orThrow("no entry")
        let whole = mapped.runAdd(a, b, from: 0, to: 100, offset: offset)
        #expect(whole == zip(a, b).map { ($0 + $1) * 2 })
        let part = mapped.runAdd(a, b, from: 10, to: 20, offset: offset)
        #expect(part[9] == -1 && part[10] == whole[10] && part[19] == whole[19] && part[20] == -1)
    }

    @Test func compilesAndRuns() throws {
        let target = try LLVMFixtures.target.orThrow("no host")
        try checkAdd(try LLVMFixtures.generator().object(irText: LLVMFixtures.addIR, target: target))
    }

    @Test func tellsVersionAndTargets() throws {
        let library = try LLVMFixtures.library.orThrow("no libLLVM")
        #expect(library.version.count == 3 && library.version[0] >= LLVMLibrary.oldestVersion)
        #expect(CPUArchitecture.host.map(library.architectures.contains) == true)
        #expect(library.description.hasPrefix("LLVM \(library.version[0])."))
    }

    @Test func missingLibraryIsAnErrorThatSaysWhatWasTried() {
        #expect { try LLVMLibrary(names: ["/nonexistent/libLLVM.so", "libc.so.6"]) } throws: { error in
            guard let error = error as? Diagnostic, error.code == "llvm.not-found" else { return false }
            return error.message.contains("/nonexistent/libLLVM.so") && error.message.contains("libc.so.6: not LLVM")
        }
    }

    @Test func wrongOverrideFallsBackToUsualNames() throws {
        let library = try LLVMLibrary(path: "/nonexistent/libLLVM.so")
        #expect(library.failedAttempts.first?.contains("/nonexistent") == true)
    }

    @Test func syntaxErrorHasTheLine() throws {
        let generator = try LLVMFixtures.generator(CodegenOptions(keepsReproducer: true))
        let target = try LLVMFixtures.target.orThrow("no host")
        let text = "define void @f() {\n  %x = frobnicate i32 1\n  ret void\n}\n"
        #expect { try generator.objects(for: [("mul", text)], target: target, jobs: 1) } throws: { error in
            guard let error = error as? Diagnostic, error.code == "llvm.syntax" else { return false }
            return error.place == .text(line: 2, column: 8) && error.message.hasPrefix("kernel mul: ")
                && error.help?.contains("frobnicate") == true
        }
    }

    @Test func invalidSSAIsAnError() throws {
        let text = """
            define i32 @f(i1 %c) {
              br i1 %c, label %a, label %b
            a:
              %x = add i32 1, 2
              br label %b
            b:
              ret i32 %x
            }
            """
        try expectError("llvm.invalid-ir", text)
    }

    @Test func badInlineAssemblyIsAnError() throws {
        try expectError("llvm.failed", "define void @f() {\n call void asm sideeffect \"frob\", \"\"()\n ret void\n}\n")
    }

    @Test func moduleForAnotherTripleIsAnError() throws {
        try expectError("llvm.failed", "target triple = \"sparc-unknown-linux\"\ndefine void @f() {\n ret void\n}\n")
    }

    func expectError(_ code: String, _ text: String) throws {
        let target = try LLVMFixtures.target.orThrow("no host")
        #expect { try LLVMFixtures.generator().object(irText: text, target: target) } throws: {
            ($0 as? Diagnostic)?.code == code
        }
    }

    @Test func fatalErrorOfLLVMIsAnErrorAndLaterCompilesWork() throws {
        let generator = try LLVMFixtures.generator()
        try #require(LLVMFixtures.library?.architectures.contains(.x86) == true)
        let v3 = try CodegenTarget(named: "x86-64-v3")
        for _ in 0..<2 {
            #expect { try generator.object(irText: LLVMFixtures.vnniIR, target: v3) } throws: {
                ($0 as? Diagnostic)?.code == "llvm.fatal"
            }
            #expect(try generator.object(irText: LLVMFixtures.addIR, target: v3).count > 500)
        }
        let zen4 = try CodegenTarget(named: "znver4")
        #expect(try generator.assembly(irText: LLVMFixtures.vnniIR, target: zen4).contains("vpdpbusd"))
    }

    @Test func bytesDoNotDependOnThreads() throws {
        let generator = try LLVMFixtures.generator()
        let target = try LLVMFixtures.target.orThrow("no host")
        let modules = (0..<12).map { index in
            let constant = "float \(index).0"
            return (name: "k\(index)", irText: LLVMFixtures.addIR.replacing("float 3.0", with: constant))
        }
        let serial = try generator.objects(for: modules, target: target, jobs: 1)
        for _ in 0..<3 { #expect(try generator.objects(for: modules, target: target, jobs: 2) == serial) }
        #expect(Set(serial).count > 1)
        #expect(try generator.objects(for: [], target: target, jobs: 2).isEmpty)
    }

    @Test func firstErrorOfSeveralIsThrown() throws {
        let good = LLVMFixtures.addIR
        let modules = [("a", good), ("b", "bad"), ("c", good), ("d", "bad")].map { (name: $0.0, irText: $0.1) }
        let target = try LLVMFixtures.target.orThrow("no host")
        #expect { try LLVMFixtures.generator().objects(for: modules, target: target, jobs: 4) } throws: {
            ($0 as? Diagnostic)?.message.hasPrefix("kernel b: ") == true
        }
    }

    @Test func dataLayoutsAreThoseOfTheLibrary() throws {
        let library = try LLVMFixtures.library.orThrow("no libLLVM")
        // Other versions spell the same layout differently.
        guard library.version[0] == 22 else { return }
        for architecture in library.architectures {
            let target = try CodegenTarget.known.first { $0.architecture == architecture }.orThrow("no target")
            #expect(try LLVMFixtures.layout(of: target, in: library) == target.dataLayout)
        }
    }

    @Test func everyKnownTargetCompiles() throws {
        let library = try LLVMFixtures.library.orThrow("no libLLVM")
        let generator = try LLVMFixtures.generator()
        for target in CodegenTarget.known where library.architectures.contains(target.architecture) {
            let text =
                target.moduleHeader
                + LLVMFixtures.addIR.replacing(
                    "ptr %scratch) {", with: "ptr %scratch) \(target.functionAttributes) {")
            let code = try ObjectLinker.link(try generator.object(irText: text, target: target))
            #expect(code.entries.map(\.name) == ["add"])
            #expect(code.architecture == target.architecture)
        }
    }
}

extension LLVMFixtures {
    static func layout(of target: CodegenTarget, in library: LLVMLibrary) throws -> String {
        let functions = library.functions
        let machine = try LLVMEmission(functions: functions, target: target, level: 2).makeMachine()
        defer { functions.machineDispose(machine) }
        let layout = try functions.machineLayout(machine).orThrow("no layout")
        defer { functions.layoutDispose(layout) }
        let text = try functions.layoutText(layout).orThrow("no text")
        defer { functions.disposeMessage(text) }
        return String(cString: text)
    }
}

@Suite(.enabled(if: LLVMFixtures.hasClang, "no clang on the search path"))
struct LLVMClangTests {
    @Test func compilesAndRuns() throws {
        let clang = try LLVMFixtures.clang.orThrow("no clang")
        let target = try LLVMFixtures.target.orThrow("no host")
        let generator = CodeGenerator(backend: .clang(clang))
        let objects = try generator.objects(
            for: [("a", LLVMFixtures.addIR), ("b", LLVMFixtures.addIR)], target: target, jobs: 2)
        #expect(objects.count == 2 && objects[0] == objects[1])
        try LLVMCodeGeneratorTests().checkAdd(objects[0])
        #expect(try generator.assembly(irText: LLVMFixtures.addIR, target: target).contains("add:"))
        #expect(try generator.backend().description.contains("clang version"))
    }

    @Test func errorsAreThrown() throws {
        let clang = try LLVMFixtures.clang.orThrow("no clang")
        let v3 = try CodegenTarget(named: "x86-64-v3")
        let generator = CodeGenerator(backend: .clang(clang))
        #expect { try generator.object(irText: "define void @f() {\n  bad\n}\n", target: v3) } throws: {
            ($0 as? Diagnostic)?.place == .text(line: 2, column: 3)
        }
        #expect { try generator.object(irText: LLVMFixtures.vnniIR, target: v3) } throws: {
            ($0 as? Diagnostic)?.code == "clang.failed"
        }
        #expect(throws: Diagnostic.self) { try ClangCompiler(path: "/nonexistent/clang") }
        #expect(throws: Diagnostic.self) { try ClangCompiler(path: "/bin/true") }
        #expect(ClangCompiler.find(searchPath: "/nonexistent::relative") == nil)
    }
}
