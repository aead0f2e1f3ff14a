// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "run-engine",
    dependencies: [.package(name: "Martlet", path: "../..")],
    targets: [
        .executableTarget(
            name: "run-engine", dependencies: [.product(name: "MartletRuntime", package: "Martlet")])
    ],
    swiftLanguageModes: [.v6]
)
