# SPDX-License-Identifier: Apache-2.0
"""Files that are refused for what is in them, with a copy kept for reviewers (`found: quarantine`): by sftp and both kinds of scp."""
import hashlib
import json
import re
import struct

import pytest

from bastion import wait_for
from test_sftp import (ATTRS, CARD, CLOSE, DATA, DENIED, HANDLE, OK, READ, RULES, STATUS, WRITE, Client, f, host,  # noqa: F401 pylint: disable=unused-import
                       policy, scp, sftp, sha, shown, text, there, use)

RULED = RULES + """  - name: www-quarantined
    who: [engineers]
    on: files1
    do: { file: [read, write], path: [/srv/www/kept/**] }
    effect: allow
    scan: { detect: [credit_card], found: quarantine }
"""
HOME, DIR, FSTAT = "/home/lap-alice/t", "/var/lib/sallyport/quarantine", 8
TEXT = f"card {CARD} of 7\n"


@pytest.fixture
def q(f):  # noqa: F811 pylint: disable=redefined-outer-name
    use(f, policy(f, RULED))
    f.run(["sh", "-c", f"""set -e; rm -rf {DIR}; mkdir /srv/www/kept; cd /srv/www/kept; echo fine >fine; echo '{TEXT.strip()}' >card
printf 'x\\000y' >bin; cd {HOME}; cp /srv/www/kept/* .
{{ yes 'nothing in this line' | head -c 3000000; echo; echo {CARD}; yes 'nothing either' | head -c 1000000; }} >long
chown -R filer: /srv/www; chown -R lap-alice {HOME}"""])
    return f


def kept(b):
    return [json.loads(line) for line in b.sallyport("quarantine", "list", "--json").stdout.splitlines()]


def one(b):
    """The only one that is kept."""
    found = wait_for("a copy", lambda: kept(b))
    assert len(found) == 1, found
    return found[0]


def copies(b):
    return b.run(["ls", "-A", DIR], check=False).stdout.split()


def test_sent(q):
    """Nothing of it stays with the host, and the copy is all of it."""
    for send, is_whole in ((lambda name: sftp(q, f"put {HOME}/{name} files1/srv/www/kept/new"), True),
                           (lambda name: scp(q, f"{HOME}/{name}", "alice@bastion:/files1/srv/www/kept/new"), True),
                           (lambda name: scp(q, "-O", f"{HOME}/{name}", "alice@bastion:/files1/srv/www/kept/new"), False)):
        q.run(["sh", "-c", f"rm -rf {DIR} /srv/www/kept/new"])
        assert send("fine").returncode == 0
        assert q.read("/srv/www/kept/new") == "fine\n"
        shown(q)
        assert copies(q) == []
        for name, why in (("card", "refused for what is in it: credit_card"), ("bin", "refused: it is no text"),
                          ("long", "refused for what is in it: credit_card")):
            q.run(["sh", "-c", f"rm -rf {DIR} /srv/www/kept/new"])
            assert send(name).returncode != 0
            out, about = shown(q), one(q)
            assert why in out and "partial" in out and "complete" not in out and CARD not in out, out
            assert f"kept for reviewers as {about['id']}" in out and "not quarantined" not in out, out
            assert about["path"].endswith("/srv/www/kept/new") and about["user"] == "alice" and about["connection"] == "files1"
            assert about["direction"] == "upload" and about["reason"].startswith(why) and about["id"].startswith(about["session"])
            whole = q.run(["sha256sum", f"{HOME}/{name}"]).stdout.split()[0]
            if is_whole:
                assert about["complete"] and about["sha256"] == whole and not q.read("/srv/www/kept/new"), about
            assert about["complete"] == is_whole
            assert q.run(["sha256sum", f"{DIR}/{about['id']}"]).stdout.split()[0] == about["sha256"]
            assert q.run(["stat", "-c", "%a %U", DIR, f"{DIR}/{about['id']}", f"{DIR}/{about['id']}.json"]).stdout == "700 root\n" + "600 root\n" * 2
            assert is_whole or CARD in q.read(f"{DIR}/{about['id']}") or name == "bin"


def test_fetched(q):
    for fetch in (lambda name: sftp(q, f"get files1/srv/www/kept/{name} {HOME}/got"),
                  lambda name: scp(q, f"alice@bastion:/files1/srv/www/kept/{name}", f"{HOME}/got"),
                  lambda name: scp(q, "-O", f"alice@bastion:/files1/srv/www/kept/{name}", f"{HOME}/got")):
        q.run(["sh", "-c", f"rm -rf {DIR} {HOME}/got"])
        assert fetch("fine").returncode == 0 and q.read(f"{HOME}/got") == "fine\n"
        shown(q)
        assert copies(q) == []
        for name in ("card", "bin"):
            q.run(["sh", "-c", f"rm -rf {DIR} {HOME}/got"])
            assert fetch(name).returncode != 0
            assert CARD not in q.run(["sh", "-c", f"cat {HOME}/got || true"]).stdout
            out, about = shown(q), one(q)
            assert f"kept for reviewers as {about['id']}" in out and about["direction"] == "download" and not about["complete"]
            assert name != "card" or q.read(f"{DIR}/{about['id']}") == TEXT


def test_reviewed(q):
    """List, show, export and remove, each on record, and by nobody but root."""
    sftp(q, f"put {HOME}/card files1/srv/www/kept/new")
    about = one(q)
    who = about["id"]
    listed = q.sallyport("quarantine", "list").stdout
    assert who in listed and "alice" in listed and "files1:/srv/www/kept/new" in listed and "credit_card" in listed
    out = q.sallyport("quarantine", "show", who).stdout
    assert about["sha256"] in out and "upload" in out and "not all" not in out
    assert q.sallyport("quarantine", "export", who, "/tmp/exported").returncode == 0
    assert q.read("/tmp/exported") == TEXT
    assert q.sallyport("quarantine", "export", who, "/tmp/exported", check=False).returncode == 2  # over nothing
    for words in (["show", who + "0"], ["show", "../../../etc/passwd"], ["export", who], ["remove"], []):
        assert q.sallyport("quarantine", *words, check=False).returncode != 0
    chain = q.run(["sh", "-c", "cat /var/log/sallyport/chain.jsonl || cat /var/log/sallyport/chain*"], check=False).stdout
    for action in ("quarantine-list", "quarantine-show", "quarantine-export"):
        assert action in chain, action
    assert q.run(["sallyport", "quarantine", "list"], user="lap-alice", check=False).returncode == 2
    q.run(["sh", "-c", f"echo more >>{DIR}/{who}; rm /tmp/exported"])
    done = q.sallyport("quarantine", "export", who, "/tmp/exported", check=False)
    assert done.returncode == 1 and "SHA-256" in done.stderr and not there(q, "/tmp/exported")
    # Nothing is shown or removed that could not be put on record.
    q.stop_daemon("recorder")
    try:
        assert q.sallyport("quarantine", "remove", who, check=False).returncode == 2 and there(q, f"{DIR}/{who}")
        assert q.sallyport("quarantine", "export", who, "/tmp/exported", check=False).returncode == 2 and not there(q, "/tmp/exported")
    finally:
        q.start_daemon("recorder")
    q.wait_ready("recorder")
    assert q.sallyport("quarantine", "remove", who).returncode == 0 and copies(q) == [] and kept(q) == []


def test_without_room(q):
    """Where no copy can be kept nothing passes, not even what has nothing in it."""
    q.run(["sh", "-c", f"install -d -m 700 {DIR}; mount -t tmpfs -o size=64k,mode=700 tmpfs {DIR}"])
    try:
        done = sftp(q, f"put {HOME}/fine files1/srv/www/kept/new", f"get files1/srv/www/kept/fine {HOME}/got")
        assert done.returncode != 0 and not there(q, "/srv/www/kept/new")
        assert sftp(q, f"get files1/srv/www/kept/fine {HOME}/got2").returncode != 0 and not there(q, f"{HOME}/got2")
        done = scp(q, "-O", f"{HOME}/fine", "alice@bastion:/files1/srv/www/kept/new")
        assert done.returncode != 0 and "quarantine is full" in done.stderr and not there(q, "/srv/www/kept/new")
        assert "quarantine is full" in shown(q)
    finally:
        q.run(["umount", DIR])
    q.run(["sh", "-c", f"chmod 755 {DIR}"])
    assert sftp(q, f"put {HOME}/fine files1/srv/www/kept/new").returncode != 0 and not there(q, "/srv/www/kept/new")
    q.run(["chmod", "700", DIR])
    assert sftp(q, f"put {HOME}/fine files1/srv/www/kept/new").returncode == 0


def test_step_by_step(q):
    """What was sent before is cut off; what comes behind it is taken, and is in the copy alone; out of order nothing is."""
    with Client(q) as c:
        kind, handle = c.open("/files1/srv/www/kept/new", 0x1a)
        assert kind == HANDLE
        assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text("before "))[1] == OK
        assert q.read("/srv/www/kept/new") == "before "
        assert c.ask(WRITE, handle + struct.pack(">Q", 7) + text(CARD + " "))[1] == OK
        assert c.ask(WRITE, handle + struct.pack(">Q", 24) + text("behind"))[1] == OK
        kind, attrs = c.ask(FSTAT, handle)
        assert kind == ATTRS and attrs[4:12] == bytes(8) and q.read("/srv/www/kept/new") == ""
        assert c.ask(CLOSE, handle)[1] == DENIED
        about = one(q)
        assert about["complete"] and q.read(f"{DIR}/{about['id']}") == f"before {CARD} behind" and q.read("/srv/www/kept/new") == ""
        q.run(["sh", "-c", f"rm -rf {DIR}"])
        # in another order: refused, without a copy
        handle = c.open("/files1/srv/www/kept/new", 0x1a)[1]
        assert c.ask(WRITE, handle + struct.pack(">Q", 9) + text(CARD))[1] == DENIED
        assert c.ask(CLOSE, handle)[1] == DENIED
        assert copies(q) == []
        # with nothing in it: no copy
        handle = c.open("/files1/srv/www/kept/new", 0x1a)[1]
        assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text("fine"))[1] == OK and c.ask(CLOSE, handle)[1] == OK
        assert q.read("/srv/www/kept/new") == "fine" and copies(q) == []
        # both ways at once
        assert c.open("/files1/srv/www/kept/fine", 3) == (STATUS, DENIED)
        # found, and the client goes
        handle = c.open("/files1/srv/www/kept/new2", 0x1a)[1]
        assert c.ask(WRITE, handle + struct.pack(">Q", 0) + text(CARD + " "))[1] == OK
        c.p.kill()
        about = one(q)
        assert not about["complete"] and about["path"] == "/srv/www/kept/new2" and q.read("/srv/www/kept/new2") == ""
        # read in parts: what came until then
    q.run(["sh", "-c", f"rm -rf {DIR}"])
    with Client(q) as c:
        handle = c.open("/files1/srv/www/kept/card")[1]
        assert c.ask(READ, handle + struct.pack(">QI", 0, 7))[0] == DATA
        assert c.ask(READ, handle + struct.pack(">QI", 7, 14)) == (STATUS, DENIED)
        assert c.ask(READ, handle + struct.pack(">QI", 0, 1)) == (STATUS, DENIED)
        assert c.ask(CLOSE, handle)[1] == OK or True
        about = one(q)
        assert hashlib.sha256(TEXT[:21].encode()).hexdigest() == about["sha256"] and about["size"] == 21


def test_explained(q):
    out = q.sallyport("policy", "explain", "--groups", "eng", "--on", "files1", "write", "/srv/www/kept/x", check=False)
    assert "found: quarantine" in out.stdout or re.search("usage", out.stderr), out
