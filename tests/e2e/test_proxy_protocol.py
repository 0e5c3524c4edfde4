"""HTTP listeners that read a PROXY header: HAProxy's doc/proxy-protocol.txt. Streams are in test_relay."""
import socket
import struct
import unittest

from harness import request
from web import HAS_JSON, InAFolder

V2 = b"\r\n\r\n\0\r\nQUIT\n"  # the signature of version 2, section 2.2


def header(client, version=2, port=1000):
    """Names `client` as the address of the connection's client."""
    if version == 1:
        return f"PROXY TCP4 {client} 192.0.2.2 {port} 2000\r\n".encode()
    return V2 + b"\x21\x11\x00\x0c" + socket.inet_aton(client) + socket.inet_aton("192.0.2.2") + struct.pack(">HH", port, 2000)


@unittest.skipUnless(HAS_JSON, "this build reads no configuration file")
class Headers(InAFolder):
    @staticmethod
    def get(url):
        return request(url, "Host: a.test", version="1.1")

    def forward(self, *rules, **place):
        place = {"host": "127.0.0.1", "port": 0, "proxy_protocol_in": True, **place}
        return self.proxy(port=self.write_config({"forward": [place], "rules": list(rules)}))

    def asked(self, proxy, first, *requests):
        """The statuses of the responses on one connection."""
        with proxy.connect() as client:
            client.send(first + b"".join(requests))
            statuses = []
            for _ in requests:
                answer = client.read_head()
                client.read(answer.length)
                statuses.append(answer.status)
            return statuses

    def test_the_client_of_the_header_is_in_the_log_and_in_the_rules(self):
        origin = self.origin()
        proxy = self.forward({"allow": f"client=192.0.2.0/24,to=127.0.0.1,port={origin.port}"})
        for version in (1, 2):
            self.assertEqual(self.asked(proxy, header("192.0.2.1", version), self.get(origin.url())), [200], version)
            self.assertEqual(self.asked(proxy, header("198.51.100.1", version), self.get(origin.url())), [403], version)
        self.assertIn("192.0.2.1:1000", proxy.line("192.0.2.1"))

    def test_without_a_rule_it_does_not_start(self):
        """Clients elsewhere reach the proxy through the load balancer, also at a loopback address."""
        with self.assertRaisesRegex(AssertionError, r"reachable from other machines \(proxy_protocol_in\)"):
            self.forward()

    def test_the_first_line_has_no_command_that_would_fail(self):
        proxy = self.forward({"allow": "10.9.0.0/16"})
        self.assertEqual([what for _, what in proxy.places], ["forward proxy; a load balancer sends PROXY headers"])
        self.assertNotRegex(proxy.announcement, "curl|browser|Board")

    def test_it_names_the_client_of_all_requests_of_the_connection(self):
        origin = self.origin()
        proxy = self.forward({"allow": f"client=192.0.2.1,to=127.0.0.1,port={origin.port}"})
        self.assertEqual(self.asked(proxy, header("192.0.2.1"), *[self.get(origin.url())] * 3), [200] * 3)
        proxy.count_lines(3)

    def test_one_byte_at_a_time(self):
        origin = self.origin()
        proxy = self.forward({"allow": f"client=192.0.2.1,to=127.0.0.1,port={origin.port}"})
        with proxy.connect() as client:
            client.send_in_pieces(header("192.0.2.1") + self.get(origin.url()), 1)
            self.assertEqual(client.read_head().status, 200)

    def test_an_upstream_of_a_web_server_sees_the_client(self):
        origin = self.origin()
        server = {"listeners": [{"host": "127.0.0.1", "port": 0, "proxy_protocol_in": True}],
                  "routes": [{"req_path": "/", "type": "reverse_proxy", "upstreams": [f"127.0.0.1:{origin.port}"]}]}
        proxy = self.configured(server)
        self.assertEqual(self.asked(proxy, header("192.0.2.1"), self.get("/")), [200])
        self.assertIn(b"X-Forwarded-For: 192.0.2.1", bytes(origin.heads[0].raw))

    def test_without_a_header_or_from_another_peer_the_connection_closes(self):
        rule = {"allow": "192.0.2.0/24"}
        for proxy, first in ((self.forward(rule), b""), (self.forward(rule, proxy_protocol_from=["192.0.2.0/24"]), header("192.0.2.1"))):
            with proxy.connect() as client:
                client.send(first + self.get("http://192.0.2.9/"))
                self.assertEqual(client.rest().raw, b"", first)


if __name__ == "__main__":
    unittest.main()
