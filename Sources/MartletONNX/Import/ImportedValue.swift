public import MartletIR

/// What a name of a model stands for while it is imported.
public indirect enum ImportedValue: Sendable {
    case tensor(Tensor)
    /// A sequence of known length.
    case sequence([ImportedValue])
    /// An optional that is known to hold something or not.
    case optional(ImportedValue?)
    /// Result of a node that could not be imported.
    case unknown

    /// The kind in one word.
    var kindName: String {
        switch self {
        case .tensor: "tensor"
        case .sequence: "sequence"
        case .optional: "optional"
        case .unknown: "unknown value"
        }
    }
}
