public import MartletCore

extension Engine {
    /// A place in memory during a run: a base of the table and a byte offset from it.
    public struct Location: Sendable, Hashable {
        /// Number in the base table.
        public var base: Int
        /// Bytes from the base's address.
        public var offset: ExprRef

        /// The place `offset` bytes behind the address of `base`.
        public init(base: Int, offset: ExprRef) {
            self.base = base
            self.offset = offset
        }
    }

    /// A copy of bytes.
    public struct Copy: Sendable, Hashable {
        /// Where the bytes come from.
        public var from: Location
        /// Where they go: into the arena or an output.
        public var to: Location
        /// How many.
        public var bytes: ExprRef

        /// Copies `bytes` bytes; the places may overlap.
        public init(from: Location, to: Location, bytes: ExprRef) {
            self.from = from
            self.to = to
            self.bytes = bytes
        }
    }

    /// One step of a run.
    public struct Step: Sendable, Hashable {
        /// What it does.
        public var kind: Kind
        /// Names of the source nodes that this step computes.
        public var origins: [String]
        /// Estimated arithmetic operations of the whole step; 0 terms count as no work.
        public var flops: ExprRef?
        /// Estimated bytes moved by the whole step.
        public var bytes: ExprRef?
        /// A remark for profiles and `inspect`.
        public var note: String

        /// A step with its origins and its estimated work.
        public init(
            _ kind: Kind, origins: [String] = [], flops: ExprRef? = nil, bytes: ExprRef? = nil, note: String = ""
        ) {
            self.kind = kind
            self.origins = origins
            self.flops = flops
            self.bytes = bytes
            self.note = note
        }
    }
}

extension Engine.Step {
    /// What a step does.
    public enum Kind: Sendable, Hashable {
        /// Calls a kernel over a linear grid; skipped when the grid is empty. `scratch` is in bytes per thread.
        case kernel(kernel: Int, words: [ExprRef], grid: ExprRef, scratch: ExprRef)
        /// Reads an integer of type `type` and makes it the value of `symbol`; outside `low...high` the run fails.
        case bind(symbol: Int, source: Engine.Location, type: ElementType, low: Int, high: Int)
        /// Runs `then` if the byte at `condition` is not 0, else `else`.
        case branch(condition: Engine.Location, then: [Engine.Step], else: [Engine.Step])
        /// Runs `body` while the turn is below `trip` (if given) and the byte at `condition` (if given) is not 0;
        /// `trip` is looked at once, `condition` before each turn. After each turn the `carried` copies are made in
        /// order. `counter` is the turn; it must not go beyond its range.
        case loop(
            counter: Int, trip: ExprRef?, condition: Engine.Location?, body: [Engine.Step], carried: [Engine.Copy])
        /// Copies bytes.
        case copy(Engine.Copy)
        /// Fails the run.
        case fail(code: String, message: String, help: String)
        /// A host operation; reserved, refused by this version's runtime.
        case host(name: String, operands: [Engine.Location])
    }
}

extension Engine {
    /// How deep branches and loops may nest.
    public static let maximumNesting = 32

    /// The number of steps, nested ones included: the length of the pre-order numbering.
    public var stepCount: Int { Engine.count(steps) }

    private static func count(_ steps: [Step]) -> Int {
        steps.reduce(0) { sum, step in
            switch step.kind {
            case .branch(_, let then, let otherwise): sum + 1 + count(then) + count(otherwise)
            case .loop(_, _, _, let body, _): sum + 1 + count(body)
            default: sum + 1
            }
        }
    }
}

/// The codes that a kernel stores in the low byte of the status word when it meets bad data.
public enum Violation {
    /// An index outside of the axis it selects from.
    public static let indexOutOfRange: UInt8 = 1
    /// An integer divided by zero.
    public static let divisionByZero: UInt8 = 2
    /// A value that the type it is converted to does not have, such as NaN as an integer.
    public static let invalidConversion: UInt8 = 3
    /// Extents that turned out during the run not to agree.
    public static let shapeMismatch: UInt8 = 4
    /// An index that occurs twice where each may occur once.
    public static let duplicateIndex: UInt8 = 5

    /// The code of the diagnostic that a run throws.
    package static func diagnosticCode(_ code: UInt8) -> String {
        code == indexOutOfRange ? "run.index-range" : "run.violation"
    }

    /// The meaning of a code in words.
    public static func text(_ code: UInt8) -> String {
        switch code {
        case indexOutOfRange: "an index is out of range"
        case divisionByZero: "an integer is divided by zero"
        case invalidConversion: "a value has no counterpart in the type it is converted to"
        case shapeMismatch: "extents do not agree"
        case duplicateIndex: "an index occurs twice"
        default: "violation \(code)"
        }
    }
}
