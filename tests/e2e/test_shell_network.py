# SPDX-License-Identifier: Apache-2.0
"""What programs of a decided shell reach over sockets: decided, held, recorded, and not to be had past that."""
import re
import shlex

import pexpect
import pytest

import bastion
from bastion import wait_for

ULID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
ATTACKS = "/mnt/tests/attacks/network"
WITNESS = "/tmp/network-witness"

POLICY = bastion.POLICY_YAML.replace("rules:\n", """  shell: { kind: shell }
  free:
    kind: shell
rules:
  - name: people-shell
    who: [engineers]
    do:
      interactive: true
      argv: ["/usr/bin/* **", "/usr/sbin/* **", "/usr/lib/** **", "/opt/exec/become **", "/opt/net/reach **"]
    effect: allow
  - name: reach-open
    who: [engineers]
    on: [shell]
    do:
      network: ["tcp 127.0.0.1 7001", "tcp 127.0.0.1 7004-7009", "listen tcp 127.0.0.1 7005", "udp 127.0.0.1 7001",
                "udp 127.0.0.0/8 32768-65535", "unix /srv/net/open", "unix /tmp/**"]
    effect: allow
  - name: never-six
    on: [shell]
    do: { network: ["tcp 127.0.0.1 7006"] }
    effect: deny
    message: Six is not for you.
  - name: eight-needs-a-dba
    who: [engineers]
    on: [shell]
    do: { network: ["tcp 127.0.0.1 7008"] }
    effect: approve
    approve: { by: [dba], count: 1, within: 5m }
""", 1)


def take(m, text):
    said = len(m.read("/var/log/control.log"))
    m.set_policy(text)
    wait_for("the policy to be taken", lambda: "is in force" in m.read("/var/log/control.log")[said:])


@pytest.fixture(scope="module")
def m(shared):
    take(shared, POLICY)
    shared.run(["sh", "-c", f"""set -e; mkdir -p /opt/net /opt/exec; umask 022
cc -O1 -w -pthread -o /opt/net/reach {ATTACKS}/reach.c
cc -O1 -o /opt/exec/become {ATTACKS}/../exec/become.c; chmod 4755 /opt/exec/become
cp {ATTACKS}/works.py /opt/net/works.py; : >{WITNESS}"""])
    witness = shared.popen(["python3", f"{ATTACKS}/witness.py"])
    wait_for("the witness", lambda: "ready" in shared.read(WITNESS))
    yield shared
    witness.kill()
    witness.wait()
    shared.set_policy(bastion.POLICY_YAML)


def sh(m, command, **kwargs):
    return m.ssh("alice", "shell shell -c " + shlex.quote(command), **kwargs)


def events(m, number=-1):
    ids = sorted(set(ULID.findall(m.sallyport("sessions").stdout)))
    return m.sallyport("replay", "--events", ids[number]).stdout


def test_what_programs_do_with_sockets_works(m):
    done = sh(m, "python3 /opt/net/works.py", timeout=60)
    assert done.stdout.endswith("end\n") and "BROKEN" not in done.stdout, done
    uid = m.run(["id", "-u", "alice"]).stdout.strip()
    wait_for("whom the witness saw", lambda: f"open unix {uid}\n" in m.read(WITNESS))
    text = events(m)
    assert "connect tcp 127.0.0.1 7001" in text and "reach-open" in text and "listen tcp 127.0.0.1 7005" in text, text
    assert "connect unix /srv/net/open" in text and '"protocol=udp"' in text and "port=7002" in text


def test_a_refusal_says_why(m):
    done = sh(m, "exec 3<>/dev/tcp/127.0.0.1/7006; exec 3<>/dev/tcp/127.0.0.1/7002; true")
    assert "/usr/bin/bash: tcp 127.0.0.1 7006: Six is not for you." in done.stderr, done
    assert "tcp 127.0.0.1 7002: No rule allows you to reach this on shell" in done.stderr
    assert "Permission denied" in done.stderr
    assert "never-six" in events(m)


def test_an_approval_holds_it(m):
    child = m.ssh_tty("alice", "shell shell")
    child.expect(r"\$ ")
    child.sendline("(exec 3<>/dev/tcp/127.0.0.1/7008) 2>&1 | grep -q refused && echo let-$((1 + 1))")
    child.expect(r"waiting for approval (\S+);")
    assert m.ssh("bob", "approve " + child.match.group(1)).returncode == 0
    child.expect("let-2")  # and nobody listens there
    child.sendline("(exec 3<>/dev/tcp/127.0.0.1/7008) 2>&1 | grep -q denied && echo not-$((1 + 1))")
    child.expect(r"waiting for approval (\S+);")
    assert m.ssh("bob", f"deny {child.match.group(1)} not today").returncode == 0
    child.expect("not today")
    child.expect("not-2")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()


def test_sudo_of_a_kind_is_held_too(m):
    before = m.read(WITNESS).count("shut")
    done = sh(m, "/opt/exec/become /opt/net/reach tcp")
    assert "tcp 127.0.0.1 7002: No rule" in done.stderr and m.read(WITNESS).count("shut") == before


def test_without_such_rules_nothing_is_held(m):
    before = m.read(WITNESS).count("shut tcp\n")
    m.ssh("alice", "shell free -c '/opt/net/reach tcp'")
    wait_for("the connection", lambda: m.read(WITNESS).count("shut tcp\n") == before + 1)
    assert "7002" not in events(m)


def test_a_policy_that_comes_to_ask_for_it_stops_the_programs_of_older_sessions(m):
    child = m.ssh_tty("alice", "shell free")
    child.expect(r"\$ ")
    take(m, POLICY.replace("    on: [shell]\n    do: { network: [\"tcp 127.0.0.1 7006\"] }",
                           "    on: [shell, free]\n    do: { network: [\"tcp 127.0.0.1 7006\"] }"))
    child.sendline("ls /")
    child.expect("start a new one")
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.close()
    take(m, POLICY)


def test_attacks(m):
    names = m.run(["/opt/net/reach"]).stdout.split()
    assert len(names) >= 24
    heard = m.read(WITNESS)
    script = "exec </dev/null >/dev/null 2>&1\n" + "".join(f"timeout -k 1 30 /opt/net/reach {n}\n" for n in names)
    m.write("/tmp/attacks-network.sh", script)
    sh(m, "bash /tmp/attacks-network.sh", timeout=120)
    # The witness serves in order: when it has heard this, it has heard all before.
    m.run(["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7001; echo >/dev/udp/127.0.0.1/7001; cat <&3"])
    new = m.read(WITNESS)[len(heard):]
    assert "shut" not in new and "listens" not in new, new
    assert new.count("open tcp") > 50 and new.count("open udp") > 50 and "open unix" in new, new[-200:]


def test_the_witness_hears_what_is_not_held(m):
    """The same attacks in a session where nothing is decided: each kind gets through, so the witness is one."""
    heard = len(m.read(WITNESS))
    names = "tcp mapped sendto sendmmsg unix unix_datagram listen race_connect race_descriptor"
    m.ssh("alice", f"shell free -c 'for n in {names}; do timeout -k 1 30 /opt/net/reach $n; done'", timeout=60)
    for what in ("shut tcp\n", "shut tcp6", "shut udp", "shut unix", "shut datagram", "listens"):
        wait_for(what, lambda w=what: w in m.read(WITNESS)[heard:])
