# SPDX-License-Identifier: Apache-2.0
"""P1 and P3 by force: kill -9 of each process, a full disk, no recorder, at seeded moments under load.

The witness is PostgreSQL's own log: each statement that the server was asked to run must be in the record, and
no unmasked byte may have reached the client. SALLYPORT_CRASH_RUNS runs (200), SALLYPORT_CRASH_SEED (1).
"""
import os
import random
import re
import signal
import threading
import time

import pytest

import bastion
from bastion import wait_for

RUNS = int(os.environ.get("SALLYPORT_CRASH_RUNS", "200"))
SEED = int(os.environ.get("SALLYPORT_CRASH_SEED", "1"))
BATCH = 20  # runs a test
STATEMENTS = 40  # of one run
TARGETS = ("recorder", "control", "sallyportd", "identity", "session", "stop-recorder")
MARK = re.compile(r"/\* (run\d+-s\d+) \*/")


@pytest.fixture(scope="module")
def own():
    """A bastion of its own: what happens here leaves traces."""
    bad = bastion.Bastion(log_size="48m")
    try:
        bad.start()
        bad.login("alice")
    except Exception as e:  # pylint: disable=broad-except
        bad.stop()
        pytest.fail(f"the bastion did not start: {e}", pytrace=False)
    yield bad
    bad.stop()


def load_of(run):
    """A script for psql: statements that can be told apart in the server's log and in the record."""
    return "\n".join([r"\set ON_ERROR_STOP off"] +
                     [f"select /* run{run}-s{i} */ name, email, ssn, card from customers where id = {1 + i % 3};"
                      for i in range(STATEMENTS)]) + "\n"


def strike(b, target, rng):
    time.sleep(rng.uniform(0.05, 0.9))
    if target == "session":
        for pid in b.session_pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    elif target == "stop-recorder":
        b.stop_daemon("recorder")
        time.sleep(rng.uniform(0.1, 1.5))
        b.start_daemon("recorder")
    else:
        b.kill(target)


def recorded_marks(b):
    """Every statement mark that the records of this bastion hold."""
    found = set()
    for path in b.run(["sh", "-c", "ls -d /var/log/sallyport/2*/*/*/*"], check=False).stdout.split():
        done = b.sallyport("replay", "--events", os.path.basename(path), check=False)
        found |= set(MARK.findall(done.stdout))
    return found


def check_witness(b):
    asked = {m for s in b.pg_log() for m in MARK.findall(s)}
    held = wait_for("the record to hold what the server was asked",
                    lambda: (lambda r: r if asked <= r else None)(recorded_marks(b)), every=0.5) if asked else set()
    assert asked <= held, f"the server ran what is not recorded: {sorted(asked - held)[:5]}"
    return asked


def check_masked(output):
    for secret in bastion.SECRETS_IN_ROWS:
        assert secret not in output, "an unmasked value reached the client"


@pytest.mark.parametrize("batch", range((RUNS + BATCH - 1) // BATCH))
def test_kill_nine_under_load(own, batch):
    done_some = 0
    for run in range(batch * BATCH, min((batch + 1) * BATCH, RUNS)):
        rng = random.Random(SEED * 100003 + run)
        target = TARGETS[run % len(TARGETS)]
        thread = threading.Thread(target=strike, args=(own, target, rng))
        thread.start()
        done = own.ssh("alice", "psql orders -X -A -t", stdin=load_of(run), timeout=90)
        thread.join()
        check_masked(done.stdout + done.stderr)
        done_some += done.stdout.count("|")
        for name in bastion.DAEMONS:
            own.wait_ready(name)
    assert done_some, "no statement ever ran: this proves nothing"
    assert check_witness(own)
    verify = own.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr


def test_a_stopped_recorder_stops_statements(own):
    own.stop_daemon("recorder")
    try:
        before = len(own.pg_log())
        done = own.psql("alice", "select /* run9000-s0 */ 1", timeout=60)
        assert done.returncode != 0 and done.stderr.strip()
        assert not any("run9000" in s for s in own.pg_log()[before:])
    finally:
        own.start_daemon("recorder")


def test_recorder_stops_in_the_middle_of_a_session(own):
    own.wait_ready("recorder")
    child = own.ssh_tty("alice", "psql", "orders", timeout=40)
    child.expect("orders=> ")
    own.stop_daemon("recorder")
    try:
        child.sendline("select /* run9001-s0 */ 1;")
        child.expect("ERROR|FATAL|refused|record")
    finally:
        own.start_daemon("recorder")
    child.close(force=True)
    check_witness(own)


def test_full_disk_refuses_new_statements_and_loses_nothing(own):
    own.wait_ready("recorder")
    child = own.ssh_tty("alice", "psql orders --pset=pager=off", timeout=40)
    child.expect("orders=> ")
    own.run(["sh", "-c", "dd if=/dev/zero of=/var/log/sallyport/.fill bs=64k; dd if=/dev/zero of=/var/log/sallyport/.fill2 bs=1"],
            check=False)
    try:
        refused = False
        for i in range(60):
            child.sendline(f"select /* run9002-s{i} */ repeat(md5(g::text), 40) from generate_series(1, 400) g;")
            if child.expect([r"\(400 rows\)", "ERROR|FATAL|refused|disk|record"]) == 1:
                refused = True
                break
            child.expect("orders=> ")
        assert refused, "statements still run while nothing can be written"
    finally:
        own.run(["sh", "-c", "rm -f /var/log/sallyport/.fill*"])
    child.close(force=True)
    check_witness(own)

    def runs_again():
        return own.psql("alice", "select 1", "-A", "-t").stdout == "1\n"
    wait_for("statements to run again", runs_again, every=1)
    verify = own.sallyport("verify", check=False)
    assert verify.returncode == 0, verify.stdout + verify.stderr
