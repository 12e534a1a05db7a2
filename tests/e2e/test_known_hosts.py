# SPDX-License-Identifier: Apache-2.0
"""Target hosts that the bastion knows by known_hosts files, or by DNS with DNSSEC: with real sshds and a real resolver."""
import time

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
# Names in DNS: zone, records ({NAME}: SHA-256 of that key, {NAME/1}: SHA-1).
ZONES = ("signed.example", "plain.example", "bogus.example")
DNS = {
    "dns": ("signed.example", ["4 2 {host}"]),
    "dnsmany": ("signed.example", ["1 2 {rsa}", "4 1 {host/1}", "4 2 {other}", "4 2 {host}"]),
    "dnswrong": ("signed.example", ["4 2 {other}"]),
    "dnssha1": ("signed.example", ["4 1 {host/1}"]),
    "dnsalgo": ("signed.example", ["1 2 {host}"]),
    "dnsnone": ("signed.example", []),
    "dnsplain": ("plain.example", ["4 2 {host}"]),
    "dnsbogus": ("bogus.example", ["4 2 {other}"]),  # the other key's when it was signed, the host's now
}
RESOLVER = "127.0.0.53"
UNBOUND = f"""server:
  interface: {RESOLVER}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  use-syslog: no
  username: ""
  chroot: ""
  pidfile: ""
  directory: {PLACE}
  module-config: "validator iterator"
  trust-anchor-file: {PLACE}/signed.example.ds
  trust-anchor-file: {PLACE}/bogus.example.ds
remote-control:
  control-enable: no
""" + "".join(f"auth-zone:\n  name: {zone}\n  zonefile: {PLACE}/{zone}.zone\n  for-upstream: yes\n  for-downstream: no\n" for zone in ZONES)

# Takes questions and never answers.
SILENT = "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.54', 53)); time.sleep(10000)"

JUMPS = {"inner": "plain", "innerbad": "another", "innernone": "nobody"}


def key(b, name):
    return " ".join(b.read(f"{PLACE}/{name}.pub").split()[:2])


def fingerprinted(name, host, more="", port=PORT):
    return (CONNECTION % (name, host, port, "", "", KEY)).replace("{ known_hosts:  }", "{ sshfp: true%s }" % more)


def policy(b):
    keys = {name: key(b, name) for name in ("host", "other", "rsa", "ca")}
    text = ""
    for name, (_, more) in FILES.items():
        text += CONNECTION % (name, HOST, PORT, f"{PLACE}/{name}", more.format(**keys), KEY)
    for name in ("missing", "loose", "alices", "folder"):
        text += CONNECTION % (name, HOST, PORT, f"{PLACE}/{name}", f', pinned: ["{keys["host"]}"]', KEY)
    for name, hop in JUMPS.items():
        text += CONNECTION % (name, BEHIND, BEHIND_PORT, f"{PLACE}/behind", "", KEY) + f"    jump: {hop}\n"
    for name, (zone, _) in DNS.items():
        text += fingerprinted(name, f"{name}.{zone}")
    text += fingerprinted("dnsalias", "alias.signed.example") + fingerprinted("dnsmissing", "missing.signed.example")
    text += fingerprinted("dnsplainpin", "dnsplain.plain.example", f', pinned: ["{keys["host"]}"]')
    text += fingerprinted("dnsrevoked", "dns.signed.example", f", known_hosts: {PLACE}/revoked")
    text += fingerprinted("dnsbehind", "behind.signed.example", port=BEHIND_PORT) + "    jump: dns\n"
    text += CONNECTION % ("innerwrong", BEHIND, BEHIND_PORT, f"{PLACE}/behindwrong", "", KEY) + "    jump: plain\n"
    return bastion.POLICY_YAML.replace("rules:\n", text + "rules:\n" + RULES, 1)


def fingerprint(b, name):
    lines = b.run(["ssh-keygen", "-r", "x", "-f", f"{PLACE}/{name}.pub"]).stdout.split("\n")
    return {line.split()[4]: line.split()[5] for line in lines if line}


def make_zones(b):
    prints = {}
    for name in ("host", "other", "rsa"):
        prints[name], prints[name + "/1"] = fingerprint(b, name)["2"], fingerprint(b, name)["1"]
    behind = fingerprint(b, "behind-key")["2"]
    for zone in ZONES:
        text = f"$ORIGIN {zone}.\n$TTL 300\n@ IN SOA ns root 1 3600 600 86400 300\n@ IN NS ns\nns IN A {RESOLVER}\n"
        text += f"alias IN CNAME dns\nbehind IN SSHFP 4 2 {behind}\n"
        for name, (of, records) in DNS.items():
            if of == zone:
                text += "".join(f"{name} IN SSHFP {record.format(**prints)}\n" for record in records) + f"{name} IN A {ADDRESS}\n"
        b.write(f"{PLACE}/{zone}.zone", text)
        if zone != "plain.example":
            b.run(["sh", "-c", f"""set -e; cd {PLACE}; umask 022; k=$(ldns-keygen -a ECDSAP256SHA256 -k {zone}); mv $k.ds {zone}.ds
ldns-signzone -i 20200101000000 -e 20371231000000 -f {zone}.signed {zone}.zone $k; mv {zone}.signed {zone}.zone"""])
    text = b.read(f"{PLACE}/bogus.example.zone")
    assert prints["other"] in text
    b.write(f"{PLACE}/bogus.example.zone", text.replace(prints["other"], prints["host"]))


def resolve_by(b, address, options="options trust-ad\n"):
    b.write("/etc/resolv.conf", f"nameserver {address}\n{options}")


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
    make_zones(b)
    names = " ".join([HOST, *(f"{name}.{zone}" for name, (zone, _) in DNS.items()), "alias.signed.example", "missing.signed.example"])
    b.write("/etc/hosts", bastion.HOSTS + f"{ADDRESS} {names}\n{BEHIND_ADDRESS} {BEHIND} behind.signed.example\n")
    resolve_by(b, RESOLVER)
    b.write(f"{PLACE}/unbound.conf", UNBOUND)
    b.run(["cp", "/usr/sbin/unbound", PLACE])  # where no AppArmor profile is about it
    b.service("resolver", [f"{PLACE}/unbound", "-d", "-c", f"{PLACE}/unbound.conf"])
    b.service("silent", ["python3", "-c", SILENT])
    for address in ("3500007F:0035", "3600007F:0035"):
        wait_for("the resolvers", lambda a=address: f" {a} " in b.run(["cat", "/proc/net/udp"]).stdout)
    b.write(f"{PLACE}/kept1.conf", SSHD % (ADDRESS, PORT, "host") + f"HostCertificate {PLACE}/host-cert.pub\n")
    b.write(f"{PLACE}/kept2.conf", SSHD % (BEHIND_ADDRESS, BEHIND_PORT, "behind-key"))
    for name, port in (("kept1", PORT), ("kept2", BEHIND_PORT)):
        b.service(name, ["/usr/sbin/sshd", "-D", "-e", "-f", f"{PLACE}/{name}.conf"])
        wait_for(name, lambda p=port: f":{p:04X} " in b.run(["cat", "/proc/net/tcp"]).stdout)
    yield b
    for name in ("kept1", "kept2", "resolver", "silent"):
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


# DNS ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dns", "dnsmany", "dnsalias", "dnsplainpin"])
def test_a_fingerprint_in_dns(h, name):
    done = h.ssh("alice", f"ssh {name} id -un")
    assert (done.returncode, done.stdout, done.stderr) == (0, "keptby\n", ""), done.stderr
    text = events(h)
    assert text.count("login was signed keptby") == 1 and "agent: refused" not in text, text


def test_a_fingerprint_of_a_host_behind(h):
    done = h.ssh("alice", "ssh dnsbehind id -un")
    assert (done.returncode, done.stdout, done.stderr) == (0, "keptby\n", ""), done.stderr
    assert "through dns" in events(h)


@pytest.mark.parametrize("name", ["dnswrong", "dnsalgo", "dnsrevoked"])
def test_a_fingerprint_that_is_not_the_hosts(h, name):
    """Of another key, of another type of key, or of a key that a file revokes."""
    before = len(log_of(h))
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == "", done.stdout
    assert f"sallyport: {name}: the host's key is not the one that policy names" in done.stderr, done.stderr
    wait_for("the host to have seen it", lambda: "Connection" in log_of(h)[before:])
    assert "keptby" not in log_of(h)[before:] and "was signed" not in events(h)


@pytest.mark.parametrize("name,why", [("dnsplain", "the answer is not signed"), ("dnsbogus", "whose signatures are wrong"),
                                      ("dnssha1", "none with SHA-256"), ("dnsnone", "there are none"), ("dnsmissing", "there are none")])
def test_an_answer_that_does_not_count(h, name, why):
    before = len(log_of(h))
    done = h.ssh("alice", f"ssh {name} id")
    assert done.returncode == 255 and done.stdout == "" and "cannot be had from DNS" in done.stderr and why in done.stderr, done.stderr
    assert log_of(h)[before:] == "" and why in events(h)


@pytest.mark.parametrize("address,options,why", [(RESOLVER, "", "options trust-ad"), ("127.0.0.55", "options trust-ad\n", "no answer"),
                                                 ("127.0.0.54", "options trust-ad\n", "no answer")])
def test_a_resolver_that_is_not_trusted_or_not_there(h, address, options, why):
    """In bounded time, also where it takes the question and says nothing."""
    before = len(log_of(h))
    try:
        resolve_by(h, address, options)
        begin = time.monotonic()
        done = h.ssh("alice", "ssh dns id")
        took = time.monotonic() - begin
    finally:
        resolve_by(h, RESOLVER)
    assert done.returncode == 255 and done.stdout == "" and why in done.stderr, done.stderr
    assert took < 40 and log_of(h)[before:] == "", took
