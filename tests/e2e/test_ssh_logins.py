# SPDX-License-Identifier: Apache-2.0
"""How Sallyport logs in to target hosts: passwords that nobody else sees, certificates for one session; with real sshds."""
import re
import shlex

import pytest

import bastion
from bastion import wait_for
from test_ssh import ULID, end_of, ssh_pids, tree_of, use

HOST, FIRST_PORT, SLOW_PORT = "vault1.internal", 2240, 2239
PASSWORD = "correct-horse-88-battery"
SECRET = "/etc/sallyport/secrets/vault1"

# Each target is a real sshd; its name is also that of its PAM service.
TARGETS = {
    "word": "UsePAM no\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\nPubkeyAuthentication no\n",
    "asks": "UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes\n",
    "twice": "UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes\n",
}
CERTIFIED = ("UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nAuthorizedKeysFile none\n"
             "TrustedUserCAKeys /etc/logins/%s.pub\n")
TARGETS["cert"] = CERTIFIED % "ca"
TARGETS["strange"] = CERTIFIED % "otherca"
PAM = {"asks": "auth required pam_unix.so\naccount required pam_permit.so\n",
       "twice": "auth required pam_unix.so\naccount required pam_unix.so\npassword required pam_unix.so\n"}

SSHD = """Port %d
ListenAddress 127.0.0.5
HostKey /etc/logins/host
PidFile none
StrictModes no
LogLevel VERBOSE
"""

# Lets nothing through for longer than a certificate is valid.
SLOW = r"""
import socket, sys, threading, time
def pump(a, b):
    while True:
        data = a.recv(65536)
        if not data:
            break
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
listener = socket.create_server(('127.0.0.5', int(sys.argv[1])))
while True:
    near = listener.accept()[0]
    time.sleep(12)
    far = socket.create_connection(('127.0.0.5', int(sys.argv[2])))
    for a, b in ((near, far), (far, near)):
        threading.Thread(target=pump, args=(a, b), daemon=True).start()
"""

CONNECTION = """  %s:
    kind: ssh
    address: %s:%d
    host_keys: ["%s"]
    login: { user: %s, password: { file: %s } }
    labels: { fleet: vault }
"""

CERTIFICATE = """  %s:
    kind: ssh
    address: %s:%d
    host_keys: ["%s"]
    login: { user: keeper, certificate: { ca: { file: /etc/sallyport/secrets/%s }%s } }
    labels: { fleet: vault }
"""

RULES = """  - name: vault
    who: [engineers]
    on: { labels: { fleet: vault } }
    do: { argv: ["**"], read: ["**"], write: ["**"], unresolved: true, interactive: true }
    effect: allow
"""


def port(target):
    return FIRST_PORT + list(TARGETS).index(target)


def host_key(b, name="host"):
    return " ".join(b.read(f"/etc/logins/{name}.pub").split()[:2])


def policy(b):
    web = "".join(CONNECTION % (name, HOST, port(name), host_key(b), user, SECRET)
                  for name, user in (("word", "keeper"), ("asks", "keeper"), ("twice", "late")))
    for name, at, ca, more in (("cert", "cert", "ssh-ca", ""), ("rsaca", "cert", "rsa-ca", ""), ("strange", "strange", "ssh-ca", ""),
                               ("near", "cert", "ssh-ca", ", source_address: [127.0.0.0/8, '::1']"),
                               ("far", "cert", "ssh-ca", ", source_address: 10.0.0.0/8"),
                               ("principal", "cert", "ssh-ca", ", principal: somebody"), ("noca", "cert", "nothing", ""),
                               ("badca", "cert", "vault1", ""), ("slow", "slow", "ssh-ca", ", for: 10s")):
        web += CERTIFICATE % (name, HOST, SLOW_PORT if at == "slow" else port(at), host_key(b), ca, more)
    web += CERTIFICATE % ("certother", HOST, port("cert"), host_key(b, "other"), "ssh-ca", "")
    web += CONNECTION % ("wrong", HOST, port("word"), host_key(b), "keeper", SECRET + ".wrong")
    web += CONNECTION % ("wrongboth", HOST, port("asks"), host_key(b), "keeper", SECRET + ".wrong")
    web += CONNECTION % ("empty", HOST, port("word"), host_key(b), "keeper", SECRET + ".empty")
    web += CONNECTION % ("lines", HOST, port("word"), host_key(b), "keeper", SECRET + ".lines")
    web += CONNECTION % ("otherhost", HOST, port("word"), host_key(b, "other"), "keeper", SECRET)
    return bastion.POLICY_YAML.replace("rules:\n", web + "rules:\n" + RULES, 1)


@pytest.fixture(scope="module")
def vault(shared):
    b = shared
    b.run(["sh", "-c", f"""set -e; umask 077; mkdir -p /etc/logins; cd /etc/logins; chmod 755 .
useradd -m -s /bin/bash -p "$(openssl passwd -6 {PASSWORD})" keeper
useradd -m -s /bin/bash -p "$(openssl passwd -6 {PASSWORD})" late; chage -d 0 late
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f other
echo '{PASSWORD}' >{SECRET}; echo wrong-{PASSWORD} >{SECRET}.wrong; : >{SECRET}.empty; printf 'a\\nb\\n' >{SECRET}.lines
ssh-keygen -q -t ed25519 -N '' -f ca; ssh-keygen -q -t rsa -b 3072 -N '' -f rsaca; ssh-keygen -q -t ed25519 -N '' -f otherca
cat rsaca.pub >>ca.pub; mv ca /etc/sallyport/secrets/ssh-ca; mv rsaca /etc/sallyport/secrets/rsa-ca; chmod 644 *.pub
echo PS1="'vault1\\$ '" >/home/keeper/.bashrc; chown -R keeper: /home/keeper"""])
    b.write("/etc/hosts", bastion.HOSTS + f"127.0.0.5 {HOST}\n")
    for name, settings in TARGETS.items():
        b.run(["ln", "-s", "/usr/sbin/sshd", f"/etc/logins/logins-{name}"])
        b.write(f"/etc/pam.d/logins-{name}", PAM.get(name, "auth required pam_deny.so\n") + "session required pam_permit.so\n")
        b.write(f"/etc/logins/{name}.conf", SSHD % port(name) + settings)
        b.service("at-" + name, [f"/etc/logins/logins-{name}", "-D", "-e", "-f", f"/etc/logins/{name}.conf"])
        wait_for(name, lambda n=name: f":{port(n):04X} " in b.run(["cat", "/proc/net/tcp"]).stdout)
    b.service("at-slow", ["python3", "-c", SLOW, str(SLOW_PORT), str(port("cert"))])
    wait_for("slow", lambda: f":{SLOW_PORT:04X} " in b.run(["cat", "/proc/net/tcp"]).stdout)
    yield b
    for name in [*TARGETS, "slow"]:
        b.stop_daemon("at-" + name)


@pytest.fixture
def h(vault, b):  # pylint: disable=redefined-outer-name,unused-argument
    use(b, policy(b))
    return b


def newest(b):
    return max(ULID.findall(b.sallyport("sessions").stdout))


def events(b):
    return b.sallyport("replay", "--events", newest(b)).stdout


def log_of(b, target):
    return b.read(f"/var/log/at-{target}.log")


# passwords ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name,method", [("word", "password"), ("asks", "keyboard-interactive/pam")])
def test_a_password(h, name, method):
    done = h.ssh("alice", f"ssh {name} id -un")
    assert (done.returncode, done.stdout, done.stderr) == (0, "keeper\n", ""), done.stderr
    assert f"Accepted {method} for keeper" in log_of(h, name)
    text = events(h)
    assert text.count("the password was given to the host") == 1 and PASSWORD not in text


def test_a_password_with_a_terminal(h):
    child = h.ssh_tty("alice", "ssh", "word")
    child.expect(r"vault1\$ ")
    assert "password" not in child.before.lower()
    child.sendline("echo it-is-$((40+2))")
    child.expect("it-is-42")
    child.sendline("exit 3")
    assert end_of(child)[1] == 3


@pytest.mark.parametrize("name,target", [("wrong", "word"), ("wrongboth", "asks")])
def test_a_wrong_password_is_given_once(h, name, target):
    before = len(log_of(h, target))
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == ""
    assert "does not take" in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
    wait_for("the target to have said so", lambda: "Connection closed" in log_of(h, target)[before:])
    said = log_of(h, target)[before:]
    assert len(re.findall(r"Failed (?:password|keyboard-interactive/pam) for keeper", said)) == 1, said
    text = events(h)
    assert "failed" in text and text.count("was given") == 1 and PASSWORD not in text


def test_more_than_one_question_is_refused(h):
    """A password that has expired, where the host wants a new one in the same breath."""
    done = h.ssh("alice", "ssh twice id")
    assert done.returncode == 255 and done.stdout == "" and "asks for something more" in done.stderr, done.stderr
    assert "Accepted" not in log_of(h, "twice")
    assert events(h).count("was given") == 1


@pytest.mark.parametrize("name", ["empty", "lines"])
def test_not_a_password(h, name):
    before = log_of(h, "word")
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and "cannot be used" in done.stderr, done.stderr
    assert log_of(h, "word") == before, "the target heard of it"


def test_another_host_gets_no_password(h):
    before = len(log_of(h, "word"))
    done = h.ssh("alice", "ssh otherhost id")
    assert done.returncode == 255 and "key is not the one that policy names" in done.stderr
    wait_for("the target to have said so", lambda: "Connection closed" in log_of(h, "word")[before:])
    assert "keeper" not in log_of(h, "word")[before:]
    assert "given" not in events(h)


def test_the_password_is_nowhere(h):
    child = h.ssh_tty("alice", "ssh", "word")
    child.expect(r"vault1\$ ")
    for pid, user, name in tree_of(h):
        for what in ("cmdline", "environ"):
            assert PASSWORD not in h.run(["cat", f"/proc/{pid}/{what}"], check=False).stdout, (user, name, what)
    child.sendline("exit 0")
    end_of(child)
    sid = newest(h)
    wait_for("the record to be closed", lambda: h.sallyport("verify", sid, check=False).returncode == 0)
    assert PASSWORD not in h.sallyport("replay", "--events", sid).stdout + h.sallyport("replay", "--text", sid).stdout
    assert h.run(["grep", "-rlF", PASSWORD, "/var/log", "/run", "/tmp", "/home"], check=False).stdout == ""


ASK = r"""
import array, os, socket, struct, sys
def ask(path, prompt):
    c = socket.socket(socket.AF_UNIX)
    c.settimeout(10)
    c.connect(path)
    r, w = os.pipe()
    body = struct.pack('>I', len(prompt)) + prompt
    frame = struct.pack('>IBBI', 6 + len(body), 1, 132, 0) + body
    c.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [w]))])
    os.close(w)
    try:
        told = c.recv(1)
    except OSError:
        told = b''
    print('told', told, 'got', os.read(r, 2000))
ask(sys.argv[1] + '/run/ssh/ask', sys.argv[2].encode())
"""


def test_a_second_one_that_asks_gets_nothing(h):
    """Even inside of the sandbox, in the words of the client."""
    child = h.ssh_tty("alice", "ssh", "word")
    child.expect(r"vault1\$ ")
    pid = ssh_pids(h)[0]
    prompt = f"keeper@{HOST}'s password: "
    for user in ("alice", "root"):
        done = h.run(["python3", "-c", ASK, f"/proc/{pid}/root", prompt], user=user, check=False)
        assert "Permission" in done.stderr if user == "alice" else "told b'' got b''" in done.stdout, (done.stdout, done.stderr)
    text, status = end_of(child)
    assert status == 255 and "asks for something more" in text
    assert events(h).count("was given") == 1


# certificates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cert", "rsaca", "near"])
def test_a_certificate_for_one_session(h, name):
    before = len(log_of(h, "cert"))
    done = h.ssh("alice", f"ssh {name} id -un")
    assert (done.returncode, done.stdout, done.stderr) == (0, "keeper\n", ""), done.stderr
    said = log_of(h, "cert")[before:]
    sid = newest(h)
    assert re.search(rf"Accepted publickey for keeper from .* ED25519-CERT .* ID sallyport alice {sid} ", said), said
    assert "login was signed" in events(h)


def test_a_certificate_is_for_its_command_alone(h):
    """sshd says so: it forces it, and what was asked for, which is the same, is in the environment. A shell's has none."""
    line = 'printf %s "$SSH_ORIGINAL_COMMAND"'
    assert h.ssh("alice", "ssh cert " + shlex.quote(line)).stdout == line
    assert h.ssh("alice", "ssh cert " + shlex.quote(f": {'x' * 1100}; {line}")).stdout == ""  # too long for a certificate
    child = h.ssh_tty("alice", "ssh", "cert")
    child.sendline("echo \"<${SSH_ORIGINAL_COMMAND-none}>\"")
    child.expect("<none>")
    child.sendline("exit")
    assert end_of(child)[1] == 0


def test_a_certificate_permits_a_terminal_and_no_more(h):
    child = h.ssh_tty("alice", "ssh", "cert")
    child.expect(r"vault1\$ ")
    child.sendline("exit 4")
    assert end_of(child)[1] == 4


@pytest.mark.parametrize("name,target,why", [("strange", "strange", None), ("far", "cert", "source"), ("principal", "cert", "principal"),
                                             ("slow", "cert", "expired")])
def test_a_certificate_that_does_not_fit(h, name, target, why):
    """Of a CA that the host does not know; from another address; for another name; too late."""
    before = len(log_of(h, target))
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == "", done.stdout
    assert "does not take the login" in done.stderr or "closed the connection" in done.stderr, done.stderr
    wait_for("the target to have said so", lambda: "Connection closed" in log_of(h, target)[before:])
    said = log_of(h, target)[before:]
    assert "Accepted" not in said and (why is None or why in said), said


def test_another_host_gets_no_certificate(h):
    before = len(log_of(h, "cert"))
    done = h.ssh("alice", "ssh certother id")
    assert done.returncode == 255 and "key is not the one that policy names" in done.stderr
    wait_for("the target to have said so", lambda: "Connection closed" in log_of(h, "cert")[before:])
    assert "keeper" not in log_of(h, "cert")[before:] and "signed" not in events(h)


@pytest.mark.parametrize("name,words", [("noca", "cannot be read"), ("badca", "no certificate could be made")])
def test_no_certificate_without_its_ca(h, name, words):
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and words in done.stderr, done.stderr
