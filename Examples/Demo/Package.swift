// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "demo",
    dependencies: [.package(name: "Martlet", path: "../..")],
    targets: [
        .executableTarget(name: "demo", dependencies: [.product(name: "Martlet", package: "Martlet")])
    ],
    swiftLanguageModes: [.v6]
)
