"""The pinned hashes are those of the reference, and any drift is told."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashmatch import selfcheck as module
from hashmatch.cli import main
from hashmatch.decode.formats import FORMATS
from hashmatch.errors import HashmatchError
from hashmatch.selfcheck import FOLDER, run_selfcheck

ROWS = json.loads((FOLDER / "pinned.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "selfcheck"))


def test_nothing_has_drifted() -> None:
    assert [check.pinned.file for check in run_selfcheck() if check.drifted] == []


def test_every_format_and_file_is_pinned_and_small() -> None:
    assert {row["decoder"] for row in ROWS} == {known.name for known in FORMATS}
    files = list((FOLDER / "files").iterdir())
    assert {row["file"] for row in ROWS} == {path.name for path in files}
    assert sum(path.stat().st_size for path in files) < 250_000


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["decode"] == "exact"], ids=lambda row: row["file"]
)
def test_pins_are_the_hashes_of_the_reference(row: dict[str, str]) -> None:
    if row["algorithm"] != "pdq" or row["decoder"] in {"HEIC", "JPEG XL"}:
        pytest.skip("pdqhash and Pillow alone have no say")
    image = Image.open(io.BytesIO((FOLDER / "files" / row["file"]).read_bytes()))
    if image.mode == "I;16":
        pixels = np.repeat((np.asarray(image) >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    else:
        pixels = np.asarray(image.convert("RGB"))
    bits, quality = pdqhash.compute(pixels)
    assert (np.packbits(bits).tobytes().hex(), quality) == (row["hex"], row["quality"])


def test_a_moved_hash_is_drift(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = json.loads((folder / "pinned.json").read_text())
    rows[0]["hex"] = f"{int(rows[0]['hex'], 16) ^ 0b1011:064x}"
    rows[1]["quality"] -= 1
    (folder / "files" / rows[-1]["file"]).write_bytes(b"no picture")
    (folder / "pinned.json").write_text(json.dumps(rows))
    checks = run_selfcheck(folder)
    drifted = {number for number, check in enumerate(checks) if check.drifted}
    assert drifted == {0, 1, len(checks) - 1}
    assert [checks[number].distance for number in (0, 1, -1)] == [3, 0, None]
    monkeypatch.setattr(module, "FOLDER", folder)
    monkeypatch.setattr(module, "run_selfcheck", lambda: checks)
    assert main(["selfcheck"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "3 bits" in said.err
    assert "not an image" in said.err
    assert main(["selfcheck", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["drifted"] == 3
    assert "hex" not in json.dumps(answer)


def test_all_well_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selfcheck", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["drifted"], len(answer["checks"])) == (0, len(ROWS))
    assert main(["selfcheck"]) == 0
    assert f"{len(ROWS)} pinned hashes, 0 drifted" in capsys.readouterr().err


def test_an_extra_that_is_missing_is_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.codecs()
    monkeypatch.setattr(module, "codecs", lambda: {**real, "HEIC": None, "PNG": None})
    checks = {check.pinned.decoder: check for check in run_selfcheck()}
    assert checks["HEIC"].skipped
    assert not checks["HEIC"].drifted
    assert not checks["PNG"].skipped


def test_a_damaged_installation_says_so(folder: Path) -> None:
    (folder / "pinned.json").write_text("[{}]")
    with pytest.raises(HashmatchError, match=r"pinned\.json: cannot be read .* install"):
        run_selfcheck(folder)
    shutil.rmtree(folder)
    with pytest.raises(HashmatchError, match=r"pinned\.json: cannot be read"):
        run_selfcheck(folder)
