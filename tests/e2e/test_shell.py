# SPDX-License-Identifier: Apache-2.0
"""Shells and commands on the bastion itself, through real ssh: every exec decided, held, recorded; attacks on that."""
import os
import re
import subprocess
import time

import pexpect
import pytest

import bastion
from bastion import plain, wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
ATTACKS = "/mnt/tests/attacks/exec"
CASES = os.path.join(bastion.TOP, "tests/attacks/exec/cases.txt")
WITNESS = "/tmp/exec-witness"

POLICY = bastion.POLICY_YAML.replace("rules:\n", """  shell:
    kind: shell
  greet:
    kind: command
    command: [/usr/bin/printf, "%s|%s\\n", "hello {name}", "{greeting}"]
    parameters:
      name: "[a-z '$()|]+"
      greeting: { pattern: "[a-z]+", default: bye }
rules:
  - name: people-shell
    who: [engineers, dba]
    on: [shell]
    do:
      interactive: true
      argv: ["/usr/bin/* **", "/usr/sbin/* **", "/usr/lib/** **", "/usr/libexec/** **", "/opt/exec/attack **",
             "/opt/exec/tool **", "/opt/exec/become **"]
    effect: allow
  - name: no-id
    on: [shell]
    do: { argv: ["id **"] }
    effect: deny
    message: Ask whoami instead.
  - name: no-forbid
    on: [shell]
    do: { argv: ["tool forbid **"] }
    effect: deny
  - name: touch-needs-a-dba
    who: [engineers]
    on: [shell]
    do: { argv: ["touch **"] }
    effect: approve
    approve: { by: [dba], count: 1, within: 5m }
  - name: commands
    who: [engineers, dba]
    on: [greet]
    effect: allow
""", 1)


@pytest.fixture(scope="module")
def m(shared):
    """The shared bastion with the shell's policy and the programs of the attacks."""
    said = len(shared.read("/var/log/control.log"))
    shared.set_policy(POLICY)
    wait_for("the policy to be taken", lambda: "policy" in shared.read("/var/log/control.log")[said:])
    shared.run(["sh", "-c", f"""set -e; mkdir -p /opt/exec; cd /opt/exec; umask 022
cc -O1 -w -pthread -o attack {ATTACKS}/attack.c
cc -O1 -o forbidden {ATTACKS}/forbidden.c
cc -O1 -static -o forbidden-static {ATTACKS}/forbidden.c
cc -O1 -DTOOL=1 -o tool {ATTACKS}/forbidden.c
cc -O1 -o become {ATTACKS}/become.c; chmod 4755 become
: >{WITNESS}; chmod 666 {WITNESS}"""])
    yield shared
    shared.set_policy(bastion.POLICY_YAML)


def sh(m, command, user="alice", **kwargs):
    return m.ssh(user, "shell -c " + command, **kwargs)


def events(m, number=-1):
    """Of a session, by default the newest."""
    ids = sorted(set(ULID.findall(m.sallyport("sessions").stdout)))
    return m.sallyport("replay", "--events", ids[number]).stdout


def processes(m, what):
    return m.run(["pgrep", "-f", what], check=False).stdout.split()


def test_a_command_its_output_and_status(m):
    done = sh(m, "echo out; echo err >&2; ls -d /; exit 42")
    assert (done.returncode, done.stdout, done.stderr) == (42, "out\n/\n", "err\n")
    text = events(m)
    assert "ls -d /" in text and "/usr/bin/ls" in text and "people-shell" in text


def test_input_and_pipes(m):
    done = sh(m, "sort | head -n 2", stdin="c\na\nb\n")
    assert (done.returncode, done.stdout) == (0, "a\nb\n")


def test_it_is_the_person_in_their_own_audit_session(m):
    done = sh(m, "whoami; echo $(cat /proc/self/loginuid) $HOME $USER $SHELL $PWD; grep Cap[PE] /proc/self/status")
    uid = m.run(["id", "-u", "alice"]).stdout.strip()
    assert done.stdout == (f"alice\n{uid} /home/alice alice /bin/bash /home/alice\n"
                           "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"), done


def test_a_refusal_says_why(m):
    done = sh(m, "id; echo $?")
    assert "Ask whoami instead." in done.stderr and done.stderr.count("Ask whoami") == 1
    assert "Permission denied" in done.stderr and done.stdout == "126\n"
    assert "no-id" in events(m)


def test_signals_end_it_the_same_way(m):
    done = sh(m, "kill -9 $$")
    assert done.returncode in (137, 255) and "sallyport" not in done.stderr


def test_a_set_user_id_program_works_and_what_it_executes_is_decided(m):
    done = sh(m, "/opt/exec/become /usr/bin/whoami")
    assert (done.returncode, done.stdout) == (0, "root\n")
    done = sh(m, "/opt/exec/become /usr/bin/id -u")
    assert done.returncode == 126 and done.stdout == "" and "Ask whoami" in done.stderr


def test_on_a_terminal_with_job_control(m):
    child = m.ssh_tty("alice", "shell")
    child.expect(r"\$ ")
    child.sendline("tty; stty size")
    child.expect(r"/dev/pts/\d+\s+40 120")
    child.sendline("sleep 30")
    time.sleep(0.5)
    child.sendcontrol("z")
    child.expect("Stopped")
    child.sendline("bg; jobs -l; kill %1; wait; echo over-$((40 + 2))")
    child.expect("over-42")
    child.sendline("cat")
    time.sleep(0.5)
    child.sendcontrol("c")
    child.expect(r"\$ ")
    child.sendline("id")
    child.expect("Ask whoami instead")
    child.sendline("exit 7")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 7, plain(child.before)


def test_an_approval_holds_the_exec(m):
    child = m.ssh_tty("alice", "shell")
    child.expect(r"\$ ")
    child.sendline("touch /tmp/approved && echo yes-$((1 + 1))")
    child.expect(r"waiting for approval (\S+);")
    time.sleep(0.3)
    assert m.run(["test", "-e", "/tmp/approved"], check=False).returncode != 0
    done = m.ssh("bob", "approve " + child.match.group(1))
    assert done.returncode == 0, done.stderr
    child.expect("yes-2")
    assert m.run(["test", "-e", "/tmp/approved"], check=False).returncode == 0
    child.sendline("touch /tmp/refused; echo no-$?")
    child.expect(r"waiting for approval (\S+);")
    assert m.ssh("bob", f"deny {child.match.group(1)} not today").returncode == 0
    child.expect("not today")
    child.expect("no-126")
    child.sendline("touch /tmp/cancelled")
    child.expect(r"waiting for approval (\S+);")
    child.sendcontrol("c")
    child.expect(r"\$ ")
    child.sendline("echo back-$((2 + 2))")
    child.expect("back-4")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()
    assert m.run(["sh", "-c", "ls /tmp/refused /tmp/cancelled 2>/dev/null"], check=False).stdout == ""


def test_a_declared_command_with_parameters(m):
    assert m.ssh("alice", "run greet name=bob").stdout == "hello bob|bye\n"
    assert m.ssh("alice", "run greet bob hi").stdout == "hello bob|hi\n"
    assert m.ssh("alice", "run greet 'name=a; $(id) | b'").returncode != 0  # ; is not in the pattern
    assert m.ssh("alice", "run greet 'name=$(whoami) | x'").stdout == "hello $(whoami) | x|bye\n"
    for words in ("run greet", "run greet name=BOB", "run greet bob hi more", "run greet name=a name=b", "run nothing"):
        done = m.ssh("alice", words)
        assert done.returncode == 1 and "sallyport:" in done.stderr and done.stdout == "", words


@pytest.mark.parametrize("how", ["setsid sleep {n} &", "nohup sleep {n} >/dev/null 2>&1 &", "(setsid sleep {n} & );",
                                 "setsid -f sleep {n}", "/opt/exec/become /usr/bin/setsid -f /usr/bin/sleep {n}",
                                 "sleep {n} & kill -STOP $!", "(trap '' HUP TERM INT; sleep {n}) &"])
def test_nothing_is_left_when_the_session_ends(m, how):
    n = str(100000 + len(how))
    done = sh(m, how.format(n=n) + f" sleep 0.3; pgrep -f 'sleep {n}'", timeout=20)
    assert done.stdout != "", done
    wait_for("its end", lambda: not ours(m, f"^sleep {n}"), timeout=5)


def ours(m, name):
    """Processes of that name in this bastion: others may run on the same machine."""
    mine = os.readlink(f"/proc/{m.holder.pid}/ns/net")
    return {int(p) for p in processes(m, name) if m.same_net(int(p), mine)}


@pytest.mark.parametrize("victim,which", [("sallyport-session", -1), ("sallyport-exec", 0), ("sallyport-exec", -1),
                                          ("sallyport-forcecmd", -1)])
def test_whoever_is_killed_the_shell_dies(m, victim, which):
    """Of sallyport-exec the warden, which is the parent, and the supervisor."""
    before = ours(m, victim)
    child = m.ssh_tty("alice", "shell")
    child.expect(r"\$ ")
    child.sendline("setsid sleep 123456 & sleep 123457")
    wait_for("the sleeps", lambda: len(ours(m, "^sleep 12345[67]")) == 2)
    pid = sorted(ours(m, f"/{victim}$|^{victim}$|-{victim}$") - before)[which]
    m.run(["kill", "-9", str(pid)])
    wait_for("the end", lambda: not ours(m, "^sleep 12345[67]"), timeout=5)
    child.expect(pexpect.EOF)
    child.close()


def test_the_supervisor_is_under_a_filter_itself(m):
    child = m.ssh_tty("alice", "shell")
    child.expect(r"\$ ")
    pids = ours(m, "^sallyport-exec$")
    status = [m.run(["cat", f"/proc/{p}/status"], check=False).stdout for p in pids]  # of one before that has just ended: ""
    below = [s for s in status if s and int(re.search(r"PPid:\s+(\d+)", s).group(1)) in pids]
    assert below and all(re.search(r"Seccomp:\s+2\n", s) and re.search(r"NoNewPrivs:\s+1\n", s) for s in below), status
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()


def names():
    text = subprocess.run(["sh", "-c", f"grep -oE '\\bA\\([a-z0-9_]+\\)' {os.path.dirname(CASES)}/attack.c | tr -d 'A()'"],
                          capture_output=True, text=True, check=True).stdout.split()
    return sorted(set(text) - {"name"})


def cases():
    with open(CASES, encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t", 1) for line in f if line.strip() and not line.startswith("#")]


def test_attacks(m):
    """Each in a shell of its own below one session's; the witness file says which got through."""
    lines = [f"begin {name}\ntimeout -k 1 20 bash -c '{command.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'\nrevive\n"
             for name, command in cases() if "supervisor" not in name and name != "setuid-kill"]
    lines += [f"begin kernel-{name}\ntimeout -k 1 20 /opt/exec/attack {name}\n" for name in names()]
    assert len(lines) >= 150
    head = f"begin() {{ echo \"CASE $1\" >>{WITNESS}; }}\nrevive() {{ :; }}\nexec </dev/null >/dev/null 2>&1\ncd /tmp\n"
    m.write("/tmp/attacks.sh", head + "".join(lines) + f"echo CASE end >>{WITNESS}\n")
    m.run(["sh", "-c", f": >{WITNESS}"])
    sh(m, "bash /tmp/attacks.sh", timeout=500)
    found = m.read(WITNESS)
    assert found.count("CASE") == len(lines) + 1, found[-200:]
    through = re.findall(r"CASE (\S+)\n(?:RAN\n)+", found)
    assert not through, through
    # The tool that may run did, and says that the witness works.
    assert m.run(["sh", "-c", f"/opt/exec/forbidden && tail -n 1 {WITNESS}"]).stdout == "RAN\n"


def test_attacks_on_the_supervisor(m):
    for name, command in cases():
        if "supervisor" in name or name == "setuid-kill":
            m.run(["sh", "-c", f": >{WITNESS}"])
            sh(m, command, timeout=20)
            assert "RAN" not in m.read(WITNESS), name
