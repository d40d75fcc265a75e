"""`Snapshot`: an index and a policy that fit, as one call of a screener sees them throughout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from hashmatch.errors import AlgorithmError, PolicyError
from hashmatch.hashing import Digest, SegmentHash, get_algorithm
from hashmatch.index import Index
from hashmatch.policy import Policy


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An index, a policy, and everything that follows from the two.

    Parameters
    ----------
    index : Index
    policy : Policy
    algorithms : tuple of str
        Algorithms that contents are hashed by, sorted: all that rules ask about, all of the index
        if there are no rules. If none of them needs pixels, nothing is decoded.
    radii : mapping of str to int
        Algorithm to the inclusive radius in bits that rules need.
    """

    index: Index
    policy: Policy
    algorithms: tuple[str, ...]
    radii: Mapping[str, int]

    @property
    def digests(self) -> tuple[str, ...]:
        """Those of `algorithms` that are digests of the bytes."""
        return tuple(name for name in self.algorithms if isinstance(get_algorithm(name), Digest))

    @property
    def pixel_hashes(self) -> tuple[str, ...]:
        """Those of `algorithms` that need pixels."""
        return tuple(
            name for name in self.algorithms if not isinstance(get_algorithm(name), Digest)
        )


def load_snapshot(
    index_dir: str | os.PathLike[str], policy_path: str | os.PathLike[str]
) -> Snapshot:
    """Open an index and a policy; PolicyError if the index cannot serve the policy."""
    policy = Policy.load(policy_path)
    return fit_snapshot(Index.open(index_dir), policy, policy_path)


def fit_snapshot(index: Index, policy: Policy, policy_path: str | os.PathLike[str]) -> Snapshot:
    """Put an open index and a policy together; PolicyError if they do not fit."""
    radii: dict[str, int] = {}
    for algorithm in policy.algorithms:
        radius = policy.radius_bits(algorithm)
        assert radius is not None  # algorithms are those that rules name
        if algorithm not in index.algorithms:
            held = ", ".join(index.algorithms) or "nothing"
            raise PolicyError(
                f"{os.fspath(policy_path)}: rules ask about {algorithm}, but index "
                f"{index.ref.name} holds {held}; remove those rules or add a {algorithm} list"
            )
        bits = index.bits(algorithm)
        if radius > bits:
            raise PolicyError(
                f"{os.fspath(policy_path)}: a rule's max_distance of {radius} is more than the "
                f"{bits} bits of {algorithm} in index {index.ref.name}"
            )
        radii[algorithm] = radius
    algorithms = policy.algorithms or index.algorithms
    for algorithm in algorithms:
        _check_usable(algorithm)
    return Snapshot(index, policy, algorithms, radii)


def _check_usable(algorithm: str) -> None:
    """Raise AlgorithmError if this installation cannot compute an algorithm of the index."""
    try:
        hasher = get_algorithm(algorithm)
    except ValueError as error:
        remedy = "install the plug-in that the index was built with"
        raise AlgorithmError(f"{error}; {remedy}") from None
    if isinstance(hasher, SegmentHash):
        hasher.check_usable()
