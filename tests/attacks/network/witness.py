# SPDX-License-Identifier: Apache-2.0
"""Listens for what may and may not be reached, and writes down who came: "open tcp", "shut udp" … one a line."""
import os
import selectors
import socket
import struct
import sys

OUT = "/tmp/network-witness"


def put(text):
    with open(OUT, "a", encoding="ascii") as f:
        f.write(text + "\n")


def make(family, kind, address):
    s = socket.socket(family, kind)
    if family == socket.AF_UNIX and address[0] != "\0":
        if os.path.exists(address):
            os.unlink(address)
    else:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address)
    if family == socket.AF_UNIX and address[0] != "\0":
        os.chmod(address, 0o666)
    if kind == socket.SOCK_STREAM:
        s.listen(64)
    s.setblocking(False)
    return s


def main():
    os.makedirs("/srv/net", exist_ok=True)
    with open(OUT, "w", encoding="ascii"):
        os.chmod(OUT, 0o666)
    inet, stream, dgram = socket.AF_INET, socket.SOCK_STREAM, socket.SOCK_DGRAM
    sockets = {"open tcp": make(inet, stream, ("127.0.0.1", 7001)), "shut tcp": make(inet, stream, ("127.0.0.1", 7002)),
               "shut other": make(inet, stream, ("127.0.0.2", 7001)), "shut tcp6": make(socket.AF_INET6, stream, ("::1", 7002)),
               "open udp": make(inet, dgram, ("127.0.0.1", 7001)), "shut udp": make(inet, dgram, ("127.0.0.1", 7002)),
               "open unix": make(socket.AF_UNIX, stream, "/srv/net/open"), "shut unix": make(socket.AF_UNIX, stream, "/srv/net/shut"),
               "shut datagram": make(socket.AF_UNIX, dgram, "/srv/net/shut-datagram"),
               "shut abstract": make(socket.AF_UNIX, stream, "\0net-shut")}
    loop = selectors.DefaultSelector()
    for name, s in sockets.items():
        loop.register(s, selectors.EVENT_READ, name)
    put("ready")
    while True:
        for key, _ in loop.select():
            s = key.fileobj
            try:
                if s.type == dgram:
                    s.recvfrom(70000)
                    put(key.data)
                    continue
                c, _ = s.accept()
            except OSError:
                continue
            who = ""
            if s.family == socket.AF_UNIX:
                who = " " + str(struct.unpack("3i", c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
            put(key.data + who)
            try:
                c.send(b"hello\n")
            except OSError:
                pass
            c.close()


sys.exit(main())
