# SPDX-License-Identifier: Apache-2.0
"""Target hosts behind other hosts: real sshds in a row, each of which alone knows where the next one is."""
import re
import signal

import pytest

import bastion
from bastion import wait_for
from test_ssh import ULID, end_of, use

PASSWORD = "purple-lantern-3-orchard"
SECRETS = "/etc/sallyport/secrets"
EVIL_PORT = 2275

# Name: address, port, account, settings.
HOSTS = {
    "gate1": ("127.0.0.21", 2271, "hopone", "AuthorizedKeysFile /etc/jumps/%u.keys\nPermitOpen gate2.internal:2272 evil.internal:2275\n"),
    "gate2": ("127.0.0.22", 2272, "hoptwo", "PasswordAuthentication yes\nPubkeyAuthentication no\n"),
    "inner": ("127.0.0.23", 2273, "inmost", "AuthorizedKeysFile none\nTrustedUserCAKeys /etc/jumps/ca.pub\nAllowTcpForwarding no\n"
              "Subsystem sftp internal-sftp\n"),
    "gate3": ("127.0.0.26", 2276, "inmost", "AuthorizedKeysFile none\nTrustedUserCAKeys /etc/jumps/ca.pub\nPermitOpen inner.internal:2273\n"),
    "shut": ("127.0.0.24", 2274, "hopone", "AuthorizedKeysFile /etc/jumps/%u.keys\nAllowTcpForwarding no\n"),
}

SSHD = """Port %d
ListenAddress %s
HostKey /etc/jumps/%s
PidFile none
UsePAM no
KbdInteractiveAuthentication no
StrictModes no
LogLevel VERBOSE
%sPasswordAuthentication no
"""

# What each host knows of the others; the bastion knows only those that it goes to itself.
KNOWS = {"bastion": ["gate1", "gate3", "shut", "evil"], "gate3": ["inner"], "gate1": ["gate2", "evil"], "gate2": ["inner"], "inner": [], "shut": ["inner"]}

# A jump host that is not honest: it asks for the agent and for a session of the client's, and is itself the next host.
EVIL = r"""
import socket, sys, threading
import paramiko
def say(*words):
    print(*words, flush=True)
class Server(paramiko.ServerInterface):
    def __init__(self, name):
        self.name = name
    def get_allowed_auths(self, username):
        return 'publickey,password'
    def check_auth_publickey(self, username, key):
        say(self.name, 'LOGIN', username)
        return paramiko.AUTH_SUCCESSFUL
    def check_auth_password(self, username, password):
        say(self.name, 'PASSWORD', username, password)
        return paramiko.AUTH_FAILED
    def check_channel_request(self, kind, chanid):
        say(self.name, 'CHANNEL', kind)
        return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        say(self.name, 'TO', *destination)
        return paramiko.OPEN_SUCCEEDED
def serve(s):
    outer = paramiko.Transport(s)
    outer.add_server_key(paramiko.Ed25519Key(filename='/etc/jumps/evil'))
    outer.start_server(server=Server('outer'))
    channel = outer.accept(30)
    if channel is None:
        return
    for kind in ('auth-agent@openssh.com', 'session', 'direct-tcpip'):
        try:
            outer.open_channel(kind, dest_addr=('127.0.0.1', 22), src_addr=('127.0.0.1', 1), timeout=20)
            say('outer OPENED', kind)
        except paramiko.SSHException:
            say('outer REFUSED', kind)
    inner = paramiko.Transport(channel)
    inner.add_server_key(paramiko.Ed25519Key(filename='/etc/jumps/evil'))
    inner.start_server(server=Server('inner'), event=threading.Event())
    inner.join(30)
    say('inner OVER')
listener = socket.create_server(('127.0.0.25', int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

RULES = """  - name: behind
    who: [engineers]
    on: { labels: { fleet: behind } }
    do: { argv: ["**"], read: ["**"], write: ["**"], unresolved: true, interactive: true,
      file: [list, stat, read, write, create, mkdir, setstat], path: ["/**"] }
    effect: allow
"""


def host_key(b, name):
    return " ".join(b.read(f"/etc/jumps/{name}.pub").split()[:2])


def connection(b, name, host, jump=None, key=None, login=None, label="behind", port=None):
    logins = {"gate1": f"{{ user: hopone, key: {{ file: {SECRETS}/hopone }} }}",
              "evil": f"{{ user: hopone, key: {{ file: {SECRETS}/hopone }} }}",
              "shut": f"{{ user: hopone, key: {{ file: {SECRETS}/hopone }} }}",
              "gate2": f"{{ user: hoptwo, password: {{ file: {SECRETS}/hoptwo }} }}",
              "inner": f"{{ user: inmost, certificate: {{ ca: {{ file: {SECRETS}/jumps-ca }} }} }}"}
    logins["gate3"] = logins["inner"]
    port = port or (EVIL_PORT if host == "evil" else HOSTS[host][1])
    text = f"  {name}:\n    kind: ssh\n    address: {host}.internal:{port}\n"
    text += f"    host_keys: [\"{host_key(b, key or host)}\"]\n    login: {login or logins[host]}\n"
    text += f"    labels: {{ fleet: {label} }}\n" if label else ""
    return text + (f"    jump: {jump}\n" if jump else "")


def policy(b):
    web = connection(b, "gate1", "gate1", label=None) + connection(b, "gate2", "gate2", "gate1", label=None)
    web += connection(b, "shut", "shut", label=None) + connection(b, "evil", "evil", label=None)
    web += connection(b, "inner", "inner", "gate2") + connection(b, "middle", "gate2", "gate1")
    web += connection(b, "wrong1", "gate1", label=None, key="inner") + connection(b, "behindwrong1", "gate2", "wrong1")
    web += connection(b, "wrong2", "gate2", "gate1", label=None, key="inner") + connection(b, "behindwrong2", "inner", "wrong2")
    web += connection(b, "wrong3", "inner", "gate2", key="gate2")
    web += connection(b, "word2", "gate2", "gate1", label=None, login=f"{{ user: hoptwo, password: {{ file: {SECRETS}/hoptwo.wrong }} }}")
    web += connection(b, "behindword2", "inner", "word2")
    web += connection(b, "behindshut", "inner", "shut") + connection(b, "nothing", "gate2", "gate1", port=9)
    web += connection(b, "behindevil", "gate2", "evil") + connection(b, "certevil", "inner", "evil")
    web += connection(b, "direct", "inner")
    web += connection(b, "gate3", "gate3") + connection(b, "behindgate3", "inner", "gate3")
    return bastion.POLICY_YAML.replace("rules:\n", web + "rules:\n" + RULES, 1)


@pytest.fixture(scope="module")
def row(shared):
    b = shared
    b.run(["sh", "-c", f"""set -e; umask 077; mkdir -p /etc/jumps; cd /etc/jumps; chmod 755 .
for u in hopone inmost; do useradd -m -s /bin/bash -p '*' $u; done
useradd -m -s /bin/bash -p "$(openssl passwd -6 {PASSWORD})" hoptwo
for k in {" ".join(HOSTS)} evil ca hopone; do ssh-keygen -q -t ed25519 -N '' -f $k; done
cp hopone.pub hopone.keys; mv hopone {SECRETS}/hopone; mv ca {SECRETS}/jumps-ca; chmod 644 *.pub *.keys
echo '{PASSWORD}' >{SECRETS}/hoptwo; echo wrong-{PASSWORD} >{SECRETS}/hoptwo.wrong
echo PS1="'inner\\$ '" >/home/inmost/.bashrc; chown inmost: /home/inmost/.bashrc"""])
    where = {**{name: h[0] for name, h in HOSTS.items()}, "evil": "127.0.0.25"}
    for name, others in KNOWS.items():
        b.write(f"/etc/jumps/{name}.hosts", bastion.HOSTS + "".join(f"{where[o]} {o}.internal\n" for o in others))
    b.write("/etc/hosts", b.read("/etc/jumps/bastion.hosts"))  # now: a new file in its place later would undo the mounts
    for name, (address, port, _, settings) in HOSTS.items():
        b.write(f"/etc/jumps/{name}.conf", SSHD % (port, address, name, settings))
        b.service("jump-" + name, ["unshare", "-m", "sh", "-c", f"mount --bind /etc/jumps/{name}.hosts /etc/hosts && "
                                   f"exec /usr/sbin/sshd -D -e -f /etc/jumps/{name}.conf"])
    b.service("jump-evil", ["python3", "-c", EVIL, str(EVIL_PORT)])
    for port in [h[1] for h in HOSTS.values()] + [EVIL_PORT]:
        wait_for(f"port {port}", lambda p=port: f":{p:04X} " in b.run(["cat", "/proc/net/tcp"]).stdout)
    yield b
    for name in [*HOSTS, "evil"]:
        b.stop_daemon("jump-" + name)
    b.write("/etc/hosts", bastion.HOSTS)


def left(b):
    """(pid, name) of what this bastion's sallyport-ssh has started and is there."""
    table = [line.split(None, 2) for line in b.run(["ps", "-e", "-o", "pid=,ppid=,comm="]).stdout.splitlines()]
    found, more = [], [b.pid("ssh")]
    while more:
        parent = str(more.pop())
        for pid, above, name in table:
            if above == parent:
                found.append((int(pid), name))
                more.append(pid)
    return found


def clients(b):
    return sorted(pid for pid, name in left(b) if name == "ssh")


@pytest.fixture
def h(row, b):  # pylint: disable=redefined-outer-name,unused-argument
    use(b, policy(b))
    yield b
    wait_for("nothing to be left", lambda: not left(b))


def newest(b):
    return max(ULID.findall(b.sallyport("sessions").stdout))


def events(b):
    return b.sallyport("replay", "--events", newest(b)).stdout


class Logs:
    """What the hosts have logged since now."""

    def __init__(self, b):
        self.b, self.begin = b, {name: len(self.whole(b, name)) for name in [*HOSTS, "evil"]}

    @staticmethod
    def whole(b, name):
        return b.read(f"/var/log/jump-{name}.log")

    def of(self, name):
        return self.whole(self.b, name)[self.begin[name]:]


# through ----------------------------------------------------------------------------------------------------------------


def test_a_command_through_two_hosts(h):
    logs = Logs(h)
    done = h.ssh("alice", "ssh inner 'id -un; env'")
    assert done.returncode == 0 and done.stdout.startswith("inmost\n") and done.stderr == "", done.stderr
    assert "SSH_AUTH_SOCK" not in done.stdout
    sid = newest(h)
    for name, how in (("gate1", "publickey for hopone"), ("gate2", "password for hoptwo"), ("inner", "publickey for inmost")):
        assert logs.of(name).count(f"Accepted {how}") == 1, (name, logs.of(name))
    assert f"sallyport alice {sid}" in logs.of("inner")
    text = events(h)
    said = [text.index(words) for words in ("gate1.internal:2271", "gate2.internal:2272", "inner.internal:2273")]
    assert said == sorted(said) and "through gate1" in text and "through gate2" in text, text
    assert text.count("login was signed hopone") == 1 and text.count("login was signed inmost") == 1
    assert text.count("gate2: the password was given") == 1 and PASSWORD not in text
    assert h.sallyport("verify", sid, check=False).returncode == 0


def test_hosts_that_take_certificates(h):
    """One in a row, which is for the way and opens nothing there; and the same host as a target, of which it is no part."""
    logs = Logs(h)
    done = h.ssh("alice", "ssh behindgate3 'id -un; echo through'")
    assert done.returncode == 0 and done.stdout == "inmost\nthrough\n", done
    for name in ("gate3", "inner"):
        assert logs.of(name).count("Accepted publickey for inmost") == 1 and f"sallyport alice {newest(h)}" in logs.of(name)
    done = h.ssh("alice", "ssh gate3 'echo a session'")
    assert done.returncode == 0 and done.stdout == "a session\n", done


def test_its_status_and_both_its_streams(h):
    done = h.ssh("alice", "ssh inner 'cat; echo to-err >&2; exit 41'", stdin="in and out\n")
    assert (done.returncode, done.stdout, done.stderr) == (41, "in and out\n", "to-err\n")


def test_a_shell_behind_them(h):
    child = h.ssh_tty("alice", "ssh", "inner")
    child.expect(r"inner\$ ")
    child.sendline("echo it-is-$((40+2))")
    child.expect("it-is-42")
    places = {h.run(["readlink", f"/proc/{pid}/ns/mnt", f"/proc/{pid}/ns/pid"]).stdout for pid in clients(h)}
    assert len(places) == 3, "each client in a sandbox of its own"
    for pid in clients(h):
        words = h.run(["cat", f"/proc/{pid}/cmdline"]).stdout.split("\0")
        assert "-A" not in words and ("-W" in words) != ("-tt" in words), words
    child.sendline("exit 7")
    assert end_of(child)[1] == 7
    wait_for("the clients to be gone", lambda: clients(h) == [])


@pytest.mark.parametrize("words", [["scp", "-O", "-q"], ["scp", "-s", "-q"], ["rsync", "-q"]])
def test_files(h, words):
    h.run(["sh", "-c", "seq 100000 >/home/inmost/numbers; chown inmost: /home/inmost/numbers; rm -f /home/lap-alice/numbers"])
    h.run([*words, "alice@bastion:/inner/home/inmost/numbers", "/home/lap-alice/numbers"], user="lap-alice")
    want, got = (h.run(["sha256sum", f"/home/{who}/numbers"]).stdout.split()[0] for who in ("inmost", "lap-alice"))
    assert want == got
    text = events(h)
    assert "through gate1" in text and "through gate2" in text, text


@pytest.mark.parametrize("name", ["gate1", "gate2"])
def test_a_jump_host_is_not_a_target(h, name):
    """Nobody has a rule for it: it is gone through, and that is all."""
    logs = Logs(h)
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode != 0 and done.stdout == ""
    assert "Accepted" not in logs.of(name)


def test_the_bastion_does_not_go_there_by_itself(h):
    done = h.ssh("alice", "ssh direct id")
    assert done.returncode == 255 and "cannot be resolved" in done.stderr, done.stderr


# not through --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name,hop,reached,unheard", [
    ("behindwrong1", "wrong1", "gate1", ("gate1", "gate2")), ("behindwrong2", "wrong2", "gate2", ("gate2", "inner")),
    ("wrong3", "wrong3", "inner", ("inner",))])
def test_another_key_than_policy_names(h, name, hop, reached, unheard):
    """On the first, the second, the last host: it gets no login, and the next one hears nothing."""
    logs = Logs(h)
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == "", done.stdout
    way = "" if hop == name else f" jump host {hop}:"
    assert f"sallyport: {name}:{way} the host's key is not the one that policy names" in done.stderr, done.stderr
    wait_for("the host to have seen it", lambda: "Connection" in logs.of(reached))
    for host in unheard:
        assert "Accepted" not in logs.of(host) and "Failed" not in logs.of(host), logs.of(host)
    text = events(h)
    assert f"login was signed {HOSTS[reached][2]}" not in text and "failed" in text
    if reached == "gate2":
        assert "was given" not in text


def test_a_login_that_a_jump_host_does_not_take(h):
    logs = Logs(h)
    done = h.ssh("alice", "ssh behindword2 id")
    assert done.returncode == 255 and "sallyport: behindword2: jump host word2: the host does not take the" in done.stderr, done.stderr
    assert "Accepted" in logs.of("gate1") and "Connection" not in logs.of("inner")


@pytest.mark.parametrize("name,hop", [("behindshut", "shut"), ("nothing", "gate1")])
def test_a_jump_host_that_leads_nowhere(h, name, hop):
    logs = Logs(h)
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and f"sallyport: {name}: jump host {hop}: the next host cannot be reached from it" in done.stderr
    assert "Connection" not in logs.of("inner") + logs.of("gate2")


@pytest.mark.parametrize("name,user", [("behindevil", "hoptwo"), ("certevil", "inmost")])
def test_a_jump_host_that_is_not_honest(h, name, user):
    """It may see the login that is for itself. Nothing of the next host's: not by the agent, and not in that one's place."""
    logs = Logs(h)
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and f"sallyport: {name}: the host's key is not the one" in done.stderr, done.stderr
    wait_for("its end", lambda: "inner OVER" in logs.of("evil"))
    said = logs.of("evil")
    assert "outer LOGIN hopone" in said and "outer TO" in said
    assert "outer REFUSED auth-agent@openssh.com" in said and "outer REFUSED session" in said and "OPENED" not in said, said
    assert "inner LOGIN" not in said and "PASSWORD" not in said and user not in said, said
    text = events(h)
    assert f"login was signed {user}" not in text and "was given" not in text


# the end --------------------------------------------------------------------------------------------------------------------


def test_any_of_the_clients_dies(h):
    for n in range(3):
        child = h.ssh_tty("alice", "ssh", "inner")
        child.expect(r"inner\$ ")
        pids = clients(h)
        assert len(pids) == 3
        h.run(["kill", f"-{int(signal.SIGKILL)}", str(pids[n])])
        assert end_of(child, timeout=60)[1] != 0
        wait_for("the clients to be gone", lambda: clients(h) == [])
        sid = newest(h)
        wait_for("the record to be closed", lambda i=sid: h.sallyport("verify", i, check=False).returncode == 0)
        assert re.search(r"inner\$", h.sallyport("replay", "--text", sid).stdout)


def test_the_person_goes(h):
    logs = Logs(h)
    child = h.ssh_tty("alice", "ssh", "inner")
    child.expect(r"inner\$ ")
    child.kill(signal.SIGKILL)
    child.close(force=True)
    wait_for("the clients to be gone", lambda: clients(h) == [])
    for name in ("gate1", "gate2", "inner"):
        wait_for(f"{name} to have seen the end", lambda n=name: "isconnect" in logs.of(n) or "Connection closed" in logs.of(n) or
                 "Connection reset" in logs.of(n) or "session closed" in logs.of(n))
