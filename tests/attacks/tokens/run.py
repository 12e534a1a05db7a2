#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Offers every case of cases.jsonl to a real sallyport-identity and compares the answer. See README.md.

Needs no root. As root it also asks VERIFY, and runs the daemon as nobody.
"""
import argparse
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "tools")]
try:
    from forge import Forge, string  # noqa: E402
    from issuers import GOOD, Issuers  # noqa: E402
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

AUTHKEY, VERIFY, STATUS = 1, 2, 3
START_SECONDS = 10
LINE = 'restrict,pty,cert-authority,principals="%s",expiry-time="'


# LeakSanitizer traces the process at its end, which no sandbox of ours allows.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


class Daemon:
    def __init__(self, program, folder):
        self.folder, self.program = folder, program
        self.is_root = os.geteuid() == 0
        self.account = "nobody" if self.is_root else pwd.getpwuid(os.geteuid()).pw_name
        for name in ("run", "state"):
            path = os.path.join(folder, name)
            os.makedirs(path, exist_ok=True)
            if self.is_root:
                owner = pwd.getpwnam(self.account)
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self.socket_path = os.path.join(folder, "run", "identity.sock")
        self.log_path = os.path.join(folder, "log")
        self.connection = self.process = None
        self.log_at = 0

    def start(self):
        self.connection = None
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-ev", "-f", os.path.join(self.folder, "sallyport.yaml"), "-r",
                 os.path.join(self.folder, "run"), "-d", os.path.join(self.folder, "state"), "-u", self.account, "-a",
                 self.account], stderr=log)
        for _ in range(START_SECONDS * 20):
            if b"ready:" in self.log():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit("sallyport-identity did not start:\n" + self.tail())

    def stop(self):
        self.process.terminate()
        return self.process.wait(10)

    def log(self):
        """What was logged since the last call."""
        with open(self.log_path, "rb") as f:
            f.seek(self.log_at)
            data = f.read()
        self.log_at += len(data)
        return data

    def tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-10:])

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.connection.recv(n - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def call(self, kind, body):
        """The body of the reply, or None if the daemon ended the connection."""
        try:
            if self.connection is None:
                self.connection = socket.socket(socket.AF_UNIX)
                self.connection.settimeout(10)
                self.connection.connect(self.socket_path)
            self.connection.sendall(struct.pack(">IBBI", 6 + len(body), 1, kind, 7) + body)
            length, version, answer, number = struct.unpack(">IBBI", self.read(10))
            if (version, answer, number) != (1, kind + 128, 7):
                raise SystemExit(f"bad reply {version} {answer} {number}")
            return self.read(length - 6)
        except ConnectionError:
            self.connection = None
            return None

    def authkey(self, user, key_type, key):
        body = self.call(AUTHKEY, string(user) + string(key_type) + string(key))
        return "" if body is None else body[4:].decode()

    def verify(self, user, key_type, key):
        """(verdict, identity)."""
        body = self.call(VERIFY, string(user) + string(f"publickey {key_type} {key}"))
        if body is None:
            return -1, {}
        verdict, n = struct.unpack(">II", body[:8])
        return verdict, json.loads(body[8 + n + 4:])


class Run:
    def __init__(self, daemon, forge, options):
        self.daemon, self.forge, self.options = daemon, forge, options
        self.attempts, self.failures, self.accepted = 0, [], 0

    def fail(self, name, text):
        self.failures.append(name)
        print(f"FAIL {name}: {text}")

    def check_accept(self, case, ask, line):
        wanted = case["user"] if "user" in case else "alice"
        principal = "opkssh-wildcard" if "cert" not in case else wanted
        if not line.startswith(LINE % principal) or "\n" in line:
            self.fail(case["name"], f"not accepted: {line!r} {self.daemon.tail().splitlines()[-1:]}")
            return
        if not self.daemon.is_root:
            return
        verdict, identity = self.daemon.verify(*ask)
        if verdict != 0 or identity.get("user") != wanted or identity.get("sub") != "u-alice":
            self.fail(case["name"], f"VERIFY says {verdict} {identity}")
        for key, value in case.get("identity", {}).items():
            if identity.get(key) != value:
                self.fail(case["name"], f"identity has {key} {identity.get(key)!r}, not {value!r}")

    def one(self, case):
        self.daemon.log()
        for n, ask in enumerate(self.forge.build(case)):
            self.attempts += 1
            line = self.daemon.authkey(*ask)
            if case["expect"] == "accept":
                self.check_accept(case, ask, line)
            elif line:
                self.accepted += 1
                self.fail(f"{case['name']}{'' if n == 0 else f' at {n}'}", f"ACCEPTED: {line[:120]}")
            elif self.daemon.is_root and self.daemon.verify(*ask)[0] == 0:
                self.fail(case["name"], "VERIFY accepts it")
        if self.daemon.process.poll() is not None:
            raise SystemExit(f"FAIL {case['name']}: the daemon died ({self.daemon.process.returncode})\n"
                             + self.daemon.tail())
        log = self.daemon.log().decode("utf-8", "replace")
        if "log" in case and case["log"] not in log:
            self.fail(case["name"], f"refused, but not for \"{case['log']}\": {log.strip()[-300:]}")
        if self.options.reasons and "every_byte" not in case:
            print(json.dumps({"name": case["name"], "log": [x for x in log.splitlines() if "user=" in x][:1]}))
        print(f"ok {case['name']}" if case["name"] not in self.failures else f"not ok {case['name']}")


def rotation(run, issuers):
    """A new key is found by its unknown kid, once a minute; what the old one signed is forgotten with it."""
    case = {"name": "rotation", "issuer": "ed", "key": "ed25519"}
    old = next(run.forge.build(case))
    if not run.daemon.authkey(*old):
        run.fail("rotation", "the old key is not accepted before")
    issuers.rotate("ed", "k-new")
    new = next(run.forge.build(dict(case, header={"kid": "k-new"})))
    if not run.daemon.authkey(*new):
        run.fail("rotation", "the new key is not found")
    if run.daemon.authkey(*old):
        run.fail("rotation", "what the old key signed is still accepted")
    issuers.rotate("ed", "k-newer")
    hits = issuers.hits["ed/jwks"]
    newer = next(run.forge.build(dict(case, header={"kid": "k-newer"})))
    for _ in range(50):
        if run.daemon.authkey(*newer):
            run.fail("rotation", "a second refresh within a minute")
    if issuers.hits["ed/jwks"] != hits:
        run.fail("rotation", f"{issuers.hits['ed/jwks'] - hits} fetches for unknown kids")
    print("ok rotation")


def wait_for_keys(daemon, names):
    """The prefetch of every good issuer is over."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with open(daemon.log_path, encoding="utf-8", errors="replace") as f:
            seen = f.read()
        if all(re.search(f"/{name}: [0-9]+ keys for", seen) for name in names):
            return
        time.sleep(0.05)
    raise SystemExit("the keys were not fetched:\n" + daemon.tail())


def without_provider(run, issuers, good):
    """The provider is gone and the daemon is started again: the keys on disk must do."""
    good = [case for case in good if case.get("issuer") != "ed"]  # its key has been changed
    asks = [next(run.forge.build(case)) for case in good]
    issuers.stop()
    code = run.daemon.stop()
    if code != 0:
        run.fail("stop", f"exit status {code}")
    for name in os.listdir(os.path.join(run.daemon.folder, "state")):
        mode = os.stat(os.path.join(run.daemon.folder, "state", name)).st_mode & 0o777
        if mode != 0o600:
            run.fail("state-mode", f"{name} has mode {mode:o}")
    run.daemon.start()
    for case, ask in zip(good, asks):
        if not run.daemon.authkey(*ask):
            run.fail(case["name"] + " without provider", run.daemon.tail())
    print("ok restart-without-provider")
    spoiled_state(run, good)


def spoiled_state(run, good):
    """Still without the provider: keys on disk that are too old, of another issuer, broken or open to others."""
    def edit(text, **changes):
        return json.dumps(dict(json.loads(text), **changes))

    day, now = 24 * 3600, int(time.time())
    spoils = [  # (text, mode) of the file, and whether its keys may be used
        (lambda t: edit(t, fetched=now - json.loads(t)["ttl"] - day + 60), 0o600, True),
        (lambda t: edit(t, fetched=now - json.loads(t)["ttl"] - day - 1), 0o600, False),
        (lambda t: edit(t, fetched=now + 3600), 0o600, False),
        (lambda t: edit(t, ttl=10 * day), 0o600, False),
        (lambda t: edit(t, issuer="https://localhost/other"), 0o600, False),
        (lambda t: t[:-5], 0o600, False),
        (lambda t: t, 0o644, False),
    ]
    case = [c for c in good if "issuer" not in c][0]
    ask = next(run.forge.build(case))
    folder = os.path.join(run.daemon.folder, "state")
    path = [os.path.join(folder, n) for n in os.listdir(folder)
            if json.load(open(os.path.join(folder, n), encoding="utf-8"))["issuer"].endswith("/rsa")][0]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for n, (spoil, mode, is_good) in enumerate(spoils):
        run.daemon.stop()
        with open(path, "w", encoding="utf-8") as f:
            f.write(spoil(text))
        os.chmod(path, mode)
        run.daemon.start()
        if bool(run.daemon.authkey(*ask)) != is_good:
            run.fail(f"state {n}", run.daemon.tail())
    print("ok spoiled-state")


def through_client(run, program, good):
    """The same through sallyport-authkeys, as sshd runs it."""
    user, key_type, key = next(run.forge.build(good))
    for name, want in ((user, True), ("bob", False)):
        done = subprocess.run([program, "-s", run.daemon.socket_path, "-o", run.daemon.account, name, key_type, key],
                              capture_output=True, check=False)
        if done.returncode != 0 or bool(done.stdout) != want or done.stdout.count(b"\n") != int(want):
            run.fail("sallyport-authkeys", f"{name}: {done}")
    done = subprocess.run([program, "-s", run.daemon.folder + "/none", "-o", run.daemon.account, user, key_type, key],
                          capture_output=True, check=False)
    if done.returncode != 0 or done.stdout:
        run.fail("sallyport-authkeys", f"without a daemon: {done}")
    run.daemon.process.send_signal(signal.SIGSTOP)
    start = time.monotonic()
    done = subprocess.run([program, "-s", run.daemon.socket_path, "-o", run.daemon.account, user, key_type, key],
                          capture_output=True, check=False)
    took = time.monotonic() - start
    run.daemon.process.send_signal(signal.SIGCONT)
    if done.returncode != 0 or done.stdout or took > 4:
        run.fail("sallyport-authkeys", f"with a daemon that hangs: {took:.1f} s {done}")
    if run.daemon.is_root:
        stranger(run, program, (user, key_type, key))
    print("ok through-sallyport-authkeys")


def stranger(run, program, ask):
    """Another uid is not answered, and groups that were not given up are noticed."""
    for drop in (["--reuid", "2", "--regid", "2", "--clear-groups"],
                 ["--reuid", run.daemon.account, "--regid", "2", "--groups", "0"]):
        done = subprocess.run(["setpriv", *drop, program, "-s", run.daemon.socket_path, "-o", run.daemon.account, *ask],
                              capture_output=True, check=False)
        if done.returncode != 0 or done.stdout:
            run.fail("stranger", f"{drop}: {done}")


def find(folder, name):
    for base in (os.environ.get("top_builddir"), os.environ.get("builddir"), os.getcwd()):
        path = os.path.join(base or ".", folder, name)
        if os.access(path, os.X_OK):
            return path
    return os.path.join("/usr/libexec/sallyport", name)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--daemon", default=find("identity", "sallyport-identity"))
    p.add_argument("--authkeys", default=find("authkeys", "sallyport-authkeys"))
    p.add_argument("--only", help="run the cases whose name contains this")
    p.add_argument("--reasons", action="store_true", help="print what the daemon logged for each case")
    options = p.parse_args()
    with open(os.path.join(HERE, "cases.jsonl"), encoding="utf-8") as f:
        cases = [json.loads(line) for line in f if line.strip()]
    good = [c for c in cases if c["expect"] == "accept"]
    chosen = [c for c in cases if not options.only or options.only in c["name"]]
    folder = tempfile.mkdtemp(prefix="sp-tokens-")
    os.chmod(folder, 0o755)
    issuers = Issuers(folder)
    with open(os.open(os.path.join(folder, "sallyport.yaml"), os.O_WRONLY | os.O_CREAT, 0o644), "w",
              encoding="utf-8") as f:
        f.write(issuers.settings())
    daemon = Daemon(os.path.abspath(options.daemon), folder)
    run = Run(daemon, Forge(issuers), options)
    daemon.start()
    try:
        wait_for_keys(daemon, GOOD)
        for case in chosen:
            run.one(case)
        if not options.only:
            through_client(run, os.path.abspath(options.authkeys), good[0])
            rotation(run, issuers)
            without_provider(run, issuers, good)
    finally:
        if daemon.process.poll() is None:
            daemon.stop()
        if not run.failures:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(chosen)} cases, {run.attempts} attempts, {run.accepted} forgeries accepted, "
          f"{len(run.failures)} failures")
    return 1 if run.failures or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
