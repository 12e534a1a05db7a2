# SPDX-License-Identifier: Apache-2.0
"""The package itself: what it installs, that it changes no login, that sallyport-enable takes back what fails."""
import pytest

import bastion
from bastion import wait_for

SSHD_STATE = ["sh", "-c", "cat /etc/pam.d/sshd /etc/ssh/sshd_config; ls /etc/ssh/sshd_config.d /etc/pam.d"]
SNIPPET = "/etc/ssh/sshd_config.d/00-sallyport.conf"


@pytest.fixture(scope="module", params=["RS256", "ES256", "EdDSA"])
def issuer(request):
    """A bastion with only the identity daemon, whose provider signs with this algorithm."""
    m = bastion.Bastion(alg=request.param, audit=False)
    try:
        m.prepare()
        m.configure()
        m.service("identity", unit=f"{bastion.UNITS}/sallyport-identity.service")
        m.wait_ready("identity")
        yield m
    finally:
        m.stop()


@pytest.fixture(scope="module")
def machine():
    m = bastion.Bastion(audit=False)
    try:
        m.prepare()
        yield m
    finally:
        m.stop()


@pytest.fixture
def m(machine):
    """As the package leaves it."""
    before = machine.run(SSHD_STATE).stdout
    yield machine
    machine.run(["rm", "-f", "/etc/sallyport/sallyport.yaml"])
    machine.run(["sallyport-enable", "--disable", "--quiet"])
    assert machine.run(SSHD_STATE).stdout == before


def refused(machine):
    before = machine.run(SSHD_STATE).stdout
    done = machine.run(["sallyport-enable"], check=False)
    assert done.returncode == 1
    assert machine.run(SSHD_STATE).stdout == before, "something stayed changed"
    return done.stderr


def test_installing_changes_no_login(m):
    text = m.run(SSHD_STATE).stdout
    assert "sallyport" not in text
    assert m.run(["sshd", "-T", "-C", "user=alice,host=h,addr=192.0.2.1,laddr=192.0.2.2,lport=22"]).stdout.count("forcecommand none") == 1


@pytest.mark.parametrize("path, want", [
    ("/etc/sallyport/secrets", "700 root root"), ("/etc/sallyport/policy.d", "750 root sallyport-control"),
    ("/var/log/sallyport", "750 sallyport-recorder sallyport-recorder"),
    ("/var/lib/sallyport/recorder", "700 sallyport-recorder sallyport-recorder"),
    ("/var/lib/sallyport/control", "700 sallyport-control sallyport-control"),
    ("/var/lib/sallyport/identity", "700 sallyport-identity sallyport-identity"),
    ("/run/sallyport", "755 root root"), ("/run/sallyport/recorder", "755 sallyport-recorder sallyport-recorder")])
def test_owners_and_modes(m, path, want):
    assert m.run(["stat", "-c", "%a %U %G", path]).stdout.strip() == want


def test_nothing_is_setuid_and_two_programs_have_capabilities(m):
    files = m.run(["sh", "-c", "dpkg -L sallyport | while read f; do [ -f \"$f\" ] && stat -c '%a %n' \"$f\"; done"]).stdout
    assert not [x for x in files.splitlines() if len(x.split()[0]) > 3]
    caps = m.run(["sh", "-c", "dpkg -L sallyport | xargs getcap"]).stdout
    assert sorted(caps.splitlines()) == [
        "/usr/libexec/sallyport/sallyport-audit cap_audit_write=ep",
        "/usr/libexec/sallyport/sallyport-exec cap_chown,cap_dac_override,cap_dac_read_search,cap_kill,cap_setgid,"
        "cap_setuid,cap_sys_ptrace,cap_sys_admin=ep"]


def test_accounts_cannot_log_in(m):
    for line in m.read("/etc/passwd").splitlines():
        if line.startswith("sallyport-"):
            assert line.endswith(":/usr/sbin/nologin"), line


def test_enable_wants_settings_first(m):
    assert "sallyport.yaml is missing" in refused(m)


def test_enable_and_disable(m):
    m.configure()
    before = m.run(SSHD_STATE).stdout
    assert m.run(["sallyport-enable", "--check"]).returncode == 0
    assert m.run(SSHD_STATE).stdout == before
    m.run(["sallyport-enable"])
    m.run(["sallyport-enable"])  # a second time is fine
    assert m.read("/etc/pam.d/sshd").count("@include sallyport") == 1
    effective = m.run(["sshd", "-T", "-C", "user=alice,host=h,addr=192.0.2.1,laddr=192.0.2.2,lport=22"]).stdout
    assert "forcecommand /usr/libexec/sallyport/sallyport-forcecmd" in effective
    for who in ("root", "ops"):
        effective = m.run(["sshd", "-T", "-C", f"user={who},host=h,addr=192.0.2.1,laddr=192.0.2.2,lport=22"]).stdout
        assert "forcecommand none" in effective, who
    m.run(["sallyport-enable", "--disable"])
    assert m.run(SSHD_STATE).stdout == before


def shell_of(machine, user):
    return machine.run(["getent", "passwd", user]).stdout.strip().split(":")[6]


def test_enable_tells_and_sets_login_shells(m):
    """sshd runs the forced command through the login shell: sallyportd refuses people with another one."""
    m.configure()
    m.run(["usermod", "-s", "/bin/bash", "alice"])
    m.run(["usermod", "-s", "/usr/sbin/nologin", "carol"])
    try:
        done = m.run(["sallyport-enable"])
        assert "  alice:/bin/bash\n" in done.stderr and "--shells" in done.stderr
        assert not any(f"  {name}:" in done.stderr for name in ("ops", "bob", "carol", "root"))
        assert shell_of(m, "alice") == "/bin/bash"
        done = m.run(["sallyport-enable", "--shells"])
        assert "alice" not in done.stderr
        assert (shell_of(m, "alice"), shell_of(m, "carol")) == (bastion.FORCECMD, "/usr/sbin/nologin")
        assert shell_of(m, "ops") == "/bin/bash"
        m.run(["sallyport-enable", "--shells"])  # a second time is fine
        m.run(["usermod", "-s", "/bin/sh", "lap-bob"])  # changed since: stays so
        m.run(["sallyport-enable", "--disable"])
        assert (shell_of(m, "alice"), shell_of(m, "bob"), shell_of(m, "lap-bob")) == ("/bin/bash", bastion.FORCECMD, "/bin/sh")
    finally:
        for user in ("alice", "carol"):
            m.run(["usermod", "-s", bastion.FORCECMD, user])
        m.run(["usermod", "-s", "/bin/bash", "lap-bob"])


def test_enable_refuses_variables_from_clients(m):
    m.configure()
    m.write("/etc/ssh/sshd_config.d/50-env.conf", "AcceptEnv LD_*\n")
    try:
        assert "AcceptEnv" in refused(m)
    finally:
        m.run(["rm", "/etc/ssh/sshd_config.d/50-env.conf"])


def test_enable_refuses_without_an_administrator(m):
    m.configure()
    m.run(["mv", "/home/ops/.ssh/authorized_keys", "/home/ops/keys"])
    try:
        assert "nobody could log in" in refused(m)
        m.run(["sallyport-enable", "--check", "--console-only"])
    finally:
        m.run(["mv", "/home/ops/keys", "/home/ops/.ssh/authorized_keys"])


@pytest.mark.parametrize("what, text, reason", [
    ("an earlier file opens a door", "Match All\n\tAllowTcpForwarding yes\n", "allowtcpforwarding yes"),
    ("an earlier forced command", "Match User carol\n\tForceCommand /bin/true\n", "forcecommand /bin/true"),
    ("administrators would be caught", "ForceCommand /bin/true\n", "would be caught"),
    ("a door for one person", "Match User carol\n\tX11Forwarding yes\n", "x11forwarding yes"),
    ("another command for keys", "Match User bob\n\tAuthorizedKeysCommandUser root\n", "authorizedkeyscommanduser root"),
    ("a broken file", "NoSuchKeyword yes\n", "NoSuchKeyword")])
def test_enable_takes_everything_back(m, what, text, reason):
    m.configure()
    m.write("/etc/ssh/sshd_config.d/00-aaa.conf", text)
    try:
        assert reason in refused(m), what
    finally:
        m.run(["rm", "/etc/ssh/sshd_config.d/00-aaa.conf"])


def test_enable_notices_that_the_folder_is_not_included(m):
    m.configure()
    m.run(["sed", "-i", "s/^Include/#Include/", "/etc/ssh/sshd_config"])
    try:
        assert "forcecommand" in refused(m)
    finally:
        m.run(["sed", "-i", "s/^#Include/Include/", "/etc/ssh/sshd_config"])


@pytest.mark.parametrize("key", ["ecdsa", "ed25519"])
def test_a_real_providers_token_becomes_one_line_for_sshd(issuer, key):
    issuer.login("alice", key=key)
    ask = ("set -- $(cat /home/lap-alice/.ssh/op/id-cert.pub); exec setpriv --reuid sallyport-authkeys --regid sallyport-authkeys "
           "--clear-groups /usr/libexec/sallyport/sallyport-authkeys %s $1 $2")
    line = wait_for("the provider's keys", lambda: issuer.run(["sh", "-c", ask % "alice"]).stdout)
    assert line.startswith("restrict,") and line.count("\n") == 1
    assert 'principals="opkssh-wildcard"' in line and "expiry-time=" in line
    assert issuer.run(["sh", "-c", ask % "bob"]).stdout == "", "alice's certificate opened bob's account"


def test_remove_and_purge(machine):
    """Last, for it takes the package away."""
    machine.configure()
    machine.run(["sallyport-enable"])
    machine.run(["sh", "-c", "echo evidence >/var/log/sallyport/kept"])
    machine.run(["dpkg", "-r", "sallyport"], timeout=120)
    assert "@include sallyport" not in machine.read("/etc/pam.d/sshd")
    assert machine.run(["test", "-e", SNIPPET], check=False).returncode != 0
    machine.run(["dpkg", "-P", "sallyport"], timeout=120)
    assert machine.read("/var/log/sallyport/kept") == "evidence\n"
    machine.install()
