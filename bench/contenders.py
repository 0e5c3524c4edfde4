"""The proxies that `make bench` compares: how each is configured and started, with one worker."""
from __future__ import annotations

import dataclasses
import os
import pathlib
import resource
import shutil
import typing

OURS, BEFORE = "ours", "ours, before"


@dataclasses.dataclass(frozen=True)
class Place:
    """What a contender needs to know. All addresses are 127.0.0.1."""
    folder: pathlib.Path  # its own, removed after the row
    files: pathlib.Path   # of the role `static`
    port: int             # to listen on
    origin: int           # the origin's port
    build: pathlib.Path   # where our programs are
    before: pathlib.Path  # where another build of the proxy is, to compare

    def fill(self, text: str, **more: str | int) -> str:
        """The text of a configuration with these values in it. A limit on connections allows for two descriptors each."""
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return text.format(folder=self.folder, files=self.files, port=self.port, origin=self.origin, descriptors=descriptors,
                           connections=descriptors // 2 - 500, **more)


Start = typing.Callable[[Place, str], "list[str] | None"]  # the command for a role; None: it does not have this role


@dataclasses.dataclass(frozen=True)
class Contender:
    """A program, and the function that writes its configuration."""
    name: str
    program: str  # empty: one of ours
    start: Start

    def installed(self) -> bool:
        return not self.program or which(self.program) is not None


def which(program: str) -> str | None:
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def written(place: Place, name: str, text: str) -> str:
    path = place.folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


# ---- ours -----------------------------------------------------------------------------------------------------------

def ours(place: Place, role: str, *options: str) -> list[str]:
    upstream = f"{place.port}=127.0.0.1:{place.origin}"
    what = {"reverse": ["--reverse", upstream], "reverse-pooled": ["--reverse", upstream], "relay": ["--relay", upstream],
            "static": ["--files", f"{place.port}={place.files}"]}
    return [str(place.build / "proxy"), *what.get(role, [str(place.port)]), *options]


def relay(place: Place, role: str, *options: str) -> list[str] | None:
    if role == "static":
        return None
    return [str(place.build / "bench/relay"), "--to", str(place.origin), "--port", str(place.port), *options]


# ---- the peers ------------------------------------------------------------------------------------------------------

NGINX = """user root;
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
{module}
events {{ worker_connections {descriptors}; }}
"""
NGINX_HTTP = """http {{
  access_log {folder}/access.log;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream origin {{ server 127.0.0.1:{origin}; {keepalive} }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    client_max_body_size 0;
    location / {{ {location} }}
  }}
}}
"""
NGINX_PROXY = "proxy_pass http://origin; proxy_request_buffering off; proxy_max_temp_file_size 0; "
NGINX_POOLED = NGINX_PROXY + 'proxy_http_version 1.1; proxy_set_header Connection "";'
NGINX_STREAM = """stream {{
  access_log off;
  server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass 127.0.0.1:{origin}; }}
}}
"""
NGINX_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"


def nginx(place: Place, role: str) -> list[str] | None:
    if role == "connect" or role == "relay" and not os.path.exists(NGINX_MODULE):
        return None
    if role == "relay":
        text = place.fill(NGINX + NGINX_STREAM, module=f"load_module {NGINX_MODULE};")
    else:
        pooled = role.endswith("pooled")
        location = f"root {place.files};" if role == "static" else NGINX_POOLED if pooled else NGINX_PROXY
        text = place.fill(NGINX + NGINX_HTTP, module="", keepalive="keepalive 64;" if pooled else "", location=location)
    return ["nginx", "-p", str(place.folder), "-e", f"{place.folder}/error.log", "-c", written(place, "nginx.conf", text)]


HAPROXY = """global
  nbthread 1
  maxconn {connections}
  maxpipes 64
  log stdout format raw local0
defaults
  log global
  mode {mode}
  option {log}
  option splice-request
  option splice-response
  {close}
  timeout connect 10s
  timeout client 120s
  timeout server 120s
frontend in
  bind 127.0.0.1:{port} backlog 4096
  default_backend out
backend out
  server origin 127.0.0.1:{origin}
"""


def haproxy(place: Place, role: str) -> list[str] | None:
    if role in ("connect", "static"):
        return None
    tcp = role == "relay"
    text = place.fill(HAPROXY, mode="tcp" if tcp else "http", log="tcplog" if tcp else "httplog",
                      close="option httpclose" if role in ("forward", "reverse") else "")
    return ["haproxy", "-db", "-f", written(place, "haproxy.cfg", text)]


def tinyproxy(place: Place, role: str) -> list[str] | None:
    if role not in ("forward", "connect"):
        return None
    text = (f"Port {place.port}\nListen 127.0.0.1\nTimeout 120\nMaxClients 6000\nLogLevel Info\nLogFile \"{place.folder}/log\"\n"
            "Allow 127.0.0.1\n")
    return ["tinyproxy", "-d", "-c", written(place, "tinyproxy.conf", text)]


SQUID = """http_port 127.0.0.1:{port}
http_access allow all
cache deny all
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
pid_filename {folder}/pid
coredump_dir {folder}
shutdown_lifetime 0 seconds
max_filedescriptors {descriptors}
pinger_enable off
"""


def squid(place: Place, role: str) -> list[str] | None:
    if role not in ("forward", "pooled", "connect"):
        return None
    place.folder.chmod(0o777)  # it changes its user
    text = place.fill(SQUID)
    if role == "forward":
        text += "server_persistent_connections off\n"
    return ["squid", "-N", "-f", written(place, "squid.conf", text)]


H2O = """num-threads: 1
max-connections: {descriptors}
user: root
access-log: {folder}/access.log
error-log: {folder}/error.log
listen: {{host: 127.0.0.1, port: {port}}}
hosts:
  default:
    paths:
      "/":
        {path}
"""


def h2o(place: Place, role: str) -> list[str] | None:
    if role not in ("reverse", "reverse-pooled", "static"):
        return None
    proxied = f'proxy.reverse.url: "http://127.0.0.1:{place.origin}/"'
    if role == "reverse":
        proxied += "\n        proxy.timeout.keepalive: 0"
    path = f"file.dir: {place.files}" if role == "static" else proxied
    return ["h2o", "-c", written(place, "h2o.conf", place.fill(H2O, path=path))]


LIGHTTPD = """server.document-root = "{files}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-connections = {connections}
server.max-fds = {descriptors}
server.max-keep-alive-requests = 1000
server.modules = ( "mod_proxy" )
server.errorlog = "{folder}/error.log"
server.upload-dirs = ( "{folder}" )
"""


def lighttpd(place: Place, role: str) -> list[str] | None:
    if role not in ("reverse", "static"):
        return None
    text = place.fill(LIGHTTPD)
    if role == "reverse":
        text += f'proxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => {place.origin} ) ) )\n'
    return ["lighttpd", "-D", "-f", written(place, "lighttpd.conf", text)]


CONTENDERS = (
    Contender(OURS, "", ours),
    Contender("nginx", "nginx", nginx),
    Contender("haproxy", "haproxy", haproxy),
    Contender("tinyproxy", "tinyproxy", tinyproxy),
    Contender("squid", "squid", squid),
    Contender("h2o", "h2o", h2o),
    Contender("lighttpd", "lighttpd", lighttpd),
    Contender("relay, copying", "", relay),
    Contender("relay, splicing", "", lambda place, role: relay(place, role, "--splice")),
    Contender(BEFORE, "", lambda place, role: ours(dataclasses.replace(place, build=place.before), role)),
    Contender("ours, log off", "", lambda place, role: ours(place, role, "--access-log", "off")),
    Contender("ours, trace on", "", lambda place, role: ours(place, role, "--verbose")),
)
PEERS = frozenset(one.name for one in CONTENDERS if one.program)


def named(name: str) -> Contender:
    """REQUIRES: there is one."""
    return next(one for one in CONTENDERS if one.name == name)
