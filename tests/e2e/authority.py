"""A certificate authority for one test, by openssl(1)."""
import base64
import hashlib
import pathlib
import ssl
import subprocess


def run(*command, **how):
    return subprocess.run(command, capture_output=True, check=True, **how).stdout


class Authority:
    """Paths of the authority's certificate (`ca`) and of a key and a certificate for `names`, as IP:127.0.0.1 or DNS:web.test."""

    def __init__(self, folder, names="IP:127.0.0.1"):
        path = pathlib.Path(folder)
        self.key, self.certificate, ca_key, self.ca = (str(path / name) for name in ("key", "certificate", "ca-key", "ca.pem"))
        request = str(path / "request")
        (path / "names").write_text(f"subjectAltName={names}\n", encoding="ascii")
        new = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        run(*new, "-x509", "-keyout", ca_key, "-out", self.ca, "-subj", "/CN=An authority for tests", "-days", "2")
        run(*new, "-keyout", self.key, "-out", request, "-subj", "/CN=A server for tests")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
            "-extfile", str(path / "names"), "-out", self.certificate)
        public = run("openssl", "x509", "-in", self.certificate, "-noout", "-pubkey")
        der = run("openssl", "pkey", "-pubin", "-outform", "der", input=public)
        self.fingerprint = base64.b64encode(hashlib.sha256(der).digest()).decode()

    def context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context
