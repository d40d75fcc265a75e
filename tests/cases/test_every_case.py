"""Every folder of the cases has a test."""

import os
import re
from pathlib import Path

import pytest

from tests.cases.test_decisions import DEMO_CASES, OWN_CASES
from tests.conftest import CASES_VARIABLE


@pytest.mark.skipif(not os.environ.get(CASES_VARIABLE), reason=f"{CASES_VARIABLE} is not set")
def test_every_folder_has_a_test() -> None:
    folders = {path.name for path in Path(os.environ[CASES_VARIABLE]).iterdir() if path.is_dir()}
    named = {name.partition("/")[0] for name in (*DEMO_CASES, *OWN_CASES)}
    for module in Path(__file__).parent.glob("test_*.py"):
        named.update(re.findall(r'\.case\(\s*"([^"]+)"', module.read_text()))
    assert folders - named == set()
