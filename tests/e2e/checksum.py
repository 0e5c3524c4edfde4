"""The checksum of record files."""


def crc32c(data):
    """The checksum of RFC 3720: the reflected polynomial 0x82f63b78."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
