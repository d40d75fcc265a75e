"""Messages between a process and its child: the length in eight bytes, then as many bytes."""

from __future__ import annotations

import math
import socket
from array import array
from collections.abc import Sequence
from time import monotonic

_LENGTH_BYTES = 8
_MOST_AT_ONCE_BYTES = 1 << 20
_MOST_FILES = 4


class ChannelError(Exception):
    """The other end sent something that is no message, or hung up."""


class Channel:
    """One end of a socket. What arrives is never trusted to be a message, or to arrive at all.

    A message is received as it comes, never allocated by the length that it claims. Deadlines are
    of `time.monotonic`; past them, TimeoutError. For one thread at a time.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def send(self, data: bytes, *, files: Sequence[int] = (), deadline_s: float = math.inf) -> None:
        """Send a message, and descriptors along with it; ChannelError if the other end is gone."""
        head = len(data).to_bytes(_LENGTH_BYTES, "little")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", files))] if files else []
        try:
            self._set_timeout(deadline_s)
            n_sent = self._end.sendmsg([head, data], rights) - _LENGTH_BYTES
            if n_sent < 0:  # the socket took less than the length
                self._send_all(head[n_sent:], deadline_s)
            self._send_all(memoryview(data)[max(0, n_sent) :], deadline_s)
        except (BrokenPipeError, ConnectionError) as error:
            raise ChannelError("the other end has hung up") from error

    def receive(self, most_bytes: int, *, deadline_s: float = math.inf) -> bytearray:
        """Return a message of at most `most_bytes`; ChannelError if none such arrives."""
        head = self._receive_all(_LENGTH_BYTES, deadline_s)
        return self._receive_rest(head, most_bytes, deadline_s)

    def receive_with_files(self, most_bytes: int) -> tuple[bytearray, list[int]]:
        """Return a message and the descriptors sent with it."""
        head, files, _, _ = socket.recv_fds(self._end, _LENGTH_BYTES, _MOST_FILES)
        if not head:
            raise ChannelError("the other end has hung up")
        head += self._receive_all(_LENGTH_BYTES - len(head), math.inf)
        return self._receive_rest(head, most_bytes, math.inf), files

    def _receive_rest(
        self, head: bytes | bytearray, most_bytes: int, deadline_s: float
    ) -> bytearray:
        length = int.from_bytes(head, "little")
        if length > most_bytes:
            raise ChannelError(f"a message of {length} bytes, more than {most_bytes}")
        return self._receive_all(length, deadline_s)

    def _receive_all(self, size_bytes: int, deadline_s: float) -> bytearray:
        data = bytearray()
        try:
            while len(data) < size_bytes:
                self._set_timeout(deadline_s)
                block = self._end.recv(min(size_bytes - len(data), _MOST_AT_ONCE_BYTES))
                if not block:
                    raise ChannelError("the other end has hung up")
                data += block
        except ConnectionError as error:
            raise ChannelError("the other end has hung up") from error
        return data

    def _send_all(self, data: bytes | memoryview, deadline_s: float) -> None:
        while data:
            self._set_timeout(deadline_s)
            data = data[self._end.send(data) :]

    def _set_timeout(self, deadline_s: float) -> None:
        if math.isinf(deadline_s):
            if self._end.gettimeout() is not None:
                self._end.settimeout(None)
            return
        left_s = deadline_s - monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._end.settimeout(left_s)
