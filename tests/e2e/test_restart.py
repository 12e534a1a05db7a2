# SPDX-License-Identifier: Apache-2.0
"""P11: an open psql lives through the restart of each daemon, and through an upgrade of the package."""
import re
import signal

import pexpect
import pytest

import bastion
from bastion import wait_for

PROMPT = "orders=[>#] "

@pytest.fixture
def psql(b):
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect(PROMPT)
    child.sendline("select 40 + 2 as n;")
    child.expect("42")
    child.expect(PROMPT)
    yield child
    child.close(force=True)


def still_works(child, n):
    child.sendline(f"select {n} * 2 as n;")
    child.expect(rf"\b{n * 2}\b")
    child.expect(PROMPT)
    child.sendline("select name from customers where id = 1;")
    child.expect("Ada Young")
    child.expect(PROMPT)


def login_now(b):
    """No grace: who comes while something is being restarted is let in too."""
    done = b.ssh("alice", "whoami")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", bastion.DAEMONS)
def test_restart_leaves_sessions_alive(b, psql, name):
    b.restart(name)
    login_now(b)
    still_works(psql, 111)
    psql.sendline(r"\q")
    psql.expect(pexpect.EOF)
    psql.close()
    assert psql.exitstatus == 0


@pytest.mark.parametrize("name", bastion.DAEMONS)
def test_kill_leaves_sessions_alive(b, psql, name):
    old = b.pid(name)
    b.kill(name, signal.SIGKILL)
    login_now(b)
    still_works(psql, 222)
    b.wait_back(name, old)
    login_now(b)
    still_works(psql, 333)


def test_live_session_while_identity_and_idp_are_down(b, psql):
    b.stop_daemon("identity")
    b.stop_daemon("idp")
    try:
        still_works(psql, 444)
        refused = b.ssh("bob", "whoami")
        assert refused.returncode != 0, "a login was let in that nobody could verify"
    finally:
        b.start_daemon("idp")
        b.start_daemon("identity")


def test_what_ended_while_sallyportd_was_away_is_over(b, psql):
    """At once when it is back, for the person, for the limits and for the record."""
    pids = wait_for("the session alone", lambda: len(b.session_pids()) == 1 and b.session_pids())
    (sid,) = [text.split()[0] for text in re.split(r"(?m)^session ", b.ssh("alice", "sessions").stdout)[1:] if "this one" not in text]
    b.stop_daemon("sallyportd")
    b.run(["kill", "-KILL", str(pids[0])])
    b.start_daemon("sallyportd")
    b.wait_ready("sallyportd")
    said = f"session {sid} of alice has ended meanwhile"
    wait_for(said, lambda: said in b.read("/var/log/sallyportd.log"), timeout=10)
    wait_for("it to be listed no more", lambda: sid not in b.ssh("alice", "sessions").stdout, timeout=10)
    wait_for("its record to be closed", lambda: sid in b.sallyport("sessions", "--state", "crashed").stdout, timeout=10)


def test_upgrade_leaves_sessions_alive(b, psql):
    """A newer version of the package, with an open psql in a transaction; its daemons are restarted as its postinst asks."""
    installed = ["dpkg-query", "-W", "-f", "${Version}", "sallyport"]
    old = b.run(installed).stdout
    psql.sendline("begin isolation level repeatable read; select now(), 'before' as w;")
    psql.expect(r"(20\S+ \S+) \| before")
    began = psql.match.group(1)
    psql.expect(r"orders=\*[>#] ")
    b.install(b.newer_deb())
    new = b.run(installed).stdout
    assert b.run(["dpkg", "--compare-versions", new, "gt", old], check=False).returncode == 0, (old, new)
    for name in bastion.DAEMONS:
        b.restart(name)
    login_now(b)
    psql.sendline("select now(), 'after' as w;")
    psql.expect(r"(20\S+ \S+) \| after")
    assert psql.match.group(1) == began, "the transaction was lost"
    psql.expect(r"orders=\*[>#] ")
    psql.sendline("commit;")
    psql.expect("COMMIT")
    psql.expect(PROMPT)
    still_works(psql, 555)
    assert "cap_audit_write" in b.run(["getcap", "/usr/libexec/sallyport/sallyport-audit"]).stdout


def test_remove_gives_sshd_back(b):
    """Removing the package takes Sallyport out of sshd, so that nobody is locked out."""
    child = bastion.Bastion(audit=False)
    del b
    try:
        child.start()
        child.run(["dpkg", "-r", "sallyport"], timeout=120)
        child.kill("sshd", signal.SIGHUP)
        wait_for("a plain login", lambda: child.ssh("ops", "true").returncode == 0)
        assert child.run(["sh", "-c", "ls /etc/ssh/sshd_config.d; grep -c sallyport /etc/pam.d/sshd"], check=False).stdout == "0\n"
        child.run(["dpkg", "-P", "sallyport"], timeout=120)
        assert child.run(["test", "-d", "/var/log/sallyport"], check=False).returncode == 0, "records were thrown away"
    finally:
        child.stop()
