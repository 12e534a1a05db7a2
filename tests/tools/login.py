#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does what `opkssh login` does: an SSH key whose certificate carries an OpenPubkey token.

    login.py --issuer URL --client-id ID --user alice --ca FILE --out DIR [--key ed25519|ecdsa]
        signs alice in at the provider (authorization code flow with PKCE; the provider's own login and
        consent forms are filled in) and writes DIR/id and DIR/id-cert.pub
    login.py --offline-signer JWK ... signs the ID token itself with a private JWK: no provider needed

For tests and the demo: it accepts any form that has a login and a password field.
"""
import argparse
import hashlib
import html.parser
import http.cookiejar
import json
import os
import secrets
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pktoken  # noqa: E402

STEPS_MAX = 20  # redirects and forms before giving up
BODY_MAX = 1 << 20


class Forms(html.parser.HTMLParser):
    """The forms of a page: [(action, {name: value})]."""

    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append((a.get("action") or "", {}))
        elif tag in ("input", "button") and a.get("name") and self.forms:
            if a.get("type") not in ("checkbox", "radio") or "checked" in a:
                self.forms[-1][1][a["name"]] = a.get("value") or ""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Browser:
    """Just enough of one: cookies, no automatic redirects."""

    def __init__(self, ca):
        context = ssl.create_default_context(cafile=ca)
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), NoRedirect())

    def fetch(self, url, form=None, headers=None):
        """(status, headers, body); form: a dict to POST."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        request = urllib.request.Request(url, data, headers or {})
        try:
            with self.opener.open(request, timeout=15) as r:
                return r.status, r.headers, r.read(BODY_MAX)
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read(BODY_MAX)


def fill(fields, user, password):
    for name in fields:
        if name.lower() in ("login", "username", "user", "email"):
            fields[name] = user
        elif name.lower() in ("password", "pass"):
            fields[name] = password
    return fields


def authorize(browser, url, redirect_uri, user, password):
    """Walks the provider's pages until it sends us back; returns the query of the redirect."""
    form = None
    for _ in range(STEPS_MAX):
        status, headers, body = browser.fetch(url, form)
        if status in (301, 302, 303, 307, 308):
            url = urllib.parse.urljoin(url, headers["Location"])
            if status < 307:
                form = None
            if url.startswith(redirect_uri):
                return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
            continue
        page = Forms()
        page.feed(body.decode("utf-8", "replace"))
        if status >= 400 or not page.forms:
            raise SystemExit(f"login: {url} answered {status}: {body[:400].decode('utf-8', 'replace')}")
        action, fields = page.forms[0]
        url, form = urllib.parse.urljoin(url, action or url), fill(fields, user, password)
    raise SystemExit("login: the provider asks too many questions")


def online(args, nonce):
    browser = Browser(args.ca)
    status, _, body = browser.fetch(args.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if status != 200:
        raise SystemExit(f"login: no discovery document at {args.issuer} ({status})")
    found = json.loads(body)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    query = {
        "client_id": args.client_id, "response_type": "code", "scope": args.scope, "redirect_uri": args.redirect_uri,
        "nonce": nonce, "state": state, "login_hint": args.user, "code_challenge_method": "S256", "prompt": args.prompt,
        "code_challenge": pktoken.b64(hashlib.sha256(verifier.encode()).digest()),
    }
    query = {k: v for k, v in query.items() if v}
    back = authorize(browser, found["authorization_endpoint"] + "?" + urllib.parse.urlencode(query),
                     args.redirect_uri, args.user, args.password)
    if back.get("state") != state or "code" not in back:
        raise SystemExit(f"login: the provider refused: {back}")
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": args.redirect_uri,
            "code_verifier": verifier, "client_id": args.client_id}
    if args.client_secret:
        form["client_secret"] = args.client_secret
    status, _, body = browser.fetch(found["token_endpoint"], form, {"Accept": "application/json"})
    if status != 200:
        raise SystemExit(f"login: token endpoint answered {status}: {body[:400].decode('utf-8', 'replace')}")
    return json.loads(body)["id_token"]


def offline(args, nonce):
    with open(args.offline_signer, encoding="utf-8") as f:
        private = json.load(f)
    key = pktoken.load_jwk(private)
    header = {"alg": private.get("alg") or pktoken.default_alg(key), "typ": "JWT"}
    if "kid" in private:
        header["kid"] = private["kid"]
    now = int(time.time())
    claims = {"iss": args.issuer, "aud": args.client_id, "sub": args.user, "preferred_username": args.user,
              "email": f"{args.user}@{args.email_domain}", "email_verified": True, "name": args.user.capitalize(),
              "groups": args.group, "nonce": nonce, "iat": now, "auth_time": now, "exp": now + args.lifetime}
    for item in args.claim:
        name, _, value = item.partition("=")
        claims[name] = json.loads(value)
    return pktoken.id_token(key, header, {k: v for k, v in claims.items() if v is not None})


def options():
    p = argparse.ArgumentParser(description="make an SSH certificate that carries an OpenPubkey token")
    p.add_argument("--issuer", required=True)
    p.add_argument("--client-id", required=True)
    p.add_argument("--user", required=True)
    p.add_argument("--out", required=True, help="folder for id and id-cert.pub")
    p.add_argument("--key", choices=("ecdsa", "ed25519"), default="ecdsa")
    p.add_argument("--ca", help="PEM file that the provider's certificate is checked with")
    p.add_argument("--password", default="password")
    p.add_argument("--client-secret")
    p.add_argument("--scope", default="openid email profile groups")
    p.add_argument("--prompt", default="")
    p.add_argument("--redirect-uri", default="http://localhost:3000/login-callback")
    p.add_argument("--principals", default="opkssh-wildcard")
    p.add_argument("--offline-signer", metavar="JWK", help="private JWK file to sign the ID token with")
    p.add_argument("--group", action="append", default=[], help="offline: a value of the groups claim")
    p.add_argument("--email-domain", default="example.com", help="offline")
    p.add_argument("--lifetime", type=int, default=3600, help="offline: seconds until exp")
    p.add_argument("--claim", action="append", default=[], metavar="NAME=JSON", help="offline: set (null: drop) a claim")
    return p.parse_args()


def main():
    args = options()
    os.makedirs(args.out, mode=0o700, exist_ok=True)
    key = pktoken.new_key(args.key)
    cic = pktoken.canonical(pktoken.cic_header(key))
    nonce = pktoken.commitment(cic)
    token = offline(args, nonce) if args.offline_signer else online(args, nonce)
    claims = json.loads(pktoken.unb64(token.split(".")[1]))
    if claims.get("nonce") != nonce:
        raise SystemExit("login: the ID token does not carry our nonce")
    line = pktoken.certificate(key, pktoken.pk_token(token, cic, key), claims.get("email") or "", args.principals)
    path = os.path.join(args.out, "id")
    pktoken.write_private(path, key)
    with open(path + "-cert.pub", "w", encoding="ascii") as f:
        f.write(line + "\n")
    print(f"{path}-cert.pub: {claims.get('email') or claims['sub']} at {claims['iss']}, "
          f"until {time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(claims['exp']))}")


if __name__ == "__main__":
    main()
