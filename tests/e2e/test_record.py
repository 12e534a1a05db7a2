# SPDX-License-Identifier: Apache-2.0
"""P3 with durability: disk, and the kernel's audit system: nothing runs before it knows of the session.

The witness is PostgreSQL's own log, as in test_crash.py.
"""
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import threading
import time

import pexpect
import pytest

import bastion
from bastion import wait_for
from test_crash import ask, check_masked, check_witness

EMITTER = "/usr/libexec/sallyport/sallyport-audit"
DISK_POLICY = bastion.POLICY_YAML.replace("durability: process", "durability: disk")
PROMPT = "orders=[>#] "


@pytest.fixture(scope="module")
def own():
    """A bastion with durability: disk and a small disk; no auditd of its own: the kernel takes records without."""
    bad = bastion.Bastion(log_size="128m", policy=DISK_POLICY, audit=False)
    try:
        bad.start()
        bad.login("alice")
    except Exception as e:  # pylint: disable=broad-except
        bad.stop()
        pytest.fail(f"the bastion did not start: {e}", pytrace=False)
    yield bad
    bad.stop()


def emitters(b):
    net = os.readlink(f"/proc/{b.holder.pid}/ns/net")
    done = b.run(["pgrep", "-x", "sallyport-audit"], check=False)
    return [int(p) for p in done.stdout.split() if b.same_net(p, net)]


def asked(b, mark):
    return any(mark in s for s in b.pg_log())


def set_emitter(b, there):
    b.run(["mv", EMITTER + ("" if not there else ".away"), EMITTER + (".away" if not there else "")])


def test_no_session_without_kernel_audit(own):
    set_emitter(own, False)
    try:
        done = own.psql("alice", "select /* run9100-s0 */ 1")
        assert done.returncode != 0 and "audit system" in done.stderr, done.stdout + done.stderr
        assert not asked(own, "run9100"), "a statement ran that the kernel was not told of"
        done = own.ssh("alice", "whoami")
        assert done.returncode != 0 and "audit system" in done.stderr
    finally:
        set_emitter(own, True)
    assert own.psql("alice", "select /* run9100-s1 */ 1", "-A", "-t").stdout == "1\n"
    verify = own.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr


def test_an_emitter_that_is_killed_is_started_again(own):
    child = own.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    before = emitters(own)
    assert len(before) == 1
    os.kill(before[0], signal.SIGKILL)
    wait_for("another emitter", lambda: [p for p in emitters(own) if p not in before])
    child.sendline("select /* run9101-s0 */ 6 * 7 as n;")
    child.expect("42")
    child.expect(PROMPT)
    child.sendline(r"\q")
    child.close(force=True)


def load_of(seed, count=25):
    """Statements with marks of load.MARK's form, each answered with a row that has masked values."""
    return "".join(f"select /* m{seed}-w0-c0-n{n} */ * from customers where id = {1 + n % 3};\n" for n in range(count))


def lose_emitter(b):
    set_emitter(b, False)
    for pid in emitters(b):
        os.kill(pid, signal.SIGKILL)
    time.sleep(1)


def test_without_an_emitter_statements_are_refused(own):
    argv = own.argv(own.ssh_argv("alice", ["psql orders -X -A -t"]), "lap-alice")
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        def say(mark, sql):
            p.stdin.write(f"select /* {mark} */ {sql};\n")
            p.stdin.flush()
        try:
            say("run9102-s0", "6 * 7")
            wait_for("the first statement", lambda: asked(own, "run9102-s0"))
            try:
                lose_emitter(own)
                say("run9102-s1", "6 * 8")
                time.sleep(0.5)
                assert not asked(own, "run9102-s1")
            finally:
                set_emitter(own, True)
            out, err = p.communicate(timeout=20)
        finally:
            p.kill()
    assert out == "42\n" and "audit system" in err, out + err
    assert own.psql("alice", "select /* run9102-s2 */ 54", "-A", "-t").stdout == "54\n"
    assert not asked(own, "run9102-s1")
    check_witness(own)


def test_without_an_emitter_a_terminal_goes_on_with_the_reason(own):
    """The session stays, and its statements are refused until the kernel can be told again."""
    child = own.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    try:
        lose_emitter(own)
        child.sendline("select /* run9103-s0 */ 1;")
        child.expect("the kernel's audit system cannot be told of this session")
        child.expect(PROMPT)
    finally:
        set_emitter(own, True)
    assert not asked(own, "run9103")
    wait_for("statements to run again", lambda: ask(child, "select 4200 + 42;").count("4242"), every=0.3)
    child.sendline(r"\q")
    child.expect(pexpect.EOF)


def test_a_closed_connection_leaves_a_closed_record(own):
    """Whatever the end of the connection does to the emitter: that is no fault of the record's."""
    child = own.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    child.close(force=True)
    wait_for("the session to end", lambda: not own.session_pids())

    def states():
        text = own.run(["sh", "-c", "cat $(ls -t /var/log/sallyport/*/*/*/*/manifest | head -n 1)"]).stdout
        return re.findall(r'"state":\s*"(\w+)"', text)
    wait_for("a closed record", lambda: states() == ["closed"], every=0.2)


def test_what_was_asked_for_is_on_record_though_nobody_answered(own):
    """The connection goes while its statement waits: the request says what it was, and the verdict that it was given up."""
    sql = "update orders set amount = 4711 where id = 1"
    child = own.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    child.sendline(sql + ";")
    child.expect(r"waiting for approval (\w+)")
    request = child.match.group(1)
    child.kill(signal.SIGKILL)
    child.close(force=True)

    def of_request():
        text = own.sallyport("export", last_of(own, "alice"), "--format", "json").stdout
        events = [json.loads(line).get("unmapped", {}) for line in text.splitlines()]
        return [e for e in events if e.get("request_id") == request]
    wait_for("both events", lambda: len(of_request()) >= 2)
    asked_for, given_up = of_request()[:2]
    assert (asked_for["event"], asked_for["text"]) == ("approval_request", sql + ";")
    assert (given_up["event"], given_up["decision"]) == ("approval_verdict", "cancelled")


@pytest.mark.parametrize("run", range(4))
def test_disk_recorder_killed_while_statements_wait_for_fsync(own, run):
    load = "".join(load_of(9200 + run * 10 + i) for i in range(5))

    def strike():
        wait_for("the first statement", lambda: asked(own, f"m{9200 + run * 10}-"), every=0.02)
        time.sleep(run * 0.03)
        own.kill("recorder")
    thread = threading.Thread(target=strike)
    thread.start()
    done = own.ssh("alice", "psql orders -X -A -t", stdin=load, timeout=90)
    thread.join()
    own.wait_ready("recorder")
    check_masked((done.stdout + done.stderr).encode())
    assert done.stdout.count("|"), done.stderr
    assert check_witness(own)
    verify = own.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr


def test_disk_full_while_statements_wait_for_fsync(own):
    fill = "dd if=/dev/zero of=/var/log/sallyport/.fill bs=64k; dd if=/dev/zero of=/var/log/sallyport/.fill2 bs=1"
    thread = threading.Thread(target=lambda: (time.sleep(0.7), own.run(["sh", "-c", fill], check=False)))
    thread.start()
    try:
        done = own.ssh("alice", "psql orders -X -A -t", stdin=load_of(9300) + load_of(9301), timeout=90)
    finally:
        thread.join()
        own.run(["sh", "-c", "rm -f /var/log/sallyport/.fill*"])
    check_masked((done.stdout + done.stderr).encode())
    wait_for("statements to run again", lambda: own.psql("alice", "select 1", "-A", "-t").stdout == "1\n", every=1)
    assert check_witness(own)
    verify = own.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr


# --- the kernel's audit log of sessions that are over in no time ---------------------------------------------


def sessions_of(b, user):
    return [json.loads(line) for line in b.sallyport("sessions", "--user", user, "--json").stdout.splitlines()]


def quick(b, words, tries):
    """Sessions of bob's, one after the other."""
    return [b.ssh("bob", *words, timeout=120).returncode for _ in range(tries)]


def hold_updates(b, count):
    """alice's held statements, each in a session of its own; returns the processes and the requests' ids."""
    held = [b.popen(b.ssh_argv("alice", [f"psql orders -X -c \"update orders set item = 'quick {n}' where id = {n}\""]),
                    "lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for n in range(1, count + 1)]

    def ids():
        """Of these requests, whatever else may wait for bob."""
        found = re.split(r"(?m)^request +([0-9A-HJKMNP-TV-Z]{8})\b", b.ssh("bob", "approvals").stdout)
        mine = [rid for rid, text in zip(found[1::2], found[2::2]) if "'quick " in text]
        return mine if len(mine) == count else None
    return held, wait_for("the requests", ids, timeout=60, every=0.3)


def audit_lines(b):
    """What ausearch shows of each session."""
    found = {}
    for line in b.ausearch("-m", "USER_START,USER_CMD,USER_ACCT,USER_END").splitlines():
        m = re.search(r"op=sallyport:(\w+) session=(\w+)", line)
        if m:
            found.setdefault(m.group(2), []).append((m.group(1), line))
    return found


def sandbox_noise(b, pids):
    """What the kernel's log has of these processes having been refused something by their sandbox."""
    kinds = re.compile(r"type=(?:LANDLOCK_\w+|SECCOMP|UNKNOWN\[142[34]\])")
    return [x for x in b.read("/var/log/audit/audit.log").splitlines()
            if kinds.match(x) and pids & set(re.findall(r"\bo?pid=([0-9]+)", x))]


def test_quick_sessions_are_in_the_kernels_log(b):
    """40 sessions of a few milliseconds, on a machine with other things to do: each with all that happened in it, said
    by the person's own login and not by the recorder for it."""
    assert b.has_audit, "an auditd of this machine's own is running: stop it for these tests"
    before = {s["id"] for s in sessions_of(b, "bob")}
    held, ids = hold_updates(b, 8)
    assert len(ids) == 8
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        work = [(("approve", rid), 1) for rid in ids] + [(("whoami",), 4)] * 4 + [(("approvals",), 4)] * 4
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda w: quick(b, *w), work))
    finally:
        for p in busy:
            p.kill()
            p.wait()
    assert not any(any(codes) for codes in done), done
    assert [p.wait(60) for p in held] == [0] * 8
    wait_for("the sessions to end", lambda: not b.session_pids())
    mine = [s for s in sessions_of(b, "bob") if s["id"] not in before]
    assert len(mine) >= 40
    wait_for("the last session in the log", lambda: all(len(audit_lines(b).get(s["id"], [])) >= 3 for s in mine), every=0.5)
    lines = audit_lines(b)
    for s in mine:
        seen = lines.get(s["id"], [])
        wanted = {"session_open", "command", "session_close"} | ({"decide"} if s["command"].startswith("approve ") else set())
        assert {op for op, _ in seen} == wanted, (s, seen)
        for _, line in seen:
            assert re.search(r"\buid=bob auid=bob ses=[0-9]", line) and "person_uid" not in line, line
        assert len({re.search(r"\bses=([0-9]+)", line).group(1) for _, line in seen}) == 1, seen
    ours = {re.search(r"\bpid=([0-9]+)", line).group(1) for s in mine for _, line in lines[s["id"]]}
    ours |= {pid for sid, pid in re.findall(r"session (\w{26}): .*, pid ([0-9]+)", b.read("/var/log/sallyportd.log"))
             if sid in {s["id"] for s in mine}}
    assert len(ours) >= 80 and not sandbox_noise(b, ours)


def test_the_emitter_is_in_its_sandbox(b):
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    (pid,) = emitters(b)
    status = dict(line.split(":\t", 1) for line in b.read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << 29 and not int(status["CapInh"], 16), status
    child.sendline(r"\q")
    child.expect(pexpect.EOF)


# --- who may look, and that it is on record ------------------------------------------------------------------


@pytest.fixture(scope="module")
def reviewer(shared):
    """An account of this machine that may read the records, and nothing else."""
    shared.run(["sh", "-c", "id reviewer 2>/dev/null || useradd -m -s /bin/bash -G sallyport-recorder reviewer"])
    return "reviewer"


def last_of(b, user):
    return max(s["id"] for s in sessions_of(b, user))


def watches(b, sid):
    chain = [json.loads(line.rsplit(" ", 1)[0]) for line in b.read("/var/log/sallyport/chain").splitlines()]
    return [e for e in chain if e["type"] == "watch" and e["session"] == sid]


def watch_lines(b, sid, action):
    return [x for x in b.ausearch("-m", "USER_CMD").splitlines() if f"op=sallyport:watch session={sid} how={action} " in x]


def test_replay_and_export_are_on_record(b, reviewer):
    assert b.psql("alice", "select 6 * 7", "-A", "-t").stdout == "42\n"
    sid, uid = last_of(b, "alice"), int(b.run(["id", "-u", reviewer]).stdout)
    assert watches(b, sid) == []
    for action, words in (("events", ["replay", sid, "--events"]), ("text", ["replay", sid, "--text"]),
                          ("export", ["export", sid, "--format", "json"])):
        done = b.run(["sallyport", *words], user=reviewer, check=False)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        seen = watches(b, sid)
        assert [e["uid"] for e in seen] == [uid] * len(seen) and seen[-1]["action"] == action
        said = wait_for("the kernel's record of it", lambda a=action: watch_lines(b, sid, a))
        assert len(said) == 1 and f"person_uid={uid} " in said[0] and "uid=sallyport-recorder" in said[0]
    assert len(watches(b, sid)) == 3
    verify = b.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr
    # Where the recorder cannot be told, the one who looks is.
    b.stop_daemon("recorder")
    try:
        done = b.run(["sallyport", "replay", sid, "--text"], user=reviewer, check=False)
        assert done.returncode == 0 and f"of {sid} is not on record" in done.stderr
    finally:
        b.start_daemon("recorder")
        b.wait_ready("recorder")
    assert len(watches(b, sid)) == 3


def test_only_reviewers_read_records(b, reviewer):
    assert b.psql("alice", "select 6 * 7", "-A", "-t").stdout == "42\n"
    sid = last_of(b, "alice")
    folder = b.run(["sh", "-c", f"echo /var/log/sallyport/2*/*/*/{sid}"]).stdout.strip()
    for bits in ("/007", "/020"):  # others: nothing; the group: no writing
        assert b.run(["find", "/var/log/sallyport", "-perm", bits]).stdout == ""
    assert sid in b.run(["sallyport", "sessions"], user=reviewer).stdout
    assert b.run(["cat", folder + "/manifest"], user=reviewer).stdout
    for attempt in (f"rm -rf {folder}", f"echo x >>{folder}/events", f"touch {folder}/x", "echo x >>/var/log/sallyport/chain",
                    "cat /var/lib/sallyport/recorder/signing.key"):
        assert b.run(["sh", "-c", attempt], user=reviewer, check=False).returncode != 0, attempt
    for who in ("alice", "lap-alice", "sallyport-session", "sallyport-control"):
        for attempt in (f"ls {folder}", f"cat {folder}/manifest", "cat /var/log/sallyport/chain", f"sallyport replay {sid} --text",
                        f"sallyport export {sid} --format json", "sallyport sessions"):
            done = b.run(["sh", "-c", attempt], user=who, check=False)
            assert done.returncode != 0 and "42" not in done.stdout and sid not in done.stdout, (who, attempt, done.stdout)
    assert watches(b, sid) == []
    verify = b.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr


def status_of(b, user=None):
    done = b.run(["sallyport", "status"], user=user, check=False)
    return done.returncode, dict(line.split(None, 1) for line in done.stdout.splitlines())


def test_status(b, reviewer):
    code, said = status_of(b)
    recorder = json.loads(said["recorder"])
    assert code == 0 and sorted(said) == ["control", "identity", "recorder", "sallyportd"]
    assert recorder["state"] == "ok" and recorder["audit"] is True and recorder["reason"] == ""
    assert recorder["chain_n"] == len(b.read("/var/log/sallyport/chain").splitlines())
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    assert json.loads(status_of(b)[1]["recorder"])["sessions"] == recorder["sessions"] + 1
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    for who in (reviewer, "lap-alice"):
        code, said = status_of(b, who)
        assert code == 1 and not any(s.startswith("{") for s in said.values()), said
    b.stop_daemon("control")
    try:
        code, said = status_of(b)
        assert code == 1 and said["control"] == "is not running" and said["recorder"].startswith("{")
    finally:
        b.start_daemon("control")
        b.wait_ready("control")
