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
    child = b.ssh_tty("alice", "psql", "orders")
    child.expect("orders=[>#] ")
    done = b.ssh("alice", "whoami")
    assert done.returncode == 254 and "too many sessions open" in done.stderr
    assert b.ssh("bob", "whoami").returncode == 0
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
