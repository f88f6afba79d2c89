"""CUDA graphs: a function's kernels recorded once and launched together, which otherwise takes longer than to run them.

https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch

T = TypeVar("T")


class Recorded(Generic[T]):
    """A function that is recorded when it is called again, and from then on replayed.

    The first call is an ordinary one, as libraries allocate and choose kernels in it.

    Args:
        function: Reads and writes tensors that never move, and looks at no value of theirs. What it returns is
            overwritten by other functions of the same pool.
        pool: Memory shared by functions that never run at the same time; None where there are no graphs.
    """

    def __init__(self, function: Callable[[], T], pool: Any) -> None:
        self.function = function
        self.pool = pool
        self._is_known = False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> T:
        if self.pool is None or not self._is_known:
            self._is_known = True
            return self.function()
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            # another thread may be loading a model, which is no error
            with torch.cuda.graph(self._graph, pool=self.pool, capture_error_mode="thread_local"):
                self._result = self.function()
        self._graph.replay()
        return self._result


def new_pool(device: str) -> Any:
    """Memory for recorded functions; None on a device without graphs."""
    return torch.cuda.graph_pool_handle() if device == "cuda" else None
