# SPDX-License-Identifier: Apache-2.0
"""`sallyport revoke`: what somebody has open ends, they come in no more, and both hold whatever daemon is started again."""
import base64
import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import time

import pexpect
import pytest

import bastion
from bastion import wait_for
from test_jump import CONF, argv, policy, use
from test_jump import j  # noqa: F401 pylint: disable=unused-import

SAID = "your access to this bastion was revoked by root: left the company"
LIST = "/var/lib/sallyport/revoked/list"
SHELL = """  shell:
    kind: shell
rules:
  - name: revoke-shell
    who: [engineers, dba]
    on: [shell]
    do: { interactive: true, argv: ["/usr/bin/* **"] }
    effect: allow
"""


# The tests that ask for it come first: `b` puts the usual policy back.
@pytest.fixture(scope="module")
def r(j):  # noqa: F811 pylint: disable=redefined-outer-name
    before = j.read("/etc/sallyport/policy.d/orders.yaml")
    text = policy(j).replace("    durability: process\n", "    durability: process\n    forward: true\n")
    use(j, text.replace("rules:\n", SHELL, 1))
    wait_for("orders to have its address", lambda: j.run(["getent", "hosts", "orders"], check=False).returncode == 0)
    yield j
    use(j, before)


@contextlib.contextmanager
def revoked(b, *what, undo=None, reason="left the company"):
    """While it holds; what the command said."""
    done = b.sallyport("revoke", "--reason", reason, *what)
    try:
        yield done.stdout
    finally:
        b.sallyport("unrevoke", *(undo or what))


def is_let_in(b, user="alice"):
    return b.ssh(user, "whoami").returncode == 0


def listed(b):
    return [json.loads(line) for line in b.sallyport("revoked", "--json").stdout.splitlines()]


def status(b):
    line = next(x for x in b.sallyport("status").stdout.splitlines() if '"forwards"' in x)
    return json.loads(line[line.index("{"):])


def pids_of(b, user):
    return [p for p in b.run(["pgrep", "-u", user], check=False).stdout.split() if b.same_net(int(p), net(b))]


def net(b):
    return os.readlink(f"/proc/{b.holder.pid}/ns/net")


class Clients:
    """What alice has open: programs, and terminals."""

    def __init__(self, b):
        self.b, self.programs, self.deaf, self.terminals = b, [], [], []

    def start(self, command, say=None, want=None, is_deaf=False):
        """is_deaf: it reads its standard input and looks at nothing else meanwhile."""
        p = self.b.popen(command, user="lap-alice", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        (self.deaf if is_deaf else self.programs).append(p)
        if say:
            p.stdin.write(say)
            p.stdin.flush()
            assert p.stdout.readline() == want

    def terminal(self, prompt, *words, say=None):
        child = self.b.ssh_tty("alice", *words)
        self.terminals.append(child)
        child.expect(prompt)
        if say:
            child.sendline(say)
            child.expect(prompt)

    def are_gone(self):
        return all(p.poll() is not None for p in self.programs) and not any(c.isalive() for c in self.terminals)

    def kill(self):
        for p in self.programs + self.deaf:
            if p.poll() is None:
                p.kill()
            p.communicate(timeout=30)
        for child in self.terminals:
            child.close(force=True)


def open_all(b, c):
    """Twenty of all kinds, and one that is only a login, which others could share."""
    for _ in range(6):
        c.terminal("orders=[>#] ", "psql", "orders")
    for _ in range(4):
        c.terminal(r"\$ ", "shell", say="(trap '' HUP INT TERM; exec setsid sleep 9871) &")
    for _ in range(2):
        c.start(b.ssh_argv("alice", ["shell -c 'sleep 9872; true'"]))
    for _ in range(2):
        c.terminal(r"web1\$ ", "ssh", "web1")
    for _ in range(2):
        c.start(argv(["cat"]))
    c.start(["sftp", "-F", f"{CONF}.alice", "web1"], is_deaf=True)
    c.start(["ssh", "-s", "alice@bastion", "sftp"])
    c.start(b.ssh_argv("alice", ["psql orders -X -c \"update orders set item = 'revoked' where id = 9\""]))
    c.start(b.ssh_argv("alice", [], options=("-N", "-L", "127.0.0.1:15477:orders:5432")))
    c.start(b.ssh_argv("alice", [], options=("-M", "-N", "-o", "ControlPath=/tmp/revoke-%C")))
    wait_for("the tunnel", lambda: ":3C75 " in b.run(["cat", "/proc/net/tcp"]).stdout)
    c.start(["psql", "-X", "-A", "-t", "-h", "127.0.0.1", "-p", "15477", "-d", "orders"], say=b"select 40 + 2;\n", want=b"42\n", is_deaf=True)
    wait_for("the held one", lambda: "revoked" in b.ssh("bob", "approvals").stdout)
    wait_for("all to be open", lambda: status(b)["sessions"] == 20, every=0.2)


def test_everything_of_theirs_ends_and_they_come_in_no_more(r):
    c = Clients(r)
    try:
        open_all(r, c)
        before, began = status(r)["sessions"], time.monotonic()
        with revoked(r, "alice") as said:
            returned = time.monotonic()
            wait_for("sessions to end", lambda: status(r)["sessions"] == 0)
            ended = time.monotonic()
            wait_for("clients to end", c.are_gone)
            gone = time.monotonic()
            print(f"\n{before} sessions: the command took {returned - began:.2f} s, the last session ended {ended - returned:.2f} s "
                  f"later, the last client {gone - returned:.2f} s")
            assert f"sessions: {before}" in said and "under any name: " in said, said
            wait_for("no process of hers", lambda: not pids_of(r, "alice"))
            for child in c.terminals:
                assert SAID in re.sub(r"\s+", " ", (child.before or "") + child.read()), child
            for p in c.deaf:
                assert b"42" not in p.communicate(b"select 40 + 2;\nls\n", timeout=30)[0] and p.returncode != 0, p.args
            texts = [p.communicate(timeout=30)[0].decode(errors="replace") for p in c.programs[:4]]
            assert all(SAID in t for t in texts), texts
            assert r.db("select item from orders where id = 9", "orders").stdout.strip() == "item 9"
            assert "revoked" not in r.ssh("bob", "approvals").stdout
            done = r.ssh("alice", "whoami")
            assert done.returncode == 255 and "Permission denied" in done.stderr, done
            assert [e["value"] for e in listed(r)] == ["alice"] and listed(r)[0]["by"] == "root"
            newest = r.sallyport("sessions", "--user", "alice", "--json").stdout.splitlines()
            ids = [json.loads(line)["id"] for line in newest][-before:]
            assert all(SAID in r.sallyport("replay", "--events", i).stdout for i in ids)
        wait_for("her to be back", lambda: is_let_in(r))
        assert listed(r) == []
    finally:
        c.kill()


def test_a_session_that_does_not_end_is_killed(r):
    c = Clients(r)
    try:
        c.terminal(r"\$ ", "shell", say="sleep 9873 &")
        pid = r.session_pids()[0]
        os.kill(pid, signal.SIGSTOP)
        with revoked(r, "alice"):
            wait_for("it to be killed", lambda: not r.session_pids(), timeout=60)
            wait_for("what it had started to end", lambda: not pids_of(r, "alice") and c.are_gone(), timeout=60)
            assert "did not end and is killed" in r.read("/var/log/sallyportd.log")
        wait_for("her to be back", lambda: is_let_in(r))
    finally:
        c.kill()


def test_logins_that_are_under_way(b):
    """However far each has come: asked about the key, at PAM, registered, its session being spawned."""
    c = Clients(b)
    try:
        for n in range(18):
            c.start(b.ssh_argv("alice", ["psql orders -X -A -t"]))
            if n == 9:
                wait_for("the first to be there", lambda: status(b)["sessions"] > 0)
        with revoked(b, "alice"):
            wait_for("all of them to end", c.are_gone)
            assert all(p.returncode != 0 for p in c.programs), [p.returncode for p in c.programs]
            wait_for("no session", lambda: status(b)["sessions"] == 0 and not pids_of(b, "alice"))
            wait_for("no login", lambda: status(b)["logins"] == 0)
        wait_for("her to be back", lambda: is_let_in(b))
    finally:
        c.kill()


def test_the_kernel_has_who_did_it(b):
    if not b.has_audit:
        pytest.skip("no auditd here")
    with revoked(b, "nobody-like-that", reason="for the audit log"):
        wait_for("its record", lambda: "nobody-like-that" in b.ausearch("-m", "ACCT_LOCK"))
        text = next(x for x in b.ausearch("-m", "ACCT_LOCK").splitlines() if "nobody-like-that" in x)
        why = b"for the audit log".hex().upper()  # as the audit log has text with spaces
        assert "op=sallyport-revoke" in text and why in text and "res=success" in text, text
    wait_for("its end", lambda: "nobody-like-that" in b.ausearch("-m", "ACCT_UNLOCK"))


@pytest.mark.parametrize("who", ["ALICE", "Alice@Example.com"])
def test_by_any_case_and_by_mail(b, who):
    with revoked(b, who):
        assert not is_let_in(b) and is_let_in(b, "bob")
        assert "person " + who in b.sallyport("revoked").stdout
    assert is_let_in(b)


def test_it_holds_whatever_is_started_again(b):
    with revoked(b, "alice"):
        for name in bastion.DAEMONS:
            old = b.pid(name)
            b.kill(name)
            b.wait_back(name, old)
            assert not is_let_in(b), name
        wait_for("others to come in", lambda: is_let_in(b, "bob"))
        assert not is_let_in(b)
    wait_for("her to be back", lambda: is_let_in(b))


def test_a_monitor_that_dies_right_after_ends_it_when_it_is_back(b):
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    # The list as sallyportd wrote it, and sallyportd dead before it could tell anybody.
    with revoked(b, "alice"):
        text = b.read(LIST)
        child.expect(SAID)
    child.close(force=True)
    wait_for("her to be back", lambda: is_let_in(b))
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    old = b.pid("sallyportd")
    b.kill("sallyportd", signal.SIGKILL)
    b.write(LIST, text, mode="0640", owner="root:sallyport-identity")
    b.wait_back("sallyportd", old)
    try:
        child.expect(SAID)
        child.expect(pexpect.EOF)
        assert not is_let_in(b)
    finally:
        b.sallyport("unrevoke", "alice")
        child.close(force=True)
    wait_for("her to be back", lambda: is_let_in(b))


def test_with_control_down_and_what_it_finds_when_it_is_back(b):
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    child.sendline("update orders set item = 'x' where id = 7;")
    wait_for("the request", lambda: "id = 7" in b.ssh("bob", "approvals").stdout)
    b.stop_daemon("control")
    with revoked(b, "alice"):
        child.expect(SAID)
        child.expect(pexpect.EOF)
        child.close(force=True)
        b.start_daemon("control")
        b.wait_ready("control")
        wait_for("nothing to be open", lambda: "id = 7" not in b.ssh("bob", "approvals").stdout and is_let_in(b, "bob"))
        assert not is_let_in(b)
    wait_for("her to be back", lambda: is_let_in(b))


def test_a_list_that_cannot_be_read_lets_nobody_in(b):
    with revoked(b, "nobody-like-that"):
        text = b.read(LIST)
        old = b.pid("sallyportd")
        try:
            b.write(LIST, text[:-2], mode="0640", owner="root:sallyport-identity")
            assert not is_let_in(b) and not is_let_in(b, "bob")  # sallyport-identity has seen it
            b.kill("sallyportd")
            b.wait_back("sallyportd", old)
            assert not is_let_in(b)
            done = b.sallyport("revoked", check=False)
            assert done.returncode == 2 and "nobody is let in" in done.stderr, done
            assert b.sallyport("revoke", "--reason", "x", "bob", check=False).returncode == 1
            done = b.run(["ssh", "-i", "/home/lap-ops/.ssh/id_ed25519", "ops@bastion", "true"], user="lap-ops", check=False)
            assert done.returncode == 0, "administrators come in past it"
        finally:
            b.write(LIST, text, mode="0640", owner="root:sallyport-identity")
        wait_for("people to come in", lambda: is_let_in(b))
    mode = b.run(["stat", "-c", "%a %U %G", LIST, "/var/lib/sallyport/revoked"]).stdout
    assert mode == "640 root sallyport-identity\n750 root sallyport-identity\n"


def fingerprint(b, path):
    return b.run(["ssh-keygen", "-lf", path]).stdout.split()[1]


def test_a_key_by_file_certificate_and_fingerprint(b):
    path = "/home/lap-alice/.ssh/op/id-cert.pub"
    digits = fingerprint(b, path)
    for what in (path, digits):
        with revoked(b, "--key", what, undo=("--key", digits)):
            assert listed(b)[0]["value"] == base64.b64decode(digits[7:] + "=").hex()
            assert not is_let_in(b) and is_let_in(b, "bob")
        assert is_let_in(b)
    done = b.sallyport("revoke", "--reason", "x", "--key", "/etc/hostname", check=False)
    assert done.returncode == 2 and "no public key" in done.stderr, done
    host = "/etc/ssh/ssh_host_ed25519_key.pub"
    want = hashlib.sha256(base64.b64decode(b.read(host).split()[1])).hexdigest()
    with revoked(b, "--key", host):
        assert listed(b)[0]["value"] == want


def test_a_session_stands_for_the_key_it_came_with(b):
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    sid = max(json.loads(line)["id"] for line in b.sallyport("sessions", "--json").stdout.splitlines())
    digits = fingerprint(b, "/home/lap-alice/.ssh/op/id-cert.pub")
    with revoked(b, "--session", sid, undo=("--key", digits)):
        child.expect("the key of this login was revoked by root: left the company")
        child.expect(pexpect.EOF)
        assert not is_let_in(b)
    assert is_let_in(b)
    done = b.sallyport("revoke", "--reason", "x", "--session", sid, check=False)
    assert done.returncode == 1 and "no such session is live" in done.stderr, done


def test_for_a_time_and_what_is_asked_for_wrongly(b):
    b.sallyport("revoke", "--reason", "a moment", "--for", "3s", "alice")
    wait_for("it to be over", lambda: is_let_in(b), every=0.3)
    assert listed(b) == []
    for words in (("alice",), ("--reason", "", "alice"), ("--reason", "x"), ("--reason", "x", "alice", "bob"),
                  ("--reason", "x", "--jti", "1", "alice"), ("--reason", "x", "--for", "0s", "alice"),
                  ("--reason", "x", "--for", "1x", "alice"), ("--reason", "x", "--until", "2020-01-01", "alice"),
                  ("--reason", "x\ny", "alice"), ("--reason", "x", "")):
        assert b.sallyport("revoke", *words, check=False).returncode == 2, words
    done = b.sallyport("unrevoke", "alice", check=False)
    assert done.returncode == 1 and "nothing like it is revoked" in done.stderr, done
    done = b.sallyport("revoke", "--reason", "x", "ops")
    assert "logs in without Sallyport" in done.stderr, done
    b.sallyport("unrevoke", "ops")
    done = b.run(["sallyport", "revoke", "--reason", "x", "alice"], user="bob", check=False)
    assert done.returncode == 2 and "only root may" in done.stderr, done


def test_issuer_and_token(b):
    with revoked(b, "--issuer", bastion.ISSUER, "alice@example.com"):
        assert not is_let_in(b)
    with revoked(b, "--issuer", "https://elsewhere.example", "alice@example.com"):
        assert is_let_in(b)
    with revoked(b, "--jti", "of-nobody"):
        assert is_let_in(b)
        assert "jti of-nobody" in b.sallyport("revoked").stdout
