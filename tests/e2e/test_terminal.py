# SPDX-License-Identifier: Apache-2.0
"""The terminal path through a real shell and ssh client: keys, sizes, masks, what is on record, operators."""
import hashlib
import json
import os
import re
import signal
import subprocess
import time

import pexpect
import pytest

import bastion
from bastion import plain, wait_for

POLICY = bastion.POLICY_YAML.replace("rules:\n", """  shell:
    kind: shell
    record_input: true
    banner: |
      This shell is recorded.
      Mind what you type.
rules:
  - name: people-shell
    who: [engineers, dba]
    on: [shell]
    do: { interactive: true, argv: ["/usr/bin/* **", "/usr/lib/** **"] }
    effect: allow
    mask: { detect: [email, credit_card, secret], with: redact }
""", 1)
PROMPT = "ready> "


@pytest.fixture(scope="module")
def m(shared):
    said = len(shared.read("/var/log/control.log"))
    shared.set_policy(POLICY)
    wait_for("the policy to be taken", lambda: "policy" in shared.read("/var/log/control.log")[said:])
    yield shared
    shared.set_policy(bastion.POLICY_YAML)


def newest(m):
    return max(json.loads(line)["id"] for line in m.sallyport("sessions", "--json").stdout.splitlines())


def open_shell(m, **kwargs):
    child = m.ssh_tty("alice", "shell", **kwargs)
    child.expect("Mind what you type")
    child.expect(r"\$ ")
    child.sendline("PS1='rea''dy> '; bind 'set enable-bracketed-paste off'")
    child.expect(PROMPT)
    return child


def ask(child, line):
    child.sendline(line)
    child.expect(PROMPT)
    return plain(child.before)


def leave(child):
    child.sendline("exit 5")
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus


def events(m, sid):
    return m.sallyport("replay", "--events", sid).stdout


def test_keys_sizes_and_the_exit_status(m):
    child = open_shell(m, size=(30, 100))
    assert "30 100" in ask(child, "stty size")
    child.setwinsize(50, 132)
    wait_for("the new size", lambda: "50 132" in ask(child, "stty size"))
    child.sendline("sleep 60")
    time.sleep(0.5)
    child.sendintr()
    child.expect(PROMPT)
    child.sendline("echo status $?")
    child.expect("status 130")
    child.expect(PROMPT)
    child.sendline("sleep 61")
    time.sleep(0.5)
    child.send("\x1a")
    child.expect("Stopped")
    child.expect(PROMPT)
    assert "sleep 61" in ask(child, "jobs")
    ask(child, "kill %1; wait")
    child.sendline("for i in 1 2 3 4 5 6 7 8; do echo tick$i; sleep 0.2; done")
    child.expect("tick2")
    child.send("\x13")
    assert child.expect(["tick7", pexpect.TIMEOUT], timeout=1.5) == 1
    child.send("\x11")
    child.expect("tick8")
    child.expect(PROMPT)
    assert leave(child) == 5


def test_masks_on_a_terminal_look_through_colours_and_columns_stay(m):
    child = open_shell(m)
    child.sendline(r"printf 'x \033[1m%s\033[0m%s|\n' bob@exam ple.com")
    child.expect(r"\|\r\n")
    assert "bob@exam" not in plain(child.before.split("\n", 1)[1]), child.before
    assert "x \x1b[1m[masked:\x1b[0memail]*" in child.before
    child.expect(PROMPT)
    assert "1111-1111-1111" not in ask(child, "echo 4111-1111-1111-11''11")
    leave(child)
    text = events(m, newest(m))
    assert "masked:" in text and "masked in the output" in text


def test_what_is_typed_is_on_record_but_no_password(m):
    child = open_shell(m)
    sid = newest(m)
    child.sendline("read -s -p 'Who? ' secret; echo; echo ${#secret}")
    child.expect(r"Who\? ")
    child.sendline("hunter2hunter")
    child.expect("13")
    child.expect(PROMPT)
    leave(child)
    typed = [line for line in events(m, sid).splitlines() if " input " in line]
    assert any("read -s" in line for line in typed) or "read -s" in "".join(
        re.findall(r'text="([^"]*)"', "\n".join(typed))), typed
    assert "hunter2" not in events(m, sid)
    assert "This shell is recorded." in events(m, sid)


def test_streams_without_a_terminal(m):
    done = m.ssh("alice", "shell -c 'echo to bob@example.com; echo err carol@example.com >&2; exit 3'")
    assert done.returncode == 3
    assert done.stdout.endswith("to [masked:email]\n") and "err [masked:email]\n" in done.stderr
    data = os.urandom(8 * 1024 * 1024)
    proc = m.popen(m.ssh_argv("alice", ["shell -c 'sha256sum; echo done'"]), user="lap-alice", stdin=subprocess.PIPE,
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = proc.communicate(data, timeout=60)
    assert out.decode().split() == [hashlib.sha256(data).hexdigest(), "-", "done"], err


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
        return f.read().strip()


def test_a_signal_ends_the_session_and_all_that_runs_in_it(m):
    word = f"sleep 47{os.getpid()}"
    argv = m.argv(m.ssh_argv("alice", [f"shell -c '{word}; echo went on'"]), "lap-alice")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as proc:
        def runs():
            return m.run(["pgrep", "-f", f"^{word}$"], check=False).stdout.split()
        wait_for("the program to run", runs)
        pid = int(runs()[0])
        while not name_of(pid).startswith("sallyport-force"):
            pid = parent(pid)
            assert pid > 1
        os.kill(pid, signal.SIGINT)
        assert b"went on" not in proc.stdout.read()
        assert proc.wait(30) != 0
        wait_for("the program to be gone", lambda: not runs())


def test_a_reader_that_goes_away_ends_the_writer(m):
    start = time.time()
    argv = m.argv(m.ssh_argv("alice", ["shell -c yes"]), "lap-alice")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as proc:
        assert proc.stdout.read(100000)
        proc.stdout.close()
        proc.wait(timeout=20)
    assert time.time() - start < 20


def test_operators_pause_and_end_a_shell(m):
    child = open_shell(m)
    sid = newest(m)
    m.sallyport("pause", "--reason", "wait", sid)
    child.expect("paused by root: wait")
    child.sendline("echo wh''en")
    assert child.expect(["when", pexpect.TIMEOUT], timeout=1) == 1
    m.sallyport("resume", sid)
    child.expect("when")
    m.sallyport("end", "--reason", "enough", sid)
    child.expect("ended by root: enough")
    child.expect(pexpect.EOF)


def test_text_and_search_say_what_could_be_read(m):
    child = open_shell(m)
    sid = newest(m)
    ask(child, "echo a needle called zanzi''bar")
    leave(child)
    wait_for("its end", lambda: "session_end" in events(m, sid))
    text = m.sallyport("replay", "--text", sid).stdout
    assert "a needle called zanzibar" in text and "\x1b" not in text
    found = m.sallyport("search", "needle called zanzibar").stdout
    assert sid in found and "alice" in found
    assert '"action":"search"' in m.run(["sh", "-c", "cat /var/log/sallyport/chain*"]).stdout.replace(" ", "")
