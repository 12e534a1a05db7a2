# SPDX-License-Identifier: Apache-2.0
"""What a person's own code can do from inside psql, by every road psql offers to run some: judged by what happens on
the host (files, processes, connections), and by what a probe could read or reach. The same probe, run on the host as
the same person, reaches all of it: else these tests would show nothing."""
import os
import re
import time

import pytest

from bastion import plain, wait_for

PROMPT = "orders=[>#] "
MARKER = "tool-was-here"
CANARY = "host-canary-5a1f"
ARG = "e2e-witness-process"

# Runs as `e2e-probe WHAT…`; everything it could do is printed as REACHED, everything it can see of the canary too.
PROBE = r"""#!/usr/bin/python3
import ctypes, fcntl, glob, os, signal, socket, sys
def reached(what):
    print("REACHED", what, flush=True)
def attempt(what, f):
    try:
        if f() is not False:
            reached(what)
    except BaseException:
        pass
for d in ("/tmp", "/var/tmp", "/home/alice", "/run", "/dev/shm", "/usr/local/bin", "/run/postgresql", os.getcwd()):
    try:
        open(d + "/@MARKER@", "w").write("x")
    except OSError:
        pass
def read(path):
    with open(path, errors="replace") as f:
        text = f.read(100000)
    if "@CANARY@" in text:
        print("@CANARY@".replace("host", "HOST"), path, flush=True)
    return "@CANARY@" in text
for path in ("/etc/e2e-canary", "/home/alice/canary", "/tmp/canary", "/proc/1/environ", "/proc/1/root/etc/e2e-canary"):
    attempt("file " + path, lambda: read(path))
attempt("shadow", lambda: open("/etc/shadow").read(1))
attempt("policy", lambda: os.listdir("/etc/sallyport"))
attempt("records", lambda: os.listdir("/var/log/sallyport"))
def tcp(host, port):
    with socket.create_connection((host, port), 2) as s:
        s.sendall(b"@MARKER@\n")
for host, port in (("127.0.0.1", 7777), ("127.0.0.1", 22), ("127.0.0.2", 5432)):
    attempt("tcp %s:%d" % (host, port), lambda: tcp(host, port))
def unix(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(2)
        s.connect(path)
for path in ("/run/sallyport/session.sock", "/run/sallyport/recorder/audit.sock", "/run/pg-e2e/.s.PGSQL.5432",
             "\0e2e-abstract"):
    attempt("unix " + path.replace("\0", "@"), lambda: unix(path))
def witness():
    for p in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(p, "rb") as f:
                if b"@ARG@" in f.read().replace(b"e2e-probe", b""):
                    os.kill(int(p.split("/")[2]), signal.SIGUSR1)
                    return True
        except OSError:
            pass
    return False
attempt("process", witness)
def others():
    names = set()
    for p in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(p) as f:
                names.add(f.read().strip())
        except OSError:
            pass
    return bool(names & {"sshd", "sallyportd", "sallyport-forcec", "sallyport-sessi", "postgres"})
attempt("names of processes", others)
attempt("the password", lambda: any("orders-s3cret" in open(p, errors="replace").read()
    for p in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline")))
libc = ctypes.CDLL(None, use_errno=True)
attempt("a user namespace", lambda: libc.unshare(0x10000000) == 0)
if "host" not in sys.argv:
    attempt("typing into the terminal", lambda: fcntl.ioctl(0, 0x5412, b"x") == 0)
attempt("ptrace", lambda: libc.ptrace(0, 0, 0, 0) == 0)
print("PROBE-" + "END", flush=True)
""".replace("@MARKER@", MARKER).replace("@CANARY@", CANARY).replace("@ARG@", ARG)

LISTENER = ("import socket,threading\n"
            "def serve(s):\n"
            "  while True:\n    c,_=s.accept();print('connection',flush=True);c.close()\n"
            "t=socket.create_server(('127.0.0.1',7777));u=socket.socket(socket.AF_UNIX);u.bind('\\0e2e-abstract');u.listen()\n"
            "threading.Thread(target=serve,args=(t,)).start();print('up',flush=True);serve(u)")
WITNESS = "import signal,sys\nsignal.signal(signal.SIGUSR1,lambda *a: print('hit',flush=True))\nprint('up',flush=True)\nwhile True: signal.pause()"

PLACES = f"find /tmp /var/tmp /home /run /dev/shm /usr/local /etc /var/lib/sallyport -xdev -name '{MARKER}*' 2>/dev/null"


@pytest.fixture(scope="module")
def host(shared):
    b = shared
    b.write("/usr/local/bin/e2e-probe", PROBE, mode="0755")
    b.run(["sh", "-c", f"for f in /etc/e2e-canary /home/alice/canary /tmp/canary; do echo {CANARY} >$f; chmod 644 $f; done"])
    b.service("e2e-listener", ["/usr/bin/python3", "-c", LISTENER])
    b.service("e2e-witness", ["setpriv", "--reuid", "alice", "--regid", "alice", "--clear-groups", "/usr/bin/python3", "-c",
                              WITNESS, ARG])
    for name in ("e2e-listener", "e2e-witness"):
        wait_for(name, lambda name=name: "up" in b.read(f"/var/log/{name}.log"))
    yield b
    for name in ("e2e-listener", "e2e-witness"):
        b.stop_daemon(name)
    b.run(["rm", "-f", "/usr/local/bin/e2e-probe", "/etc/e2e-canary", "/home/alice/canary", "/tmp/canary"])


def effects(b):
    """What has happened on the host so far."""
    return (b.run(["sh", "-c", PLACES], check=False).stdout, b.read("/var/log/e2e-listener.log").count("connection"),
            b.read("/var/log/e2e-witness.log").count("hit"))


def test_on_the_host_the_probe_reaches_all_of_it(host):
    done = host.run(["/usr/local/bin/e2e-probe", "host"], user="alice")
    for what in ("file /etc/e2e-canary", "file /home/alice/canary", "tcp 127.0.0.1:7777", "tcp 127.0.0.1:22",
                 "tcp 127.0.0.2:5432", "unix /run/sallyport/session.sock", "unix @e2e-abstract", "process",
                 "names of processes"):
        assert f"REACHED {what}\n" in done.stdout, done.stdout
    files, connections, hits = effects(host)
    assert f"/tmp/{MARKER}" in files and f"/home/alice/{MARKER}" in files and connections >= 2 and hits >= 1
    host.run(["sh", "-c", PLACES + " | xargs -r rm -f"])


P = "/usr/local/bin/e2e-probe"
ROADS = {"shell": [rf"\! {P}"], "output": [rf"\o |{P}", "select 1;", r"\o"], "once": [rf"select 1 \g |{P}"],
         "backquote": [rf"\set x `{P} >&2`"], "copy-to-program": [rf"\copy (select 1) to program '{P} >&2'"],
         "copy-from-program": [rf"\copy orders from program '{P} >&2'"],
         "editor": [rf"\setenv PSQL_EDITOR {P}", r"\e"], "editor-of-function": [rf"\setenv EDITOR {P}", r"\unset PSQL_EDITOR", r"\ef"],
         "pager": [rf"\setenv PSQL_PAGER {P}", r"\pset pager always", "select 1;", r"\pset pager off"],
         "watch": [rf"\o |{P}", "select 1 \\g", r"\o"], "shell-variable": [rf"\setenv SHELL {P}", r"\!"],
         "if": [rf"\if `{P} >&2; echo true`", r"\endif"], "prompt": [rf"\set PROMPT1 '%`{P} >&2`orders=> '", r"\set PROMPT1 'orders=> '"]}


@pytest.mark.parametrize("road", ROADS)
def test_no_road_out(host, road):
    before = effects(host)
    child = host.ssh_tty("alice", "psql orders -X --pset=pager=off")
    child.expect(PROMPT)
    for line in ROADS[road]:
        child.sendline(line)
        time.sleep(0.1)
    child.expect("PROBE-END")
    text = plain(child.before)
    child.sendcontrol("c")
    child.sendline(r"\q")
    time.sleep(0.5)
    child.close(force=True)
    assert re.findall(r"REACHED [^\r\n]*", text) == []
    assert CANARY not in text and CANARY.replace("host", "HOST") not in text
    assert effects(host) == before


FILES = {"copy": rf"\copy (select 1) to '@'", "output": r"\o @", "write": r"\w @", "history": r"\s @", "log-option": None,
         "large-object": r"\lo_export 1 '@'", "redirect": r"\! echo x > @", "once": r"select 1 \g @"}


@pytest.mark.parametrize("place", ["/tmp", "/home/alice", "/var/tmp", "/dev/shm", "/run/postgresql", "/home/alice/../../tmp"])
def test_no_file_of_the_host_is_written(host, place):
    before = effects(host)
    for n, line in enumerate(x for x in FILES.values() if x):
        host.ssh("alice", "psql orders -X", stdin="select 1;\n" + line.replace("@", f"{place}/{MARKER}{n}") + "\nselect 2;\n\\o\n")
    host.ssh("alice", f"psql orders -X -L {place}/{MARKER}log -c 'select 1'")
    host.ssh("alice", f"psql orders -X -o {place}/{MARKER}out -c 'select 1'")
    assert effects(host) == before


@pytest.mark.parametrize("line", [r"\i /etc/e2e-canary", r"\ir ../../etc/e2e-canary", r"\copy orders(item) from '/etc/e2e-canary'",
                                  r"\lo_import /etc/e2e-canary", r"\! cat /etc/e2e-canary", r"\set x `cat /etc/e2e-canary`" + "\n\\echo :x",
                                  r"\e /etc/e2e-canary", r"\cd /etc" + "\n" + r"\i e2e-canary", r"\set HISTFILE /etc/e2e-canary" + "\n\\s",
                                  r"\! less /etc/e2e-canary", r"\! ls /etc/e2e-canary && echo found"])
def test_no_file_of_the_host_is_read(host, line):
    done = host.ssh("alice", "psql orders -X", stdin=line + "\n")
    text = done.stdout + done.stderr
    assert CANARY not in text and "found" not in text
    assert not any(CANARY in s for s in host.pg_log())


def test_the_pager_lets_nothing_out(host):
    """less, as psql starts it: neither its shell escape nor its editor nor its file commands."""
    before = effects(host)
    child = host.ssh_tty("alice", "psql orders -X", size=(10, 80))
    child.expect(PROMPT)
    child.sendline("select generate_series(1, 200);")
    child.expect("--More--|:")
    for keys in (f"!{P}\r", f"s/tmp/{MARKER}p\r", "v", ":e /etc/e2e-canary\r", f"|${P}\r", f"o/tmp/{MARKER}o\r", "#x\r"):
        child.send(keys)
        time.sleep(0.2)
    child.send("q\r")
    time.sleep(0.3)
    child.sendline(r"\q")
    child.close(force=True)
    assert CANARY not in plain(child.before or "")
    assert effects(host) == before


def test_her_sessions_are_closed_to_each_other(host):
    """The socket of one session is of no use from another of hers, nor from outside."""
    child = host.ssh_tty("alice", "psql orders -X")
    child.expect(PROMPT)
    sockets = host.run(["sh", "-c", "ls -d /run/sallyport/s/*/.s.PGSQL.5432"]).stdout.split()
    assert sockets
    try:
        for path in sockets:
            done = host.run(["psql", "-w", f"host={os.path.dirname(path)} dbname=orders", "-c", "select name from customers"],
                            user="alice", check=False)
            assert done.returncode != 0 and "Ada" not in done.stdout
            done = host.run(["psql", "-w", f"host={os.path.dirname(path)} dbname=orders", "-c", "select 1"], user="bob", check=False)
            assert done.returncode != 0
        listed = host.run(["ls", "/run/sallyport/s"], user="alice", check=False)
        assert listed.returncode != 0, "the directories of sessions can be listed"
        child.sendline("select 40 + 2;")
        child.expect("42")
    finally:
        child.close(force=True)
