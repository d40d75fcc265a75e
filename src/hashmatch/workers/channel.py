"""Messages between a process and its child: length and number, eight bytes each, then bytes."""

from __future__ import annotations

import math
import select
import socket
import struct
from array import array
from collections.abc import Sequence
from time import monotonic

_HEAD = struct.Struct("<QQ")
_MOST_AT_ONCE_BYTES = 1 << 20
_USUAL_BYTES = 1 << 14
_MOST_FILES = 4


class ChannelError(Exception):
    """The other end sent something that is no message, or hung up."""


class TooLongError(ChannelError):
    """A message claims to be longer than was allowed."""


class Channel:
    """One end of a socket. What arrives is never trusted to be a message, or to arrive at all.

    A message is received as it comes, never allocated by the length that it claims. Deadlines are
    of `time.monotonic`; past them, TimeoutError. For one thread at a time. `number` is that of the
    message that was last received, even if only its beginning was.
    """

    number = 0

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._surplus = bytearray()  # of the next message

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def send(
        self,
        data: bytes,
        *,
        number: int = 0,
        files: Sequence[int] = (),
        deadline_s: float = math.inf,
    ) -> None:
        """Send a message, and descriptors along with it; ChannelError if the other end is gone."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", files))] if files else []
        parts = [memoryview(_HEAD.pack(len(data), number)), memoryview(data)]
        while any(parts):
            try:
                n_sent = self._end.sendmsg(parts, rights)
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline_s)
                continue
            except ConnectionError as error:
                raise ChannelError("the other end has hung up") from error
            rights = []
            for at, part in enumerate(parts):
                parts[at] = part[n_sent:]
                n_sent = max(0, n_sent - len(part))

    def receive(self, most_bytes: int, *, deadline_s: float = math.inf) -> bytearray:
        """Return a message of at most `most_bytes`; ChannelError if none such arrives."""
        return self.receive_with_files(most_bytes, 0, deadline_s=deadline_s)[0]

    def receive_with_files(
        self, most_bytes: int, most_files: int = _MOST_FILES, *, deadline_s: float = math.inf
    ) -> tuple[bytearray, list[int]]:
        """Return a message and the descriptors sent with it."""
        data, files = self._surplus, array("i")
        while len(data) < _HEAD.size:
            data += self._receive(_USUAL_BYTES, files, most_files, deadline_s)
        length, self.number = _HEAD.unpack_from(data)
        if length > most_bytes:
            raise TooLongError(f"a message of {length} bytes, more than {most_bytes}")
        end = _HEAD.size + length
        while len(data) < end:
            left_bytes = min(end - len(data), _MOST_AT_ONCE_BYTES)
            data += self._receive(left_bytes, files, most_files, deadline_s)
        self._surplus = data[end:]
        del data[end:], data[: _HEAD.size]
        return data, list(files)

    def _receive(
        self, most_bytes: int, files: array[int], most_files: int, deadline_s: float
    ) -> bytes:
        while True:
            try:
                if not most_files:  # the kernel closes those that are sent nevertheless
                    block = self._end.recv(most_bytes)
                else:
                    space = socket.CMSG_SPACE(most_files * files.itemsize)
                    block, received, _, _ = self._end.recvmsg(most_bytes, space)
                    for _, _, descriptors in received:
                        files.frombytes(descriptors)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline_s)
                continue
            except ConnectionError as error:
                raise ChannelError("the other end has hung up") from error
            if not block:
                raise ChannelError("the other end has hung up")
            return block

    def _wait(self, event: int, deadline_s: float) -> None:
        poll = select.poll()
        poll.register(self._end, event)
        if math.isinf(deadline_s):
            poll.poll()
            return
        left_s = deadline_s - monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        poll.poll(math.ceil(left_s * 1000))
