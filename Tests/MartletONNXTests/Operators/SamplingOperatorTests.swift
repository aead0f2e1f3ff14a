import MartletCore
import MartletONNX
import Testing

@Suite("Operators: resizing, sampling, regions") struct SamplingOperatorTests {
    private func resize(
        _ values: [Double], scale: Double? = nil, size: Int64? = nil, region: [Double]? = nil, isOpen: Bool = false,
        opset: Int64 = 19, _ attributes: [(String, AttributeProto.Value)] = []
    ) throws -> [Double] {
        var node = OperatorCase("Resize", opset: opset, attributes.map { AttributeProto($0.0, $0.1) })
        node.hasOpenSizes = isOpen
        let x = OperatorCase.Input.data(try HostTensor.of(values))
        func input(_ tensor: HostTensor) -> OperatorCase.Input { isOpen ? .data(tensor) : .constant(tensor) }
        let scales = try scale.map { input(try .of([$0], [1])) } ?? .missing
        let sizes = try size.map { input(try .of(integers: $0)) } ?? .missing
        if opset == 10 { return try node(x, scales)[0].doubles() }
        return try node(x, try region.map { input(try .of($0)) } ?? .missing, scales, sizes)[0].doubles()
    }

    private func text(_ name: String, _ value: String) -> (String, AttributeProto.Value) {
        (name, .string(Array(value.utf8)))
    }

    @Test func nearestElementsByAllRules() throws {
        let x = [1, 2, 3, 4.0]
        let whole: [(String, AttributeProto.Value)] = [text("coordinate_transformation_mode", "asymmetric")]
        #expect(try resize(x, scale: 2) == [1, 1, 2, 2, 3, 3, 4, 4])
        #expect(try resize(x, scale: 1.5, whole + [text("nearest_mode", "floor")]) == [1, 1, 2, 3, 3, 4])
        #expect(try resize(x, scale: 1.5, whole + [text("nearest_mode", "ceil")]) == [1, 2, 3, 3, 4, 4])
        #expect(
            try resize(x, scale: 2, whole + [text("nearest_mode", "round_prefer_ceil")]) == [1, 2, 2, 3, 3, 4, 4, 4])
        #expect(
            try resize(x, scale: 2, whole + [text("nearest_mode", "round_prefer_floor")]) == [1, 1, 2, 2, 3, 3, 4, 4])
        #expect(try resize(x, scale: 0.5, opset: 10) == [1, 3])
        #expect(throws: Diagnostic.self) { try resize(x, scale: 2, [text("nearest_mode", "simple")]) }
        #expect(throws: Diagnostic.self) { try resize(x, [text("mode", "nearest")]) }
    }

    @Test func scalesAndSizesMayBeData() throws {
        let x = [1, 2, 3, 4.0]
        for mode in ["nearest", "linear", "cubic"] {
            for antialias in [0, 1] as [Int64] where mode != "nearest" || antialias == 0 {
                let attributes = [text("mode", mode), ("antialias", .int(antialias))]
                for scale in [0.5, 1.25, 2, 3] {
                    #expect(
                        agree(
                            try resize(x, scale: scale, isOpen: true, attributes),
                            try resize(x, scale: scale, attributes)))
                }
                for size in [1, 3, 9] as [Int64] {
                    #expect(
                        agree(
                            try resize(x, size: size, isOpen: true, attributes), try resize(x, size: size, attributes)))
                }
            }
        }
    }

    @Test func antialiasingTakesAllElements() throws {
        let attributes: [(String, AttributeProto.Value)] = [text("mode", "linear"), ("antialias", .int(1))]
        // Weights ¾, ¾, ¼ (and ¼ of the repeated edge) of 2.
        #expect(agree(try resize([1, 2, 3, 4], scale: 0.5, attributes), [1.625, 3.375]))
        let inside = attributes + [("exclude_outside", .int(1))]
        #expect(
            agree(
                try resize([1, 2, 3, 4], scale: 0.5, inside),
                [(0.75 * 3 + 0.25 * 3) / 1.75, (0.25 * 2 + 0.75 * 7) / 1.75]))
    }

    @Test func partsOfAnAxis() throws {
        let attributes = [
            text("mode", "linear"), text("coordinate_transformation_mode", "tf_crop_and_resize"),
            ("extrapolation_value", .float(9)),
        ]
        #expect(agree(try resize([0, 10, 20], size: 3, region: [0.25, 0.75], attributes), [5, 10, 15]))
        #expect(agree(try resize([0, 10, 20], size: 2, region: [0.5, 1.5], isOpen: true, attributes), [10, 9]))
        #expect(agree(try resize([0, 10, 20], size: 1, region: [0, 1], attributes), [10]))
    }

    @Test func policiesKeepTheAspect() throws {
        func extents(_ policy: String) throws -> [Int] {
            let node = OperatorCase("Resize", opset: 19, [AttributeProto("keep_aspect_ratio_policy", string: policy)])
            let x = try HostTensor(zeros: .float32, shape: [4, 6])
            return try node(.data(x), .missing, .missing, .constant(.of(integers: 8, 9)))[0].shape
        }
        #expect(try extents("stretch") == [8, 9])
        #expect(try extents("not_larger") == [6, 9])
        #expect(try extents("not_smaller") == [8, 12])
        #expect(throws: Diagnostic.self) { try extents("other") }
    }

    @Test func upsamplesInAllVersions() throws {
        let x = OperatorCase.Input.data(try HostTensor.of([1, 2], [1, 1, 1, 2]))
        let first = OperatorCase(
            "Upsample", opset: 1, [AttributeProto("height_scale", .float(2)), AttributeProto("width_scale", .float(1))])
        #expect(try first(x)[0].doubles() == [1, 2, 1, 2])
        let second = OperatorCase("Upsample", opset: 7, [AttributeProto("scales", .floats([1, 1, 1, 2]))])
        #expect(try second(x)[0].doubles() == [1, 1, 2, 2])
        let third = OperatorCase("Upsample", opset: 9, [AttributeProto("mode", string: "linear")])
        #expect(try third(x, .constant(.of([1, 1, 1, 2])))[0].doubles() == [1, 1.5, 2, 2])
        #expect(
            OperatorCase("Upsample", opset: 7, [AttributeProto("scales", .floats([1]))]).failure(
                [1, 2], shape: [1, 2]) == "onnx.attribute")
    }

    private func sample(_ points: [Double], _ attributes: (String, String)...) throws -> [Double] {
        var list = attributes.map { AttributeProto($0.0, string: $0.1) }
        list.append(AttributeProto("align_corners", .int(1)))
        let x = try HostTensor.of([0, 10, 20], [1, 1, 3]), grid = try HostTensor.of(points, [1, points.count, 1])
        return try OperatorCase("GridSample", opset: 20, list)(.data(x), .data(grid))[0].doubles()
    }

    @Test func gridsReachBeyondTheTensor() throws {
        let points = [-1, 0.25, 1.5, -2]
        #expect(agree(try sample(points), [0, 12.5, 10, 0]))
        #expect(agree(try sample(points, ("padding_mode", "border")), [0, 12.5, 20, 0]))
        #expect(agree(try sample(points, ("padding_mode", "reflection")), [0, 12.5, 15, 10]))
        #expect(try sample(points, ("mode", "nearest"), ("padding_mode", "reflection")) == [0, 10, 20, 10])
        #expect(throws: Diagnostic.self) { try sample(points, ("padding_mode", "wrap")) }
        #expect(throws: Diagnostic.self) { try sample(points, ("mode", "lanczos")) }
    }

    @Test func regionsAreCutIntoBins() throws {
        let x = try HostTensor.of((0..<16).map { Double($0) }, [1, 1, 4, 4])
        let pool = OperatorCase("MaxRoiPool", [AttributeProto("pooled_shape", .ints([2, 2]))])
        // A region beyond the tensor has an empty bin.
        let regions = try HostTensor.of([0, 0, 0, 3, 3, 0, 2, 2, 5, 5], [2, 5])
        #expect(try pool(.data(x), .data(regions))[0].doubles() == [5, 7, 13, 15, 15, 0, 0, 0])
        let align = OperatorCase("RoiAlign", opset: 16, [AttributeProto("output_width", .int(2))])
        let region = try HostTensor.of([0, 0, 4, 4], [1, 4])
        let means = try align(.data(x), .data(region), .data(.of(integers: 0)))[0].doubles()
        #expect(agree(means, [6.5, 8.5]))
        #expect(throws: Diagnostic.self) { try align(.data(x), .data(region), .data(.of(integers: 1))) }
    }

    @Test func affineGridsOfOneElement() throws {
        let node = OperatorCase("AffineGrid", [AttributeProto("align_corners", .int(1))])
        let identity = try HostTensor.of([1, 0, 0, 0, 1, 0], [1, 2, 3])
        let grid = try node(.data(identity), .constant(.of(integers: 1, 1, 1, 2)))[0]
        #expect(try grid.shape == [1, 1, 2, 2] && grid.doubles() == [-1, -1, 1, -1])
    }
}
