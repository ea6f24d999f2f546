from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from liftlab.sandbox import warm

# In a process of its own: what it holds is held for good, and no thread comes between.
MEASURE = f"""
import sys
sys.path.insert(0, {str(Path(warm.__file__).parent)!r})
import warm
warm.import_common()
warm.fill_holes()
held = sum(map(sys.getsizeof, warm._held))
sizes = range(64, 512, 64)
apart = 0
for size in sizes:
    made = [bytes(size - sys.getsizeof(b"")) for _ in range(8)]
    apart += max(map(id, made)) - min(map(id, made)) > 8 * size
print(held, apart, len(sizes))
"""


def test_after_filling_the_holes_new_objects_lie_side_by_side() -> None:
    command = [sys.executable, "-S", "-P", "-c", MEASURE]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    held, apart, sizes = map(int, told)
    assert held < 2_000_000
    assert apart < sizes / 2
