"""`python -m hashmatch.cli`, the same as `hashmatch`."""

from __future__ import annotations

import sys

from hashmatch.cli import main

if __name__ == "__main__":
    sys.exit(main())
