#!/usr/bin/env python3
"""Compile time against the size of a model: chains of attention blocks, as exporters write them.

Each block has about 80 nodes: normalisations and GELU spelled out, heads split by Shape, Gather, Concat and Reshape, the
batch and the length symbolic. The models are written to .build/scale and compiled twice: what the second time takes
(best of --rounds) is all but machine code, which the kernel cache then has.
"""

import argparse
import json
import pathlib
import shutil
import resource
import subprocess
import sys
import tempfile
import time

import environment

environment.enter()

import numpy as np  # noqa: E402  (needs the environment)
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

WIDTH, HEADS, HIDDEN, OPSET, IR_VERSION = 32, 4, 64, 17, 8


class Writer:
    """Collects nodes; names count up."""

    def __init__(self):
        self.nodes, self.weights, self.random = [], [], np.random.RandomState(1)

    def __call__(self, operator, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=f"{operator}_{name}", **attributes))
        return name

    def constant(self, values, kind=np.float32):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def weight(self, *shape):
        return self.constant(self.random.standard_normal(shape) * shape[0] ** -0.5)

    def linear(self, x, inputs, outputs):
        return self("Add", self.weight(outputs), self("MatMul", x, self.weight(inputs, outputs)))

    def norm(self, x):
        centred = self("Sub", x, self("ReduceMean", x, axes=[-1]))
        variance = self("ReduceMean", self("Pow", centred, self.constant(2)), axes=[-1])
        scaled = self("Div", centred, self("Sqrt", self("Add", variance, self.constant(1e-5))))
        return self("Add", self("Mul", scaled, self.weight(WIDTH)), self.weight(WIDTH))

    def size(self, x, axis):
        return self("Gather", self("Shape", x), self.constant(axis, np.int64), axis=0)

    def sizes(self, x, *last):
        axes = self.constant([0], np.int64)
        parts = [self("Unsqueeze", self.size(x, axis), axes) for axis in (0, 1)]
        return self("Concat", *parts, *(self.constant([n], np.int64) for n in last), axis=0)

    def heads(self, x, permutation):
        split = self("Reshape", x, self.sizes(x, HEADS, WIDTH // HEADS))
        return self("Transpose", split, perm=permutation)

    def attention(self, x):
        q, k, v = (self.linear(x, WIDTH, WIDTH) for _ in range(3))
        scores = self("MatMul", self.heads(q, [0, 2, 1, 3]), self.heads(k, [0, 2, 3, 1]))
        scaled = self("Div", scores, self.constant((WIDTH // HEADS) ** 0.5))
        context = self("MatMul", self("Softmax", scaled, axis=-1), self.heads(v, [0, 2, 1, 3]))
        joined = self("Transpose", context, perm=[0, 2, 1, 3])
        return self.linear(self("Reshape", joined, self.sizes(joined, WIDTH)), WIDTH, WIDTH)

    def mlp(self, x):
        hidden = self.linear(x, WIDTH, HIDDEN)
        erf = self("Erf", self("Div", hidden, self.constant(2**0.5)))
        gelu = self("Mul", self("Mul", hidden, self("Add", erf, self.constant(1))), self.constant(0.5))
        return self.linear(gelu, HIDDEN, WIDTH)

    def block(self, x):
        x = self("Add", x, self.attention(self.norm(x)))
        return self("Add", x, self.mlp(self.norm(x)))


def write(blocks: int, folder: pathlib.Path) -> pathlib.Path:
    file = folder / f"attention-{blocks}.onnx"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    writer, x = Writer(), "x"
    for _ in range(blocks):
        x = writer.block(x)
    shape = ["batch", "length", WIDTH]
    graph = helper.make_graph(
        writer.nodes,
        "attention",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)],
        writer.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.save(model, file)
    return file


def compile_once(martlet: str, file: pathlib.Path, folder: str) -> tuple[float, dict]:
    command = [martlet, "compile", str(file), "-o", f"{folder}/{file.stem}.martlet", "--jobs", "1", "--json"]
    start = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, env={"MARTLET_CACHE": folder, "PATH": "/usr/bin:/bin"}
    )
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise ValueError(" ".join(done.stderr.split())[:300])
    return seconds, json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", default="500,1000", help="lengths of the chains")
    parser.add_argument("--rounds", type=int, default=3, help="measured compilations of each")
    parser.add_argument("--cases", type=pathlib.Path, default=environment.ROOT / ".build/scale", metavar="FOLDER")
    parser.add_argument("--martlet", default=str(environment.ROOT / ".build/release/martlet"), metavar="PATH")
    options = parser.parse_args()
    if not shutil.which(options.martlet):
        sys.exit(f"no command at {options.martlet}; build it with: make build")
    print("| blocks | nodes | steps | kernels | seconds | ratio to the row before | peak memory of all so far, MiB |")
    print("| --- " * 7 + "|")
    before = None
    for blocks in map(int, options.blocks.split(",")):
        file = write(blocks, options.cases)
        nodes = len(onnx.load(file).graph.node)
        with tempfile.TemporaryDirectory() as folder:
            compile_once(options.martlet, file, folder)
            rounds = [compile_once(options.martlet, file, folder) for _ in range(options.rounds)]
        seconds, facts = min(rounds, key=lambda found: found[0])
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        ratio = f"{seconds / before:.2f}" if before else "–"
        before = seconds
        cells = [blocks, nodes, facts["steps"], facts["kernels"], f"{seconds:.2f}", ratio, f"{memory:.0f}"]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


main()
