import Glibc

/// Models, data sets and a Python environment that `Scripts/test` lays out for the tests.
package enum Prepared {
    /// The folder that holds all of it.
    package static let folder = getenv("MARTLET_PREPARED").map { String(cString: $0) } ?? ".build/prepared"

    /// Whether tests that take minutes run too.
    package static let isLong = getenv("MARTLET_LONG") != nil

    /// Whether there is such a file or folder, by its path below the folder.
    package static func has(_ name: String) -> Bool { access("\(folder)/\(name)", R_OK) == 0 }

    /// Whether there is a case of this name, which is a folder that holds a model.
    package static func hasModel(_ name: String) -> Bool { has("\(name)/model.onnx") }
}
