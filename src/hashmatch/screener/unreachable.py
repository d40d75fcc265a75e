"""Listed hashes of so low a quality that no rule can take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hashmatch.index import Index
from hashmatch.policy import MatchGroup, Policy


@dataclass(frozen=True, slots=True)
class UnreachableHashes:
    """Hashes of one list by one algorithm whose quality is below what every rule asks for.

    An exact copy of what was listed matches them, and no rule takes the match. (It may if the copy
    is faint and the policy has ``stretched`` views.)
    """

    list: str
    algorithm: str
    n_hashes: int

    def __str__(self) -> str:
        what = "hash is" if self.n_hashes == 1 else "hashes are"
        return (
            f"list {self.list}: {self.n_hashes:,} {self.algorithm} {what} of lower quality than "
            "every rule about them asks for, so that exact copies fire none; give a near-exact "
            "rule min_quality = 0"
        )


def find_unreachable(index: Index, policy: Policy) -> tuple[UnreachableHashes, ...]:
    """Find the listed hashes that no rule can take for their quality, by list and algorithm.

    Reads 6 bytes of each row. Hashes that no rule is about, at any quality, are left out, as are
    those whose list states no quality.
    """
    n_hashes: dict[tuple[str, str], int] = {}
    for algorithm in policy.algorithms:
        if algorithm not in index.algorithms:
            continue
        counts = index.count_qualities(algorithm)
        for number, quality in np.argwhere(counts).tolist():
            origin = index.origins[number]
            about = (origin.list, origin.harm, origin.classification, algorithm)
            if policy.has_rule_for(MatchGroup(*about, 0, quality)):
                continue
            if policy.has_rule_for(MatchGroup(*about, 0, None)):
                key = origin.list, algorithm
                n_hashes[key] = n_hashes.get(key, 0) + int(counts[number, quality])
    return tuple(UnreachableHashes(*key, n) for key, n in sorted(n_hashes.items()))
