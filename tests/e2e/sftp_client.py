# SPDX-License-Identifier: Apache-2.0
"""The clients of test_sftp_clients.py, inside the bastion: paramiko's and asyncssh's sftp, each doing what its users do in
the directory it is given. Writes what came of each of its tasks as JSON: null, or what went wrong.

usage: sftp_client.py {paramiko | asyncssh} DIRECTORY
       sftp_client.py {paramiko | asyncssh} {get | put} THERE HERE
The second copies a file, and fails if it cannot."""
import asyncio
import hashlib
import io
import json
import os
import socket
import stat
import sys
import traceback

import asyncssh
import paramiko
from cryptography.hazmat.primitives import serialization

HOST, USER = "bastion", "alice"
KEY = os.path.expanduser("~/.ssh/op/id")
HOME = os.path.expanduser("~/t")
WAIT = 20.0
HANDLES = 60  # at once; the session's limit is 64
BLOCK = 200 * 1024  # more than any client asks for by itself, and than its server's 64 KiB
NAMES = [" blank ", "-rf", "a'b\"c", "$(id)", "*?[x]", "ä€𝄞", "x" * 255, "...", "~", "a:b", "\\n", "%00"]
LONG = getattr(paramiko.sftp, "int64", None) or paramiko.py3compat.long  # as paramiko marks 64 bits
DATA = bytes(range(256)) * 4096  # 1 MiB


def local(name, data=None):
    path = f"{HOME}/{name}"
    if data is not None:
        with open(path, "wb") as f:
            f.write(data)
    return path


def content(path):
    with open(path, "rb") as f:
        return f.read()


def refused(error):
    return "ermission denied" in str(error)


# --- paramiko ----------------------------------------------------------------------------------------------------


def paramiko_open():
    t = paramiko.Transport(socket.create_connection((HOST, 22), WAIT))
    t.banner_timeout = t.auth_timeout = t.handshake_timeout = WAIT
    t.start_client(timeout=WAIT)
    key = paramiko.ECDSAKey.from_private_key_file(KEY)
    key.load_certificate(KEY + "-cert.pub")
    t.auth_publickey(USER, key)
    return t


class Paramiko:
    def __init__(self, d):
        self.t, self.d = paramiko_open(), d
        self.c = self.t.open_sftp_client()
        self.c.get_channel().settimeout(WAIT)

    def put(self, name, data):
        self.c.putfo(io.BytesIO(data), f"{self.d}/{name}")

    def read(self, name):
        with self.c.open(f"{self.d}/{name}") as f:
            return f.read()

    def task_put_and_get(self):
        assert self.c.put(local("p", DATA), f"{self.d}/p").st_size == len(DATA)
        self.c.get(f"{self.d}/p", local("p2"))  # prefetches
        assert content(local("p2")) == DATA

    def task_pipelined(self):
        with self.c.open(f"{self.d}/piped", "wb") as f:
            f.set_pipelined(True)
            for at in range(0, len(DATA), 1000):
                f.write(DATA[at:at + 1000])
        with self.c.open(f"{self.d}/piped", "rb") as f:
            f.prefetch()
            assert f.read() == DATA
        with self.c.open(f"{self.d}/piped", "rb") as f:
            parts = [(1000000, 48576), (0, 10), (500000, 40000), (99, 1)]
            assert list(f.readv(parts)) == [DATA[at:at + n] for at, n in parts]

    def task_places(self):
        self.put("places", DATA[:1000])
        with self.c.open(f"{self.d}/places", "r+b") as f:
            f.seek(500)
            f.write(b"here")
            f.seek(0, 2)
            f.write(b"end")
            f.seek(500)
            assert f.read(4) == b"here" and f.stat().st_size == 1003
            f.truncate(600)
        assert self.read("places") == DATA[:500] + b"here" + DATA[504:600]
        self.c.truncate(f"{self.d}/places", 3)
        with self.c.open(f"{self.d}/places", "ab") as f:
            f.write(b"more")
        assert self.read("places") == DATA[:3] + b"more"
        try:
            self.c.open(f"{self.d}/places", "xb")
        except OSError:
            pass
        else:
            raise AssertionError("opened as new")

    def task_attributes(self):
        self.put("attrs", b"12345")
        path = f"{self.d}/attrs"
        self.c.chmod(path, 0o640)
        self.c.utime(path, (1000, 2000))
        a = self.c.stat(path)
        assert (a.st_size, stat.S_IMODE(a.st_mode), a.st_atime, a.st_mtime) == (5, 0o640, 1000, 2000)
        assert {x.filename: x.st_size for x in self.c.listdir_attr(self.d)}["attrs"] == 5
        assert "attrs" in [x.filename for x in self.c.listdir_iter(self.d, read_aheads=20)]
        with self.c.open(path) as f:
            f.chmod(0o600)
            f.utime((1, 2))
            assert stat.S_IMODE(f.stat().st_mode) == 0o600

    def task_names(self):
        d = f"{self.d}/names"
        self.c.mkdir(d)
        for name in NAMES:
            self.c.putfo(io.BytesIO(name.encode()), f"{d}/{name}")
        assert sorted(self.c.listdir(d)) == sorted(NAMES)
        for name in NAMES:
            with self.c.open(f"{d}/{name}") as f:
                assert f.read() == name.encode()
            self.c.remove(f"{d}/{name}")
        self.c.rmdir(d)
        try:
            self.c.stat(d)
        except FileNotFoundError:
            return
        raise AssertionError("it is still there")

    def task_renamed(self):
        self.put("one", b"1")
        self.put("two", b"2")
        try:
            self.c.rename(f"{self.d}/one", f"{self.d}/two")
        except OSError:
            pass
        else:
            raise AssertionError("renamed over another")
        self.c.posix_rename(f"{self.d}/one", f"{self.d}/two")
        assert self.read("two") == b"1" and "one" not in self.c.listdir(self.d)
        self.c.symlink("two", f"{self.d}/link")
        assert self.c.readlink(f"{self.d}/link") == "two" and stat.S_ISLNK(self.c.lstat(f"{self.d}/link").st_mode)
        assert self.c.normalize(f"{self.d}/link") == f"{self.d}/two"
        self.c.chdir(self.d)
        assert self.c.getcwd() == self.d and self.c.open("link").read() == b"1"
        self.c.chdir(None)

    def task_empty(self):
        self.put("empty", b"")
        assert self.c.stat(f"{self.d}/empty").st_size == 0 and self.read("empty") == b""
        with self.c.open(f"{self.d}/empty") as f:
            f.prefetch()
            assert f.read() == b""

    def task_many_handles(self):
        files = [self.c.open(f"{self.d}/h{i}", "w+b") for i in range(HANDLES)]
        for i, f in enumerate(files):
            f.write(b"%d" % i)
        for i, f in enumerate(files):
            f.seek(0)
            assert f.read() == b"%d" % i
        more = [self.c.open(f"{self.d}/m{i}", "wb") for i in range(4)]
        try:
            self.c.open(f"{self.d}/one-more", "wb")
        except OSError as e:
            assert "too many files are open" in str(e)
        else:
            raise AssertionError("65 files are open")
        for f in files + more:
            f.close()
        self.put("one-more", b"x")

    def task_large_packets(self):
        handle = self.c.open(f"{self.d}/large", "w+b")
        raw = handle.handle
        self.c._request(paramiko.sftp.CMD_WRITE, raw, LONG(0), DATA[:BLOCK])
        kind, m = self.c._request(paramiko.sftp.CMD_READ, raw, LONG(0), BLOCK)
        assert kind == paramiko.sftp.CMD_DATA and m.get_string() == DATA[:BLOCK]
        handle.close()

    def task_refused(self):
        for name, do in (("read", lambda p: self.c.open(p).read()), ("write", lambda p: self.c.open(p, "w")), ("list", self.c.listdir),
                         ("stat", self.c.stat), ("remove", self.c.remove), ("rename", lambda p: self.c.rename(p, p + "2")),
                         ("mkdir", lambda p: self.c.mkdir(p + "/x")), ("chmod", lambda p: self.c.chmod(p, 0o777)),
                         ("truncate", lambda p: self.c.truncate(p, 0)), ("symlink", lambda p: self.c.symlink("x", p)),
                         ("readlink", self.c.readlink)):
            try:
                do("/files1/etc/passwd")
            except OSError as e:
                assert refused(e) or e.errno == 13, (name, e)
            else:
                raise AssertionError(name)

    def close(self):
        self.t.close()


def play_paramiko(d):
    client, done = Paramiko(d), {}
    for name in sorted(n for n in dir(client) if n.startswith("task_")):
        try:
            getattr(client, name)()
            done[name[5:]] = None
        except Exception:  # pylint: disable=broad-except
            done[name[5:]] = traceback.format_exc()
    client.close()
    return done


# --- asyncssh ----------------------------------------------------------------------------------------------------


class Asyncssh:
    def __init__(self, c, d):
        self.c, self.d = c, d

    async def put(self, name, data):
        async with self.c.open(f"{self.d}/{name}", "wb") as f:
            await f.write(data)

    async def read(self, name):
        async with self.c.open(f"{self.d}/{name}", "rb") as f:
            return await f.read()

    async def task_put_and_get(self):
        for requests, block in ((1, 1000000), (128, 4096), (64, 262144)):
            await self.c.put(local("a", DATA), f"{self.d}/a", max_requests=requests, block_size=block)
            await self.c.get(f"{self.d}/a", local("a2"), max_requests=requests, block_size=block, preserve=True)
            assert content(local("a2")) == DATA, (requests, block)

    async def task_at_once(self):
        """All together, on one session."""
        await asyncio.gather(*(self.put(f"once{i}", DATA[i:i + 100000]) for i in range(40)))
        got = await asyncio.gather(*(self.read(f"once{i}") for i in range(40)))
        assert [hashlib.sha256(x).digest() for x in got] == [hashlib.sha256(DATA[i:i + 100000]).digest() for i in range(40)]

    async def task_places(self):
        await self.put("places", DATA[:1000])
        async with self.c.open(f"{self.d}/places", "r+b") as f:
            await f.write(b"here", 500)
            assert await f.read(4, 500) == b"here" and (await f.stat()).size == 1000
            await f.fsync()
            await f.truncate(600)
            assert (await f.statvfs()).bsize > 0
        assert await self.read("places") == DATA[:500] + b"here" + DATA[504:600]
        await self.c.truncate(f"{self.d}/places", 3)
        async with self.c.open(f"{self.d}/places", "ab") as f:
            await f.write(b"more")
        assert await self.read("places") == DATA[:3] + b"more"
        assert await self.c.getsize(f"{self.d}/places") == 7

    async def task_attributes(self):
        await self.put("attrs", b"12345")
        path = f"{self.d}/attrs"
        await self.c.chmod(path, 0o640)
        await self.c.utime(path, (1000, 2000))
        a = await self.c.stat(path)
        assert (a.size, a.permissions & 0o7777, a.atime, a.mtime) == (5, 0o640, 1000, 2000)
        assert {x.filename: x.attrs.size for x in await self.c.readdir(self.d)}["attrs"] == 5
        assert (await self.c.statvfs(self.d)).bsize > 0

    async def task_tree(self):
        """Of directories, up and down, with names of every kind."""
        os.makedirs(f"{HOME}/tree/in", exist_ok=True)
        for name in NAMES:
            local(f"tree/in/{name}", name.encode())
        await self.c.put(f"{HOME}/tree", f"{self.d}/tree", recurse=True)
        await self.c.get(f"{self.d}/tree", f"{HOME}/tree2", recurse=True)
        assert sorted(os.listdir(f"{HOME}/tree2/in")) == sorted(NAMES)
        assert all(content(f"{HOME}/tree2/in/{n}") == n.encode() for n in NAMES)
        await self.c.rmtree(f"{self.d}/tree")
        assert not await self.c.exists(f"{self.d}/tree")

    async def task_renamed(self):
        await self.put("one", b"1")
        await self.put("two", b"2")
        try:
            await self.c.rename(f"{self.d}/one", f"{self.d}/two")
        except asyncssh.SFTPError:
            pass
        else:
            raise AssertionError("renamed over another")
        await self.c.posix_rename(f"{self.d}/one", f"{self.d}/two")
        assert await self.read("two") == b"1" and not await self.c.exists(f"{self.d}/one")
        await self.c.symlink("two", f"{self.d}/link")
        assert await self.c.readlink(f"{self.d}/link") == "two" and await self.c.islink(f"{self.d}/link")
        await self.c.link(f"{self.d}/two", f"{self.d}/hard")
        assert await self.read("hard") == b"1" and await self.c.realpath(f"{self.d}/link") == f"{self.d}/two"
        assert sorted(await self.c.glob(f"{self.d}/*wo")) == [f"{self.d}/two"]

    async def task_empty(self):
        await self.c.put(local("nothing", b""), f"{self.d}/empty")
        await self.c.get(f"{self.d}/empty", local("nothing2"))
        assert content(local("nothing2")) == b"" and await self.read("empty") == b""

    async def task_refused(self):
        c, p = self.c, "/files1/etc/passwd"
        for name, do in (("read", c.open(p)), ("write", c.open(p, "w")), ("list", c.listdir(p)), ("stat", c.stat(p)),
                         ("remove", c.remove(p)), ("rename", c.rename(p, p + "2")), ("posix_rename", c.posix_rename(p, p + "2")),
                         ("mkdir", c.mkdir(p + "/x")), ("chmod", c.chmod(p, 0o777)), ("truncate", c.truncate(p, 0)),
                         ("symlink", c.symlink("x", p)), ("link", c.link(p, p + "2")), ("readlink", c.readlink(p)), ("statvfs", c.statvfs(p))):
            try:
                await do
            except asyncssh.SFTPPermissionDenied:
                continue
            raise AssertionError(name)


def asyncssh_open():
    with open(KEY, "rb") as f:  # asyncssh is strict about the padding of OpenSSH's own format
        key = serialization.load_ssh_private_key(f.read(), None)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    keys = [(asyncssh.import_private_key(pem), asyncssh.read_certificate(KEY + "-cert.pub"))]
    return asyncssh.connect(HOST, username=USER, client_keys=keys, config=None, agent_path=None,
                            known_hosts="/etc/ssh/ssh_known_hosts", login_timeout=WAIT)


async def play_asyncssh(d):
    done = {}
    async with asyncssh_open() as conn, conn.start_sftp_client() as c:
        client = Asyncssh(c, d)
        for name in sorted(n for n in dir(client) if n.startswith("task_")):
            try:
                await asyncio.wait_for(getattr(client, name)(), 3 * WAIT)
                done[name[5:]] = None
            except Exception:  # pylint: disable=broad-except
                done[name[5:]] = traceback.format_exc()
    return done


async def copy_asyncssh(way, there, here):
    async with asyncssh_open() as conn, conn.start_sftp_client() as c:
        await (c.get(there, here) if way == "get" else c.put(here, there))


def copy_paramiko(way, there, here):
    t = paramiko_open()
    c = t.open_sftp_client()
    try:
        if way == "get":
            c.get(there, here)
        else:
            c.put(here, there)  # looks at its size afterwards, for the answers to its writes are not read
    finally:
        t.close()


def main():
    client, *words = sys.argv[1:]
    if len(words) == 1:
        print(json.dumps(play_paramiko(*words) if client == "paramiko" else asyncio.run(play_asyncssh(*words))))
    elif client == "paramiko":
        copy_paramiko(*words)
    else:
        asyncio.run(copy_asyncssh(*words))


if __name__ == "__main__":
    main()
