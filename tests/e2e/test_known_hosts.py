# SPDX-License-Identifier: Apache-2.0
"""Target hosts that the bastion knows by known_hosts files, with real sshds."""
import pytest

import bastion
from bastion import wait_for
from test_ssh import ULID, end_of, use

HOST, ADDRESS, PORT = "kept1.internal", "127.0.0.31", 2281
BEHIND, BEHIND_ADDRESS, BEHIND_PORT = "kept2.internal", "127.0.0.32", 2282
PLACE, KEY = "/etc/kept", "/etc/sallyport/secrets/kept"

SSHD = f"""ListenAddress %s
Port %d
HostKey {PLACE}/%s
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile {PLACE}/%%u.keys
StrictModes no
LogLevel VERBOSE
"""

CONNECTION = """  %s:
    kind: ssh
    address: %s:%d
    host_keys: { known_hosts: %s%s }
    login: { user: keptby, key: { file: %s } }
    labels: { fleet: kept }
"""

RULES = """  - name: kept
    who: [engineers]
    on: { labels: { fleet: kept } }
    do: { argv: ["**"], read: ["**"], write: ["**"], unresolved: true, interactive: true }
    effect: allow
"""

# Connection: lines of its file, with {NAME} for the key of that name; what else policy knows the host by.
AT = f"[{HOST}]:{PORT}"
FILES = {
    "plain": (f"# the fleet\n\n{AT},{ADDRESS} {{host}} root@kept1\n[db.internal]:{PORT} {{other}}\n", ""),
    "pattern": ("[*.internal]:*,![kept3.internal]:* {host}\n", ""),
    "hashed": (f"{AT} {{host}}\n", ""),  # made so with ssh-keygen -H
    "authority": ("@cert-authority *.internal {ca}\n", ""),
    "several": (f"{AT} {{other}}\n{AT} {{rsa}}\n{AT} {{host}}\n", ""),
    "pinned": (f"[elsewhere.internal]:{PORT} {{other}}\n", ', pinned: ["{host}"]'),
    # what is refused
    "another": (f"{AT} {{other}}\n", ""),
    "otherport": (f"{HOST} {{host}}\n[{HOST}]:22 {{host}}\n", ""),
    "excepted": (f"[*.internal]:*,!{AT} {{host}}\n", ""),
    "nobody": ("# nothing yet\n", ""),
    "tokens": (f"{AT} sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
               "AAAABHNzaDo=\n", ""),
    "revoked": (f"{AT} {{host}}\n@revoked * {{host}}\n", ""),
    "revokedca": ("@cert-authority *.internal {ca}\n@revoked * {ca}\n", ""),
    "revokedkey": (f"@cert-authority *.internal {{ca}}\n@revoked {HOST} {{host}}\n", ""),
    "revokedpin": (f"@revoked {AT} {{host}}\n", ', pinned: ["{host}"]'),
    "certpin": (f"@revoked {AT} {{ca}}\n", ', cert_authority: ["{ca}"]'),
    "badline": (f"{AT} {{host}}\n# fine so far\n@revokd * {{host}}\n", ""),
    "badpinned": (f"{AT}\n", ', pinned: ["{host}"]'),
}
JUMPS = {"inner": "plain", "innerbad": "another", "innernone": "nobody"}


def key(b, name):
    return " ".join(b.read(f"{PLACE}/{name}.pub").split()[:2])


def policy(b):
    keys = {name: key(b, name) for name in ("host", "other", "rsa", "ca")}
    text = ""
    for name, (_, more) in FILES.items():
        text += CONNECTION % (name, HOST, PORT, f"{PLACE}/{name}", more.format(**keys), KEY)
    for name in ("missing", "loose", "alices", "folder"):
        text += CONNECTION % (name, HOST, PORT, f"{PLACE}/{name}", f', pinned: ["{keys["host"]}"]', KEY)
    for name, hop in JUMPS.items():
        text += CONNECTION % (name, BEHIND, BEHIND_PORT, f"{PLACE}/behind", "", KEY) + f"    jump: {hop}\n"
    text += CONNECTION % ("innerwrong", BEHIND, BEHIND_PORT, f"{PLACE}/behindwrong", "", KEY) + "    jump: plain\n"
    return bastion.POLICY_YAML.replace("rules:\n", text + "rules:\n" + RULES, 1)


@pytest.fixture(scope="module")
def kept(shared):
    b = shared
    b.run(["sh", "-c", f"""set -e; umask 077; mkdir -p {PLACE}; cd {PLACE}; chmod 755 .; useradd -m -s /bin/bash -p '*' keptby
for k in host other ca login behind; do ssh-keygen -q -t ed25519 -N '' -f $k; done; ssh-keygen -q -t rsa -b 3072 -N '' -f rsa
ssh-keygen -q -s ca -h -I kept1 -n {HOST} -V -1h:+2h host.pub; mv behind behind-key; mv behind.pub behind-key.pub
cp login.pub keptby.keys; mv login {KEY}; chmod 644 *.pub *.keys
echo PS1="'kept1\\$ '" >/home/keptby/.bashrc; chown keptby: /home/keptby/.bashrc"""])
    keys = {name: key(b, name) for name in ("host", "other", "rsa", "ca")}
    for name, (lines, _) in FILES.items():
        b.write(f"{PLACE}/{name}", lines.format(**keys))
    b.run(["ssh-keygen", "-q", "-H", "-f", f"{PLACE}/hashed"])
    b.run(["sh", "-c", f"chmod 644 {PLACE}/hashed; ! grep -q {HOST} {PLACE}/hashed; mkdir {PLACE}/folder"])
    b.write(f"{PLACE}/loose", FILES["plain"][0].format(**keys), mode="0664")
    b.write(f"{PLACE}/alices", FILES["plain"][0].format(**keys), owner="alice:root")
    b.write(f"{PLACE}/behind", f"[{BEHIND}]:{BEHIND_PORT} {key(b, 'behind-key')}\n")
    b.write(f"{PLACE}/behindwrong", f"[{BEHIND}]:{BEHIND_PORT} {keys['host']}\n")
    b.write("/etc/hosts", bastion.HOSTS + f"{ADDRESS} {HOST}\n{BEHIND_ADDRESS} {BEHIND}\n")
    b.write(f"{PLACE}/kept1.conf", SSHD % (ADDRESS, PORT, "host") + f"HostCertificate {PLACE}/host-cert.pub\n")
    b.write(f"{PLACE}/kept2.conf", SSHD % (BEHIND_ADDRESS, BEHIND_PORT, "behind-key"))
    for name, port in (("kept1", PORT), ("kept2", BEHIND_PORT)):
        b.service(name, ["/usr/sbin/sshd", "-D", "-e", "-f", f"{PLACE}/{name}.conf"])
        wait_for(name, lambda p=port: f":{p:04X} " in b.run(["cat", "/proc/net/tcp"]).stdout)
    yield b
    for name in ("kept1", "kept2"):
        b.stop_daemon(name)
    b.write("/etc/hosts", bastion.HOSTS)


@pytest.fixture
def h(kept, b):  # pylint: disable=redefined-outer-name,unused-argument
    use(b, policy(b))
    return b


def events(b):
    return b.sallyport("replay", "--events", max(ULID.findall(b.sallyport("sessions").stdout))).stdout


def log_of(b, name="kept1"):
    return b.read(f"/var/log/{name}.log")


# known --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "pattern", "hashed", "authority", "several", "pinned"])
def test_a_host_that_is_known(h, name):
    done = h.ssh("alice", f"ssh {name} id -un")
    assert (done.returncode, done.stdout, done.stderr) == (0, "keptby\n", ""), done.stderr
    text = events(h)
    assert text.count("login was signed keptby") == 1 and "refused" not in text, text


def test_through_a_host_that_is_known(h):
    done = h.ssh("alice", "ssh inner id -un")
    assert (done.returncode, done.stdout, done.stderr) == (0, "keptby\n", ""), done.stderr
    assert "through plain" in events(h)


def test_the_file_is_read_each_time(h):
    """What it says from now on holds for the next session; the one that runs goes on."""
    child = h.ssh_tty("alice", "ssh", "plain")
    child.expect(r"kept1\$ ")
    text = h.read(f"{PLACE}/plain")
    try:
        h.write(f"{PLACE}/plain", text + f"@revoked * {key(h, 'host')}\n")
        done = h.ssh("alice", "ssh plain id")
        assert done.returncode == 255 and done.stdout == "" and "key is not the one" in done.stderr, done.stderr
        child.sendline("echo still-$((40+2))")
        child.expect("still-42")
    finally:
        h.write(f"{PLACE}/plain", text)
    assert h.ssh("alice", "ssh plain true").returncode == 0
    child.sendline("exit 5")
    assert end_of(child)[1] == 5


# not known ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["another", "revoked", "revokedca", "revokedkey", "revokedpin", "certpin"])
def test_another_key_or_a_revoked_one(h, name):
    """It hears no login. What the client would not say the agent would not sign either."""
    before = len(log_of(h))
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == "", done.stdout
    assert f"sallyport: {name}: the host's key is not the one that policy names" in done.stderr, done.stderr
    wait_for("the host to have seen it", lambda: "Connection" in log_of(h)[before:])
    assert "keptby" not in log_of(h)[before:]
    text = events(h)
    assert "failed" in text and "was signed" not in text


@pytest.mark.parametrize("name", ["otherport", "excepted", "nobody", "tokens"])
def test_a_host_that_is_not_there(h, name):
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == ""
    assert f"{PLACE}/{name} has no key for {HOST}:{PORT}" in done.stderr and "administrator must put it there" in done.stderr, done.stderr
    text = events(h)
    assert "failed" in text and f"{PLACE}/{name} has no key" in text


@pytest.mark.parametrize("name,words", [("badline", "badline, line 3: its marker is not known"), ("badpinned", "badpinned, line 1: it has no key"),
                                        ("missing", "missing: No such file"), ("loose", "writable by nobody else"),
                                        ("alices", "must belong to root"), ("folder", "not a regular file")])
def test_a_file_that_is_not_taken(h, name, words):
    """Also where policy has the host's key itself: what the file may revoke is not known."""
    before = len(log_of(h))
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == "" and words in done.stderr and PLACE in done.stderr, done.stderr
    assert "keptby" not in log_of(h)[before:]
    assert words in events(h) and words in h.read("/var/log/sallyportd.log")


@pytest.mark.parametrize("name,said", [("innerbad", "jump host another: the host's key is not the one"),
                                       ("innernone", f"jump host nobody: {PLACE}/nobody has no key for"),
                                       ("innerwrong", "innerwrong: the host's key is not the one")])
def test_through_a_host_that_is_not_known(h, name, said):
    before = len(log_of(h, "kept2"))
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == "" and said in done.stderr, done.stderr
    assert "keptby" not in log_of(h, "kept2")[before:]
