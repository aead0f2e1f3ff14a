import ArgumentParser
import Glibc
import Martlet

/// The command `martlet`: each subcommand stands in a file of its own.
struct MartletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "Compiles trained networks to machine code and runs them.",
        discussion: """
            A FILE is an ONNX model, an engine made by 'martlet compile', or the text of a graph.

            Examples:
              martlet inspect model.onnx
              martlet compile model.onnx -o model.martlet
              martlet run model.martlet --input x=x.npy --output out

            Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
            """,
        version: MartletVersion.text,
        subcommands: [
            Inspect.self, Lint.self, Run.self, Compile.self, Bench.self, Verify.self, Convert.self,
            Conformance.self, ConformanceWorker.self, Doctor.self,
        ])
}

/// Where the process starts.
@main
enum Main {
    static func main() {
        Interruption.install()
        var status: Int32 = 0
        do {
            var command = try MartletCommand.parseAsRoot()
            try command.run()
        } catch {
            status = Failure.report(error)
        }
        Console.flush()
        exit(Interruption.isRequested ? Interruption.status : status)
    }
}
