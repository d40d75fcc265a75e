"""`hashmatch index bench`."""

import csv
import io
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

from hashmatch.cli import main
from hashmatch.cli.index_bench import Backend, Skew
from hashmatch.interop import BACKENDS, SKEWS, BenchRow

QUICK = ["--queries", "50", "--limit", "0.05"]


def run(*args: str | Path) -> int:
    return main(["index", "bench", *map(str, args), *QUICK])


def test_names_are_those_of_the_library() -> None:
    assert [backend.value for backend in Backend] == list(BACKENDS)
    assert get_args(Skew) == tuple(SKEWS)


def test_synthetic_codes_give_a_table_and_csv(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--codes", "2e3", "--skew", "duplicates") == 0
    said = capfd.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert list(rows[0]) == [field.name for field in fields(BenchRow)]
    assert [row["backend"] for row in rows] == ["native", "faiss-flat", "faiss-multihash"]
    assert {(row["n_codes"], row["bits"], row["radius"]) for row in rows} == {("2000", "256", "31")}
    assert "2,000 codes of 256 bits (synthetic, duplicates), radius 31, 1 thread" in said.err
    assert "faiss-multihash" in said.err
    assert "faiss-cpu" in said.err


def test_json_and_what_is_approximate(capfd: pytest.CaptureFixture[str]) -> None:
    wide = ["--codes", "500", "--bits", "64", "--radius", "9", "--threads", "2", "--seed", "4"]
    both = ["--backend", "faiss-hnsw", "--backend", "native", "--backend", "native"]
    assert run(*wide, *both, "--json") == 0
    said = capfd.readouterr()
    assert said.err == ""
    report = json.loads(said.out)
    hnsw, native = report["rows"]
    assert (hnsw["backend"], hnsw["exact"], hnsw["task"]) == ("faiss-hnsw", False, "nearest 10")
    assert (native["backend"], native["exact"], native["recall"]) == ("native", True, 1.0)
    assert (native["bits"], native["radius"], native["threads"]) == (64, 9, 2)
    assert report["data"] == {"codes": "synthetic, uniform", "skew": "uniform", "seed": 4}
    assert report["machine"]["kernel"]
    assert run(*wide, "--backend", "faiss-hnsw") == 0
    assert "faiss-hnsw (approximate; nearest 10)" in capfd.readouterr().err


def test_a_built_index_and_a_list_are_measured(
    demo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(demo, "--backend", "native", "--json") == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["rows"][0]["n_codes"], report["rows"][0]["bits"]) == (17, 256)
    assert report["data"]["codes"] == f"{demo}, pdq"
    assert run(demo / "lists" / "spam.csv", "--backend", "native", "--json") == 0
    assert json.loads(capfd.readouterr().out)["rows"][0]["n_codes"] == 6


def test_hashes_of_mixed_widths_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "short.csv"
    path.write_text("entry_id,hash\na," + "0f" * 32 + "\nb," + "c3" * 8 + "\n")
    assert run(path) == 1
    said = capfd.readouterr().err
    assert f"{path}: pdq hashes have 64 hex digits, and some have not" in said
    assert "c3c3" not in said


def test_a_backend_that_refuses_is_left_out(
    capfd: pytest.CaptureFixture[str],
) -> None:
    multihash = ["--codes", "2e4", "--radius", "140", "--backend", "faiss-multihash"]
    assert run(*multihash, "--backend", "native") == 0
    said = capfd.readouterr()
    assert "faiss-multihash left out: " in said.err
    assert [row["backend"] for row in csv.DictReader(io.StringIO(said.out))] == ["native"]
    assert run(*multihash) == 1
    assert "faiss-multihash left out: " in capfd.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--codes", "0"], "'0' is not a whole number of 1 or more"),
        (["--codes", "1.5"], "'1.5' is not a whole number"),
        (["--codes", "many"], "'many' is not a whole number"),
        (["--codes", "nan"], "'nan' is not a whole number"),
        (["--bits", "0"], "should be greater than or equal to 64"),
        (["--bits", "65"], "expected a multiple of 8"),
        (["--codes", "5", "--radius", "257"], "the codes have only 256 bits"),
        (["--backend", "annoy"], "'annoy' is not one of 'native'"),
        (["--plot", "figures.txt"], "expected a name that ends in .png, .svg, .pdf"),
        (["--plot", "no-such-folder/a.png"], "no-such-folder/a.png: its folder is not writable"),
        (["no-such-folder"], "no-such-folder"),
    ],
)
def test_bad_usage(capfd: pytest.CaptureFixture[str], args: list[str], message: str) -> None:
    assert run(*args) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert message in said.err


def test_a_folder_and_synthetic_codes_do_not_go_together(
    demo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(demo, "--codes", "100") == 2
    assert "are for synthetic codes, without a DIR" in capfd.readouterr().err
    assert run(demo, "--algorithm", "phash") == 2
    assert "the index holds pdq" in capfd.readouterr().err


def test_a_plot_that_cannot_be_written_is_refused_before_anything_is_measured(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "folder.png"
    path.mkdir()
    assert run("--codes", "300", "--plot", path) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert f"file '{path}' is a directory" in said.err
    path.rmdir()
    assert run("--codes", "300", "--backend", "native", "--plot", path, "--radius", "999") == 2
    assert not path.exists()


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot(tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"figures{suffix}"
    backends = ["--backend", "native", "--backend", "faiss-flat"]
    assert run("--codes", "300", *backends, "--plot", path) == 0
    assert path.read_bytes().startswith({".png": b"\x89PNG", ".svg": b"<?xml"}[suffix])
    assert "native" in capfd.readouterr().err


def test_plot_without_matplotlib_names_the_extra(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("--codes", "300", "--plot", tmp_path / "a.png") == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert "pip install 'hashmatch[analysis]'" in said.err
