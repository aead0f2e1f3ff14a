import Glibc
import Martlet

/// A folder that goes away with the value.
final class TestFolder {
    let path: String

    init() throws {
        path = "/tmp/martlet-tests-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try Folder.make(path)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in Folder.names(in: path) {
            let entry = "\(path)/\(name)"
            if unlink(entry) != 0 { remove(entry) }
        }
        rmdir(path)
    }

    /// Settings whose cache is in the folder.
    var settings: Settings {
        var settings = Settings()
        settings.cacheFolder = "\(path)/cache"
        return settings
    }

    /// Options with these settings.
    func options(threads: Int = 1) -> ModelOptions {
        var options = ModelOptions()
        options.settings = settings
        options.runtime = Runtime(threads: threads)
        return options
    }
}
