# SPDX-License-Identifier: Apache-2.0
"""sallyport.yaml(5): what the daemons other than identity take from it, and that a bad file stops no session."""
import pexpect
import pytest

import bastion
from bastion import wait_for

PATH = "/etc/sallyport/sallyport.yaml"


@pytest.fixture
def settings(b):
    """Sets more settings, to be read at the next start of a daemon."""
    yield lambda more: b.write(PATH, bastion.SALLYPORT_YAML + more)
    b.write(PATH, bastion.SALLYPORT_YAML)
    for name in bastion.DAEMONS:
        b.restart(name)
        b.wait_ready(name)


def test_one_session_a_person(b, settings):
    settings("sessions: { per_person: 1 }\n")
    b.restart("sallyportd")
    b.wait_ready("sallyportd")
    wait_for("earlier sessions to end", lambda: b.ssh("alice", "whoami").returncode == 0)
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    done = b.ssh("alice", "whoami")
    assert done.returncode == 254 and "too many sessions open" in done.stderr
    wait_for("bob's place", lambda: b.ssh("bob", "whoami").returncode == 0)
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    wait_for("the place to be free again", lambda: b.ssh("alice", "whoami").returncode == 0)


def test_recorder_and_control(b, settings):
    settings("recorder: { reserve_mib: 1000000 }\ncontrol: { policy: /etc/sallyport/elsewhere }\n")
    b.restart("recorder")
    b.wait_ready("recorder")
    wait_for("the recorder to miss its reserve", lambda: "1000000 MiB" in b.read("/var/log/recorder.log")
             or "1000000" in b.ssh("alice", "whoami").stderr)
    b.run(["mkdir", "/etc/sallyport/elsewhere"])
    b.restart("control")
    b.wait_ready("control")
    assert "orders" not in b.ssh("alice", "help").stdout


@pytest.mark.parametrize("name", ["recorder", "control", "sallyportd"])
def test_a_bad_file(b, settings, name):
    """A daemon that finds it says where, and does not start; another one that runs goes on."""
    lines = bastion.SALLYPORT_YAML.count("\n")
    settings("recorder: { adit: off }\n")
    at = len(b.read(f"/var/log/{name}.log"))
    b.restart(name)
    want = f'{PATH}:{lines + 1}:13: unknown key "adit" (did you mean "audit"?)'
    wait_for(want, lambda: want in b.read(f"/var/log/{name}.log")[at:])
    assert not b.ask(op="state")[name]["ready"]
    done = b.run(["sallyport-identity", "-t"], check=False, env={"PATH": "/usr/libexec/sallyport:/usr/sbin:/usr/bin:/sbin:/bin"})
    assert done.returncode != 0 and want in done.stdout + done.stderr


def test_names_of_the_tables(b, settings):
    """A sink or a store that is not in its table: its own daemon says so, with the place, and does not start."""
    line = bastion.SALLYPORT_YAML.count("\n") + 1
    settings("recorder: { sinks: [sislog] }\ncontrol: { database: \"postgres://db.internal/x\" }\n")
    for name, want in (("recorder", f'{PATH}:{line}:21: "sislog" is not one of the words'),
                       ("control", f"{PATH}:{line + 1}:22: ")):
        at = len(b.read(f"/var/log/{name}.log"))
        b.restart(name)
        wait_for(want, lambda n=name, w=want, a=at: w in b.read(f"/var/log/{n}.log")[a:])
        assert not b.ask(op="state")[name]["ready"]
    settings("control: { database: \"postgres:/var/lib/x\" }\n")
    want = f'{PATH}:{line}:22: there is no store "postgres" (sqlite)'
    wait_for(want, lambda: want in b.read("/var/log/control.log"))
    settings("control: { database: \"sqlite:/var/lib/sallyport/control/control.db\" }\n")
    b.wait_ready("control")


def syslog_lines(b, at, word):
    return [x for x in b.read("/var/log/syslog.log")[at:].splitlines() if word in x and "sallyport-recorder[" in x]


def test_syslog_sink(b, settings):
    """What the kernel is told is in the log too, one escaped line each; without the log no session goes on."""
    settings("recorder: { sinks: [syslog] }\n")
    b.restart("recorder")
    b.wait_ready("recorder")
    at = len(b.read("/var/log/syslog.log"))
    wait_for("sessions", lambda: b.ssh("alice", "whoami").returncode == 0)
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    child.sendline('drop table "customers";')
    child.expect("Use a migration for this")
    (line,) = wait_for("the line", lambda: syslog_lines(b, at, "op=sallyport:statement"))
    sid = line.split("session=")[1].split()[0]
    assert line.startswith("<85>") and f']: res=failed op=sallyport:statement session={sid} acct="alice" ' in line
    assert 'decision="deny"' in line and r'cmd="drop table \x22customers\x22' in line, line
    opened = [x for x in syslog_lines(b, at, f"op=sallyport:session_open session={sid} ") if x.startswith("<86>")]
    assert len(opened) == 1 and "res=success" in opened[0]
    if b.has_audit:
        wait_for("the kernel's record", lambda: f"op=sallyport:statement session={sid}" in b.ausearch("-m", "USER_CMD"))
    # Nobody listens: for a while lines wait, then statements are refused, and nothing of it is lost.
    b.ask(op="stop", name="syslog")
    b.run(["rm", "-f", "/dev/log"])
    child.sendline("truncate customers;")
    child.expect("Use a migration for this")

    def is_refused():
        child.sendline("select 6 * 7;")
        return child.expect(["the recorder cannot write .syslog", r"\s42\s"]) == 0

    wait_for("the refusal", is_refused, every=0.5)
    assert b.ssh("bob", "whoami").returncode != 0
    at = len(b.read("/var/log/syslog.log"))
    b.ask(op="start", name="syslog")
    wait_for("statements to work again", lambda: not is_refused(), every=0.5)
    wait_for("the line that waited", lambda: syslog_lines(b, at, 'cmd="truncate customers'))
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    wait_for("the end", lambda: syslog_lines(b, at, f"op=sallyport:session_close session={sid}"))
