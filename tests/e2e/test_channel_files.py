# SPDX-License-Identifier: Apache-2.0
"""P7 for files: every client that copies them, both ways, under every effect of a rule, through the bastion's own tree and through
ssh -J: tests/attacks/channels/files.txt, which says what each line means."""
import concurrent.futures
import json
import os
import re
import signal
import subprocess

import pytest

import bastion
from bastion import wait_for
from test_sftp import CARD, CONNECTIONS, KEY, SHOWN, WEB, WEB_PORT, host, use  # noqa: F401 pylint: disable=unused-import

CASES = os.path.join(bastion.TOP, "tests/attacks/channels/files.txt")
CLIENTS = ("sftp", "scp", "scp-O", "rsync", "paramiko", "asyncssh", "sftp-J", "scp-J", "scp-O-J", "rsync-J")
NAME, SRV, HOME, CONF, KNOWN = "copies", "/srv/copies", "/home/lap-alice/copies", "/tmp/copies.conf", "/tmp/copies.known"
TEXT = f"card {CARD} of customer 7\n"

CONFIG = f"""Host bastion
Host {NAME}
  ProxyJump bastion
  UserKnownHostsFile {KNOWN}
Host *
  User alice
  IdentityFile ~/.ssh/op/id
  IdentitiesOnly yes
  StrictHostKeyChecking yes
  BatchMode yes
"""

# What an effect's rule adds to being let at its directory.
EFFECTS = {"allow": "effect: allow", "none": None, "deny": "effect: deny, message: not-here",
           "approve": "effect: approve, approve: { by: [dba], count: 1, within: 5m }",
           "mask": "effect: allow, mask: { detect: [credit_card], with: partial }",
           "scan": "effect: allow, scan: { detect: [credit_card] }",
           "quarantine": "effect: allow, scan: { detect: [credit_card], found: quarantine }",
           "watch": "effect: allow, scan: { detect: [credit_card], found: record }"}
ALL = "[list, stat, read, write, create, remove, rename, mkdir, rmdir, setstat, link, symlink]"


def lines():
    with open(CASES, encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                cells = line.rstrip("\n").split("\t")
                assert len(cells) == 5, line
                yield cells


def cells():
    """A file of its own for each client of each line."""
    found = []
    for way, effect, clients, outcome, recorded in lines():
        for client in clients.split():
            name = f"{way}-{effect}-{client}"
            found.append({"name": name, "way": way, "effect": effect, "client": client, "outcome": outcome, "recorded": recorded,
                          "there": f"{SRV}/{effect}/{name}", "here": f"{HOME}/{name}"})
    return found


CELLS = cells()


def policy(b):
    key = " ".join(b.read("/etc/files1/host.pub").split()[:2])
    connection = CONNECTIONS % {"name": NAME, "web": WEB, "port": WEB_PORT, "key": key, "secret": KEY} + "    forward: true\n"
    rules = [f"  - {{ name: copies-in, who: [engineers], on: {NAME}, do: {{ file: [list, stat], path: [\"{SRV}\", \"{SRV}/**\", /home/filer] }}, effect: allow }}\n"]
    for effect, more in EFFECTS.items():
        if more:
            rules.append(f"  - {{ name: copies-{effect}, who: [engineers], on: {NAME}, do: {{ file: {ALL}, path: [\"{SRV}/{effect}/**\"] }}, {more} }}\n")
    return bastion.POLICY_YAML.replace("rules:\n", connection + "rules:\n" + "".join(rules), 1)


def argv(cell):
    """The client's command, which copies the one file."""
    is_jump, client = cell["client"].endswith("-J"), cell["client"].removesuffix("-J")
    where, there = (NAME, cell["there"]) if is_jump else ("bastion", f"/{NAME}{cell['there']}")
    config = ["-F", CONF] if is_jump else []
    remote = f"{where}:{there}" if is_jump else f"alice@{where}:{there}"
    pair = [cell["here"], remote] if cell["way"] == "up" else [remote, cell["here"]]
    if client == "sftp":
        line = f"put {cell['here']} {there}" if cell["way"] == "up" else f"get {there} {cell['here']}"
        words = ["sftp", "-q", "-b", "-", *config, where if is_jump else f"alice@{where}"]
        return ["bash", "-c", 'line=$1; shift; exec "$@" <<<"$line"', "-", line, *words]
    if client in ("scp", "scp-O"):
        return ["scp", "-q", *(["-O"] if client == "scp-O" else []), *config, *pair]
    if client == "rsync":
        return ["rsync", *(["-e", f"ssh -F {CONF}"] if is_jump else []), *pair]
    return ["/usr/bin/python3", "-W", "ignore", "/mnt/tests/e2e/sftp_client.py", client, "put" if cell["way"] == "up" else "get", there, cell["here"]]


def play(b, cell):
    """What the client says, and how it ends; one that is held is ended."""
    if cell["outcome"] != "held":
        done = b.run(argv(cell), user="lap-alice", check=False, timeout=120, env={"PYTHONDONTWRITEBYTECODE": "1"})
        return done.returncode, done.stdout + done.stderr
    with b.popen(argv(cell), user="lap-alice", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                 start_new_session=True) as p:
        try:
            wait_for(f"the request of {cell['name']}", lambda: cell["there"] in b.ssh("bob", "approvals").stdout, timeout=60, every=0.5)
        except bastion.BastionError:
            return p.poll(), "was not held"
        finally:
            os.killpg(p.pid, signal.SIGKILL)  # and the ssh that it has started
    return None, ""


RECORDS = r"""
import json, subprocess, sys
done = subprocess.run(["sallyport", "sessions", "--user", "alice", "--json"], capture_output=True, text=True)
print(json.dumps([subprocess.run(["sallyport", "replay", "--events", s], capture_output=True, text=True, errors="replace").stdout
                  for s in (json.loads(line)["id"] for line in done.stdout.splitlines()) if s > sys.argv[1]]))
"""


@pytest.fixture(scope="module")
def outcome(host):  # noqa: F811 pylint: disable=redefined-outer-name
    """All of it, several at once; then what has arrived, and what is on record."""
    b = host
    b.run(["sh", "-c", f"rm -rf {SRV} {HOME}; mkdir -p {SRV} {HOME}; cd {SRV}; mkdir {' '.join(EFFECTS)}"])
    for way, of in (("down", "there"), ("up", "here")):
        b.run(["sh", "-c", 'while read -r f; do echo "$0" >"$f"; done', TEXT.strip()], stdin="".join(c[of] + "\n" for c in CELLS if c["way"] == way))
    b.run(["sh", "-c", f"chown -R filer: {SRV}; chown -R lap-alice: {HOME}"])
    use(b, policy(b))
    b.write(CONF, CONFIG)
    b.write(KNOWN, b.sallyport("host-ca", NAME).stdout)
    wait_for("the host's name", lambda: b.run(["getent", "hosts", NAME], check=False).returncode == 0)
    probe = {"client": "sftp-J", "way": "down", "here": "/dev/null", "there": "/none"}
    wait_for("its certificate", lambda: b.run(argv(probe), user="lap-alice", check=False).returncode != 255, timeout=60, every=0.3)
    before = max(re.findall(r"\b[0-9A-HJKMNP-TV-Z]{26}\b", b.sallyport("sessions").stdout))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = dict(zip((c["name"] for c in CELLS), pool.map(lambda c: play(b, c), CELLS)))
    wait_for("the sessions to end", lambda: not b.session_pids(), timeout=60, every=0.3)
    records = json.loads(b.run(["/usr/bin/python3", "-c", RECORDS, before], timeout=300).stdout)
    arrived = {c["name"]: b.run(["cat", c["there"] if c["way"] == "up" else c["here"]], check=False).stdout for c in CELLS}
    yield results, records, arrived
    b.run(["rm", "-rf", SRV, HOME])


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: c["name"])
def test_cell(outcome, cell):  # pylint: disable=redefined-outer-name
    (status, said), arrived = outcome[0][cell["name"]], outcome[2][cell["name"]]
    records = [r for r in outcome[1] if cell["there"] in r]
    if cell["outcome"] == "passes":
        assert status == 0 and arrived == TEXT, (status, said)
    elif cell["outcome"] == "masked":
        assert status == 0 and CARD not in arrived and SHOWN in arrived and arrived.endswith("of customer 7\n"), (status, said, arrived)
    else:
        assert (status is None) == (cell["outcome"] == "held") and status != 0 and CARD not in arrived, (status, said, arrived)
    want = re.compile(cell["recorded"].replace("FILE", re.escape(cell["there"])), re.S)
    assert [r for r in records if want.search(r)], f"{cell['recorded']} is not on record:\n" + "".join(records)
    assert all(CARD not in r for r in records)


def test_the_table_is_whole():
    """Every client, both ways, with every effect, once."""
    had = [(c["way"], c["effect"], c["client"]) for c in CELLS]
    wanted = {(way, effect, client) for way in ("up", "down") for effect in EFFECTS for client in CLIENTS}
    wanted -= {("up", "mask", client) for client in ("rsync", "rsync-J")}  # which reads its target's file too
    assert len(had) == len(set(had)) and set(had) == wanted, wanted ^ set(had)
