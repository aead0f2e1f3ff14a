import Martlet
import TestSupport

extension TestFolder {
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
