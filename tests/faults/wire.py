"""A network. This process carries its packets: it can lose, delay, reorder, duplicate, damage and drop them, separately for each direction.

Each host is a network namespace with a TUN interface. A kernel with netem would do the same; this needs only CONFIG_TUN.
"""
import asyncio
import contextlib
import dataclasses
import fcntl
import ipaddress
import os
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))
import world  # noqa: E402

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 0x0001, 0x1000
PROTOCOL_ICMP = 1
DONT_FRAGMENT = 0x4000


@dataclasses.dataclass
class Fault:
    """What happens to the packets from one host to another."""
    loss: float = 0.0        # probabilities
    duplicate: float = 0.0
    damage: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0    # more delay, of each packet its own: they overtake each other
    most: int = 1500         # bytes of a packet
    says_so: bool = True     # a packet that is too large gets an ICMP message
    cut: bool = False        # nothing passes


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def too_large(packet, most):
    """The ICMP message for a packet that is larger than `most` (RFC 792, RFC 1191)."""
    quoted = packet[:28]
    message = struct.pack(">BBHHH", 3, 4, 0, 0, most) + quoted
    message = message[:2] + struct.pack(">H", checksum(message)) + message[4:]
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(message), 0, 0, 64, PROTOCOL_ICMP, 0, packet[16:20], packet[12:16])
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + message


class Wire(world.Hosts):
    """Hosts in one network, without a fault at first. REQUIRES: world.enter(), a running event loop."""

    def __init__(self, hosts, seed):
        super().__init__()
        self._faults, self._random, self._ends = {}, random.Random(seed), {}
        self._names = {ipaddress.ip_address(address).packed: name for name, address in hosts.items()}
        self.carried, self.dropped = 0, 0
        for name, address in hosts.items():
            self.add(name)
            self._ends[name] = self.within(name, self._open)
            world.ip("-n", name, "addr", "add", f"{address}/24", "dev", "wire")
            world.ip("-n", name, "link", "set", "wire", "up")
            asyncio.get_running_loop().add_reader(self._ends[name], self._read, name)

    @staticmethod
    def _open():
        end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH14x", b"wire", IFF_TUN | IFF_NO_PI))
        return end

    @contextlib.contextmanager
    def fault(self, *pairs, **what):
        """While it lasts, packets between these pairs of hosts have the fault, both ways."""
        ways = [way for one, other in pairs for way in ((one, other), (other, one))]
        self._faults.update({way: Fault(**what) for way in ways})
        try:
            yield
        finally:
            for way in ways:
                del self._faults[way]

    def _read(self, name):
        for _ in range(64):
            try:
                packet = os.read(self._ends[name], 1 << 16)
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4 and (target := self._names.get(packet[16:20])):
                self._carry(name, target, packet)

    def _carry(self, source, target, packet):
        fault, chance = self._faults.get((source, target), Fault()), self._random.random
        if len(packet) > fault.most:
            self.dropped += 1
            if fault.says_so and not fault.cut:
                self._write(source, too_large(packet, fault.most))
            return
        if fault.cut or chance() < fault.loss:
            self.dropped += 1
            return
        if chance() < fault.damage:
            at = self._random.randrange(20, len(packet))
            packet = packet[:at] + bytes([packet[at] ^ 0x10]) + packet[at + 1:]
        for _ in range(2 if chance() < fault.duplicate else 1):
            if late := fault.delay_s + fault.jitter_s * chance():
                asyncio.get_running_loop().call_later(late, self._write, target, packet)
            else:
                self._write(target, packet)

    def _write(self, target, packet):
        self.carried += 1
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._ends[target], packet)
