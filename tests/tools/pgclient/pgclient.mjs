// SPDX-License-Identifier: Apache-2.0
// Uses a forwarded connection as programs written with node-postgres do. One step a name in argv, in that order; each
// prints one line of JSON: { step, ... } or { step, error, code }. The database is at 127.0.0.1, port PGPORT.
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import copy from 'pg-copy-streams';
import Cursor from 'pg-cursor';

const config = { host: '127.0.0.1', database: 'orders', user: 'whoever', password: 'not-to-be-believed' };
const customers = 'select name, email, card from customers order by id';

async function connected(use, more = {}) {
	const client = new pg.Client({ ...config, ...more });
	client.on('error', () => {});
	await client.connect();
	try {
		return await use(client);
	} finally {
		await client.end().catch(() => {});
	}
}

async function copied(client, sql) {
	let text = '';
	const sink = new Writable({ write(piece, _, done) { text += piece; done(); } });
	await pipeline(client.query(copy.to(`copy (${sql}) to stdout with csv`)), sink);
	return { text };
}

const steps = {
	// As a desktop client: many connections that mostly rest, taken up again in any order.
	async pool() {
		const pool = new pg.Pool({ ...config, max: 40, idleTimeoutMillis: 0 });
		pool.on('error', () => {});
		const ask = (i) => pool.query('select $1::int + 1 as n', [i]).then((r) => r.rows[0].n);
		const first = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(i)));
		const idle = pool.idleCount;
		const second = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(i + 100)));
		const made = pool.totalCount;
		await pool.end();
		return { sum: first.concat(second).reduce((a, b) => a + b, 0), idle, made };
	},
	prepared: () => connected(async (client) => {
		const rows = [];
		for (const id of [3, 1, 2]) {
			const r = await client.query({ name: 'one-customer', text: 'select name, email from customers where id = $1', values: [id] });
			rows.push(r.rows[0]);
		}
		return { rows };
	}),
	cursor: () => connected(async (client) => {
		const cursor = client.query(new Cursor('select id from orders where id <= $1 order by id', [25]));
		const sizes = [];
		for (let rows = await cursor.read(10); rows.length > 0; rows = await cursor.read(10))
			sizes.push(rows.length);
		await cursor.close();
		return { sizes, after: (await client.query('select 1 as one')).rows[0].one };
	}),
	copy_out: () => connected((client) => copied(client, 'select id, id * 2 as twice from orders where id < 4 order by id')),
	copy_secrets: () => connected((client) => copied(client, customers)),
	copy_in: () => connected(async (client) => {
		const to = client.query(copy.from('copy forward_items (id, item) from stdin with csv'));
		await pipeline(Readable.from(['1,node\n2,node\n']), to);
		return { count: (await client.query("select count(*)::int as n from forward_items where item = 'node'")).rows[0].n };
	}),
	denied: () => connected(async (client) => {
		const error = await client.query('delete from customers').then(() => null, (e) => ({ message: e.message, code: e.code }));
		return { refused: error, after: (await client.query('select 1 as one')).rows[0].one };
	}),
	transaction: () => connected(async (client) => {
		await client.query('begin');
		const n = (await client.query('select count(*)::int as n from orders where id < $1', [10])).rows[0].n;
		await client.query('commit');
		return { n };
	}),
	binary: () => connected(async (client) => {
		const r = await client.query({ text: customers, binary: true, rowMode: 'array' });
		return { rows: r.rows };
	}),
	// As long as the statement runs: the first request may be there before it.
	cancel: () => connected(async (client) => {
		const query = new pg.Query('select count(*) as pgclient_cancel from orders a, orders b, orders c, orders d, orders e, orders f');
		const ended = new Promise((done) => query.once('error', (e) => done(e.code)).once('end', () => done('finished')));
		client.query(query);
		const again = setInterval(() => {
			const canceller = new pg.Client(config);
			canceller.on('error', () => {});
			canceller.cancel(client, query);
		}, 250);
		const code = await ended;
		clearInterval(again);
		return { code, after: (await client.query('select 1 as one')).rows[0].one };
	}),
	tls_required: () => connected(async () => ({}), { ssl: { rejectUnauthorized: false } }),
	// What a connection at rest learns of its end.
	rest: () => connected(async (client) => {
		const ended = new Promise((done) => client.once('error', (e) => done({ message: e.message, code: e.code ?? null })));
		await client.query('select 1');
		console.log(JSON.stringify({ step: 'resting' }));
		return { ended: await ended };
	}),
};

for (const step of process.argv.slice(2)) {
	const said = await steps[step]().catch((e) => ({ error: e.message, code: e.code }));
	console.log(JSON.stringify({ step, ...said }));
}
