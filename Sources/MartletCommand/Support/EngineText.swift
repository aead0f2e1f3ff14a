import Martlet
import MartletCore
import MartletEngine

/// The steps of an engine in words.
enum EngineText {
    /// One step.
    struct Step {
        /// Number in pre-order.
        let number: Int
        /// How deep it is nested.
        let depth: Int
        let kind: String
        /// What the kind says of it: kernel, grid, scratch.
        let detail: String
        let step: Engine.Step
    }

    /// All steps in pre-order.
    static func list(_ engine: Engine) -> [Step] {
        var result: [Step] = []
        append(engine.steps, depth: 0, engine, to: &result)
        return result
    }

    private static func append(_ steps: [Engine.Step], depth: Int, _ engine: Engine, to list: inout [Step]) {
        for step in steps {
            let (kind, detail) = describe(step, engine)
            list.append(Step(number: list.count, depth: depth, kind: kind, detail: detail, step: step))
            switch step.kind {
            case .branch(_, let then, let otherwise):
                append(then, depth: depth + 1, engine, to: &list)
                append(otherwise, depth: depth + 1, engine, to: &list)
            case .loop(_, _, _, let body, _): append(body, depth: depth + 1, engine, to: &list)
            default: break
            }
        }
    }

    private static func describe(_ step: Engine.Step, _ engine: Engine) -> (kind: String, detail: String) {
        switch step.kind {
        case .kernel(let kernel, _, let grid, let scratch):
            let name = engine.kernels.indices.contains(kernel) ? engine.kernels[kernel].name : "?"
            let memory = engine.text(of: scratch)
            let extra = memory == "0" ? "" : ", scratch \(memory) B"
            return ("kernel", "\(name), grid \(engine.text(of: grid))\(extra)")
        case .bind(let symbol, _, _, let low, let high):
            let info = engine.symbols.indices.contains(symbol) ? engine.symbols[symbol] : nil
            let most = info?.limit.map { engine.text(of: $0) } ?? (high == Int.max ? "" : String(high))
            return ("bind", "\(info?.name ?? "?") in \(low)...\(most)")
        case .branch(_, let then, let otherwise):
            return ("branch", "\(Text.count(then.count, "step")) or \(otherwise.count)")
        case .loop(_, let trip, _, let body, _):
            return ("loop", "\(trip.map { engine.text(of: $0) } ?? "?") turns of \(Text.count(body.count, "step"))")
        case .copy(let copy): return ("copy", "\(engine.text(of: copy.bytes)) B")
        case .fail(let code, let message, _): return ("fail", "\(code): \(message)")
        case .host(let name, _): return ("host", name)
        }
    }

    /// One line for each step.
    static func steps(of engine: Engine) -> String {
        let rows = list(engine).map { entry in
            [
                String(entry.number), String(repeating: "  ", count: entry.depth) + entry.kind, entry.detail,
                entry.step.flops.map { engine.text(of: $0) + " flop" } ?? "", entry.step.note,
                entry.step.origins.joined(separator: " + "),
            ]
        }
        return Text.table(rows, right: [0]) + "\n"
    }

    /// The steps of all variants, in the order in which these are tried.
    static func allSteps(of engine: Engine) -> String {
        guard !engine.specialisations.isEmpty else { return steps(of: engine) }
        return engine.variants.enumerated().map { "variant \($0 + 1): \($1.sizes)\n\(steps(of: $1))" }
            .joined(separator: "\n")
    }

    /// What the variants are, in the order in which they are tried; `withSteps` lists their steps.
    static func variants(_ engine: Engine, withSteps: Bool = false) -> JSONValue {
        .array(
            engine.variants.map { variant in
                var object = JSONObject()
                object["sizes"] = .string(variant.sizes)
                object["inputs"] = PortText.json(variant.alone.inputPorts)
                object["outputs"] = PortText.json(variant.alone.outputPorts)
                object["code"] = .integer(variant.code.count)
                object["kernels"] = .integer(variant.kernels.count)
                object["steps"] = withSteps ? json(variant) : .integer(variant.stepCount)
                return .object(object)
            })
    }

    /// The steps as JSON.
    static func json(_ engine: Engine) -> JSONValue {
        .array(
            list(engine).map { entry in
                [
                    "number": .integer(entry.number), "depth": .integer(entry.depth), "kind": .string(entry.kind),
                    "detail": .string(entry.detail), "note": .string(entry.step.note),
                    "origins": .array(entry.step.origins.map { .string($0) }),
                ]
            })
    }
}

extension Engine {
    /// The engine without its specialisations.
    fileprivate var alone: Engine {
        var copy = self
        copy.specialisations = []
        return copy
    }
}
