import MartletCore
import MartletIR
import MartletLibrary
import Testing

@Suite("Library: convolution and pooling")
struct ConvolutionTests {
    private func windows(
        _ kernel: Int, _ stride: Int, _ low: Int, _ high: Int, up: Bool = false
    ) throws -> PoolingWindows {
        try PoolingWindows(
            kernel: [kernel], stride: [stride], dilation: [1], padding: .explicit(low: [low], high: [high]),
            roundsUp: up)
    }

    @Test func samePaddingGivesCeil() throws {
        for (size, stride) in [(7, 2), (8, 3), (5, 1), (6, 4)] {
            let x = try numbers([1, 2, size]), w = try numbers([3, 2, 4])
            for before in [false, true] {
                let y = try x.convolution(w, stride: [stride], padding: .same(before: before), dilation: [1])
                #expect(try y.extents == [1, 3, (size + stride - 1) / stride])
            }
        }
    }

    @Test func biasAddsToChannels() throws {
        let x = try numbers([2, 1, 5]), w = try numbers([2, 1, 3])
        let plain = try x.convolution(w, stride: [1], padding: .valid, dilation: [1])
        let biased = try x.convolution(w, bias: tensor([1, -1], [2]), stride: [1], padding: .valid, dilation: [1])
        #expect(try biased.distance(to: plain + tensor([1, -1], [1, 2, 1])) < 1e-7)
    }

    @Test func poolingRoundsUpWithinTheTensor() throws {
        let x = try tensor([1, 5, 2, 4, 3], [1, 1, 5])
        #expect(try x.maxPooled(windows(2, 2, 0, 0)).values == [5, 4])
        #expect(try x.maxPooled(windows(2, 2, 0, 0, up: true)).values == [5, 4, 3])
        // A last window that would begin behind the tensor is left out.
        #expect(try x.maxPooled(windows(1, 3, 0, 1, up: true)).values == [1, 4])
        #expect(try x.maxPoolPositions(windows(2, 2, 1, 0)).values == [0, 1, 3])
    }

    @Test func averagesCountWhatIsThere() throws {
        let x = try tensor([2, 4, 6], [1, 1, 3])
        #expect(try x.averagePooled(windows(2, 1, 1, 1), countingPadding: false).values == [2, 3, 5, 6])
        #expect(try x.averagePooled(windows(2, 1, 1, 1), countingPadding: true).values == [1, 3, 5, 3])
        #expect(try x.averagePooled(windows(2, 2, 0, 0, up: true), countingPadding: true).values == [3, 6])
    }
}
