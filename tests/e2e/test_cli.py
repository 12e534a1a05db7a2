# SPDX-License-Identifier: Apache-2.0
"""sallyport(8) on records and policies made here: no root, no daemons (SP_BUILDDIR: where it was built)."""
import json
import os
import re
import shlex
import shutil
import subprocess
import time

import pexpect
import pytest

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("SP_BUILDDIR", TOP)
SALLYPORT, MAKE_RECORD = BUILD + "/cli/sallyport", BUILD + "/tests/tools/make_record"
pytestmark = pytest.mark.skipif(not os.access(MAKE_RECORD, os.X_OK), reason="needs tests/tools/make_record (SP_BUILDDIR)")


def run(*argv, **kw):
    env = {**os.environ, "TZ": "UTC", **kw.pop("env", {})}
    return subprocess.run([SALLYPORT, *argv], capture_output=True, text=True, timeout=30, check=False, env=env, **kw)


# --- records ---------------------------------------------------------------------------------------------------

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(ms, tail):
    return "".join(CROCKFORD[ms >> 5 * i & 31] for i in range(9, -1, -1)) + tail.rjust(16, "0")


def session(ms, tail, user, connection, state="closed", events=(), **header):
    head = {"identity": {"iss": "https://idp.example", "sub": user, "email": user + "@example.com"},
            "origin": {"user": user, "from": "192.0.2.7", "host": "bastion"}, "command": f"psql {connection}",
            "auid": 1000, "ses": 7, "tty": True, "rows": 24, "cols": 80, "term": "xterm", **header}
    command = {"ms": 1, "type": "command", "command": f"psql {connection}", "connection": connection, "decision": "allow"}
    made = {"id": ulid(ms, tail), "header": head, "events": [command, *events]}
    if state != "open":
        made["manifest"] = {"state": state, "closed": (ms + 60000) * 1000000, "records": 2, "value": 0, "signaled": False}
    return made


JAN, FEB = 1767225600000, 1769904000000  # 2026-01-01 and 2026-02-01, UTC
PLAY = ulid(FEB, "PAY")


def output(ms, text):
    return {"ms": ms, "type": "output", "text": text}


PLAYED = [output(100, "first line\r\n"), output(200, "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[8;10;20tword\r\n"),
          output(1200, "orders=> sel"), output(1300, "ect 42;\r\n"), output(11300, "forty-two\r\n"),
          {"ms": 11400, "type": "resize", "rows": 50, "cols": 132}, output(11500, "\x1b[2J\x1b[50;1Hbottom of fifty"),
          {"ms": 71500, "type": "resize", "rows": 20, "cols": 60}, output(71600, "\x1b[2J\x1b[Hsmall now, \xe9\xe8"),
          output(71700, "\r\nlast words")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    base = tmp_path_factory.mktemp("records")
    sessions = [session(JAN, "A", "alice", "orders"), session(JAN + 3600000, "B", "bob", "orders", state="crashed"),
                session(FEB - 1000, "C", "alice", "web", state="open"), session(FEB, "PAY", "carol", "orders", events=PLAYED),
                session(FEB + 5000, "E", "eve", "e\x1b[31mvil\n", command="psql 'x\x1b]0;y\x07'")]
    (base / "sessions.json").write_text(json.dumps(sessions), encoding="utf-8")
    (base / "tree").mkdir()
    subprocess.run([MAKE_RECORD, base / "sessions.json", base / "tree"], check=True)
    return str(base / "tree")


def ids(tree, *argv):
    done = run("sessions", "--root", tree, *argv)
    assert done.returncode == 0, done.stderr
    return [line.split()[0][-4:].lstrip("0") for line in done.stdout.splitlines()[1:]]


@pytest.mark.parametrize("argv,want", [
    ([], "A B C PAY E"),
    (["--user", "alice"], "A C"),
    (["--user", "alice@example.com"], "A C"),
    (["--user", "ali"], ""),
    (["--connection", "orders"], "A B PAY"),
    (["--connection", "orders", "--user", "bob"], "B"),
    (["--since", "2026-02-01"], "PAY E"),
    (["--since", "2026-01-31T23:59"], "C PAY E"),
    (["--since", "2026-01-31 23:59:59"], "C PAY E"),
    (["--until", "2026-01-01T01:00"], "A"),
    (["--until", "2026-02-01"], "A B C"),
    (["--since", "2026-01-01T00:30", "--until", "2026-02-01"], "B C"),
    (["--state", "open"], "C"),
    (["--state", "crashed"], "B"),
    (["--state", "closed", "--connection", "orders"], "A PAY"),
])
def test_sessions_are_filtered(tree, argv, want):
    assert ids(tree, *argv) == want.split()


def test_sessions_since_a_span(tree):
    assert ids(tree, "--since", "1s") == []
    assert len(ids(tree, "--since", "999w")) == 5
    assert len(ids(tree, "--until", "1s")) == 5


@pytest.mark.parametrize("argv", [["--since", "yesterday"], ["--since", "2026-13-01"], ["--since", "5y"], ["--until", ""],
                                  ["--state", "shut"], ["--nonsense"], ["more"]])
def test_sessions_usage(tree, argv):
    done = run("sessions", "--root", tree, *argv)
    assert (done.returncode, done.stdout) == (2, "") and "usage: sallyport sessions" in done.stderr


def test_sessions_without_a_tree(tmp_path):
    done = run("sessions", "--root", str(tmp_path / "none"))
    assert done.returncode == 2 and "No such file" in done.stderr


def test_sessions_json(tree):
    rows = [json.loads(line) for line in run("sessions", "--root", tree, "--json").stdout.splitlines()]
    assert len(rows) == 5
    for row in rows:
        assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", row["id"])
        assert {k: type(v) for k, v in row.items() if k in ("started_ms", "user", "email", "from", "connection", "state", "ses")} \
            == {"started_ms": int, "user": str, "email": str, "from": str, "connection": str, "state": str, "ses": int}
        assert row["state"] in ("open", "closed", "crashed") and ("closed" in row) == (row["state"] != "open")
    assert rows[0]["started_ms"] == JAN and rows[4]["connection"] == "e\x1b[31mvil\n"


def test_a_table_for_a_terminal_has_no_sequences(tree):
    assert "\x1b" not in run("sessions", "--root", tree).stdout
    for what in ("--events", "--text"):
        assert "\x1b" not in run("replay", "--root", tree, what, PLAY).stdout


def test_links_in_a_tree_are_not_followed(tree, tmp_path):
    """Whoever could put a link into a copy of the records does not choose what a reviewer reads, or shows to others."""
    copy = str(tmp_path / "copy")
    shutil.copytree(tree, copy)
    found = [root for root, _, names in os.walk(copy) if PLAY in root and "events" in names]
    assert len(found) == 1 and run("replay", "--events", "--root", copy, PLAY).returncode == 0
    for name in ("events", "."):
        path = os.path.normpath(os.path.join(found[0], name))
        os.rename(path, str(tmp_path / "elsewhere"))
        os.symlink(str(tmp_path / "elsewhere"), path)
        done = run("replay", "--events", "--root", copy, PLAY)
        assert done.returncode != 0 and "forty-two" not in done.stdout, name
        assert run("export", "--format", "asciicast", "--root", copy, PLAY).stdout == ""
        os.unlink(path)
        os.rename(str(tmp_path / "elsewhere"), path)
    assert run("replay", "--events", "--root", copy, PLAY).returncode == 0


def test_export_json(tree):
    events = [json.loads(line) for line in run("export", "--root", tree, "--format", "json", PLAY).stdout.splitlines()]
    assert len(events) == 1 + len(PLAYED)
    assert [e["metadata"]["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert all(e["type_uid"] == e["class_uid"] * 100 + e["activity_id"] and e["category_uid"] == e["class_uid"] // 1000
               for e in events)
    assert events[0]["actor"]["user"]["email_addr"] == "carol@example.com"


def test_export_asciicast(tree):
    lines = [json.loads(line) for line in run("export", "--root", tree, "--format", "asciicast", PLAY).stdout.splitlines()]
    assert lines[0]["version"] == 2 and (lines[0]["width"], lines[0]["height"]) == (80, 24)
    assert [e[1:] for e in lines[1:] if e[1] == "r"] == [["r", "132x50"], ["r", "60x20"]]
    assert [e[0] for e in lines[1:]] == sorted(e[0] for e in lines[1:])


SHOWN = ("first line\r\n", "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[8;10;20tword\r\n", "orders=> sel", "ect 42;\r\n", "forty-two\r\n",
         "\x1b[2J\x1b[50;1Hbottom of fifty", "\x1b[2J\x1b[Hsmall now, \xe9\xe8", "\r\nlast words")


def test_export_to_sudo_is_what_sudoreplay_plays(tree, tmp_path):
    folder = tmp_path / "played"
    done = run("export", "--root", tree, "--format", "sudo", "--output", str(folder), PLAY)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert folder.stat().st_mode & 0o777 == 0o700 and {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
    played = subprocess.run(["sudoreplay", "-n", "-m", "0.01", str(folder)], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=60, check=False)
    assert played.returncode == 0, played.stderr
    assert "".join(SHOWN).replace("\r", "") in played.stdout
    assert "carol" in (folder / "log").read_text() and "psql orders" in (folder / "log").read_text()
    delays = [float(line.split()[1]) for line in (folder / "timing").read_text().splitlines()]
    assert abs(sum(delays) - 71.7) < 0.01 and " 20 60\n" in (folder / "timing").read_text()
    again = run("export", "--root", tree, "--format", "sudo", "--output", str(folder), PLAY)
    assert again.returncode == 2 and "cannot create" in again.stderr
    assert run("export", "--root", tree, "--format", "sudo", PLAY).returncode == 2


def test_export_to_tlog_is_what_tlog_play_plays(tree, tmp_path):
    made = tmp_path / "made.json"
    assert run("export", "--root", tree, "--format", "tlog", "--output", str(made), PLAY).returncode == 0
    messages = [json.loads(line) for line in made.read_text().splitlines()]
    assert [m["id"] for m in messages] == list(range(1, len(messages) + 1))
    assert "".join(m["out_txt"] for m in messages) == "".join(SHOWN) and messages[-1]["pos"] == 71700
    child = pexpect.spawn("tlog-play", ["--reader=file", f"--file-path={made}", "--speed=100"], encoding="utf-8", timeout=60,
                          dimensions=(24, 80))
    child.expect_exact("last words")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_export_to_tlog_keeps_bytes_that_are_no_text(tmp_path):
    """Cut characters, and bytes that never were one: the player writes them as they were."""
    events = [{"ms": 10, "type": "output", "text": [0x61, 0xc3]}, {"ms": 20, "type": "output", "text": [0xa9, 0xff, 0x80]},
              {"ms": 30, "type": "output", "text": [0x62, 0xe2, 0x82]}]
    (tmp_path / "sessions.json").write_text(json.dumps([session(FEB, "HEX", "carol", "orders", events=events)]), encoding="utf-8")
    (tmp_path / "tree").mkdir()
    subprocess.run([MAKE_RECORD, tmp_path / "sessions.json", tmp_path / "tree"], check=True)
    done = run("export", "--root", str(tmp_path / "tree"), "--format", "tlog", ulid(FEB, "HEX"))
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert [m["timing"] for m in messages] == ["=80x24", ">1", ">1]2/2", ">1", "]2/2"]
    assert [m["out_bin"] for m in messages] == [[], [], [255, 128], [], [0xe2, 0x82]]
    made = tmp_path / "made.json"
    made.write_text(done.stdout, encoding="utf-8")
    child = pexpect.spawn("tlog-play", ["--reader=file", f"--file-path={made}", "--speed=100"], timeout=60, dimensions=(24, 80))
    child.expect_exact(b"a\xc3\xa9\xff\x80b\xe2\x82")
    child.expect(pexpect.EOF)
    child.close()


def test_replay_into_a_pipe(tree):
    text = run("replay", "--root", tree, PLAY).stdout
    assert "first line" in text and "last words" in text and "\x1b]" not in text and "t" not in re.findall("\x1b\\[8;10;20(.)", text)


@pytest.mark.parametrize("argv", [["--speed", "0", PLAY], ["--idle", "-1", PLAY], [], [PLAY, PLAY]])
def test_replay_usage(tree, argv):
    assert run("replay", "--root", tree, *argv).returncode == 2


def test_replay_of_nothing(tree):
    assert "no session ZZZ" in run("replay", "--root", tree, "ZZZ").stderr
    assert "give more of the id" in run("replay", "--root", tree, "01").stderr


# --- the player on a terminal ----------------------------------------------------------------------------------

class Player:
    """sallyport replay on a terminal of its own; what that shows is kept by the sequences that the player uses."""
    def __init__(self, tree, *argv, rows=30, cols=100, term="xterm"):
        self.size(rows, cols)
        self.p = pexpect.spawn(SALLYPORT, ["replay", "--root", tree, *argv], dimensions=(rows, cols), timeout=10,
                               env={**os.environ, "TERM": term})
        self.raw = b""

    def size(self, rows, cols):
        self.rows, self.cols = rows, cols
        self.lines, self.at = [[" "] * cols for _ in range(rows)], (0, 0)

    def resize(self, rows, cols):
        self.size(rows, cols)
        self.p.setwinsize(rows, cols)

    def take(self, data):
        for sequence, text in re.findall("(\x1b\\[[0-9;?]*[A-Za-z])|([^\x1b]+)", data):
            row, col = self.at
            if sequence.endswith("H"):
                self.at = tuple(int(n) - 1 for n in sequence[2:-1].split(";"))
            elif sequence == "\x1b[2K":
                self.lines[row] = [" "] * self.cols
            elif sequence == "\x1b[2J":
                self.lines = [[" "] * self.cols for _ in range(self.rows)]
            elif sequence:
                assert re.fullmatch("\x1b\\[([0-9;]*m|\\?(25|7|1049)[hl])", sequence), sequence  # nothing else is sent
            for c in text if self.at else "":
                if row < self.rows and col < self.cols:
                    self.lines[row][col] = c
                col += 1
                self.at = (row, col)

    def screen(self):
        return "\n".join("".join(line).rstrip() for line in self.lines)

    def read(self, seconds):
        try:
            data = self.p.read_nonblocking(65536, seconds)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += data
        end = self.raw.rfind(b"\x1b")
        whole = self.raw if end < 0 or re.match(b"\x1b\\[[0-9;?]*[A-Za-z]", self.raw[end:]) else self.raw[:end]
        self.raw = self.raw[len(whole):]
        self.take(whole.decode("utf-8"))

    def see(self, *texts, seconds=10):
        end = time.monotonic() + seconds
        while not all(re.search(t, self.screen()) for t in texts):
            assert time.monotonic() < end, f"{texts} not on:\n{self.screen()}"
            self.read(0.1)
        return self.screen()

    def key(self, keys, *texts):
        self.p.send(keys)
        return self.see(*texts) if texts else None

    def quit(self):
        self.p.send("q")
        self.p.expect(pexpect.EOF)
        self.p.close()
        assert self.p.exitstatus == 0
        assert b"\x1b[?1049l" in self.raw + self.p.before and b"\x1b[?7h" in self.raw + self.p.before


@pytest.fixture
def play(tree):
    players = []

    def start(*argv, **kw):
        players.append(Player(tree, *argv, PLAY, **kw))
        return players[-1]
    yield start
    for player in players:
        player.p.close(force=True)


def test_it_plays_and_stays_at_the_end(play):
    p = play("--idle", "0.2")
    shown = p.see("first line", "red +word|red word", "playing")
    assert "title" not in shown
    p.see("orders=> select 42;", "forty-two")
    p.see("small now, éè", "last words", "end", "x1 ")
    p.quit()


def test_pause_step_and_go_on(play):
    p = play("--idle", "600")
    p.see("orders=> select 42")
    before = p.key(" ", "paused")
    time.sleep(0.5)
    p.read(0.3)
    assert p.screen() == before
    p.key(".", "forty-two", "0:11 of 1:11", "paused")
    p.key(" ", "playing")
    p.quit()


def test_speed(play):
    p = play("--idle", "600", "--speed", "2")
    p.see("x2 ")
    p.key("-", "x1 ", "speed x1")
    p.key("---", "x0.125 ")
    p.key("-", "x0.125 ")
    p.key("+", "x0.25 ")
    p.key("1", "x1 ")
    p.key("++++++", "x64 ", "last words", "end")
    p.key("+", "x64 ")
    p.quit()


def test_seeking(play):
    p = play("--idle", "600")
    p.key("   ", "paused")
    p.key("\x1b[F", "last words", "end", "1:11 of 1:11")
    p.key("\x1b[D", "1:06 of 1:11", "bottom of fifty", "paused")
    p.key("\x1b[A", "1:11 of 1:11", "last words")
    p.key("\x1b[B", "0:11 of 1:11", "bottom of fifty")
    shown = p.key("\x1b[1~", "0:00 of 1:11")
    assert "orders" not in shown and "last" not in shown
    p.key("\x1bOC", "0:05 of 1:11", "select 42;")
    p.key("g", "0:00 of 1:11")
    p.key("G\x1b[Dg\x1b[C", "0:05 of 1:11", "first line")  # several in one read
    p.quit()


def test_looking_for_a_text(play):
    p = play("--idle", "600")
    p.key(" ", "paused")
    p.key("g/SELECT", "look for: SELECT_")
    p.key("\x7f" * 6 + "select 42", "look for: select 42_")  # typed in two outputs
    p.key("\r", "0:01 of 1:11", "orders=> select 42;", "paused")
    p.key("/FORTY\r", "not found from here on: FORTY", "0:01 of 1:11", "orders=> select 42;")
    p.key("/forty\r", "0:11 of 1:11", "forty-two")
    p.key("n", "not found")
    p.key("/x\x1b", "paused")
    p.quit()


def test_help(play):
    p = play("--idle", "600")
    shown = p.key("?", "pause, and go on", "any key goes back")
    assert "first line" not in shown
    p.key("x", "first line", "paused")
    p.key("z", "\\? for help")
    p.quit()


def test_a_larger_recording_is_cut_and_said(play):
    p = play("--idle", "0.05")
    p.see("last words")
    p.key("\x1b[D\x1b[D", "0:00")
    p.key("gG.", "last words")
    p.quit()
    p = play("--idle", "600")
    p.see("first line")
    p.key(" \x1b[F\x1b[D", "recorded 132x50, this terminal has 100x30: a part is shown", "bottom of fifty")
    p.resize(60, 140)  # the viewer makes room: all of it is shown, and nothing of it was done by the record
    shown = p.see("bottom of fifty", "paused")
    assert "a part" not in shown and shown.splitlines()[49].startswith("bottom of fifty")
    p.resize(10, 40)
    p.see("bottom of fifty")
    p.key("\x1b[F", "small now", "last words")
    p.quit()


def test_a_viewer_of_the_same_size_loses_no_line(play):
    p = play("--idle", "600", rows=24, cols=80)
    shown = p.see("first line")
    assert "playing" not in shown
    p.key(" ", "paused")
    p.quit()


def test_signals_and_hangups_leave_the_terminal_as_it_was(play):
    p = play("--idle", "600")
    p.see("first line")
    p.p.kill(15)
    p.p.expect(pexpect.EOF)
    assert b"\x1b[?1049l" in p.p.before
    p = play("--idle", "600")
    p.see("first line")
    p.p.send("\x03")
    p.p.expect(pexpect.EOF)


def test_a_terminal_that_can_nothing(tree):
    p = pexpect.spawn(SALLYPORT, ["replay", "--root", tree, PLAY], env={**os.environ, "TERM": "dumb"}, timeout=10)
    p.expect("last words")
    p.expect(pexpect.EOF)


# --- policies --------------------------------------------------------------------------------------------------

def policy_cases():
    """tests/cli/policy.txt: (what, YAML, arguments, exit status, expected lines)."""
    yaml, made = "", []
    with open(TOP + "/tests/cli/policy.txt", encoding="utf-8") as f:
        for block in f.read().split("\n== ")[1:]:
            what, _, rest = block.partition("\n")
            given, _, rest = rest.partition("-- ")
            yaml = given or yaml
            argv, status, *lines = rest.rstrip("\n").split("\n")
            made.append(pytest.param(yaml, shlex.split(argv), int(status), lines, id=what))
    return made


@pytest.mark.parametrize("yaml,argv,status,lines", policy_cases())
def test_policy(tmp_path, yaml, argv, status, lines):
    here = str(tmp_path)
    (tmp_path / "p.yaml").write_text(yaml, encoding="utf-8")
    (tmp_path / "alice.json").write_text('{"user": "alice", "groups": ["eng"]}', encoding="utf-8")
    done = run("policy", *[a.replace("@", here) for a in argv])
    assert done.returncode == status, done
    printed = {"out": done.stdout.split("\n"), "err": done.stderr.split("\n")}
    assert "\x1b" not in done.stdout + done.stderr
    for line in lines:
        if line.startswith("~"):
            assert line[1:] not in done.stdout + done.stderr
            continue
        where = printed["err" if line.startswith("!") else "out"]
        want = re.compile(re.escape(line.lstrip("!").replace("@", here)).replace(r"\*", ".*"))
        while where and not want.fullmatch(where[0]):
            where.pop(0)
        assert where, f"no line like {line!r} in:\n{done.stdout}{done.stderr}"


# --- completion ------------------------------------------------------------------------------------------------

def complete(*words):
    script = (f". {TOP}/packaging/completion/sallyport.bash; COMP_WORDS=(sallyport {shlex.join(words)}); "
              f"COMP_CWORD={len(words)}; _sallyport; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=TOP,
                          env={**os.environ, "PATH": BUILD + "/cli:" + os.environ["PATH"]}).stdout.split()


def test_bash_completes():
    assert complete("re") == ["replay", "resume", "revoke", "revoked"]
    assert complete("sessions", "--s") == ["--state", "--since"]
    assert complete("sessions", "--state", "c") == ["closed", "crashed"]
    assert complete("policy", "") == ["check", "test", "explain"]
    assert complete("export", "--format", "") == ["asciicast", "json", "sudo", "tlog"]
    assert complete("policy", "check", "packaging/co") == ["packaging/completion"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_every_command_and_option(shell):
    with open(f"{TOP}/packaging/completion/sallyport.{shell}", encoding="utf-8") as f:
        text = f.read()
    commands = re.findall(r"^  (\w+) ", run("help").stdout, re.M)
    assert len(commands) > 6 and all(re.search(rf"\b{c}\b", text) for c in commands)
    for command in ("sessions", "replay", "revoke", "unrevoke", "revoked", "verify", "export"):
        usage = run(command, "--no-such-option").stderr
        options = re.findall(r"--[a-z]+", usage.split("usage:")[1])
        part = text.split(f"*:{command})" if shell == "bash" else f"\t{command})")[1].split(";;")[0]
        assert options and all(o in part + text.split("commands=")[0] for o in options), (command, options)
