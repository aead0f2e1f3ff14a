import MartletCore
import Testing

@Suite("Operators: com.microsoft BiasAdd") struct BiasAddTests {
    private let node = OperatorCase("BiasAdd", domain: "com.microsoft", opset: 1)

    @Test func addsBiasAndSkip() throws {
        let x = try HostTensor.of([1, 2, 3, 4], [2, 1, 2]), bias = try HostTensor.of([10, 20])
        let result = try node(.data(x), .data(bias), .data(x))[0]
        #expect(try result.doubles() == [12, 24, 16, 28])
    }

    @Test func refusesAnotherBias() throws {
        let x = try HostTensor.of([1, 2, 3, 4], [2, 1, 2])
        #expect(throws: Diagnostic.self) { try node(.data(x), .data(.of([1, 2, 3])), .data(x)) }
    }
}
