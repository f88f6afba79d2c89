"""Networks in ONNX Runtime, with their weights where the checkpoint's reader has them."""

import numpy as np
import onnxruntime as ort

from florence_ui.server.onnx.graph import Graph


def create_session(graph: Graph, threads: int) -> ort.InferenceSession:
    """Load a network.

    ONNX Runtime's arena is off: it holds on to the most that a run ever needed, 0.6 GB of base's vision tower, and an
    answer takes as long without it.

    Args:
        graph: The network; its weights are no longer needed afterwards, unless a matrix could not be packed.
        threads: Number of processors to use.

    Raises:
        RuntimeError: If the layers do not fit together, or memory is short.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    arrays = [np.ascontiguousarray(values) for values in graph.weights.values()]
    options.add_external_initializers(list(graph.weights), [ort.OrtValue.ortvalue_from_numpy(a) for a in arrays])
    return ort.InferenceSession(graph.serialize(), options, providers=["CPUExecutionProvider"])
