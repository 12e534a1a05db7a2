# SPDX-License-Identifier: Apache-2.0
"""Files of target hosts: sftp and scp through the bastion, with OpenSSH's clients, a real sshd, and clients and servers that are neither."""
import hashlib
import re
import select
import struct
import subprocess

import pytest

import bastion
from bastion import wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
WEB, WEB_PORT = "files1.internal", 2228
KEY = "/etc/sallyport/secrets/files1"
CARD, SHOWN = "4111111111111111", "1111"

SSHD = f"""Port {WEB_PORT}
ListenAddress 127.0.0.8
HostKey /etc/files1/host
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile /etc/files1/%u.keys
StrictModes no
Subsystem sftp /etc/files1/server
"""

CONNECTIONS = """  %(name)s:
    kind: ssh
    address: %(web)s:%(port)d
    host_keys: ["%(key)s"]
    login: { user: filer, key: { file: %(secret)s } }
"""

RULES = """  - name: www
    who: [engineers]
    on: [files1, files2]
    do: { file: [list, stat, read, write, create, remove, rename, mkdir, rmdir, setstat, link, symlink], path: [/srv/www, /srv/www/**] }
    effect: allow
  - name: www-locked
    on: files1
    do: { file: [read, remove], path: [/srv/www/locked/**, "**/*.key"] }
    effect: deny
    message: Keys stay where they are.
  - name: www-held
    who: [engineers]
    on: files1
    do: { file: [write, create], path: [/srv/www/held/**] }
    effect: approve
    approve: { by: [dba], count: 1, within: 15m }
  - name: www-masked
    who: [engineers]
    on: files1
    do: { file: [read], path: [/srv/www/cards/**] }
    effect: allow
    mask: { detect: [credit_card], with: partial }
"""

OPEN, CLOSE, READ, WRITE, LSTAT, OPENDIR, REMOVE, REALPATH, STAT, RENAME, SYMLINK, EXTENDED = 3, 4, 5, 6, 7, 11, 13, 16, 17, 18, 20, 200
STATUS, HANDLE, DATA, NAME, ATTRS = 101, 102, 103, 104, 105
OK, EOF, NO_SUCH_FILE, DENIED, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3, 4, 5, 8


def text(v):
    v = v if isinstance(v, bytes) else v.encode()
    return struct.pack(">I", len(v)) + v


class Client:
    """An sftp client that sends what it is told to."""

    def __init__(self, b, who="alice", init=True):
        self.p = b.popen(["ssh", "-s", f"{who}@bastion", "sftp"], user="lap-" + who, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, bufsize=0)
        self.id = 0
        if init:
            self.raw(struct.pack(">IBI", 5, 1, 3))
            assert self.answer()[0] == 2

    def raw(self, data):
        while data:
            data = data[self.p.stdin.write(data):]

    def send(self, kind, body):
        self.id += 1
        self.raw(struct.pack(">IBI", len(body) + 5, kind, self.id) + body)
        return self.id

    def has_answer(self, seconds):
        return bool(select.select([self.p.stdout], [], [], seconds)[0])

    def read(self, n):
        got = b""
        while len(got) < n:
            assert self.has_answer(60), "no answer"
            part = self.p.stdout.read(n - len(got))
            if not part:
                raise EOFError
            got += part
        return got

    def answer(self):
        packet = self.read(struct.unpack(">I", self.read(4))[0])
        return packet[0], struct.unpack(">I", packet[1:5])[0], packet[5:]

    def ask(self, kind, body):
        """A request and its answer: (type, status code or body)."""
        mine = self.send(kind, body)
        kind, of, rest = self.answer()
        assert of == mine
        return kind, struct.unpack(">I", rest[:4])[0] if kind == STATUS else rest

    def open(self, path, flags=1):
        return self.ask(OPEN, text(path) + struct.pack(">II", flags, 0))

    def realpath(self, path):
        kind, rest = self.ask(REALPATH, text(path))
        return rest[8:8 + struct.unpack(">I", rest[4:8])[0]].decode() if kind == NAME else rest

    def end(self):
        out, _ = self.p.communicate(timeout=60)
        return out

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.communicate()


def policy(b, rules=RULES):
    key = " ".join(b.read("/etc/files1/host.pub").split()[:2])
    web = "".join(CONNECTIONS % {"name": n, "web": WEB, "port": WEB_PORT, "key": key, "secret": KEY}
                  for n in ("files1", "files2", "files3"))
    return bastion.POLICY_YAML.replace("rules:\n", web + "rules:\n" + rules, 1)


def use(b, wanted):
    if b.read("/etc/sallyport/policy.d/orders.yaml") == wanted:
        return
    said = len(b.read("/var/log/control.log"))
    b.set_policy(wanted)
    wait_for("the policy to be taken", lambda: "policy" in b.read("/var/log/control.log")[said:])
    assert "stays" not in b.read("/var/log/control.log")[said:], b.read("/var/log/control.log")[said:]


@pytest.fixture(scope="module")
def host(shared):
    """files1, as its administrator made it; its sftp server is OpenSSH's until a test puts another in its place."""
    shared.run(["sh", "-c", f"""set -e; umask 077; rm -rf /etc/files1 {KEY} {KEY}.pub; mkdir /etc/files1; cd /etc/files1
id filer >/dev/null 2>&1 || useradd -m -s /bin/sh -p '*' filer
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -C files1 -f {KEY}; cp {KEY}.pub filer.keys
chmod 755 /etc/files1; chmod 644 /etc/files1/*.keys; ln -s /usr/lib/openssh/sftp-server server"""])
    shared.write("/etc/files1/sshd_config", SSHD)
    hosts = shared.read("/etc/hosts")
    shared.write("/etc/hosts", hosts + f"127.0.0.8 {WEB}\n")
    shared.service("files1", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/files1/sshd_config"])
    wait_for("files1", lambda: ":08B4 " in shared.run(["cat", "/proc/net/tcp"]).stdout)
    yield shared
    shared.stop_daemon("files1")
    shared.write("/etc/hosts", hosts)


@pytest.fixture
def f(host, b):  # pylint: disable=redefined-outer-name,unused-argument
    use(b, policy(b))
    b.run(["sh", "-c", f"""set -e; umask 022; rm -rf /srv/www /srv/private /home/lap-alice/t; mkdir -p /srv/www/locked /srv/www/held /srv/www/cards /srv/private
cd /srv/www; echo hello >a.txt; echo key >x.key; echo secret >/srv/private/s; echo locked >locked/l; ln -s /srv/private out
ln -s /srv/private/s leak; echo 'card {CARD} of 7' >cards/c.txt; printf 'a\\000{CARD}' >cards/c.bin; chown -hR filer: /srv/www /srv/private
install -d -o lap-alice /home/lap-alice/t; ln -sfn /usr/lib/openssh/sftp-server /etc/files1/server"""])
    return b


def sftp(b, *lines, check=None):
    done = b.run(["sftp", "-b", "-", "alice@bastion"], user="lap-alice", stdin="".join(x + "\n" for x in lines), check=False)
    assert check is None or done.returncode == check, done.stdout + done.stderr
    return done


def scp(b, *words):
    return b.run(["scp", *words], user="lap-alice", check=False)


def newest(b):
    return max(ULID.findall(b.sallyport("sessions").stdout))


def shown(b):
    def ended():
        out = b.sallyport("replay", "--events", newest(b), check=False).stdout
        return out if "session_end" in out else None
    return wait_for("the session's end", ended)


def there(b, path):
    return b.run(["test", "-e", path], check=False).returncode == 0


def sha(b, path):
    return b.run(["sha256sum", path]).stdout.split()[0]


# a tour --------------------------------------------------------------------------------------------------------


def test_tour(f):
    f.run(["sh", "-c", "head -c 3000000 /dev/urandom >/home/lap-alice/t/up; chown lap-alice /home/lap-alice/t/up"])
    done = sftp(f, "ls -1 /", "cd files1/srv/www", "pwd", "ls -l", "put /home/lap-alice/t/up up", "get up /home/lap-alice/t/down", "mkdir d", "rename up d/up", "ln d/up d/hard",
                "ln -s up d/soft", "chmod 600 d/up", "rm d/hard", "rm d/soft", "rm d/up", "rmdir d", "df .", "ls /files2/srv/www",
                "cd /", "ls", check=0)
    assert "/files1" in done.stdout and "/files2" in done.stdout and "files3" not in done.stdout
    assert "Remote working directory: /files1/srv/www" in done.stdout and "a.txt" in done.stdout
    digest = sha(f, "/home/lap-alice/t/up")
    assert sha(f, "/home/lap-alice/t/down") == digest and not there(f, "/srv/www/d")
    out = shown(f)
    assert out.count(digest) >= 1, out
    for word in ("open /srv/www/up", "rename", "/srv/www/d/up", "mkdir /srv/www/d", "rmdir /srv/www/d", "remove /srv/www/d/hard", "upload", "download",
                 "complete", "proven", "www"):
        assert word in out, (word, out)


def test_scp(f):
    f.run(["sh", "-c", "echo up >/home/lap-alice/t/up"])
    done = scp(f, "-p", "/home/lap-alice/t/up", "alice@bastion:/files1/srv/www/")
    assert done.returncode == 0, done.stderr
    assert f.read("/srv/www/up") == "up\n"
    done = scp(f, "alice@bastion:/files1/srv/www/a.txt", "/home/lap-alice/t/a")
    assert done.returncode == 0, done.stderr
    assert f.read("/home/lap-alice/t/a") == "hello\n"


def test_home_and_rest(f):
    f.run(["sh", "-c", "rm -rf /home/filer/x; chmod 755 /home/filer"])
    use(f, policy(f, RULES.replace("/srv/www, /srv/www/**", "/srv/www, /srv/www/**, /home/filer, /home/filer/**", 1)))
    with Client(f) as c:
        assert c.realpath(".") == "/" and c.realpath("/files1/..") == "/" and c.realpath("files1") == "/files1"
        assert c.realpath("/files1/~") == "/files1/home/filer" and c.realpath("/files1/srv/www/../www") == "/files1/srv/www"
        assert c.ask(STAT, text("/files1"))[0] == ATTRS
        assert c.ask(EXTENDED, text("expand-path@openssh.com") + text("~"))[1] == UNSUPPORTED
        assert c.ask(99, b"")[1] == UNSUPPORTED


# refusals ------------------------------------------------------------------------------------------------------


def test_nobody_without_a_rule(f):
    for who in ("bob", "alice"):
        if who == "alice":
            use(f, policy(f, ""))
        done = f.run(["sftp", "-b", "-", f"{who}@bastion"], user="lap-" + who, stdin="ls /\n", check=False)
        assert done.returncode != 0, done.stdout
        out = shown(f)
        assert "no rule lets you at a host's files" in out and f"{WEB}:{WEB_PORT}" not in out


SHUT = ["/files1/srv/www/x.key", "/files1/srv/www/leak", "/files1/srv/www/out/s", "/files1/srv/private/s",
        "/files1/srv/www/../private/s", "/files1/srv/www/out/../private/s", "/files1/srv/www/locked/../locked/l",
        "/files2/srv/private/s", "/files1//srv//www//leak", "/files1/srv/www/./leak", "/files1/etc/no/such"]


def test_denied_read(f):
    with Client(f) as c:
        for path in SHUT:
            assert c.open(path) == (STATUS, DENIED), path
        assert c.open("/files3/srv/www/a.txt") == (STATUS, NO_SUCH_FILE)
        assert c.open("/nowhere/a.txt") == (STATUS, NO_SUCH_FILE)
    out = shown(f)
    assert out.count("deny") + out.count("refuse") >= len(SHUT), out
    assert "transfer" not in out


def test_denied_says_why(f):
    done = sftp(f, "get files1/srv/www/x.key /home/lap-alice/t/x")
    assert done.returncode != 0 and "Permission denied" in done.stderr, done.stderr
    assert "Keys stay where they are." in shown(f)
    with Client(f) as c:
        mine = c.send(OPEN, text("/files1/srv/www/x.key") + struct.pack(">II", 1, 0))
        assert c.answer()[1:] == (mine, struct.pack(">I", DENIED) + text("Keys stay where they are.") + text(""))
    assert not there(f, "/home/lap-alice/t/x")


def test_denied_changes(f):
    with Client(f) as c:
        w = "/files1/srv/www"
        assert c.ask(REMOVE, text(w + "/locked/l"))[1] == DENIED
        assert c.ask(RENAME, text(w + "/x.key") + text(w + "/x.txt"))[1] == DENIED
        assert c.ask(RENAME, text(w + "/locked") + text(w + "/open"))[1] == DENIED
        assert c.ask(RENAME, text(w + "/a.txt") + text("/files1/srv/private/a"))[1] == DENIED
        assert c.ask(RENAME, text("/files1/srv/private/s") + text(w + "/s"))[1] == DENIED
        assert c.ask(RENAME, text(w + "/a.txt") + text("/files2/srv/www/b"))[1] == FAILURE
        assert c.ask(EXTENDED, text("hardlink@openssh.com") + text(w + "/leak") + text(w + "/s"))[1] == DENIED
        assert c.ask(EXTENDED, text("hardlink@openssh.com") + text(w + "/x.key") + text(w + "/y"))[1] == DENIED
        assert c.ask(SYMLINK, text("../private/s") + text(w + "/new"))[1] == DENIED
        assert c.ask(SYMLINK, text("/files1/etc/passwd") + text(w + "/new"))[1] == DENIED
        assert c.open("/files1/etc/cron.d/x", 0x1a) == (STATUS, DENIED)
        assert c.open(w + "/out/new", 0x1a) == (STATUS, DENIED)
        assert c.open(w + "/a\nb")[1] == BAD_MESSAGE and c.open(w + "/a\x7f")[1] == BAD_MESSAGE
        assert c.open(w + "/a.txt", 0)[1] == BAD_MESSAGE
    for path in ("/srv/www/locked/l", "/srv/www/x.key", "/srv/www/a.txt", "/srv/private/s"):
        assert there(f, path), path
    for path in ("/srv/www/s", "/srv/www/y", "/srv/www/new", "/srv/www/open", "/srv/private/a", "/srv/private/new", "/etc/cron.d/x"):
        assert not there(f, path), path


def test_policy_is_live(f):
    with Client(f) as c:
        kind, handle = c.open("/files1/srv/www/a.txt")
        assert kind == HANDLE
        ask = handle + struct.pack(">QI", 0, 5)
        assert c.ask(READ, ask)[0] == DATA
        use(f, policy(f, RULES.replace("read, remove], path: [", "read, remove], path: [/srv/www/a.txt, ")))

        def refused():
            return c.ask(READ, ask) == (STATUS, DENIED)
        wait_for("the new policy to hold", refused)
        assert c.open("/files1/srv/www/a.txt") == (STATUS, DENIED)


# approvals, masks ----------------------------------------------------------------------------------------------


def waiting(b):
    """The request that bob is asked about."""
    def asked():
        return re.findall(r"\b[0-9A-HJKMNP-TV-Z]{8}\b", b.ssh("bob", "approvals").stdout)
    return wait_for("the request", asked)[0]


@pytest.mark.parametrize("verdict", ["approve", "deny"])
def test_approval(f, verdict):
    with Client(f) as c:
        mine = c.send(OPEN, text("/files1/srv/www/held/new") + struct.pack(">II", 0x1a, 0))
        request = waiting(f)
        assert not there(f, "/srv/www/held/new")
        assert c.ask(STAT, text("/files1/srv/www/a.txt"))[0] == ATTRS  # only that request waits
        done = f.ssh("bob", f"{verdict} {request}")
        assert done.returncode == 0, done.stderr
        kind, of, rest = c.answer()
        assert of == mine
        if verdict == "approve":
            assert kind == HANDLE
            assert c.ask(WRITE, rest + struct.pack(">Q", 0) + text("new\n"))[1] == OK
            assert c.ask(CLOSE, rest)[1] == OK
            assert f.read("/srv/www/held/new") == "new\n"
            assert c.open("/files1/srv/www/a.txt")[0] == HANDLE
        else:
            assert (kind, struct.unpack(">I", rest[:4])[0]) == (STATUS, DENIED)
            assert not there(f, "/srv/www/held/new")
    assert request in shown(f)


def test_what_was_approved_is_what_is_opened(f):
    """While somebody thinks about it, the same client puts a link there."""
    f.run(["sh", "-c", "echo here >/srv/www/held/swapped; echo elsewhere >/srv/www/elsewhere; chown filer: /srv/www/held/swapped "
           "/srv/www/elsewhere"])
    w = "/files1/srv/www"
    with Client(f) as c:
        mine = c.send(OPEN, text(w + "/held/swapped") + struct.pack(">II", 0x12, 0))  # to write, and what is there goes
        request = waiting(f)
        assert c.ask(REMOVE, text(w + "/held/swapped")) == (STATUS, OK)
        assert c.ask(SYMLINK, text(w + "/elsewhere") + text(w + "/held/swapped")) == (STATUS, OK)
        assert f.ssh("bob", f"approve {request}").returncode == 0
        kind, of, rest = c.answer()
        assert of == mine and (kind, struct.unpack(">I", rest[:4])[0]) == (STATUS, DENIED), (kind, rest)
        assert b"leads elsewhere" in rest
        assert c.open(w + "/a.txt")[0] == HANDLE
    assert f.read("/srv/www/elsewhere") == "elsewhere\n"
    mine = max(ULID.findall(f.sallyport("sessions", "--user", "alice").stdout))
    wait_for("it to be on record", lambda: "changed" in f.sallyport("replay", "--events", mine, check=False).stdout)


def test_a_policy_that_changes_while_the_host_opens(f):
    """The host has not answered an open: what it answers then is held against what holds then."""
    f.run(["sh", "-c", "rm -f /srv/www/pipe; mkfifo /srv/www/pipe; chown filer: /srv/www/pipe"])
    shut = RULES + """  - name: www-shut
    on: [files1, files2]
    do: { file: [read], path: [/srv/www/pipe, /srv/www/a.txt] }
    effect: deny
"""
    with Client(f) as c:
        kind, known = c.open("/files2/srv/www/a.txt")
        assert kind == HANDLE
        mine = c.send(OPEN, text("/files1/srv/www/pipe") + struct.pack(">II", 1, 0))  # the server waits for a writer
        c.send(STAT, text("/files1/srv/www/a.txt"))
        assert not c.has_answer(3)  # it is in that open, and does nothing else
        use(f, policy(f, shut))
        try:
            wait_for("the session to have it", lambda: c.ask(READ, known + struct.pack(">QI", 0, 1)) == (STATUS, DENIED))
            f.run(["timeout", "60", "sh", "-c", "echo in the pipe >/srv/www/pipe"])
            got = {of: (kind, rest) for kind, of, rest in (c.answer(), c.answer())}
            assert got[mine][0] == STATUS and struct.unpack(">I", got[mine][1][:4])[0] == DENIED, got
        finally:
            use(f, policy(f))
    assert "the policy has changed" in shown(f)


def test_a_masked_file_is_not_read_before_it_is_masked(f):
    """Its handle can be guessed while the bastion fetches it: nobody has it until it is given."""
    f.run(["sh", "-c", f"yes 'card {CARD}' | head -c 4000000 >/srv/www/cards/large.txt; chmod 644 /srv/www/cards/large.txt"])
    with Client(f) as c:
        kind, known = c.open("/files1/srv/www/cards/large.txt")
        assert kind == HANDLE
        at, serial = struct.unpack(">II", known[4:12])
        assert c.ask(4, known)[1] == OK
        opened, seen, tried = c.send(OPEN, text("/files1/srv/www/cards/large.txt") + struct.pack(">II", 1, 0)), None, 0
        guesses = [struct.pack(">II", at, serial + i) for i in range(1, 9)]  # requests have some of the numbers
        while seen != opened:
            guess = guesses[tried % len(guesses)]
            c.send(READ, text(guess) + struct.pack(">QI", 0, 100))
            kind, seen, rest = c.answer()
            tried += 1
            assert CARD.encode() not in rest, tried
        assert kind == HANDLE and rest[4:12] in guesses and tried > 30, (kind, rest, tried)


@pytest.mark.parametrize("flags", [0x21, 0x22, 0x23, 0x31])
def test_exclusive_without_create_is_nothing(f, flags):
    """The host would follow the link, where the name is what was decided on."""
    f.run(["sh", "-c", "echo secret >/srv/private/secret; ln -sfn /srv/private/secret /srv/www/link; chmod -R a+rwX /srv/private"])
    with Client(f) as c:
        assert c.open("/files1/srv/www/link", flags)[0] == STATUS
        assert c.open("/files1/srv/www/link", 1)[0] == STATUS  # as without
    assert f.read("/srv/private/secret") == "secret\n"


def test_masked_download(f):
    sftp(f, "get files1/srv/www/cards/c.txt /home/lap-alice/t/c", check=0)
    got = f.read("/home/lap-alice/t/c")
    assert CARD not in got and SHOWN in got and got.startswith("card ") and got.endswith(" of 7\n")
    out = shown(f)
    assert CARD not in out and "credit_card" in out
    assert hashlib.sha256(got.encode()).hexdigest() in out
    done = sftp(f, "get files1/srv/www/cards/c.bin /home/lap-alice/t/b")
    assert done.returncode != 0 and not there(f, "/home/lap-alice/t/b")


# transfers -----------------------------------------------------------------------------------------------------


def test_resume(f):
    f.run(["sh", "-c", "cd /srv/www; head -c 400000 /dev/urandom >big; chown filer big; cd /home/lap-alice/t; head -c 150000 /srv/www/big >down; "
           "cp /srv/www/big up; head -c 100000 up >/srv/www/part; chown filer /srv/www/part; chown lap-alice *"])
    sftp(f, "reget files1/srv/www/big /home/lap-alice/t/down", "reput /home/lap-alice/t/up files1/srv/www/part", check=0)
    whole = sha(f, "/srv/www/big")
    assert sha(f, "/home/lap-alice/t/down") == whole and sha(f, "/srv/www/part") == whole
    out = shown(f)
    assert "150000" in out and "250000" in out and "100000" in out and "300000" in out


@pytest.mark.parametrize("flags", [1, 0x1a])
def test_partial(f, flags):
    with Client(f) as c:
        kind, handle = c.open("/files1/srv/www/a.txt" if flags == 1 else "/files1/srv/www/new", flags)
        assert kind == HANDLE
        if flags == 1:
            assert c.ask(READ, handle + struct.pack(">QI", 0, 3))[0] == DATA
        else:
            assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text("hel"))[1] == OK
        c.p.kill()
    out = shown(f)
    assert "partial" in out and hashlib.sha256(b"hel").hexdigest() in out and "complete" not in out


def test_an_end_that_was_not_reached(f):
    """Having asked for bytes behind the end is not having read up to it."""
    with Client(f) as c:
        handle = c.open("/files1/srv/www/a.txt")[1]
        assert c.ask(READ, handle + struct.pack(">QI", 0, 3))[0] == DATA
        assert c.ask(READ, handle + struct.pack(">QI", 1000, 3)) == (STATUS, EOF)
        assert c.ask(READ, handle + struct.pack(">QI", 3, 0))[0] in (DATA, STATUS)
        assert c.ask(CLOSE, handle)[1] == OK
    assert "closed before its end was read" in shown(f)


def session_pid(b):
    """Of the newest session; other machines' processes can be seen here too."""
    sid = newest(b)
    return re.search(rf"session {sid}: .*pid (\d+)", b.read("/var/log/sallyportd.log")).group(1)


def connected(b):
    """Whether anything is connected to files1."""
    return any(line.split()[2].endswith(":08B4") and line.split()[3] == "01" for line in b.read("/proc/net/tcp").splitlines()[1:])


def test_session_killed(f):
    """What was begun is on record; the client is told, and the target's server is gone."""
    with Client(f) as c:
        assert c.open("/files1/srv/www/a.txt")[0] == HANDLE
        f.run(["kill", "-9", session_pid(f)])
        with pytest.raises(EOFError):
            c.answer()
    wait_for("the connection to be gone", lambda: not connected(f))
    found = wait_for("the record", lambda: f.sallyport("replay", "--events", newest(f), check=False).stdout)
    assert "open /srv/www/a.txt" in found


@pytest.mark.parametrize("how", ["recorder", "pause"])
def test_nothing_moves(f, how):
    """While nothing can be recorded, or an operator has paused it: no byte, either way; afterwards it goes on."""
    with Client(f) as c:
        handle = c.open("/files1/srv/www/a.txt")[1]
        new = c.open("/files1/srv/www/new", 0x1a)[1]
        pid, sid = f.pid("recorder"), newest(f)
        if how == "pause":
            assert f.sallyport("pause", "--reason", "wait", sid).returncode == 0
        else:
            f.stop_daemon("recorder")
        reading = c.send(READ, handle + struct.pack(">QI", 0, 5))
        writing = c.send(WRITE, new + struct.pack(">Q", 0) + text("new"))
        opening = c.send(OPEN, text("/files1/srv/www/other") + struct.pack(">II", 0x1a, 0))
        assert not c.has_answer(1)
        assert f.read("/srv/www/new") == "" and not there(f, "/srv/www/other")
        if how == "pause":
            assert f.sallyport("resume", sid).returncode == 0
        else:
            assert f.start_daemon("recorder") != pid
        answers = dict((of, kind) for kind, of, _ in (c.answer() for _ in range(3)))
        assert answers == {reading: DATA, writing: STATUS, opening: HANDLE}
        assert f.read("/srv/www/new") == "new"
    assert "open /srv/www/other" in shown(f)


def test_ended_by_an_operator(f):
    with Client(f) as c:
        handle = c.open("/files1/srv/www/new", 0x1a)[1]
        assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text("hel"))[1] == OK
        assert f.sallyport("end", "--reason", "change freeze", newest(f)).returncode == 0
        with pytest.raises(EOFError):
            c.answer()
    out = shown(f)
    assert "partial" in out and hashlib.sha256(b"hel").hexdigest() in out and "change freeze" in out


def test_out_of_order(f):
    """Bytes that move in another order have no digest, and are not called complete; ids are answered as they were asked."""
    with Client(f) as c:
        handle = c.open("/files1/srv/www/new", 0x1b)[1]
        assert c.ask(WRITE, handle + struct.pack(">Q", 3) + text("def"))[1] == OK
        assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text("abc"))[1] == OK
        c.id = 7
        asked = {}
        for i in range(300):
            asked[c.send(READ, handle + struct.pack(">QI", i % 6, 1))] = b"abcdef"[i % 6:i % 6 + 1]
        for _ in range(300):
            kind, of, rest = c.answer()
            assert kind == DATA and rest == text(asked.pop(of))
        assert c.ask(READ, handle + struct.pack(">QI", 6, 1)) == (STATUS, EOF)
        assert c.ask(CLOSE, handle)[1] == OK
    out = shown(f)
    assert "did not move in order" in out and "partial" in out and "complete" not in out
    assert hashlib.sha256(b"abcdef").hexdigest() not in out and hashlib.sha256(b"defabc").hexdigest() not in out


def test_empty_file(f):
    f.run(["sh", "-c", ": >/srv/www/empty; : >/home/lap-alice/t/empty; chown lap-alice /home/lap-alice/t/empty"])
    sftp(f, "get files1/srv/www/empty /home/lap-alice/t/e", "put /home/lap-alice/t/empty files1/srv/www/e", check=0)
    out = shown(f)
    assert out.count(hashlib.sha256(b"").hexdigest()[:16]) == 2 and out.count("complete") == 2, out


def test_many_bytes(f):
    """100 MB each way through a session that stays small; and a client that asks for more than it takes."""
    f.run(["truncate", "-s", "100M", "/srv/www/big"])
    with Client(f) as c:
        handle = c.open("/files1/srv/www/big")[1]
        new = c.open("/files1/srv/www/new", 0x1a)[1]
        block, data = 261120, bytes(261120)
        for i in range(0, 100 * 1024 * 1024, 4 * block):
            for at in range(i, i + 4 * block, block):
                c.send(READ, handle + struct.pack(">QI", at, block))
                c.send(WRITE, new + struct.pack(">Q", at) + text(data))
            for _ in range(8):
                c.answer()
        for i in range(100):
            c.send(READ, handle + struct.pack(">QI", i * block, block))
        pid = session_pid(f)
        peak = int(re.search(r"VmHWM:\s+(\d+)", f.read(f"/proc/{pid}/status")).group(1))
        assert peak < 64 * 1024, f"{peak} KiB"
        for _ in range(100):
            assert c.answer()[0] == DATA


def test_a_host_that_is_not_there(f):
    f.stop_daemon("files1")
    try:
        with Client(f) as c:
            assert c.open("/files1/srv/www/a.txt") == (STATUS, FAILURE)
            assert c.realpath("/files1") == "/files1"
            f.start_daemon("files1")
            wait_for("files1", lambda: c.open("/files1/srv/www/a.txt")[0] == HANDLE)
    finally:
        f.start_daemon("files1")
    assert "cannot be reached" in shown(f)


def test_extensions(f):
    with Client(f) as c:
        w = "/files1/srv/www"

        def extended(name, *parts):
            kind, rest = c.ask(EXTENDED, text(name + "@openssh.com") + b"".join(p if isinstance(p, bytes) else text(p) for p in parts))
            return kind if kind != STATUS else rest

        handle = c.open(w + "/a.txt", 3)[1]
        assert extended("posix-rename", w + "/a.txt", w + "/b.txt") == OK and there(f, "/srv/www/b.txt")
        assert extended("hardlink", w + "/b.txt", w + "/a.txt") == OK and there(f, "/srv/www/a.txt")
        assert extended("statvfs", w) == 201 and extended("fstatvfs", handle) == 201 and extended("fsync", handle) == OK
        assert extended("lsetstat", w + "/leak", struct.pack(">III", 8, 1, 1)) == OK
        assert f.run(["stat", "-c", "%Y", "/srv/www/leak"]).stdout == "1\n"
        assert f.run(["stat", "-c", "%Y", "/srv/private/s"]).stdout != "1\n"
        assert extended("posix-rename", w + "/b.txt", "/files2/srv/www/b.txt") == FAILURE
        assert extended("statvfs", "/files1/srv/private") == DENIED
        assert extended("lsetstat", w + "/out/s", struct.pack(">III", 8, 1, 1)) == DENIED
        kind, rest = c.ask(EXTENDED, text("limits@openssh.com"))
        assert kind == 201 and struct.unpack(">QQQQ", rest)[3] == 64
        assert extended("copy-data", handle, struct.pack(">QQ", 0, 0), handle, struct.pack(">Q", 9)) == UNSUPPORTED
        assert extended("expand-path", "~") == UNSUPPORTED
        assert c.ask(EXTENDED, text("home-directory") + text("alice"))[1] == UNSUPPORTED
        assert c.ask(EXTENDED, text("users-groups-by-id@openssh.com") + text(b"") + text(b""))[1] == UNSUPPORTED
        assert extended("made-up", "x") == UNSUPPORTED
        kind, rest = c.ask(SYMLINK, text(w + "/b.txt") + text(w + "/link"))
        assert (kind, rest) == (STATUS, OK) and f.run(["readlink", "/srv/www/link"]).stdout == "/srv/www/b.txt\n"
        kind, rest = c.ask(19, text(w + "/link"))
        assert kind == NAME and rest[4:] == text(w + "/b.txt") * 2 + bytes(4)


# bytes ---------------------------------------------------------------------------------------------------------


GARBAGE = [b"\0\0\0\0", b"\xff" * 64, b"GET / HTTP/1.0\r\n\r\n", struct.pack(">IBI", 5, 1, 2), struct.pack(">IBI", 5, 3, 1),
           struct.pack(">IBI", 5, 1, 3) * 2, struct.pack(">IBI", 5, 1, 3) + struct.pack(">IBI", 9, 4, 1) + b"\0\0\1\0",
           struct.pack(">IBI", 5, 1, 3) + struct.pack(">IBI", 11, 17, 1) + text("a\0"), struct.pack(">IBI", 0x40001, 1, 3)]


def test_hostile_client(f):
    for data in GARBAGE:
        with Client(f, init=False) as c:
            c.raw(data)
            out = c.end()
            assert c.p.returncode != 0, (data, out)
    with Client(f) as c:  # a handle that was never given, and one that is closed
        for handle in (b"", b"\0" * 8, b"\xff" * 8, b"\0" * 256):
            assert c.ask(CLOSE, text(handle))[1] == FAILURE
            assert c.ask(READ, text(handle) + struct.pack(">QI", 0, 1))[1] == FAILURE
        kind, handle = c.open("/files1/srv/www/a.txt")
        assert kind == HANDLE and c.ask(WRITE, handle + struct.pack(">Q", 0) + text("x"))[1] == FAILURE
        assert c.ask(CLOSE, handle)[1] == OK and c.ask(CLOSE, handle)[1] == FAILURE
    assert f.read("/srv/www/a.txt") == "hello\n"


SERVER = """#!/usr/bin/python3
import os, struct, sys
i, o = sys.stdin.buffer, sys.stdout.buffer
def s(v): return struct.pack(">I", len(v)) + v
def say(k, n, body): o.write(struct.pack(">IBI", len(body) + 5, k, n) + body); o.flush()
mode = open("/etc/files1/mode").read()
while True:
    h = i.read(4)
    if len(h) < 4: break
    p = i.read(struct.unpack(">I", h)[0]); k, n = p[0], struct.unpack(">I", p[1:5])[0]
    if k == 1: say(2, 3, b"")
    elif k == 16:
        path = {"relative": b"srv/www", "dots": b"/srv/www/../private", "newline": b"/srv/www/a\\n", "none": b""}.get(mode, b"/srv/www")
        if mode == "garbage": o.write(b"\\xff" * 99); o.flush()
        elif mode == "id": say(104, n + 256, struct.pack(">I", 1) + s(path) + s(path) + bytes(4))
        elif mode == "two": say(104, n, struct.pack(">I", 2) + (s(path) + s(path) + bytes(4)) * 2)
        elif mode == "cut": say(104, n, struct.pack(">I", 1) + s(path)[:-1])
        elif mode == "long": o.write(struct.pack(">I", 0x7fffffff)); o.flush()
        elif mode == "dies": os._exit(0)
        else: say(104, n, struct.pack(">I", 1) + s(path) + s(path) + bytes(4))
    elif k == 11: say(102, n, s(b"h"))
    elif k == 12: say(104, n, struct.pack(">I", 1) + s(b"../../etc" if mode == "slash" else b"x") + s(b"l") + bytes(4))
    elif k == 17: say(105 if mode != "type" else 103, n, bytes(4))
    else: say(101, n, struct.pack(">I", 0) + s(b"") + s(b""))
"""


def test_hostile_server(f):
    f.write("/etc/files1/liar", SERVER, mode="0755")
    f.run(["ln", "-sfn", "/etc/files1/liar", "/etc/files1/server"])
    for mode in ("relative", "dots", "newline", "none", "garbage", "id", "two", "cut", "long", "dies", "type"):
        f.write("/etc/files1/mode", mode)
        with Client(f) as c:
            assert c.ask(STAT, text("/files1/srv/www")) == (STATUS, FAILURE), mode
            assert c.realpath("/") == "/"
    f.write("/etc/files1/mode", "slash")
    with Client(f) as c:
        kind, handle = c.ask(OPENDIR, text("/files1/srv/www"))
        assert kind == HANDLE and c.ask(12, handle) == (STATUS, FAILURE)
        assert c.realpath("/") == "/"
    assert "advisory" in shown(f)
