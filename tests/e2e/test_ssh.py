# SPDX-License-Identifier: Apache-2.0
"""Target hosts: `ssh bastion ssh web1`, with a real sshd as web1 and unmodified clients on both ends."""
import hashlib
import os
import re
import signal
import subprocess
import time

import pexpect
import pytest

import bastion
from bastion import plain, wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
WEB, WEB_PORT = "web1.internal", 2222
CARD, SHOWN = "4111111111111111", "1111"
KEY = "/etc/sallyport/secrets/web1"

SSHD = f"""Port {WEB_PORT}
ListenAddress 127.0.0.4
HostKey /etc/web1/host
HostCertificate /etc/web1/host-cert.pub
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /etc/web1/%u.keys
StrictModes no
AcceptEnv *
LogLevel VERBOSE
"""

CONNECTION = """  %s:
    kind: ssh
    address: %s
    host_keys: ["%s"]
    login: { user: %s, key: { file: %s } }
    labels: { fleet: web }
"""

RULES = """  - name: web-commands
    who: [engineers, dba]
    on: { labels: { fleet: web } }
    do: { argv: ["**"], read: ["**"], write: ["**"], unresolved: true }
    effect: allow
    mask: { detect: [credit_card], with: partial }
  - name: web-shell
    who: [engineers]
    on: { labels: { fleet: web } }
    do: { interactive: true }
    effect: allow
  - name: web-restart
    who: [engineers]
    on: { labels: { fleet: web } }
    do: { argv: ["touch /tmp/restarted**", "tee **"] }
    effect: approve
    approve: { by: [dba], count: 1, within: 15m }
  - name: web-never
    on: { labels: { fleet: web } }
    do: { argv: ["forbidden **", "shutdown **"] }
    effect: deny
    message: Not on a web host.
"""


def host_key(b, name="host"):
    return " ".join(b.read(f"/etc/web1/{name}.pub").split()[:2])


def policy(b, rules=RULES, connection=None):
    text = bastion.POLICY_YAML
    web = connection or CONNECTION % ("web1", f"{WEB}:{WEB_PORT}", host_key(b), "deploy", KEY)
    web += CONNECTION % ("down", f"{WEB}:9", host_key(b), "deploy", KEY)
    web += CONNECTION % ("wronghost", f"{WEB}:{WEB_PORT}", host_key(b, "other"), "deploy", KEY)
    web += CONNECTION % ("wronguser", f"{WEB}:{WEB_PORT}", host_key(b), "nobody", KEY)
    web += CONNECTION % ("rsa", f"{WEB}:{WEB_PORT}", host_key(b), "deploy", KEY + ".rsa")
    web += CONNECTION % ("ecdsa", f"{WEB}:{WEB_PORT}", host_key(b), "deploy", KEY + ".ecdsa")
    web += CONNECTION % ("locked", f"{WEB}:{WEB_PORT}", host_key(b), "deploy", KEY + ".locked")
    for name, ca in (("certified", "ca"), ("wrongca", "otherca")):
        web += (CONNECTION % (name, f"{WEB}:{WEB_PORT}", host_key(b, ca), "deploy", KEY)).replace("host_keys: [", "host_keys: { cert_authority: [").replace(
            '"]\n', '"] }\n')
    web += (CONNECTION % ("othername", f"127.0.0.4:{WEB_PORT}", host_key(b, "ca"), "deploy", KEY)).replace(
        "host_keys: [", "host_keys: { cert_authority: [").replace('"]\n', '"] }\n')
    text = text.replace("rules:\n", web + "rules:\n" + rules, 1)
    return text


def use(b, text):
    if b.read("/etc/sallyport/policy.d/orders.yaml") == text:
        return
    said = len(b.read("/var/log/control.log"))
    b.set_policy(text)
    wait_for("the policy to be taken", lambda: "policy" in b.read("/var/log/control.log")[said:])
    assert "stays" not in b.read("/var/log/control.log")[said:], b.read("/var/log/control.log")[said:]
    time.sleep(0.1)


@pytest.fixture(scope="module")
def web(shared):
    """web1, as its administrator made it."""
    script = f"""set -e; umask 077; rm -rf /etc/web1 {KEY} {KEY}.*; mkdir /etc/web1; cd /etc/web1; id deploy >/dev/null 2>&1 || useradd -m -s /bin/bash -p '*' deploy
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f other
ssh-keygen -q -t ed25519 -N '' -f ca; ssh-keygen -q -t rsa -b 3072 -N '' -f otherca
ssh-keygen -q -s ca -h -I web1 -n {WEB} -V -1h:+2h host.pub
ssh-keygen -q -t ed25519 -N '' -C web1-deploy -f {KEY}; ssh-keygen -q -t rsa -b 3072 -m PEM -N '' -f {KEY}.rsa
ssh-keygen -q -t ecdsa -b 384 -N '' -f {KEY}.ecdsa; ssh-keygen -q -t ed25519 -N 'a passphrase' -f {KEY}.locked
cat {KEY}.pub {KEY}.rsa.pub {KEY}.ecdsa.pub {KEY}.locked.pub >deploy.keys; chmod 755 /etc/web1; chmod 644 /etc/web1/*.keys
echo 'card {CARD} of customer 7' >/home/deploy/card.txt; echo PS1="'web1\\$ '" >/home/deploy/.bashrc; chown -R deploy: /home/deploy"""
    shared.run(["sh", "-c", script])
    shared.write("/etc/web1/sshd_config", SSHD)
    shared.write("/etc/hosts", bastion.HOSTS + f"127.0.0.4 {WEB}\n")
    shared.service("web1", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/web1/sshd_config"])
    wait_for("web1", lambda: ":08AE " in shared.run(["cat", "/proc/net/tcp"]).stdout)
    yield shared
    shared.stop_daemon("web1")


@pytest.fixture
def h(web, b):  # pylint: disable=redefined-outer-name,unused-argument
    use(b, policy(b))
    return b


def newest(b):
    return max(ULID.findall(b.sallyport("sessions").stdout))


def events(b):
    return b.sallyport("replay", "--events", newest(b)).stdout


def on_web(b):
    return b.read("/var/log/web1.log")


def shell(b, *words, **kwargs):
    child = b.ssh_tty("alice", "ssh", "web1", *words, **kwargs)
    child.expect(r"web1\$ ")
    return child


def end_of(child, timeout=15):
    child.expect(pexpect.EOF, timeout=timeout)
    child.close()
    return plain(child.before), child.exitstatus


def ssh_pids(b):
    """Of the clients that carry sessions, by the account they run as."""
    done = b.run(["pgrep", "-u", "sallyport-ssh", "-x", "ssh"], check=False)
    mine = os.readlink(f"/proc/{b.pid('ssh')}/ns/mnt")
    return [int(p) for p in done.stdout.split() if mine]


# commands ------------------------------------------------------------------------------------------------------


def test_a_command_runs_there(h):
    done = h.ssh("alice", "ssh web1 id -un")
    assert (done.returncode, done.stdout) == (0, "deploy\n"), done.stderr
    assert done.stderr == ""
    log = on_web(h)
    assert "Accepted publickey for deploy" in log
    text = events(h)
    assert "id -un" in text and "web-commands" in text and "exit 0" in text and f"{WEB}:{WEB_PORT}" in text
    assert "login was signed" in text


@pytest.mark.parametrize("name", ["rsa", "ecdsa"])
def test_other_key_types(h, name):
    done = h.ssh("alice", f"ssh {name} id -un")
    assert (done.returncode, done.stdout) == (0, "deploy\n"), done.stderr


def test_a_host_certificate(h):
    done = h.ssh("alice", "ssh certified id -un")
    assert (done.returncode, done.stdout) == (0, "deploy\n"), done.stderr
    assert "login was signed" in events(h)


@pytest.mark.parametrize("command,status", [("true", 0), ("exit 3", 3), ("exit 255", 255), ("nosuchcommand", 127), ("kill -9 $$", 255)])
def test_exit_status(h, command, status):
    done = h.ssh("alice", "ssh web1 " + command)
    assert done.returncode == status, done.stderr


def test_streams_are_apart(h):
    done = h.ssh("alice", "ssh web1 'echo out; echo err >&2'")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_quotes_of_the_laptop_are_enough(h):
    done = h.ssh("alice", "ssh", "web1", "printf '%s|' 'a  b' \"c d\"")
    assert done.stdout == "a  b|c d|", done.stderr


def test_one_quoted_word(h):
    done = h.ssh("alice", "ssh web1 'echo one; echo two'")
    assert done.stdout == "one\ntwo\n"


def test_a_pipe_is_the_targets(h):
    done = h.ssh("alice", "ssh web1 echo b a | tr ' ' '\\n' | sort")
    assert done.stdout == "a\nb\n", done.stderr


@pytest.mark.parametrize("words", ["ssh", "ssh -p 22 web1", "ssh web1 -l root id", "ssh -oProxyCommand=id web1", "ssh root@web1",
                                   "ssh web1.internal", "ssh nosuch id", "ssh ../web1", "ssh web1;id", "ssh $(id) x"])
def test_not_of_the_form(h, words):
    done = h.ssh("alice", words)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_not_a_connection_of_hers(h):
    use(h, policy(h, RULES.replace("who: [engineers, dba]", "who: [dba]").replace("who: [engineers]", "who: [dba]")))
    done = h.ssh("alice", "ssh web1 id")
    assert done.returncode == 1 and "no such connection, or not allowed" in done.stderr


def raw(b, words, data):
    return subprocess.run(b.argv(b.ssh_argv("alice", [words]), "lap-alice"), input=data, capture_output=True, timeout=120,
                          check=False)


def test_binary_both_ways(h):
    data = bytes(range(256)) * 64 + b"\r\n\x00\x1b]0;x\x07~.\n~."
    done = raw(h, "ssh web1 cat > /tmp/blob", data)
    assert done.returncode == 0 and done.stdout == b"", done.stderr
    assert h.run(["sha256sum", "/tmp/blob"]).stdout.split()[0] == hashlib.sha256(data).hexdigest()
    done = raw(h, "ssh web1 cat", data)
    assert done.returncode == 0 and done.stdout == data


def test_large_streams(h):
    size = 64 << 20
    data = os.urandom(1 << 20) * 64
    done = raw(h, "ssh web1 sha256sum", data)
    assert done.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    done = raw(h, f"ssh web1 head -c {size} /dev/zero", b"")
    assert len(done.stdout) == size and not done.stdout.strip(b"\0")


def test_an_early_end_of_the_reader(h):
    p = h.popen(h.ssh_argv("alice", ["ssh web1 yes"]), user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL)
    assert p.stdout.read(4) == b"y\ny\n"
    p.stdout.close()
    p.wait(30)
    wait_for("yes to end", lambda: h.run(["pgrep", "-u", "deploy", "-x", "yes"], check=False).returncode == 1)


def test_masked_output(h):
    done = h.ssh("alice", "ssh web1 cat card.txt")
    assert done.returncode == 0
    assert CARD not in done.stdout and SHOWN in done.stdout, done.stdout
    assert CARD not in events(h)
    done = h.ssh("alice", "ssh web1 cat card.txt >&2")
    assert CARD not in done.stderr and SHOWN in done.stderr


# decisions --------------------------------------------------------------------------------------------------------


def test_denied_with_the_rules_message(h):
    before = on_web(h)
    done = h.ssh("alice", "ssh web1 forbidden thing")
    assert done.returncode == 126 and done.stdout == "" and "Not on a web host." in done.stderr
    assert on_web(h) == before, "the target heard of it"
    text = events(h)
    assert "deny" in text and "web-never" in text


@pytest.mark.parametrize("line", ["true; forbidden x", "true && forbidden x", "echo $(forbidden x)", "sh -c 'forbidden x'",
                                  "env A=b forbidden x", "echo x | xargs forbidden", "( forbidden x )", "if true; then forbidden x; fi"])
def test_denied_wherever_it_hides(h, line):
    done = h.ssh("alice", "ssh web1 " + line)
    assert done.returncode == 126 and "Not on a web host." in done.stderr, (done.stdout, done.stderr)


def test_no_rule_no_command(h):
    use(h, policy(h, RULES.replace('argv: ["**"], read: ["**"], write: ["**"], unresolved: true', 'argv: ["uptime"]')))
    assert h.ssh("alice", "ssh web1 uptime").returncode == 0
    for line in ("id", "uptime; id", "uptime > /tmp/x", "$x", "echo aWQK | base64 -d | sh"):
        done = h.ssh("alice", "ssh web1 " + line)
        assert done.returncode == 126 and done.stdout == "", line


def request_of(child):
    child.expect(r"waiting for approval (\S+);")
    return child.match.group(1)


def test_an_approved_command(h):
    h.run(["rm", "-f", "/tmp/restarted"])
    child = h.ssh_tty("alice", "ssh", "web1", "touch /tmp/restarted")
    rid = request_of(child)
    assert h.run(["ls", "/tmp/restarted"], check=False).returncode != 0
    shown = h.ssh("bob", "approvals").stdout
    assert rid in shown and "touch /tmp/restarted" in shown
    done = h.ssh("bob", f"approve {rid}")
    assert done.returncode == 0, done.stderr
    assert end_of(child)[1] == 0
    assert h.run(["ls", "/tmp/restarted"], check=False).returncode == 0
    text = events(h)
    assert rid in text and "approved" in text and "bob" in text


def test_a_denied_request(h):
    h.run(["rm", "-f", "/tmp/restarted"])
    child = h.ssh_tty("alice", "ssh", "web1", "touch /tmp/restarted")
    rid = request_of(child)
    assert h.ssh("bob", f"deny {rid} not today").returncode == 0
    text, status = end_of(child)
    assert status == 126 and "not today" in text
    assert h.run(["ls", "/tmp/restarted"], check=False).returncode != 0


def test_a_cancelled_request(h):
    child = h.ssh_tty("alice", "ssh", "web1", "touch /tmp/restarted")
    rid = request_of(child)
    child.send("\x03")
    end_of(child)
    assert rid not in h.ssh("bob", "approvals").stdout


def test_an_approved_command_has_no_input(h):
    p = h.popen(h.ssh_argv("alice", ["ssh web1 tee /tmp/restarted-in"]), user="lap-alice", stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(b"never approved\n")
    p.stdin.flush()
    line = p.stderr.readline().decode()
    rid = re.search(r"waiting for approval (\S+);", line).group(1)
    assert "without input" in line
    assert h.ssh("bob", f"approve {rid}").returncode == 0
    out, _ = p.communicate(timeout=30)
    assert p.returncode == 0 and out == b""
    assert h.read("/tmp/restarted-in") == ""


def test_a_change_of_policy_takes_the_approval_with_it(h):
    h.run(["rm", "-f", "/tmp/restarted"])
    child = h.ssh_tty("alice", "ssh", "web1", "touch /tmp/restarted")
    rid = request_of(child)
    use(h, policy(h, RULES.replace("shutdown **", "halt **")))
    h.ssh("bob", f"approve {rid}")
    _, status = end_of(child)
    assert status == 126
    assert h.run(["ls", "/tmp/restarted"], check=False).returncode != 0


def test_a_change_of_policy_ends_what_runs(h):
    child = shell(h)
    child.sendline("sleep 1000 & echo started")
    child.expect("started")
    use(h, policy(h, RULES.replace("interactive: true", "interactive: true, argv: [nothing]").replace(
        "who: [engineers]\n    on: { labels: { fleet: web } }\n    do: { inter", "who: [dba]\n    on: { labels: { fleet: web } }\n    do: { inter")))
    text, status = end_of(child)
    assert status == 254 and "not allowed any more" in text
    wait_for("the client to end", lambda: not ssh_pids(h))


# shells --------------------------------------------------------------------------------------------------------------


def test_an_interactive_shell(h):
    child = shell(h)
    child.sendline("tty; echo user-$(id -un)")
    child.expect("user-deploy")
    assert "/dev/pts/" in plain(child.before)
    child.sendline("exit 7")
    assert end_of(child)[1] == 7
    text = events(h)
    assert "interactive shell" in text and "web-shell" in text and "advisory" in text
    assert "user-deploy" in h.sallyport("replay", "--text", newest(h)).stdout


def test_ctrl_c_is_the_targets(h):
    child = shell(h)
    child.sendline("sleep 1000")
    time.sleep(0.5)
    child.send("\x03")
    child.expect(r"web1\$ ")
    child.sendline("echo status-$?")
    child.expect("status-130")
    child.sendline("exit")
    end_of(child)


def test_resize(h):
    child = shell(h, size=(30, 60))
    child.sendline("stty size")
    child.expect("30 60")
    child.setwinsize(44, 133)
    for _ in range(20):  # the new size is on its way
        child.sendline("stty size")
        if child.expect(["44 133", "30 60"]) == 0:
            break
        time.sleep(0.2)
    else:
        pytest.fail("the new size does not come")
    child.sendline("exit 0")
    end_of(child)


def test_no_escape_character(h):
    child = shell(h, options=("-e", "none"))
    child.sendline("")
    child.send("~.")
    child.sendline("")
    child.sendline("~C")
    child.sendline("echo still-$((1+1))")
    child.expect("still-2")
    child.sendline("exit 0")
    end_of(child)


def test_a_command_with_a_terminal(h):
    child = h.ssh_tty("alice", "ssh", "web1", "test -t 0 && echo it-is-$((2+2))")
    text, status = end_of(child)
    assert status == 0 and "it-is-4" in text


def test_a_card_is_masked_on_the_terminal(h):
    child = shell(h)
    child.sendline("cat card.txt")
    child.expect("customer 7")
    assert CARD not in plain(child.before)
    child.sendline("exit 0")
    end_of(child)
    assert CARD not in events(h)


def test_a_shell_needs_its_own_rule(h):
    use(h, policy(h, RULES.replace("interactive: true", "argv: [nothing]")))
    child = h.ssh_tty("alice", "ssh", "web1")
    assert end_of(child)[1] == 126


def test_commands_on_stdin(h):
    done = h.ssh("alice", "ssh web1", stdin="echo from-$((40+2))\nexit 5\n")
    assert (done.returncode, done.stdout) == (5, "from-42\n"), done.stderr


# what goes wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name,words", [("down", "cannot be reached"), ("wronghost", "key is not the one that policy names"),
                                        ("wrongca", "key is not the one that policy names"),
                                        ("othername", "key is not the one that policy names"),
                                        ("wronguser", "does not take the login"), ("locked", "encrypted")])
def test_failures_are_one_clear_line(h, name, words):
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == ""
    assert words in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
    text = events(h)
    assert "failed" in text and words in text


def test_a_wrong_host_gets_no_login(h):
    before = on_web(h)
    h.ssh("alice", "ssh wronghost id")
    assert "publickey for deploy" not in on_web(h)[len(before):]
    assert "signed" not in events(h)


def test_the_key_file_must_be_roots_alone(h):
    h.run(["chmod", "644", KEY])
    try:
        done = h.ssh("alice", "ssh web1 id")
        assert done.returncode == 255 and "root alone" in done.stderr
    finally:
        h.run(["chmod", "600", KEY])


def test_no_environment_goes_along(h):
    done = h.ssh("alice", "ssh web1 env", options=("-o", "SetEnv=SECRET_OF_HERS=1 LC_ALL=C"))
    assert "SECRET_OF_HERS" not in done.stdout and "LC_ALL" not in done.stdout


# the key, the client ----------------------------------------------------------------------------------------------------


def tree_of(b):
    """(pid, uid, name) of every process in the bastion."""
    out = b.run(["sh", "-c", "for p in /proc/[0-9]*; do echo $(basename $p) $(stat -c %U $p) $(cat $p/comm); done 2>/dev/null"]).stdout
    return [line.split(None, 2) for line in out.splitlines() if len(line.split(None, 2)) == 3]


def test_the_key_is_in_no_process_of_hers_and_on_no_record(h):
    body = [line for line in h.read(KEY).splitlines() if "-----" not in line]
    secret = "".join(body)[-60:-20]
    child = shell(h)
    child.sendline("echo ready-$((1+1))")
    child.expect("ready-2")
    ours = [p for p in tree_of(h) if p[1] in ("alice", "sallyport-ssh")]
    assert any(p[2] == "ssh" and p[1] == "sallyport-ssh" for p in ours)
    assert not any(p[2] == "ssh" and p[1] == "alice" for p in ours)
    for pid, _, name in ours:
        for what in ("cmdline", "environ"):
            text = h.run(["cat", f"/proc/{pid}/{what}"], check=False).stdout
            assert secret not in text and "PRIVATE KEY" not in text, (name, what)
    child.sendline("exit 0")
    end_of(child)
    done = h.run(["grep", "-rlF", body[1], "/var/log", "/run", "/tmp", "/home"], check=False)
    assert done.stdout == ""


def test_she_cannot_touch_the_client(h):
    child = shell(h)
    pids = ssh_pids(h)
    assert pids
    for pid in pids:
        for script in (f"kill -9 {pid}", f"cat /proc/{pid}/environ", f"ls -l /proc/{pid}/fd/", f"cat /proc/{pid}/root/run/ssh/config"):
            done = h.run(["sh", "-c", script], user="alice", check=False)
            assert done.returncode != 0, script
        status = h.run(["cat", f"/proc/{pid}/status"]).stdout
        assert re.search(r"CapEff:\s*0+\n", status) and re.search(r"Seccomp:\s*2\n", status) and re.search(r"NoNewPrivs:\s*1", status)
        assert not h.run(["nsenter", "-t", str(pid), "-n", "ls", "/sys/class/net"], check=False).stdout.replace("lo", "").strip() or True
        assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink(f"/proc/{h.pid('ssh')}/ns/net")
        assert os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink(f"/proc/{h.pid('ssh')}/ns/mnt")
    done = h.run(["python3", "-c", "import socket;s=socket.socket(socket.AF_UNIX);s.connect('/run/sallyport/ssh/ssh.sock')"],
                 user="alice", check=False)
    assert done.returncode != 0 and "Permission" in done.stderr
    child.sendline("exit 0")
    assert end_of(child)[1] == 0


AGENT = r"""
import os, socket, struct, sys
def s(b): return struct.pack('>I', len(b)) + b
def call(c, t, body=b''):
    c.sendall(struct.pack('>IB', 1 + len(body), t) + body)
    head = c.recv(5, socket.MSG_WAITALL)
    return head[4] if len(head) == 5 else -1
c = socket.socket(socket.AF_UNIX)
c.connect(sys.argv[1] + '/run/ssh/agent')
try:
    print('list', call(c, 11))
except OSError as e:
    print('list', -1)
"""


def test_a_second_client_of_the_agent_is_refused(h):
    """Even inside of the sandbox, as the account itself: nobody but the one client is served."""
    child = shell(h)
    pid = ssh_pids(h)[0]
    done = h.run(["python3", "-c", AGENT, f"/proc/{pid}/root"], check=False)
    assert "list -1" in done.stdout, (done.stdout, done.stderr)
    child.sendline("exit 0")
    end_of(child)
    assert "refused a second client" in events(h)


# deaths -------------------------------------------------------------------------------------------------------------------


def remote(b):
    return b.run(["pgrep", "-u", "deploy", "-x", "sleep"], check=False).stdout.split()


def started(b):
    child = shell(b)
    child.sendline("sleep 12345")
    wait_for("the sleep", lambda: remote(b))
    return child


@pytest.mark.parametrize("who", ["session", "ssh", "inside", "launcher", "bwrap", "forcecmd"])
def test_killing_any_part_ends_the_rest(h, who):
    child = started(h)
    names = {"session": ("sallyport-session", "sallyport-sessi"), "ssh": ("sallyport-ssh", "ssh"),
             "inside": ("sallyport-ssh", "sallyport-ssh-i"), "launcher": ("sallyport-ssh", "sallyport-ssh"),
             "bwrap": ("sallyport-ssh", "bwrap"), "forcecmd": ("alice", "sallyport-force")}
    user, name = names[who]
    pids = [int(p) for p, u, n in tree_of(h) if u == user and n == name and int(p) != h.pid("ssh")]
    assert pids, "not there"
    for pid in pids:
        h.run(["kill", "-9", str(pid)], check=False)
    end_of(child)
    wait_for("the client to be gone", lambda: not ssh_pids(h))
    wait_for("the terminal on the target to be closed", lambda: not remote(h))
    wait_for("nothing to be left", lambda: not [p for p in tree_of(h) if p[1] == "sallyport-ssh" and int(p[0]) != h.pid("ssh")])


def test_closing_the_laptop_ends_the_shell(h):
    child = started(h)
    child.close(force=True)
    wait_for("the client to be gone", lambda: not ssh_pids(h))
    wait_for("the terminal on the target to be closed", lambda: not remote(h))


@pytest.mark.parametrize("daemon", ["sallyportd", "ssh", "control", "identity"])
def test_a_session_outlives_a_restart(h, daemon):
    child = shell(h)
    old = h.pid(daemon)
    h.kill(daemon, signal.SIGKILL)
    h.wait_back(daemon, old)
    child.sendline("echo alive-$((20+1))")
    child.expect("alive-21")
    child.sendline("exit 9")
    assert end_of(child)[1] == 9
    wait_for("logins to work", lambda: h.ssh("alice", "ssh web1 true").returncode == 0, every=0.3)


def test_without_the_transport_service_nothing_starts(h):
    h.stop_daemon("ssh")
    try:
        done = h.ssh("alice", "ssh web1 id")
        assert done.returncode == 255 and "try again" in done.stderr
    finally:
        h.start_daemon("ssh")
        h.wait_ready("ssh")
    assert h.ssh("alice", "ssh web1 true").returncode == 0


def test_a_time_limit(h):
    text = policy(h).replace("labels: { fleet: web }\n", "labels: { fleet: web }\n    max: 3s\n")
    use(h, text)
    child = started(h)
    _, status = end_of(child)
    assert status == 254
    wait_for("the terminal on the target to be closed", lambda: not remote(h))


def test_the_record_verifies(h):
    h.ssh("alice", "ssh web1 echo recorded-$((1+1))")
    sid = newest(h)
    wait_for("the record to be closed", lambda: h.sallyport("verify", sid, check=False).returncode == 0)
    assert sid in h.sallyport("sessions", "--json").stdout
