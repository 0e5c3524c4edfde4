"""A small name server on 127.0.0.1, to be scripted: it answers from a table, counts, and can be slow, mute or odd."""
import socket
import struct
import threading

A, CNAME, AAAA = 1, 5, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


class Host:
    """What the name server says of one name."""

    def __init__(self, *addresses, ttl=60, alias=None, code=NOERROR, gate=None, mute=False, only_tcp=False, noise=(), aliases=(), spoil=None, late=None,
                 lost=0, fails=None):
        self.addresses, self.ttl, self.alias, self.code = addresses, ttl, alias, code
        self.gate, self.mute, self.only_tcp, self.noise = gate, mute, only_tcp, noise
        self.fails = fails  # SERVFAIL to questions of this type
        self.lost = lost  # how many queries of each type are not answered, as if they were lost on the way
        self.late = late  # a question of this type is answered only when one has come by TCP
        self.aliases, self.spoil = aliases, spoil  # (name, alias) records in front; what becomes of the answer's bytes


def encode_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def decode_question(query):
    """(name, type, the question's bytes)."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])[0], query[12:at + 5]


def record(name, kind, ttl, data):
    return encode_name(name) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


class NameServer:
    """Answers for the names in `hosts`; all others do not exist. Port 0 selects a free one."""

    def __init__(self, hosts, address="127.0.0.1", port=53):
        self.hosts, self.asked, self._news = hosts, [], threading.Condition()
        self.ports = []  # from which it was asked by UDP
        self.asked_by_tcp, self._by_tcp = [], threading.Event()
        self._waiting = {}  # gate: the queries that are answered when it opens
        self._tcp = socket.socket()
        self._tcp.bind((address, port))
        self._tcp.listen()
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, self.port))
        threading.Thread(target=self._serve_udp, daemon=True).start()
        threading.Thread(target=self._serve_tcp, daemon=True).start()

    def count(self, name, kind=A):
        """How often it was asked."""
        return sum(asked == (name, kind) for asked in self.asked)

    def wait_for(self, name, patience):
        """Until it has been asked for that name."""
        with self._news:
            if not self._news.wait_for(lambda: any(asked == name for asked, _ in self.asked), patience):
                raise AssertionError(f"no query for {name}")

    def _serve_udp(self):
        """No query costs a thread of its own: on a busy machine, starting threads lets the socket's buffer overflow."""
        while True:
            query, sender = self._udp.recvfrom(2048)
            name, kind, _ = decode_question(query)
            with self._news:
                self.asked.append((name, kind))
                self.ports.append(sender[1])
                self._news.notify_all()
            host = self.hosts.get(name)
            if host and (host.mute is True or host.mute == kind or self.count(name, kind) <= host.lost):
                continue
            if host and host.gate:
                self._when_open(host.gate, (query, sender, host, kind))
            elif host and host.late == kind:
                self._when_open(self._by_tcp, (query, sender, host, kind))
            else:
                self._answer_udp(query, sender, host, kind)

    def _when_open(self, gate, query):
        """One thread answers all queries that wait for the same gate."""
        with self._news:
            waiting = self._waiting.setdefault(gate, [])
            waiting.append(query)
            if len(waiting) == 1:
                threading.Thread(target=self._answer_waiting, args=(gate,), daemon=True).start()

    def _answer_waiting(self, gate):
        gate.wait()
        with self._news:
            queries = self._waiting.pop(gate)
        for query in queries:
            self._answer_udp(*query)

    def _answer_udp(self, query, sender, host, kind):
        for noise in host.noise if host else ():
            self._udp.sendto(noise(query), sender)
        answer = self._answer(query, truncated=bool(host and host.only_tcp))
        self._udp.sendto(host.spoil(answer) if host and host.spoil else answer, sender)

    def _serve_tcp(self):
        while True:
            connection, _ = self._tcp.accept()
            threading.Thread(target=self._answer_tcp, args=(connection,), daemon=True).start()

    def _answer_tcp(self, connection):
        with connection, connection.makefile("rb") as stream:
            while len(prefix := stream.read(2)) == 2:
                query = stream.read(struct.unpack(">H", prefix)[0])
                self.asked_by_tcp.append(decode_question(query)[:2])
                answer = self._answer(query, truncated=False)
                self._by_tcp.set()
                connection.sendall(struct.pack(">H", len(answer)) + answer)

    def _answer(self, query, truncated):
        name, kind, question = decode_question(query)
        host = self.hosts.get(name)
        fails = host and host.fails == kind
        code = SERVFAIL if fails else host.code if host else NXDOMAIN
        records = [] if truncated or fails or not host else list(self._records(name, host, kind))
        flags = 0x8180 | code | (0x0200 if truncated else 0)
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)

    def _records(self, name, host, kind):
        for owner, alias in host.aliases:
            yield record(owner, CNAME, host.ttl, encode_name(alias))
        if host.alias:
            yield record(name, CNAME, host.ttl, encode_name(host.alias))
            yield from self._records(host.alias, self.hosts[host.alias], kind)
        for address in host.addresses:
            family = AAAA if ":" in address else A
            if family == kind:
                data = socket.inet_pton(socket.AF_INET6 if family == AAAA else socket.AF_INET, address)
                yield record(name, kind, host.ttl, data)
