# SPDX-License-Identifier: Apache-2.0
"""What ordinary programs do with sockets, all of which must go on working where connections are decided."""
import array
import errno
import os
import socket
import subprocess
import threading


def check(name, ok):
    print(name, "ok" if ok else "BROKEN", flush=True)


def blocking():
    with socket.create_connection(("127.0.0.1", 7001)) as s:
        check("blocking", s.recv(100) == b"hello\n" and s.getblocking())


def nonblocking():
    s = socket.socket()
    s.setblocking(False)
    check("nonblocking", s.connect_ex(("127.0.0.1", 7001)) in (0, errno.EINPROGRESS))
    s.setblocking(True)
    check("nonblocking-data", s.recv(100) == b"hello\n")


def refused():
    s = socket.socket()
    check("refused", s.connect_ex(("127.0.0.1", 7009)) == errno.ECONNREFUSED)
    check("not-a-socket", os.pipe()[0] > 0 and connect_fd() == errno.ENOTSOCK)
    check("denied", socket.socket().connect_ex(("127.0.0.1", 7002)) == errno.EACCES)
    check("no-such-path", socket.socket(socket.AF_UNIX).connect_ex("/srv/net/none") == errno.ENOENT)


def connect_fd():
    r, _ = os.pipe()
    try:
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=r).connect("/srv/net/open")
    except OSError as e:
        return e.errno
    return 0


def unix():
    s = socket.socket(socket.AF_UNIX)
    s.connect("/srv/net/open")
    check("unix", s.recv(100) == b"hello\n" and s.getpeername() == "/srv/net/open")


def datagrams():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    check("sendto", s.sendto(b"x" * 60000, ("127.0.0.1", 7001)) == 60000)
    check("sendmsg", s.sendmsg([b"a", b"b", b"c"], [], 0, ("127.0.0.1", 7001)) == 3)
    s.connect(("127.0.0.1", 7001))
    check("sendmsg-connected", s.sendmsg([b"a"]) == 1 and s.send(b"b") == 1)
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind(("127.0.0.1", 0))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"back", own.getsockname())  # by rule
    check("udp-inside", own.recv(10) == b"back")


def stream():
    a, b = socket.socketpair()
    data, got = os.urandom(3000000), []

    def read():
        while sum(map(len, got)) < len(data):
            got.append(b.recv(100000))

    t = threading.Thread(target=read)
    t.start()
    done = 0
    while done < len(data):
        done += a.sendmsg([data[done:done + 1000], data[done + 1000:]])
    t.join()
    check("stream", b"".join(got) == data)
    a.setblocking(False)
    try:
        while True:
            a.sendmsg([data])
    except BlockingIOError:
        check("stream-full", True)


def descriptors():
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    r, w = os.pipe()
    a.sendmsg([b"fd"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [r, w]))])
    got = array.array("i")
    got.frombytes(b.recvmsg(10, 100)[1][0][2][:8])
    os.write(got[1], b"through")
    check("descriptors", os.read(r, 10) == b"through")


def listening():
    s = socket.socket()
    s.bind(("127.0.0.1", 7005))
    s.listen(5)
    c = socket.create_connection(("127.0.0.1", 7005))
    p, _ = s.accept()
    c.sendall(b"in")
    check("listening", p.recv(5) == b"in")
    name = f"/tmp/own.{os.getpid()}"
    u = socket.socket(socket.AF_UNIX)
    u.bind(name)
    u.listen(1)
    c = socket.socket(socket.AF_UNIX)
    c.connect(name)
    check("listening-unix", u.accept()[0] is not None)
    os.unlink(name)


def names():
    check("names", socket.getaddrinfo("localhost", 7001)[0][4][1] == 7001)
    done = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=False)
    check("netlink", "lo" in done.stdout)


for one in (blocking, nonblocking, refused, unix, datagrams, stream, descriptors, listening, names):
    try:
        one()
    except OSError as error:
        print(one.__name__, "BROKEN", error, flush=True)
print("end")
