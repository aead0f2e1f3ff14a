import PackagePlugin

/// Lists the types of a target that conform to a protocol, so that adding one touches no other file.
///
/// A target that uses the plugin has a folder `Operators` whose files declare, each at the start of a line,
/// `enum Name: ONNXOperator`; the generated file holds `OperatorList.all`, an array of these types.
@main
struct RegisterTypes: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let module = target as? any SourceModuleTarget else { return [] }
        let files = module.sourceFiles(withSuffix: ".swift").map(\.url)
            .filter { $0.pathComponents.contains("Operators") }
            .sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appending(path: "OperatorList.swift")
        return [
            .buildCommand(
                displayName: "Listing the operators of \(target.name)",
                executable: try context.tool(named: "RegisterTypesTool").url,
                arguments: ["ONNXOperator", output.path] + files.map(\.path),
                inputFiles: files, outputFiles: [output])
        ]
    }
}
