#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: stray.py SESSION_PID DAEMON_PID to-session|to-daemon [TIMES]: as root, writes bytes that are no message into
the channel between the two. Prints how many times."""
import ctypes
import os
import re
import socket
import subprocess
import sys
import time

PIDFD_GETFD = 438


def channel(session, daemon):
    """The session's descriptor and the daemon's, of the socket pair between them; None: there is none."""
    text = subprocess.run(["ss", "-xpnH"], capture_output=True, text=True, check=True).stdout
    ends = {}
    for line in text.splitlines():
        inodes = re.search(r"\* (\d+)\s+\* (\d+)", line)
        for pid, fd in re.findall(r"pid=(\d+),fd=(\d+)", line):
            if inodes and int(pid) in (session, daemon):
                ends[inodes.group(1)] = (int(pid), int(fd), inodes.group(2))
    for pid, fd, peer in ends.values():
        if pid == session and peer in ends and ends[peer][0] == daemon:
            return fd, ends[peer][1]
    return None


def write(pid, fd):
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    got = libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
    if got < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    s = socket.socket(fileno=got)
    s.send(b"\xff" * 64)
    s.close()
    os.close(pidfd)


def main():
    session, daemon, where = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    times, done, deadline = int((sys.argv[4:] or ["1"])[0]), 0, time.monotonic() + 60
    while done < times and time.monotonic() < deadline:
        found = channel(session, daemon)
        if found is None:
            time.sleep(0.05)
            continue
        # What is written at one end is read at the other.
        write(*((daemon, found[1]) if where == "to-session" else (session, found[0])))
        done += 1
        while channel(session, daemon) == found and time.monotonic() < deadline:
            time.sleep(0.05)
    print(done)


main()
