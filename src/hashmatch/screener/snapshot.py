"""`Snapshot`: an index and a matching policy, as one call of a screener sees them throughout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from hashmatch.errors import AlgorithmError, PolicyError
from hashmatch.hashing import Digest, SegmentHash, get_algorithm
from hashmatch.index import Index
from hashmatch.policy import Policy

StrPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An index, a policy, and everything that follows from the two.

    Uploads are hashed by `digests` of their bytes and by `pixel_hashes`, both sorted: all
    algorithms that rules ask about, or all of the index without rules. If `pixel_hashes` is empty,
    nothing is decoded. `radii` has the inclusive radius in bits that rules need for each algorithm.
    """

    index: Index
    policy: Policy
    digests: tuple[str, ...]
    pixel_hashes: tuple[str, ...]
    radii: Mapping[str, int]


def load_snapshot(
    index_dir: StrPath, policy_path: StrPath, *, generation: int | None = None
) -> Snapshot:
    """Open a generation of an index, by default the current one, and a policy.

    PolicyError if the index cannot serve the policy.
    """
    policy = Policy.load(policy_path)
    return fit_snapshot(Index.open(index_dir, generation=generation), policy, policy_path)


def fit_snapshot(index: Index, policy: Policy, policy_path: StrPath) -> Snapshot:
    """Combine an open index and a policy; PolicyError if they do not fit together."""
    policy.check_names(index.names, f"index {index.ref.name}")
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
    names = policy.algorithms or index.algorithms
    digests = tuple(name for name in names if _is_digest(name))
    pixel_hashes = tuple(name for name in names if name not in digests)
    return Snapshot(index, policy, digests, pixel_hashes, radii)


def _is_digest(algorithm: str) -> bool:
    """Return whether an algorithm is a digest; AlgorithmError if this installation lacks it."""
    try:
        hasher = get_algorithm(algorithm)
    except ValueError as error:
        remedy = "install the plug-in that the index was built with"
        raise AlgorithmError(f"{error}; {remedy}") from None
    if isinstance(hasher, SegmentHash):
        hasher.check_usable()
    return isinstance(hasher, Digest)
