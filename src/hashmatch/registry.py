"""Registries of what others can add: hashmatch's own, what is registered, plug-ins installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from hashmatch.errors import HashmatchError

_T = TypeVar("_T")


class Registry(Mapping[str, _T]):
    """Items by name, each loaded when it is first asked for.

    Thread-safe, unless two threads load one item at the same moment: then it may load twice.

    Parameters
    ----------
    noun : str
        What an item is, in messages.
    group : str
        Entry points of this group are plug-ins; one has the name of its item.
    own : mapping of str to str
        Name to ``"module:ATTRIBUTE"`` of the items that hashmatch brings.
    admit : callable
        From (object, name, where) of a plug-in to the item; raises `error`, beginning with `where`,
        if the object is not fit to be one.
    error : type of HashmatchError
        Raised for a plug-in that cannot be used.
    """

    def __init__(
        self,
        noun: str,
        *,
        group: str,
        own: Mapping[str, str],
        admit: Callable[[Any, str, str], _T],
        error: type[HashmatchError],
    ) -> None:
        self._noun = noun
        self._group = group
        self._own = own
        self._admit = admit
        self._error = error
        self._registered: dict[str, _T] = {}
        self._loaded: dict[str, _T] = {}

    def __getitem__(self, name: str) -> _T:
        """Return the item of a name, the same object every time.

        Raises
        ------
        KeyError
            There is none.
        HashmatchError
            Of the registry's type: a plug-in that cannot be loaded or is not fit, or two of one
            name. One line that names the entry point; other items are not affected.
        """
        if name in self._registered:
            return self._registered[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Return whether there is an item of this name, without loading it."""
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        """Yield all names, in order, without loading anything; looks at the installed packages."""
        return iter(sorted(self._names()))

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._names())

    def register(self, name: str, item: Any) -> ExitStack:
        """Add an item, in this process; it is undone by ``close()`` or leaving a `with` block.

        ValueError if there is one of this name, the registry's error if it is not fit.
        """
        if name in self:
            raise ValueError(f"the name {name!r} is taken by another {self._noun}")
        self._registered[name] = self._admit(item, name, f"registered {self._noun} {name}")
        undo = ExitStack()
        undo.callback(self.forget, name)
        return undo

    def forget(self, name: str) -> None:
        """Drop a registered item, and a plug-in from memory, so that it is loaded anew."""
        self._registered.pop(name, None)
        self._loaded.pop(name, None)

    def load_usable(self) -> tuple[list[_T], list[str]]:
        """Load all items; return them, and a line on each plug-in that is unusable or ignored."""
        items, problems = [], []
        for name in self:
            try:
                items.append(self[name])
            except self._error as error:
                problems.append(str(error))
        for name in sorted(self._plugin_names() & self._own.keys()):
            where = _describe(self._points(name)[0])
            problems.append(f"{where} is ignored: {name!r} is hashmatch's own {self._noun}")
        return items, problems

    def _names(self) -> set[str]:
        return {*self._own, *self._registered, *self._plugin_names()}

    def _plugin_names(self) -> set[str]:
        return {point.name for point in entry_points(group=self._group)}

    def _points(self, name: str) -> list[EntryPoint]:
        return sorted(entry_points(group=self._group, name=name), key=_describe)

    def _load(self, name: str) -> _T:
        if name in self._own:
            module, _, attribute = self._own[name].partition(":")
            item: _T = getattr(importlib.import_module(module), attribute)
            return item
        points = self._points(name)
        if not points:
            raise KeyError(name)
        where = _describe(points[0])
        if len({point.value for point in points}) > 1:
            claims = " and ".join(_describe(point) for point in points)
            raise self._error(f"{self._noun} {name!r} is claimed by {claims}; uninstall one")
        try:
            found = points[0].load()
        except Exception as error:
            problem = " ".join(f"{type(error).__name__}: {error}".split())
            raise self._error(f"{where} cannot be loaded: {problem}") from error
        return self._admit(found, name, where)


def _describe(point: EntryPoint) -> str:
    owner = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
    return f"entry point {point.name} = {point.value}{owner}"
