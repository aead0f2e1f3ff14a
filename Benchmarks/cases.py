"""Cases: folders with model.onnx and test_data_set_N/{input_K,output_K}.pb, as ONNX's own tests are laid out."""

import json
import pathlib

import numpy as np
import onnx
from onnx import numpy_helper

DEFAULT_TOLERANCES = {"rtol": 1e-3, "atol": 1e-7, "rel_l2": None}


def read_tensor(path: pathlib.Path) -> np.ndarray:
    """The tensor of a .pb file; strings as an object array of str."""
    message = onnx.TensorProto()
    message.ParseFromString(path.read_bytes())
    array = numpy_helper.to_array(message)
    if message.data_type == onnx.TensorProto.STRING:
        words = [w.decode() if isinstance(w, bytes) else w for w in array.ravel()]
        array = np.array(words, object).reshape(array.shape)
    return array


class Case:
    """A case's model, its first data set and its tolerances."""

    def __init__(self, folder: str):
        self.folder = pathlib.Path(folder).resolve()
        self.name = self.folder.name
        self.model = self.folder / "model.onnx"
        self.data = self.folder / "test_data_set_0"
        if not self.model.exists():
            raise FileNotFoundError(f"{folder} is no case: it has no model.onnx")
        graph = onnx.load(self.model, load_external_data=False).graph
        constants = {i.name for i in graph.initializer}
        declared = [i for i in graph.input if i.name not in constants]
        self.inputs = {i.name: read_tensor(self.data / f"input_{k}.pb") for k, i in enumerate(declared)}
        self.output_names = [o.name for o in graph.output]
        self.symbolic = [
            i.name for i in declared if not all(d.HasField("dim_value") for d in i.type.tensor_type.shape.dim)
        ]

    def expected(self) -> list[np.ndarray]:
        """The recorded outputs, in the graph's order."""
        return [read_tensor(self.data / f"output_{k}.pb") for k in range(len(self.output_names))]

    def tolerances(self) -> dict:
        found = dict(DEFAULT_TOLERANCES)
        for name in ("data.json", "case.json"):
            path = self.folder / name
            if path.exists():
                stated = json.loads(path.read_text("utf-8"))
                found.update({k: stated[k] for k in found if k in stated})
        return found

    def difference(self, outputs: list) -> str:
        """What is wrong with these outputs; empty if each agrees with the recorded one within the tolerances."""
        expected, tolerances = self.expected(), self.tolerances()
        if len(outputs) != len(expected):
            return f"{len(outputs)} outputs instead of {len(expected)}"
        for name, got, want in zip(self.output_names, outputs, expected):
            problem = mismatch(np.asarray(got), want, **tolerances)
            if problem:
                return f"{name}: {problem}"
        return ""


def mismatch(got: np.ndarray, want: np.ndarray, rtol: float, atol: float, rel_l2: float | None) -> str:
    """How `got` differs from `want`; empty if |got - want| <= atol + rtol * |want| throughout (and rel_l2 holds)."""
    if got.shape != want.shape:
        return f"shape {list(got.shape)} instead of {list(want.shape)}"
    if want.dtype == object:
        return "" if np.array_equal(got.astype(str), want.astype(str)) else "strings differ"
    got, want = got.astype(np.float64), want.astype(np.float64)
    special = ~(np.isfinite(got) & np.isfinite(want))
    if not np.array_equal(got[special], want[special], equal_nan=True):
        return "NaN or infinity in other places"
    got, want = got[~special], want[~special]
    excess = np.abs(got - want) - (atol + rtol * np.abs(want))
    if (excess > 0).any():
        worst = int(np.argmax(excess))
        return (
            f"{got[worst]:.7g} instead of {want[worst]:.7g}; {int((excess > 0).sum())} of {excess.size} elements differ"
        )
    norm = float(np.linalg.norm(want)) or 1.0
    if rel_l2 is not None and float(np.linalg.norm(got - want)) / norm > rel_l2:
        return f"relative L2 distance above {rel_l2:g}"
    return ""
