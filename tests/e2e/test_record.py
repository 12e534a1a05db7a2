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
    wait_for("another emitter", lambda: [p for p in emitters(own) if p not in before], timeout=3)
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
    wait_for("a closed record", lambda: states() == ["closed"], timeout=5, every=0.2)


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
        text = b.ssh("bob", "approvals").stdout
        return re.findall(r"\b[0-9A-Z]{8}\b", text) if text.count("quick ") == count else None
    return held, list(dict.fromkeys(wait_for("the requests", ids, timeout=60, every=0.3)))


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
