"""Bytes that both ends of a connection can make from a key, so that each can check what it receives."""
import random
import zlib

PERIOD = 1_048_573  # bytes; a prime, so that no buffer size divides it


class Content:
    """The bytes of all keys, for a seed."""

    def __init__(self, seed):
        self._bytes = memoryview(random.Random(f"content {seed}").randbytes(PERIOD) * 2)

    def piece(self, key, start, size):
        """`size` bytes of the content of `key`, from position `start` on. REQUIRES: size <= PERIOD."""
        offset = (zlib.crc32(key.encode()) + start) % PERIOD
        return self._bytes[offset:offset + size]

    def pieces(self, key, size, most=1 << 16):
        """The first `size` bytes of it, in pieces of at most `most`."""
        for start in range(0, size, most):
            yield self.piece(key, start, min(most, size - start))


class Check:
    """Compares a stream with the content of a key, piece by piece."""

    def __init__(self, content, key):
        self._content, self._key, self.received = content, key, 0

    def add(self, data):
        """Whether these next bytes are right."""
        right = True
        for start in range(0, len(data), PERIOD):
            part = data[start:start + PERIOD]
            right = right and part == self._content.piece(self._key, self.received, len(part))
            self.received += len(part)
        return right
