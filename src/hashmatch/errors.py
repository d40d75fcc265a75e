"""Every error hashmatch raises on purpose.

::

    HashmatchError
    ├── AlgorithmError     a hash algorithm that is known by name but cannot be used
    ├── DecodeError        bytes that do not yield the pixels of a picture, or pixels without a hash
    ├── HashListError      a hash list or recipe that cannot be read as it stands
    ├── IndexFormatError   a built file that is damaged, foreign or newer than this version
    ├── PolicyError        a policy that is malformed or cannot be carried out
    └── UnknownNameError   a list or an entry that an index does not hold; a KeyError, too

Each message is one line: what is wrong, where (file, row or key), and what to do about it. No
message holds a hash of a list.  Wrong arguments in code raise `ValueError`, `TypeError` or
`KeyError`, as elsewhere in Python.
"""

from __future__ import annotations


class HashmatchError(Exception):
    """Base of every error that hashmatch raises on purpose."""


class AlgorithmError(HashmatchError):
    """A hash algorithm that is known by name but cannot be used: a broken plug-in, an extra."""


class DecodeError(HashmatchError):
    """Bytes that do not yield the pixels of a picture: not an image, truncated, too large.

    Also pixels that an algorithm cannot hash.
    """


class HashListError(HashmatchError):
    """A hash list or a recipe that cannot be read as it stands."""


class IndexFormatError(HashmatchError):
    """A built file that is damaged, foreign or written by a newer version."""


class PolicyError(HashmatchError):
    """A policy that is malformed or asks for what cannot be done."""


class UnknownNameError(HashmatchError, KeyError):
    """A list or an entry named that an index does not hold."""

    __str__ = Exception.__str__  # KeyError would show the message in quotation marks
