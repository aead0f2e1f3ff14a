#!/usr/bin/env python3
"""peer.py ENGINE CASE --threads N: ONNX Runtime (`onnxruntime`) or OpenVINO (`openvino`) behind the line protocol.

Loads, compiles, prints `ready`. Then answers each line of standard input with one line:
  check    `ok`, or what is wrong with the outputs for test_data_set_0
  run K    the wall seconds that K inferences took
`quit` or the end of the file ends it. This is also what `martlet bench --lines` speaks, but for `check`.
"""

import argparse
import re
import sys
import time

import environment

environment.enter()

from cases import Case  # noqa: E402  (needs the environment)


class OnnxRuntime:
    """All optimisations, one operator at a time, inputs and outputs bound once so that Python costs little."""

    def __init__(self, case: Case, threads: int):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self.session = ort.InferenceSession(str(case.model), options, providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        for name, value in case.inputs.items():
            self.binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(value))
        for name in case.output_names:
            self.binding.bind_output(name)

    def infer(self) -> None:
        self.session.run_with_iobinding(self.binding)

    def outputs(self) -> list:
        self.infer()
        return self.binding.copy_outputs_to_cpu()


class OpenVINO:
    """float32 throughout (no bfloat16, no dynamic quantisation), shapes made static from the data set."""

    def __init__(self, case: Case, threads: int):
        import openvino as ov

        core = ov.Core()
        model = core.read_model(str(case.model))
        shapes = {}
        for port, name in self.named(model.inputs, case):
            shapes[port] = list(case.inputs[name].shape)
        model.reshape(shapes)
        compiled = core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": "1",
                "INFERENCE_NUM_THREADS": str(threads),
            },
        )
        self.request = compiled.create_infer_request()
        self.ports = compiled.outputs
        self.tensors = []
        for port, name in self.named(compiled.inputs, case):
            self.tensors.append(ov.Tensor(case.inputs[name]))
            self.request.set_tensor(port, self.tensors[-1])

    @staticmethod
    def named(ports: list, case: Case) -> list:
        """Each port with the name of its input, by position where the importer has dropped names."""
        names = list(case.inputs)
        found = [next(iter(port.get_names() & case.inputs.keys()), None) for port in ports]
        if None in found and len(ports) != len(names):
            raise ValueError("the importer has dropped inputs and their names")
        return list(zip(ports, names if None in found else found))

    def infer(self) -> None:
        self.request.infer(share_outputs=True)

    def outputs(self) -> list:
        self.infer()
        return [self.request.get_tensor(port).data.copy() for port in self.ports]


def answer(engine, case: Case, words: list[str]) -> str:
    if words[0] == "check":
        return case.difference(engine.outputs()) or "ok"
    count = int(words[1])
    start = time.perf_counter()
    for _ in range(count):
        engine.infer()
    return repr(time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=("onnxruntime", "openvino"))
    parser.add_argument("case")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    case = Case(options.case)
    try:
        engine = {"onnxruntime": OnnxRuntime, "openvino": OpenVINO}[options.engine](case, options.threads)
    except Exception as error:  # whatever the engine throws is its reason for not running the case
        where = r"Exception from \S+:\d+:|Check '.*?' failed at \S+:\d+:"
        sys.exit(f"{type(error).__name__}: {' '.join(re.sub(where, '', str(error)).split())}")
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        print(answer(engine, case, words), flush=True)


main()
