# SPDX-License-Identifier: Apache-2.0
"""P3 with durability: disk, and the kernel's audit system: nothing runs before it knows of the session.

The witness is PostgreSQL's own log, as in test_crash.py.
"""
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
from test_crash import check_masked, check_witness, load_of

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


def test_without_an_emitter_a_terminal_is_told_and_ends(own):
    """What cannot be put on record is not shown, and that includes what a person types."""
    child = own.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    try:
        lose_emitter(own)
        child.sendline("select /* run9103-s0 */ 1;")
        child.expect("the kernel's audit system cannot be told of this session")
        child.expect(pexpect.EOF)
    finally:
        set_emitter(own, True)
    assert not asked(own, "run9103")


def test_a_closed_connection_leaves_a_closed_record(own):
    """The emitter dies with the connection: that is no fault of the record's."""
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
        wait_for("the first statement", lambda: asked(own, f"run{9200 + run * 10}-"), every=0.02)
        time.sleep(run * 0.03)
        own.kill("recorder")
    thread = threading.Thread(target=strike)
    thread.start()
    done = own.ssh("alice", "psql orders -X -A -t", stdin=load, timeout=90)
    thread.join()
    own.wait_ready("recorder")
    check_masked(done.stdout + done.stderr)
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
    check_masked(done.stdout + done.stderr)
    wait_for("statements to run again", lambda: own.psql("alice", "select 1", "-A", "-t").stdout == "1\n", every=1)
    assert check_witness(own)
    verify = own.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr
