"""Registries of extensible things: hashmatch's own, registered items, and installed plug-ins."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, TypeVar

from hashmatch.errors import HashmatchError

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Registry(Mapping[str, _T]):
    """Items by name, each loaded when it is first asked for.

    Thread-safe, but an item may be loaded twice if two threads ask for it at the same moment.

    `noun` is what messages call an item. Entry points of `group` are plug-ins; each has the name of
    its item. `own` maps the names of hashmatch's items to ``"module:ATTRIBUTE"``. `admit` turns a
    plug-in's object, and the text that messages call it by, into an item; its ValueError says what
    was expected. `error` is raised for a plug-in that cannot be used.
    """

    noun: str
    group: str
    own: Mapping[str, str]
    admit: Callable[[Any, str], _T]
    error: type[HashmatchError]
    _items: dict[str, _T] = field(default_factory=dict, init=False)

    def __getitem__(self, name: str) -> _T:
        """Return the item of a name, the same object every time.

        KeyError if there is none; the registry's error, in one line that names the entry point, if
        a plug-in cannot be loaded or is invalid, or if two have this name. Others are not affected.
        """
        if name not in self._items:
            self._items[name] = self._load(name)
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        """Return whether there is an item of this name, without loading it."""
        # Installed packages come last, as searching them takes milliseconds.
        return name in self.own or name in self._items or name in self._plugin_names()

    def __iter__(self) -> Iterator[str]:
        """Yield all names, in order, without loading anything; looks at the installed packages."""
        return iter(sorted(self._names()))

    def __len__(self) -> int:
        return len(self._names())

    def register(self, item: Any) -> ExitStack:
        """Add an item in this process; ``close()`` or leaving a `with` block removes it.

        ValueError if the name is taken, the registry's error if the item is invalid.
        """
        name = str(getattr(item, "name", ""))
        if name in self:
            raise ValueError(f"the name {name!r} is taken by another {self.noun}")
        self._items[name] = self._check(item, name, f"registered {self.noun} {name}")
        undo = ExitStack()
        undo.callback(self.forget, name)
        return undo

    def forget(self, name: str) -> None:
        """Remove a registered item; unload a plug-in, so that it is loaded again."""
        self._items.pop(name, None)

    def load_usable(self) -> tuple[list[_T], list[str]]:
        """Load all items; return them, and a line for each plug-in that is unusable or ignored."""
        items, problems = [], []
        for name in self:
            try:
                items.append(self[name])
            except self.error as error:
                problems.append(str(error))
        for name in sorted(self._plugin_names() & self.own.keys()):
            where = _describe(self._points(name)[0])
            problems.append(f"{where} is ignored: {name!r} is hashmatch's own {self.noun}")
        return items, problems

    def _names(self) -> set[str]:
        return {*self.own, *self._items, *self._plugin_names()}

    def _plugin_names(self) -> set[str]:
        return set(_installed(self.group).names)

    def _points(self, name: str) -> list[EntryPoint]:
        return sorted(_installed(self.group).select(name=name), key=_describe)

    def _load(self, name: str) -> _T:
        if name in self.own:
            module, _, attribute = self.own[name].partition(":")
            item: _T = getattr(importlib.import_module(module), attribute)
            return item
        points = self._points(name)
        if not points:
            raise KeyError(name)
        where = _describe(points[0])
        if len({point.value for point in points}) > 1:
            claims = " and ".join(_describe(point) for point in points)
            raise self.error(f"{self.noun} {name!r} is claimed by {claims}; uninstall one")
        try:
            found = points[0].load()
        except Exception as error:
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            raise self.error(f"{where} cannot be loaded: {problem}") from error
        return self._check(found, name, where)

    def _check(self, found: Any, name: str, where: str) -> _T:
        try:
            item = self.admit(found, where)
            if found.name != name or not _NAME.fullmatch(name):
                expected = "that of the entry point: lower case, at most 40 letters"
                raise ValueError(f"expected its name to be {expected}")
        except ValueError as error:
            raise self.error(f"{where} is no {self.noun}: {error}") from None
        return item


def _installed(group: str) -> EntryPoints:
    """Return the entry points of a group in the installed packages."""
    folders = tuple((folder, _changed_ns(folder)) for folder in sys.path)
    return _read_installed(group, folders)


@lru_cache(maxsize=8)
def _read_installed(group: str, _: tuple[tuple[str, int], ...]) -> EntryPoints:
    """Look through the installed packages, which takes milliseconds, once while they are as now."""
    return entry_points(group=group)


def _changed_ns(folder: str) -> int:
    try:
        return os.stat(folder or ".").st_mtime_ns  # noqa: PTH116  (asked thousands of times)
    except OSError:
        return 0


def _describe(point: EntryPoint) -> str:
    owner = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
    return f"entry point {point.name} = {point.value}{owner}"
