"""`hashmatch index build|info|history|verify`."""

import json
import shutil
from pathlib import Path

import pytest

from hashmatch.cli import main
from hashmatch.index import Index


@pytest.fixture
def own(demo: Path, tmp_path: Path) -> Path:
    return Path(
        shutil.copytree(demo, tmp_path / "own", ignore=shutil.ignore_patterns("built", "uploads"))
    )


def test_build_reports_what_went_in(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "build", str(own), "--json"]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    report = json.loads(said.out)
    assert (report["name"], report["generation"], report["is_new"]) == ("demo", 1, True)
    assert report["n_codes"] == {"pdq": 17}
    counts = {one["list"]: (one["rows"], one["withdrawn"]) for one in report["lists"]}
    assert counts["demo-own-images"] == (4, 1)
    assert main(["index", "build", str(own)]) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert "index demo: generation 1 unchanged: 17 entries, 17 pdq codes" in said.err
    assert "demo-counter-terror" in said.err


def test_info_describes_what_is_built(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "info", str(demo), "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == Index.open(demo).describe()
    assert main(["index", "info", str(demo)]) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert Index.open(demo).ref.digest in said.err
    assert "demo-hotline" in said.err


def test_verify_finds_a_flipped_byte(own: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["index", "build", str(own)])
    capfd.readouterr()
    assert main(["index", "verify", str(own), "--json"]) == 0
    verified = json.loads(capfd.readouterr().out)["verified"]
    assert {"CURRENT", "manifests/000001.json"} < set(verified)
    for name in verified:
        path = own / "built" / name
        whole = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        assert main(["index", "verify", str(own)]) == 1
        said = capfd.readouterr()
        assert said.out == ""
        assert said.err.startswith("hashmatch: error: ")
        assert name in said.err
        path.write_bytes(whole)
    assert main(["index", "verify", str(own)]) == 0
    assert f"{len(verified)} files verified" in capfd.readouterr().err


def test_mistakes(own: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for command in ("build", "info", "history", "verify"):
        assert main(["index", command, str(tmp_path / "absent")]) == 2
        assert main(["index", command, str(own / "recipe.toml")]) == 2
        assert main(["index", command, str(tmp_path / "empty")]) == 1
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 3)
        assert said.err.count("hashmatch: error: ") == 3
    (own / "lists" / "spam.csv").write_text("entry_id,hash\na,zz\n")
    assert main(["index", "build", str(own)]) == 1
    said = capfd.readouterr()
    assert "spam.csv" in said.err
    assert "zz" not in said.err
