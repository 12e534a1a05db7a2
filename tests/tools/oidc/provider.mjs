// SPDX-License-Identifier: Apache-2.0
// An OpenID provider for the tests and the demo: the certified oidc-provider, with three people who
// sign in without a password. Never for anything else.
//
// node provider.mjs --issuer https://idp.internal:8443 --cert FILE --key FILE [--listen ADDR]
//                   [--alg RS256|ES256|EdDSA] [--client-id sallyport] [--id-token-ttl SECONDS] [--keys FILE]
//
// Who signs in (alice, bob, carol, dave, erin) is the request's login_hint, or what the form of the login page says;
// any password will do. The client is public (PKCE, no secret) with redirect URIs on http://localhost:3000, 10001 and 11110, as opkssh uses.
// It prints "ready ISSUER" when it listens. --keys keeps the signing keys over a restart.
import fs from 'node:fs';
import https from 'node:https';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import Provider from 'oidc-provider';

const people = {
	alice: { name: 'Alice Example', email: 'alice@example.com', email_verified: true, groups: ['eng'] },
	bob: { name: 'Bob Example', email: 'bob@example.com', email_verified: true, groups: ['dba'] },
	carol: { name: 'Carol Example', email: 'carol@example.com', email_verified: true, groups: [] },
	dave: { name: 'Dave Example', email: 'dave@example.com', email_verified: true, groups: ['eng'] },
	// heidi left; another one has her address now.
	heidi: { name: 'Heidi Example', email: 'heidi@example.com', email_verified: true, groups: ['eng'] },
	heidi2: { name: 'Heidi Sample', email: 'heidi@example.com', email_verified: true, groups: ['eng'] },
	erin: { name: 'Erin Example', email: 'erin@example.com', email_verified: true, groups: ['eng'] },
};

const { values: opt } = parseArgs({ options: {
	issuer: { type: 'string' },
	listen: { type: 'string', default: '127.0.0.1' },
	cert: { type: 'string' },
	key: { type: 'string' },
	alg: { type: 'string', default: 'RS256' },
	'client-id': { type: 'string', default: 'sallyport' },
	'id-token-ttl': { type: 'string', default: '3600' },
	keys: { type: 'string' },
} });
if (!opt.issuer || !opt.cert || !opt.key) {
	console.error('usage: provider.mjs --issuer URL --cert FILE --key FILE [...]');
	process.exit(2);
}

function newKeys() {
	const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
	const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
	const ed = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
	return [
		{ ...rsa, alg: 'RS256', use: 'sig', kid: `rsa-${randomBytes(4).toString('hex')}` },
		{ ...ec, alg: 'ES256', use: 'sig', kid: `ec-${randomBytes(4).toString('hex')}` },
		{ ...ed, alg: 'EdDSA', use: 'sig', kid: `ed-${randomBytes(4).toString('hex')}` },
	];
}

function signingKeys() {
	if (opt.keys && fs.existsSync(opt.keys))
		return JSON.parse(fs.readFileSync(opt.keys, 'utf8'));
	const keys = newKeys();
	if (opt.keys)
		fs.writeFileSync(opt.keys, JSON.stringify(keys), { mode: 0o600 });
	return keys;
}

const scopes = 'openid email profile groups';
const provider = new Provider(opt.issuer, {
	clients: [{
		client_id: opt['client-id'],
		application_type: 'native',
		token_endpoint_auth_method: 'none',
		grant_types: ['authorization_code', 'refresh_token'],
		response_types: ['code'],
		redirect_uris: [3000, 10001, 11110].map((port) => `http://localhost:${port}/login-callback`),
		id_token_signed_response_alg: opt.alg,
	}],
	enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
	jwks: { keys: signingKeys() },
	cookies: { keys: [randomBytes(16).toString('hex')] },
	claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'] },
	conformIdTokenClaims: false,
	pkce: { required: () => true, methods: ['S256'] },
	features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
	interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
	ttl: { IdToken: Number(opt['id-token-ttl']), Interaction: 600, Session: 3600, Grant: 3600, AccessToken: 3600 },
	findAccount: (ctx, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id, preferred_username: id, ...people[id] }) } : undefined),
});
provider.proxy = false;

const form = `<!doctype html><title>Sign in</title>
<form method="post"><input name="login"><input name="password" type="password"><button>Sign in</button></form>
`;

async function body(req) {
	let text = '';
	for await (const chunk of req) {
		text += chunk;
		if (text.length > 4096)
			throw new Error('body too long');
	}
	return new URLSearchParams(text);
}

provider.use(async (ctx, next) => {
	if (!ctx.path.startsWith('/interaction/'))
		return next();
	const details = await provider.interactionDetails(ctx.req, ctx.res);
	const who = ctx.method === 'POST' ? (await body(ctx.req)).get('login') : details.params.login_hint;
	if (!people[who]) {
		ctx.status = who ? 403 : 200;
		ctx.type = 'text/html';
		ctx.body = form;
		return undefined;
	}
	const grant = new provider.Grant({ accountId: who, clientId: details.params.client_id });
	grant.addOIDCScope(scopes);
	return provider.interactionFinished(ctx.req, ctx.res,
		{ login: { accountId: who, amr: ['pwd', 'otp'] }, consent: { grantId: await grant.save() } });
});

const url = new URL(opt.issuer);
const server = https.createServer({ cert: fs.readFileSync(opt.cert), key: fs.readFileSync(opt.key) }, provider.callback());
server.listen(Number(url.port || 443), opt.listen, () => console.log(`ready ${opt.issuer}`));
for (const signal of ['SIGTERM', 'SIGINT'])
	process.on(signal, () => { server.closeAllConnections(); server.close(() => process.exit(0)); });
