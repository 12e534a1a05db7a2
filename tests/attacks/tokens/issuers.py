# SPDX-License-Identifier: Apache-2.0
"""The issuers that the attacks are tried on: one loopback HTTPS server with its own CA, good and broken ones."""
import base64
import copy
import datetime
import http.server
import ipaddress
import json
import os
import ssl
import threading
import time

import pktoken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

SLOW_SECONDS = 30
USER = {"claim": "preferred_username"}

# name: (key kind, alg, settings in sallyport.yaml)
GOOD = {
    "rsa": ("rsa", "RS256", {"algorithms": ["RS256"], "user": USER}),
    "ps": ("rsa", "PS256", {"algorithms": ["PS256"], "user": USER}),
    "ec": ("ecdsa", "ES256", {"user": USER}),
    "ec384": ("p384", "ES384", {"algorithms": ["ES256", "ES384"], "user": USER}),
    "ed": ("ed25519", "EdDSA", {"user": USER}),
    "email": ("rsa", "RS256", {"user": {"claim": "email", "domain": "example.com"}}),
    "hours": ("rsa", "RS256", {"expiry": "12h", "user": USER}),
    "refresh": ("rsa", "RS256", {"expiry": "oidc-refreshed", "user": USER}),
    "single": ("rsa", "RS256", {"user": USER}),
    "maxage": ("rsa", "RS256", {"max_age": "24h", "user": USER}),
    "trusted": ("rsa", "RS256", {"trusted_audiences": ["portal"], "user": USER}),
    "twokeys": ("rsa", "RS256", {"user": USER}),
    "samekid": ("rsa", "RS256", {"user": USER}),
    "aud": ("rsa", "RS256", {"commitment": "aud", "logins": [
        {"user": "alice", "claim": "sub", "is": "u-alice"}, {"user": "deploy", "claim": "ref", "like": "refs/heads/release-*"},
        {"user": "bob", "claim": "email", "is": "bob@example.com"}, {"user": "carol", "claim": "groups", "is": "carols"}]}),
    "bound": ("rsa", "RS256", {"commitment": "gq-bound", "user": USER}),
    "keyed": ("rsa", "RS256", {"commitment": "key-bound", "expiry": "oidc-refreshed", "user": USER}),
    "proof": ("rsa", "RS256", {"algorithms": ["RS256", "GQ256"], "user": USER}),
    "bad": ("rsa", "RS256", {"algorithms": ["RS256", "ES256", "EdDSA"], "user": USER}),
}
# Where the tokens of an issuer name the user's key; the others: in nonce.
MODES = {"aud": "aud", "bound": "gq-bound", "keyed": "key-bound", "proof": "proof"}
BROKEN = ["redirect", "wrongiss", "huge", "many", "plain", "dup", "error", "slow"]


def certificates(folder):
    """A CA and a server certificate for localhost: ca.pem, server.pem (with its key)."""
    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.datetime.utcnow()
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def build(subject, public, extension):
        return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("test ca"))
                .public_key(public).serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
                .add_extension(extension, critical=True).sign(ca_key, hashes.SHA256()))

    ca = build("test ca", ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
    alt = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = build("localhost", key.public_key(), alt)
    pem = serialization.Encoding.PEM
    with open(os.path.join(folder, "ca.pem"), "wb") as f:
        f.write(ca.public_bytes(pem))
    with open(os.path.join(folder, "server.pem"), "wb") as f:
        f.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        f.write(server.public_bytes(pem))


class Issuers:
    """keys[name] is the private key that an issuer signs with; bad:NAME are keys that must not be believed."""

    def __init__(self, folder):
        certificates(folder)
        self.folder = folder
        self.keys = {name: pktoken.new_key(kind) for name, (kind, _, _) in GOOD.items()}
        self.keys.update({name: pktoken.new_key("rsa") for name in BROKEN})
        self.sets = {name: {"keys": [pktoken.jwk(self.keys[name], alg, kid=f"k-{name}", use="sig")]}
                     for name, (_, alg, _) in GOOD.items()}
        self.sets.update({name: {"keys": [pktoken.jwk(self.keys[name], "RS256", kid=f"k-{name}")]} for name in BROKEN})
        del self.sets["ec"]["keys"][0]["alg"]  # some providers leave it out: then only the settings say no
        del self.sets["rsa"]["keys"][0]["alg"]
        self.spoil()
        handler = type("Handler", (Handler,), {"issuers": self})
        self.hits = {}
        self.server = Server(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "server.pem"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.base = f"https://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def spoil(self):
        """Key sets with something wrong in them."""
        other = pktoken.new_key("rsa")
        self.sets["twokeys"]["keys"].append(pktoken.jwk(other, "RS256", kid="k-second"))
        self.sets["samekid"]["keys"].append(pktoken.jwk(other, "RS256", kid="k-samekid"))
        bad = self.sets["bad"]["keys"]

        def add(name, key, **more):
            self.keys["bad:" + name] = key
            value = pktoken.jwk(key, "RS256", kid=name)
            value.update(more)
            bad.append(value)

        key = pktoken.new_key("rsa")
        add("private", key, d=pktoken.b64(key.private_numbers().d.to_bytes(256, "big")))
        add("rsa1024", rsa.generate_private_key(public_exponent=65537, key_size=1024))
        add("e3", rsa.generate_private_key(public_exponent=3, key_size=2048))
        add("e1", other, e="AQ")
        add("enc", pktoken.new_key("rsa"), use="enc")
        add("ops", pktoken.new_key("rsa"), key_ops=["sign"])
        add("ps", pktoken.new_key("rsa"), alg="PS256")
        add("rs1", pktoken.new_key("rsa"), alg="RS1")
        point = pktoken.jwk(self.keys["ec"], "ES256", kid="offcurve")
        point["y"] = pktoken.b64(bytes(31) + b"\x01")
        bad.append(point)
        short = pktoken.jwk(self.keys["ed"], "EdDSA", kid="edshort")
        short["x"] = pktoken.b64(pktoken.unb64(short["x"])[:31])
        bad.append(short)
        bad.append({"kty": "oct", "kid": "oct", "alg": "HS256", "k": pktoken.b64(b"secret")})
        for i in range(64):
            self.sets["many"]["keys"].append(dict(copy.deepcopy(self.sets["many"]["keys"][0]), kid=f"many-{i}"))

    @staticmethod
    def path_key(name, what):
        return f"{name}/{what}"

    def rotate(self, name, kid):
        """The issuer throws its key away for a new one."""
        kind, alg, _ = GOOD[name]
        self.keys[name] = pktoken.new_key(kind)
        self.sets[name]["keys"] = [pktoken.jwk(self.keys[name], alg, kid=kid)]

    def url(self, name):
        return f"{self.base}/{name}"

    def answer(self, name, what):
        """(status, headers, body) for the discovery document or the keys of an issuer."""
        self.hits[self.path_key(name, what)] = self.hits.get(self.path_key(name, what), 0) + 1
        if name not in self.sets:
            return 404, {}, b"{}"
        if name == "slow":
            time.sleep(SLOW_SECONDS)
        if what == ".well-known/openid-configuration":
            doc = {"issuer": self.url("rsa") if name == "wrongiss" else self.url(name),
                   "jwks_uri": self.url(name) + "/jwks"}
            if name == "plain":
                doc["jwks_uri"] = doc["jwks_uri"].replace("https:", "http:")
            return 200, {}, json.dumps(doc).encode()
        if what == "good-jwks" or (what == "jwks" and name != "redirect"):
            body = json.dumps(self.sets[name]).encode()
            if name == "huge":
                body += b" " * 300 * 1024
            if name == "dup":
                body = body[:-1] + b',"keys":[]}'
            return 500 if name == "error" else 200, {"Cache-Control": "public, max-age=600"}, body
        if what == "jwks":
            return 302, {"Location": self.url(name) + "/good-jwks"}, b""
        return 404, {}, b"{}"

    def settings(self):
        """sallyport.yaml (JSON is YAML)."""
        entries = []
        for name in list(GOOD) + BROKEN:
            entry = {"issuer": self.url(name), "client_id": "sallyport", "ca": os.path.join(self.folder, "ca.pem")}
            entry.update(GOOD[name][2] if name in GOOD else {"user": USER})
            entries.append(entry)
        return json.dumps({"version": 1, "issuers": entries}, indent=1)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that gives up is what some cases are about


class Handler(http.server.BaseHTTPRequestHandler):
    issuers = None

    def do_GET(self):
        name, _, what = self.path.lstrip("/").partition("/")
        status, headers, body = self.issuers.answer(name, what)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # noqa: A002
        pass


def rsa_e1_signature(data, size=256):
    """What verifies under e = 1: the padded digest itself."""
    from hashlib import sha256
    info = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(data).digest()
    return b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info


def std64(data):
    return base64.b64encode(data).decode()
