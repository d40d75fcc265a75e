"""docs/decision-row.md and its JSON Schema describe rows as they are."""

import copy
import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hashmatch.backlog import scan
from hashmatch.errors import ErrorKind

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "decision-row.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def rows_under(demo: Path, policy: Path) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    scan([demo / "uploads"], index=demo, policy=policy, output=stream)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture(scope="module")
def rows(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    shadow = tmp_path_factory.mktemp("policy") / "shadow.toml"
    shadow.write_text((demo / "policy.toml").read_text().replace('"enforce"', '"shadow"'))
    return rows_under(demo, demo / "policy.toml") + rows_under(demo, shadow)


def test_real_rows_fit_the_schema(rows: list[dict[str, Any]]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert len(rows) == 52
    assert {row["mode"] for row in rows} == {"enforce", "shadow"}
    for row in rows:
        VALIDATOR.validate(row)


def test_the_schema_is_strict(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["matches"] and row["rules"])
    places: list[list[Any]] = [
        [],
        ["matches", 0],
        ["rules", 0],
        ["hashes", 0],
        ["policy"],
        ["index"],
    ]
    for place in places:
        for change in ("extra", "missing", "wrong"):
            broken = copy.deepcopy(row)
            inner: Any = broken
            for step in place:
                inner = inner[step]
            key = next(iter(inner))
            if change == "extra":
                inner["more"] = 1
            elif change == "missing":
                del inner[key]
            else:
                inner[key] = 1.5
            assert not VALIDATOR.is_valid(broken), (place, change)


def test_the_document_names_every_field_in_order(rows: list[dict[str, Any]]) -> None:
    sections = re.split(r"^##+ ", (DOCS / "decision-row.md").read_text(), flags=re.MULTILINE)
    documented = {}
    for section in sections:
        title = section.partition("\n")[0].strip("`")
        fields = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        if fields and title != "Errors and matches":  # which tells of fields named before
            documented[title] = fields
    assert documented.pop("Error kinds") == list(ErrorKind)
    assert {*ErrorKind, None} == set(SCHEMA["properties"]["error_kind"]["enum"])
    row = next(row for row in rows if row["matches"] and row["rules"])
    assert documented == {
        "Fields": list(row),
        "hashes": list(row["hashes"][0]),
        "matches": list(row["matches"][0]),
        "rules": list(row["rules"][0]),
        "policy": list(row["policy"]),
        "index": list(row["index"]),
    }
