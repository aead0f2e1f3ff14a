import MartletCore

/// The code of the diagnostic that `body` throws; of several, the first. Of another error its text, and nil if it
/// throws none.
package func errorCode(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as Diagnostic {
        return error.code
    } catch let error as Diagnostics {
        return error.all.first?.code
    } catch {
        return "\(error)"
    }
}
