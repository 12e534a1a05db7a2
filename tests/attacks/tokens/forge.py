# SPDX-License-Identifier: Apache-2.0
"""Builds the certificate that a case describes: a good one, with the case's one change."""
import hashlib
import hmac
import json
import struct
import time

import pktoken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives import hashes
from issuers import GOOD, MODES, rsa_e1_signature, std64

FOREVER = 2**64 - 1
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
COS = {"alg": "ES256", "typ": "COS", "kid": "c", "iss": "https://cosigner.example"}
BYTES_MARK = "\ue000"


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


def mpint(number):
    data = number.to_bytes((number.bit_length() + 8) // 8, "big")
    return string(data)


def b64_tail(text):
    """The same bytes with a non-canonical last character (only where there are spare bits)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


class Forge:
    def __init__(self, issuers):
        self.issuers = issuers
        self.users = {kind: (pktoken.new_key(kind), pktoken.new_key(kind)) for kind in ("ecdsa", "ed25519")}

    # values ------------------------------------------------------------------------------------------------

    def value(self, v, context):
        if not isinstance(v, str) or not v.startswith("@"):
            return v
        word, _, rest = v[1:].partition(":")
        if word == "repeat":
            text, _, count = rest.partition(":")
            return text * int(count)
        if word == "list":
            return [f"g{i}" for i in range(int(rest))]
        if word == "iss":
            return context["iss"] + rest
        if word == "ISS":
            return context["iss"].upper()
        if word == "issuer":
            return self.issuers.url(rest)
        if word == "nonce":
            return context["nonce"] + rest
        if word == "bytes":
            return BYTES_MARK
        return int(time.time()) + int(word)

    def change(self, target, changes, context):
        for key, v in (changes or {}).items():
            if v is None:
                target.pop(key, None)
            else:
                target[key] = self.value(v, context)
        return target

    @staticmethod
    def serialise(value, added=None):
        data = pktoken.canonical(value).replace(BYTES_MARK.encode(), b"\xff")
        return data[:-1] + added.encode() + b"}" if added else data

    # signatures --------------------------------------------------------------------------------------------

    def spoil(self, how, sig, data, key):
        """(bytes or base64url text) of a signature that something was done to."""
        if how is None:
            return pktoken.b64(sig)
        if how == "empty":
            return ""
        if how.startswith("zero"):
            return pktoken.b64(bytes(int(how[4:])))
        if how == "hs256":
            pem = key.public_key().public_bytes(serialization.Encoding.PEM,
                                                serialization.PublicFormat.SubjectPublicKeyInfo)
            return pktoken.b64(hmac.new(pem, data, hashlib.sha256).digest())
        if how == "der":
            half = len(sig) // 2
            return pktoken.b64(encode_dss_signature(int.from_bytes(sig[:half], "big"), int.from_bytes(sig[half:], "big")))
        if how == "other-payload":
            return pktoken.b64(pktoken.sign(key, pktoken.default_alg(key), data + b"x"))
        changed = {
            "short": sig[:-1], "leading-zero": b"\x00" + sig, "trailing": sig + b"\x00",
            "flip": bytes([sig[0] ^ 1]) + sig[1:], "r-zero": bytes(32) + sig[32:], "s-zero": sig[:32] + bytes(32),
            "r-order": P256_ORDER.to_bytes(32, "big") + sig[32:],
        }
        if how in changed:
            return pktoken.b64(changed[how])
        text = pktoken.b64(sig)
        if how == "tail-bits":
            return b64_tail(text)
        if how == "padding":
            return text + "=" * (-len(text) % 4)
        if how == "e1":
            return pktoken.b64(rsa_e1_signature(data))
        raise ValueError(how)

    # the token ---------------------------------------------------------------------------------------------

    def upk(self, how, user, other):
        alg = pktoken.default_alg(user)
        value = pktoken.jwk(other if how == "other" else user, alg)
        if how == "no-alg":
            del value["alg"]
        if how == "private":
            value["d"] = pktoken.b64(user.private_numbers().private_value.to_bytes(32, "big"))
        if how == "off-curve":
            value["y"] = pktoken.b64(bytes(31) + b"\x01")
        return value

    def token(self, case, user, other):
        name = case.get("issuer", "rsa")
        alg = GOOD[name][1] if name in GOOD else "RS256"
        context = {"iss": self.issuers.url(name)}
        cic = pktoken.cic_header(user)
        cic["upk"] = self.upk(case.get("upk"), user, other)
        self.change(cic, case.get("cic"), context)
        context["nonce"] = pktoken.commitment(self.serialise(cic))
        ch = pktoken.b64(self.serialise(cic, case.get("cic_add")))
        now = int(time.time())
        claims = {"iss": context["iss"], "aud": "sallyport", "sub": "u-alice", "preferred_username": "alice",
                  "email": "alice@example.com", "email_verified": True, "groups": ["eng"], "nonce": context["nonce"],
                  "iat": now, "exp": now + 3600}
        mode = case.get("mode", MODES.get(name))
        header = {"alg": alg, "kid": f"k-{name}", "typ": "JWT"}
        self.bind(mode, claims, header, user if case.get("cnf") != "other" else other)
        self.change(claims, case.get("claims"), context)
        self.change(claims, case.get("late_claims"), context)
        self.change(header, case.get("header"), context)
        oh = pktoken.b64(self.serialise(header, case.get("header_add"))) + case.get("header_b64", "")
        p = pktoken.b64(self.serialise(claims, case.get("claims_add"))) + case.get("payload_b64", "")
        parts = {
            "p": p, "oh": oh, "ch": ch, "arr": pktoken.b64(b"[]"), "cos": pktoken.b64(self.serialise(COS)),
            "70k": "A" * 70000, "os": "" if self.has_proof(mode, case) else self.sign_op(case, user, name, alg, f"{oh}.{p}".encode()),
            "cs": self.sign_cic(case, user, other, f"{ch}.{p}".encode()),
        }
        if self.has_proof(mode, case):
            parts["oh"], parts["os"] = self.proof(case, mode, name, oh, p, context)
        text = case.get("parts", "{p}:{oh}:{os}:{ch}:{cs}")
        for key, value in parts.items():
            text = text.replace("{" + key + "}", value)
        if "refreshed" in case:
            text += "." + self.refreshed(case["refreshed"], claims, name, context)
        return text

    @staticmethod
    def bind(mode, claims, header, user):
        """Names the user's key where the tokens of that kind do."""
        if mode == "aud":
            claims["aud"] = claims.pop("nonce")
        elif mode == "gq-bound":
            del claims["nonce"]
            claims["aud"] = "OPENPUBKEY-PKTOKEN:sallyport"
        elif mode == "key-bound":
            del claims["nonce"]
            claims["cnf"] = {"jwk": pktoken.jwk(user, pktoken.default_alg(user))}
            header["typ"] = "dpop+id_token"

    @staticmethod
    def has_proof(mode, case):
        return case.get("gq", mode in ("aud", "gq-bound", "proof"))

    def proof(self, case, mode, name, original, payload, context):
        """The header and the proof of a GQ256 token over what the provider has signed."""
        key = self.issuers.keys[case.get("sign_with", name)]
        header = {"alg": "GQ256", "jkt": pktoken.thumbprint(key), "kid": original, "typ": "JWT"}
        if mode == "gq-bound":
            header["cic"] = context["nonce"]
        self.change(header, case.get("gq_header"), context)
        oh, how = pktoken.b64(self.serialise(header)), case.get("proof")
        signed = payload + "A" if how == "other-payload" else payload
        message = f"{original}.{payload}" if how == "old-message" else f"{oh}.{payload}"
        made = pktoken.gq_proof(key, pktoken.sign(key, "RS256", f"{original}.{signed}".encode()), message.encode())
        n, size = key.public_key().public_numbers().n, (len(made) - 32) // 16
        spoiled = {
            "flip-challenge": bytes([made[0] ^ 1]) + made[1:], "flip-last": made[:-1] + bytes([made[-1] ^ 1]),
            "flip-middle": made[:1000] + bytes([made[1000] ^ 128]) + made[1001:],
            "zero": made[:32] + bytes(size) + made[32 + size:], "all-zero": bytes(len(made)),
            "modulus": made[:32] + n.to_bytes(size, "big") + made[32 + size:], "short": made[:-1], "long": made + b"\0",
            "empty": b"", "one": made[:32] + (b"\0" * (size - 1) + b"\1") * 16, "challenges": made[:32],
            "swapped": made[:32] + made[32 + size:32 + 2 * size] + made[32:32 + size] + made[32 + 2 * size:],
            "rs256": pktoken.sign(key, "RS256", f"{original}.{payload}".encode()),
        }
        if how in ("nothing", "nothing-mod-n"):  # what is committed to is nothing, whatever the challenge
            number = bytes(size) if how == "nothing" else n.to_bytes(size, "big")
            spoiled[how] = hashlib.shake_256(bytes(16 * size) + message.encode()).digest(32) + 16 * number
        return oh, pktoken.b64(spoiled.get(how, made)) + ("=" if how == "padding" else "")

    def sign_op(self, case, user, name, alg, data):
        signer = case.get("sign_with", name)
        key = user if signer == "user" else self.issuers.keys[signer]
        sign_alg = case.get("sign_alg", alg if signer == name else pktoken.default_alg(key))
        return self.spoil(case.get("sig"), pktoken.sign(key, sign_alg, data), data, key)

    def sign_cic(self, case, user, other, data):
        key = other if case.get("cic_key") == "other" else user
        return self.spoil(case.get("cic_sig"), pktoken.sign(key, pktoken.default_alg(key), data), data, key)

    def refreshed(self, how, first, name, context):
        now = int(time.time())
        claims = dict(first, iat=now - 10, exp=now + 3600)
        claims.pop("nonce", None)
        self.change(claims, how.get("claims"), context)
        header = {"alg": how.get("alg", "RS256"), "kid": f"k-{name}", "typ": how.get("typ", "JWT")}
        h, p = pktoken.b64(self.serialise(header)), pktoken.b64(self.serialise(claims))
        key = self.issuers.keys[how.get("sign_with", name)]
        data = f"{h}.{p}".encode()
        return f"{h}.{p}.{self.spoil(how.get('sig'), pktoken.sign(key, 'RS256', data), data, key)}"

    # the certificate ---------------------------------------------------------------------------------------

    @staticmethod
    def kind(key):
        return "ssh-ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "ecdsa-sha2-nistp256"

    def key_fields(self, key):
        if self.kind(key) == "ssh-ed25519":
            return string(pktoken.raw_public(key))
        point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return string("nistp256") + string(point)

    def cert_signature(self, key, data, how):
        if self.kind(key) == "ssh-ed25519":
            inner = key.sign(data)
        else:
            r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
            inner = mpint(r) + mpint(s)
        if how == "flip":
            inner = inner[:-1] + bytes([inner[-1] ^ 1])
        if how == "trailing":
            inner += b"\x00"
        return string(self.kind(key)) + string(inner)

    def extensions(self, spec, token):
        wrapped = string(token)
        if spec.get("token") == "bare":
            wrapped = token.encode()
        elif spec.get("token") == "trailing":
            wrapped += b"\x00"
        items = [] if spec.get("token") in ("none", "critical") else [("openpubkey-pkt", wrapped)]
        items += [("permit-pty", b""), ("permit-port-forwarding", b"")][:1]
        extra = [(n, string(v) if v else b"") for n, v in spec.get("extra", [])]
        critical = [(n, string(v) if v else b"") for n, v in spec.get("critical", [])]
        if spec.get("token") == "critical":
            critical.append(("openpubkey-pkt", wrapped))
        # What is added comes after the token, so a second one is next to the first, and "a-first" out of order.
        items = items[:1] + extra + items[1:]

        def pack(pairs):
            return b"".join(string(n) + string(v) for n, v in pairs)

        return pack(critical), pack(items)

    def certificate(self, case, token, user, other):
        """(type, blob)."""
        spec, context = case.get("cert", {}), {}
        certified = other if spec.get("key") == "other" else user
        signer = other if spec.get("signer") == "other" else user
        signing = other if spec.get("sig") == "other" or signer is other else user
        principals = [self.value(p, context) for p in spec.get("principals", ["opkssh-wildcard"])]
        critical, extensions = self.extensions(spec, token)
        cert_type = self.kind(certified) + "-cert-v01@openssh.com"
        body = string(cert_type) + string(b"n" * 32) + self.key_fields(certified)
        body += struct.pack(">QI", 0, spec.get("type", 1)) + string(self.value(spec.get("key_id", "alice@example.com"), {}))
        body += string(b"".join(string(p) for p in principals))
        body += struct.pack(">QQ", self.value(spec.get("after", 0), {}), self.value(spec.get("before", FOREVER), {}))
        body += string(critical) + string(extensions) + string(bytes.fromhex(spec.get("reserved", "")))
        body += string(string(self.kind(signer)) + self.key_fields(signer))
        blob = body + string(self.cert_signature(signing, body, spec.get("sig")))
        return cert_type, blob + bytes.fromhex(spec.get("trailing", ""))

    @staticmethod
    def encode(blob, how):
        # One byte more or less, so that there is padding to play with.
        text = std64(blob)
        return {
            None: text, "no-padding": text.rstrip("="), "newline": text[:64] + "\n" + text[64:],
            "trailing": text + " x", "url": text.replace("+", "-").replace("/", "_"), "empty": "",
            "garbage": "A" * 102400, "tail-bits": Forge.tail_bits(text),
        }[how]

    @staticmethod
    def tail_bits(text):
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        bare = text.rstrip("=")
        return bare[:-1] + alphabet[alphabet.index(bare[-1]) ^ 1] + text[len(bare):]

    def build(self, case):
        """Yields (user, type, base64) for a case: one, or one for every byte."""
        user, other = self.users[case.get("key", "ecdsa")]
        token = self.token(case, user, other)
        cert_type, blob = self.certificate(case, token, user, other)
        while case.get("base64") in ("no-padding", "tail-bits", "url") and not self.suits(case["base64"], blob):
            case.setdefault("cert", {})["key_id"] = case.get("cert", {}).get("key_id", "") + "+"
            cert_type, blob = self.certificate(case, token, user, other)
        login, key_type = case.get("user", "alice"), case.get("key_type", cert_type)
        how = case.get("every_byte")
        if how is None:
            yield login, key_type, self.encode(blob, case.get("base64"))
        elif how == "cert":
            for n in range(len(blob)):
                yield login, key_type, std64(blob[:n])
        elif how == "base64":
            text = std64(blob)
            for n in range(len(text)):
                yield login, key_type, text[:n]
        else:
            for n in range(len(token)):
                yield login, key_type, std64(self.certificate(case, token[:n], user, other)[1])

    @staticmethod
    def suits(how, blob):
        text = std64(blob)
        return ("-" in text.replace("+", "-")) if how == "url" else text.endswith("=")
