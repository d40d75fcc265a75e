"""What one call of a screener sees from beginning to end: an index and a policy that fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from hashmatch.catalog import Catalog
from hashmatch.errors import PolicyError
from hashmatch.policy import Policy


@dataclass(frozen=True, slots=True)
class State:
    """An index, a policy, and what follows from the two.

    Parameters
    ----------
    catalog : Catalog
    policy : Policy
    algorithms : tuple of str
        What contents are hashed by: all that rules ask about, all of the index where there are no
        rules, so that contents are decoded in any case.
    radii : mapping of str to int
        Algorithm to the inclusive radius in bits that rules need.
    """

    catalog: Catalog
    policy: Policy
    algorithms: tuple[str, ...]
    radii: Mapping[str, int]


def load_state(index_dir: str | os.PathLike[str], policy_path: str | os.PathLike[str]) -> State:
    """Open an index and a policy; PolicyError where the index cannot serve the policy."""
    policy = Policy.load(policy_path)
    return fit(Catalog.open(index_dir), policy, policy_path)


def fit(catalog: Catalog, policy: Policy, policy_path: str | os.PathLike[str]) -> State:
    """Put an open index and a policy together; PolicyError where they do not fit."""
    radii: dict[str, int] = {}
    for algorithm in policy.algorithms:
        radius = policy.radius_bits(algorithm)
        assert radius is not None  # algorithms are those that rules name
        if algorithm not in catalog.algorithms:
            held = ", ".join(catalog.algorithms) or "nothing"
            raise PolicyError(
                f"{os.fspath(policy_path)}: rules ask about {algorithm}, but index "
                f"{catalog.ref.name} holds {held}; remove those rules or add a {algorithm} list"
            )
        bits = catalog.bits(algorithm)
        if radius > bits:
            raise PolicyError(
                f"{os.fspath(policy_path)}: a rule's max_distance of {radius} is more than the "
                f"{bits} bits of {algorithm} in index {catalog.ref.name}"
            )
        radii[algorithm] = radius
    return State(catalog, policy, policy.algorithms or catalog.algorithms, radii)
