"""The memory of large pictures is returned to the system."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.server

PROGRAM = """
import io, os
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
from florence_ui.hosting.memory import return_free_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

file = io.BytesIO()
Image.new("RGB", (4000, 3000), "teal").save(file, "PNG")

def decode(number):
    kept = []
    for _ in range(4):
        Image.open(io.BytesIO(file.getvalue())).convert("RGB").resize((3999, 2999))
        kept.append(bytes(1000))  # lies above the freed blocks, so that they stay with the process
    return kept

with ThreadPoolExecutor(6) as pool:
    kept = list(pool.map(decode, range(24)))
    before = resident()
    assert return_free_memory()
    print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps such memory and can be asked for it")
def test_memory_that_decoding_freed_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 100
