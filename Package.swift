// swift-tools-version: 6.1
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library module of Martlet. Modules stand in the order in which data flows through them.
func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil, plugins: [Target.PluginUsage] = []
) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings, plugins: plugins)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], texts: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestSupport"], exclude: texts, swiftSettings: settings)
}

let package = Package(
    name: "Martlet",
    products: [
        .library(name: "Martlet", targets: ["Martlet"]),
        .library(name: "MartletRuntime", targets: ["MartletRuntime", "MartletEngine", "MartletCore"]),
        .executable(name: "martlet", targets: ["martlet"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
    ],
    targets: [
        .target(name: "CMartlet"),
        module("MartletCore", ["CMartlet"]),
        module("MartletEngine", ["MartletCore"]),
        module("MartletRuntime", ["MartletEngine", "MartletCore", "CMartlet"]),
        module("MartletIR", ["MartletCore"], plugins: ["RegisterTypes"]),
        module("MartletLibrary", ["MartletIR", "MartletCore"], plugins: ["RegisterTypes"]),
        module("MartletONNX", ["MartletLibrary", "MartletIR", "MartletCore"], plugins: ["RegisterTypes"]),
        module("MartletCompiler", ["MartletLibrary", "MartletIR", "MartletEngine", "MartletCore"]),
        module(
            "Martlet",
            [
                "MartletCompiler", "MartletRuntime", "MartletONNX", "MartletLibrary", "MartletIR", "MartletEngine",
                "MartletCore",
            ]),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "Martlet", "MartletCompiler", "MartletRuntime", "MartletONNX", "MartletLibrary", "MartletIR",
                "MartletEngine", "MartletCore", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/MartletCommand", swiftSettings: settings),
        .executableTarget(name: "RegisterTypesTool", path: "Plugins/RegisterTypesTool", swiftSettings: settings),
        .plugin(name: "RegisterTypes", capability: .buildTool(), dependencies: ["RegisterTypesTool"]),
        module("TestSupport", ["MartletCore"], path: "Tests/TestSupport"),
        tests("MartletCoreTests", ["MartletCore"]),
        tests("MartletRuntimeTests", ["MartletRuntime", "MartletEngine", "MartletCore"], texts: ["Frozen"]),
        tests("MartletIRTests", ["MartletIR", "MartletCore"]),
        tests("MartletLibraryTests", ["MartletLibrary", "MartletIR", "MartletCore"]),
        tests(
            "MartletONNXTests", ["MartletCompiler", "MartletONNX", "MartletLibrary", "MartletIR", "MartletCore"]),
        tests(
            "MartletCompilerTests",
            ["MartletCompiler", "MartletRuntime", "MartletIR", "MartletEngine", "MartletCore"], texts: ["Texts"]),
        tests(
            "MartletTests",
            [
                "Martlet", "MartletCompiler", "MartletRuntime", "MartletONNX", "MartletLibrary", "MartletIR",
                "MartletEngine", "MartletCore",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
