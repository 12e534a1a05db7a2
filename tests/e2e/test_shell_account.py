# SPDX-License-Identifier: Apache-2.0
"""Shells and commands that run as another account, and the secrets that only such a command is given."""
import os
import re

import pexpect
import pytest

import bastion
from bastion import wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
TOKEN = "tk-7Hq2-never-shown-09xZ"
KEY = "first line of it\nsecond line of it\nx\n"
FILE = "/etc/sallyport/secrets/token"

POLICY = bastion.POLICY_YAML.replace("rules:\n", f"""  who:
    kind: command
    run_as: runner
    command: [/bin/sh, -c, "id -un; id -Gn; cat /proc/self/loginuid; echo; echo $HOME $USER $LOGNAME $PWD; \\
              grep -h Cap[PEA] /proc/self/status; exit 3"]
  runner-shell: {{ kind: shell, run_as: runner }}
  games: {{ kind: command, run_as: games, command: [/usr/bin/id, -un] }}
  builder: {{ kind: command, run_as: builder, command: [/usr/bin/id, -un] }}
  missing: {{ kind: command, run_as: missing, command: [/usr/bin/id, -un] }}
  as-games: {{ kind: command, run_as: {{ user: games, privileged: true }}, command: [/usr/bin/id, -un] }}
  as-root: {{ kind: command, run_as: {{ user: root, privileged: true }}, command: [/usr/bin/id, -u] }}
  token:
    kind: command
    run_as: runner
    command: [/bin/sh, -c, "echo a $TOKEN b; echo $TOKEN >&2; printenv KEY; printenv TOKEN | rev; /bin/true \\"$TOKEN\\"; ulimit -c"]
    secrets: {{ TOKEN: {{ file: {FILE} }}, KEY: {{ file: {FILE}-key }} }}
  token-sleep:
    kind: command
    run_as: runner
    command: [/bin/sleep, "98765"]
    secrets: {{ TOKEN: {{ file: {FILE} }} }}
  token-less:
    kind: command
    run_as: runner
    command: [/bin/sh, -c, "printenv TOKEN || echo none"]
    secrets: {{ TOKEN: {{ file: {FILE} }} }}
  token-short:
    kind: command
    run_as: runner
    command: [/bin/sh, -c, "echo ran"]
    secrets: {{ SHORT: {{ file: {FILE}-short }} }}
  token-mine:
    kind: command
    run_as: alice
    command: [/bin/sh, -c, "echo ran $TOKEN"]
    secrets: {{ TOKEN: {{ file: {FILE} }} }}
  shell: {{ kind: shell }}
rules:
  - name: plain
    who: [engineers, dba]
    on: [who, games, builder, missing, as-games, as-root, token-less, shell]
    effect: allow
  - name: runner-shell
    who: [engineers]
    on: [runner-shell]
    do: {{ interactive: true, argv: ["/usr/bin/* **"] }}
    effect: allow
  - {{ name: no-whoami, on: [runner-shell], do: {{ argv: ["whoami"] }}, effect: deny, message: Ask id. }}
  - name: with-token
    who: [engineers]
    on: [token, token-sleep, token-mine]
    secrets: [TOKEN, KEY]
    effect: allow
  - {{ name: with-short, on: [token-short], secrets: [SHORT], effect: allow }}
""", 1)

# Speaks as a session would, and grants the account by itself: only root's word must count.
FORGER = r"""
import array, os, socket, struct, subprocess, sys
def s(text):
    return struct.pack(">I", len(text)) + text
def frame(kind, body):
    return struct.pack(">IBBI", len(body) + 6, 1, kind, 0) + body
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
life_r, life_w = os.pipe()
def fds():
    os.dup2(theirs.fileno(), 63); os.dup2(life_r, 64); os.dup2(63, 3); os.dup2(64, 4); os.closerange(5, 100)
p = subprocess.Popen(["/usr/libexec/sallyport/sallyport-exec"], stdin=subprocess.DEVNULL, preexec_fn=fds, close_fds=False)
words = [b"sh", b"-c", b"id -u >/tmp/forged"]
ours.sendall(frame(1, b"\1\0" + s(b"/") + s(b"/bin/sh") + struct.pack(">I", 3) + b"".join(map(s, words)) + struct.pack(">I", 0)))
data, ancillary, _, _ = ours.recvmsg(64, 64)
assert data[5] == 133, data
grant = socket.socket(fileno=array.array("i", ancillary[0][2])[0])
grant.send(frame(129, s(b"root") + struct.pack(">III", 0, 0, 0) + s(b"/root") + struct.pack(">I", 0)))
print("status", p.wait(30))
"""


@pytest.fixture(scope="module")
def m(shared):
    said = len(shared.read("/var/log/control.log"))
    shared.run(["sh", "-c", "groupadd -r web; useradd -r -m -d /srv/runner -s /usr/sbin/nologin -G web runner; "
                "groupadd -r docker; useradd -r -s /usr/sbin/nologin -G docker builder"])
    for name, text in ("", TOKEN + "\n"), ("-key", KEY), ("-short", "abc\n"):
        shared.write(FILE + name, text, mode="0600")
    shared.set_policy(POLICY)
    wait_for("the policy to be taken", lambda: "is in force" in shared.read("/var/log/control.log")[said:])
    yield shared
    shared.set_policy(bastion.POLICY_YAML)


def newest(m, what):
    """The events of the newest session with that command."""
    for found in sorted(set(ULID.findall(m.sallyport("sessions").stdout)), reverse=True):
        events = m.sallyport("replay", "--events", found).stdout
        if what in events:
            return events
    raise AssertionError("no session has " + what)


def test_it_is_the_account_in_the_persons_audit_session(m):
    done = m.ssh("alice", "run who")
    uid = m.run(["id", "-u", "alice"]).stdout.strip()
    none = "0000000000000000"
    assert done.stdout == (f"runner\nrunner web\n{uid}\n/srv/runner runner runner /srv/runner\n"
                           f"CapPrm:\t{none}\nCapEff:\t{none}\nCapAmb:\t{none}\n"), done
    assert done.returncode == 3 and done.stderr == ""


def test_its_execs_are_decided_with_its_name(m):
    done = m.ssh("alice", "shell runner-shell -c 'id -un; whoami; ls -d /srv/runner'")
    assert (done.stdout, done.returncode) == ("runner\n/srv/runner\n", 0) and "Ask id." in done.stderr


def test_on_a_terminal(m):
    child = m.ssh_tty("alice", "shell runner-shell")
    child.expect(r"\$ ")
    child.sendline("id -un; stat -c %U $(tty); echo ${HOME}-")
    child.expect(r"runner\s+runner\s+/srv/runner-")
    child.sendline("sleep 98764")
    wait_for("the sleep", lambda: m.run(["pgrep", "-u", "runner", "-f", "^sleep 98764"], check=False).stdout)
    child.sendcontrol("c")
    child.expect(r"\$ ")
    child.sendline("setsid -f sleep 98763; exit 5")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 5
    wait_for("the end of all", lambda: not m.run(["pgrep", "-u", "runner"], check=False).stdout)


@pytest.mark.parametrize("name, why", [("games", "part of the system"), ("builder", "as good as root"),
                                       ("missing", "not in /etc/passwd")])
def test_accounts_that_are_refused(m, name, why):
    done = m.ssh("alice", "run " + name)
    assert done.returncode != 0 and done.stdout == "" and why in done.stderr, done


@pytest.mark.parametrize("name, out", [("as-games", "games\n"), ("as-root", "0\n")])
def test_privileged_ones_where_the_connection_says_so(m, name, out):
    assert m.ssh("alice", "run " + name).stdout == out


def test_who_may_not_reach_the_connection_becomes_nobody(m):
    done = m.ssh("carol", "run who")
    assert done.returncode != 0 and done.stdout == ""


def test_nobody_but_root_grants_an_account(m):
    m.write("/tmp/forger.py", FORGER)
    m.run(["rm", "-f", "/tmp/forged"])
    done = m.run(["/usr/bin/python3", "/tmp/forger.py"], user="sallyport-session")
    assert done.stdout == "status 254\n", done
    assert m.run(["test", "-e", "/tmp/forged"], check=False).returncode != 0


def test_a_secret_is_there_and_nowhere_to_be_seen(m):
    done = m.ssh("alice", "run token")
    lines = done.stdout.splitlines()
    assert lines[0] == "a [masked:command_secret] b", done
    assert "first line" not in done.stdout and "second line" not in done.stdout and lines[3] == "x"
    assert TOKEN[::-1] in lines  # so it was there; what a command makes of it is the command's
    assert lines[-1] == "0"  # no core either
    assert done.stderr == "[masked:command_secret]\n"
    events = newest(m, "run token")
    assert TOKEN not in events and "/bin/true" in events and "command_secret" in events
    assert m.run(["grep", "-rl", "-e", TOKEN, "/var/log"], check=False).stdout == ""


def test_a_secret_is_given_by_a_rule_alone(m):
    assert m.ssh("alice", "run token-less").stdout == "none\n"


def test_a_secret_that_cannot_be_masked_is_not_given(m):
    done = m.ssh("alice", "run token-short")
    assert done.returncode == 1 and done.stdout == "" and "cannot be masked" in done.stderr, done


def test_no_secret_for_what_runs_as_the_person(m):
    done = m.ssh("alice", "run token-mine")
    assert done.returncode != 0 and "ran" not in done.stdout and "your own processes must not hold them" in done.stderr, done


def holders(m):
    """The accounts whose processes have the secret in their environment or words."""
    script = f"""for p in /proc/[0-9]*; do
if grep -qaF -f {FILE} $p/environ $p/cmdline 2>/dev/null; then stat -c %U $p; fi; done | sort -u"""
    return m.run(["sh", "-c", script]).stdout.split()


def test_no_process_of_the_persons_holds_it(m):
    child = m.ssh_tty("alice", "run token-sleep")
    wait_for("the command", lambda: m.run(["pgrep", "-u", "runner", "-f", "98765"], check=False).stdout)
    assert holders(m) == ["runner"]
    pid = m.run(["pgrep", "-u", "runner", "-f", "98765"]).stdout.split()[0]
    for command in (f"cat /proc/{pid}/environ", f"head -c 1 /proc/{pid}/mem", f"kill -9 {pid}"):
        done = m.ssh("alice", f"shell -c '{command}'")
        assert done.returncode != 0 and TOKEN not in done.stdout, command
    done = m.ssh("alice", f"shell runner-shell -c 'cat /proc/{pid}/environ'")  # the same account, another session
    assert done.returncode != 0 and "Permission denied" in done.stderr and TOKEN not in done.stdout, done
    child.sendcontrol("c")
    child.expect(pexpect.EOF)
    child.close()
    wait_for("its end", lambda: not m.run(["pgrep", "-u", "runner"], check=False).stdout)


@pytest.mark.parametrize("victim", ["sallyport-exec", "sallyport-forcecmd"])
def test_whoever_is_killed_the_command_dies(m, victim):
    child = m.ssh_tty("alice", "run token-sleep")
    wait_for("the command", lambda: m.run(["pgrep", "-u", "runner", "-f", "98765"], check=False).stdout)
    mine = os.readlink(f"/proc/{m.holder.pid}/ns/net")
    pids = [int(p) for p in m.run(["pgrep", "-f", f"/{victim}$|^{victim}$|-{victim}$"]).stdout.split()]
    m.run(["kill", "-9", str([p for p in pids if m.same_net(p, mine)][-1])])
    wait_for("its end", lambda: not m.run(["pgrep", "-u", "runner"], check=False).stdout)
    child.expect(pexpect.EOF)
    child.close()
