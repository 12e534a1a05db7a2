# SPDX-License-Identifier: Apache-2.0
"""Lines typed at the prompts of shells on a target host, gated at Enter (`lines: gate`), with real shells on a real sshd."""
import shutil

import pytest

import test_ssh
from bastion import plain, wait_for
from test_ssh import use, web  # pylint: disable=unused-import

RULES = """  - name: web-lines
    who: [engineers]
    on: { labels: { fleet: web } }
    do: { argv: ["true **", "echo **", "touch **", "sleep **", "cat", "cat **", "vi **", "python3 **", "exit **", "cd **"] }
    effect: allow
  - name: web-shell
    who: [engineers]
    on: { labels: { fleet: web } }
    do: { interactive: true }
    effect: allow
    session: { lines: %s }
  - name: web-restart
    who: [engineers]
    on: { labels: { fleet: web } }
    do: { argv: ["touch /tmp/held**"] }
    effect: approve
    approve: { by: [dba], count: 1, within: 15m }
  - name: web-never
    on: { labels: { fleet: web } }
    do: { argv: ["touch /tmp/never**"] }
    effect: deny
    message: Not on a web host.
"""
SHELLS = [pytest.param(s, marks=pytest.mark.skipif(shutil.which(s) is None, reason="not installed")) for s in ("bash", "dash", "zsh")]


@pytest.fixture
def h(web, b):  # noqa: F811 pylint: disable=redefined-outer-name,unused-argument
    use(b, test_ssh.policy(b, RULES % "gate"))
    b.run(["sh", "-c", "rm -f /tmp/never* /tmp/held* /tmp/ok*; usermod -s /bin/bash deploy; printf 'PS1=\"web1%%%% \"\\n' >/home/deploy/.zshrc; "
           "chown deploy: /home/deploy/.zshrc"])
    return b


def exists(b, path):
    return b.run(["ls", path], check=False).returncode == 0


def shell(b, prompt=r"web1[$%] "):
    child = b.ssh_tty("alice", "ssh", "web1")
    child.expect(prompt, timeout=60)
    return child


def leave(child):
    child.kill(9)
    child.close()


def event_with(b, text):
    """The line's event is on record: what it says."""
    return wait_for("the line's event", lambda: [e for e in test_ssh.events(b).split("\n") if text in e and "statement" in e.lower()], 60)[0]


@pytest.mark.parametrize("name", SHELLS)
def test_each_shell(h, name):  # pylint: disable=redefined-outer-name
    h.run(["usermod", "-s", shutil.which(name), "deploy"])
    child = shell(h, r"[$%] ")
    child.send("touch /tmp/never-%s\r" % name)
    child.expect("Not on a web host. .advisory.", timeout=60)
    child.expect(r"[$%] ", timeout=60)
    child.send("touch /tmp/ok-%s\r" % name)
    wait_for("the line to run", lambda: exists(h, "/tmp/ok-%s" % name))
    child.send("echo one; touch /tmp/never-2\r")
    child.expect("Not on a web host.", timeout=60)
    said = event_with(h, "touch /tmp/never-%s" % name)
    assert "advisory" in said and "deny" in said and "web-never" in said
    assert "allow" in event_with(h, "touch /tmp/ok-%s" % name)
    leave(child)
    assert not exists(h, "/tmp/never-%s" % name) and not exists(h, "/tmp/never-2")


def test_a_pasted_script(h):  # pylint: disable=redefined-outer-name
    child = shell(h)
    child.send("touch /tmp/ok-1\rsleep 0.3\rtouch /tmp/ok-2\rtouch /tmp/never-1\rtouch /tmp/never-3\r")
    child.expect("Not on a web host.", timeout=60)
    wait_for("what came before", lambda: exists(h, "/tmp/ok-1") and exists(h, "/tmp/ok-2"))
    child.send("echo still-$((1+1))\r")
    child.expect("It cannot be said|still-2|No rule", timeout=60)
    leave(child)
    assert not exists(h, "/tmp/never-1") and not exists(h, "/tmp/never-3")


def test_an_approved_line(h):  # pylint: disable=redefined-outer-name
    child = shell(h)
    child.send("touch /tmp/held-1\r")
    rid = test_ssh.request_of(child)
    shown = h.ssh("bob", "approvals").stdout
    assert rid in shown and "touch /tmp/held-1" in shown
    child.send("x")  # waits with it
    assert not exists(h, "/tmp/held-1")
    done = h.ssh("bob", f"approve {rid}")
    assert done.returncode == 0, done.stderr
    wait_for("the line to run", lambda: exists(h, "/tmp/held-1"))
    leave(child)


def test_a_denied_and_a_cancelled_line(h):  # pylint: disable=redefined-outer-name
    child = shell(h)
    child.send("touch /tmp/held-2\r")
    rid = test_ssh.request_of(child)
    assert h.ssh("bob", f"deny {rid} not today").returncode == 0
    child.expect("not today", timeout=60)
    child.expect(r"web1\$ ", timeout=60)
    child.send("touch /tmp/held-3\r")
    rid = test_ssh.request_of(child)
    child.send("\x03")
    child.expect("was cancelled", timeout=60)
    child.expect(r"web1\$ ", timeout=60)
    assert rid not in h.ssh("bob", "approvals").stdout
    child.send("touch /tmp/ok-3\r")
    wait_for("the next line", lambda: exists(h, "/tmp/ok-3"))
    leave(child)
    assert not exists(h, "/tmp/held-2") and not exists(h, "/tmp/held-3")


def test_a_program_that_asks_for_nothing(h):  # pylint: disable=redefined-outer-name
    child = shell(h)
    child.send("cat > /dev/null\r")
    child.expect("> /dev/null\r\n", timeout=60)
    child.send("only text\r")
    child.expect("waits for the shell's prompt", timeout=60)
    child.send("\r")
    child.send("\x04")
    child.expect(r"web1\$ ", timeout=60)
    child.send("touch /tmp/never-cat\r")
    child.expect("Not on a web host.", timeout=60)
    leave(child)
    assert not exists(h, "/tmp/never-cat")


def test_what_a_rule_denies_is_not_typed_ahead(h):  # pylint: disable=redefined-outer-name
    """A program that ends before it reads would leave the line to its shell."""
    child = shell(h)
    child.send("cat > /dev/null\r")
    child.expect("> /dev/null\r\n", timeout=60)
    child.send("touch /tmp/never-ahead\r")
    child.expect("waits for the shell's prompt", timeout=60)
    child.send("\r")
    child.expect("a rule is against this line", timeout=60)
    child.expect(r"web1\$ ", timeout=60)
    child.send("touch /tmp/ok-ahead\r")
    wait_for("the next line", lambda: exists(h, "/tmp/ok-ahead"))
    leave(child)
    assert not exists(h, "/tmp/never-ahead")
    assert "deny" in event_with(h, "touch /tmp/never-ahead")


def test_an_editor_is_left_alone(h):  # pylint: disable=redefined-outer-name
    child = shell(h)
    child.send("cat /tmp/alternate.txt\r")  # no file: an error, and the prompt again
    child.expect(r"web1\$ ", timeout=60)
    h.run(["sh", "-c", "printf '\\033[?1049h' >/tmp/on.txt; printf '\\033[?1049l' >/tmp/off.txt; chmod 644 /tmp/on.txt /tmp/off.txt"])
    child.send("cat /tmp/on.txt -\r")
    child.expect(r"\[\?1049h", timeout=60)
    child.send("touch /tmp/never-editor\r")  # text for the editor
    child.expect("touch /tmp/never-editor\r\ntouch /tmp/never-editor", timeout=60)
    leave(child)
    assert not exists(h, "/tmp/never-editor")


def test_no_terminal_no_shell(h):  # pylint: disable=redefined-outer-name
    done = test_ssh.raw(h, "ssh web1", b"touch /tmp/never-piped\n")
    assert done.returncode == 126 and b"needs a terminal" in done.stderr
    assert not exists(h, "/tmp/never-piped")


def test_recorded_only(h):  # pylint: disable=redefined-outer-name
    use(h, test_ssh.policy(h, RULES % "record"))
    child = shell(h)
    child.send("touch /tmp/never-recorded\r")
    wait_for("it to run: nothing is held", lambda: exists(h, "/tmp/never-recorded"))
    said = event_with(h, "touch /tmp/never-recorded")
    assert "advisory" in said
    leave(child)


def test_a_policy_that_begins_to_gate(h):  # pylint: disable=redefined-outer-name
    use(h, test_ssh.policy(h, RULES.replace("    session: { lines: %s }\n", "")))
    child = shell(h)
    child.send("touch /tmp/ok-4\r")
    child.expect(r"web1\$ ", timeout=60)
    use(h, test_ssh.policy(h, RULES % "gate"))
    child.send("\r")
    child.expect(r"web1\$ ", timeout=60)
    child.send("touch /tmp/never-4\r")
    child.expect("Not on a web host.", timeout=60)
    text = plain(child.before)
    leave(child)
    assert not exists(h, "/tmp/never-4"), text
