import Foundation
import Martlet
import TestSupport
import Testing

@Suite struct SettingsTests {
    @Test func defaultsWithoutEnvironment() throws {
        let settings = try Settings(environment: [:])
        #expect(settings == Settings())
        #expect(settings.cacheFolder == nil)
        #expect(settings.threads == nil)
    }

    @Test func everyOptionIsReadFromItsVariable() throws {
        let settings = try Settings(environment: [
            "MARTLET_THREADS": "3", "MARTLET_JOBS": "2", "MARTLET_CACHE": "/c", "MARTLET_CACHE_LIMIT": "10",
            "MARTLET_MEMORY_LIMIT": "64", "MARTLET_LLVM": "/l.so", "MARTLET_TARGET": "x86-64-v3",
            "MARTLET_REPRODUCERS": "/r", "PATH": "/bin",
        ])
        let values = Settings.options.map { $0.value(in: settings) }
        #expect(values == ["3", "2", "/c", "10", "64", "/l.so", "x86-64-v3", "/r", "/bin"])
        #expect(settings.cacheLimit == 10 << 20)
    }

    @Test func cacheFolderIsTheFirstThatIsSet() throws {
        let both = ["XDG_CACHE_HOME": "/x", "HOME": "/home/me"]
        #expect(try Settings(environment: both).cacheFolder == "/x/martlet")
        #expect(try Settings(environment: ["HOME": "/home/me"]).cacheFolder == "/home/me/.cache/martlet")
        #expect(try Settings(environment: both.merging(["MARTLET_CACHE": "off"]) { $1 }).cacheFolder == nil)
        #expect(try Settings(environment: both.merging(["MARTLET_CACHE": ""]) { $1 }).cacheFolder == "/x/martlet")
    }

    @Test(arguments: ["0", "many", "-1", "99999999999999999999"])
    func badNumbersAreRefusedByName(text: String) {
        let problem = #expect(throws: Diagnostic.self) { try Settings(environment: ["MARTLET_THREADS": text]) }
        #expect(problem?.code == "settings.value")
        #expect(problem?.message.contains("MARTLET_THREADS=\(text)") == true)
    }

    @Test func taskLocalSettingsGoFirst() throws {
        var settings = Settings()
        settings.threads = 7
        let seen = try Settings.$local.withValue(settings) { try Settings.current.threads }
        #expect(seen == 7)
    }

    /// One place reads the environment; child processes of `conformance` are handed the whole of it.
    @Test func nothingElseReadsTheEnvironment() throws {
        let root = URL(fileURLWithPath: Shell.package).appending(path: "Sources")
        let files = try #require(FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
        var readers: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            if text.contains(/getenv\(|ProcessInfo|\benviron\b/) { readers.insert(file.lastPathComponent) }
        }
        #expect(readers == ["Settings.swift", "WorkerProcess.swift"])
    }

    @Test func everyOptionExplainsItself() {
        for option in Settings.options {
            #expect(!option.variables.isEmpty)
            for text in [option.help, option.kind, option.standard] { #expect(!text.isEmpty) }
        }
        #expect(Set(Settings.options.map(\.name)).count == Settings.options.count)
    }
}
