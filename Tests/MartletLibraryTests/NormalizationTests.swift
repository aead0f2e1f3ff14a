import Foundation
import MartletCore
import MartletIR
import MartletLibrary
import Testing

@Suite("Library: normalisation and reduction")
struct NormalizationTests {
    @Test func softmaxSumsToOne() throws {
        let y = try (numbers([3, 5]) * 80).softmax(axis: 1)
        #expect(try y.reduced(.sum, axes: [1]).values.allSatisfy { abs($0 - 1) < 1e-6 })
        let row = try tensor([1, 2, -.infinity], [1, 3]).softmax(axis: 1).values
        #expect(abs(row[1] - 1 / (1 + exp(-1))) < 1e-7 && row[2] == 0)
    }

    @Test func logSoftmaxIsItsLogarithm() throws {
        let x = try numbers([2, 6])
        #expect(try x.logSoftmax(axes: [1]).distance(to: x.softmax(axis: 1).mapped(.log)) < 1e-6)
    }

    @Test func logSumExpStandsInfinities() throws {
        let x = try tensor([1000, 1000, -.infinity, -.infinity, .infinity, 1], [3, 2])
        let y = try x.logSumExp(axes: [1]).values
        #expect(abs(y[0] - (1000 + log(2.0))) < 1e-4 && y[1] == -.infinity && y[2] == .infinity)
    }

    @Test func layerNormHasMeanAndDeviation() throws {
        let (y, mean, _) = try numbers([4, 16]).layerNormalized(axis: 1, scale: nil, bias: nil, epsilon: 0)
        #expect(try mean.extents == [4, 1])
        #expect(try y.mean(axes: [1]).values.allSatisfy { abs($0) < 1e-6 })
        #expect(try (y * y).mean(axes: [1]).values.allSatisfy { abs($0 - 1) < 1e-5 })
    }

    @Test func halfMeansDoNotOverflow() throws {
        let x = try Tensor(60000, as: .float16).broadcast(to: [8], axes: [])
        #expect(try x.mean(axes: [0]).values == [60000])
    }
}
