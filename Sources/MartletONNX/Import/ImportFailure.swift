import MartletCore

/// Why a part of a model could not be imported, on its way out of nested graphs.
enum ImportFailure: Error {
    /// A problem with the place where it is.
    case problem(Diagnostic)
    /// The results of two branches differ in kind, up to the end of what both were imported with.
    case branchesDiffer(Diagnostic)
    /// Something depends on the result of a node that could not be imported, which was reported there.
    case unknownValue

    /// The problem, if it is one that was not reported yet.
    var diagnostic: Diagnostic? {
        switch self {
        case .problem(let diagnostic), .branchesDiffer(let diagnostic): diagnostic
        case .unknownValue: nil
        }
    }
}

/// The import found a range of an input's size outside of which the model cannot run, and begins again with it.
struct LearnedRanges: Error {
    /// Ranges by the names of the sizes.
    var ranges: [String: Bounds]
    /// What the ranges come from.
    var note: Diagnostic

    /// A note on one range.
    func note(_ name: String, _ range: Bounds) -> Diagnostic {
        Diagnostic(
            note.code, "the model cannot run with '\(name)' outside of \(range): \(note.message)", at: note.place,
            severity: .note)
    }
}
