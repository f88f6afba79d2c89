"""A network written as an ONNX model, without the `onnx` package: its few messages in protobuf's wire format.

The messages and the numbers of their fields: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

IR_VERSION, OPSET = 10, 20
CONTRIB = "com.microsoft"
"""The domain of ONNX Runtime's own operators."""
DATA_TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int8): 3, np.dtype(np.int64): 7}
LARGEST_INLINE = 64
"""Items of a tensor that is written into the model; larger ones are handed over beside it, without a copy."""

Attributes = dict[str, Any]
"""An operator's settings: numbers and lists of integers."""
Dimension = int | str
"""A size, or the name of one that is known only when the network runs."""


class Graph:
    """A network under construction: every operator returns the names of its results.

    Attributes:
        weights: The tensors that the model leaves out, by name; ONNX Runtime takes them from where they are.
    """

    def __init__(self) -> None:
        self.weights: dict[str, NDArray[Any]] = {}
        self._nodes: list[bytes] = []
        self._initializers: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._count = 0

    def input(self, name: str, shape: tuple[Dimension, ...], dtype: type[np.generic] = np.float32) -> str:
        """Declare an input."""
        self._inputs.append(_value(name, shape, dtype))
        return name

    def output(self, name: str, shape: tuple[Dimension, ...]) -> None:
        """Declare a result to be an output, float32; outputs keep the order of these calls."""
        self._outputs.append(_value(name, shape, np.float32))

    def tensor(self, values: NDArray[Any]) -> str:
        """A constant."""
        name = self._new_name()
        inline = values.size <= LARGEST_INLINE
        if not inline:
            self.weights[name] = values
        self._initializers.append(_tensor(name, values, inline))
        return name

    def integers(self, *values: int) -> str:
        """A constant list, such as a shape."""
        return self.tensor(np.array(values, np.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add an operator with one result."""
        return self.ops(kind, *inputs, results=1, domain=domain, **attributes)[0]

    def ops(self, kind: str, *inputs: str, results: int, domain: str = "", **attributes: Any) -> list[str]:
        """Add an operator with several results."""
        outputs = [self._new_name() for _ in range(results)]
        node = [_text(1, name) for name in inputs] + [_text(2, name) for name in outputs]
        node += [_text(4, kind)] + [_bytes(5, _attribute(*item)) for item in attributes.items()] + [_text(7, domain)]
        self._nodes.append(b"".join(node))
        return outputs

    def reshape(self, value: str, *shape: int) -> str:
        """Another view of a tensor; -1 is worked out, 0 stays as it is."""
        return self.op("Reshape", value, self.integers(*shape))

    def serialize(self) -> bytes:
        """The model."""
        graph = [_bytes(1, node) for node in self._nodes] + [_text(2, "florence-2")]
        graph += [_bytes(5, tensor) for tensor in self._initializers]
        graph += [_bytes(11, value) for value in self._inputs] + [_bytes(12, value) for value in self._outputs]
        opsets = [_text(1, "") + _integer(2, OPSET), _text(1, CONTRIB) + _integer(2, 1)]
        model = [_integer(1, IR_VERSION), _bytes(7, b"".join(graph))] + [_bytes(8, opset) for opset in opsets]
        return b"".join(model)

    def _new_name(self) -> str:
        self._count += 1
        return f"t{self._count}"


def _attribute(name: str, value: Any) -> bytes:
    """An AttributeProto of the value's type: a number, a text, or a list of integers."""
    match value:
        case float():
            return _text(1, name) + _tag(2, 5) + np.float32(value).tobytes() + _integer(20, 1)
        case int():
            return _text(1, name) + _integer(3, value) + _integer(20, 2)
        case _:
            return _text(1, name) + b"".join(_integer(8, item) for item in value) + _integer(20, 7)


def _tensor(name: str, values: NDArray[Any], inline: bool) -> bytes:
    """A TensorProto with its bytes, or with a note that they are elsewhere."""
    start = b"".join(_integer(1, size) for size in values.shape) + _integer(2, DATA_TYPES[values.dtype])
    start += _text(8, name)
    if inline:
        return start + _bytes(9, values.tobytes())
    return start + _bytes(13, _text(1, "location") + _text(2, "checkpoint")) + _integer(14, 1)


def _value(name: str, shape: tuple[Dimension, ...], dtype: type[np.generic]) -> bytes:
    """A ValueInfoProto."""
    sizes = [_integer(1, size) if isinstance(size, int) else _text(2, size) for size in shape]
    tensor = _integer(1, DATA_TYPES[np.dtype(dtype)]) + _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _integer(field: int, value: int) -> bytes:
    return _tag(field, 0) + bytes(_varint(value % 2**64))


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, data: bytes) -> bytes:
    return _tag(field, 2) + bytes(_varint(len(data))) + data


def _tag(field: int, wire_type: int) -> bytes:
    return bytes(_varint(field << 3 | wire_type))


def _varint(value: int) -> Iterator[int]:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    while value > 127:
        yield value & 127 | 128
        value >>= 7
    yield value
