# SPDX-License-Identifier: Apache-2.0
"""Files of target hosts, with clients that are not OpenSSH's: paramiko's and asyncssh's sftp, as their users use them."""
import json

import pytest

from test_sftp import EXTENDED, HANDLE, NAME, OK, STATUS, Client, f, host, policy, sftp, shown, sha, text, there, use  # noqa: F401 pylint: disable=unused-import

TASKS = {"paramiko": 10, "asyncssh": 8}  # of sftp_client.py


@pytest.fixture
def d(f):  # noqa: F811 pylint: disable=redefined-outer-name
    f.run(["sh", "-c", "set -e; rm -rf /srv/www/c /home/lap-alice/t; mkdir /srv/www/c; chown filer: /srv/www/c; install -d -o lap-alice /home/lap-alice/t"])
    return f


@pytest.mark.parametrize("client", TASKS)
def test_client(d, client):
    done = d.run(["/usr/bin/python3", "-W", "ignore", "/mnt/tests/e2e/sftp_client.py", client, "/files1/srv/www/c"], user="lap-alice",
                 env={"PYTHONDONTWRITEBYTECODE": "1"}, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert not any(results.values()), "\n".join(f"{k}: {v}" for k, v in results.items() if v)
    assert len(results) == TASKS[client]
    out = shown(d)
    for word in ("open /srv/www/c/", "rename /srv/www/c/one to /srv/www/c/two", "posix-rename", "upload", "download", "complete",
                 "/etc/passwd"):
        assert word in out, (word, out[-3000:])
    assert "deny" in out or "refuse" in out


ODD = [b"\xff\xfe", b"caf\xe9", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98"]


def test_odd_bytes(d):
    """Names that are no text in any encoding that we know go through, and stand on record as what they are."""
    with Client(d) as c:
        for i, name in enumerate(ODD):
            path = b"/files1/srv/www/c/" + name
            kind, handle = c.open(path, 0x1a)
            assert kind == HANDLE, (name, kind, handle)
            assert c.ask(4, handle)[1] == OK
            assert c.ask(EXTENDED, text("posix-rename@openssh.com") + text(path) + text(b"/files1/srv/www/c/n%d" % i)) == (STATUS, OK)
            assert there(d, f"/srv/www/c/n{i}")
    assert "open /srv/www/c/" in shown(d)


def test_openssh_resumes(d):
    """get -a and put -a, which OpenSSH has besides reget and reput, and of what is there already."""
    d.run(["sh", "-c", "cd /srv/www/c; head -c 300000 /dev/urandom >big; chown filer big; cd /home/lap-alice/t; head -c 100000 /srv/www/c/big >down; "
           "cp /srv/www/c/big up; head -c 70000 up >/srv/www/c/part; chown filer /srv/www/c/part; chown lap-alice *"])
    w, h = "files1/srv/www/c", "/home/lap-alice/t"
    sftp(d, f"get -a {w}/big {h}/down", f"put -a {h}/up {w}/part", f"get -a {w}/big {h}/whole", check=0)
    digest = sha(d, "/srv/www/c/big")
    assert {sha(d, p) for p in (f"{h}/down", f"{h}/whole", "/srv/www/c/part")} == {digest}
    out = shown(d)
    assert "200000" in out and "230000" in out
