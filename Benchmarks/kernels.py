#!/usr/bin/env python3
"""Single products and convolutions: one layer a case, run by `martlet bench --profile`, share of peak tabulated.

The cases (float32 but for the groups of integer and bfloat16 products, weights in the model, bias and Relu after
convolutions) are written to .build/kernel-cases, where
Benchmarks/compare and `martlet verify` can use them too. A share is of the peak of the kernel's own arithmetic: float32
multiply-adds, or dot products of bytes or of bfloat16. Beside each share stands a figure to aim at: what a hand-tuned
prototype of these kernels reached on one core of a Zen 4 processor, with its time in microseconds there, and the times
of ONNX Runtime and OpenVINO beside it. Shares carry over to other processors, times do not.
"""

import argparse
import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys

import environment

environment.enter()

import ml_dtypes  # noqa: E402  (needs the environment)
import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

SEED, OPSET, IR_VERSION = 1, 17, 8
TOLERANCES = {"rtol": 1e-3, "atol": 2e-5}
# Two roundings to bfloat16 of sums near each other.
BFLOAT16_TOLERANCES = {"rtol": 1e-2, "atol": 2e-2}


@dataclasses.dataclass
class Product:
    """rows x depth times depth x columns; aim: (share of peak in %, microseconds, ONNX Runtime, OpenVINO)."""

    rows: int
    depth: int
    columns: int
    aim: tuple = (None, None, None, None)

    @property
    def name(self) -> str:
        return f"matmul-{self.rows}x{self.depth}x{self.columns}"

    def build(self, random):
        x = normal(random, (self.rows, self.depth), 1)
        w = normal(random, (self.depth, self.columns), self.depth**-0.5)
        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="matmul")]
        return nodes, x, {"w": w}, x.astype(np.float64) @ w.astype(np.float64)


@dataclasses.dataclass
class IntegerProduct:
    """A product of bytes summed as int32: alone, or between quantisation of float32 rows and dequantisation."""

    rows: int
    depth: int
    columns: int
    fused: bool
    aim: tuple = (None, None, None, None)

    @property
    def name(self) -> str:
        kind = "quantized" if self.fused else "integer"
        return f"{kind}-{self.rows}x{self.depth}x{self.columns}"

    def build(self, random):
        w = random.randint(-128, 128, (self.depth, self.columns)).astype(np.int8)
        if not self.fused:
            x = random.randint(0, 256, (self.rows, self.depth)).astype(np.uint8)
            nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"], name="product")]
            return nodes, x, {"w": w}, x.astype(np.int32) @ w.astype(np.int32)
        x = normal(random, (self.rows, self.depth), 1)
        weights = {
            "w": w,
            "scale": np.float32(0.021),
            "zero": np.uint8(121),
            "product_scale": np.float32(0.0013),
            "no_zero": np.int32(0),
        }
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="quantize"),
            helper.make_node("MatMulInteger", ["q", "w", "zero"], ["sums"], name="product"),
            helper.make_node("DequantizeLinear", ["sums", "product_scale", "no_zero"], ["y"], name="dequantize"),
        ]
        q = np.clip(np.rint(x / weights["scale"]) + 121, 0, 255).astype(np.int32)
        sums = (q - 121) @ w.astype(np.int32)
        return nodes, x, weights, sums.astype(np.float32) * weights["product_scale"]


@dataclasses.dataclass
class BrainProduct(Product):
    """A product of bfloat16 elements."""

    @property
    def name(self) -> str:
        return f"bfloat16-{self.rows}x{self.depth}x{self.columns}"

    def build(self, random):
        nodes, x, weights, _ = super().build(random)
        x, w = (value.astype(ml_dtypes.bfloat16) for value in (x, weights["w"]))
        return nodes, x, {"w": w}, (x.astype(np.float64) @ w.astype(np.float64)).astype(ml_dtypes.bfloat16)


@dataclasses.dataclass
class Convolution:
    """Square image, square window, padding that keeps the size at stride 1; depthwise where groups equals channels."""

    channels: int
    size: int
    outputs: int
    window: int
    stride: int
    aim: tuple = (None, None, None, None)
    groups: int = 1

    @property
    def name(self) -> str:
        kind = "conv" if self.groups == 1 else "depthwise"
        return f"{kind}-{self.channels}-{self.size}-{self.outputs}-k{self.window}-s{self.stride}"

    def build(self, random):
        depth = self.channels // self.groups
        x = normal(random, (1, self.channels, self.size, self.size), 1)
        w = normal(random, (self.outputs, depth, self.window, self.window), (depth * self.window**2) ** -0.5)
        bias = normal(random, (self.outputs,), 0.1)
        pad = self.window // 2
        nodes = [
            helper.make_node(
                "Conv",
                ["x", "w", "bias"],
                ["c"],
                name="conv",
                pads=[pad] * 4,
                group=self.groups,
                kernel_shape=[self.window] * 2,
                strides=[self.stride] * 2,
            ),
            helper.make_node("Relu", ["c"], ["y"], name="relu"),
        ]
        y = np.maximum(self.convolve(x, w, pad) + bias.astype(np.float64)[:, None, None], 0)
        return nodes, x, {"w": w, "bias": bias}, y

    def convolve(self, x, w, pad):
        """The convolution in float64, one product per group."""
        padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (pad, pad), (pad, pad)])
        windows = np.lib.stride_tricks.sliding_window_view(padded[0], (self.window,) * 2, axis=(1, 2))
        windows = windows[:, :: self.stride, :: self.stride]
        windows = windows.reshape(self.groups, -1, *windows.shape[1:])
        filters = w.astype(np.float64).reshape(self.groups, self.outputs // self.groups, *w.shape[1:])
        y = np.stack([np.tensordot(f, part, axes=([1, 2, 3], [0, 3, 4])) for f, part in zip(filters, windows)])
        return y.reshape(1, self.outputs, *y.shape[2:])


PRODUCTS = [
    Product(384, 1536, 384, (100, None, None, None)),
    Product(128, 768, 768, (100, 1280, None, None)),
    Product(128, 768, 3072, (100, None, None, None)),
    Product(128, 3072, 768, (100, 5184, None, None)),
    Product(1024, 1024, 1024, (100, None, None, None)),
    Product(197, 192, 576, (100, None, None, None)),
    Product(49, 320, 1280, (98, None, None, None)),
    Product(128, 768, 1000, (97, None, None, None)),
    Product(16, 768, 3072, (None, 642, None, None)),
    Product(1, 768, 768, (None, 23.7, 31, 37)),
    Product(1, 768, 3072, (None, 95, 125, 125)),
]
CONVOLUTIONS = [
    Convolution(64, 56, 256, 1, 1, (98, 890, 1014, 1229)),
    Convolution(256, 56, 64, 1, 1, (99, 877, 1007, 1142)),
    Convolution(512, 7, 2048, 1, 1, (100, 874, 917, 943)),
    Convolution(512, 28, 1024, 1, 2, (99, 1751, 1875, 2045)),
    Convolution(64, 56, 64, 3, 1, (100, 1965, 2026, 2119)),
    Convolution(128, 28, 128, 3, 1, (100, 1961, 1969, 1958)),
    Convolution(256, 14, 256, 3, 1, (100, 1963, 1916, 1848)),
    Convolution(512, 7, 512, 3, 1, (99, 1974, 1926, 1681)),
    Convolution(256, 28, 256, 3, 2, (100, 1968, 2102, 1983)),
    Convolution(3, 224, 64, 7, 2, (99, 2026, 2191, 3151)),
]
DEPTHWISE = [
    Convolution(96, 112, 96, 3, 2, (None, 85, 247, 389), 96),
    Convolution(144, 56, 144, 3, 1, (None, 78, 197, 287), 144),
    Convolution(384, 14, 384, 3, 1, (None, 13.4, 46, 60), 384),
    Convolution(960, 7, 960, 3, 1, (None, 10.0, 31, 70), 960),
    Convolution(128, 28, 128, 5, 1, (None, 43, None, None), 128),
    Convolution(672, 14, 672, 5, 1, (None, 57, 127, 131), 672),
]
NARROW = [
    (384, 1536, 384),
    (128, 768, 768),
    (128, 768, 3072),
    (128, 3072, 768),
    (197, 192, 576),
    (49, 320, 1280),
]
NARROW_AIM = (96, None, None, None)
INTEGER = [IntegerProduct(*shape, fused, NARROW_AIM) for shape in NARROW for fused in (False, True)]
BFLOAT16 = [BrainProduct(*shape, NARROW_AIM) for shape in NARROW]
GROUPS = {
    "products": PRODUCTS,
    "integer": INTEGER,
    "bfloat16": BFLOAT16,
    "convolutions": CONVOLUTIONS,
    "depthwise": DEPTHWISE,
}


def normal(random, shape, deviation):
    return (random.standard_normal(shape) * deviation).astype(np.float32)


def element(value) -> int:
    """The element type of an array in ONNX's numbers."""
    return helper.np_dtype_to_tensor_dtype(value.dtype)


def write_case(kernel, destination: pathlib.Path) -> pathlib.Path:
    """Writes the case's folder, unless it is there with the same tolerances; returns it."""
    folder = destination / kernel.name
    tolerances = BFLOAT16_TOLERANCES if isinstance(kernel, BrainProduct) else TOLERANCES
    note = json.dumps({**tolerances, "note": str(kernel), "seed": SEED}, indent=1) + "\n"
    if (folder / "case.json").exists() and (folder / "case.json").read_text("utf-8") == note:
        return folder
    nodes, x, weights, y = kernel.build(np.random.RandomState(SEED))
    if y.dtype == np.float64:
        y = y.astype(np.float32)
    graph = helper.make_graph(
        nodes,
        kernel.name,
        [helper.make_tensor_value_info("x", element(x), x.shape)],
        [helper.make_tensor_value_info("y", element(y), y.shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for name, value in (("input_0", x), ("output_0", y)):
        tensor = numpy_helper.from_array(value, {"input_0": "x", "output_0": "y"}[name])
        (data / f"{name}.pb").write_bytes(tensor.SerializeToString())
    (folder / "case.json").write_text(note, "utf-8")
    return folder


def profile(options, folder: pathlib.Path) -> dict:
    out = folder / "profile.json"
    command = [
        options.martlet,
        "bench",
        str(folder / "model.onnx"),
        "--inputs",
        str(folder / "test_data_set_0"),
        "--threads",
        "1",
        "--profile",
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise ValueError(" ".join(done.stderr.split())[:160] or f"ended with status {done.returncode}")
    return json.loads(out.read_text("utf-8"))


def row(kernel, found: dict) -> str:
    """The kernel that does the arithmetic alone, and all steps together, layout changes included."""
    steps = found["steps"]
    main = max(steps, key=lambda step: step["flops"])
    nanoseconds = sum(step["ns"] for step in steps)
    rate = sum(step["flops"] for step in steps) / nanoseconds
    peaks = found["peaks"].get(main["arithmetic"], found["peaks"]["float32"])
    peak = (peaks["before"] + peaks["after"]) / 2
    unsteady = " (unsteady)" if abs(peaks["before"] - peaks["after"]) > 0.03 * peak else ""
    share, *times = kernel.aim
    cells = [
        kernel.name,
        main["kernel"],
        f"{main['ns'] / 1e3:.1f}",
        f"{peak:.1f}{unsteady}",
        f"{100 * main['flops'] / main['ns'] / peak:.1f} %",
        len(steps),
        f"{nanoseconds / 1e3:.1f}",
        f"{100 * rate / peak:.0f} %",
        "–" if share is None else f"{share} %",
    ]
    cells += ["–" if t is None else f"{t:g}" for t in times]
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default=",".join(GROUPS), help="of " + ",".join(GROUPS))
    parser.add_argument(
        "--cases", type=pathlib.Path, default=environment.ROOT / ".build/kernel-cases", metavar="FOLDER"
    )
    parser.add_argument("--make-only", action="store_true", help="write the cases, run nothing")
    parser.add_argument("--martlet", default=str(environment.ROOT / ".build/release/martlet"), metavar="PATH")
    options = parser.parse_args()
    kernels = [kernel for group in options.groups.split(",") for kernel in GROUPS[group]]
    folders = [write_case(kernel, options.cases) for kernel in kernels]
    if options.make_only:
        print(f"{len(folders)} cases in {options.cases}")
        return
    if not shutil.which(options.martlet):
        sys.exit(f"no command at {options.martlet}; build it with: make build")
    print(
        "| layer | kernel | µs | peak, GFLOP/s | share | steps | all, µs | all, share | aim | aim µs | ORT µs | OpenVINO µs |"
    )
    print("| --- " * 12 + "|")
    for kernel, folder in zip(kernels, folders):
        try:
            print(row(kernel, profile(options, folder)), flush=True)
        except (OSError, ValueError, LookupError) as error:
            print(f"| {kernel.name} | {error} |" + " – |" * 10, flush=True)


main()
