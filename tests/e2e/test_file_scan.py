# SPDX-License-Identifier: Apache-2.0
"""What is in files that go to and come from target hosts (`scan` of a rule): by sftp, both kinds of scp, and rsync."""
import hashlib
import struct

import pytest

from test_sftp import (ATTRS, CARD, CLOSE, DATA, DENIED, HANDLE, OK, READ, RULES, STATUS, WRITE, Client, f, host,  # noqa: F401 pylint: disable=unused-import
                       policy, scp, sftp, sha, shown, there, text, use)

SCANS = RULES + """  - name: www-scanned
    who: [engineers]
    on: files1
    do: { file: [read, write], path: [/srv/www/scan/**] }
    effect: allow
    scan: { detect: [credit_card, private_key] }
  - name: www-watched
    who: [engineers]
    on: files1
    do: { file: [read, write], path: [/srv/www/watch/**] }
    effect: allow
    scan: { detect: [credit_card], found: record, unreadable: pass }
"""
HOME = "/home/lap-alice/t"
FSTAT = 8
REFUSED = "refused for what is in it: credit_card"


@pytest.fixture
def s(f):  # noqa: F811 pylint: disable=redefined-outer-name
    use(f, policy(f, SCANS))
    f.run(["sh", "-c", f"""set -e; mkdir /srv/www/scan /srv/www/watch; cd /srv/www/scan; echo fine >fine; echo 'card {CARD} of 7' >card
printf 'x\\000{CARD}' >bin; cp card bin ../watch; chown -R filer: /srv/www; cd {HOME}; echo fine >fine; echo 'card {CARD} of 7' >card; printf 'x\\000' >bin
{{ yes 'nothing in this line' | head -c 3000000; echo; echo {CARD}; yes 'nothing either' | head -c 1000000; }} >long
chown -R lap-alice {HOME}"""])
    return f


def test_fetched(s):
    for fetch in (lambda name: sftp(s, f"get files1/srv/www/scan/{name} {HOME}/got"),
                  lambda name: scp(s, f"alice@bastion:/files1/srv/www/scan/{name}", f"{HOME}/got"),
                  lambda name: scp(s, "-O", f"alice@bastion:/files1/srv/www/scan/{name}", f"{HOME}/got")):
        s.run(["rm", "-f", f"{HOME}/got"])
        assert fetch("fine").returncode == 0
        assert s.read(f"{HOME}/got") == "fine\n"
        for name, why in (("card", REFUSED), ("bin", "refused: it is no text")):
            s.run(["rm", "-f", f"{HOME}/got"])
            assert fetch(name).returncode != 0
            assert CARD not in s.run(["sh", "-c", f"cat {HOME}/got || true"]).stdout
            out = shown(s)
            assert why in out and "partial" in out and CARD not in out, out
            assert "complete" not in out


def test_sent(s):
    for send in (lambda name: sftp(s, f"put {HOME}/{name} files1/srv/www/scan/new"),
                 lambda name: scp(s, f"{HOME}/{name}", "alice@bastion:/files1/srv/www/scan/new"),
                 lambda name: scp(s, "-O", f"{HOME}/{name}", "alice@bastion:/files1/srv/www/scan/new")):
        s.run(["rm", "-f", "/srv/www/scan/new"])
        assert send("fine").returncode == 0
        assert s.read("/srv/www/scan/new") == "fine\n"
        for name, why in (("card", REFUSED), ("bin", "refused: it is no text"), ("long", REFUSED)):
            s.run(["rm", "-f", "/srv/www/scan/new"])
            assert send(name).returncode != 0
            assert s.run(["sh", "-c", f"grep -c {CARD} /srv/www/scan/new || true"]).stdout.strip() in ("", "0")
            out = shown(s)
            assert why in out and "partial" in out and "complete" not in out and '"credit_card"' in out or name == "bin", out


def test_put_on_record_only(s):
    sftp(s, f"get files1/srv/www/watch/card {HOME}/got", f"put {HOME}/long files1/srv/www/watch/long",
         f"get files1/srv/www/watch/bin {HOME}/bin2", check=0)
    assert s.read(f"{HOME}/got") == f"card {CARD} of 7\n" and sha(s, "/srv/www/watch/long") == sha(s, f"{HOME}/long")
    out = shown(s)
    assert out.count("credit_card") == 2 and "partial" not in out and CARD not in out


def test_no_way_around_by_offsets(s):
    """Written in two halves, from the second on, over itself, resumed: nothing that nobody has looked at as a whole."""
    with Client(s) as c:
        for first, second in ((b"4111 1111", b" 1111 1111"), (b"x" * 9, b"y")):
            kind, handle = c.open("/files1/srv/www/scan/half", 0x1a)
            assert kind == HANDLE
            assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text(first))[1] == OK
            if second == b"y":
                assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text(second))[1] == DENIED
            else:
                assert c.ask(WRITE, handle + struct.pack(">Q", len(first)) + text(second))[1] == DENIED
            assert c.ask(CLOSE, handle)[1] == DENIED
        kind, handle = c.open("/files1/srv/www/scan/half", 0x1a)
        assert c.ask(WRITE, handle + struct.pack(">Q", 9) + text(b"1111 1111"))[1] == DENIED
        assert c.ask(CLOSE, handle)[1] == DENIED
        kind, handle = c.open("/files1/srv/www/scan/card", 1)
        assert c.ask(READ, handle + struct.pack(">QI", 8, 30)) == (STATUS, DENIED)
        kind, handle = c.open("/files1/srv/www/scan/card", 1)
        got = c.ask(READ, handle + struct.pack(">QI", 0, 7))
        assert got[0] == DATA
        assert c.ask(READ, handle + struct.pack(">QI", 7, 30)) == (STATUS, DENIED)
        assert c.ask(READ, handle + struct.pack(">QI", 7, 1)) == (STATUS, DENIED)
        assert "1111 1111 1111" not in s.read("/srv/www/scan/half")
        # appended to, written into, or by two at once: what was in it before is not looked at
        for flags in (0x06, 0x0e):
            assert c.open("/files1/srv/www/scan/half", flags)[0] == STATUS, flags
        for flags in (0x02, 0x0a):
            s.run(["sh", "-c", "echo xxxxxxxxx 1111 1111 >/srv/www/scan/half"])
            kind, handle = c.open("/files1/srv/www/scan/half", flags)
            assert kind == HANDLE and s.read("/srv/www/scan/half") != ""
            assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text(b"4111 1111"))[1] == OK
            assert c.ask(CLOSE, handle)[1] == OK
            assert s.read("/srv/www/scan/half") == "4111 1111"
        kind, first = c.open("/files1/srv/www/scan/two", 0x1a)
        assert kind == HANDLE
        assert c.open("/files1/srv/www/scan/two", 0x1a)[0] == STATUS
        assert c.ask(CLOSE, first)[1] == OK
        assert c.open("/files1/srv/www/scan/two", 0x1a)[0] == HANDLE
    s.run(["sh", "-c", f"cp {HOME}/long {HOME}/resumed; head -c 3000000 {HOME}/long >/srv/www/scan/resumed; chown filer /srv/www/scan/resumed; "
           f"chown lap-alice {HOME}/resumed"])
    assert sftp(s, f"reput {HOME}/resumed files1/srv/www/scan/resumed").returncode != 0
    assert CARD not in s.read("/srv/www/scan/resumed")


@pytest.mark.parametrize("looks", [0, 247, 248, 255])
def test_every_request_is_answered(s, looks):
    """However many wait for the host: what is in the file is cut off before the first write, by a request of our own."""
    s.write("/etc/files1/stopped", "#!/bin/sh\necho $$ >/home/filer/server\nexec /usr/lib/openssh/sftp-server\n", mode="0755")
    s.run(["sh", "-c", "rm -f /home/filer/server; ln -sfn /etc/files1/stopped /etc/files1/server; echo old and long >/srv/www/scan/full; chown filer /srv/www/scan/full"])
    with Client(s) as c:
        kind, handle = c.open("/files1/srv/www/scan/full", 2)
        assert kind == HANDLE
        server = s.read("/home/filer/server").strip()
        s.run(["kill", "-STOP", server])
        asked = {c.send(FSTAT, handle): ATTRS for _ in range(looks)}
        asked.update({c.send(WRITE, handle + struct.pack(">Q", i) + text("x")): STATUS for i in range(20)})
        asked[c.send(CLOSE, handle)] = STATUS
        s.run(["kill", "-CONT", server])
        for _ in range(len(asked)):
            kind, of, rest = c.answer()
            assert asked.pop(of) == kind and (kind != STATUS or rest[:4] == bytes(4)), (kind, rest)
    assert not asked and s.read("/srv/www/scan/full") == "x" * 20


def test_what_is_open_when_the_rule_comes(s):
    """Nothing passes unread on a handle of before."""
    use(s, policy(s))
    with Client(s) as c:
        kind, handle = c.open("/files1/srv/www/scan/card", 1)
        assert kind == HANDLE and c.ask(READ, handle + struct.pack(">QI", 0, 4))[0] == DATA
        use(s, policy(s, SCANS))
        wait_until_denied(c, handle)


def wait_until_denied(c, handle):
    """The session hears of a new policy a moment after control."""
    for _ in range(400):
        kind, rest = c.ask(READ, handle + struct.pack(">QI", 0, 1))
        if kind == STATUS:
            assert rest == DENIED
            return
    pytest.fail("what was open goes on unread")


def test_rsync_cannot_be_read(s):
    use(s, policy(s, SCANS.replace('"**/*.key"', "/srv/www/none")))  # which is a reason of its own
    done = s.run(["rsync", "-a", "alice@bastion:/files1/srv/www/scan/", f"{HOME}/got"], user="lap-alice", check=False)
    assert done.returncode != 0 and "rsync's stream cannot be" in done.stderr and not there(s, f"{HOME}/got/card"), done.stderr


def test_a_digest_of_what_passed(s):
    sftp(s, f"put {HOME}/fine files1/srv/www/scan/new", check=0)
    out = shown(s)
    assert hashlib.sha256(b"fine\n").hexdigest() in out and "complete" in out
