public import MartletCore

/// A number in the engine's expression program: sizes, offsets, grids and words are all of this kind.
public typealias ExprRef = Int32

/// A compiled model: what the compiler writes and the runtime executes.
///
/// An engine is plain data. Kernels address memory through a table of *bases*, whose numbering is fixed:
/// 0 is the run's status block, 1 the weights, 2 the arena, then one base per input, then one per output.
/// Every size, grid, offset and word is an entry of `program`, evaluated once per set of input shapes, or again when
/// a symbol that is known only during the run is set.
public struct Engine: Sendable {
    /// Who wrote the engine, and for which machine.
    public var header: Header
    /// All symbols; the index of a symbol here is its id in `program`.
    public var symbols: [SymbolInfo]
    /// The expressions that everything else refers to.
    public var program: ExprProgram
    /// The inputs, in the order of their bases.
    public var inputs: [Port]
    /// The outputs, in the order of their bases.
    public var outputs: [Port]
    /// Outputs that become inputs of the next run.
    public var states: [StateLink]
    /// The values that live in the arena, in the order in which they are placed (first fit).
    public var buffers: [Buffer]
    /// What a run does, in order.
    public var steps: [Step]
    /// Sizes that must agree.
    public var requirements: [Requirement]
    /// The functions in `code`; steps may share them.
    public var kernels: [KernelInfo]
    /// Position-independent machine code without relocations; kernels start at offsets in it.
    public var code: SectionBytes
    /// The constants, base 1.
    public var weights: SectionBytes
    var graph: GraphText
    /// What was not done when compiling, and why.
    public var reasons: [String]
    /// The same model compiled for narrower ranges of sizes. A run takes the first whose ranges fit its inputs, and this
    /// engine where none does. Each is whole by itself but for its header and weights, which are this engine's.
    public var specialisations: [Engine] = []

    /// An engine of the given parts; `validate()` says whether they fit together.
    public init(
        header: Header, symbols: [SymbolInfo] = [], program: ExprProgram, inputs: [Port] = [], outputs: [Port] = [],
        states: [StateLink] = [], buffers: [Buffer] = [], steps: [Step] = [], requirements: [Requirement] = [],
        kernels: [KernelInfo] = [], code: SectionBytes = SectionBytes(), weights: SectionBytes = SectionBytes(),
        sourceGraph: String = "", reasons: [String] = []
    ) {
        self.header = header
        self.symbols = symbols
        self.program = program
        self.inputs = inputs
        self.outputs = outputs
        self.states = states
        self.buffers = buffers
        self.steps = steps
        self.requirements = requirements
        self.kernels = kernels
        self.code = code
        self.weights = weights
        self.graph = .text(sourceGraph)
        self.reasons = reasons
    }
}

/// Variants.
extension Engine {
    /// How many specialisations an engine may have.
    public static let maximumSpecialisations = 16

    /// All variants, in the order in which they are tried: the specialisations, then the engine itself.
    public var variants: [Engine] { specialisations + [self] }

    /// Whether any size of an input is left open.
    public var isGeneral: Bool { symbols.contains { $0.kind == .input } }
}

extension Engine {
    /// The source graph without weights, in text form; may be empty. Decoded from the file when asked for.
    public var sourceGraph: String {
        get { graph.text }
        set { graph = .text(newValue) }
    }

    enum GraphText: Sendable {
        case text(String)
        case section(SectionBytes)

        var text: String {
            switch self {
            case .text(let text): text
            case .section(let bytes): bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            }
        }
    }
}

/// The fixed numbering of the base table.
extension Engine {
    /// Base of the run's status block.
    public static let statusBase = 0
    /// Base of the weights section.
    public static let weightsBase = 1
    /// Base of the arena.
    public static let arenaBase = 2
    /// Base of the first input; the others follow.
    public static let firstPortBase = 3

    /// The base number of the input at `index`.
    public func inputBase(_ index: Int) -> Int { Engine.firstPortBase + index }

    /// The base number of the output at `index`.
    public func outputBase(_ index: Int) -> Int { Engine.firstPortBase + inputs.count + index }

    /// How many bases a run's table has.
    public var baseCount: Int { Engine.firstPortBase + inputs.count + outputs.count }
}

extension Engine {
    /// What any version can read and print: who wrote the engine, and for which machine.
    public struct Header: Sendable, Hashable {
        /// Name of the model.
        public var name: String
        /// Version of the tables; see `Engine.formatVersion`.
        public var formatVersion: Int
        /// Version of the program that wrote the engine.
        public var writerVersion: String
        /// Name of the target, as given to `--target`.
        public var target: String
        /// LLVM triple of the code; its first component is compared with this machine.
        public var triple: String
        /// CPU features that the code uses, named as Linux does in `/proc/cpuinfo` or as LLVM does.
        public var features: [String]
        /// The accuracy class: `exact` or `fast`.
        public var accuracy: String
        /// Hash of the model, in hexadecimal.
        public var modelHash: String

        /// A header; `formatVersion` is that of this library.
        public init(
            name: String, writerVersion: String = "", target: String = "", triple: String = "", features: [String] = [],
            accuracy: String = "exact", modelHash: String = ""
        ) {
            self.name = name
            self.formatVersion = Engine.formatVersion
            self.writerVersion = writerVersion
            self.target = target
            self.triple = triple
            self.features = features
            self.accuracy = accuracy
            self.modelHash = modelHash
        }
    }

    /// Version of the tables that this library writes, and the newest that it reads.
    public static let formatVersion = 2
    /// Version of the calling convention of kernels that this library knows.
    public static let kernelABIVersion = 1
}
