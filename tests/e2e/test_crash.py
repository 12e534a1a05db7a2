# SPDX-License-Identifier: Apache-2.0
"""P1 and P3 by force: kill -9 of each process, stopped processes, a full disk, bytes put into channels, at seeded
moments under load.

The witness is PostgreSQL's own log: each statement that the server was asked to run must be in the record of the
session that asked it, with the same text. And no unmasked byte may have reached the client, of which every byte is
kept. SALLYPORT_CRASH_RUNS blows (200), SALLYPORT_CRASH_SEED (1), SALLYPORT_CRASH_WORKERS (3).
"""
import collections
import json
import os
import random
import re
import time

import pytest

import bastion
import load
from bastion import plain, wait_for

RUNS = int(os.environ.get("SALLYPORT_CRASH_RUNS", "200"))
SEED = int(os.environ.get("SALLYPORT_CRASH_SEED", "1"))
WORKERS = int(os.environ.get("SALLYPORT_CRASH_WORKERS", "3"))
GOES_ON = 25  # seconds until everybody has rows again after a blow
PROMPT = "orders=[>#] "
NO_ROOM = "(?i)cannot be recorded|disk is full|cannot write"


@pytest.fixture(scope="module")
def own():
    """A bastion of its own: what happens here leaves traces. Its service manager is quick."""
    bad = bastion.Bastion(audit=False, log_size="512m", restart_sec=0.2)
    try:
        bad.start()
        bad.login("alice")
    except Exception as e:  # pylint: disable=broad-except
        bad.stop()
        pytest.fail(f"the bastion did not start: {e}", pytrace=False)
    yield bad
    bad.stop()


def recorded(b):
    """{session id: [text of each STATEMENT]} of all records of this bastion."""
    script = r"""for d in /var/log/sallyport/2*/*/*/*; do id=${d##*/}; echo "# $id"
sallyport export "$id" --format json || echo "! $id"; done"""
    found, at = {}, None
    for line in b.run(["sh", "-c", script], timeout=300).stdout.splitlines():
        if line.startswith("# "):
            at = found.setdefault(line[2:], [])
        elif line.startswith("! "):
            pytest.fail(f"the record of {line[2:]} cannot be read")
        elif '"text"' in line:
            event = json.loads(line)["unmapped"]
            if event.get("event") == "statement":
                at.append(event["text"])
    return found






def check_witness(b):
    """Each statement the server was asked is in exactly one session's record, whole; returns what it was asked."""
    asked = {s for s in b.pg_log() if load.MARK.search(s)}
    bad = [s for s in asked if any(d for _, d in load.MARK.findall(s))]
    assert not bad, f"the server was asked what policy denies: {bad[:3]}"

    def lacking():
        held = collections.defaultdict(set)
        for session, texts in recorded(b).items():
            for text in texts:
                held[text].add(session)
        return [s for s in asked if not held[s]], held
    deadline = time.monotonic() + 10
    missing, held = lacking()
    while missing and time.monotonic() < deadline:
        time.sleep(1)
        missing, held = lacking()
    assert not missing, f"{len(missing)} statements ran that are not recorded, such as {sorted(missing)[:3]}"
    twice = [s for s in asked if len(held[s]) > 1]
    assert not twice, f"recorded in more than one session: {twice[:3]}"
    of_session = collections.defaultdict(set)
    for text, sessions in held.items():
        m = re.search(r"/\* m\d+-(w\d+-c\d+)-", text)
        if m:
            of_session[next(iter(sessions))].add(m.group(1))
    mixed = {k: v for k, v in of_session.items() if len(v) > 1}
    assert not mixed, f"statements of several connections in one session's record: {mixed}"
    return asked


def check_masked(output):
    for secret in bastion.SECRETS_IN_ROWS:
        for form in (secret, secret.upper()):
            assert form.encode() not in output, "an unmasked value reached the client"


def verified(b):
    done = b.sallyport("verify", check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Storm:
    """The load and what has struck it."""

    def __init__(self, b):
        self.b, self.workers = b, [load.Worker(b, n, SEED) for n in range(WORKERS)]
        self.struck, self.missed, self.slowest = collections.Counter(), collections.Counter(), 0.0

    def __enter__(self):
        for w in self.workers:
            w.start()
        self.wait_rows("the first rows", {w: 0 for w in self.workers})
        return self

    def __exit__(self, *_):
        for w in self.workers:
            w.stop_it = True
        for w in self.workers:
            w.join(30)

    def say(self):
        """What everybody last heard, for a failure."""
        return "\n".join(f"worker {w.number}, connection {len(w.connections)}: {bytes(w.now.err[-300:])!r}" for w in self.workers)

    def wait_rows(self, what, before):
        try:
            wait_for(what, lambda: all(w.rows > before[w] for w in self.workers), timeout=GOES_ON, every=0.02)
        except bastion.BastionError as e:
            pytest.fail(f"{e}\n{self.say()}\n{self.b.daemon_logs()}", pytrace=False)

    def strike(self, run):
        rng = random.Random(SEED * 100003 + run)
        blow = load.BLOWS[run % len(load.BLOWS)]
        time.sleep(rng.uniform(0.0, 0.4))
        before = {w: w.now for w in self.workers}
        for w in self.workers:
            w.may_leave = blow.ends
        start = time.monotonic()
        if blow.strike(self.b, rng):
            self.struck[blow.name] += 1
        else:
            self.missed[blow.name] += 1
        if blow.ends:
            time.sleep(0.3)  # what was on its way from a session that is gone has come
        if blow.is_lasting:
            for w in self.workers:
                w.renew = w.now
        self.wait_rows(f"everybody's next rows after run {run} ({blow.name})", {w: w.rows for w in self.workers})
        self.slowest = max(self.slowest, time.monotonic() - start)
        if not blow.ends:
            lost = [w.number for w in self.workers if w.now is not before[w]]
            assert not lost, f"run {run}: {blow.name} ended the sessions of workers {lost}\n{self.say()}\n{self.b.daemon_logs()}"


def test_storm(own):
    with Storm(own) as storm:
        for run in range(RUNS):
            storm.strike(run)
    for name in bastion.DAEMONS:
        own.wait_ready(name)
    output = b"".join(w.output() for w in storm.workers)
    sent = sum(len(w.asked) for w in storm.workers)
    asked = check_witness(own)
    print(f"\n{sum(storm.struck.values())} blows, seed {SEED}: " + ", ".join(f"{n} {c}" for n, c in sorted(storm.struck.items())))
    print(f"not struck (nobody there): {dict(storm.missed)}; longest time without rows {storm.slowest:.1f} s")
    print(f"{sent} statements typed, {len(asked)} asked of the server, all recorded; {len(output)} bytes seen, none unmasked; "
          f"{sum(len(w.connections) for w in storm.workers)} connections; {verified(own).strip()}")
    check_masked(output)
    assert sum(storm.struck.values()) >= RUNS * 9 // 10, "too few blows landed"
    assert len(asked) > RUNS, "too few statements ran to prove anything"
    assert b"Ada Young" in output and b"Use a migration" in output


def test_a_stopped_recorder_stops_statements(own):
    own.stop_daemon("recorder")
    try:
        done = own.psql("alice", "select 'while there is no recorder'", timeout=60)
        assert done.returncode != 0 and "recorder" in done.stderr
        assert not any("while there is no recorder" in s for s in own.pg_log())
    finally:
        own.start_daemon("recorder")
        own.wait_ready("recorder")


def open_psql(b):
    child = b.ssh_tty("alice", "psql orders --pset=pager=off", timeout=40)
    child.expect(PROMPT)
    return child


def ask(child, sql):
    child.sendline(sql)
    child.expect(PROMPT)
    return plain(child.before)


def test_recorder_stops_in_the_middle_of_a_session(own):
    child = open_psql(own)
    own.stop_daemon("recorder")
    try:
        child.sendline("select 'unrecorded';")
        child.expect("(?i)ERROR.*recorder")
    finally:
        own.start_daemon("recorder")
    assert not any("unrecorded" in s for s in own.pg_log())
    child.expect(PROMPT)
    wait_for("statements to run again", lambda: "42" in ask(child, "select 6 * 7;"), every=0.3)
    child.close(force=True)
    check_witness(own)


@pytest.mark.parametrize("left", [0, 4096, 16 << 20])
def test_full_disk_refuses_new_statements_and_loses_nothing(own, left):
    child = open_psql(own)
    mark = f"full-{left}"
    ran = []
    load.fill(own, left)
    try:
        for i in range(400):
            text = ask(child, f"select '{mark}-{i}', repeat('x', 3000);")
            if re.search("ERROR", text):
                break
            ran.append(f"{mark}-{i}")
        assert "ERROR" in text, "statements still run while nothing can be written"
        assert re.search(NO_ROOM, text), text
        before = len(own.pg_log())
        assert re.search(NO_ROOM, ask(child, f"select '{mark}-refused';"))
        assert len(own.pg_log()) == before and not any(f"{mark}-refused" in s for s in own.pg_log())
        other = own.psql("alice", "select 1")
        assert other.returncode != 0 and re.search(NO_ROOM, other.stderr), other.stderr
    finally:
        load.unfill(own)
    wait_for("the same session to go on by itself", lambda: "4242" in ask(child, "select 4200 + 42;"), every=0.3)
    child.sendline(r"\q")
    child.expect(bastion.pexpect.EOF)
    wait_for("new sessions", lambda: own.psql("alice", "select 1", "-A", "-t").stdout == "1\n", every=0.3)
    texts = "\n".join(t for ts in recorded(own).values() for t in ts)
    assert all(f"'{m}'" in texts for m in ran), "a statement that ran is not in the record"
    verified(own)
