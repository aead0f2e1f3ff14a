import MartletCore
package import MartletRuntime

/// Wall times of single runs, sorted.
package struct Latency: Sendable {
    /// Seconds of each run, ascending.
    package let seconds: [Double]

    /// Latencies in any order.
    package init(_ seconds: [Double]) { self.seconds = seconds.sorted() }

    /// The time that a share of the runs did not exceed; 0 without runs.
    package func quantile(_ share: Double) -> Double {
        guard let last = seconds.last else { return 0 }
        let index = Int((share * Double(seconds.count)).rounded(.up)) - 1
        return seconds.indices.contains(index) ? seconds[index] : share <= 0 ? seconds[0] : last
    }

    /// The mean; 0 without runs.
    package var mean: Double { seconds.isEmpty ? 0 : seconds.reduce(0, +) / Double(seconds.count) }

    /// Runs for about `duration` seconds, after a tenth of that to warm up.
    ///
    /// - Throws: as the run.
    package static func measure(
        _ run: PreparedRun, duration: Double, cancellation: Cancellation?
    ) throws -> Latency {
        _ = try repeated(run, duration: duration / 10, cancellation)
        return Latency(try repeated(run, duration: duration, cancellation))
    }

    /// Opens an engine file 20 times, until it could run; nil if the file is none.
    ///
    /// - Throws: as `Runtime.open`.
    package static func opening(engineAt path: String) throws -> Latency? {
        guard case .engine = try ModelFile(path: path) else { return nil }
        return Latency(
            try (0..<20).map { _ in
                let start = ContinuousClock.now
                let engine = try Runtime(threads: 1).open(path)
                return withExtendedLifetime(engine) { (ContinuousClock.now - start).inSeconds }
            })
    }

    private static func repeated(
        _ run: PreparedRun, duration: Double, _ cancellation: Cancellation?
    ) throws -> [Double] {
        var times: [Double] = []
        let end = ContinuousClock.now + .seconds(duration)
        repeat {
            let start = ContinuousClock.now
            try run.run(cancellation: cancellation)
            times.append((ContinuousClock.now - start).inSeconds)
        } while ContinuousClock.now < end
        return times
    }
}

extension Duration {
    /// The duration in seconds.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
