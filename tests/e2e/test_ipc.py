# SPDX-License-Identifier: Apache-2.0
"""P5 and P9: tests/attacks/ipc/cases.txt against a running sallyportd, while a session of alice's goes on."""
import json
import os
import re
import subprocess
import time

import pytest

import bastion
from bastion import wait_for

CASES = os.path.join(bastion.TOP, "tests", "attacks/ipc", "cases.txt")
CLIENT = "/mnt/tests/e2e/ipc_client.py"
PROMPT = "orders=[>#] "
START = ["str:whoami", "u8:0", "u32:24", "u32:80", "str:xterm", "str:C"]


def cases():
    with open(CASES, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                name, *rest = line.rstrip("\n").split("\t")
                assert len(rest) == 6, name
                yield pytest.param(*rest, id=name)


@pytest.fixture(scope="module")
def live(shared):
    """An open psql: the id of its session."""
    before = set(shared.run(["ls", "/run/sallyport/state"]).stdout.split())
    child = shared.ssh_tty("alice", "psql orders -X")
    child.expect(PROMPT)
    new = set(shared.run(["ls", "/run/sallyport/state"]).stdout.split()) - before
    (name,) = [n for n in new if n.startswith("session-")]
    yield child, name.removeprefix("session-")
    child.close(force=True)


def ids(b, user):
    return [int(b.run(["id", option, user]).stdout) for option in ("-u", "-g")]


def info(b, user):
    kind, key = b.read(f"/home/lap-{user}/.ssh/op/id-cert.pub").split()[:2]
    return f"publickey {kind} {key}"


def as_who(b, who):
    """The part of a request that says who asks."""
    if who == "root":
        return {}, None
    if who == "session":
        return {}, "sallyport-session"
    if who.endswith("-in"):
        user = who.removesuffix("-in")
        uid, gid = ids(b, user)
        return {"loginuid": uid, "uid": uid, "gid": gid, "login": {"user": user, "info": info(b, user)}}, None
    if who == "bob-in-alice":
        uid, gid = ids(b, "bob")
        return {"loginuid": ids(b, "alice")[0], "uid": uid, "gid": gid, "login": {"user": "alice", "info": info(b, "alice")}}, None
    if who == "alice-other":
        uid, gid = ids(b, "alice")
        return {"loginuid": uid, "uid": uid, "gid": gid}, None
    return {}, who


def start(b, who, **request):
    more, user = as_who(b, who)
    argv = b.argv(["/usr/bin/python3", CLIENT], user)
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    p.stdin.write(json.dumps({**request, **more}) + "\n")
    p.stdin.flush()
    return p


def ask(b, who, **request):
    p = start(b, who, **request)
    out, err = p.communicate(timeout=60)
    return json.loads(out) if out else {"error": err, "replies": [], "closed": True}


def outcome(answer):
    types = [t for t, _ in answer["replies"]]
    if "error" in answer and not types and "Permission denied" in answer["error"]:
        return "unreachable"
    if 130 in types and answer["replies"][types.index(130)][1][8:].isalnum():
        return "started"
    if types == [129] and answer["closed"]:
        return "refused"
    if types == [134] and answer["replies"][0][1] != "00000000" and answer["closed"]:
        return "denied"
    return "closed" if not types and answer["closed"] else f"unexpected: {answer}"


@pytest.mark.parametrize("who, sock, frames, fds, want, log", list(cases()))
def test_case(b, live, who, sock, frames, fds, want, log):  # pylint: disable=too-many-arguments
    child, name = live
    pid, logged = b.pid("sallyportd"), len(b.read("/var/log/sallyportd.log"))
    kinds = [] if fds == "-" else [k for word in fds.split() for k in (
        [word.split("*")[1]] * int(word.split("*")[0]) if "*" in word else [word])]
    answer = ask(b, who, socket="/run/sallyport/" + sock, fds=kinds,
                 frames=[f.replace("LIVE", name).split() for f in frames.split(";")])
    assert outcome(answer) == want
    if log != "-":
        want_log = re.compile(log.replace("LIVE", name))
        wait_for(f"{log} in the log", lambda: want_log.search(b.read("/var/log/sallyportd.log")[logged:]), timeout=12)
    assert b.pid("sallyportd") == pid, "sallyportd died"
    child.sendline("select 40 + 2 as n;")
    child.expect("42")
    child.expect(PROMPT)


def test_no_case_left_a_session_behind(b, live):
    wait_for("only alice's psql to be there", lambda: len(b.session_pids()) == 1, timeout=30)
    assert live


def test_idle_connections_of_one_keep_nobody_out(b):
    """1,000 connections of bob's that say nothing: alice comes in at once, and they are gone ten seconds later."""
    p = start(b, "bob", socket="/run/sallyport/session.sock", count=1000, wait=0.1, hold=13)
    try:
        assert p.stdout.readline(), "the flood did not begin"
        began = time.monotonic()
        assert b.ssh("alice", "whoami").returncode == 0
        assert time.monotonic() - began < 5
        sockets = b.run(["sh", "-c", "ls /proc/%d/fd | wc -l" % b.pid("sallyportd")]).stdout
        assert int(sockets) < 200, f"{sockets} descriptors in sallyportd"
        assert json.loads(p.communicate(timeout=40)[0])["still"] == 0
    finally:
        p.kill()
        p.wait()
    assert "further ones are refused" in b.read("/var/log/sallyportd.log")


def test_half_a_start_is_not_waited_for(b):
    p = start(b, "alice", socket="/run/sallyport/session.sock", frames=[["len:200", "fill:20"]], wait=0.1, hold=12)
    p.stdout.readline()
    assert json.loads(p.communicate(timeout=40)[0])["still"] == 0


def test_a_login_ends_with_its_process(b):
    """What is registered for an audit session is gone when its sshd is: the same audit session is nobody then."""
    answer = ask(b, "alice-in", socket="/run/sallyport/session.sock", frames=[START], fds=["null"] * 3)
    assert outcome(answer) == "started"
    wait_for("the login to go", lambda: not [n for n in b.run(["ls", "/run/sallyport/state"]).stdout.split()
                                             if n.startswith("login-") and not login_lives(b, n)], timeout=15)


def login_lives(b, name):
    text = b.run(["cat", "/run/sallyport/state/" + name], check=False).stdout
    return not text or b.run(["test", "-e", f"/proc/{json.loads(text)['pid']}"], check=False).returncode == 0


def test_refused_resumes_use_nothing_up(b, live):
    """More of them than monitor.sock has places; then sallyportd is killed and alice's session comes back."""
    _, name = live
    done = ask(b, "session", socket="/run/sallyport/monitor.sock", count=300, wait=0.1,
               frames=[["type=3", f"str:{name}", "u32:32", "fill:32"]], fds=["memfd"])
    assert done["replies"] or done["closed"]
    old = b.pid("sallyportd")
    b.kill("sallyportd")
    b.wait_back("sallyportd", old)
    wait_for("alice's session to be back", lambda: f"session {name} is back" in b.read("/var/log/sallyportd.log"))
    child = live[0]
    child.sendline("select 41 + 1;")
    child.expect("42")
    child.expect(PROMPT)
    assert b.ssh("alice", "whoami").returncode == 0
