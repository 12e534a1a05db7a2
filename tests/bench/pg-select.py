#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pg-select: `pgbench -S` through `ssh bastion pgbench orders` (policy, masking and recording on) against the same
pgbench through pgbouncer in session mode. Both reach the same server by TLS (verify-full) and SCRAM with the same cipher,
both are reached over a Unix socket, both have one process. The two are run in turn, so a change of the machine's speed
meets both.

The first seconds of each run are not in the figures, but told beside them: pgbouncer hands out server connections that
its pool kept from the run before, a session of ours has new ones, and a new PostgreSQL backend first has to map the
server's buffers page by page (0.9 page faults a transaction, measured). That is the server's work, not a proxy's. The
tables are small (scale 1), so that it is over after those seconds and little else of the server's work hides ours."""
import re

import benchlib as lib

SCALE, FIRST, SECONDS, RUNS, CLIENTS = 1, 2, 4, 9, (1, 16)
BOUNCER = f"""[databases]
orders = host={lib.e2e.DB_HOST} port={lib.e2e.DB_PORT} dbname=orders user=app_rw password={lib.e2e.DB_PASSWORD}
[pgbouncer]
pool_mode = session
unix_socket_dir = /run/bench-bouncer
listen_port = 6432
auth_type = any
server_tls_sslmode = verify-full
server_tls_ca_file = {lib.e2e.CA_DIR}/ca.pem
default_pool_size = 64
max_client_conn = 200
log_connections = 0
log_disconnections = 0
"""
NOTE = f"""`pgbench -S`, scale {SCALE}, on a warm server: {SECONDS} s after the first {FIRST} s of each run. "first {FIRST} s": those, in
which our sessions' server connections are new and pgbouncer's are not, as its pool keeps them."""
TLS = "select 'tls=' || version || ' ' || cipher from pg_stat_ssl where pid = pg_backend_pid()"
BOUNCED = ["-h", "/run/bench-bouncer", "-p", "6432", "-U", "app_rw", "orders"]


def tls_is_the_same(b):
    """What one is spared in cryptography would be counted as its speed."""
    ours = re.search("tls=.*", b.psql("alice", TLS).stdout)
    peer = re.search("tls=.*", b.run(["psql", *BOUNCED, "-X", "-c", TLS], user="alice").stdout)
    if not ours or not peer or ours.group().strip() != peer.group().strip():
        raise SystemExit(f"not the same TLS to the server: {ours} and {peer}")


def seconds_of(done):
    """The two figures of one run: tps of the first seconds, tps of the rest."""
    each = [float(t) for t in re.findall(r"^progress: [0-9.]+ s, ([0-9.]+) tps", done.stdout + done.stderr, re.M)]
    if len(each) < FIRST + SECONDS - 1:
        raise SystemExit("pgbench printed no result:\n" + done.stdout + done.stderr)
    return sum(each[:FIRST]) / FIRST, sum(each[FIRST:]) / len(each[FIRST:])


def compare(b, clients):
    """The figures of all runs with so many clients, as {who: ([first], [rest])}."""
    words = ["-n", "-S", "-c", str(clients), "-j", "1", "-P", "1", "-T", str(FIRST + SECONDS)]
    found = {"ours": ([], []), "peer": ([], [])}
    for _ in range(RUNS):
        for who in found:
            if who == "ours":
                done = b.ssh("alice", "pgbench orders " + " ".join(words), timeout=FIRST + SECONDS + 60)
            else:
                done = b.run([lib.PGBENCH, *words, *BOUNCED], user="alice", timeout=FIRST + SECONDS + 60)
            for values, value in zip(found[who], seconds_of(done)):
                values.append(value)
    return found


def main():
    with lib.open_bastion() as b:
        b.login("alice")
        lib.masking_is_on(b)
        b.run([lib.PGBENCH, "-i", "-q", "-s", str(SCALE), "-h", "/run/pg-e2e", "orders"], user="postgres")
        b.db("grant select on all tables in schema public to app_rw; alter role app_rw connection limit -1", "orders")
        # What a server logs of each statement is its own business, and the same for both: off for both.
        b.db("alter system set log_statement = 'none'")
        b.db("select pg_reload_conf()")
        b.write("/etc/bench-bouncer.ini", BOUNCER)
        b.run(["sh", "-c", "mkdir -p /run/bench-bouncer && chown postgres: /run/bench-bouncer"])
        b.service("bouncer", ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "/usr/sbin/pgbouncer",
                              "/etc/bench-bouncer.ini"])
        lib.e2e.wait_for("pgbouncer", lambda: "/run/bench-bouncer/.s.PGSQL.6432" in b.run(["cat", "/proc/net/unix"]).stdout)
        tls_is_the_same(b)
        parts, firsts = [], []
        for clients in CLIENTS:
            name = f"{clients} client" + ("s" if clients > 1 else "")
            found = compare(b, clients)
            for part, title, which in ((firsts, f"{name}, first {FIRST} s", 0), (parts, name, 1)):
                ours, peer = found["ours"][which], found["peer"][which]
                ratio = lib.median(ours) / lib.median(peer)
                lib.say(f"{title:22s} sallyport {lib.spread(ours)} tps   pgbouncer {lib.spread(peer)} tps   ratio {ratio:.2f}")
                part.append({"name": title, "ours": round(lib.median(ours)), "peer": round(lib.median(peer)),
                             "ratio": round(ratio, 3)})
        for part in parts:
            part["reach"] = 0.9
        worst = min(parts, key=lambda part: part["ratio"])
        lib.report("pg-select", "tps", worst["ours"], worst["peer"], RUNS, parts=parts + firsts, note=NOTE.replace("\n", " "))


if __name__ == "__main__":
    main()
