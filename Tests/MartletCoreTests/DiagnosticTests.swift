import MartletCore
import Testing

@Suite struct DiagnosticTests {
    @Test func descriptionNamesCodePlaceMessageAndHelp() {
        let node = Place.node(name: "conv1", operator: "Conv", file: "a.onnx")
        let diagnostic = Diagnostic("onnx.bad", "the kernel is empty", at: node, help: "give it a size")
        #expect(
            diagnostic.description
                == "error[onnx.bad] a.onnx, node 'conv1' (Conv): the kernel is empty\n  help: give it a size")
        #expect(Diagnostic("a", "b", severity: .warning).description == "warning[a]: b")
        #expect(Place.file(path: "x", offset: 12).description == "x at byte 12")
        #expect(Place.text(line: 2, column: 5).description == "line 2, column 5")
    }

    @Test func firstPlaceStays() {
        let diagnostic = Diagnostic("a", "b").at(.parameter("x")).at(.parameter("y"))
        #expect(diagnostic.place == .parameter("x"))
    }

    @Test func manyDiagnostics() {
        let all = Diagnostics([Diagnostic("a", "b", severity: .note), Diagnostic("c", "d")])
        #expect(all.hasErrors)
        #expect(all.description == "note[a]: b\nerror[c]: d")
    }
}
