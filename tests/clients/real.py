"""Real servers and real clients, on loopback and free ports. Each test has a home directory of its own."""
import functools
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
# pylint: disable=wrong-import-position
from authority import Authority  # noqa: E402
from harness import PATIENCE  # noqa: E402
from name_server import Host, NameServer  # noqa: E402
from web import InAFolder, PythonServer  # noqa: E402

PATH = os.pathsep.join([os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"])
HOST = "web.test"  # only the proxy's name server knows it: a client that goes past the proxy finds no server


def which(program):
    return shutil.which(program, path=PATH)


def needs(*programs):
    """Skips a test or a class if one of these cannot be run here."""
    missing = [program for program in programs if not which(program)]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)} (see setup.sh)")


# ---- made once ------------------------------------------------------------------------------------------------------

def directory():
    """A directory that is removed when this process ends."""
    made = tempfile.TemporaryDirectory(prefix="proxy-clients-")
    _KEPT.append(made)
    return pathlib.Path(made.name)


_KEPT: list = []


@functools.lru_cache(maxsize=None)
def authority():
    return Authority(directory(), f"DNS:{HOST},IP:127.0.0.1")


@functools.lru_cache(maxsize=None)
def name_server():
    return NameServer({HOST: Host("127.0.0.1")}, port=0)


@functools.lru_cache(maxsize=None)
def go_program():
    """tests/clients/get.go, compiled."""
    folder = directory()
    source = pathlib.Path(__file__).parent / "get.go"
    subprocess.run([which("go"), "build", "-o", folder / "get", source], check=True, capture_output=True, cwd=folder,
                   env={"PATH": PATH, "HOME": str(folder), "GOPATH": str(folder / "path"), "GOCACHE": str(folder / "cache"),
                        "GO111MODULE": "off"})
    return str(folder / "get")


@functools.lru_cache(maxsize=None)
def java_classes():
    """The directory of tests/clients/Get.java, compiled."""
    folder = directory()
    subprocess.run([which("javac"), "-d", folder, pathlib.Path(__file__).parent / "Get.java"], check=True, capture_output=True)
    return str(folder)


@functools.lru_cache(maxsize=None)
def python_with(module):
    """A Python that has this module; None if there is none."""
    for program in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([program, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0:
            return program
    return None


# ---- servers --------------------------------------------------------------------------------------------------------

class Service:
    """A server as a process that inherits its listening sockets: their backlog accepts clients before it is ready."""

    def __init__(self, folder, sockets=1):
        self.folder = pathlib.Path(folder)
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=512) for _ in range(sockets)]
        self.ports = [listener.getsockname()[1] for listener in self.sockets]
        self.port, self.process = self.ports[0], None

    def start(self, *command, environment=None, **how):
        with open(self.folder / "output", "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env={"PATH": PATH, **(environment or {})},
                                            pass_fds=[listener.fileno() for listener in self.sockets], **how)
        for listener in self.sockets:
            listener.close()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="ascii")
        return str(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


class Nginx(Service):
    """Serves `root`, also by TLS on `secure_port`; `/cgi/` and `/smart/` are those of the server at `behind`. On
    `proxy_protocol_port` it requires a PROXY header, and answers with the client's address in it.
    """

    def __init__(self, folder, root, behind):
        super().__init__(folder, sockets=3)
        _, self.secure_port, self.proxy_protocol_port = self.ports
        places = " ".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        certificate = f"ssl_certificate {authority().certificate}; ssl_certificate_key {authority().key};"
        back = "".join(f"location {path} {{ proxy_pass http://127.0.0.1:{behind.port}; client_max_body_size 0; }}" for path in ("/cgi/", "/smart/"))
        user = "user root;" if os.getuid() == 0 else ""
        path = self.write("nginx.conf", f"""
            daemon off; {user} worker_processes 1; pid {folder}/pid; events {{ }}
            http {{
              access_log off; {places} {certificate} gzip on; gzip_proxied any; default_type application/octet-stream;
              types {{ text/html html; application/json json; text/plain txt; }} gzip_types text/plain; autoindex on;
              server {{ listen 127.0.0.1:{self.port}; listen 127.0.0.1:{self.secure_port} ssl http2; root {root}; {back} }}
              server {{ listen 127.0.0.1:{self.proxy_protocol_port} proxy_protocol; return 200 "$proxy_protocol_addr"; }}
            }}""")
        self.start(which("nginx"), "-e", f"{folder}/error.log", "-c", path,
                   environment={"NGINX": "".join(f"{listener.fileno()};" for listener in self.sockets)})


class Lighttpd(Service):
    """Serves `root`; `/cgi/echo` answers with the request's body, and `/smart/` is git-http-backend(1) for `root`."""

    def __init__(self, folder, root):
        super().__init__(folder)
        echo = self.folder / "cgi/echo"
        echo.parent.mkdir()
        echo.write_text("#!/bin/sh\nprintf 'Content-Type: application/octet-stream\\r\\n\\r\\n'\nexec cat\n", encoding="ascii")
        echo.chmod(0o755)
        backend = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip() if which("git") else ""
        path = self.write("lighttpd.conf", f"""
            server.modules = ("mod_alias", "mod_setenv", "mod_indexfile", "mod_cgi", "mod_dirlisting")
            server.bind = "/dev/stdin"
            server.document-root = "{root}"
            server.errorlog = "{folder}/error.log"
            server.upload-dirs = ("{folder}")
            server.stream-request-body = 0
            index-file.names = ("index.html")
            mimetype.assign = (".html" => "text/html", ".txt" => "text/plain")
            dir-listing.activate = "enable"
            alias.url = ("/cgi/" => "{folder}/cgi/", "/smart" => "{backend}/git-http-backend")
            $HTTP["url"] =~ "^/cgi/" {{ cgi.assign = ("" => "") }}
            $HTTP["url"] =~ "^/smart/" {{
              cgi.assign = ("" => "")
              setenv.set-environment = ("GIT_PROJECT_ROOT" => "{root}", "GIT_HTTP_EXPORT_ALL" => "1", "GIT_CONFIG_COUNT" => "2",
                "GIT_CONFIG_KEY_0" => "http.receivepack", "GIT_CONFIG_VALUE_0" => "true",
                "GIT_CONFIG_KEY_1" => "safe.directory", "GIT_CONFIG_VALUE_1" => "*")
            }}""")
        self.start(which("lighttpd"), "-D", "-f", path, stdin=self.sockets[0])


class Nghttpx(Service):
    """Accepts an upgrade to h2c, and asks the server at `behind`."""

    def __init__(self, folder, behind):
        super().__init__(folder)
        self.start(which("nghttpx"), "--conf=/dev/null", f"--frontend=127.0.0.1,{self.port};no-tls", f"--backend=127.0.0.1,{behind.port}",
                   "--single-process", "--workers=1", environment={"NGHTTPX_ACCEPT_1": f"tcp,{self.sockets[0].fileno()}"})


class SecurePython:
    """Python's http.server with TLS, in threads of this process."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):  # pylint: disable=arguments-differ
            pass

    def __init__(self, root):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(self.Handler, directory=str(root)))
        self._server.socket = authority().context().wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # a client that leaves
        self.secure_port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


# ---- clients --------------------------------------------------------------------------------------------------------

@needs("openssl", "nginx", "lighttpd")
class Real(InAFolder):
    """`run` starts a program in `home` with `environment` and no other variables."""

    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        self.home.mkdir()
        ca = authority().ca
        self.environment = {
            "PATH": PATH, "HOME": str(self.home), "LANG": "C.UTF-8", "CURL_CA_BUNDLE": ca, "GIT_SSL_CAINFO": ca, "SSL_CERT_FILE": ca,
            "REQUESTS_CA_BUNDLE": ca, "PIP_CERT": ca, "NODE_EXTRA_CA_CERTS": ca, "npm_config_cafile": ca, "npm_config_update_notifier": "false",
            "npm_config_audit": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1", "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@web.test", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@web.test",
            "GIT_TERMINAL_PROMPT": "0"}

    def run_program(self, *command, status=0, **how):
        """What it prints on standard output; it must end with this status."""
        done = subprocess.run([which(command[0]) or command[0], *map(str, command[1:])], capture_output=True, cwd=how.pop("cwd", self.home),
                              env=self.environment, timeout=PATIENCE, check=False,
                              **{**({} if "input" in how else {"stdin": subprocess.DEVNULL}), **how})
        self.assertEqual(done.returncode, status, (command, done.stdout[-2000:], done.stderr.decode(errors="replace")[-4000:]))
        return done.stdout

    def own_folder(self, name):
        path = self.folder / name
        path.mkdir()
        return path

    @functools.cached_property
    def lighttpd(self):
        return self.enter(Lighttpd(self.own_folder("lighttpd"), self.public))

    @functools.cached_property
    def nginx(self):
        return self.enter(Nginx(self.own_folder("nginx"), self.public, behind=self.lighttpd))

    @functools.cached_property
    def python(self):
        return self.enter(PythonServer(self.public))

    @functools.cached_property
    def secure_python(self):
        return self.enter(SecurePython(self.public))
