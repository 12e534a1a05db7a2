# SPDX-License-Identifier: Apache-2.0
"""P4: where a target's password can come from: a program, the service manager; and what is refused with a clear line."""
import time

import pytest

import bastion

WAS = "{ file: /etc/sallyport/secrets/orders }"
PROGRAM = "/usr/local/sbin/print-credential"
SCRIPT = """#!/bin/sh
# usage: print-credential NAME
cat /etc/exec-secrets/"$1" && env >/tmp/exec-env && id -un >/tmp/exec-id
"""


@pytest.fixture
def password(b):
    """Has the password of orders come from elsewhere."""

    def come_from(where):
        b.set_policy(bastion.POLICY_YAML.replace(WAS, where))
        time.sleep(1)  # until control has read it
    b.run(["sh", "-c", 'mkdir -p /etc/exec-secrets; cat >"$0"; chmod 755 "$0"', PROGRAM], stdin=SCRIPT)
    b.write("/etc/exec-secrets/orders", bastion.DB_PASSWORD + "\n", mode="0400", owner="sallyport-exec:root")
    b.run(["mv", "/etc/sallyport/secrets/orders", "/etc/sallyport/secrets/away"])
    yield come_from
    b.run(["mv", "/etc/sallyport/secrets/away", "/etc/sallyport/secrets/orders"])
    b.run(["rm", "-rf", PROGRAM, "/etc/exec-secrets", "/tmp/exec-env", "/tmp/exec-id"])
    b.set_policy(bastion.POLICY_YAML)
    time.sleep(1)


def select(b):
    return b.psql("alice", "select 40 + 2", "-At")


def test_without_it_nobody_comes_in(b, password):
    password(WAS)
    done = select(b)
    assert done.returncode != 0 and "call an administrator" in done.stderr


def test_a_program(b, password):
    password(f"{{ exec: [{PROGRAM}, orders] }}")
    done = select(b)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    assert b.read("/tmp/exec-id") == "sallyport-exec\n"
    assert set(line.split("=")[0] for line in b.read("/tmp/exec-env").splitlines()) <= {"PWD", "SHLVL", "_", "OLDPWD"}
    assert bastion.DB_PASSWORD not in b.daemon_logs()


@pytest.mark.parametrize("change", ["exit 1", "sleep 30", "chmod 777 " + PROGRAM, "rm " + PROGRAM])
def test_a_program_that_fails(b, password, change):
    password(f"{{ exec: [{PROGRAM}, orders] }}")
    if change.startswith(("exit", "sleep")):
        b.run(["sh", "-c", 'printf "#!/bin/sh\\n%s\\n" "$1" >"$0"', PROGRAM, change])
    else:
        b.run(change.split())
    began = time.monotonic()
    done = select(b)
    assert done.returncode != 0 and done.stdout == "" and "call an administrator" in done.stderr
    assert time.monotonic() - began < 12
    assert b.ssh("bob", "whoami").returncode == 0


def test_the_service_manager(b, password):
    """As systemd gives it (LoadCredential=): a file in $CREDENTIALS_DIRECTORY."""
    password("{ systemd-credential: orders }")
    b.run(["sh", "-c", "mkdir -p -m 700 /run/credentials/sallyportd && mv /etc/exec-secrets/orders /run/credentials/sallyportd/ && "
           "chown root: /run/credentials/sallyportd/orders"])
    done = select(b)
    assert done.returncode != 0 and "call an administrator" in done.stderr, "sallyportd was not given one yet"
    unit = f"{bastion.UNITS}/sallyportd.service"
    b.stop_daemon("sallyportd")
    b.service("sallyportd", unit=unit, env={"CREDENTIALS_DIRECTORY": "/run/credentials/sallyportd"})
    try:
        b.wait_ready("sallyportd")
        bastion.wait_for("the login", lambda: select(b).stdout == "42\n")
    finally:
        b.stop_daemon("sallyportd")
        b.service("sallyportd", unit=unit)
        b.wait_ready("sallyportd")
        b.run(["rm", "-rf", "/run/credentials/sallyportd"])


def test_what_this_version_cannot_read(b, password):
    password("{ vault: kv/orders }")
    done = select(b)
    assert done.returncode != 0 and "use file, systemd-credential or exec" in done.stderr
