"""What is left of a truncated file is decoded only where a process of its own was told to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import ImageFile

from hashmatch.decode import decode_image
from hashmatch.errors import DecodeError

PROGRAM = """
import sys
from pathlib import Path
from hashmatch.decode import accept_truncated, decode_image
accept_truncated()
print(decode_image(Path(sys.argv[1]).read_bytes()).array.tobytes().hex())
"""


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP"])
def test_only_where_asked(file_format: str, picture, encode, tmp_path: Path) -> None:
    whole = encode(picture, file_format)
    path = tmp_path / "half"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(DecodeError, match=r"^(truncated|damaged) "):
        decode_image(path.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    )
    found, expected = bytes.fromhex(done.stdout), decode_image(whole).array.tobytes()
    assert len(found) == len(expected)
    # BMP is stored from the bottom up, so what is there may be either end.
    n_bytes = len(expected) // 4
    assert found[:n_bytes] == expected[:n_bytes] or found[-n_bytes:] == expected[-n_bytes:]
    assert found != expected
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
