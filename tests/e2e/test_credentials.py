# SPDX-License-Identifier: Apache-2.0
"""P4: where a target's password can come from: a program, the service manager; and what is refused with a clear line."""
import json
import re
import time

import pexpect
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


# --- while it is in use, the password is nowhere but in its file and in sallyport-session ------------------------

SEEK = r"""
import os, sys
needle, mark, mine = sys.argv[1].encode(), sys.argv[2].encode(), os.readlink("/proc/self/ns/net")
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        comm, uid = open(f"/proc/{pid}/comm").read().strip(), os.stat(f"/proc/{pid}").st_uid
        argv, environ = (open(f"/proc/{pid}/{name}", "rb").read() for name in ("cmdline", "environ"))
        root = os.readlink(f"/proc/{pid}/ns/net")
        hers = uid == int(sys.argv[3])
        if int(pid) == os.getpid() or root != mine and not (hers and comm == "psql" and int(sys.argv[4]) in parents(pid)):
            continue
        if needle in argv or needle in environ:
            print("words", comm)
        if not hers:
            continue
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
            for line in maps:
                if line.split()[1][0] != "r" or "[v" in line:
                    continue
                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                try:
                    mem.seek(start)
                    data = mem.read(end - start)
                except (OSError, ValueError):
                    continue
                for what in (needle, mark):
                    if what in data:
                        print("memory", comm, "mark" if what == mark else "PASSWORD")
    except OSError:
        continue
"""
PARENTS = r"""
def parents(pid):
    found = set()
    while pid not in ("0", "1"):
        with open(f"/proc/{pid}/stat") as f:
            pid = f.read().rsplit(") ", 1)[1].split()[1]
        found.add(int(pid))
    return found
"""


def test_the_password_is_nowhere_else(b):
    child = b.ssh_tty("alice", "psql orders -X")
    child.expect("orders=[>#] ")
    mark = "e2e-in-her-memory"
    child.sendline(f"select '{mark}' || '.';")
    child.expect(mark + r"\.")
    uid = b.run(["id", "-u", "alice"]).stdout.strip()
    argv = ["/usr/bin/python3", "-c", PARENTS + SEEK, bastion.DB_PASSWORD, mark, uid, str(b.holder.pid)]
    found = b.run(argv).stdout
    assert "memory psql mark\n" in found, found  # it does find what is there
    assert "PASSWORD" not in found and "words" not in found, found
    # Neither may she look into the process that has it, nor does that leave a core.
    for pid in b.session_pids():
        for name in ("mem", "environ", "maps"):
            done = b.run(["cat", f"/proc/{pid}/{name}"], user="alice", check=False)
            assert done.returncode != 0 and done.stdout == "" and "Permission denied" in done.stderr, (name, done.stderr)
        assert re.search(r"(?m)^Max core file size +0 +0 ", b.read(f"/proc/{pid}/limits"))
    child.sendline(r"\q")
    child.expect(pexpect.EOF)
    # Nor is it in what any part of Sallyport wrote: the records as they are read, logs, state, shared memory.
    for sid in [json.loads(line)["id"] for line in b.sallyport("sessions", "--user", "alice", "--json").stdout.splitlines()][-3:]:
        assert bastion.DB_PASSWORD not in b.sallyport("replay", "--events", sid).stdout
    places = "/run /dev/shm /tmp /var/tmp /home /var/lib/sallyport /var/log/sallyport /var/log/audit /etc/sallyport"
    wrote = b.run(["sh", "-c", f"grep -rlFa -e '{bastion.DB_PASSWORD}' {places} /var/log/*.log 2>/dev/null"], check=False).stdout
    # PostgreSQL's log has the statement that made the account.
    assert set(wrote.split()) == {"/etc/sallyport/secrets/orders", "/var/log/postgres.log"}, wrote
