#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pg-bulk: one result of 500 MB read by psql through the bastion with masking on, against the same psql connected
directly to the server by TLS. MB/s of what psql wrote; the two are run in turn."""
import benchlib as lib

MEGABYTES, RUNS = 500, 3
SCHEMA = """create table bulk as select n as id, 'customer ' || n || ' of the northern branch, account opened in 2019, in good standing' as name,
  repeat('ordinary words and the number ' || n || ' again; ', 10) as note from generate_series(1, {rows}) n;
grant select on bulk to app_rw;"""
ROW = 500  # bytes of one row in psql's unaligned output, near enough; the figure below uses what was measured


def main():
    with lib.open_bastion() as b:
        b.login("alice")
        b.db(SCHEMA.format(rows=MEGABYTES * 1000000 // ROW), "orders")
        lib.masking_is_on(b)
        query = "psql orders -X -A -t -c 'select id, name, note from bulk'"
        direct = ("PGPASSWORD=%s psql -X -A -t -h %s -U app_rw -d orders 'sslmode=verify-full sslrootcert=%s/ca.pem dbname=orders' "
                  "-c 'select id, name, note from bulk'" % (lib.e2e.DB_PASSWORD, lib.e2e.DB_HOST, lib.e2e.CA_DIR))
        direct = direct.replace("-d orders ", "")
        counted = b.run(["sh", "-c", direct + " | wc -c"], timeout=300)
        size = int(counted.stdout) / 1e6
        # On the bastion itself both ways: what the ssh channel costs is not what is measured.
        ours = b.argv(["ssh", "alice@bastion", query + " -o /dev/null"], "lap-alice")
        peer = b.argv(["sh", "-c", direct + " -o /dev/null"], "alice")
        a, p = [], []
        for _ in range(RUNS):
            a.append(size / lib.timed(ours, timeout=600))
            p.append(size / lib.timed(peer, timeout=600))
        lib.say(f"{size:.0f} MB   sallyport {lib.spread(a)} MB/s   direct {lib.spread(p)} MB/s")
        lib.report("pg-bulk", "MB/s", lib.median(a), lib.median(p), RUNS, megabytes=round(size), reach=0.5)


if __name__ == "__main__":
    main()
