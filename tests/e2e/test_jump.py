# SPDX-License-Identifier: Apache-2.0
"""`ssh -J bastion web1`: stock clients end to end, an sshd of the bastion's as web1, and what else is tried through it."""
import contextlib
import hashlib
import os
import re
import subprocess

import pexpect
import pytest

import bastion
from bastion import plain, wait_for
from test_ssh import ULID, events, use

WEB, WEB_PORT = "jump1.internal", 2251
CARD, SHOWN = "4111111111111111", "1111"
KEY = "/etc/sallyport/secrets/jump1"
CONF, KNOWN = "/tmp/jump.conf", "/tmp/jump.known"
NOBODY = "Only your own login to this bastion"

SSHD = f"""Port {WEB_PORT}
ListenAddress 127.0.0.9
HostKey /etc/jump1/host
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /etc/jump1/%u.keys
StrictModes no
Subsystem sftp /usr/lib/openssh/sftp-server
"""

CONFIG = f"""Host bastion
  User %(user)s
Host web1 web2 dark orders
  User %(user)s
  ProxyJump bastion
  UserKnownHostsFile {KNOWN}.%(user)s
Host *
  IdentityFile ~/.ssh/op/id
  IdentitiesOnly yes
  StrictHostKeyChecking yes
  BatchMode yes
"""

CONNECTION = """  %s:
    kind: ssh
    address: %s:%d
    host_keys: ["%s"]
    login: { user: jumper, key: { file: %s } }
    labels: { fleet: %s }
"""

RULES = """  - name: jump-commands
    who: [engineers]
    on: { labels: { fleet: jumps } }
    do: { argv: ["**"], read: ["**"], write: ["**"], unresolved: true, interactive: true }
    effect: allow
    mask: { detect: [credit_card], with: partial }
  - name: jump-files
    who: [engineers]
    on: { labels: { fleet: jumps } }
    do: { file: [list, stat, read, write, create, mkdir, setstat], path: ["/tmp/jump.in", "/tmp/jump.in/**"] }
    effect: allow
  - name: jump-home
    who: [engineers]
    on: { labels: { fleet: jumps } }
    do: { file: [stat], path: ["/home/jumper"] }
    effect: allow
  - name: jump-held
    who: [engineers]
    on: { labels: { fleet: jumps } }
    do: { argv: ["touch /tmp/jump.held"] }
    effect: approve
    approve: { by: [dba], count: 1, within: 15m }
  - name: jump-never
    on: { labels: { fleet: jumps } }
    do: { argv: ["forbidden **"] }
    effect: deny
    message: Not on a web host.
  - name: jump-bobs
    who: [dba]
    on: { labels: { fleet: bobs } }
    do: { argv: ["**"], unresolved: true }
    effect: allow
"""


def host_key(b, name="host"):
    return " ".join(b.read(f"/etc/jump1/{name}.pub").split()[:2])


def policy(b):
    """web1 and web2, which only bob may, can be gone to; dark is not forwarded to."""
    text = ""
    for name, fleet in (("web1", "jumps"), ("web2", "bobs"), ("dark", "jumps")):
        text += CONNECTION % (name, WEB, WEB_PORT, host_key(b), KEY, fleet)
        text += "" if name == "dark" else "    forward: true\n"
    return bastion.POLICY_YAML.replace("rules:\n", text + "rules:\n" + RULES, 1)


@pytest.fixture(scope="module")
def j(shared):
    b = shared
    b.run(["sh", "-c", f"""set -e; umask 077; [ ! -d /etc/jump1 ] || exit 0; mkdir -p /etc/jump1; cd /etc/jump1; useradd -m -s /bin/bash -p '*' jumper
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f other; ssh-keygen -q -t ed25519 -N '' -f {KEY}
cat {KEY}.pub >jumper.keys; chmod 755 /etc/jump1; chmod 644 /etc/jump1/*.keys
echo 'card {CARD} of customer 7' >/home/jumper/card.txt; echo PS1="'web1\\$ '" >/home/jumper/.bashrc; chown -R jumper: /home/jumper
mkdir -m 700 /home/lap-alice/out; echo one >/home/lap-alice/out/one; chown -R lap-alice: /home/lap-alice/out"""])
    b.write("/etc/jump1/sshd_config", SSHD)
    b.write("/etc/hosts", bastion.HOSTS + f"127.0.0.9 {WEB}\n")
    b.service("jump1", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/jump1/sshd_config"])
    wait_for("the host", lambda: f":{WEB_PORT:04X} " in b.run(["cat", "/proc/net/tcp"]).stdout)
    use(b, policy(b))
    for user in ("alice", "bob"):
        b.write(f"{CONF}.{user}", CONFIG % {"user": user})
        b.write(f"{KNOWN}.{user}", b.sallyport("host-ca", "web1", "web2").stdout)
    wait_for("web1 to be there", lambda: b.run(["getent", "hosts", "web1"], check=False).returncode == 0)
    wait_for("its certificate", lambda: "host certificate for 2 names" in b.read("/var/log/sallyportd.log"))
    yield b
    use(b, bastion.POLICY_YAML)
    b.stop_daemon("jump1")


def argv(words, user="alice", options=(), host="web1"):
    return ["ssh", "-F", f"{CONF}.{user}", *options, host, *words]


def ssh(b, *words, user="alice", **kwargs):
    return b.run(argv(words, user, kwargs.pop("options", ()), kwargs.pop("host", "web1")), user="lap-" + user, check=False, **kwargs)


def terminal(b, *words, options=(), size=(40, 120)):
    command = b.argv(argv(words, options=("-t", *options)), "lap-alice")
    child = pexpect.spawn(command[0], command[1:], dimensions=size, timeout=bastion.WAIT, encoding="utf-8", codec_errors="replace",
                          echo=False)
    child.delaybeforesend = 0.01
    return child


def address(b, name="web1"):
    return b.run(["/usr/bin/python3", "-c", f"import socket; print(socket.gethostbyname('{name}'))"]).stdout.strip()


def test_a_command_goes_to_the_host_with_its_streams_apart_and_its_status(j):
    done = ssh(j, "echo out; echo err >&2; cat; exit 7", stdin="in\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\nin\n", "err\n"), done
    done = ssh(j, "cat card.txt")
    assert done.returncode == 0 and CARD not in done.stdout and SHOWN in done.stdout, done
    assert CARD not in events(j) and "ssh web1 cat card.txt" in events(j)
    done = ssh(j, "forbidden thing")
    assert done.returncode != 0 and "Not on a web host." in done.stderr, done


def test_what_is_typed_goes_to_the_byte_and_so_do_files(j):
    blob = "".join(chr(33 + i * 7 % 90) for i in range(200000))
    done = ssh(j, "sha256sum", stdin=blob)
    assert done.stdout.split()[0] == hashlib.sha256(blob.encode()).hexdigest(), done
    assert ssh(j, "printf '%s|' \"a  b\"   'c'").stdout == "a  b|c|"
    assert ssh(j, "'uname' -s").stdout == "Linux\n"


def test_a_shell_has_a_terminal_and_channels_share_a_connection(j):
    master = ("-o", "ControlMaster=auto", "-o", "ControlPath=/tmp/jump-%C", "-o", "ControlPersist=no")
    child = terminal(j, options=master)
    child.expect(r"web1\$ ")
    child.send("stty size; tty\n")
    child.expect("40 120")
    child.expect("/dev/pts/")
    before = len(ULID.findall(j.sallyport("sessions").stdout))
    done = ssh(j, "echo over the same connection", options=master)
    assert done.stdout == "over the same connection\n", done
    assert len(ULID.findall(j.sallyport("sessions").stdout)) == before + 1
    child.send("cat card.txt\n")
    child.expect("of customer 7")
    assert CARD not in plain(child.before)
    child.send("exit 3\n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


def test_the_record_has_both_logins(j):
    ssh(j, "true")
    text = events(j)
    assert re.search(r'endpoint\W+web1', text) and re.search(r'through\W+[0-9A-Z]{26}', text), text[:2000]
    log = j.read("/var/log/sallyportd.log")
    assert re.search(r'through\W+([0-9A-Z]{26})', text).group(1) in log


def known(b, name, lines):
    b.write(f"/tmp/jump.{name}", lines)
    return ("-o", f"UserKnownHostsFile=/tmp/jump.{name}")


def test_the_host_is_known_by_the_authority_alone(j):
    line = j.sallyport("host-ca", "web1").stdout
    assert line.startswith("@cert-authority web1 ssh-ed25519 ") and line.count("\n") == 1
    assert "web1" in j.sallyport("host-ca").stdout.split()[1].split(",")
    assert ssh(j, "true", options=known(j, "right", line)).returncode == 0
    other = "@cert-authority web1 " + host_key(j, "other") + "\n"
    for name, lines in (("wrong", other), ("none", ""), ("elsewhere", line.replace(" web1 ", " web9 "))):
        done = ssh(j, "true", options=known(j, name, lines))
        assert done.returncode == 255 and "verification failed" in done.stderr, (name, done)
    done = ssh(j, "true", options=(*known(j, "alias", line.replace(" web1 ", " web1,web9 ")), "-o", "HostKeyAlias=web9"))
    assert done.returncode == 255 and "name is not a listed principal" in done.stderr, done
    mode = j.run(["stat", "-c", "%a %U", "/var/lib/sallyport/host-ca", "/var/lib/sallyport/host-ca.pub"]).stdout
    assert mode == "600 root\n644 root\n"


def test_only_what_policy_gives_is_reached(j):
    for name in ("web2", "dark"):
        done = ssh(j, "true", host=name, options=("-o", f"HostKeyAlias={name}", "-J", "bastion"))
        assert done.returncode == 255 and "prohibited" in done.stderr, (name, done)
    assert ssh(j, "echo mine", user="bob", host="web2").stdout == "mine\n"
    done = ssh(j, "true", options=("-l", "deploy"))
    assert done.returncode == 255 and "Permission denied" in done.stderr, done


def direct(b, who, login, key):
    """To the address itself, from this machine."""
    return b.run(["ssh", "-F", "none", "-i", key, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o",
                  "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", f"{login}@{address(b)}", "true"], user=who, check=False)


@contextlib.contextmanager
def a_command(b, options=()):
    """One that repeats what it is told, beside its stderr."""
    with b.popen(argv(["cat"], options=options), user="lap-alice", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE) as p:
        try:
            p.stdin.write(b"here\n")
            p.stdin.flush()
            assert p.stdout.readline() == b"here\n"
            yield p
        finally:
            p.kill()


def test_nobody_gets_there_but_through_their_own_login(j):
    with a_command(j):
        done = direct(j, "lap-alice", "alice", "/home/lap-alice/.ssh/op/id")
        assert done.returncode != 0 and NOBODY in done.stdout + done.stderr, done
        j.run(["sh", "-c", "rm -rf /tmp/jump.op; cp -r /home/lap-bob/.ssh/op /tmp/jump.op; chown -R lap-alice: /tmp/jump.op"])
        done = ssh(j, "true", options=("-l", "bob", "-i", "/tmp/jump.op/id"))
        assert done.returncode != 0 and NOBODY in done.stdout + done.stderr, done
        done = direct(j, "lap-ops", "ops", "/home/lap-ops/.ssh/id_ed25519")
        assert done.returncode == 255 and "Permission denied" in done.stderr, done
        assert ssh(j, "echo still").stdout == "still\n"


@pytest.mark.parametrize("options", [("-W", "orders:5432"), ("-W", "web1:22"), ("-W", "127.0.0.1:22"),
                                     ("-N", "-o", "ExitOnForwardFailure=yes", "-R", "15499:127.0.0.1:22")], ids=lambda o: "".join(o[-2:]))
def test_nothing_is_forwarded_from_there(j, options):
    done = ssh(j, options=options, stdin="")
    assert done.returncode != 0 and ("prohibited" in done.stderr or "forwarding failed" in done.stderr or "Stdio forwarding" in
                                     done.stderr), done


def test_neither_agents_nor_displays_are_forwarded(j):
    done = ssh(j, "echo \"${SSH_AUTH_SOCK-none} ${DISPLAY-none}\"", options=("-A", "-X"), env={"DISPLAY": ":7"})
    assert done.stdout == "none none\n", done


def test_sftp_and_scp_have_the_hosts_own_tree(j):
    j.run(["sh", "-c", "rm -rf /tmp/jump.in; mkdir -m 777 /tmp/jump.in"])
    sftp = ["sftp", "-F", f"{CONF}.alice", "-b", "-", "web1"]
    done = j.run(sftp, user="lap-alice", stdin="put /home/lap-alice/out/one /tmp/jump.in/two\nls /tmp/jump.in\n", check=False)
    assert done.returncode == 0 and "/tmp/jump.in/two" in done.stdout, done
    assert hashlib.sha256(b"one\n").hexdigest() in events(j) and j.read("/tmp/jump.in/two") == "one\n"
    done = j.run(sftp, user="lap-alice", stdin="put /home/lap-alice/out/one /etc/jump.two\n", check=False)
    assert done.returncode != 0 and j.run(["test", "-e", "/etc/jump.two"], check=False).returncode != 0, done
    done = j.run(["scp", "-F", f"{CONF}.alice", "web1:/tmp/jump.in/two", "/home/lap-alice/out/back"], user="lap-alice", check=False)
    assert done.returncode == 0 and j.read("/home/lap-alice/out/back") == "one\n", done


def test_scp_and_rsync_copy_as_through_the_bastion(j):
    """Each file is decided and on record; what is no whole path is not guessed at."""
    j.run(["sh", "-c", "rm -rf /tmp/jump.in; mkdir -m 777 /tmp/jump.in"])
    scp = ["scp", "-O", "-F", f"{CONF}.alice"]
    done = j.run([*scp, "/home/lap-alice/out/one", "web1:/tmp/jump.in/one"], user="lap-alice", check=False)
    assert done.returncode == 0 and j.read("/tmp/jump.in/one") == "one\n", done
    text = events(j)
    assert "/tmp/jump.in/one" in text and hashlib.sha256(b"one\n").hexdigest() in text, text
    done = j.run([*scp, "/home/lap-alice/out/one", "web1:/etc/jump.one"], user="lap-alice", check=False)
    assert done.returncode != 0 and j.run(["test", "-e", "/etc/jump.one"], check=False).returncode != 0, done
    done = j.run([*scp, "/home/lap-alice/out/one", "web1:one"], user="lap-alice", check=False)
    assert done.returncode != 0 and "whole path" in done.stderr, done
    done = j.run(["rsync", "-r", "-e", f"ssh -F {CONF}.alice", "/home/lap-alice/out/", "web1:/tmp/jump.in/"], user="lap-alice", check=False)
    assert done.returncode == 0, done.stderr


def test_an_approval_is_waited_for(j):
    with j.popen(argv(["touch /tmp/jump.held"]), user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.STDOUT, text=True) as p:
        wait_for("the request", lambda: "jump.held" in j.ssh("bob", "approvals").stdout)
        assert j.run(["test", "-e", "/tmp/jump.held"], check=False).returncode != 0
        rid = re.search(r"\b([0-9A-HJKMNP-TV-Z]{6,26})\b", j.ssh("bob", "approvals").stdout).group(1)
        assert j.ssh("bob", "approve", rid).returncode == 0
        assert rid in p.communicate(timeout=60)[0] and p.returncode == 0
    assert j.run(["test", "-e", "/tmp/jump.held"], check=False).returncode == 0


def test_what_policy_takes_back_is_gone_at_once(j):
    way = ("-o", "ControlPath=/tmp/jump-%C")
    text = policy(j)
    with j.popen(argv([], options=("-M", "-N", *way)), user="lap-alice", stdin=subprocess.DEVNULL) as login:
        try:
            wait_for("the login", lambda: ssh(j, options=("-O", "check", *way)).returncode == 0)
            with a_command(j, way) as p:
                use(j, text.replace("    forward: true\n", ""))
                assert p.wait(30) != 0 and b"no longer lets you forward" in p.stderr.read()
            done = ssh(j, "true", options=way)
            assert done.returncode != 0 and "not to be forwarded to" in done.stderr, done
            done = ssh(j, "true")
            assert done.returncode == 255 and "prohibited" in done.stderr, done
        finally:
            login.kill()
            use(j, text)
    wait_for("it to be back", lambda: ssh(j, "true").returncode == 0)
    mine = "who: [engineers]\n    on: { labels: { fleet: jumps } }"
    with a_command(j) as p:
        try:
            use(j, text.replace(mine, mine.replace("engineers", "dba")))
            assert p.wait(30) != 0
        finally:
            use(j, text)
    wait_for("it to be back", lambda: ssh(j, "true").returncode == 0)


def test_it_survives_sallyportd_and_ends_with_whatever_else_ends(j):
    with a_command(j) as p:
        pid = j.pid("sallyportd")
        j.kill("sallyportd")
        j.wait_back("sallyportd", pid)
        p.stdin.write(b"again\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"again\n"
        assert ssh(j, "echo new").stdout == "new\n"
    for who in ("sallyport-session", "alice"):
        before = set(j.session_pids())
        with a_command(j) as p:
            new = wait_for("its session", lambda: set(j.session_pids()) - before)
            mine = os.readlink(f"/proc/{j.holder.pid}/ns/net")
            sshds = {int(x) for x in j.run(["pgrep", "-u", "alice", "-x", "sshd"]).stdout.split() if j.same_net(x, mine)}
            for pid in new if who == "sallyport-session" else sshds:
                j.run(["kill", "-9", str(pid)], check=False)
            assert p.wait(30) != 0
        wait_for("its session to be gone", lambda: not new & set(j.session_pids()))
