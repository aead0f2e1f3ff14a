import MartletCore
import MartletEngine
import MartletRuntime
import TestSupport
import Testing

/// Engines with several variants: the first that fits the inputs runs.
@Suite(.enabled(if: TestKernels.areAvailable, Comment(rawValue: TestKernels.missing)))
struct VariantTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func run(_ loaded: LoadedEngine, _ count: Int) throws -> [Float] {
        let inputs = [Float](repeating: 3, count: count)
        return try Session(loaded).run(["a": floats(inputs), "b": floats(inputs)]).floats("y")
    }

    /// Nines come of products, sixes of sums.
    private func expectThree(_ loaded: LoadedEngine) throws {
        for (count, value) in [(4, 9), (8, 9), (16, 9), (0, 0), (3, 6), (7, 6), (17, 6), (4, 9)] {
            #expect(try run(loaded, count) == [Float](repeating: Float(value), count: count), "\(count)")
        }
    }

    @Test func theFirstThatFitsRuns() throws {
        let loaded = try VariantEngines.three().load()
        try expectThree(loaded)
        let counts = [4, 12, 5]
        let variants = try counts.map { try loaded.variant(of: loaded.plan(for: [[$0], [$0]])) }
        #expect(variants.map(\.sizes) == ["a [4], b [4]", "a [n], b [n], n in 8...16", "a [n], b [n], n in 0..."])
        // Extents that disagree fit no variant: the general one says so.
        #expect(errorCode { _ = try loaded.plan(for: [[4], [5]]) } == "plan.shape")
        #expect(errorCode { _ = try loaded.plan(for: [[4]]) } == "plan.inputs")
    }

    @Test func filesHoldAllVariantsAndTheWeightsOnce() throws {
        let kit = try VariantEngines.three()
        try kit.engine.write(to: folder["engine"])
        let reader = try EngineReader(path: folder["engine"])
        try reader.check()
        let sections = reader.describe().split(separator: "\n").filter { $0.hasPrefix("section ") }
        let names = sections.compactMap { $0.split(separator: " ").dropFirst().first }
        #expect(
            names == ["header", "tables", "code", "weights", "graph", "tables.1", "code.1", "tables.2", "code.2"])
        let read = try reader.engine()
        #expect(read.variants.map(\.sizes) == kit.engine.variants.map(\.sizes))
        let places = read.variants.map { $0.weights.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }
        #expect(Set(places).count == 1 && read.variants.allSatisfy { $0.weights.isMapped && $0.code.isMapped })
        try expectThree(try Runtime(threads: 1).open(folder["engine"]))
        try read.write(to: folder["again"])
        let files = try ["engine", "again"].map { Array(try MappedFile(path: folder[$0]).bytes) }
        #expect(files[0] == files[1])
        #expect(read.describe().contains("variant 2: a [n], b [n], n in 8...16; 1 steps"))
    }

    @Test func withoutAGeneralVariantTheErrorListsTheShapes() throws {
        let loaded = try VariantEngines.withoutGeneral().load()
        #expect(try run(loaded, 2) == [9, 9])
        #expect(try run(loaded, 3) == [6, 6, 6])
        let problem = #expect(throws: Diagnostic.self) { _ = try run(loaded, 4) }
        #expect(problem?.code == "plan.no-variant")
        #expect(problem?.message == "no variant of the engine takes inputs of the shapes a [4], b [4]")
        #expect(problem?.help?.hasPrefix("it takes a [2], b [2]; a [3], b [3]; ") == true)
    }

    @Test func statesPassFromVariantToVariantWhereExtentsAgree() throws {
        var kit = try VariantEngines.pair(.sum, lower: 0, upper: nil, state: true)
        kit.engine.specialisations = [try VariantEngines.pair(.product, lower: 2, upper: 2, state: true).engine]
        let session = Session(try kit.load())
        try session.reset(["b": floats([5, 5])])
        #expect(try session.run(["a": floats([2, 3])]).floats("y") == [10, 15])
        let problem = #expect(throws: Diagnostic.self) { _ = try session.run(["a": floats([1, 1, 1])]) }
        #expect(problem?.code == "plan.shape")
        #expect(problem?.help?.contains("keeps states of the run before: 'b' is [2]") == true)
        try session.reset()
        #expect(try session.run(["a": floats([1, 1, 1])]).floats("y") == [1, 1, 1])
        // A state that is not given is zero, in the shape of the variant that the other inputs choose.
        let fixed = Session(try VariantEngines.withoutGeneral(state: true).load())
        #expect(try fixed.run(["a": floats([1, 2])]).floats("y") == [0, 0])
        #expect(errorCode { _ = try fixed.run(["a": floats([1, 2, 3])]) } == "plan.no-variant")
    }

    @Test func profilesNameTheStepsOfTheVariantThatRan() throws {
        let loaded = try VariantEngines.three().load()
        for (count, name) in [(4, "product"), (5, "sum")] {
            let profile = try Profile(loaded, plan: loaded.plan(for: [[count], [count]]))
            let tensor = try floats([Float](repeating: 1, count: count))
            _ = try Session(loaded).run(["a": tensor, "b": tensor], profile: profile)
            #expect(profile.entries.map(\.origins) == [[name]])
        }
    }

    @Test func variantsMustBeOneModel() throws {
        let whole = try VariantEngines.three().engine
        var engine = whole
        engine.specialisations[0].inputs[0].name = "c"
        #expect(errorCode { try engine.validate() } == "engine.invalid")
        engine = whole
        engine.specialisations[1].specialisations = [try VariantEngines.pair(.sum, lower: 1, upper: 1).engine]
        #expect(errorCode { try engine.validate() } == "engine.invalid")
        engine = whole
        engine.specialisations[0].weights = SectionBytes()
        #expect(errorCode { try engine.validate() } == "engine.invalid")
        engine = whole
        engine.specialisations[0].steps = [
            Engine.Step(
                .copy(
                    Engine.Copy(
                        from: .init(base: 99, offset: 0), to: .init(base: 2, offset: 0), bytes: 0)))
        ]
        #expect(errorCode { try engine.validate() } == "engine.invalid")
        engine = whole
        let many = [Engine](repeating: whole.specialisations[0], count: Engine.maximumSpecialisations + 1)
        engine.specialisations = many
        #expect(errorCode { try engine.validate() } == "engine.invalid")
    }

    @Test func aMissingVariantIsDamage() throws {
        try VariantEngines.three().engine.write(to: folder["engine"])
        var bytes = Array(try MappedFile(path: folder["engine"]).bytes)
        // The directory's entry of `tables.1` gets another number.
        let name = 32 + 64 * 5 + "tables.".utf8.count
        #expect(bytes[name] == UInt8(ascii: "1"))
        bytes[name] = UInt8(ascii: "3")
        let listing = StableHash(Array(bytes[32..<32 + 64 * 9])).low
        withUnsafeBytes(of: listing.littleEndian) { bytes.replaceSubrange(24..<32, with: $0) }
        try AtomicFile.write(bytes, to: folder["broken"])
        let problem = #expect(throws: Diagnostic.self) { _ = try Engine(contentsOf: folder["broken"]) }
        #expect(problem?.code == "engine.damaged")
        #expect(problem?.message.contains("section 'tables.1' of the engine is damaged: it is missing") == true)
    }
}
