public import MartletCore

extension Engine {
    /// What gives a symbol its value.
    public enum SymbolKind: Sendable, Hashable {
        /// An extent of an input, bound before the run: some input dimension is exactly this symbol.
        case input
        /// Set by a `bind` step during the run.
        case bound
        /// The turn of a loop, from 0; after the loop the number of turns taken.
        case counter
        /// The byte offset of a buffer in the arena, set when the shapes are known.
        case offset(buffer: Int)
    }

    /// A symbol of the expression program; its id is its index in `Engine.symbols`.
    public struct SymbolInfo: Sendable, Hashable {
        /// Name for messages, such as `batch`.
        public var name: String
        /// What sets it.
        public var kind: SymbolKind
        /// Least allowed value.
        public var lower: Int
        /// Greatest allowed value; `nil` for no bound.
        public var upper: Int?
        /// Expression that a symbol of kind `bound` does not exceed, beside `upper`; `nil` for none. It stands before the
        /// symbol in the program, and depends on symbols that have values when this one is set.
        public var limit: ExprRef?

        /// A symbol with its range.
        public init(name: String, kind: SymbolKind, lower: Int = 0, upper: Int? = nil, limit: ExprRef? = nil) {
            self.name = name
            self.kind = kind
            self.lower = lower
            self.upper = upper
            self.limit = limit
        }
    }

    /// An input or output of the engine: a contiguous, row-major tensor.
    public struct Port: Sendable, Hashable {
        /// Name as in the model.
        public var name: String
        /// Type of the elements.
        public var type: ElementType
        /// The extents.
        public var dims: [ExprRef]
        /// The base that holds the address of its first element; `Engine.inputBase` or `Engine.outputBase`.
        public var base: Int

        /// A port; `base` must be the number that the fixed numbering gives it.
        public init(name: String, type: ElementType, dims: [ExprRef], base: Int) {
            self.name = name
            self.type = type
            self.dims = dims
            self.base = base
        }
    }

    /// Says that after a run an output becomes an input of the next run.
    public struct StateLink: Sendable, Hashable {
        /// Index in `inputs`.
        public var input: Int
        /// Index in `outputs`.
        public var output: Int
        /// How the output grows out of the input, if it is the input with more behind it.
        public var growth: Append?

        /// Links two indices in `inputs` and `outputs`.
        public init(input: Int, output: Int, growth: Append? = nil) {
            self.input = input
            self.output = output
            self.growth = growth
        }
    }

    /// A state that a run appends to: input and output are the same memory, of which kernels write only what is new.
    ///
    /// In that memory `axis` lies outermost, the other axes follow in their order; so what was there stays where it is.
    public struct Append: Sendable, Hashable {
        /// The axis along which the state grows.
        public var axis: Int
        /// The greatest extent of that axis, where the model bounds it.
        public var capacity: Int?

        /// A state that grows along `axis` up to `capacity`.
        public init(axis: Int, capacity: Int? = nil) {
            self.axis = axis
            self.capacity = capacity
        }
    }

    /// A value in the arena.
    ///
    /// Steps are numbered in pre-order: a branch or loop takes one number, then its steps follow (`then` before
    /// `else`). What a loop carries must live over all of the loop's numbers.
    public struct Buffer: Sendable, Hashable {
        /// Name for messages.
        public var name: String
        /// Size in bytes. If it depends on symbols of the run, the greatest value in their ranges is reserved; without
        /// a useful bound it gets memory of its own as soon as its symbols have values, and again when it has to grow.
        public var size: ExprRef
        /// Number of the first step that touches it.
        public var firstStep: Int
        /// Number of the last step that touches it.
        public var lastStep: Int

        /// A value that lives from `firstStep` to `lastStep`, both included.
        public init(name: String, size: ExprRef, firstStep: Int, lastStep: Int) {
            self.name = name
            self.size = size
            self.firstStep = firstStep
            self.lastStep = lastStep
        }
    }

    /// Two sizes that must agree: checked when the plan is made, or during the run as soon as both are known.
    public struct Requirement: Sendable, Hashable {
        /// One size.
        public var left: ExprRef
        /// The other.
        public var right: ExprRef
        /// What they are, for the message.
        public var what: String

        /// A demand that `left` and `right` have the same value.
        public init(left: ExprRef, right: ExprRef, what: String) {
            self.left = left
            self.right = right
            self.what = what
        }
    }

    /// A function in the code section, called by the convention of ABI version 1:
    /// `void k(uint64_t *bases, int64_t *words, int64_t first, int64_t last, void *scratch)`.
    public struct KernelInfo: Sendable, Hashable {
        /// Name for profiles and messages.
        public var name: String
        /// Byte offset of the entry in the code section.
        public var offset: Int
        /// How many operands the words start with; each takes two words, base number and byte offset.
        public var operands: Int
        /// How many words the kernel reads in all.
        public var words: Int

        /// A kernel whose first `2 * operands` of `words` words are operands.
        public init(name: String, offset: Int, operands: Int, words: Int) {
            self.name = name
            self.offset = offset
            self.operands = operands
            self.words = words
        }
    }
}
