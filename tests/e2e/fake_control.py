#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A control that was taken over. usage: fake_control.py get FILE (as root, of the real one: its version, digest and image)
or: fake_control.py serve FILE (in its place): hands out that image as a new version, with a digest that is not its own."""
import array
import os
import selectors
import socket
import struct
import sys

PATH = "/run/sallyport/control/control.sock"
ATTACH, SUBSCRIBE, ATTACH_REPLY, POLICY = 1, 3, 129, 130


def frame(kind, body=b"", number=0):
    return struct.pack(">IBBI", 6 + len(body), 1, kind, number) + body


def receive(s):
    data, fds, _, _ = socket.recv_fds(s, 65536, 8)
    return data, fds


def get(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(PATH)
    s.sendall(frame(SUBSCRIBE))
    data, fds = receive(s)
    assert data[5] == POLICY and len(fds) == 1
    size = os.fstat(fds[0]).st_size
    with open(path, "wb") as f:
        f.write(data[10:] + os.pread(fds[0], size, 0))


def policy(path):
    """One frame of POLICY with its descriptor."""
    with open(path, "rb") as f:
        head, image = f.read(8 + 4 + 32), f.read()
    version, = struct.unpack(">Q", head[:8])
    image = image.replace(struct.pack(">Q", version), struct.pack(">Q", version + 1), 1)
    fd = os.memfd_create("policy", os.MFD_ALLOW_SEALING)
    os.write(fd, image)
    f_add_seals, seals = 1033, 0xf
    import fcntl  # pylint: disable=import-outside-toplevel
    fcntl.fcntl(fd, f_add_seals, seals)
    return frame(POLICY, struct.pack(">Q", version + 1) + head[8:]), fd


def send_policy(s, path):
    data, fd = policy(path)
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    os.close(fd)


def serve(path):
    if os.path.exists(PATH):
        os.unlink(PATH)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(PATH)
    listener.listen(16)
    poll = selectors.DefaultSelector()
    poll.register(listener, selectors.EVENT_READ)
    channels = []
    print("serving", flush=True)
    while True:
        for key, _ in poll.select():
            s = key.fileobj
            if s is listener:
                poll.register(s.accept()[0], selectors.EVENT_READ)
                continue
            data, fds = receive(s)
            if not data:
                poll.unregister(s)
                s.close()
            while len(data) >= 10:
                size, _, kind, number = struct.unpack(">IBBI", data[:10])
                data = data[4 + size:]
                if kind == SUBSCRIBE:
                    send_policy(s, path)
                elif kind == ATTACH and fds:
                    channels.append(socket.socket(fileno=fds.pop(0)))
                    s.sendall(frame(ATTACH_REPLY, struct.pack(">II", 0, 0), number))
                    send_policy(channels[-1], path)


{"get": get, "serve": serve}[sys.argv[1]](sys.argv[2])
