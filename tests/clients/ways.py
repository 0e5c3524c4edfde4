"""The three ways from a client to a server: forward proxy, tunnel (CONNECT) with TLS inside, reverse proxy.

Tests are written once, as a class without TestCase, and run in each way by `in_each_way`.
"""
import use_with
from real import HOST, Real, name_server


class Forward(Real):
    """Plain HTTP through the proxy."""
    scheme = "http"

    def setUp(self):
        super().setUp()
        self.via = self.proxy("--nameserver", f"127.0.0.1:{name_server().port}")

    def servers(self):
        return self.nginx, self.lighttpd, self.python

    def base(self, server):
        """The URL of the server's root, as the client has it."""
        return f"http://{HOST}:{server.port}"

    def configure(self, program, where=None):
        """Makes the settings that docs/use-with.md has for the program; returns options for its command line."""
        return use_with.apply(self, use_with.row(program, where), self.via.port)

    def assert_passed(self, server, path):
        """The proxy's log has the request."""
        self.assertIn(" 200 ", self.via.line(f" GET {self.base(server)}{path} "))


class Tunnel(Forward):
    """TLS through a tunnel of the proxy."""
    scheme = "https"

    def servers(self):
        return self.nginx, self.secure_python

    def base(self, server):
        return f"https://{HOST}:{server.secure_port}"

    def assert_passed(self, server, path):
        self.assertIn(" 200 ", self.via.line(f" CONNECT {HOST}:{server.secure_port} "))


class Reverse(Real):
    """The proxy in front of the server; the client knows of no proxy."""
    scheme = "http"

    def setUp(self):
        super().setUp()
        self._fronts = {}

    def servers(self):
        return self.nginx, self.lighttpd, self.python

    def front(self, server):
        if server.port not in self._fronts:
            self._fronts[server.port] = self.proxy("--reverse", f"127.0.0.1:0=127.0.0.1:{server.port}", port=None)
        return self._fronts[server.port]

    def base(self, server):
        return f"http://127.0.0.1:{self.front(server).port}"

    def configure(self, *_):
        return []

    def assert_passed(self, server, path):
        self.assertIn(" 200 ", self.front(server).line(f"{path} 200 "))


def in_each_way(tests, names, ways=(Forward, Tunnel, Reverse)):
    """Defines in `names` (a module's globals) a test case of `tests` for each way."""
    for way in ways:
        name = f"{tests.__name__}{way.__name__}"
        names[name] = type(name, (tests, way), {"__doc__": tests.__doc__, "__module__": tests.__module__})
