import Glibc
import Martlet
import MartletCore

/// Runs cases in child processes, some at a time, each process with a batch of them.
///
/// A case whose process ends or does not answer in time is run once more by itself, so that what another case of its
/// batch did to the process does not count against it.
final class WorkerPool {
    typealias Result = (status: ConformanceCases.Status, reason: String)

    private static let batchSize = 50

    /// A process and where it is in its batch.
    private final class Worker {
        let process: WorkerProcess
        let cases: [Int]
        var position = 0
        var hasStarted = false
        var deadline: ContinuousClock.Instant

        init(_ process: WorkerProcess, _ cases: [Int], deadline: ContinuousClock.Instant) {
            (self.process, self.cases, self.deadline) = (process, cases, deadline)
        }
    }

    private let arguments: [String]
    private let jobs: Int
    private let limit: Duration
    private var paths: [String] = []
    private var batches: [[Int]] = []
    private var results: [Int: Result] = [:]
    private var workers: [Worker] = []

    /// A pool of `jobs` processes with these arguments before the cases; a case may take as long as `limit`.
    init(arguments: [String], jobs: Int, limit: Duration) {
        (self.arguments, self.jobs, self.limit) = (arguments, jobs, limit)
    }

    /// Runs all cases; the results have their order. `progress` is told how many are done.
    ///
    /// - Throws: `process.start`; `run.cancelled` if interrupted.
    func run(_ paths: [String], progress: (Int) -> Void) throws -> [Result] {
        self.paths = paths
        let size = max(1, min(Self.batchSize, paths.count / (4 * jobs)))
        batches = stride(from: 0, to: paths.count, by: size).map { Array($0..<min($0 + size, paths.count)) }.reversed()
        while true {
            try Interruption.check()
            while workers.count < jobs, let batch = batches.popLast() { try start(batch) }
            if workers.isEmpty { break }
            poll()
            progress(results.count)
        }
        return paths.indices.map { results[$0] ?? (.crashed, "the case was not run") }
    }

    private func start(_ batch: [Int]) throws {
        let process = try WorkerProcess(arguments + ["--"] + batch.map { paths[$0] })
        workers.append(Worker(process, batch, deadline: .now + limit))
    }

    /// Waits for any worker to say something, and looks at the clock.
    private func poll() {
        var entries = workers.flatMap { worker in
            [worker.process.output, worker.process.errors].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
        }
        _ = Glibc.poll(&entries, nfds_t(entries.count), 100)
        let ready = stride(from: 0, to: entries.count, by: 2).map { (entries[$0].revents, entries[$0 + 1].revents) }
        for (worker, (output, errors)) in zip(workers, ready) {
            if errors != 0, output == 0 { _ = worker.process.readErrors() }
            if output != 0 { read(worker) }
            if worker.process.isOpen, ContinuousClock.now > worker.deadline { stop(worker, late: true) }
        }
        workers.removeAll { !$0.process.isOpen }
    }

    private func read(_ worker: Worker) {
        guard let lines = worker.process.readLines() else { return stop(worker, late: false) }
        for line in lines {
            switch WorkerLine(line) {
            case .start:
                worker.hasStarted = true
                worker.deadline = .now + limit
            case .done(let row):
                guard worker.position < worker.cases.count else { continue }
                results[worker.cases[worker.position]] = Self.result(row)
                worker.position += 1
                worker.hasStarted = false
                worker.deadline = .now + limit
            case nil: continue
            }
        }
    }

    private static func result(_ row: String) -> Result {
        guard let json = try? JSONValue(parsing: Array(row.utf8)),
            let status = json["status"]?.string.flatMap(ConformanceCases.Status.init(rawValue:))
        else { return (.crashed, "the process gave no result that can be read") }
        return (status, json["reason"]?.string ?? "")
    }

    /// Takes the end of a process: its case counts as crashed if it was alone, else it gets a process to itself.
    private func stop(_ worker: Worker, late: Bool) {
        if late { worker.process.kill() }
        let end = worker.process.end()
        let rest = worker.cases.dropFirst(worker.position)
        guard let current = rest.first else { return }
        let others = Array(rest.dropFirst())
        if !others.isEmpty { batches.append(others) }
        if worker.cases.count > 1 {
            batches.append([current])
        } else {
            results[current] = (.crashed, late ? "no answer within \(limit)" : Self.reason(end))
        }
    }

    private static func reason(_ end: WorkerProcess.End) -> String {
        let how = end.signal != 0 ? "ended by signal \(end.signal)" : "ended with status \(end.status)"
        let lines = end.errors.split(separator: "\n")
        let line = lines.first { $0.contains("Fatal error") || $0.contains("error[") } ?? lines.first
        return line.map { "\(how): \($0)" } ?? how
    }
}
