import Glibc
import MartletCore
import MartletRuntime

/// Runs an engine file on tensors of `.npy` files. It links the runtime alone: no compiler, no ONNX, no Foundation.
///
///     run-engine ENGINE                              prints what the engine takes and gives
///     run-engine ENGINE NAME=FILE.npy… -o FOLDER     writes each output to FOLDER/NAME.npy
@main
struct RunEngine {
    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            complain("\(error)")
            exit(1)
        }
    }

    private static func run(_ arguments: [String]) throws {
        guard let path = arguments.first else {
            complain("usage: run-engine ENGINE [NAME=FILE.npy ... -o FOLDER]")
            exit(2)
        }
        let engine = try Runtime.shared.open(path)
        guard arguments.count > 1 else { return print(engine.engine.describe(), terminator: "") }
        let rest = arguments.dropFirst()
        guard rest.dropLast().last == "-o", let folder = rest.last else {
            throw Diagnostic("run-engine.argument", "say where the outputs go: -o FOLDER")
        }
        let outputs = try Session(engine).run(try read(rest.dropLast(2)))
        for (name, tensor) in outputs { try Npy.write(tensor, to: "\(folder)/\(name).npy") }
    }

    private static func read(_ arguments: some Sequence<String>) throws -> [String: HostTensor] {
        var inputs: [String: HostTensor] = [:]
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw Diagnostic("run-engine.argument", "'\(argument)' is not NAME=FILE.npy")
            }
            inputs[parts[0]] = try Npy.read(path: parts[1])
        }
        return inputs
    }

    private static func complain(_ text: String) {
        let line = text + "\n"
        _ = line.utf8CString.withUnsafeBytes { write(2, $0.baseAddress, $0.count - 1) }
    }
}
