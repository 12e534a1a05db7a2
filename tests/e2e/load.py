# SPDX-License-Identifier: Apache-2.0
"""People at work on a bastion while it is struck: each keeps a psql busy with statements that no other has ever
sent, and keeps every byte that comes back; and the blows themselves. For test_crash.py."""
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

import bastion

MARK = re.compile(r"/\* (m\d+-w\d+-c\d+-n\d+)(D?) \*/")  # seed, worker, connection, number; D: must never be asked
AHEAD = 4  # statements sent and not yet answered
QUIET = 2.5  # seconds without a row before a connection that was struck is given up
PIDFD_GETFD = 438

# Each has an id from 1 to 3, a mark, and is answered with a row, or with an error that quotes what it must not.
FORMS = [
    "select {m} name, email, ssn, card from customers where id = {i};",
    "select {m} * from customers where id = {i};",
    "select {m} c from customers c where id = {i};",
    "select {m} string_agg(email || ssn, ',') from customers;",
    "select {m} ('ada.young' || '@example.net')::int;",
    "select {m} 'card 4111' || '111111111111 of {i}';",
    "copy (select {m} name, ssn, iban from customers) to stdout;",
    "select {m} card, name from customers where id = {i}\\; select {m} iban from customers where id = {i};",
]
DENIED = "delete {m} from customers;"


class Connection:
    """One ssh with a psql at its end."""

    def __init__(self, b, worker, number):
        self.name = f"w{worker}-c{number}"
        self.process = b.popen(b.ssh_argv("alice", ["psql orders -X -A -t"]), user="lap-alice", stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = bytearray(), bytearray()
        self.sent = self.rows = 0
        self.last_row = time.monotonic()
        self.readers = [threading.Thread(target=self.read, args=a, daemon=True)
                        for a in ((self.process.stdout, self.out), (self.process.stderr, self.err))]
        for t in self.readers:
            t.start()

    def read(self, stream, into):
        while data := stream.read1(65536):
            into += data
            if into is self.out:
                self.rows += data.count(b"\n")
                self.last_row = time.monotonic()

    def answered(self):
        return self.err.count(b"@done")

    def send(self, text):
        try:
            self.process.stdin.write((text + "\n\\warn @done\n").encode())
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return False
        self.sent += 1
        return True

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for t in self.readers:
            t.join(5)


class Worker(threading.Thread):
    def __init__(self, b, number, seed):
        super().__init__(daemon=True)
        self.b, self.number, self.seed, self.rng = b, number, seed, random.Random(seed * 7919 + number)
        self.connections, self.asked, self.stop_it, self.may_leave = [], {}, False, False
        self.count, self.renew = 0, None

    @property
    def now(self):
        return self.connections[-1] if self.connections else None

    @property
    def rows(self):
        return sum(c.rows for c in self.connections)

    def run(self):
        while not self.stop_it:
            c = Connection(self.b, self.number, len(self.connections))
            self.connections.append(c)
            while not self.stop_it and c.process.poll() is None:
                if self.renew is c or self.may_leave and time.monotonic() - c.last_row > QUIET:
                    break  # struck in a way that ends a session, or leaves it refusing
                if c.sent - c.answered() >= AHEAD:
                    time.sleep(0.005)
                    continue
                if not c.send(self.statement(c)):
                    break
                time.sleep(self.rng.choice((0, 0, 0.01, 0.05)))
            c.close()

    def statement(self, c):
        self.count += 1
        is_bad = self.rng.random() < 0.1
        mark = f"m{self.seed}-{c.name}-n{self.count}{'D' if is_bad else ''}"
        text = (DENIED if is_bad else self.rng.choice(FORMS)).format(m=f"/* {mark} */", i=self.rng.randint(1, 3))
        self.asked[mark] = text
        return text

    def output(self):
        return b"".join(bytes(c.out) + b"\n" + bytes(c.err) + b"\n" for c in self.connections)


def is_below(pid, top):
    while pid > 1 and pid != top:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                pid = int(re.sub(r"^.*\) ", "", f.read(), flags=re.S).split()[1])
        except OSError:
            return False
    return pid == top


def pids(b, pattern, user=None):
    """Processes of this bastion (not of another on this machine) by their whole command line."""
    done = b.run(["pgrep", *(["-u", user] if user else []), "-f", pattern], check=False)
    return [p for p in map(int, done.stdout.split()) if is_below(p, b.holder.pid)]


OF_A_SESSION = {  # name: (command line, user)
    "session": ("^sallyport-session", "sallyport-session"),
    "forcecmd": ("sallyport-forcecmd", "alice"),
    "audit": ("sallyport-audit", "alice"),
    "psql": ("^(/usr/lib/postgresql/[0-9]+/bin/|/usr/bin/)?psql", "alice"),
    "sshd-child": ("^sshd: alice", None),
    "bwrap": ("bwrap", "alice"),
}


def kill(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        return False
    return True


def socket_of(pid, rng):
    """A copy of one connected stream socket of that process, whatever it leads to."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        handle = os.pidfd_open(pid)
        fds = [int(n) for n in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{n}").startswith("socket:")]
    except OSError:
        return None
    try:
        rng.shuffle(fds)
        for fd in fds:
            copy = libc.syscall(PIDFD_GETFD, handle, fd, 0)
            if copy < 0:
                continue
            s = socket.socket(fileno=copy)
            try:
                s.getpeername()
                if s.type & 0xf == socket.SOCK_STREAM:
                    return s
            except OSError:
                pass
            s.close()
    finally:
        os.close(handle)
    return None


def corrupt(pid, rng):
    """Puts bytes between two messages (or into one) of a channel: True when they went in."""
    s = socket_of(pid, rng)
    if s is None:
        return False
    with s:
        kinds = (rng.randbytes(rng.randint(1, 64)), b"\0" * 16, b"\0\0\0\1\xff", b"\xff\xff\xff\xff" + rng.randbytes(8),
                 b"\0\0\0\6\1" + rng.randbytes(5))
        try:
            return s.send(rng.choice(kinds), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) > 0
        except OSError:
            return False


class Blow:
    """One fault. `ends`: it may end sessions; otherwise they have to live through it. `is_lasting`: its effect may
    come with a later message."""

    def __init__(self, name, ends, strike, is_lasting=False):
        self.name, self.ends, self.strike, self.is_lasting = name, ends, strike, is_lasting


def kill_some(name):
    def strike(b, rng):
        found = pids(b, *OF_A_SESSION[name])
        return bool(found) and kill(rng.choice(found), signal.SIGKILL)
    return strike


def kill_daemons(*names):
    def strike(b, _):
        for name in names:
            b.kill(name)
        return True
    return strike


def pause(name):
    def strike(b, rng):
        pid = b.pid(name)
        if not pid or not kill(pid, signal.SIGSTOP):
            return False
        time.sleep(rng.uniform(0.05, 1.5))
        return kill(pid, signal.SIGCONT)
    return strike


def kill_with_session(name):
    def strike(b, rng):
        found = pids(b, *OF_A_SESSION["session"])
        b.kill(name)
        return bool(found) and kill(rng.choice(found), signal.SIGKILL)
    return strike


def stop_and_start(name):
    def strike(b, rng):
        b.stop_daemon(name)
        time.sleep(rng.uniform(0.0, 0.8))
        b.start_daemon(name)
        return True
    return strike


def fill(b, leave):
    """Takes all of the log's file system but `leave` bytes."""
    b.run(["sh", "-c", 'cd /var/log/sallyport && a=$(df -B1 --output=avail . | tail -n 1) && '
           f'fallocate -l $((a - {leave})) .fill'], check=False)


def unfill(b):
    b.run(["rm", "-f", "/var/log/sallyport/.fill"])


def full_disk(b, rng):
    fill(b, rng.choice((0, 4096, 1 << 20, 32 << 20)))
    time.sleep(rng.uniform(0.2, 2.0))
    unfill(b)
    return True


def corrupt_some(b, rng):
    kinds = list(OF_A_SESSION) + list(bastion.DAEMONS)
    for _ in range(4):
        name = rng.choice(kinds)
        if name in bastion.DAEMONS:
            found = [b.pid(name)]
        elif name in ("session", "forcecmd", "psql"):
            found = pids(b, *OF_A_SESSION[name])
        else:
            continue
        if found and found[0] and corrupt(rng.choice(found), rng):
            return True
    return False


BLOWS = [
    *(Blow("kill " + n, False, kill_daemons(n)) for n in bastion.DAEMONS),
    Blow("kill recorder and sallyportd", False, kill_daemons("recorder", "sallyportd")),
    Blow("kill all four daemons", False, kill_daemons(*bastion.DAEMONS)),
    # Without its sallyport-audit a session is soon refused everything.
    *(Blow("kill " + n, True, kill_some(n), n == "audit") for n in OF_A_SESSION),
    Blow("kill recorder and a session", True, kill_with_session("recorder")),
    Blow("kill sallyportd and a session", True, kill_with_session("sallyportd")),
    Blow("SIGSTOP recorder", False, pause("recorder")),
    Blow("SIGSTOP sallyportd", False, pause("sallyportd")),
    Blow("stop and start recorder", False, stop_and_start("recorder")),
    Blow("full disk", False, full_disk),
    Blow("bytes into a channel", True, corrupt_some, True),
    Blow("bytes into a channel", True, corrupt_some, True),
]
