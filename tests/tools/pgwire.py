# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL client that says exactly what it is told, for tests."""
import socket
import struct


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def parse(name, sql):
    return message(b"P", name.encode() + b"\0" + sql.encode() + b"\0" + struct.pack("!H", 0))


def bind(portal, statement, params=(), result=0):
    body = portal.encode() + b"\0" + statement.encode() + b"\0" + struct.pack("!H", 0)
    body += struct.pack("!H", len(params))
    for p in params:
        body += struct.pack("!i", -1) if p is None else struct.pack("!I", len(p)) + p
    return message(b"B", body + struct.pack("!HH", 1, result))


def execute(portal, rows=0):
    return message(b"E", portal.encode() + b"\0" + struct.pack("!I", rows))


def describe(what, name):
    return message(b"D", what.encode() + name.encode() + b"\0")


def close(what, name):
    return message(b"C", what.encode() + name.encode() + b"\0")


def query(sql):
    return message(b"Q", sql.encode() + b"\0")


SYNC = message(b"S")


class Wire:
    def __init__(self, directory, user="alice", database="orders", login=True, timeout=10, **options):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(directory + "/.s.PGSQL.5432")
        self.buf = b""
        if login:
            self.startup(user=user, database=database, **options)
            self.greeting = self.until(b"Z")

    def startup(self, version=196608, **options):
        body = struct.pack("!I", version)
        for k, v in options.items():
            body += k.encode() + b"\0" + v.encode() + b"\0"
        body += b"\0"
        self.send(struct.pack("!I", len(body) + 4) + body)

    def send(self, data):
        self.sock.sendall(data)

    def recv(self):
        """One message as (type, body), or None at the end."""
        while len(self.buf) < 5 or len(self.buf) < 1 + struct.unpack("!I", self.buf[1:5])[0]:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buf += data
        n = 1 + struct.unpack("!I", self.buf[1:5])[0]
        out, self.buf = self.buf[:n], self.buf[n:]
        return out[:1], out[5:]

    def until(self, kind):
        got = []
        while True:
            m = self.recv()
            if m is None:
                got.append((b"EOF", b""))
                return got
            got.append(m)
            if m[0] == kind:
                return got

    def run(self, data):
        self.send(data)
        return self.until(b"Z")

    def close(self):
        self.sock.close()


def fields(body):
    """An error's fields as a dictionary."""
    return {chr(f[0]): f[1:].decode() for f in body.split(b"\0") if f}


def kinds(messages):
    return b"".join(m[0] for m in messages).decode()


def cells(body):
    n, at, out = struct.unpack("!H", body[:2])[0], 2, []
    for _ in range(n):
        size = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        out.append(None if size < 0 else body[at:at + size])
        at += max(size, 0)
    return out
