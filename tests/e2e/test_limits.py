# SPDX-License-Identifier: Apache-2.0
"""A connection's idle and max, as the policy in force says them; built-in commands while control is away."""
import re
import subprocess
import time

import pexpect
import pytest
from pexpect.popen_spawn import PopenSpawn

import bastion
from bastion import plain, wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
PROMPT = "orders=[>#] "


def limited(b, words):
    text = bastion.POLICY_YAML.replace("    durability: process\n", f"    durability: process\n    {words}\n")
    assert text != bastion.POLICY_YAML
    said = len(b.read("/var/log/control.log"))
    b.set_policy(text)
    wait_for("the policy to be taken", lambda: "policy" in b.read("/var/log/control.log")[said:])


def open_psql(b, *options):
    child = b.ssh_tty("alice", "psql", "orders", *options)
    child.expect(PROMPT)
    return child


def hold_orders(b, seconds):
    """Nobody reads the table for so long: a statement on it runs until then."""
    p = b.popen(["psql", "-X", "-h", "/run/pg-e2e", "-d", "orders", "-c",
                 f"begin; lock table orders in access exclusive mode; select pg_sleep({seconds}); commit"], user="postgres",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_for("the lock", lambda: "1\n" == b.db(
        "select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'orders'::regclass", "orders").stdout)
    return p


def end_of(child, timeout=15):
    """What is shown until the session is over, and its exit status."""
    child.expect(pexpect.EOF, timeout=timeout)
    child.close()
    return plain(child.before), child.exitstatus


def events(b):
    """Of the newest session."""
    return b.sallyport("replay", "--events", max(ULID.findall(b.sallyport("sessions").stdout))).stdout


def test_an_idle_session_is_warned_and_ended(b):
    limited(b, "idle: 4s")
    child = open_psql(b)
    start = time.monotonic()
    child.send("x")  # idle from here, whenever psql was ready
    child.expect("is idle and ends in [12] second")
    assert 1.9 < time.monotonic() - start < 3.9
    text, status = end_of(child)
    assert 3.9 < time.monotonic() - start < 9
    assert "was idle for 4 seconds, the limit of orders" in text and status == 254
    recorded = events(b)
    assert "is idle and ends in" in recorded and "was idle for 4 seconds" in recorded
    assert wait_for("the process to go", lambda: not b.session_pids()) is True


def test_typing_and_statements_keep_it_open(b):
    limited(b, "idle: 4s")
    child = open_psql(b)
    for _ in range(4):
        time.sleep(1.5)
        child.send("x")  # no statement: typing alone
    child.send("\x15")
    with hold_orders(b, 7):
        child.sendline("select count(*), 'came through' from orders;")
        child.expect(r"came through.*\(1 row\)", timeout=30)
        child.expect(PROMPT)
    text, _ = end_of(child)
    assert "was idle for 4 seconds" in text


def test_a_script_is_idle_when_nothing_runs(b):
    limited(b, "idle: 3s")
    argv = b.argv(b.ssh_argv("alice", ["psql orders -X -A -t"]), "lap-alice")
    p = PopenSpawn(argv, timeout=15, encoding="utf-8")
    p.sendline("select 'one';")
    p.expect("one")
    time.sleep(1.5)
    with hold_orders(b, 5):
        p.sendline("select 'two' from orders limit 1;")
        p.expect("two")
        start = time.monotonic()
    p.expect(pexpect.EOF)
    assert 1.5 < time.monotonic() - start < 10
    assert p.wait() == 254


def test_no_session_is_longer_than_max(b):
    limited(b, "max: 6s")
    child = open_psql(b)
    start = time.monotonic()
    with hold_orders(b, 12):
        child.sendline("select 'never seen' || '.' from orders;")
        child.expect("has been open for long and ends in [123] second")
        text, status = end_of(child)
        assert time.monotonic() - start < 11 and status == 254
        assert "has been open for 6 seconds, the limit of orders" in text
        assert "has been open for 6 seconds" in events(b)


def test_a_limit_holds_for_sessions_already_open(b):
    child = open_psql(b)
    limited(b, "idle: 2s")
    text, _ = end_of(child)
    assert "was idle for 2 seconds" in text


def test_a_rule_has_limits_too(b):
    """The shorter one of the connection's and the rule's, and the words that the rule has to say first."""
    said = len(b.read("/var/log/control.log"))
    b.set_policy(bastion.POLICY_YAML.replace("    durability: process\n", "    durability: process\n    idle: 10m\n").replace(
        "    do: { sql: [select, show, explain] }\n",
        "    do: { sql: [select, show, explain] }\n    session: { idle: 3s, max: 1h, banner: Readers are being watched. }\n"))
    wait_for("the policy to be taken", lambda: "policy" in b.read("/var/log/control.log")[said:])
    child = open_psql(b)
    assert "Readers are being watched." in plain(child.before)
    text, status = end_of(child)
    assert "was idle for 3 seconds, the limit of orders" in text and status == 254
    assert "Readers are being watched." in events(b)


def test_without_limits_nothing_ends(b):
    child = open_psql(b)
    time.sleep(5)
    child.sendline("select 6 * 7;")
    child.expect("42")
    child.close(force=True)


def took(b, command, status):
    start = time.monotonic()
    done = b.ssh("alice", command)
    assert done.returncode == status, done.stdout + done.stderr
    return time.monotonic() - start


# --- control is away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command, status", [("whoami", 0), ("help", 0), ("connections", 1), ("approvals", 1), ("nosuch", 1),
                                             ("psql orders", 1)])
def test_without_control_an_answer_comes_at_once(b, command, status):
    b.stop_daemon("control")
    try:
        wait_for("sallyportd to miss control", lambda: took(b, "whoami", 0) < 2.0)
        # The quickest of three: a machine with other things to do is slow at times, but what waits 2 s does so each time.
        way = min(took(b, "whoami", 0) for _ in range(3))
        assert min(took(b, command, status) for _ in range(3)) < way + 1.0
    finally:
        b.start_daemon("control")
        b.wait_ready("control")
    wait_for("the policy", lambda: b.psql("alice", "select 1").returncode == 0, every=0.3)
