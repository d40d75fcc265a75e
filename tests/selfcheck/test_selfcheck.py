"""The pinned hashes equal those of the reference, and drift is reported."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import av
import imagehash
import numpy as np
import pdqhash
import pytest
from PIL import Image

from hashmatch import selfcheck as module
from hashmatch.cli import main
from hashmatch.decode import DEFAULT_LIMITS, find_codecs
from hashmatch.decode.codecs import PLAIN_JPEG, VIDEO
from hashmatch.decode.formats import FORMATS
from hashmatch.decode.jpeg import load_jpeg
from hashmatch.errors import HashmatchError
from hashmatch.selfcheck import FOLDER, run_selfcheck

ROWS = json.loads((FOLDER / "pinned.json").read_text())
IMAGEHASHES = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
}
PICTURE_ROWS = [  # decoded by Pillow and hashed by pdqhash and imagehash alone
    row for row in ROWS if row["decode"] == "exact" and row["decoder"] not in {"HEIC", "JPEG XL"}
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "selfcheck"))


def test_nothing_has_drifted() -> None:
    assert [check.pinned.file for check in run_selfcheck() if check.drifted] == []


def test_every_format_and_file_is_pinned_and_small() -> None:
    assert {row["decoder"] for row in ROWS} == {
        PLAIN_JPEG,
        VIDEO,
        *(known.name for known in FORMATS),
    }
    files = list((FOLDER / "files").iterdir())
    assert {row["file"] for row in ROWS} == {path.name for path in files}
    assert sum(path.stat().st_size for path in files) < 250_000


def test_every_picture_is_pinned_by_every_algorithm_and_every_frame_by_pdq() -> None:
    pinned: dict[str, set[str]] = {}
    for row in ROWS:
        pinned.setdefault(row["file"], set()).add(row["algorithm"])
    videos = {row["file"] for row in ROWS if row["decoder"] == VIDEO}
    assert len(videos) == 2
    for file, algorithms in pinned.items():
        assert algorithms == ({"pdq"} if file in videos else {"pdq", *IMAGEHASHES})
    assert [row["timestamp_s"] for row in ROWS if row["decoder"] == VIDEO] == [0, 1, 2] * 2


def test_jpegs_are_pinned_by_both_decoders() -> None:
    for row in ROWS:
        if row["decoder"] in {PLAIN_JPEG, "JPEG"}:
            data = (FOLDER / "files" / row["file"]).read_bytes()
            found = load_jpeg(data, DEFAULT_LIMITS, luma=row["decode"] == "luma")
            assert found.by_pillow == (row["decoder"] == "JPEG")


@pytest.mark.parametrize("row", PICTURE_ROWS, ids=lambda row: f"{row['file']}-{row['algorithm']}")
def test_pins_are_the_hashes_of_the_reference(row: dict[str, Any]) -> None:
    image = Image.open(io.BytesIO((FOLDER / "files" / row["file"]).read_bytes()))
    if image.mode == "I;16":
        pixels = np.repeat((np.asarray(image) >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    else:
        pixels = np.asarray(image.convert("RGB"))
    if row["algorithm"] == "pdq":
        bits, quality = pdqhash.compute(pixels)
        assert (np.packbits(bits).tobytes().hex(), quality) == (row["hex"], row["quality"])
    else:
        assert str(IMAGEHASHES[row["algorithm"]](Image.fromarray(pixels))) == row["hex"]
        assert row["quality"] is None


def test_pins_of_videos_are_the_hashes_of_the_reference() -> None:
    for file in sorted({row["file"] for row in ROWS if row["decoder"] == VIDEO}):
        with av.open(str(FOLDER / "files" / file)) as film:
            planes = [frame.to_ndarray()[: frame.height] for frame in film.decode(video=0)]
        codes = [pdqhash.compute(np.repeat(luma[:, :, None], 3, axis=2))[0] for luma in planes]
        found = [np.packbits(code).tobytes().hex() for code in codes]
        assert found == [row["hex"] for row in ROWS if row["file"] == file]


def test_a_changed_hash_is_drift(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = json.loads((folder / "pinned.json").read_text())
    rows[0]["hex"] = f"{int(rows[0]['hex'], 16) ^ 0b1011:064x}"
    other = next(n for n, row in enumerate(rows) if row["file"] != rows[0]["file"])
    rows[other]["quality"] -= 1
    (folder / "files" / rows[-1]["file"]).write_bytes(b"no picture")
    (folder / "pinned.json").write_text(json.dumps(rows))
    checks = run_selfcheck(folder)
    drifted = {number for number, check in enumerate(checks) if check.drifted}
    of_last_file = {n for n, row in enumerate(rows) if row["file"] == rows[-1]["file"]}
    assert drifted == {0, other, *of_last_file}
    assert [checks[number].distance for number in (0, other, -1)] == [3, 0, None]
    monkeypatch.setattr(module, "FOLDER", folder)
    monkeypatch.setattr(module, "run_selfcheck", lambda: checks)
    assert main(["selfcheck"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "3 bits" in said.err
    assert "cannot be decoded: not a video" in said.err
    assert main(["selfcheck", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["drifted"] == len(drifted)
    assert "hex" not in json.dumps(answer)


def test_no_drift_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selfcheck", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["drifted"], len(answer["checks"])) == (0, len(ROWS))
    assert main(["selfcheck"]) == 0
    assert f"{len(ROWS)} pinned hashes, 0 drifted" in capsys.readouterr().err


def test_a_missing_extra_is_not_drift(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = find_codecs()
    monkeypatch.setattr(
        module, "find_codecs", lambda: {**real, "HEIC": None, VIDEO: None, "PNG": None}
    )
    checks = {check.pinned.decoder: check for check in run_selfcheck()}
    for extra in ("HEIC", VIDEO):
        assert checks[extra].skipped
        assert not checks[extra].drifted
    assert not checks["PNG"].skipped
    monkeypatch.setattr(module, "run_selfcheck", lambda: list(checks.values()))
    assert main(["selfcheck"]) == 0
    assert capsys.readouterr().err.count("not installed") == 2


def test_a_changed_frame_is_drift_and_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for row in ROWS if row["file"] == "h264.mp4"]
    rows[1] = {**rows[1], "hex": f"{int(rows[1]['hex'], 16) ^ 1:064x}"}
    rows[2] = {**rows[2], "timestamp_s": 2.5}
    (folder / "pinned.json").write_text(json.dumps(rows))
    checks = run_selfcheck(folder)
    assert [check.distance for check in checks] == [0, 1, None]
    monkeypatch.setattr(module, "run_selfcheck", lambda: checks)
    assert main(["selfcheck"]) == 1
    said = capsys.readouterr().err
    assert "drift: h264.mp4 at 1 s, pdq: 1 bits" in said
    assert "drift: h264.mp4 at 2.5 s, pdq: cannot be decoded: no frame at 2.5 s" in said


def test_a_damaged_installation_says_so(folder: Path) -> None:
    (folder / "pinned.json").write_text("[{}]")
    with pytest.raises(HashmatchError, match=r"pinned\.json: cannot be read .* install"):
        run_selfcheck(folder)
    shutil.rmtree(folder)
    with pytest.raises(HashmatchError, match=r"pinned\.json: cannot be read"):
        run_selfcheck(folder)
