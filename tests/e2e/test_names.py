"""Names are looked up beside everything else, and remembered as long as they may be. Each test has its own network."""
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import tempfile
import unittest

from harness import PATIENCE, Case, Gate, heavy, ok, request, wait_until
from name_server import AAAA, A, NOERROR, SERVFAIL, Host, NameServer
from own_network import in_own_network


class Names(Case):
    def served(self, proxy, origin, name):
        answer = proxy.get(f"http://{name}:{origin.port}/")
        self.assertEqual((answer.status, answer.body), (200, b"hello"), name)
        self.assertEqual(origin.heads[-1].all("Host"), [f"{name}:{origin.port}"])

    @in_own_network()
    def test_a_name_that_is_known(self):
        NameServer({"known.test": Host("127.0.0.1"), "six.test": Host("::1"), "alias.test": Host(alias="known.test")})
        proxy, origin, other = self.proxy(), self.origin(), self.origin(host="::1")
        self.served(proxy, origin, "known.test")
        self.served(proxy, origin, "KNOWN.Test")
        self.served(proxy, origin, "alias.test")
        self.served(proxy, other, "six.test")

    @in_own_network()
    def test_a_name_that_is_not(self):
        NameServer({"empty.test": Host(), "broken.test": Host(code=SERVFAIL)})
        proxy = self.proxy()
        for name, reason in (("unknown.test", "host-not-found"), ("empty.test", "host-not-found"), ("broken.test", "dns-error"),
                             ("a" * 64 + ".test", "host-not-found")):
            answer = proxy.get(f"http://{name}/")
            self.assert_own_answer(answer, 502, name)
            self.assertIn(name.encode(), answer.body)
            self.assertTrue(proxy.line(f"http://{name}/ 502 ").endswith(f" end={reason} by=upstream"), name)

    @in_own_network(hosts="127.0.0.1 localhost in-hosts.test second.test\n127.0.0.9 both.test\n")
    def test_etc_hosts(self):
        """What stands there is believed, and no name server asked."""
        server = NameServer({"both.test": Host("127.0.0.1")})
        proxy, origin, other = self.proxy(), self.origin(), self.origin(host="127.0.0.9")
        self.served(proxy, origin, "in-hosts.test")
        self.served(proxy, origin, "second.test")
        self.served(proxy, other, "both.test")
        self.assertEqual(server.asked, [])

    @in_own_network()
    def test_localhost_and_addresses_need_no_lookup(self):
        server, proxy = NameServer({}), self.proxy()
        origin = self.origin()
        self.served(proxy, origin, "localhost")
        self.served(proxy, origin, "127.0.0.1")
        self.assertEqual(server.asked, [])

    @in_own_network()
    def test_the_next_address_if_one_refuses(self):
        NameServer({"many.test": Host("127.0.0.2", "127.0.0.3", "::1", "127.0.0.1")})
        proxy, origin = self.proxy(), self.origin()
        self.served(proxy, origin, "many.test")
        self.assertTrue(proxy.line(" 200 ").endswith(" end=complete by=upstream"), proxy.lines)

    @in_own_network()
    def test_all_addresses_refuse(self):
        NameServer({"many.test": Host("127.0.0.2", "127.0.0.3")})
        proxy = self.proxy()
        self.assert_own_answer(proxy.get("http://many.test:2/"), 502)
        self.assertTrue(proxy.line(" 502 ").endswith(" end=connection-refused by=upstream error=ECONNREFUSED"))

    @in_own_network()
    def test_an_answer_too_long_for_a_datagram(self):
        """It is fetched again by TCP."""
        NameServer({"long.test": Host("127.0.0.1", only_tcp=True)})
        self.served(self.proxy(), self.origin(), "long.test")

    @in_own_network()
    def test_a_second_question_over_a_tcp_connection_that_is_open(self):
        """The connection has been writable all along, so there is no edge."""
        server = NameServer({"long.test": Host("127.0.0.1", only_tcp=True, late=AAAA)})
        self.served(self.proxy("--resolve-timeout", "3600"), self.origin(), "long.test")
        self.assertEqual(server.asked_by_tcp, [("long.test", A), ("long.test", AAAA)], "none was asked again after a silence")

    @in_own_network()
    def test_noise_is_no_answer(self):
        """Datagrams with another number, cut short, or empty, as anyone could send them."""
        def wrong_number(query):
            return struct.pack(">H", struct.unpack(">H", query[:2])[0] ^ 1) + query[2:]

        NameServer({"noisy.test": Host("127.0.0.1", noise=(wrong_number, lambda query: query[:5]))})
        self.served(self.proxy(), self.origin(), "noisy.test")


class Remembered(Case):
    def status(self, proxy, name, origin):
        return proxy.get(f"http://{name}:{origin.port}/").status

    @in_own_network()
    def test_for_its_time_to_live(self):
        server = NameServer({"long.test": Host("127.0.0.1", ttl=3600), "short.test": Host("127.0.0.1", ttl=1)})
        proxy, origin = self.proxy(), self.origin()
        for _ in range(5):
            self.assertEqual(self.status(proxy, "long.test", origin), 200)
            self.assertEqual(self.status(proxy, "LONG.test", origin), 200)
        self.assertEqual(server.count("long.test"), 1)
        wait_until(lambda: self.status(proxy, "short.test", origin) == 200 and server.count("short.test") == 2, "asked again")
        self.assertEqual(server.count("long.test"), 1)

    @in_own_network()
    def test_not_at_all_if_its_time_to_live_is_0(self):
        """RFC 1035: for the transaction in progress only."""
        server = NameServer({"now.test": Host("127.0.0.1", ttl=0)})
        proxy, origin = self.proxy(), self.origin()
        for _ in range(3):
            self.assertEqual(self.status(proxy, "now.test", origin), 200)
        self.assertEqual(server.count("now.test"), 3)

    @in_own_network()
    def test_a_change_is_seen_when_the_time_is_over(self):
        server = NameServer({"moves.test": Host("127.0.0.1", ttl=1)})
        proxy, origin = self.proxy(), self.origin(host="127.0.0.2")
        self.assertEqual(self.status(proxy, "moves.test", origin), 502)
        server.hosts["moves.test"] = Host("127.0.0.2", ttl=1)
        wait_until(lambda: self.status(proxy, "moves.test", origin) == 200, "the new address is seen")

    @in_own_network()
    def test_failures_too_for_a_while(self):
        server = NameServer({"empty.test": Host(code=NOERROR)})
        proxy, origin = self.proxy(), self.origin()
        for name in ("unknown.test", "empty.test"):
            for _ in range(5):
                self.assertEqual(self.status(proxy, name, origin), 502)
            self.assertEqual(server.count(name), 1)

    @in_own_network()
    def test_a_failure_is_not_for_ever(self):
        server = NameServer({})
        proxy, origin = self.proxy(), self.origin()
        self.assertEqual(self.status(proxy, "new.test", origin), 502)
        server.hosts["new.test"] = Host("127.0.0.1")
        wait_until(lambda: self.status(proxy, "new.test", origin) == 200, "the name is looked up again")

    @heavy
    @in_own_network()
    def test_more_names_than_are_remembered(self):
        NameServer({f"n{number}.test": Host("127.0.0.1") for number in range(1500)})
        proxy, origin = self.proxy("--access-log", "off"), self.origin()
        for number in range(1500):
            self.assertEqual(self.status(proxy, f"n{number}.test", origin), 200)


class Beside(Case):
    """A DNS lookup delays only the requests for that name."""

    @in_own_network()
    def test_a_silent_name_server_delays_no_other_request(self):
        server = NameServer({"mute.test": Host(mute=True), "known.test": Host("127.0.0.1")})
        proxy, origin = self.proxy("--resolve-timeout", "3"), self.origin()
        waiting = [self.client(proxy.ask(f"http://mute.test:{origin.port}/")) for _ in range(5)]
        server.wait_for("mute.test", PATIENCE)
        for _ in range(20):
            self.assertEqual(proxy.get(origin.url()).status, 200)
            self.assertEqual(proxy.get(f"http://known.test:{origin.port}/").status, 200)
        for client in waiting:
            answer = client.rest()
            self.assert_own_answer(answer, 504)
            self.assertIn(b"mute.test", answer.body)
        lines = [line for line in proxy.count_lines(45) if "mute.test" in line]
        self.assertEqual([line.rpartition(" end=")[2] for line in lines], ["dns-timeout by=upstream"] * 5)

    @in_own_network()
    def test_many_waiting_requests_delay_no_other(self):
        """All others have been served before the first of them: by new names of another zone, by number, over a kept connection."""
        gate, many = self.gate(), 40
        NameServer({f"n{number}.late.test": Host("127.0.0.1", gate=gate) for number in range(many)}
                   | {f"n{number}.known.test": Host("127.0.0.1") for number in range(many)})
        proxy, origin = self.proxy("--resolve-timeout", "3600"), self.origin()
        waiting = [self.client(proxy.ask(f"http://n{number % many}.late.test:{origin.port}/late")) for number in range(2 * many)]

        def answers(wire):
            while True:
                wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                if not wire.read_head():
                    return

        keeping = self.origin(answers)
        kept = self.client(proxy.connect())
        for number in range(many):
            self.assertEqual(proxy.get(f"http://n{number}.known.test:{origin.port}/").status, 200)
            self.assertEqual(proxy.get(origin.url()).status, 200)
            kept.send(request(keeping.url(), "Host: x", version="1.1"))
            self.assertTrue(kept.read_head() and kept.read(2) == b"ok")
        self.assertEqual([head for head in origin.heads if "late" in head.raw.decode()], [])
        gate.open()
        for client in waiting:
            self.assertEqual(client.rest().body, b"hello")
        self.assertEqual(len(origin.heads), 4 * many)

    @in_own_network()
    def test_a_late_answer_serves_all_waiting_requests(self):
        gate = self.gate()
        server = NameServer({"late.test": Host("127.0.0.1", gate=gate)})
        proxy, origin = self.proxy("--resolve-timeout", "3600"), self.origin()
        waiting = [self.client(proxy.ask(f"http://late.test:{origin.port}/")) for _ in range(50)]
        server.wait_for("late.test", PATIENCE)
        self.assertEqual(proxy.get(origin.url()).status, 200)
        gate.open()
        for client in waiting:
            self.assertEqual(client.rest().body, b"hello")
        self.assertEqual(len(origin.heads), 51)

    @in_own_network()
    def test_a_client_that_leaves_during_a_lookup_is_closed_at_once(self):
        ends = ("close", "reset")
        server = NameServer({f"{end}.test": Host(mute=True) for end in ends})
        proxy = self.proxy("--resolve-timeout", "3600")
        for end in ends:
            client = proxy.ask(f"http://{end}.test/")
            server.wait_for(f"{end}.test", PATIENCE)
            getattr(client, end)()
            self.assertTrue(proxy.line(f"http://{end}.test/ 0 ").endswith(" end=client-closed by=client"))

    @in_own_network()
    def test_it_ends_while_names_are_looked_up(self):
        server = NameServer({"mute.test": Host(mute=True)})
        proxy = self.proxy()
        self.client(proxy.ask("http://mute.test/"))
        server.wait_for("mute.test", PATIENCE)
        self.assertEqual(proxy.stop(), (0, ""))

    @in_own_network(resolv="nameserver 127.0.0.8\nnameserver 127.0.0.1\n")
    def test_the_next_name_server_if_one_is_silent(self):
        """And the next look-up is not lost with the one before."""
        NameServer({"known.test": Host(mute=True)}, address="127.0.0.8")
        NameServer({"known.test": Host("127.0.0.1"), "other.test": Host("127.0.0.1")})
        proxy, origin = self.proxy(), self.origin()
        self.assertEqual(proxy.get(f"http://known.test:{origin.port}/").status, 200)

    @in_own_network(resolv="nameserver 127.0.0.1\n")
    def test_no_name_server_at_all(self):
        """Nothing listens on its port. Which of the two is said is up to the library, which tries again."""
        answer = self.proxy().get("http://known.test/")
        self.assertIn(answer.status, (502, 504))
        self.assert_own_answer(answer, answer.status)

    @in_own_network()
    def test_waiting_for_a_name_costs_nothing(self):
        server = NameServer({"mute.test": Host(mute=True)})
        proxy = self.proxy("--resolve-timeout", "3600")
        self.client(proxy.ask("http://mute.test/"))
        server.wait_for("mute.test", PATIENCE)
        proxy.wait_for_rest()


class Families(Case):
    """A and AAAA are asked each by itself; what is lost or never answered is not waited for."""

    @in_own_network()
    def test_a_family_that_is_never_answered(self):
        """As many home routers do: the other family's address is used before the query is sent again."""
        server = NameServer({"four.test": Host("127.0.0.1", mute=AAAA), "six.test": Host("::1", mute=A)})
        proxy = self.proxy()
        for name, origin, mute in (("four.test", self.origin(), AAAA), ("six.test", self.origin(host="::1"), A)):
            self.assertEqual(proxy.get(f"http://{name}:{origin.port}/").body, b"hello")
            self.assertEqual(server.count(name, mute), 1)

    @in_own_network()
    def test_a_family_that_fails(self):
        """SERVFAIL for one family, an address of the other; directly, and at the end of a chain of aliases."""
        NameServer({"four.test": Host("127.0.0.1", fails=AAAA), "six.test": Host("::1", fails=A),
                    "chain.test": Host(alias="c1.test", fails=AAAA), "c1.test": Host(alias="c2.test"), "c2.test": Host(alias="four.test")})
        proxy = self.proxy("--resolve-timeout", "1.5")
        for name, host in (("four.test", "127.0.0.1"), ("six.test", "::1"), ("chain.test", "127.0.0.1")):
            self.assertEqual(proxy.get(f"http://{name}:{self.origin(host=host).port}/").body, b"hello", name)

    @in_own_network()
    def test_a_lost_datagram(self):
        server = NameServer({"lost.test": Host("127.0.0.1", lost=1)})
        proxy, origin = self.proxy("--resolve-timeout", "1.5"), self.origin()
        self.assertEqual(proxy.get(f"http://lost.test:{origin.port}/").body, b"hello")
        self.assertEqual(server.count("lost.test"), 2)

    @in_own_network(resolv="nameserver 127.0.0.8\nnameserver 127.0.0.1\n")
    def test_a_dead_name_server_is_waited_for_once(self):
        dead = NameServer({f"{name}.test": Host(mute=True) for name in ("one", "two")}, address="127.0.0.8")
        NameServer({f"{name}.test": Host("127.0.0.1") for name in ("one", "two")})
        proxy, origin = self.proxy("--resolve-timeout", "1.5"), self.origin()
        for name in ("one", "two"):
            self.assertEqual(proxy.get(f"http://{name}.test:{origin.port}/").body, b"hello")
        self.assertEqual(dead.count("two.test"), 0)

    @in_own_network()
    def test_each_query_from_a_port_of_its_own(self):
        """RFC 5452: else an answer could be guessed."""
        server = NameServer({f"n{number}.test": Host("127.0.0.1") for number in range(30)})
        proxy, origin = self.proxy(), self.origin()
        for number in range(30):
            self.assertEqual(proxy.get(f"http://n{number}.test:{origin.port}/").status, 200)
        self.assertGreater(len(set(server.ports)), 55)

    @in_own_network()
    def test_all_addresses_are_candidates(self):
        NameServer({"many.test": Host(*(f"127.0.1.{number}" for number in range(1, 41)))})
        proxy, origin = self.proxy(), self.origin(host="127.0.1.40")
        self.assertEqual(proxy.get(f"http://many.test:{origin.port}/").body, b"hello")


class Configuration(Case):
    """resolv.conf and hosts: what counts, and when."""

    @in_own_network(resolv="search corp.test\ndomain corp.test\nnameserver 127.0.0.1\noptions ndots:5\n")
    def test_the_name_that_was_checked_is_resolved(self):
        """No search list and no aliases of the environment, which would get around the rules."""
        server = NameServer({"secret.corp.test": Host("127.0.0.1")})
        aliases = pathlib.Path(tempfile.mkdtemp()) / "aliases"
        self.addCleanup(shutil.rmtree, aliases.parent)
        aliases.write_text("open secret.corp.test\n", encoding="ascii")
        environment = {"HOSTALIASES": str(aliases), "LOCALDOMAIN": "corp.test", "RES_OPTIONS": "ndots:9"}
        proxy = self.proxy("--deny", "host=.corp.test", preexec=lambda: os.environ.update(environment))
        origin = self.origin()
        for name, status in (("secret", 502), ("open", 502), ("secret.corp.test", 403), ("secret.corp.test.", 403)):
            self.assertEqual(proxy.get(f"http://{name}:{origin.port}/").status, status, name)
        self.assertEqual({name for name, _ in server.asked}, {"secret", "open"})

    @in_own_network(resolv="nameserver 127.0.0.8\n")
    def test_another_name_server(self):
        """As after DHCP or a VPN. What the old one has said does not count any more."""
        NameServer({"old.test": Host("127.0.0.1"), "both.test": Host("127.0.0.2")}, address="127.0.0.8")
        NameServer({"new.test": Host("127.0.0.1"), "both.test": Host("127.0.0.1")})
        proxy, origin = self.proxy(), self.origin()

        def status(name):
            return proxy.get(f"http://{name}:{origin.port}/").status

        self.assertEqual([status("old.test"), status("new.test"), status("both.test")], [200, 502, 502])
        pathlib.Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="ascii")
        wait_until(lambda: status("new.test") == 200, "the new name server is asked")
        self.assertEqual([status("old.test"), status("both.test")], [502, 200])

    @in_own_network(resolv="nameserver 127.0.0.8\n")
    def test_another_name_server_at_sighup(self):
        NameServer({"o.test": Host("127.0.0.2")}, address="127.0.0.8")
        NameServer({"o.test": Host("127.0.0.1")})
        proxy, origin = self.proxy(), self.origin()
        self.assertEqual(proxy.get(f"http://o.test:{origin.port}/").status, 502)
        pathlib.Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="ascii")
        proxy.process.send_signal(signal.SIGHUP)
        proxy.line("reloaded")
        self.assertEqual(proxy.get(f"http://o.test:{origin.port}/").status, 200)

    @in_own_network(resolv="nameserver 127.0.0.8\n")
    def test_another_name_server_during_a_lookup(self):
        """As at the start of a machine, before the network is there."""
        silent = NameServer({"o.test": Host(mute=True)}, address="127.0.0.8")
        NameServer({"o.test": Host("127.0.0.1")})
        proxy, origin = self.proxy(), self.origin()
        waiting = self.client(proxy.ask(f"http://o.test:{origin.port}/"))
        silent.wait_for("o.test", PATIENCE)
        pathlib.Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="ascii")
        self.assertEqual(waiting.rest().body, b"hello")

    @in_own_network(resolv="\ufeff# of a router\r\nnameserver fe80::1%none0\r\noptions edns0 trust-ad\r\nnameserver 127.0.0.1")
    def test_a_file_from_elsewhere(self):
        NameServer({"o.test": Host("127.0.0.1")})
        self.assertEqual(self.proxy().get(f"http://o.test:{self.origin().port}/").status, 200)

    @in_own_network()
    def test_name_servers_of_the_command_line(self):
        other = NameServer({"o.test": Host("127.0.0.2")})
        NameServer({"o.test": Host("127.0.0.1")}, address="127.0.0.8")
        proxy = self.proxy("--nameserver", "127.0.0.7", "--nameserver", "127.0.0.8:53")
        self.assertEqual(proxy.get(f"http://o.test:{self.origin().port}/").status, 200)
        self.assertEqual(other.asked, [])

    @in_own_network(hosts="127.0.0.1 first.test\n")
    def test_a_change_of_hosts(self):
        server = NameServer({"first.test": Host("127.0.0.9")})
        proxy, origin = self.proxy(), self.origin()

        def status(name):
            return proxy.get(f"http://{name}:{origin.port}/").status

        self.assertEqual([status("first.test"), status("second.test")], [200, 502])
        pathlib.Path("/etc/hosts").write_text("127.0.0.1 second.test\n", encoding="ascii")
        wait_until(lambda: status("second.test") == 200, "the new file is read")
        self.assertEqual(status("first.test"), 502)
        self.assertEqual(server.count("second.test"), 1)

    @heavy
    @in_own_network(hosts="".join(f"127.{number >> 16}.{number >> 8 & 255}.{number & 255} host{number}.test\n" for number in range(1, 150_000)))
    def test_a_large_hosts_file(self):
        NameServer({})
        proxy, origin = self.proxy(), self.origin(host="0.0.0.0")
        for number in (1, 77_777, 149_999, 5):
            self.assertEqual(proxy.get(f"http://host{number}.test:{origin.port}/").status, 200)


class Shares(Case):
    """A client that floods the proxy with names delays no other."""

    @in_own_network()
    def test_a_flood_of_names(self):
        server = NameServer({f"flood{number}.test": Host(mute=True) for number in range(400)} | {"known.test": Host("127.0.0.1")})
        proxy, origin = self.proxy("--resolve-timeout", "3600"), self.origin()
        flood = [self.client(proxy.ask(f"http://flood{number}.test/", host="127.0.0.1")) for number in range(400)]
        server.wait_for("flood7.test", PATIENCE)
        with socket.create_connection(("127.0.0.1", proxy.port), source_address=("127.0.0.2", 0)) as other:
            other.sendall(f"GET http://known.test:{origin.port}/ HTTP/1.0\r\n\r\n".encode())
            self.assertTrue(other.makefile("rb").read().endswith(b"hello"))
        for client in flood:
            client.close()

    @in_own_network()
    def test_the_names_of_clients_that_have_left_are_not_held(self):
        server = NameServer({f"n{number}.test": Host(mute=True) for number in range(50)})
        proxy = self.proxy("--resolve-timeout", "3600")
        before = proxy.descriptors()
        clients = [proxy.ask(f"http://n{number}.test/") for number in range(50)]
        server.wait_for("n49.test", PATIENCE)
        for client in clients:
            client.close()
        wait_until(lambda: proxy.descriptors() <= before, "their queries are cancelled")


class Hostile(Case):
    """A malicious name server can fail only the requests for its own names."""

    @in_own_network()
    def test_aliases_in_a_circle(self):
        NameServer({"a.test": Host(aliases=(("a.test", "b.test"), ("b.test", "a.test"))), "self.test": Host(aliases=(("self.test", "self.test"),)),
                    "chain.test": Host(aliases=[("chain.test" if i == 0 else f"c{i}.test", f"c{i + 1}.test") for i in range(100)])})
        proxy = self.proxy()
        for name in ("a.test", "self.test", "chain.test"):
            self.assert_own_answer(proxy.get(f"http://{name}/"), 502, name)
            self.assertTrue(proxy.line(f"http://{name}/ 502 ").endswith(" end=host-not-found by=upstream"))

    @in_own_network()
    def test_a_hundred_addresses(self):
        """All are tried; the response names the first ones and the last."""
        NameServer({"many.test": Host(*(f"127.0.1.{number}" for number in range(1, 101)))})
        proxy, origin = self.proxy(), self.origin(host="0.0.0.0")
        self.assertEqual(proxy.get(f"http://many.test:{origin.port}/").body, b"hello")
        answer = proxy.get("http://many.test:2/")
        self.assert_own_answer(answer, 502)
        tried = re.findall(rb"Tried: 127\.0\.1\.(\d+)", answer.body)
        self.assertEqual(tried, [b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"100"])

    @in_own_network()
    def test_spoilt_answers(self):
        """Cut at each byte; and each byte behind the number changed, to what may be a pointer or a length."""
        length, spoils = len("x000.test") + 50, []
        for at in range(length):
            spoils.append(lambda answer, at=at: answer[:at])
            spoils += [lambda answer, at=at, byte=byte: answer[:2 + at] + byte + answer[3 + at:] for byte in (b"\0", b"\xff")]
            spoils.append(lambda answer, at=at: answer[:12 + at] + b"\xc0" + bytes([12 + at]) + answer[14 + at:])  # a pointer to itself
        NameServer({f"x{number:03}.test": Host("127.0.0.1", spoil=spoil) for number, spoil in enumerate(spoils)} | {"good.test": Host("127.0.0.1")})
        proxy, origin = self.proxy("--resolve-timeout", "2"), self.origin()
        statuses, numbers = set(), range(len(spoils))
        for portion in range(0, len(spoils), 60):  # two questions each: the name server's socket must hold them all
            waiting = [self.client(proxy.ask(f"http://x{number:03}.test:{origin.port}/")) for number in numbers[portion:portion + 60]]
            self.assertEqual(proxy.get(origin.url()).body, b"hello")
            statuses |= {client.rest().status for client in waiting}
        self.assertEqual(statuses, {200, 403, 502, 504})  # 403: one has become 0.0.0.1
        self.assertEqual(proxy.get(f"http://good.test:{origin.port}/").body, b"hello")
        self.assertEqual(proxy.stop(), (0, ""))

    @in_own_network()
    def test_a_name_with_a_denied_address(self):
        """What a rule says of an address holds whatever name led there; another of the name's addresses will do."""
        NameServer({"metadata.test": Host("169.254.169.254"), "mixed.test": Host("169.254.169.254", "127.0.0.1"), "inner.test": Host("127.0.0.5"),
                    "mapped.test": Host("::ffff:169.254.169.254")})
        proxy, origin = self.proxy("--deny", "to=127.0.0.5", "--allow", "all"), self.origin(host="0.0.0.0")
        for name in ("metadata.test", "inner.test", "mapped.test"):
            self.assert_own_answer(proxy.get(f"http://{name}:{origin.port}/"), 403, name)
            self.assertIn(" end=request-not-allowed by=proxy", proxy.line(f"http://{name}:"))
        self.assertEqual(origin.heads, [])
        self.assertEqual(proxy.get(f"http://mixed.test:{origin.port}/").body, b"hello")

    @in_own_network()
    def test_a_name_that_changes_to_a_denied_address(self):
        """The name is looked up again, and the rules are applied again."""
        server = NameServer({"turns.test": Host("127.0.0.1", ttl=0)})
        proxy, origin = self.proxy("--deny", "to=127.0.0.5", "--allow", "all"), self.origin(host="0.0.0.0")
        self.assertEqual(proxy.get(f"http://turns.test:{origin.port}/").status, 200)
        for address in ("127.0.0.5", "169.254.169.254"):
            server.hosts["turns.test"] = Host(address, ttl=0)
            self.assertEqual(proxy.get(f"http://turns.test:{origin.port}/").status, 403)
        self.assertEqual(len(origin.heads), 1)

    @in_own_network()
    def test_a_time_to_live_beyond_all_bounds(self):
        """RFC 2181 section 8: with its highest bit set it counts as 0."""
        server = NameServer({"long.test": Host("127.0.0.1", ttl=2**31), "longest.test": Host("127.0.0.1", ttl=2**32 - 1)})
        proxy, origin = self.proxy(), self.origin()
        for name in ("long.test", "longest.test"):
            for _ in range(3):
                self.assertEqual(proxy.get(f"http://{name}:{origin.port}/").status, 200)
            self.assertEqual(server.count(name), 3)


class Ports(Case):
    """In its own network a test may listen on port 80."""

    @in_own_network()
    def test_the_default_port(self):
        NameServer({"known.test": Host("127.0.0.1")})
        proxy, origin = self.proxy(), self.origin(port=80)
        for url, host in (("http://127.0.0.1/", "127.0.0.1"), ("http://127.0.0.1", "127.0.0.1"), ("http://known.test/x", "known.test"),
                          ("http://127.0.0.1:80/", "127.0.0.1"), ("http://127.0.0.1:/", "127.0.0.1"), ("http://localhost?q", "localhost")):
            self.assertEqual(proxy.get(url).status, 200, url)
            self.assertEqual(origin.heads[-1].all("Host"), [host], url)

    @in_own_network()
    def test_the_default_port_of_an_ipv6_host(self):
        proxy, origin = self.proxy(), self.origin(host="::1", port=80)
        self.assertEqual(proxy.get("http://[::1]/").status, 200)
        self.assertEqual(origin.heads[-1].all("Host"), ["[::1]"])

    @in_own_network()
    def test_a_machine_without_ipv6(self):
        try:
            with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w", encoding="ascii") as switch:
                switch.write("1")
        except OSError as error:
            self.skipTest(f"IPv6 cannot be switched off here: {error}")
        proxy, origin = self.proxy(), self.origin()
        self.assertEqual(len(proxy.ports), 1, proxy.announcement)
        self.assertEqual(proxy.get(f"http://localhost:{origin.port}/").body, b"hello")
        with self.assertRaises(OSError):
            socket.create_connection(("::1", proxy.port)).close()

    @in_own_network()
    def test_no_route(self):
        """There is nothing but this machine."""
        proxy = self.proxy()
        self.assert_own_answer(proxy.get("http://192.0.2.1/"), 502)
        self.assertTrue(proxy.line(" 502 ").endswith(" end=host-unreachable by=upstream error=ENETUNREACH"))


class Held(Case):
    @in_own_network()
    def test_an_upload_to_a_name(self):
        """What the client sends while the name is looked up is kept for the origin, or not taken yet."""
        gate = Gate()
        self.addCleanup(gate.open)
        server = NameServer({"late.test": Host("127.0.0.1", gate=gate)})
        proxy, origin = self.proxy(), self.origin(lambda wire: wire.send(ok(wire.read_body())))
        client = self.client(proxy.ask(f"http://late.test:{origin.port}/", "Content-Length: 6", method="PUT", body=b"abc"))
        server.wait_for("late.test", PATIENCE)
        client.send(b"def")
        gate.open()
        self.assertEqual(client.rest().body, b"abcdef")
