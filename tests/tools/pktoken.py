# SPDX-License-Identifier: Apache-2.0
"""What an OpenPubkey client makes: keys, the CIC header and its commitment, PK tokens, certificates.

Used by login.py and by the token attacks. Needs only python3-cryptography and ssh-keygen.
"""
import base64
import hashlib
import json
import os
import secrets
import subprocess
import tempfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1}
ECDSA = {"ES256": ("P-256", hashes.SHA256), "ES384": ("P-384", hashes.SHA384), "ES512": ("P-521", hashes.SHA512)}


def b64(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(value):
    """Keys sorted, no white space, <>& escaped: how the client serialises the CIC header."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for c in "<>&\u2028\u2029":
        text = text.replace(c, "\\u%04x" % ord(c))
    return text.encode()


def new_key(kind):
    """kind: ecdsa (P-256), ed25519, p384, p521, rsa or rsa:BITS."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int((kind + ":2048").split(":")[1]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"ecdsa": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}[kind]())


def default_alg(key):
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    return {256: "ES256", 384: "ES384", 521: "ES512"}[key.curve.key_size]


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def jwk(key, alg=None, **more):
    """The public JWK of a private key."""
    if isinstance(key, rsa.RSAPrivateKey):
        n = key.public_key().public_numbers()
        out = {"kty": "RSA", "n": b64(n.n.to_bytes((n.n.bit_length() + 7) // 8, "big")),
               "e": b64(n.e.to_bytes((n.e.bit_length() + 7) // 8, "big"))}
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        out = {"kty": "OKP", "crv": "Ed25519", "x": b64(raw_public(key))}
    else:
        n = key.public_key().public_numbers()
        size = (key.curve.key_size + 7) // 8
        name = [k for k, v in CURVES.items() if v.name == key.curve.name][0]
        out = {"kty": "EC", "crv": name, "x": b64(n.x.to_bytes(size, "big")), "y": b64(n.y.to_bytes(size, "big"))}
    if alg is not None:
        out["alg"] = alg
    out.update(more)
    return out


def load_jwk(value):
    """A private key from a private JWK (RFC 7517, 7518, 8037)."""
    def number(name):
        return int.from_bytes(unb64(value[name]), "big")

    if value["kty"] == "RSA":
        n, e, d = number("n"), number("e"), number("d")
        p, q = (number("p"), number("q")) if "p" in value else rsa.rsa_recover_prime_factors(n, e, d)
        return rsa.RSAPrivateNumbers(p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q),
                                     rsa.RSAPublicNumbers(e, n)).private_key()
    if value["kty"] == "OKP":
        return ed25519.Ed25519PrivateKey.from_private_bytes(unb64(value["d"]))
    return ec.derive_private_key(number("d"), CURVES[value["crv"]]())


def sign(key, alg, data):
    """A JWS signature (RFC 7518 section 3, RFC 8037)."""
    if alg == "RS256":
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if alg == "PS256":
        return key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    if alg in ("EdDSA", "Ed25519"):
        return key.sign(data)
    curve, digest = ECDSA[alg]
    size = (CURVES[curve].key_size + 7) // 8
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest())))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def cic_header(user_key, alg=None):
    """The client instance claims of a user key."""
    alg = alg or default_alg(user_key)
    return {"alg": alg, "rz": secrets.token_hex(32), "typ": "CIC", "upk": jwk(user_key, alg)}


def commitment(header_bytes):
    return b64(hashlib.sha3_256(header_bytes).digest())


def pk_token(id_token, cic_bytes, user_key, alg=None):
    """The compact PK token of an ID token (a compact JWS) and a CIC header."""
    op_header, payload, op_signature = id_token.split(".")
    protected = b64(cic_bytes)
    signature = sign(user_key, alg or default_alg(user_key), f"{protected}.{payload}".encode())
    return ":".join([payload, op_header, op_signature, protected, b64(signature)])


def id_token(key, header, claims):
    """A compact JWS over claims (a dict)."""
    head, body = b64(canonical(header)), b64(canonical(claims))
    return f"{head}.{body}." + b64(sign(key, header["alg"], f"{head}.{body}".encode()))


def thumbprint(key):
    """RFC 7638, of an RSA or another key."""
    value = jwk(key)
    return b64(hashlib.sha256(canonical({k: value[k] for k in ("crv", "e", "kty", "n", "x", "y") if k in value})).digest())


def gq_proof(key, signature, message):
    """The GQ256 proof over message that RS256 has made signature (Guillou and Quisquater): challenges, then numbers."""
    numbers = key.public_key().public_numbers()
    n, e, size = numbers.n, numbers.e, (numbers.n.bit_length() + 7) // 8
    inverse = pow(int.from_bytes(signature, "big"), -1, n)
    secret = [secrets.randbelow(n - 1) + 1 for _ in range(16)]
    shown = b"".join(pow(x, e, n).to_bytes(size, "big") for x in secret)
    challenges = hashlib.shake_256(shown + message).digest(32)
    answers = [x * pow(inverse, int.from_bytes(challenges[2 * i:2 * i + 2], "big"), n) % n for i, x in enumerate(secret)]
    return challenges + b"".join(a.to_bytes(size, "big") for a in answers)


def write_private(path, key):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH,
                                  serialization.NoEncryption()))


def public_line(key):
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)


def certificate(user_key, token, key_id="", principals="opkssh-wildcard"):
    """The self-signed certificate line (TYPE BASE64 COMMENT), made by ssh-keygen as opkssh does it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "k")
        write_private(path, user_key)
        with open(path + ".pub", "wb") as f:
            f.write(public_line(user_key) + b" openpubkey\n")
        names = ["-n", principals] if principals else []
        subprocess.run(["ssh-keygen", "-q", "-s", path, "-I", key_id, *names, "-V", "always:forever", "-O",
                        "extension:openpubkey-pkt=" + token, path + ".pub"], check=True)
        with open(path + "-cert.pub", encoding="ascii") as f:
            return f.read().strip()
