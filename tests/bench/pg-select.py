#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pg-select: `pgbench -S` through `ssh bastion pgbench orders` (policy, masking and recording on) against the same
pgbench through pgbouncer in session mode. Both reach the same server by TLS (verify-full) and SCRAM, both are reached
over a Unix socket, both have one process. The two are run in turn, so a change of the machine's speed meets both."""
import benchlib as lib

SCALE, SECONDS, RUNS, CLIENTS = 10, 3, 9, (1, 16)
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
        result = {}
        for clients in CLIENTS:
            words = ["-n", "-S", "-c", str(clients), "-j", "1", "-T", str(SECONDS)]
            ours, peer = [], []
            for _ in range(RUNS):
                done = b.ssh("alice", "pgbench orders " + " ".join(words), timeout=SECONDS + 60)
                ours.append(lib.tps(done.stdout + done.stderr))
                done = b.run([lib.PGBENCH, *words, "-h", "/run/bench-bouncer", "-p", "6432", "-U", "app_rw", "orders"],
                             user="alice", timeout=SECONDS + 60)
                peer.append(lib.tps(done.stdout + done.stderr))
            lib.say(f"{clients:2d} clients  sallyport {lib.spread(ours)} tps   pgbouncer {lib.spread(peer)} tps   "
                    f"ratio {lib.median(ours) / lib.median(peer):.2f}")
            result[clients] = (lib.median(ours), lib.median(peer))
        worst = min(CLIENTS, key=lambda c: result[c][0] / result[c][1])
        lib.report("pg-select", "tps", *result[worst], RUNS, clients=worst,
                   by_clients={str(c): {"ours": round(o), "peer": round(p), "ratio": round(o / p, 3)} for c, (o, p) in result.items()})


if __name__ == "__main__":
    main()
