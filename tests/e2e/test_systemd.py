# SPDX-License-Identifier: Apache-2.0
"""The package under a real systemd: the units as they are, with all that they take away from the daemons.

The private root of bastion.py is booted by systemd-nspawn in a pid namespace of its own, in the same network. The
kernel's audit daemon works only outside of pid namespaces, so there is none here.
"""
import glob
import os
import shutil
import subprocess

import pytest

import bastion
from bastion import wait_for

pytestmark = pytest.mark.skipif(not shutil.which("systemd-nspawn"), reason="needs systemd-nspawn (package systemd-container)")
PREPARE = """set -e; rm -rf /usr/sbin/policy-rc.d /etc/systemd/system/*.wants /etc/systemd/system/*.requires; mkdir -p /mnt/boot
systemctl --root=/ enable ssh.service "$@" 2>/dev/null; mount --bind / /mnt/boot"""
# nspawn's own filter knows no Landlock, and a bastion's bubblewrap reads /proc/sys: as on a machine, neither is in the way.
REPACK, TIMER = "sallyport-repack.service", "sallyport-repack.timer"
ENV = ["env", "SYSTEMD_SECCOMP=0", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=1"]
BOOT = ["systemd-nspawn", "-D", "/mnt/boot", "--register=no", "--keep-unit", "--capability=all", "--bind=/home", "--bind=/var/log",
        "--bind-ro=/mnt/deb:/mnt/deb", "-b", "--console=pipe", "systemd.unit=multi-user.target", "systemd.log_target=journal"]


def children(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path, encoding="ascii") as f:
                found += [int(p) for p in f.read().split()]
        except OSError:
            pass
    return found


def init_of(pid):
    """The systemd below that is the first of its pid namespace, or None."""
    for child in children(pid):
        try:
            with open(f"/proc/{child}/status", encoding="ascii") as f:
                ids = next(line for line in f if line.startswith("NSpid:")).split()[1:]
            if len(ids) > 1 and ids[-1] == "1" and os.path.basename(os.readlink(f"/proc/{child}/exe")) == "systemd":
                return child
        except (OSError, StopIteration):
            continue
        below = init_of(child)
        if below:
            return below
    return None


class Machine:
    def __init__(self, b):
        self.b, self.init = b, None
        units = {os.path.basename(p) for p in b.run(["dpkg", "-L", "sallyport"]).stdout.split() if p.startswith(bastion.UNITS + "/")}
        self.units = sorted(units - {REPACK, TIMER})
        b.run(["sh", "-c", PREPARE, "-", *self.units, TIMER])
        self.log = open(b.out + "/boot.log", "w", encoding="utf-8")  # pylint: disable=consider-using-with
        self.nspawn = b.popen([*ENV, *BOOT], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    def boot(self):
        def booted():
            assert self.nspawn.poll() is None, "systemd-nspawn ended"
            self.init = self.init or init_of(self.nspawn.pid)
            return self.init and self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")
        wait_for("systemd to be up", booted)

    def run(self, *argv, timeout=60):
        return subprocess.run(["nsenter", "-t", str(self.init), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *argv],
                              capture_output=True, text=True, timeout=timeout, check=False)

    def active(self):
        return dict(zip(self.units, self.run("systemctl", "is-active", *self.units).stdout.split()))

    def journal(self, *argv):
        return self.run("journalctl", "-b", "--no-pager", *argv).stdout

    def stop(self):
        if self.init:
            self.run("systemctl", "poweroff")
        try:
            self.nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()
        self.log.close()


@pytest.fixture(scope="module")
def b():
    made = bastion.Bastion(audit=False)
    try:
        made.prepare()
        made.configure()
        made.enable()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def m(b):
    machine = Machine(b)
    try:
        try:
            machine.boot()
        except (AssertionError, bastion.BastionError) as e:
            with open(machine.log.name, encoding="utf-8", errors="replace") as f:
                pytest.skip(f"systemd does not boot in a container here: {e}: {f.read()[-300:]}")
        yield machine
    finally:
        machine.stop()


def all_active(m):
    try:
        wait_for("all units", lambda: set(m.active().values()) == {"active"})
    except bastion.BastionError as e:
        raise AssertionError(f"{m.active()}\n{m.journal('-n', '60')}") from e


def test_every_unit_runs(m):
    all_active(m)
    assert m.run("systemctl", "is-system-running").stdout.strip() == "running", m.run("systemctl", "--failed").stdout
    restarts = m.run("systemctl", "show", "-p", "NRestarts", "--value", *m.units).stdout.split()
    assert restarts == ["0"] * len(m.units), m.journal("-p", "warning", "-n", "40")


def test_people_work(b, m):
    b.login("alice")
    who = b.ssh("alice", "whoami")
    assert who.returncode == 0 and "alice@example.com" in who.stdout, who.stderr + m.journal("-n", "40")
    done = b.ssh("alice", "psql", "orders", "-Atc", "'select count(*) from orders'")
    assert done.stdout == "50\n", done.stderr + m.journal("-n", "40")
    assert "psql orders" in m.run("sallyport", "sessions", "--user", "alice").stdout
    assert m.run("sallyport", "verify").stdout.startswith("verified"), m.run("sallyport", "verify")
    assert m.run("sallyport", "status").returncode == 0


def test_closed_records_are_made_smaller(b, m):
    assert b.ssh("alice", "psql", "orders", "-c", "'select g from generate_series(1, 2000) g'").returncode == 0
    wait_for("the session to be closed", lambda: not b.session_pids())
    before = b.sallyport("sessions", "--user", "alice", "--json").stdout
    size = b.run(["du", "-sb", "/var/log/sallyport"]).stdout.split()[0]
    assert m.run("systemctl", "is-active", TIMER).stdout == "active\n"
    done = m.run("systemctl", "start", REPACK)
    said = m.journal("-u", REPACK)
    assert done.returncode == 0 and "records were made smaller" in said and "; 0 stay as they are" in said, said
    assert int(b.run(["du", "-sb", "/var/log/sallyport"]).stdout.split()[0]) < int(size)
    assert m.run("sallyport", "verify").stdout.startswith("verified"), m.run("sallyport", "verify")
    assert b.sallyport("sessions", "--user", "alice", "--json").stdout == before


def test_an_upgrade_restarts_them(b, m):
    before = {u: m.run("systemctl", "show", "-p", "MainPID", "--value", u).stdout.strip() for u in m.units}
    done = m.run("dpkg", "-i", "/mnt/deb/" + os.path.basename(b.deb), timeout=120)
    assert done.returncode == 0, done.stderr
    all_active(m)
    after = {u: m.run("systemctl", "show", "-p", "MainPID", "--value", u).stdout.strip() for u in m.units}
    assert all(before[u] != after[u] for u in m.units), (before, after)
    assert b.ssh("alice", "psql", "orders", "-Atc", "'select 1'").stdout == "1\n"


def test_stopped_is_refused_and_started_works(b, m):
    m.run("systemctl", "stop", "sallyport-recorder.service")
    refused = b.ssh("alice", "psql", "orders", "-Atc", "'select 1'")
    assert refused.returncode != 0 and refused.stdout == "" and "recorder" in refused.stderr
    m.run("systemctl", "start", "sallyport-recorder.service")
    all_active(m)
    assert b.ssh("alice", "psql", "orders", "-Atc", "'select 1'").stdout == "1\n"
