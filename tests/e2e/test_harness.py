# SPDX-License-Identifier: Apache-2.0
"""The private root leaves the machine as it found it, however it ends."""
import glob
import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

import bastion

FILES = ("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/ssh/sshd_config", "/etc/pam.d/sshd", "/etc/audit/auditd.conf")
# What was started in the background has SIGINT ignored, and Python then leaves it so.
START = f"""import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {bastion.TOP + "/tests/e2e"!r})
import bastion
b = bastion.Bastion(audit=False)
b.prepare()
print(b.holder.pid, b.base, flush=True)
time.sleep(60)
"""


def machine():
    """What must be the same afterwards."""
    files = {}
    for path in FILES:
        if os.path.exists(path):
            st = os.stat(path)
            files[path] = (st.st_ino, st.st_mtime_ns)
    with open("/proc/self/mounts", encoding="utf-8") as f:
        mounts = sorted(f.read().splitlines())
    return files, mounts, glob.glob("/etc/sallyport*"), glob.glob("/run/sallyport/*")


def inside_of(base):
    """Processes that still live in the private root's mounts."""
    found = []
    for path in glob.glob("/proc/[0-9]*/mountinfo"):
        try:
            with open(path, encoding="utf-8") as f:
                if base + "/upper" in f.read():
                    found.append(path)
        except OSError:
            continue
    return found


def start():
    # pylint: disable-next=consider-using-with
    p = subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True,
                         env={**os.environ, "TMPDIR": tempfile.gettempdir()})
    pid, base = p.stdout.readline().split()
    return p, int(pid), base


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(sig):
    before = machine()
    p, holder, base = start()
    assert inside_of(base), "this test sees nothing"
    p.send_signal(sig)
    p.wait(30)
    p.stdout.close()
    deadline = time.monotonic() + 20
    while (os.path.exists(f"/proc/{holder}") or inside_of(base)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not os.path.exists(f"/proc/{holder}") and not inside_of(base)
    assert machine() == before
    subprocess.run(["rm", "-rf", base, base + ".out"], check=True)


def test_commands_run_inside():
    b = bastion.Bastion(audit=False)
    try:
        b.prepare()
        assert b.run(["cat", "/etc/hosts"]).stdout == bastion.HOSTS
        with open("/etc/hosts", encoding="utf-8") as f:
            assert f.read() != bastion.HOSTS
        assert b.run(["readlink", "/proc/self/ns/pid"]).stdout.strip() == os.readlink("/proc/self/ns/pid")
        assert b.run(["readlink", "/proc/self/ns/net"]).stdout.strip() != os.readlink("/proc/self/ns/net")
    finally:
        b.stop()
