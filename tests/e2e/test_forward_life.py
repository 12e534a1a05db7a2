# SPDX-License-Identifier: Apache-2.0
"""A forwarded connection's end, and what outlives what: policy, operators, tokens, logins, daemons; and floods."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from bastion import wait_for
from forwarding import POLICY, address, events, forward_session, forwarded, psql, serve, sessions

ENDED = "your session on the bastion has ended: "
# Two connections that are open, in one client that is told what to do: "ask SQL" on the first, "new" for one more.
CLIENT = r"""
import sys, psycopg2
def connect(): return psycopg2.connect(host="127.0.0.1", port=int(sys.argv[1]), dbname="orders", user="x", connect_timeout=60)
def ask(c, sql):
    with c.cursor() as cur:
        cur.execute(sql)
        return cur.fetchone()[0]
open_ = connect()
open_.autocommit = True
print(ask(open_, "select 1"), flush=True)
for line in sys.stdin:
    try: print(ask(connect() if line == "new\n" else open_, "select 2"), flush=True)
    except psycopg2.Error as e: print("error", " ".join(str(e).split()), flush=True)
"""


@pytest.fixture(name="f", scope="module")
def fixture_f(shared):
    yield from serve(shared)


class Client:
    """A connection that stays, and further ones."""

    def __init__(self, b, port=15432):
        self.p = b.popen(["/usr/bin/python3", "-c", CLIENT, str(port)], user="lap-alice", stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.p.stdout.readline() == "1\n"

    def say(self, word):
        self.p.stdin.write(word + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def old(self):
        return self.say("old")

    def new(self):
        return self.say("new")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.communicate()


@contextlib.contextmanager
def resting(b, port=15432):
    """node-postgres with a connection that asks nothing; its last line is what it learns of its end."""
    argv = [os.path.realpath(shutil.which("node") or "/usr/bin/node"), "/mnt/pgclient/pgclient.mjs", "rest"]
    with b.popen(["env", f"PGPORT={port}", *argv], user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.STDOUT, text=True) as p:
        try:
            assert json.loads(p.stdout.readline()) == {"step": "resting"}
            yield p
        finally:
            p.kill()


def learns(p):
    said = json.loads(p.stdout.readline())
    return said["ended"]["code"], said["ended"]["message"]


def closed(b, sid):
    return wait_for("the end of its record", lambda: "session_end" in events(b, sid) and events(b, sid))


def test_what_policy_takes_away_is_cut(f):
    """The rule that lets alice in is gone: nothing open stays, with nothing asked; and it is on record why."""
    with forwarded(f), resting(f) as p:
        sid = forward_session(f)
        f.set_policy(POLICY.replace("claim: groups, has: eng ", "claim: groups, has: engineering ").split("tests:\n")[0])
        assert learns(p) == ("57P01", ENDED + "policy no longer lets you forward to this connection")
        assert "policy no longer lets you forward" in closed(f, sid)
        done = wait_for("the refusal", lambda: (lambda d: d.returncode != 0 and d)(psql(f, "select 1")), every=0.2)
        assert "no such connection, or not allowed" in done.stderr
        f.set_policy(POLICY)
        wait_for("it to be back", lambda: psql(f, "select 1").stdout == "1\n", every=0.2)


def test_who_is_ended_learns_why(f):
    with forwarded(f), resting(f) as p:
        sid = forward_session(f)
        f.sallyport("end", "--reason", "change freeze", sid)
        assert learns(p) == ("57P01", ENDED + "this session was ended by root: change freeze")
        assert "change freeze" in closed(f, sid)


def test_a_login_that_ends_takes_all_with_it(f):
    with forwarded(f), Client(f) as client:
        sid = forward_session(f)
        assert client.new() == "2"
    assert "the connection was closed" in closed(f, sid)
    state = f.run(["sh", "-c", "cat /run/sallyport/state/session-* 2>/dev/null"], check=False).stdout
    assert sid not in state


def test_an_expired_token_opens_nothing_new(f):
    """As everywhere: what is open goes on, within the limits of its session."""
    with forwarded(f), Client(f) as client:
        sid = forward_session(f)
        login = re.search(r'"login_id": ?"(\w+)"', f.read(f"/run/sallyport/state/session-{sid}")).group(1)
        path = f"/run/sallyport/state/login-{login}"
        old = f.pid("sallyportd")
        f.stop_daemon("sallyportd")
        text = f.read(path)
        f.write(path, re.sub(r'"expires": ?\d+', '"expires":1000000000', text), mode="0600")
        assert f.read(path) != text
        f.start_daemon("sallyportd")
        f.wait_back("sallyportd", old)
        assert client.old() == "2"
        assert "your token has expired. Sign in again" in client.new()
        assert client.old() == "2"


def test_a_session_has_its_limits(f):
    f.set_policy(POLICY.replace("    forward: true\n", "    forward: true\n    max: 3s\n"))
    try:
        f.sallyport("policy", "reload", check=False)
        with forwarded(f), resting(f) as p:
            code, message = learns(p)
            assert code == "57P01" and "has been open for" in message
    finally:
        f.set_policy(POLICY)


@pytest.mark.parametrize("name", ["control", "identity"])
def test_a_daemon_that_is_away(f, name):
    """What is open needs neither."""
    with forwarded(f), Client(f) as client:
        f.stop_daemon(name)
        try:
            assert client.old() == "2"
        finally:
            f.start_daemon(name)
            f.wait_ready(name)
        assert client.old() == "2"
        wait_for("a new one", lambda: client.new() == "2", every=0.3)


@pytest.mark.parametrize("name", ["recorder", "sallyportd", "control"])
def test_a_daemon_that_is_killed(f, name):
    """Statements wait for the recorder; new connections come back by themselves."""
    with forwarded(f), Client(f) as client:
        sid = forward_session(f)
        old = f.pid(name)
        f.kill(name)
        assert client.old() == "2"
        f.wait_back(name, old)
        assert client.old() == "2"
        wait_for("a new one", lambda: client.new() == "2", every=0.3)
        assert client.old() == "2"
    assert "select 2" in closed(f, sid)


def test_a_session_that_is_killed(f):
    """Its connections end, its record is closed, and the next connection has another session."""
    before = set(f.session_pids())
    with forwarded(f), resting(f) as p:
        sid = forward_session(f)
        pids = wait_for("its process", lambda: set(f.session_pids()) - before)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert learns(p) == (None, "Connection terminated unexpectedly")
        wait_for("the next one", lambda: psql(f, "select 1").stdout == "1\n", every=0.2)
        assert forward_session(f) > sid
        wait_for("its record to be closed", lambda: [s["state"] for s in sessions(f) if s["id"] == sid] != ["open"])
        assert f.sallyport("verify", sid, check=False).returncode == 0


FLOOD = r"""
import collections, json, select, socket, struct, sys, time
port, silent, n = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
body = struct.pack(">I", 196608) + b"user\0x\0database\0orders\0\0"
hello = struct.pack(">I", len(body) + 4) + body
def connect():
    s = socket.create_connection(("127.0.0.1", port), 60)
    s.setblocking(False)
    return s
socks = [connect() for _ in range(n)]
for s in socks[silent:]: s.send(hello)
got, text, alive = collections.Counter(), {s: b"" for s in socks}, set(socks[silent:])
end = time.monotonic() + 60
while alive and time.monotonic() < end:
    for s in select.select(list(alive), [], [], 1)[0]:
        try: piece = s.recv(65536)
        except OSError: piece = b""
        text[s] += piece
        if not piece:
            alive.discard(s)
            got["many" if b"too many connections" in text[s] else repr(text[s][:200])] += 1
        elif text[s].endswith(b"Z\0\0\0\5I"):
            alive.discard(s)
            got["ready"] += 1
print(json.dumps(dict(got, unanswered=len(alive))), flush=True)
sys.stdin.readline()
"""


def test_a_flood_hurts_nobody_else(f):
    """500 connections of alice's, 40 of which say nothing: those that are too many are told so; bob works meanwhile."""
    f.write("/tmp/flood.py", FLOOD)
    with forwarded(f), forwarded(f, user="bob", port=15442):
        argv = ["/usr/bin/python3", "/tmp/flood.py", "15432", "40", "500"]
        with f.popen(argv, user="lap-alice", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
            for _ in range(5):
                assert psql(f, "select 7", user="bob", port=15442).stdout == "7\n"
            got = p.stdout.readline()
            assert psql(f, "select 7", user="bob", port=15442).stdout == "7\n"
            p.kill()
            p.communicate()
        counts = json.loads(got)
        assert set(counts) <= {"many", "ready", "unanswered"} and counts["unanswered"] == 0, counts
        assert counts["many"] + counts["ready"] == 460 and 64 - 40 <= counts["ready"] <= 64, counts
        wait_for("alice to be served again", lambda: psql(f, "select 1").stdout == "1\n", every=0.5)


STRAY = r"""
import socket, sys
socks = []
for _ in range(600):
    s = socket.socket()
    s.setblocking(False)
    try: s.connect((sys.argv[1], 5432))
    except BlockingIOError: pass
    socks.append(s)
print("there", flush=True)
sys.stdin.readline()
"""


def test_another_users_flood_hurts_nobody(f):
    """Of a program on this machine, at the address itself; and it does not fill the log."""
    with forwarded(f):
        argv = ["/usr/bin/python3", "-c", STRAY, address(f)]
        before = f.read("/var/log/sallyportd.log").count("is refused: sallyport: only your own ssh")
        with f.popen(argv, user="lap-carol", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as p:
            assert p.stdout.readline() == "there\n"
            for _ in range(3):
                assert psql(f, "select 7").stdout == "7\n"
            wait_for("the log's last word", lambda: re.search(r"\d+ more connections to addresses", f.read("/var/log/sallyportd.log")))
            p.kill()
            p.communicate()
        assert f.read("/var/log/sallyportd.log").count("is refused: sallyport: only your own ssh") - before <= 130
        assert psql(f, "select 7").stdout == "7\n"
