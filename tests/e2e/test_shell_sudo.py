# SPDX-License-Identifier: Apache-2.0
"""sudo inside a decided shell: it works as ever, and what it runs is decided with the user it runs as."""
import re

import pytest

import bastion
from bastion import wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")

POLICY = bastion.POLICY_YAML.replace("rules:\n", """  shell: { kind: shell }
rules:
  - name: people-shell
    who: [engineers]
    on: [shell]
    do: { interactive: true, argv: ["/usr/bin/* **", "/usr/sbin/* **", "/usr/lib/** **"] }
    effect: allow
  - name: no-stat-as-root
    on: [shell]
    do: { argv: ["stat **"], as: [root] }
    effect: deny
    message: Not as root.
""", 1)
SUDOERS = "alice ALL=(root) NOPASSWD: /usr/bin/id, /usr/bin/stat, /usr/bin/env, /bin/sh\nalice ALL=(games) NOPASSWD: /usr/bin/id\n"


@pytest.fixture(scope="module")
def m(shared):
    if shared.run(["test", "-x", "/usr/bin/sudo"], check=False).returncode:
        pytest.fail("sudo is not installed")
    said = len(shared.read("/var/log/control.log"))
    shared.write("/etc/sudoers.d/e2e", SUDOERS, mode="0440")
    shared.set_policy(POLICY)
    wait_for("the policy to be taken", lambda: "is in force" in shared.read("/var/log/control.log")[said:])
    yield shared
    shared.set_policy(bastion.POLICY_YAML)
    shared.run(["rm", "-f", "/etc/sudoers.d/e2e"])


def sh(m, command):
    return m.ssh("alice", "shell -c " + "'" + command + "'")


def test_it_runs_as_another_user(m):
    assert sh(m, "sudo -n /usr/bin/id -u").stdout == "0\n"
    assert sh(m, "sudo -n -u games /usr/bin/id -un").stdout == "games\n"


def test_its_program_is_on_record_with_the_user(m):
    assert sh(m, "sudo -n /usr/bin/id -u").returncode == 0
    newest = sorted(set(ULID.findall(m.sallyport("sessions").stdout)))[-1]
    events = m.sallyport("replay", "--events", newest).stdout
    assert "sudo -n /usr/bin/id -u" in events and "uid=0" in events and "path=/usr/bin/id" in events


def test_what_it_runs_is_decided(m):
    assert sh(m, "stat -c %u /").stdout == "0\n"
    for command in ("sudo -n /usr/bin/stat -c %u /", "sudo -n /usr/bin/env stat -c %u /", "sudo -n /bin/sh -c \"stat -c %u /; true\""):
        done = sh(m, command)
        assert done.stdout == "" and "Not as root." in done.stderr, (command, done)


def test_what_sudoers_does_not_allow_stays_so(m):
    done = sh(m, "sudo -n /usr/bin/whoami")
    assert done.returncode != 0 and done.stdout == "" and "sallyport" not in done.stderr


@pytest.mark.parametrize("way", [
    "setsid stat -c %u /", "nohup stat -c %u /", "unshare -m stat -c %u /", "unshare -U stat -c %u /", "chroot / stat -c %u /",
    "nsenter -t 1 -m stat -c %u /", "setpriv --no-new-privs stat -c %u /", "prlimit --nofile=64 stat -c %u /"])
def test_as_root_the_shell_has_no_way_past(m, way):
    done = sh(m, f"sudo -n /bin/sh -c \"{way}; true\"")
    assert done.stdout == "", done


KILL = r"""
p=$$
while [ "$(cat /proc/$p/comm)" != sallyport-exec ]; do p=$(sed -n 's/^PPid:\t//p' /proc/$p/status); done
[ "$1" = warden ] || p=$(pgrep -P $p -x sallyport-exec)
kill -9 $p
sleep 1
/usr/bin/id -u >/tmp/after
"""


@pytest.mark.parametrize("victim", ["warden", "supervisor"])
def test_root_can_end_the_supervision_and_ends_the_shell_with_it(m, victim):
    """Of its own session, that is. Nothing runs unseen after it."""
    m.run(["rm", "-f", "/tmp/after"])
    m.write("/tmp/kill-it", KILL)
    done = sh(m, "sudo -n /bin/sh /tmp/kill-it " + victim)
    assert done.returncode != 0 and m.run(["test", "-s", "/tmp/after"], check=False).returncode != 0, done
