"""`python -m hashmatch.cli`, the same as `hashmatch`."""

import sys

from hashmatch.cli import main

if __name__ == "__main__":
    sys.exit(main())
