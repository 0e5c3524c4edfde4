"""The proxy's own responses: for a terminal, for a browser, and for programs (Proxy-Status, RFC 9209)."""
import html
import html.parser
import re

from harness import PROXY_STATUS, Case, closed_port, ok

BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Reader(html.parser.HTMLParser):
    """Checks that what is opened is closed, but for what HTML closes itself; keeps the rows of the table."""
    ENDLESS = {"meta", "td", "tr"}

    def __init__(self, page):
        super().__init__()
        self.open, self.rows, self.title, self.sentence = [], [], "", ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag == "td":
            self.rows[-1].append("")
        if tag not in self.ENDLESS:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open[-1:] == ["table"] and self.rows:
            self.rows[-1][-1] += data.strip("\n")
        elif self.open[-1:] in (["title"], ["h1"]):
            self.title += data
        elif self.open[-1:] == ["p"]:
            self.sentence += data


class Pages(Case):
    def page(self, url, *fields, **parts):
        """The answer as a browser reads it, and as a terminal does."""
        proxy = self.proxy()
        answer = proxy.get(url, BROWSER, *fields, **parts)
        self.assertEqual(answer.head.all("Content-Type"), ["text/html; charset=us-ascii"])
        self.assertEqual(answer.head.all("Content-Length"), [str(len(answer.body))])
        self.assertRegex(answer.head.all("Proxy-Status")[0], PROXY_STATUS)
        page = Reader(answer.body.decode("ascii"))
        self.assertEqual(page.open, [])
        self.assertEqual(page.title, 2 * answer.head.first[len("HTTP/1.0 "):])
        self.assertGreater(len(page.sentence), 10)
        return page, answer, proxy

    def test_a_page_says_what_the_text_says(self):
        url = f"http://localhost:{closed_port()}/"
        page, _, proxy = self.page(url)
        plain = proxy.get(url, "Accept: */*")
        self.assert_own_answer(plain, 502)
        rows = [line.split(": ", 1) for line in plain.body.decode("ascii").splitlines()[3:]]
        def timeless(lines):
            return [[name, re.sub(r"\d+ ms|#\d+", "N", value)] for name, value in lines]
        self.assertEqual(timeless(rows), timeless(page.rows))

    def test_each_address_that_was_tried(self):
        port = closed_port()
        page, _, proxy = self.page(f"http://localhost:{port}/")
        rows = dict((name, value) for name, value in page.rows if name != "Tried")
        self.assertEqual(rows["Host"], f"localhost, port {port}")
        self.assertEqual(rows["Failed while"], "connecting to the host (SEND_REQUEST)")
        self.assertEqual(rows["Request"], "#1 in the proxy's log")
        self.assertIn(" end=connection-refused ", proxy.line(" #1 "))
        tried = [value for name, value in page.rows if name == "Tried"]
        self.assertEqual(len(tried), 2)
        for value, address in zip(tried, ("127.0.0.1", "[::1]")):
            self.assertRegex(value, re.escape(f"{address}:{port}: Connection refused (ECONNREFUSED), after ") + r"\d+ ms\Z")

    def test_where_it_failed(self):
        nonsense, silent = self.origin(lambda wire: wire.send(b"nonsense\r\n\r\n")), self.origin(lambda wire: None)
        for url, phase, word in ((nonsense.url(), "READ_RESPONSE", "not valid HTTP"), (silent.url(), "READ_RESPONSE", "before a complete response"),
                                 ("http://nosuch.localhost.:2/", "SEND_REQUEST", "refused"), ("ftp://h.test/", "READ_REQUEST", "only http://")):
            page, _, _ = self.page(url)
            self.assertIn(phase, dict(page.rows)["Failed while"], url)
            self.assertIn(word, page.sentence)

    def test_nothing_of_a_url_gets_into_a_page(self):
        for url in ("http://127.0.0.1:2/<script>alert(1)</script>", "/<script>", "http://127.0.0.1:2/?'\"><script>"):
            _, answer, _ = self.page(url)
            self.assertNotIn(b"<script", answer.raw)

    def test_which_clients_get_a_page(self):
        proxy = self.proxy()
        for accept, kind in (("text/html", "text/html"), ("*/*", "text/plain"), ("text/html;q=0", "text/plain"), ("image/png, Text/HTML;q=0.1", "text/html"),
                             ("text/*", "text/plain"), ("text/html;q=0.5, text/plain", "text/plain"), ("application/json", "text/plain")):
            answer = proxy.get("http://127.0.0.1:2/", f"Accept: {accept}")
            self.assertTrue(answer.head.all("Content-Type")[0].startswith(kind), accept)
        self.assert_own_answer(proxy.get("http://127.0.0.1:2/"), 502)

    def test_head(self):
        proxy = self.proxy()
        head = proxy.get("http://127.0.0.1:2/", BROWSER, method="HEAD")
        self.assertEqual(head.body, b"")
        self.assertEqual(head.head.all("Content-Type"), ["text/html; charset=us-ascii"])

    def test_a_request_to_the_proxy_as_a_web_server(self):
        """Without the port it is not the proxy's own address, where the board is: the page explains both."""
        page, answer, _ = self.page("/", "Host: 127.0.0.1", "Connection: close", version="1.1")
        self.assertEqual(answer.status, 421)
        self.assertIn("The Host of this request is not an address of this proxy", page.sentence)
        self.assertIn("set it as the HTTP proxy", answer.body.decode())


class ProxyStatus(Case):
    def status(self, url, *options):
        return self.proxy(*options).get(url).head.all("Proxy-Status")

    def test_each_kind_of_error(self):
        nonsense, silent = self.origin(lambda wire: wire.send(b"nonsense\r\n\r\n")), self.origin(lambda wire: None)
        gate = self.gate()
        slow = self.origin(lambda wire: gate.wait())
        for url, error in ((f"http://127.0.0.1:{closed_port()}/", "connection_refused"), (nonsense.url(), "http_protocol_error"),
                           (silent.url(), "http_response_incomplete"), (slow.url(), "connection_read_timeout"), ("nonsense", "http_request_error"),
                           ("/", "proxy_internal_response"), ("ftp://h.test/", "proxy_internal_response")):
            status, = self.status(url, "--answer-timeout", "0.3" if url == slow.url() else "120")
            self.assertRegex(status, PROXY_STATUS)
            self.assertTrue(status.startswith(f"proxy; error={error}; details="), (url, status))

    def test_the_status_that_was_received(self):
        status, = self.status(self.origin(lambda wire: wire.send(b"HTTP/1.1 203 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")).url())
        self.assertTrue(status.startswith("proxy; error=http_protocol_error; received-status=203; details="), status)

    def test_an_answer_of_the_host_is_left_alone(self):
        origin = self.origin(lambda wire: wire.send(ok(b"x", "Proxy-Status: other; error=dns_error")))
        self.assertEqual(self.status(origin.url()), ["other; error=dns_error"])
        self.assertEqual(self.status(self.origin(lambda wire: wire.send(ok(b"x"))).url()), [])
