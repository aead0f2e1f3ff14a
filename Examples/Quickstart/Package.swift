// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "quickstart",
    dependencies: [.package(name: "Martlet", path: "../..")],
    targets: [
        .executableTarget(name: "quickstart", dependencies: [.product(name: "Martlet", package: "Martlet")])
    ],
    swiftLanguageModes: [.v6]
)
