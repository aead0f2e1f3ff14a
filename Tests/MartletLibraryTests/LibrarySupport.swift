import MartletCore
import MartletIR
import MartletLibrary

/// A float32 tensor.
func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor { Tensor(try HostTensor(values, shape: shape)) }

/// A float32 tensor of numbers between -1 and 1 that are the same in every run.
func numbers(_ shape: [Int], seed: Int = 1) throws -> Tensor {
    let count = shape.reduce(1, *)
    return try tensor((0..<count).map { Float(($0 * 7919 + seed * 104729) % 2003) / 1001.5 - 1 }, shape)
}

extension Tensor {
    /// The elements of a concrete tensor.
    var values: [Double] { get throws { try checked().concrete?.doubles() ?? [] } }

    /// The static shape.
    var extents: [Int] { get throws { try type.staticShape ?? [] } }

    /// The largest difference from another tensor's elements.
    func distance(to other: Tensor) throws -> Double {
        guard try extents == other.extents else { return .infinity }
        return try zip(values, other.values).map { abs($0 - $1) }.max() ?? 0
    }
}
