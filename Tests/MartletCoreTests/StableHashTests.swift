import MartletCore
import Testing

@Suite struct StableHashTests {
    private func hash(_ bytes: [UInt8]) -> StableHash { StableHash(bytes) }

    /// These values are in files: a change of them needs a new version of every format that holds hashes.
    @Test func valuesNeverChange() {
        #expect(StableHash().description == "6a09e667f3bcc908bb67ae8584caa73b")
        var combined = StableHash()
        combined.combine(-1)
        combined.combine("martlet")
        #expect(hash([]).description == "a6ff4e06d5ccd9d1730c1f05d3eaa5dd")
        #expect(hash(Array(0..<100)).description == "6b3eeb342c52d1b4837cc82268a5f37d")
        #expect(combined.description == "eb4eaa833178615ab01988ad1a5fe9fb")
    }

    @Test func kindsAndCutsCount() {
        var results: Set<StableHash> = [hash([]), hash([0]), hash([0, 0]), hash([UInt8](repeating: 0, count: 16))]
        for parts in [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""]] {
            var value = StableHash()
            for part in parts { value.combine(part) }
            results.insert(value)
        }
        results.insert(hash(Array("abc".utf8)))
        var integer = StableHash()
        integer.combine(0)
        results.insert(integer)
        #expect(results.count == 10)
    }

    /// Each bit of the input changes about half the bits of the hash, wherever it stands.
    @Test(arguments: [1, 8, 15, 16, 17, 40])
    func everyBitSpreads(_ length: Int) {
        let bytes = (0..<length).map { UInt8($0 &* 41 & 0xFF) }
        let base = hash(bytes)
        var changes: [Int] = []
        for bit in 0..<length * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let other = hash(changed)
            changes.append((base.high ^ other.high).nonzeroBitCount + (base.low ^ other.low).nonzeroBitCount)
        }
        #expect(changes.allSatisfy { $0 > 32 && $0 < 96 })
    }

    @Test func smallIntegersDoNotCollide() {
        var highs: Set<UInt64> = []
        var lows: Set<UInt64> = []
        for value in -50_000..<50_000 {
            var hash = StableHash()
            hash.combine(value)
            highs.insert(hash.high)
            lows.insert(hash.low)
        }
        #expect(highs.count == 100_000 && lows.count == 100_000)
    }

    @Test func tensorsByContent() throws {
        let values = try HostTensor([1, 2] as [Float], shape: [2])
        let tensors = [
            values, try values.reshaped([1, 2]), try HostTensor([1, 3] as [Float], shape: [2]),
            try HostTensor(zeros: .float32, shape: [2]), try HostTensor(zeros: .int32, shape: [2]),
        ]
        let hashes = tensors.map { tensor in
            var hash = StableHash()
            hash.combine(tensor)
            return hash
        }
        #expect(Set(hashes).count == tensors.count)
        #expect(hashes[0] < hashes[1] || hashes[1] < hashes[0])
    }
}
