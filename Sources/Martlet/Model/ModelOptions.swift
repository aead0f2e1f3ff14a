public import MartletRuntime

/// How exactly a compiled model computes.
public enum Accuracy: String, Sendable, Hashable, CaseIterable {
    /// Every float32 operation in float32, elementary functions within 4 units in the last place.
    case exact
}

/// What may be asked of a model when it is made.
public struct ModelOptions: Sendable {
    /// Static shapes of inputs by name, in place of those in the model's file; a negative extent stays as it is there.
    public var shapes: [String: [Int]] = [:]
    /// Shapes of inputs for which the model is compiled besides: each entry makes a variant, and a run takes the first
    /// that fits its inputs, else the one for `shapes`. Weights are shared.
    public var specialisations: [[String: [Int]]] = []
    /// States of sessions: names of inputs, each with the name of the output that becomes it in the next run. A state
    /// whose output is its input with more behind it, such as a cache of keys, is then appended to in place.
    public var states: [String: String] = [:]
    /// How exactly it computes.
    public var accuracy = Accuracy.exact
    /// Whose threads and memory it uses; by default those that all models of the process share.
    public var runtime: Runtime?
    /// Settings in place of those of the task or the environment.
    public var settings: Settings?

    /// The defaults compile a model as it is, for this machine.
    public init() {}

    /// Options with static shapes of some inputs.
    public init(shapes: [String: [Int]], accuracy: Accuracy = .exact) {
        self.shapes = shapes
        self.accuracy = accuracy
    }

    /// The settings in force.
    func resolvedSettings() throws -> Settings { try settings ?? Settings.current }
}
