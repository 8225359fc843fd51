"""A small ONNX graph builder for networks with few layer types: no tracing, and no exporter artefacts.

Uses only operators that the engine's bundle check allows (`crates/models/src/bundle/onnx/operators.rs`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
IR_VERSION = 10
FLOAT, INT32, INT64 = TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64
NAMES = {FLOAT: "float32", INT32: "int32", INT64: "int64"}


class Graph:
    """Nodes, constants and signature of a graph under construction; values are identified by name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, kind: int, shape: list[int | str]) -> str:
        """Declare an input."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value: str, name: str, kind: int, shape: list[int | str]) -> None:
        """Declare `value` as an output called `name`."""
        if value != name:
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def constant(self, value: np.ndarray) -> str:
        """A constant; equal small constants are stored once."""
        array = np.ascontiguousarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        small = f"{array.dtype}{array.shape}{array.tolist()}" if array.size <= 16 else ""
        if small and small in self.constants:
            return self.constants[small].name
        tensor = numpy_helper.from_array(array, f"c{len(self.constants)}")
        self.constants[small or tensor.name] = tensor
        return tensor.name

    def integers(self, *values: int) -> str:
        """A constant vector of integers."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A constant scalar."""
        return self.constant(np.array(value, np.float32))

    def add(self, kind: str, *values: str, more: tuple[str, ...] = (), domain: str = "", **attributes: object) -> str:
        """Append a node and return its first output; `more` names the others."""
        first = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(values), [first, *more], domain=domain, **attributes))
        return first

    def linear(self, value: str, weight: np.ndarray, bias: np.ndarray | None = None) -> str:
        """`value @ weight.T + bias`, with the weight in torch's [out, in] layout."""
        result = self.add("MatMul", value, self.constant(weight.T))
        return result if bias is None else self.add("Add", result, self.constant(bias))

    def save(self, path: Path) -> None:
        """Check the graph and write it."""
        opsets = [helper.make_opsetid("", OPSET)]
        if any(node.domain for node in self.nodes):
            opsets.append(helper.make_opsetid("com.microsoft", 1))
        graph = helper.make_graph(self.nodes, "graph", self.inputs, self.outputs, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="resonant")
        if not any(node.domain for node in self.nodes):
            onnx.checker.check_model(model)
        onnx.save(model, path)

    def record(self) -> dict[str, list[dict[str, object]]]:
        """Inputs and outputs in the format of the manifest."""
        return {"inputs": [_spec(value) for value in self.inputs], "outputs": [_spec(value) for value in self.outputs]}


def _spec(value: onnx.ValueInfoProto) -> dict[str, object]:
    tensor = value.type.tensor_type
    shape = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    return {"name": value.name, "dtype": NAMES[tensor.elem_type], "shape": shape}
