from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashmatch.errors import HashmatchError, IndexFormatError
from hashmatch.index import Index, build_index, verify_index
from hashmatch.index.built_folder import Published
from hashmatch.index.published import load_published

MakeFolder = Callable[..., Path]
HashOf = Callable[[object], str]


def built_file(folder: Path, suffix: str) -> Path:
    (path,) = (folder / "built").glob(f"*{suffix}")
    return path


def test_every_file_is_named(folder: Path) -> None:
    build_index(folder)
    names = verify_index(folder)
    assert names[0] == "manifest.json"
    assert sorted([*names, ".lock"]) == sorted(path.name for path in (folder / "built").iterdir())
    for name in names[1:]:
        digest = hashlib.sha256((folder / "built" / name).read_bytes()).hexdigest()
        assert digest[:12] in name


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    rows = "".join(f"e{row},{hashlib.sha256(b'%d' % row).hexdigest()},h\n" for row in range(9))
    (folder / "known.csv").write_text("entry_id,hash,harm\n" + rows, encoding="utf-8")
    (folder / "recipe.toml").write_text(
        'name = "a"\n[[lists]]\nname = "known"\nfile = "known.csv"\nversion = "1"\n',
        encoding="utf-8",
    )
    build_index(folder)
    return folder


@given(st.sampled_from([".hmi", ".entries.arrow", ".json"]), st.floats(0, 1), st.integers(1, 255))
def test_a_flipped_byte_anywhere_is_found_and_named(
    sound: Path, suffix: str, place: float, flip: int
) -> None:
    path = built_file(sound, suffix)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[min(int(place * len(whole)), len(whole) - 1)] ^= flip
    path.write_bytes(damaged)
    try:
        with pytest.raises(IndexFormatError, match=f"{path.name}: damaged"):
            verify_index(sound)
        with pytest.raises(IndexFormatError, match=f"{path.name}: damaged"):
            Index.open(sound, verify=True)
    finally:
        path.write_bytes(whole)
    verify_index(sound)


@pytest.mark.parametrize("suffix", [".hmi", ".entries.arrow"])
def test_a_file_missing_or_of_another_size_is_named_on_opening(folder: Path, suffix: str) -> None:
    build_index(folder)
    path = built_file(folder, suffix)
    whole = path.read_bytes()
    for data in (b"", whole[:-1], whole + b"\0"):
        path.write_bytes(data)
        with pytest.raises(IndexFormatError) as caught:
            Index.open(folder)
        expected = f"{len(data)} bytes instead of {len(whole)}"
        assert str(caught.value) == (
            f"{path}: damaged, {expected}; run: hashmatch index build {folder}"
        )
    path.unlink()
    with pytest.raises(IndexFormatError, match=f"{path.name}: missing; run: hashmatch index build"):
        Index.open(folder)


def test_a_segment_of_another_index_is_refused(
    make_folder: MakeFolder, hash_of: HashOf, toy: str
) -> None:
    row = {"entry_id": "a", "hash": hash_of(1)[:16], "harm": "h", "algorithm": toy}
    folder = make_folder({"known": [row, row | {"hash": "ab" * 8}]})
    build_index(folder)
    path = built_file(folder, ".hmi")
    n_bytes = path.stat().st_size
    other = make_folder({"known": [row | {"hash": "ab" * 8}, row]}, name="other")
    build_index(other)
    assert built_file(other, ".hmi").stat().st_size == n_bytes
    shutil.copy(built_file(other, ".hmi"), path)
    with pytest.raises(IndexFormatError, match="its SHA-256 is another"):
        Index.open(folder, verify=True)


def test_nothing_built_is_nothing_to_verify(folder: Path) -> None:
    with pytest.raises(HashmatchError, match="is not built; run: hashmatch index build"):
        verify_index(folder)


def test_a_generation_published_meanwhile_is_taken(folder: Path) -> None:
    build_index(folder)
    seen = []

    def load(published: Published) -> int:
        seen.append(published.manifest.generation)
        if len(seen) == 1:
            with (folder / "spam.csv").open("a", encoding="utf-8") as file:
                file.write(f"k-9,{'ab' * 32},spam\n")
            build_index(folder)
            raise IndexFormatError("a file of the generation before is gone")
        return published.manifest.generation

    assert load_published(folder, load) == 2
    assert seen == [1, 2]


READ_EVERYTHING = """
import sys
import numpy as np
from hashmatch.index import Index
from hashmatch.errors import IndexFormatError

folder, path = sys.argv[1:]
whole = open(path, "rb").read()
refused = 0
for position in range(0, len(whole), 7):
    damaged = bytearray(whole)
    damaged[position] ^= 0xFF
    with open(path, "r+b") as file:
        file.write(damaged)
    try:
        index = Index.open(folder)
        found = index.search("pdq", np.zeros((1, 32), np.uint8), 256)
        index.origin_of("pdq", found.ids)
        index.entry_of("pdq", found.ids)
        index.entry_ids("pdq", found.ids)
        index.provenance("pdq", 0)
    except IndexFormatError:
        refused += 1
print(refused)
"""


def test_without_verify_damage_never_crashes(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound, tmp_path / "copy")
    done = subprocess.run(
        [sys.executable, "-c", READ_EVERYTHING, folder, built_file(folder, ".entries.arrow")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 50


def test_damaged_ordinals_are_refused(sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound, tmp_path / "copy")
    path = built_file(folder, ".entries.arrow")
    whole = path.read_bytes()
    ordinals = np.arange(9, dtype="<i8").tobytes()
    assert whole.count(ordinals) == 1
    path.write_bytes(whole.replace(ordinals, np.full(9, 9, dtype="<i8").tobytes()))
    index = Index.open(folder)
    with pytest.raises(IndexFormatError, match="damaged in column entry"):
        index.entry_of("pdq", np.array([3]))
    assert index.entry_ids("pdq", np.array([3])) == ["e3"]
