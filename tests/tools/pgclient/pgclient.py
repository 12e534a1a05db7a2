# SPDX-License-Identifier: Apache-2.0
"""Uses a forwarded connection as programs written with psycopg2 do: the same idea as pgclient.mjs, on libpq."""
import io
import json
import os
import sys
import threading

import psycopg2
import psycopg2.extras
import psycopg2.pool

DSN = f"host=127.0.0.1 port={os.environ['PGPORT']} dbname=orders user=whoever password=not-to-be-believed connect_timeout=30"
TWICE = "select id, id * 2 as twice from orders where id < 4 order by id"


def connect(**kwargs):
    return psycopg2.connect(DSN, **kwargs)


def one(conn, sql, *values):
    with conn.cursor() as cur:
        cur.execute(sql, values)
        return cur.fetchone()[0]


def pool():
    """Threads that share connections, all open from the start, most of them at rest."""
    p, sums, lock = psycopg2.pool.ThreadedConnectionPool(12, 24, DSN), [], threading.Lock()

    def work(i):
        for n in range(5):
            conn = p.getconn()
            got = one(conn, "select %s + 1", i * 10 + n)
            conn.rollback()
            p.putconn(conn)
            with lock:
                sums.append(got)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    p.closeall()
    return {"sum": sum(sums), "count": len(sums)}


def prefer():
    """As libpq connects by itself: it asks for GSS encryption and TLS first, and goes on without."""
    conn = connect(sslmode="prefer")
    return {"tls": conn.info.ssl_in_use, "one": one(conn, "select 1")}


def required():
    return {"one": one(connect(sslmode="require"), "select 1")}


def cursor():
    """A cursor of the server's, read in pieces."""
    conn = connect()
    with conn.cursor("browsing") as cur:
        cur.itersize = 10
        cur.execute("select id from orders where id <= %s order by id", (25,))
        ids = [row[0] for row in cur]
    conn.commit()
    return {"ids": ids}


def prepared():
    conn = connect()
    with conn.cursor() as cur:
        cur.execute("prepare one_customer as select name, email from customers where id = $1")
        psycopg2.extras.execute_batch(cur, "execute one_customer(%s)", [(1,), (2,)])
        cur.execute("execute one_customer(%s)", (3,))
        return {"row": cur.fetchone()}


def copy_out():
    out = io.StringIO()
    with connect().cursor() as cur:
        cur.copy_expert(f"copy ({TWICE}) to stdout", out)
    return {"text": out.getvalue()}


def copy_in():
    conn = connect()
    with conn.cursor() as cur:
        cur.copy_from(io.StringIO("1\tone\n2\ttwo\n"), "forward_items", columns=("id", "item"))
    conn.commit()
    return {"count": one(conn, "select count(*) from forward_items where item in ('one', 'two')")}


def cancel():
    """Until it is cancelled: the first request may be there before the statement."""
    conn, done = connect(), threading.Event()

    def keep_on():
        while not done.wait(0.25):
            conn.cancel()

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        one(conn, "select count(*) as pgclient_cancel from orders a, orders b, orders c, orders d, orders e, orders f")
        code = "finished"
    except psycopg2.Error as e:
        code = e.pgcode
    done.set()
    thread.join(30)
    conn.rollback()
    return {"code": code, "after": one(conn, "select 1")}


def main():
    for step in sys.argv[1:]:
        try:
            said = globals()[step]()
        except psycopg2.Error as e:
            said = {"error": str(e), "code": e.pgcode}
        print(json.dumps({"step": step, **said}), flush=True)


main()
