# SPDX-License-Identifier: Apache-2.0
"""A session whose channels break, or whose sallyportd or control is not what it was."""
import subprocess
import time

import pexpect
import pytest

import bastion
from bastion import wait_for

PROMPT = "orders=[>#] "
PYTHON = ["/usr/bin/python3"]
STRAY = "/mnt/tests/e2e/stray.py"
FAKE = "/mnt/tests/e2e/fake_control.py"


@pytest.fixture
def psql(b):
    before = set(b.session_pids())
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    (child.session,) = set(b.session_pids()) - before
    yield child
    child.close(force=True)
    wait_for("the session to end", lambda: child.session not in b.session_pids())


def works(child, n):
    child.sendline(f"select {n} * 2 as n;")
    child.expect(rf"\b{n * 2}\b")
    child.expect(PROMPT)


def log_since(b, at, name="sallyportd"):
    return b.read(f"/var/log/{name}.log")[at:]


# --- sallyportd is being restarted ---------------------------------------------------------------------------


def while_away(b, act):
    """Does it with sallyportd stopped, which comes back a second and a half later."""
    b.stop_daemon("sallyportd")
    try:
        act()
        time.sleep(1.5)
    finally:
        b.start_daemon("sallyportd")
        b.wait_ready("sallyportd")


def test_a_new_login_at_the_database_waits_for_sallyportd(b, psql):
    """It needs the target's password, which sallyportd reads."""
    works(psql, 1)
    while_away(b, lambda: psql.sendline(r"\c"))
    psql.expect("You are now connected")
    psql.expect(PROMPT)
    works(psql, 2)


def test_a_statement_that_needs_the_catalogs_waits_for_sallyportd(b, psql):
    """Other columns are to be masked: the catalogs are read again, over a connection of the session's own."""
    works(psql, 3)

    def act():
        b.set_policy(bastion.POLICY_YAML.replace('"customers.email"', '"customers.email", "customers.name"'))
        time.sleep(1)  # until control has read it
        psql.sendline("select id, name from customers where id = 1;")

    while_away(b, act)
    psql.expect(PROMPT)
    assert "ERROR" not in psql.before and "1 |" in psql.before
    assert "Ada Young" not in psql.before


# --- bytes that are no message ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["to-session", "to-daemon"])
@pytest.mark.parametrize("daemon, called", [("recorder", "the recorder"), ("control", "control")])
def test_stray_bytes_cost_a_channel_and_not_the_session(b, psql, daemon, called, where):
    pid, at = b.pid(daemon), len(b.read("/var/log/sallyportd.log"))
    works(psql, 4)
    assert b.run(PYTHON + [STRAY, str(psql.session), str(pid), where]).stdout == "1\n"
    wait_for("another channel", lambda: f"has lost its channel to {called} and gets another one" in log_since(b, at))
    works(psql, 5)
    assert b.pid(daemon) == pid, "the daemon died"
    psql.sendline("update orders set amount = 1 where id = 1;")  # needs both: on record, and a request
    psql.expect("waiting for approval")
    psql.sendcontrol("c")
    psql.expect(PROMPT)


def test_not_without_end(b, psql):
    pid, at = b.pid("control"), len(b.read("/var/log/sallyportd.log"))
    b.run(PYTHON + [STRAY, str(psql.session), str(pid), "to-session", "13"], timeout=90)
    wait_for("the end of it", lambda: "has lost its channels too often to get another one now" in log_since(b, at))
    assert log_since(b, at).count("gets another one") == 12
    works(psql, 6)  # under the policy that it has


# --- a control that was taken over ------------------------------------------------------------------------------


def test_a_policy_that_is_not_what_its_digest_says(b, psql):
    """Neither open sessions nor sallyportd take it, and a new session has no policy."""
    works(psql, 8)
    at, session_at = (len(b.read(f"/var/log/{name}.log")) for name in ("sallyportd", "syslog"))
    b.run(PYTHON + [FAKE, "get", "/run/fake-policy"])
    b.run(["chmod", "644", "/run/fake-policy"])
    b.stop_daemon("control")
    fake = b.popen(PYTHON + [FAKE, "serve", "/run/fake-policy"], user="sallyport-control", stdout=subprocess.PIPE, text=True)
    try:
        assert fake.stdout.readline() == "serving\n"
        refused = "is refused: its bytes are not those that were announced"
        wait_for("sallyportd to refuse it", lambda: refused in log_since(b, at))
        works(psql, 9)
        done = b.psql("alice", "select 1")
        assert done.returncode != 0 and done.stdout == "", done.stdout
        assert refused in log_since(b, at) + log_since(b, session_at, "syslog")
    finally:
        fake.kill()
        fake.wait()
        fake.stdout.close()
        b.start_daemon("control")
        b.wait_ready("control")
    wait_for("the real one again", lambda: b.psql("alice", "select 41 + 1", "-At").stdout == "42\n")
    works(psql, 10)
    psql.sendline(r"\q")
    psql.expect(pexpect.EOF)
