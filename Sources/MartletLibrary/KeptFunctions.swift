public import MartletIR

/// The functions of the library that stay one node until a template takes them or a pass expands them.
public enum KeptFunctions {
    /// All of them, for raising to calls and for reading texts of graphs; the build lists them, by name.
    public static let all: [any KeptFunction.Type] = KeptFunctionList.all
}
