"""Very many small additions, and lists larger than memory should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hashmatch.index import Index, index_history
from tests.builders import build_folder, pdq_hash, write_recipe

N_ADDITIONS = 1_000

ADD = """
import resource, sys
from pathlib import Path
from hashmatch.index import add_list
from tests.builders import random_list

resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
folder = Path(sys.argv[1])
for number in range(int(sys.argv[2])):
    report = add_list(folder, random_list(folder / "delta.csv", 2, number), version=f"v{number}")
    assert (report.n_added, report.generation) == (2, number + 2)
"""

BUILD = """
import sys
from pathlib import Path
import pyarrow as pa
from hashmatch.index import StorageOptions, build_index

build_index(Path(sys.argv[1]), options=StorageOptions(chunk_rows=2048, batch_rows=2048))
print(pa.default_memory_pool().max_memory())
"""


def run(program: str, *args: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_thousand_additions_need_few_descriptors_and_leave_few_segments(tmp_path: Path) -> None:
    folder = build_folder(
        tmp_path / "index", {"known": [{"entry_id": "a", "hash": pdq_hash(1), "harm": "h"}]}
    )
    run(ADD, folder, N_ADDITIONS)
    index = Index.open(folder, verify=True)
    (facts,) = index.describe()["algorithms"]
    assert facts["n_codes"] == 1 + 2 * N_ADDITIONS
    assert facts["n_segments"] <= N_ADDITIONS.bit_length() + 1
    assert len(index_history(folder)) == 8
    assert len(list((folder / "built").glob("*.hmi"))) <= 3 * 8


def test_memory_does_not_grow_with_the_text_of_a_list(tmp_path: Path) -> None:
    n_text_bytes, peaks_bytes = 4000, []
    for n_rows in (5_000, 35_000):
        with (tmp_path / "known.csv").open("w") as file:
            file.write("entry_id,hash,harm,note\n")
            for row in range(n_rows):
                file.write(f"e{row},{pdq_hash(row)},h,{'x' * n_text_bytes}\n")
        write_recipe(tmp_path, {"known": "known.csv"})
        peaks_bytes.append(int(run(BUILD, tmp_path)))
    assert peaks_bytes[1] - peaks_bytes[0] < 30_000 * n_text_bytes / 10
