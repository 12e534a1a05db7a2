# SPDX-License-Identifier: Apache-2.0
"""sallyport search on records made here: no root, no daemons (SP_BUILDDIR: where it was built)."""
import json
import os
import shutil
import subprocess

import pytest

from test_cli import BUILD, FEB, JAN, MAKE_RECORD, output, run, session, ulid

pytestmark = pytest.mark.skipif(not os.access(MAKE_RECORD, os.X_OK), reason="needs tests/tools/make_record (SP_BUILDDIR)")
assert BUILD

SESSIONS = [
    session(JAN, "ANA", "alice", "orders", events=[
        output(10, "Linux web1\r\nroot:x:0:0\r\n"), {"ms": 20, "type": "input", "text": "uname -a\r"},
        {"ms": 30, "type": "statement", "text": "select *\nfrom Customers where id = 7"}]),
    session(FEB, "BCB", "bob", "orders", events=[
        output(10, "typo\b\b\b\bfine 50%_x\r\n"), output(20, "\x1b[31msplit\x1b[0m word\r\n"),
        {"ms": 30, "type": "output", "stream": 1, "text": "on stdout\n"},
        {"ms": 40, "type": "output", "stream": 2, "text": "on stderr: Caf\u00e9 \u65e5\u672c\n"}]),
]


def make(path, sessions):
    path.mkdir(exist_ok=True)
    listed = path.parent / (path.name + ".json")
    listed.write_text(json.dumps(sessions))
    subprocess.run([MAKE_RECORD, str(listed), str(path)], check=True)
    return str(path)


@pytest.fixture
def tree(tmp_path):
    return make(tmp_path / "tree", SESSIONS)


def search(tree, text, *more):
    return run("search", "--root", tree, "--index", tree + ".db", *more, text)


def hits(tree, text, *more):
    done = search(tree, text, "--json", *more)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("text, kind, line", [
    ("x:0:0", "output", "root:x:0:0"), ("UNAME", "input", "uname -a"), ("customers where", "statement", "from Customers where id = 7"),
    ("fine", "output", "fine 50%_x"), ("split word", "output", "split word"), ("50%_", "output", "fine 50%_x"), ("0%_x", "output", "fine 50%_x"),
    ("stdout", "output", "on stdout"), ("Caf\u00e9", "output", "on stderr: Caf\u00e9 \u65e5\u672c"), ("\u672c", "output", "on stderr: Caf\u00e9 \u65e5\u672c"),
])
def test_what_could_be_read_is_found(tree, text, kind, line):
    found = hits(tree, text)
    assert [(h["kind"], h["line"]) for h in found] == [(kind, line)]


@pytest.mark.parametrize("text", ["typo", "31msplit", "50%x", "absent", "Linux web1 root"])
def test_what_could_not_is_not(tree, text):
    done = search(tree, text)
    assert done.returncode == 1 and done.stdout == ""


def test_a_line_names_its_session_time_and_person(tree):
    words = search(tree, "root:x").stdout.split()
    assert words[0] == ulid(JAN, "ANA") and words[1] == "2026-01-01" and words[3] == "alice"


def test_newest_first_and_no_more_than_asked(tree):
    assert [h["user"] for h in hits(tree, "psql orders")] == ["bob", "alice"]
    assert [h["user"] for h in hits(tree, "psql orders", "--limit", "1")] == ["bob"]


def test_the_index_follows_the_tree(tree, tmp_path):
    assert hits(tree, "fresh") == []
    make(tmp_path / "tree", [session(FEB + 1000, "NEW", "carol", "orders", events=[output(5, "a fresh line\r\n")])])
    assert [h["user"] for h in hits(tree, "fresh")] == ["carol"]
    folder = next(p for p in (tmp_path / "tree").rglob(ulid(FEB + 1000, "NEW")))
    shutil.rmtree(folder)
    assert hits(tree, "fresh") == []


def test_what_the_reader_may_not_read_is_not_found(tree, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to have another reader")
    assert hits(tree, "root:x")
    closed = next((tmp_path / "tree").rglob(ulid(JAN, "ANA"))) / "events"
    os.chmod(closed, 0o600)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.geteuid() and str(path).startswith("/tmp/pytest"):
            path.chmod(path.stat().st_mode | 0o055)
    for path in (tmp_path / "tree").rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    other = next((tmp_path / "tree").rglob(ulid(FEB, "BCB"))) / "events"
    os.chmod(other, 0o644)
    os.chmod(tmp_path / "tree", 0o755)
    mine = tmp_path / "mine"
    mine.mkdir()
    shutil.chown(mine, "nobody")
    for text, want in (("root:x", 1), ("split", 0)):
        done = run("search", "--root", tree, "--index", str(mine / "i.db"), text, user="nobody")
        assert done.returncode == want, (done.stdout, done.stderr)
    shared = run("search", "--root", tree, "--index", tree + ".db", "root:x", user="nobody")
    assert shared.returncode == 2 and "root:x" not in shared.stdout


def test_an_index_that_others_can_read_is_refused(tree):
    search(tree, "x")
    os.chmod(tree + ".db", 0o644)
    done = search(tree, "root:x")
    assert done.returncode == 2 and "0600" in done.stderr
