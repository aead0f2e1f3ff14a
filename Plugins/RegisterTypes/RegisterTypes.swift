import PackagePlugin

/// Lists the types of a target that conform to a protocol, so that adding one touches no other file.
///
/// `lists` says for each target which protocol, and the folder whose files declare the types, each at the start of a
/// line: `enum Name: ONNXOperator`, `public struct Name: Operation`. The generated file holds an array of them.
@main
struct RegisterTypes: BuildToolPlugin {
    /// Protocol, the module that has it if that is another, and the folder; nil for the whole target.
    private typealias List = (conformance: String, module: String?, folder: String?)

    private let lists: [String: List] = [
        "MartletIR": ("Operation", nil, "Primitives"),
        "MartletLibrary": ("KeptFunction", "MartletIR", nil),
        "MartletONNX": ("ONNXOperator", nil, "Operators"),
    ]

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let module = target as? any SourceModuleTarget, let list = lists[target.name] else { return [] }
        let files = module.sourceFiles(withSuffix: ".swift").map(\.url)
            .filter { file in list.folder.map(file.pathComponents.contains) ?? true }
            .sorted { $0.path < $1.path }
        let name = "\(list.conformance)List"
        let output = context.pluginWorkDirectoryURL.appending(path: "\(name).swift")
        return [
            .buildCommand(
                displayName: "Making \(name) of \(target.name)",
                executable: try context.tool(named: "RegisterTypesTool").url,
                arguments: [list.conformance, list.module ?? "", output.path] + files.map(\.path),
                inputFiles: files, outputFiles: [output])
        ]
    }
}
