# SPDX-License-Identifier: Apache-2.0
"""`ssh bastion sessions`: a person's own, and nobody else's."""
import re

from bastion import wait_for


def ids(done):
    assert done.returncode == 0, done.stderr
    return re.findall(r"(?m)^session +([0-9A-Z]{26})$", done.stdout)


def test_own_sessions(b):
    wait_for("earlier sessions to end", lambda: len(ids(b.ssh("alice", "sessions"))) == 1 == len(ids(b.ssh("bob", "sessions"))))
    alone = b.ssh("alice", "sessions")
    assert len(ids(alone)) == 1 and "this one" in alone.stdout and "127.0.0.1" in alone.stdout
    assert re.search(r"(?m)^since +20\d\d-", alone.stdout)
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    other = b.ssh_tty("bob", "psql", "orders")
    other.expect("orders=[>#] ")
    try:
        done = b.ssh("alice", "sessions")
        assert len(ids(done)) == 2 and done.stdout.count("this one") == 1
        assert len(ids(b.ssh("bob", "sessions"))) == 2
        assert not set(ids(b.ssh("bob", "sessions"))) & set(ids(done))
        assert len(ids(b.ssh("carol", "sessions"))) == 1
    finally:
        child.close(force=True)
        other.close(force=True)
    done = b.ssh("alice", "sessions of bob")
    assert done.returncode == 2 and "usage: sessions" in done.stderr


def test_without_control(b):
    b.stop_daemon("control")
    try:
        done = b.ssh("alice", "sessions")
        assert done.returncode == 1 and "try again shortly" in done.stderr
    finally:
        b.start_daemon("control")
        b.wait_ready("control")
