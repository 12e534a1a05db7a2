# SPDX-License-Identifier: Apache-2.0
"""P7: every channel and request that a client can send, over every kind of connection and effect of a rule, from several
clients at once, on one bastion: tests/attacks/channels/{matrix,runs,live}.txt, which say what each line means."""
import json
import os
import re
import shlex

import pytest

import bastion
from bastion import wait_for

CASES = os.path.join(bastion.TOP, "tests/attacks/channels")
KINDS, EFFECTS = ("postgres", "ssh", "shell", "command", "builtin"), ("allow", "approve", "deny", "none")
OPENINGS = ("session", "direct-tcpip", "direct-streamlocal@openssh.com", "tun@openssh.com", "forwarded-tcpip",
            "forwarded-streamlocal@openssh.com", "x11", "auth-agent@openssh.com")
REQUESTS = ("pty-req", "shell", "exec", "subsystem", "env", "window-change", "signal", "break", "exit-status", "exit-signal", "x11-req",
            "auth-agent-req@openssh.com", "eow@openssh.com", "tcpip-forward", "cancel-tcpip-forward",
            "streamlocal-forward@openssh.com", "cancel-streamlocal-forward@openssh.com", "hostkeys-00@openssh.com",
            "hostkeys-prove-00@openssh.com", "no-more-sessions@openssh.com")
BEFORE = ("session", "pty-req", "env", "run")  # all that the multiplexed client and asyncssh are given around a run
HELD = "waiting for approval"
LEAKED = re.compile(r"uid=\d+\(|root:.*:0:0:|SSH-2\.0-|C0644")

CONNECTIONS = {
    "postgres": f"kind: postgres, address: \"{bastion.DB_HOST}:{bastion.DB_PORT}\", database: orders, tls: {{ mode: verify-full, "
                f"ca: {bastion.CA_DIR}/ca.pem }}, login: {{ user: app_rw, password: {{ file: /etc/sallyport/secrets/orders }} }}",
    "ssh": "kind: ssh, address: \"127.0.0.5:2223\", host_keys: [\"HOSTKEY\"], login: { user: matrix, key: { file: /etc/sallyport/secrets/matrix } }",
    "shell": "kind: shell",
    "command": "kind: command, command: [/usr/bin/printf, \"%s\", \"{word}\"], parameters: { word: \"[a-z0-9]+\" }",
}
# What a rule of an effect is for; what reaches the connection at all is let through by another one.
DO = {"postgres": "{ sql: [select, show] }", "ssh": "{ argv: [\"printf **\"] }", "shell": "{ argv: [\"/usr/bin/printf **\"] }"}
REACH = {"postgres": "{ sql: [select, show] }", "ssh": "{ argv: [\"**\"] }", "shell": "{ interactive: true, argv: [\"/usr/bin/* **\"] }"}
SSHD = """Port 2223
ListenAddress 127.0.0.5
HostKey /etc/matrix/host
PidFile none
UsePAM no
PasswordAuthentication no
AuthorizedKeysFile /etc/matrix/%u.keys
StrictModes no
"""


# --- what the files say ----------------------------------------------------------------------------------------


def lines(name, columns):
    with open(f"{CASES}/{name}.txt", encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                cells = line.rstrip("\n").split("\t")
                assert len(cells) == columns, f"{name}.txt: {line}"
                yield cells


def steps_of(text):
    """REQUEST(ARGUMENT)=ANSWER, where an argument in quotes may hold blanks."""
    found, end = [], 0
    for m in re.finditer(r"\s*([a-z0-9@.-]+)(?:\(('[^']*'|[^()']*)\))?(?:=(\S+))?(?=\s|$)", text):
        assert m.start() == end, f"not understood: {text[end:]}"
        end = m.end()
        found.append({"name": m.group(1), "arg": (m.group(2) or "").strip("'"), "want": m.group(3)})
    assert end == len(text), f"not understood: {text[end:]}"
    return found


def runs():
    return [dict(zip(("kind", "effect", "command", "status", "shown", "recorded"), cells)) for cells in lines("runs", 6)]


def rows():
    for name, clients, steps in lines("matrix", 3):
        for client in clients.split():
            yield f"{name}-{client}", client, steps_of(steps)


def jobs():
    """A connection for each row and client; where it runs something, a channel for each line of runs.txt, or for some."""
    found = []
    for number, (name, client, steps) in enumerate(rows()):
        crossed, channels, lots = any(step["name"] in ("run", "start") for step in steps), [], runs()
        if steps[0]["name"] == "some":
            steps = steps[1:]
            lots = [run for run in lots if EFFECTS[(number + KINDS.index(run["kind"])) % 4] == run["effect"]]
        for i, run in enumerate(lots if crossed else [None]):
            cell = f"c{number:03d}x{i:02d}"
            channels.append({"cell": cell, "steps": steps, "wants": run, "run": run and run["command"].replace("CELL", cell)})
        found.append({"name": name, "client": client, "channels": channels})
    for i, (name, options, words) in enumerate(lines("live", 3)):
        port = 20000 + i
        found.append({"name": f"live-{name}", "client": "live", "port": port, "options": options.replace("{port}", str(port)),
                      "words": words.replace("\\n", "\n").replace("/tmp/pwned", f"/tmp/pwned.{name}"), "channels": []})
    return found


JOBS = jobs()


# --- the bastion of the matrix ---------------------------------------------------------------------------------


def policy(host_key):
    connections, rules = [], []
    for kind, text in CONNECTIONS.items():
        for effect in EFFECTS:
            name = f"{kind}-{effect}"
            connections.append(f"  {name}: {{ {text.replace('HOSTKEY', host_key)} }}\n")
            ask = f", do: {DO[kind]}" if kind in DO else ""
            more = {"approve": ", approve: { by: [dba], count: 1, within: 5m }", "deny": ", message: matrix-says-no"}.get(effect, "")
            if effect != "none":
                rules.append(f"  - {{ name: {name}, who: [engineers], on: [{name}], effect: {effect}{ask}{more} }}\n")
            if effect in ("approve", "deny") and kind in REACH:
                rules.append(f"  - {{ name: {name}-reach, who: [engineers], on: [{name}], effect: allow, do: {REACH[kind]} }}\n")
            if effect == "allow" and kind == "shell":
                rules.append(f"  - {{ name: {name}-in, who: [engineers], on: [{name}], effect: allow, do: {REACH[kind]} }}\n")
    return bastion.POLICY_YAML.replace("rules:\n", "".join(connections) + "rules:\n" + "".join(rules), 1)


@pytest.fixture(scope="module")
def ready(shared):
    shared.run(["sh", "-c", """set -e; umask 077; mkdir -p /etc/matrix; cd /etc/matrix; useradd -m -s /bin/sh -p '*' matrix
ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f /etc/sallyport/secrets/matrix
cp /etc/sallyport/secrets/matrix.pub matrix.keys; chmod 755 .; chmod 644 matrix.keys
printf '\\\\! touch /tmp/pwned.psqlrc\\n' >/home/alice/rc"""])
    shared.write("/etc/matrix/sshd_config", SSHD)
    shared.service("matrix-host", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/matrix/sshd_config"])
    wait_for("the host", lambda: ":08AF " in shared.read("/proc/net/tcp"))
    said = len(shared.read("/var/log/control.log"))
    shared.set_policy(policy(" ".join(shared.read("/etc/matrix/host.pub").split()[:2])))
    wait_for("the policy to be taken", lambda: "policy" in shared.read("/var/log/control.log")[said:])
    assert "stays" not in shared.read("/var/log/control.log")[said:], shared.read("/var/log/control.log")[said:]
    wait_for("it to be in force", lambda: "command-allow" in shared.ssh("alice", "connections").stdout, every=0.3)
    yield shared
    shared.stop_daemon("matrix-host")
    shared.set_policy(bastion.POLICY_YAML)


RECORDS = r"""
import json, subprocess
done = subprocess.run(["sallyport", "sessions", "--user", "alice", "--json"], capture_output=True, text=True)
found = []
for line in done.stdout.splitlines():
    row = json.loads(line)
    row["events"] = subprocess.run(["sallyport", "replay", "--events", row["id"]], capture_output=True, text=True, errors="replace").stdout
    found.append(row)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def outcome(ready):  # pylint: disable=redefined-outer-name
    """All of it at once; then what was answered, what is on record, what sshd said and what the kernel was told."""
    sent = [{k: v for k, v in job.items() if k != "channels"} | {"channels": [
        {k: v for k, v in c.items() if k != "wants"} for c in job["channels"]]} for job in JOBS]
    log = len(ready.read("/var/log/sshd.log"))
    done = ready.run(["/usr/bin/python3", "/mnt/tests/e2e/channel_client.py"], user="lap-alice",
                     stdin=json.dumps({"at_once": 6, "jobs": sent}), timeout=500, env={"PYTHONDONTWRITEBYTECODE": "1"})
    results = {job["name"]: job for job in json.loads(done.stdout)}
    wait_for("the sessions to end", lambda: not ready.session_pids(), timeout=60, every=0.3)
    records = json.loads(ready.run(["/usr/bin/python3", "-c", RECORDS], timeout=300).stdout)
    return {"results": results, "records": records, "sshd": ready.read("/var/log/sshd.log")[log:],
            "left": ready.run(["sh", "-c", "ls -d /tmp/pwned* /home/alice/pwned* 2>/dev/null"], check=False).stdout,
            "listening": ready.run(["ss", "-Hlnt"]).stdout,
            "audit": ready.read("/var/log/audit/audit.log") if ready.has_audit else None}


# --- one test a row --------------------------------------------------------------------------------------------


def check_run(run, cell, got, records):
    """Answered, shown and recorded as its line says."""
    output, status = got["output"].replace("\r", ""), got["status"]
    held = run["status"] == "-"
    assert (HELD in output) == held and re.search(run["shown"].replace("CELL", cell), output, re.M), (run, got)
    assert held or status == int(run["status"]), (run, got)
    assert run["effect"] == "allow" or cell not in output, "it ran"
    if run["command"] == "help":
        mine = [r for r in records if r["command"] == "help"]
    else:
        mine = [r for r in records if cell in r["command"]]
    want = re.compile(run["recorded"].replace("CELL", cell), re.S)
    assert [r for r in mine if want.search(r["events"])], f"{run['recorded']} is not on record:\n" + "".join(r["events"] for r in mine)


def check_channel(channel, answers, seen, records):
    for step, answer in zip(channel["steps"], answers, strict=True):
        if isinstance(answer, list):  # a run, and its own answer
            answer, got = answer
            if channel["wants"]:
                check_run(channel["wants"], channel["cell"], got, records)
            answer = answer if answer != "silence" else "no"
        elif isinstance(answer, dict):
            if channel["wants"]:
                check_run(channel["wants"], channel["cell"], answer, records)
            assert not LEAKED.search(answer["output"]), answer
            continue
        assert answer != "silence", (step, answers)
        if step["name"] == "log":
            assert step["arg"] in seen["sshd"], f"sshd did not say {step['arg']}"
        else:
            assert step["want"] in (None, answer), (step, answers)


@pytest.mark.parametrize("job", [j for j in JOBS if j["client"] != "live"], ids=lambda j: j["name"])
def test_row(outcome, job):  # pylint: disable=redefined-outer-name
    result = outcome["results"][job["name"]]
    assert "error" not in result, result
    who = json.loads(result["whoami"])
    records = [r for r in outcome["records"] if r["ses"] == who["audit_session"]]
    for channel, got in zip(job["channels"], result["channels"], strict=True):
        check_channel(channel, got["answers"], outcome, records)
    # The connection itself: its login with the kernel, its sessions complete and under the person's name.
    assert [r for r in records if r["command"] == "whoami --json" and r["state"] == "closed"], records
    # A session whose client leaves before the recorder is ready for it does nothing, and its record is closed for it.
    assert all(r["user"] == "alice" and (r["state"] == "closed" or (r["state"], r["events"]) == ("crashed", "")) for r in records), records
    if outcome["audit"] is not None:
        assert re.search(rf"type=USER_START .* ses={who['audit_session']} .*PAM:session_open", outcome["audit"])


@pytest.mark.parametrize("job", [j for j in JOBS if j["client"] == "live"], ids=lambda j: j["name"])
def test_attempt(outcome, job):  # pylint: disable=redefined-outer-name
    """As typed: live.txt. None has its effect."""
    result = outcome["results"][job["name"]]
    assert "error" not in result, result
    assert result["through"] in (None, ""), "bytes came through"
    assert not LEAKED.search(result["output"]) and "root@" not in result["output"], result["output"]
    words = job["words"]
    assert result["status"] != 0 or result["waits"] or "psqlrc" in result["output"] or words.startswith("psql"), result
    if words and not job["options"].startswith("-o PubkeyAuthentication=no"):
        command = shlex.split(words)[0] if "-s" in job["options"].split() else words
        assert [r for r in outcome["records"] if command.replace("\n", " ") in r["command"].replace("\n", " ")] or \
            "subsystem" in job["name"], "it is not on record"


def test_nothing_is_left(outcome):  # pylint: disable=redefined-outer-name
    assert outcome["left"] == ""
    assert not re.search(r":(9998|200\d\d) ", outcome["listening"])
    assert "fatal" not in outcome["sshd"]


# --- the table itself ------------------------------------------------------------------------------------------


def test_the_table_is_whole():
    """Every kind with every effect; every channel and request with every one of these."""
    assert {(r["kind"], r["effect"]) for r in runs()} == {(k, e) for k in KINDS for e in EFFECTS}
    text = "\n".join("\t".join(cells) for cells in lines("matrix", 3))
    named = set(re.findall(r"[a-z0-9@.-]+", text))
    assert set(OPENINGS) | set(REQUESTS) <= named, (set(OPENINGS) | set(REQUESTS)) - named
    for name, client, steps in rows():
        assert client in ("raw", "paramiko", "asyncssh", "openssh"), name
        if client in ("openssh", "asyncssh") and any(s["name"] == "run" for s in steps):
            assert all(s["name"] in (*BEFORE, "some") for s in steps), f"{name}: {client} cannot be told that"
