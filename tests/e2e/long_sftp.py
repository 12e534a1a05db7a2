# SPDX-License-Identifier: Apache-2.0
"""10 GB up and 10 GB down by OpenSSH's sftp, decided, scanned or not, and on record, through processes that stay small. Not one
of test_*.py, for it takes minutes, and 10 GB of memory for the copy: scripts/test long."""
import os
import re
import subprocess
import time

import pytest

from test_sftp import f, host, newest, policy, session_pid, shown, RULES, use  # noqa: F401 pylint: disable=unused-import

BYTES = int(os.environ.get("SALLYPORT_LONG_BYTES", str(10 * 10 ** 9 + 12345)))
SESSION_MAX, TRANSPORT_MAX = 32 * 1024, 24 * 1024  # KiB of memory at the most: the session's process, its ssh client
HOME = "/home/lap-alice/t"
SCANS = RULES + """  - name: www-scanned
    who: [engineers]
    on: files1
    do: { file: [read, write], path: [/srv/www/scan/**] }
    effect: allow
    scan: { detect: [credit_card], unreadable: pass }
"""


def made(b, path, owner):
    """A file that is mostly hole, with bytes of its own all over it, and at both ends."""
    script = f"""import os, random
r = random.Random({BYTES})
with open({path!r}, "wb") as out:
    out.truncate({BYTES})
    for at in [0, {BYTES} - 70000] + [r.randrange({BYTES} - 70000) for _ in range(500)]:
        out.seek(at); out.write(r.randbytes(70000))
"""
    b.run(["/usr/bin/python3", "-c", script], timeout=300)
    b.run(["chown", owner, path])


def peak(b, pid):
    found = re.search(r"VmHWM:\s+(\d+)", b.run(["cat", f"/proc/{pid}/status"], check=False).stdout)
    return int(found.group(1)) if found else 0


def transports(b):
    """The most memory that any process of a transport's account has, other sessions' included."""
    return max([peak(b, x) for x in b.run(["pgrep", "-u", "sallyport-ssh"], check=False).stdout.split()], default=0)


def digest_of(b, path):
    return b.run(["sha256sum", path], timeout=600).stdout.split()[0]


@pytest.mark.parametrize("directory", ["", "scan/"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_long(f, way, directory):  # noqa: F811 pylint: disable=redefined-outer-name
    use(f, policy(f, SCANS))
    f.run(["sh", "-c", "install -d -o filer /srv/www/scan"])
    there, here = f"/srv/www/{directory}long", f"{HOME}/long"
    copy = f"/srv/www/{directory}" if way == "up" else HOME
    f.run(["mount", "-t", "tmpfs", "-o", f"size={BYTES + 2 ** 26},mode=777", "tmpfs", copy])
    try:
        long(f, way, here, there)
    finally:
        f.run(["umount", "-l", copy])


def long(f, way, here, there):  # noqa: F811 pylint: disable=redefined-outer-name
    """The file, its copy, and what they are said to be."""
    made(f, here if way == "up" else there, "lap-alice" if way == "up" else "filer")
    line = f"put {here} files1{there}\n" if way == "up" else f"get files1{there} {here}\n"
    before = newest(f)
    start = time.monotonic()
    with f.popen(["sftp", "-q", "-b", "-", "alice@bastion"], user="lap-alice", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 stderr=subprocess.STDOUT, text=True) as p:
        p.stdin.write(line)
        p.stdin.close()
        session = most = client = 0
        while p.poll() is None:
            if newest(f) != before:
                session = session or int(session_pid(f))
                most, client = max(most, peak(f, session)), max(client, transports(f))
            time.sleep(0.1)
        took = time.monotonic() - start
        assert p.returncode == 0, p.stdout.read()
    print(f"\n{way} {there}: {BYTES / took / 1e6:.0f} MB/s, session {most} KiB, transport {client} KiB")
    assert 0 < most < SESSION_MAX and 0 < client < TRANSPORT_MAX
    digest = digest_of(f, here)
    assert digest_of(f, there) == digest
    out = shown(f)
    assert digest in out and "complete" in out and "partial" not in out and str(BYTES) in out
    f.run(["rm", "-f", here, there])
