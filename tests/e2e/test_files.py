"""A web server for the files of a folder (RFC 9110 for what it says of them)."""
import email
import email.policy
import gzip
import hashlib
import html.parser
import os
import socket
import time
import unittest
import urllib.parse

from harness import MIB, heavy, lean, pattern, request, stream, wait_until
from web import HAS_JSON, InAFolder, ask, at, get, read_answer, read_body, settled_memory

SECRET = b"what must not be had"
WINDOW = 16 * 1024


class Page(html.parser.HTMLParser):
    """The links in the cells of a listing, with their text."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.sorts, self._path, self._link, self.title = [], [], [], None, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._path.append(tag)
        if tag == "a":
            self._link = [dict(attrs).get("href"), ""]

    def handle_endtag(self, tag):
        while self._path and self._path.pop() != tag:
            pass
        if tag == "a":
            cells = [name for name in self._path if name in ("table", "tr", "td", "th")]
            (self.rows if cells == ["table", "tr", "td"] else self.sorts).append(tuple(self._link))
            self._link = None

    def handle_data(self, data):
        if self._link:
            self._link[1] += data
        if self._path and self._path[-1] == "title":
            self.title += data


class Served(InAFolder):
    def setUp(self):
        super().setUp()
        self.server = None

    def start(self):
        if self.server is None:
            self.server = self.proxy("--files", f"127.0.0.1:0={self.public}", port=None)
        return self.server

    def ask(self, path, *fields, **how):
        return ask(self.start(), path, *fields, **how)

    def status(self, path, **how):
        return self.ask(path, **how)[0].status


class Whole(Served):
    def test_bytes_of_every_size(self):
        for size in (0, 1, 4095, 16384, 65535, 65536, 65537, 3 * MIB + 1):
            self.put(f"{size}.bin", pattern(size))
            for _ in range(2):  # the second may come from memory
                head, body = self.ask(f"/{size}.bin")
                self.assertEqual((head.status, head.length), (200, size))
                self.assertEqual(body, pattern(size), size)

    def test_types(self):
        """As the registry of media types has them; without charset."""
        for name, kind in (("a.html", "text/html"), ("a.txt", "text/plain"),
                           ("a.css", "text/css"), ("a.png", "image/png"), ("a.jpg", "image/jpeg"),
                           ("A.JPG", "image/jpeg"), ("a.pdf", "application/pdf"), ("a.svg", "image/svg+xml"),
                           ("a.json", "application/json"), ("a.gif", "image/gif"), ("a", "application/octet-stream"),
                           ("a.unheardof", "application/octet-stream")):
            self.put(name, b"x")
            self.assertEqual(self.ask(f"/{name}")[0].all("Content-Type"), [kind], name)

    def test_head_is_get_without_the_body(self):
        for name, content in (("small.txt", b"x" * 10), ("large.bin", pattern(MIB)), ("none", b"")):
            self.put(name, content)
            got, asked = self.ask(f"/{name}")[0], self.ask(f"/{name}", method="HEAD")[0]
            without_date = [[line for line in head.lines if not line.startswith("Date:")] for head in (got, asked)]
            self.assertEqual(without_date[0], without_date[1])
            self.assertEqual(asked.length, len(content))

    def test_nothing_comes_behind_the_answer_to_head(self):
        self.put("a", b"content")
        with self.start().connect() as client:
            client.send(get("/a", "Connection: close", method="HEAD"))
            self.assertEqual(client.rest().body, b"")

    def test_validators_and_ranges_are_announced(self):
        path = self.put("a.txt", b"abc")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        head, _ = self.ask("/a.txt")
        self.assertEqual(head.all("Last-Modified"), ["Tue, 14 Nov 2023 22:13:20 GMT"])
        self.assertEqual(head.all("Accept-Ranges"), ["bytes"])
        self.assertRegex(head.all("ETag")[0], r'\A"[!#-~]+"\Z')  # RFC 9110 section 8.8.3, strong
        self.assertEqual(len(head.all("Date")), 1)  # section 6.6.1

    def test_in_absolute_form_and_without_its_host(self):
        """RFC 9112 section 3.2.2: a server takes the absolute form. Section 3.2: HTTP/1.1 without Host is refused."""
        self.put("a", b"content")
        with self.start().connect() as client:
            client.send(request("http://other.test/a", "Host: other.test", version="1.1"))
            self.assertEqual(read_answer(client)[1], b"content")
        with self.start().connect() as client:
            client.send(request("/a", version="1.1"))
            self.assertEqual(client.read_head().status, 400)
        with self.start().connect() as client:
            client.send(request("/a"))
            answer = client.rest()
            self.assertEqual((answer.status, answer.body), (200, b"content"))

    def test_a_web_server_is_no_proxy(self):
        origin = self.origin()
        with self.start().connect() as client:
            client.send(request(origin.url("/a"), f"Host: {origin.authority}", version="1.1"))
            self.assertEqual(client.read_head().status, 404)
        with self.start().connect() as client:
            client.send(request(origin.authority, f"Host: {origin.authority}", method="CONNECT", version="1.1"))
            self.assertIn(client.read_head().status, (400, 405, 501))
        self.assertEqual(origin.heads, [])

    @heavy
    def test_a_hundred_mebibytes(self):
        path, wanted, size = self.put("large.bin"), hashlib.sha256(), 100 * MIB
        with path.open("wb") as file:
            for piece in stream(size):
                file.write(piece)
                wanted.update(piece)
        with self.start().connect() as client:
            client.send(get("/large.bin"))
            self.assertEqual(client.read_head().length, size)
            got, count = hashlib.sha256(), 0
            while count < size and (piece := client.some(size - count)):
                count += len(piece)
                got.update(piece)
        self.assertEqual((count, got.digest()), (size, wanted.digest()))


class Connections(Served):
    def test_several_over_one_connection(self):
        names = [f"{number}.bin" for number in range(10)]
        for number, name in enumerate(names):
            self.put(name, pattern(number * 30_000, number))
        with self.start().connect() as client:
            for number, name in enumerate(names):
                client.send(get(f"/{name}"))
                self.assertEqual(read_answer(client)[1], pattern(number * 30_000, number))

    def test_several_at_once_are_answered_in_order(self):
        """RFC 9112 section 9.3.2; a missing one does not end the row."""
        for number in range(6):
            self.put(f"{number}.bin", pattern(number * 30_000, number))
        with self.start().connect() as client:
            client.send(b"".join(get(path) for number in range(6) for path in (f"/{number}.bin", "/none")))
            client.send(get("/1.bin", method="HEAD") + get("/2.bin", "Range: bytes=5-9") + get("/0.bin", "Connection: close"))
            for number in range(6):
                self.assertEqual(read_answer(client)[1], pattern(number * 30_000, number))
                self.assertEqual(read_answer(client)[0].status, 404)
            self.assertEqual(read_answer(client, "HEAD")[0].length, 30_000)
            self.assertEqual(read_answer(client)[1], pattern(60_000, 2)[5:10])
            self.assertEqual(client.rest().status, 200)

    def test_close_and_http10_end_the_connection(self):
        self.put("a", b"content")
        for data in (get("/a", "Connection: close"), request("/a")):
            with self.start().connect() as client:
                client.send(data)
                answer = client.rest()
                self.assertEqual((answer.status, answer.body, answer.head.all("Connection")), (200, b"content", ["close"]))

    def test_a_request_body_is_skipped(self):
        """RFC 9110 section 9.3.1: what a GET's content means is not defined; it must not be taken for a request."""
        self.put("a", b"content")
        smuggled = get("/smuggled")
        with self.start().connect() as client:
            client.send(get("/a", f"Content-Length: {len(smuggled)}", body=smuggled))
            self.assertEqual(read_answer(client)[1], b"content")
            client.half_close()
            self.assertEqual(client.rest().raw, b"")

    def test_a_stalled_reader_does_not_delay_others(self):
        self.put("large.bin", pattern(64 * MIB))
        self.put("a", b"content")
        with self.start().connect(window=WINDOW) as stuck:
            stuck.send(get("/large.bin"))
            self.assertEqual(stuck.read_head().length, 64 * MIB)
            for _ in range(100):
                self.assertEqual(self.ask("/a")[1], b"content")

    def test_interrupted_with_clients_connected(self):
        self.put("large.bin", pattern(64 * MIB))
        self.put("a", b"content")
        server = self.proxy("--drain", "0", "--files", f"127.0.0.1:0={self.public}", port=None)
        stuck, kept = self.client(server.connect(window=WINDOW)), self.client(server.connect())
        half, idle = self.client(server.connect()), self.client(server.connect())
        stuck.send(get("/large.bin"))
        self.assertEqual(stuck.read_head().status, 200)
        half.send(b"GET /a HT")
        kept.send(get("/a"))
        self.assertEqual(read_answer(kept)[1], b"content")
        self.assertEqual(server.stop(), (0, ""))
        for client in (stuck, kept, half, idle):
            client.until_gone()


class Changing(Served):
    def test_a_changed_file_is_seen(self):
        path = self.put("a.txt", b"first")
        self.assertEqual(self.ask("/a.txt")[1], b"first")
        tag = self.ask("/a.txt")[0].all("ETag")
        path.write_bytes(b"other")  # of the same length
        wait_until(lambda: self.ask("/a.txt")[1] == b"other", "the new content")
        self.assertNotEqual(self.ask("/a.txt")[0].all("ETag"), tag)
        path.unlink()
        wait_until(lambda: self.status("/a.txt") == 404, "the file is gone")
        self.put("a.txt", b"third")
        wait_until(lambda: self.ask("/a.txt")[1] == b"third", "the file is back")

    def test_a_file_that_shrinks_while_it_is_sent(self):
        """The length was promised: the answer must end short of it. What was on its way when the file shrank may have
        become zeros: sendfile(2) sends the file's pages, not a copy of them."""
        size = 64 * MIB
        path = self.put("large.bin", pattern(size))
        with self.start().connect(window=WINDOW) as client:
            client.send(get("/large.bin"))
            self.assertEqual(client.read_head().length, size)
            os.truncate(path, MIB)
            answer = client.rest()
        self.assertLess(len(answer.raw), size)
        self.assertEqual(answer.raw[:MIB], pattern(MIB))
        self.assertTrue(all(got in (0, sent) for got, sent in zip(answer.raw, pattern(size))))
        self.assertEqual(self.ask("/large.bin")[0].length, MIB)

    def test_a_file_that_grows_while_it_is_sent(self):
        size = 16 * MIB
        path = self.put("large.bin", pattern(size))
        with self.start().connect(window=WINDOW) as client:
            client.send(get("/large.bin") + get("/large.bin", method="HEAD"))
            head = client.read_head()
            with path.open("ab") as file:
                file.write(b"more" * 1000)
            self.assertEqual(read_body(client, head), pattern(size))
            self.assertEqual(read_answer(client, "HEAD")[0].status, 200)


class Ranges(Served):
    """RFC 9110 section 14."""
    SIZE = 200_000

    def setUp(self):
        super().setUp()
        self.content = pattern(self.SIZE)
        self.put("a.bin", self.content)

    def test_one(self):
        for asked, first, last in (("0-0", 0, 0), ("0-99", 0, 99), ("100-", 100, self.SIZE - 1), ("-1", self.SIZE - 1, self.SIZE - 1),
                                   ("-500", self.SIZE - 500, self.SIZE - 1), ("199990-999999", 199_990, self.SIZE - 1),
                                   ("-999999", 0, self.SIZE - 1), ("65000-140000", 65_000, 140_000)):
            head, body = self.ask("/a.bin", f"Range: bytes={asked}")
            self.assertEqual((head.status, head.all("Content-Range")), (206, [f"bytes {first}-{last}/{self.SIZE}"]), asked)
            self.assertEqual(body, self.content[first:last + 1])
            self.assertEqual(head.length, len(body))

    def test_several(self):
        wanted = [(0, 9), (1000, 1999), (self.SIZE - 5, self.SIZE - 1)]
        head, body = self.ask("/a.bin", "Range: bytes=0-9,1000-1999, -5")
        self.assertEqual(head.status, 206)
        self.assertEqual(head.all("Content-Range"), [])  # section 15.3.7.2: in the parts only
        kind = head.all("Content-Type")[0]
        parts = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP).get_payload()
        self.assertTrue(kind.startswith("multipart/byteranges; boundary="))
        self.assertEqual([part["Content-Range"] for part in parts], [f"bytes {a}-{b}/{self.SIZE}" for a, b in wanted])
        self.assertEqual({part["Content-Type"] for part in parts}, {"application/octet-stream"})
        # The content is cut by hand, because that parser keeps only text.
        boundary = kind.partition("boundary=")[2].encode()
        pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
        self.assertEqual((pieces[0], pieces[-1].rstrip(b"\r\n")), (b"", b"--"))
        self.assertEqual([piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]], [self.content[a:b + 1] for a, b in wanted])

    def test_behind_the_end(self):
        for asked in (f"{self.SIZE}-", "999999-9999999", "-0"):
            head, _ = self.ask("/a.bin", f"Range: bytes={asked}")
            self.assertEqual((head.status, head.all("Content-Range")), (416, [f"bytes */{self.SIZE}"]), asked)
        self.put("none", b"")
        self.assertIn(self.ask("/none", "Range: bytes=0-0")[0].status, (200, 416))

    def test_what_is_no_range_gives_the_whole(self):
        """Section 14.2: an invalid ranges-specifier is ignored; so is a unit that is not known."""
        for asked in ("bytes=", "bytes=a-b", "bytes=9-0", "lines=0-9", "bytes 0-9", "bytes=0-9,x"):
            head, body = self.ask("/a.bin", f"Range: {asked}")
            self.assertEqual((head.status, len(body)), (200, self.SIZE), asked)

    def test_only_of_the_same_file(self):
        tag = self.ask("/a.bin")[0].all("ETag")[0]
        self.assertEqual(self.ask("/a.bin", "Range: bytes=0-9", f"If-Range: {tag}")[0].status, 206)
        for other in ('"another"', f"W/{tag}", "Thu, 01 Jan 1970 00:00:00 GMT"):
            head, body = self.ask("/a.bin", "Range: bytes=0-9", f"If-Range: {other}")
            self.assertEqual((head.status, len(body)), (200, self.SIZE), other)

    def test_head_has_none(self):
        """Section 14.2: Range is defined for GET only."""
        self.assertEqual(self.ask("/a.bin", "Range: bytes=0-9", method="HEAD")[0].status, 200)


class Conditional(Served):
    """RFC 9110 section 13."""
    MODIFIED, BEFORE, AFTER = ("Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:19 GMT", "Tue, 14 Nov 2023 22:13:21 GMT")

    def setUp(self):
        super().setUp()
        path = self.put("a.txt", b"content")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        self.tag = self.ask("/a.txt")[0].all("ETag")[0]

    def test_every_condition(self):
        for fields, status in (
                ((f"If-None-Match: {self.tag}",), 304), ((f'If-None-Match: "x", W/{self.tag}',), 304), (("If-None-Match: *",), 304),
                (('If-None-Match: "x"',), 200), ((f"If-Modified-Since: {self.MODIFIED}",), 304),
                ((f"If-Modified-Since: {self.AFTER}",), 304), ((f"If-Modified-Since: {self.BEFORE}",), 200),
                (("If-Modified-Since: yesterday",), 200),
                # Section 13.1.3: without meaning beside If-None-Match.
                (('If-None-Match: "x"', f"If-Modified-Since: {self.MODIFIED}"), 200),
                ((f"If-Match: {self.tag}",), 200), (("If-Match: *",), 200), (('If-Match: "x"',), 412), ((f"If-Match: W/{self.tag}",), 412),
                ((f"If-Unmodified-Since: {self.MODIFIED}",), 200), ((f"If-Unmodified-Since: {self.BEFORE}",), 412)):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.ask("/a.txt", *fields, method=method)[0].status, status, fields)

    def test_not_modified_says_what_it_must_and_has_no_body(self):
        """Section 15.4.5: the ETag and Date that a 200 would have had."""
        with self.start().connect() as client:
            client.send(get("/a.txt", f"If-None-Match: {self.tag}") + get("/a.txt"))
            head, _ = read_answer(client)
            self.assertEqual((head.status, head.all("ETag"), len(head.all("Date"))), (304, [self.tag], 1))
            self.assertEqual(read_answer(client)[1], b"content")

    def test_a_missing_file_is_missing_whatever_the_condition(self):
        self.assertIn(self.ask("/none", "If-Match: *")[0].status, (404, 412))
        self.assertEqual(self.ask("/none", "If-None-Match: *")[0].status, 404)


class Folders(Served):
    def page(self, path):
        head, body = self.ask(path)
        self.assertEqual((head.status, head.all("Content-Type")), (200, ["text/html"]))
        return Page(body.decode())

    def test_an_index_is_the_page(self):
        self.put("index.html", b"<p>here")
        self.put("sub/index.html", b"<p>there")
        self.assertEqual(self.ask("/")[1], b"<p>here")
        self.assertEqual(self.ask("/sub/")[1], b"<p>there")
        self.assertEqual(self.ask("/sub/")[0].all("Content-Type"), ["text/html"])

    def test_without_its_slash_it_is_redirected(self):
        self.put("a folder/x", b"x")
        for asked, location in (("/a%20folder", "/a%20folder/"), ("/a%20folder?q=1", "/a%20folder/?q=1")):
            head, _ = self.ask(asked)
            self.assertEqual((head.status, head.all("Location")), (301, [location]))
        self.assertEqual(self.status("/a%20folder/x/"), 404)

    def test_a_redirect_leads_nowhere_else(self):
        """//other.test/ would be another host's (RFC 3986 section 4.2)."""
        self.put("other.test/x", b"x")
        head, _ = self.ask("//other.test")
        self.assertEqual((head.status, head.all("Location")), (301, ["/other.test/"]))

    def test_a_listing_leads_to_each_file(self):
        names = ["plain.txt", "with blank", "a&b<i>.txt", "quote'\".txt", "100%.txt", "q?x=1#y", "\u00e4\u4e2d.txt", "a:b", "%2e", "back\\slash",
                 "&amp;", "javascript:alert(1)"]
        for name in names:
            self.put(name, name.encode())
        self.put("folder/inner.txt", b"inner")
        self.put(".hidden", SECRET)
        page = self.page("/")
        self.assertEqual(page.rows[0], ("folder/", "folder/"), "folders come first, and there is nothing above the top")
        self.assertEqual([text for _, text in page.rows[1:]], sorted(names, key=str.encode))
        for href, text in page.rows[1:]:
            url = urllib.parse.urljoin("http://site.test/", href)
            self.assertTrue(url.startswith("http://site.test/"), url)
            self.assertEqual(self.ask(url.removeprefix("http://site.test"))[1], text.encode())
        inner = self.page("/folder/")
        self.assertEqual(inner.rows, [("../", "../"), ("inner.txt", "inner.txt")])

    def test_conditions_of_a_listing(self):
        """RFC 9110 section 13.1: it has no validators, and it exists."""
        self.put("folder/a.txt", b"a")
        for fields, status in (("If-None-Match: *",), 304), (('If-None-Match: "x"',), 200), (("If-Match: *",), 200), (('If-Match: "x"',), 412):
            head, body = self.ask("/folder/", *fields)
            self.assertEqual(head.status, status, fields)
            self.assertEqual(bool(body), status != 304, fields)

    def test_a_listing_is_sorted_as_asked(self):
        for name, size, when in (("b", 30, 1000), ("a", 10, 3000), ("c", 20, 2000)):
            os.utime(self.put(name, b"x" * size), (when, when))
        for query, wanted in (("", "abc"), ("?sort=name&order=desc", "cba"), ("?sort=size", "acb"), ("?sort=size&order=desc", "bca"),
                              ("?sort=time&order=asc", "bca"), ("?sort=time&order=desc", "acb"), ("?sort=nonsense", "abc")):
            self.assertEqual("".join(text for _, text in self.page(f"/{query}").rows), wanted, query)
        for href, _ in self.page("/").sorts:
            self.page("/" + href)

    def test_a_listing_has_all_names(self):
        """However many there are: in chunks for HTTP/1.1, to the end of the connection for HTTP/1.0."""
        names = [f"f{i:04}" for i in range(3000)]
        for name in names:
            self.put(f"big/{name}", b"")
        for version in ("1.1", "1.0"):
            head, body = self.ask("/big/", version=version)
            self.assertEqual((head.status, head.all("Content-Length")), (200, []))
            self.assertEqual([text for _, text in Page(body.decode()).rows], ["../", *names])
        self.assertEqual(self.ask("/big/", method="HEAD")[0].status, 200)
        with self.start().connect() as client:  # the connection is kept
            for _ in range(2):
                client.send(get("/big/"))
                self.assertEqual(len(Page(read_answer(client)[1].decode()).rows), 3001)

    @lean
    def test_listings_without_a_reader_take_no_memory(self):
        """Of one folder for all clients, and of a folder for each."""
        for folder in range(20):
            for i in range(300):
                self.put(f"d{folder}/{i:03}{'&' * 200}", b"")
        proxy = self.start()
        self.ask("/d0/")
        before = settled_memory(proxy)
        clients = [self.client(proxy.ask(f"/d{i % 20}/", "Host: h", version="1.1", window=4096)) for i in range(40)]
        for client in clients:
            self.assertEqual(client.read_head().status, 200)
        wait_until(lambda: settled_memory(proxy) - before < 40 * 40, "the memory of listings that are not read")

    def test_a_folder_that_others_may_not_read(self):
        self.put("closed/a", b"x")
        (self.public / "closed").chmod(0o700)
        self.assertEqual((self.status("/closed/"), self.status("/closed/a")), (403, 403))

    def test_names_that_begin_with_a_dot(self):
        for name in (".hidden", ".git/config", ".well-known/acme"):
            self.put(name, b"x")
        self.assertEqual([self.status(path) for path in ("/.hidden", "/.git/config", "/%2egit/config", "/.well-known/acme")],
                         [404, 404, 404, 200])


class Refused(Served):
    """Nothing outside of the folder can be had, and nothing that blocks or is not for everybody."""

    def setUp(self):
        super().setUp()
        (self.folder / "secret").write_bytes(SECRET)
        (self.folder / "secret").chmod(0o644)
        self.put("sub/a", b"content")

    def check(self, path, *statuses):
        with self.start().connect() as client:
            client.send(get(path))
            head, body = read_answer(client)
        self.assertNotIn(SECRET, body, path)
        self.assertIn(head.status, statuses, path)

    def test_ways_up(self):
        for path in ("/../secret", "/sub/../../secret", "/sub/../../../../../../etc/passwd", "/%2e%2e/secret", "/%2E./secret",
                     "/..%2fsecret", "/%2e%2e%2fsecret", "/sub/%2e%2e/%2e%2e/secret", "/..//secret", "/./../secret",
                     "/%252e%252e/secret", "/..%5csecret", "/..\\secret", "/.../secret", "/..;/secret", "/%c0%ae%c0%ae/secret",
                     "/sub%00/../../secret", "/secret%00", f"/{self.folder}/secret", f"//{self.folder}/secret"):
            self.check(path, 400, 403, 404)
        for path in ("/sub%2Fa", "/sub%2fa", "/sub/%2Fa"):
            self.assertEqual(self.status(path), 404, f"{path}: no file has such a name")
        for path in ("/a%zz", "/sub/a%", "/sub/a%2", "/sub/a%00"):
            self.assertEqual(self.status(path), 400, path)
        for path in ("/sub/../sub/a", "/sub/./a", "/sub/%2e%2e/sub/a", "/sub/x/../a", "//sub//a", "/s%75b/a", "///sub/a"):
            self.assertEqual(self.ask(path)[1], b"content", path)

    def test_links_out(self):
        (self.public / "out").symlink_to("../secret")
        (self.public / "absolute").symlink_to(self.folder / "secret")
        (self.public / "folder").symlink_to("..")
        (self.public / "chain").symlink_to("out")
        (self.public / "dangling").symlink_to("nowhere")
        (self.public / "round").symlink_to("round")
        for path in ("/out", "/absolute", "/folder", "/folder/secret", "/chain", "/round"):
            self.check(path, 403, 404)
        self.check("/dangling", 404)
        (self.public / "within").symlink_to("sub/a")
        self.assertEqual(self.ask("/within")[1], b"content")

    def test_not_a_file(self):
        os.mkfifo(self.public / "fifo", 0o644)
        (self.public / "fifo").chmod(0o644)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(self.public / "socket"))
            (self.public / "socket").chmod(0o666)
            for path in ("/fifo", "/socket"):
                self.check(path, 403)
        self.assertEqual(self.ask("/sub/a")[1], b"content")

    def test_unreadable_files(self):
        """Even if the server itself may read it, for example as root."""
        for mode, status in ((0o600, 403), (0o640, 403), (0o644, 200)):
            self.put("a").chmod(mode)
            wait_until(lambda wanted=status: self.status("/a") == wanted, f"{status} for mode {mode:o}")

    def test_what_is_not_there(self):
        for path in ("/none", "/sub/none", "/none/", "/sub/a/b", "/" + "x" * 300, "/sub/a/"):
            self.check(path, 404)

    def test_other_methods(self):
        """RFC 9110 section 15.5.6: 405 comes with Allow."""
        for method in ("POST", "PUT", "DELETE", "PATCH", "PROPFIND"):
            head, _ = self.ask("/sub/a", "Content-Length: 0", method=method)
            self.assertEqual(head.status, 405, method)
            allowed = head.all("Allow")[0].replace(" ", "").split(",")
            self.assertTrue({"GET", "HEAD"} <= set(allowed), allowed)
            self.assertNotIn(method, allowed)
        self.assertEqual((self.public / "sub/a").read_bytes(), b"content")

    def test_the_reason_is_shown(self):
        for path, word in (("/none", b"nothing"), ("/../secret", b"URL")):
            head, body = self.ask(path)
            self.assertTrue(body.startswith(head.first.split(" ", 1)[1].encode()), body)
            self.assertIn(word, body)

    def test_a_folder_that_is_not_there(self):
        server = self.proxy("--files", f"127.0.0.1:0={self.public}", port=None)
        self.public.rename(self.folder / "elsewhere")
        wait_until(lambda: ask(server, "/sub/a")[0].status == 404, "the folder is gone")
        (self.folder / "elsewhere").rename(self.public)
        wait_until(lambda: ask(server, "/sub/a")[1] == b"content", "the folder is back")


@unittest.skipUnless(HAS_JSON, "built without nlohmann-json")
class Compressed(InAFolder):
    def start(self, **route):
        return self.configured(at(routes=[{"req_path": "/", "type": "file_serve", "dir_path": str(self.public),
                                           "gzip_enable": True, **route}]))

    def check_gzip(self, server, path, content):
        head, body = ask(server, path, "Accept-Encoding: gzip")
        self.assertEqual((head.status, head.all("Content-Encoding")), (200, ["gzip"]), path)
        self.assertIn("accept-encoding", head.all("Vary")[0].lower())
        self.assertEqual(gzip.decompress(body), content)
        return head, body

    def test_a_client_that_accepts_it_gets_it(self):
        server, text = self.start(), b"many words, " * 1000
        self.put("a.txt", text)
        head, body = self.check_gzip(server, "/a.txt", text)
        self.assertLess(len(body), len(text) // 10)
        for fields in ((), ("Accept-Encoding: identity",), ("Accept-Encoding: gzip;q=0",), ("Accept-Encoding: br",)):
            plain, body = ask(server, "/a.txt", *fields)
            self.assertEqual((plain.all("Content-Encoding"), body), ([], text), fields)
            self.assertIn("accept-encoding", plain.all("Vary")[0].lower(), "RFC 9110 section 12.5.5")
            self.assertNotEqual(plain.all("ETag"), head.all("ETag"), "RFC 9110 section 8.8.3.3")

    def test_a_listing_that_has_not_changed(self):
        """RFC 9110 section 15.4.5: a 304 has the Vary of the 200."""
        server = self.start()
        self.put("folder/a.txt", b"a")
        answers = [ask(server, "/folder/", *fields)[0] for fields in ((), ("If-None-Match: *",))]
        self.assertEqual([(head.status, head.all("Vary")) for head in answers], [(status, ["Accept-Encoding"]) for status in (200, 304)])

    def test_a_large_one_is_made_as_it_is_sent(self):
        server, text = self.start(), pattern(300) * 20_000
        self.put("large.txt", text)
        self.check_gzip(server, "/large.txt", text)
        with server.connect() as client:  # HTTP/1.0 knows no chunks
            client.send(request("/large.txt", "Accept-Encoding: gzip"))
            answer = client.rest()
            self.assertEqual(answer.head.all("Transfer-Encoding"), [])
            self.assertEqual(gzip.decompress(answer.body), text)

    def test_only_what_is_worth_it(self):
        server = self.start()
        self.put("a.png", b"not really " * 1000)
        self.assertEqual(ask(server, "/a.png", "Accept-Encoding: gzip")[0].all("Content-Encoding"), [])

    def test_types_as_configured(self):
        """They are added to the text formats."""
        server = self.start(gzip_mime_types=["image/*"], gzip_level=9)
        self.put("a.png", b"not really " * 1000)
        self.put("a.txt", b"words " * 1000)
        self.put("a.pdf", b"nor this " * 1000)
        self.check_gzip(server, "/a.png", b"not really " * 1000)
        self.check_gzip(server, "/a.txt", b"words " * 1000)
        self.assertEqual(ask(server, "/a.pdf", "Accept-Encoding: gzip")[0].all("Content-Encoding"), [])

    def test_a_prepared_one(self):
        server, text = self.start(), b"many words, " * 1000
        prepared = gzip.compress(text, 9, mtime=1)
        self.put("a.txt", text)
        self.put("a.txt.gz", prepared)
        self.assertEqual(self.check_gzip(server, "/a.txt", text)[1], prepared)
        self.assertEqual(ask(server, "/a.txt")[1], text)
        plain, body = ask(server, "/a.txt.gz")
        self.assertEqual((plain.all("Content-Type"), plain.all("Content-Encoding"), body), (["application/gzip"], [], prepared))

    def test_a_prepared_one_that_is_older_is_not_taken(self):
        server, text = self.start(), b"new words, " * 1000
        self.put("a.txt", text)
        os.utime(self.put("a.txt.gz", gzip.compress(b"old")), (time.time() - 1000,) * 2)
        self.check_gzip(server, "/a.txt", text)

    def test_head_and_conditions_are_of_the_form_that_is_sent(self):
        server = self.start()
        self.put("a.txt", b"many words, " * 1000)
        got, asked = (ask(server, "/a.txt", "Accept-Encoding: gzip", method=method)[0] for method in ("GET", "HEAD"))
        for name in ("ETag", "Content-Encoding", "Content-Length", "Content-Type", "Vary"):
            self.assertEqual(got.all(name), asked.all(name), name)
        tag = got.all("ETag")[0]
        self.assertEqual(ask(server, "/a.txt", "Accept-Encoding: gzip", f"If-None-Match: {tag}")[0].status, 304)
        self.assertEqual(ask(server, "/a.txt", f"If-Match: {tag}")[0].status, 412)


if __name__ == "__main__":
    unittest.main()
