"""Golden files: committed bytes that tests compare with and `make golden` rewrites."""

from pathlib import Path


class GoldenFiles:
    """Compare bytes with committed files, or rewrite the files when asked to."""

    def __init__(self, *, rewrite: bool) -> None:
        self._rewrite = rewrite

    def check(self, path: Path, actual: bytes) -> None:
        """Fail where the file does not hold these bytes; write them where rewriting."""
        if self._rewrite:
            path.write_bytes(actual)
            return
        assert path.is_file(), f"{path} is missing; `make golden` writes it"
        expected = path.read_bytes()
        assert actual == expected, f"{path} differs; if the change is meant: `make golden`"
