#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Speaks PROTOCOL.ipc by hand, inside the bastion: usage: ipc_client.py, one JSON request on stdin, one JSON answer.

  {"socket": path, "frames": [[token, ...], ...], "fds": [kind, ...], "wait": seconds, "hold": seconds, "count": n,
   "login": {"user": name, "uid": n, "info": SSH_AUTH_INFO_0 line}, "loginuid": n, "uid": n, "gid": n}

A frame is tokens: type=N id=N version=N and the body in order: u8:N u32:N str:TEXT hex:BYTES len:N (a length that
lies) fill:N (that many bytes). With "login" (as root) a verified login is registered for this audit session first, as
pam_sallyport would: what follows is said by a process that is inside it. Answer: {"replies": [[type, hex], ...],
"closed": bool, "error": text}.
"""
import array
import ctypes
import json
import os
import select
import socket
import struct
import sys
import time


def frame(tokens):
    head, body, told = {"type": 1, "id": 0, "version": 1}, b"", None
    for token in tokens:
        key, _, value = token.partition("=" if token.split("=")[0] in head else ":")
        if key in head:
            head[key] = int(value)
        elif key == "u8":
            body += struct.pack(">B", int(value))
        elif key == "u32":
            body += struct.pack(">I", int(value))
        elif key == "str":
            data = value.encode().decode("unicode_escape").encode("latin-1")
            body += struct.pack(">I", len(data)) + data
        elif key == "hex":
            body += bytes.fromhex(value)
        elif key == "fill":
            body += b"A" * int(value)
        elif key == "len":
            told = int(value)
        else:
            raise ValueError(token)
    head_bytes = struct.pack(">BBI", head["version"], head["type"], head["id"])
    return struct.pack(">I", len(head_bytes) + len(body) if told is None else told) + head_bytes + body


def descriptor(kind, own):
    if kind == "null":
        return os.open("/dev/null", os.O_RDWR)
    if kind == "zero":
        return os.open("/dev/zero", os.O_RDONLY)
    if kind == "full":
        return os.open("/dev/full", os.O_WRONLY)
    if kind == "directory":
        return os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    if kind == "path":
        return os.open("/etc/passwd", os.O_PATH)
    if kind == "file":
        return os.open("/etc/passwd", os.O_RDONLY)
    if kind == "socket":
        return socket.socketpair()[0].detach()
    if kind == "listener":
        s = socket.socket(socket.AF_UNIX)
        s.bind("")  # the kernel picks an abstract name
        s.listen()
        return s.detach()
    if kind == "own":
        return os.dup(own.fileno())
    if kind == "broken":
        r, w = os.pipe()
        os.close(r)
        return w
    if kind == "pipe":
        return os.pipe()[1]
    if kind == "epoll":
        poller = select.epoll()
        return os.dup(poller.fileno())
    if kind == "pty":
        return os.openpty()[1]
    if kind == "memfd":
        return os.memfd_create("x")
    if kind == "proc":
        return os.open("/proc/self/mem", os.O_RDWR)
    raise ValueError(kind)


def send(s, data, fds):
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    n = s.sendmsg([data], ancillary)
    s.sendall(data[n:])


def replies(s, wait):
    found, pending, deadline = [], b"", time.monotonic() + wait
    while True:
        s.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            data = s.recv(65536)
        except (TimeoutError, socket.timeout):
            return found, False
        except OSError:
            return found, True
        if not data:
            return found, True
        pending += data
        while len(pending) >= 4 and len(pending) >= 4 + struct.unpack(">I", pending[:4])[0]:
            n = struct.unpack(">I", pending[:4])[0]
            found.append([pending[5], pending[10:4 + n].hex()])
            pending = pending[4 + n:]


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)  # waits while the backlog is full
    return s


def text(s):
    return struct.pack(">I", len(s)) + s.encode()


def connection():
    """As sshd has one of its client's: without, a login is from nowhere, and refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def log_in(login):
    """As pam_sallyport; the login lasts as long as this process."""
    login["connection"] = connection()
    s = connect("/run/sallyport/pam.sock")
    body = text(login["user"]) + text(login["info"]) + text("192.0.2.9") + text("sshd") + text("ssh") + struct.pack(">I", os.getpid())
    s.sendall(struct.pack(">IBBI", 6 + len(body), 1, 1, 1) + body)
    found, _ = replies(s, 2)
    if not found or found[0][1][:8] != "00000000":
        raise RuntimeError(f"no login: {found}")


def act(q):
    held, answer = [], {"replies": [], "closed": False}
    for _ in range(q.get("count", 1)):
        s = connect(q["socket"])
        held.append(s)
        fds = [descriptor(kind, s) for kind in q.get("fds", [])]
        for i, tokens in enumerate(q.get("frames", [])):
            try:
                send(s, frame(tokens), fds if i == 0 else [])
            except OSError as e:
                answer["error"] = str(e)
    found, closed = replies(s, q.get("wait", 3))
    answer.update(replies=found, closed=closed)
    if q.get("hold"):
        print(json.dumps(answer), flush=True)
        time.sleep(q["hold"])
        answer["still"] = 0
        for s in held:
            s.setblocking(False)
            try:
                answer["still"] += s.recv(1) != b""
            except BlockingIOError:
                answer["still"] += 1
            except OSError:
                pass
    return answer


def main():
    q = json.loads(sys.stdin.readline())
    if "loginuid" in q:
        with open("/proc/self/loginuid", "w", encoding="ascii") as f:
            f.write(str(q["loginuid"]))
    if "login" in q:
        log_in(q["login"])
    if "uid" not in q:
        print(json.dumps(act(q)))
        return
    pid = os.fork()  # the parent stays root: the login's process
    if pid == 0:
        os.setgroups([])
        os.setgid(q["gid"])
        os.setuid(q["uid"])
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: its /proc/self/mem is its own again
        try:
            print(json.dumps(act(q)), flush=True)
        except OSError as e:
            print(json.dumps({"replies": [], "closed": True, "error": str(e)}), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
