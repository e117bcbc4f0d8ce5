// Signing in: sessions, cookies, limits, the first account, and what survives a restart.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { adminEmail, adminPassword, fileText, must, runServer, startServer, temporaryFolder } from '../lib/server.mjs';

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const me = (options) => server.get('/api/me/effective-access', options);
const base64url = (text) => Buffer.from(text).toString('base64url');
const secret = 'a-secret-for-tests-of-more-than-32-characters';
function jwt(payload, { header = { alg: 'HS256', typ: 'JWT' }, key = secret } = {}) {
  const signed = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(payload))}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

test('both ways of signing in give a session', async () => {
  for (const route of ['/auth/token', '/auth/password/login']) {
    const answer = must(200, await server.post(route, { email: adminEmail, password: adminPassword })).json;
    assert.equal(answer.role, 'admin');
    must(200, await me({ token: answer.access_token }));
    const [header, payload] = answer.access_token.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    assert.equal(header, '{"alg":"HS256","typ":"JWT"}');
    const claims = JSON.parse(payload);
    assert.deepEqual(Object.keys(claims), ['sub', 'email', 'typ', 'iat', 'jti', 'exp', 'pwd']);
    assert.equal(claims.exp - claims.iat, 86400);
    assert.equal(claims.typ, 'session');
  }
});

test('an unknown account and a wrong password get the same answer', async () => {
  for (const route of ['/auth/token', '/auth/password/login']) {
    const wrong = await server.post(route, { email: adminEmail, password: 'wrong' });
    const unknown = await server.post(route, { email: 'ghost@example.com', password: 'wrong' });
    assert.equal(wrong.status, 401);
    assert.deepEqual([unknown.status, unknown.json], [wrong.status, wrong.json]);
  }
});

test('bad input', async () => {
  const fields = (answer) => must(422, answer).json.detail.map((d) => d.loc.join('.')).sort();
  assert.deepEqual(fields(await server.post('/auth/token', {})), ['body.email']);
  assert.deepEqual(fields(await server.post('/auth/password/login', {})), ['body.email', 'body.password']);
  assert.deepEqual(fields(await server.post('/auth/token', { email: 5, password: [] })), ['body.email', 'body.password']);
  assert.deepEqual(fields(await server.post('/auth/token', { email: 'a@b', password: 'x'.repeat(50000) })), ['body.password']);
  assert.deepEqual(fields(await server.request('POST', '/auth/password/login/web')), ['body.email']);
  assert.equal((await server.request('POST', '/auth/token', { body: '{', headers: { 'content-type': 'application/json' } })).status, 422);
  for (const email of ["' OR 1=1 --", 'admin@example.com\u0000', 'admin@example.com\r\nX: y', 'аdmin@example.com'])
    assert.equal((await server.post('/auth/token', { email, password: adminPassword })).status, 401, email);
});

test('tokens that others made are refused', async () => {
  const now = Math.floor(Date.now() / 1000);
  const good = { sub: server.admin.id, email: adminEmail, typ: 'session', iat: now, jti: 'x', exp: now + 60 };
  must(200, await me({ token: jwt(good) }));
  const attacks = {
    'no signature': jwt(good).replace(/[^.]*$/, ''),
    'another key': jwt(good, { key: 'x' }),
    'alg none': `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(good))}.`,
    'alg HS512': jwt(good, { header: { alg: 'HS512' } }),
    expired: jwt({ ...good, exp: now - 1 }),
    'from the future': jwt({ ...good, iat: now + 3600 }),
    'an unknown account': jwt({ ...good, sub: 'ghost' }),
    'an address for an id': jwt({ ...good, sub: adminEmail }),
    'an unknown personal token': jwt({ ...good, typ: 'pat' }),
    'a line break': `${jwt(good)}%0d%0aX-Admin: 1`,
    nothing: '',
  };
  for (const [name, token] of Object.entries(attacks))
    assert.equal((await me({ headers: { authorization: `Bearer ${token}` } })).status, 401, name);
  for (const authorization of ['Basic eDp5', jwt(good), `Token ${jwt(good)}`, 'Bearer', 'Bearer '])
    assert.equal((await me({ headers: { authorization } })).status, 401, authorization);
});

test('a browser signs in with a form and goes on with its cookie', async () => {
  const form = { email: adminEmail, password: adminPassword };
  const web = (extra) => server.request('POST', '/auth/password/login/web', { form: { ...form, ...extra } });
  const answer = must(302, await web({ next: '/catalog?x=1' }));
  assert.equal(answer.headers.location, '/catalog?x=1');
  const [cookie] = answer.headers['set-cookie'];
  assert.match(cookie, /^access_token=[\w.-]+;/);
  for (const part of [/; *HttpOnly/i, /; *SameSite=lax/i, /; *Max-Age=86400/i, /; *Path=\//i]) assert.match(cookie, part);
  const headers = { cookie: cookie.split(';')[0] };
  must(200, await me({ headers }));

  // A page of another site can make the browser send it, but not change anything with it.
  const change = (extra) => server.post('/api/me/onboarded', {}, { headers: { ...headers, ...extra } });
  must(200, await change({ 'sec-fetch-site': 'same-origin', origin: server.url }));
  must(200, await change({}));
  for (const extra of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }, { origin: 'null' }])
    assert.equal((await change(extra)).status, 403, JSON.stringify(extra));
  must(200, await server.post('/api/me/onboarded', {}, { token: server.admin.token, headers: { origin: 'https://evil.example' } }));

  assert.equal((await web({ next: '' })).headers.location, '/dashboard');
  for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)', 'catalog', '/\t/evil.example', '/x\r\nSet-Cookie: a=b'])
    assert.equal(must(302, await web({ next })).headers.location, '/dashboard', next);
  const wrong = must(302, await web({ password: 'wrong' }));
  assert.equal(wrong.headers.location, '/login/password?error=invalid');
  assert.equal(wrong.headers['set-cookie'], undefined);
});

test('behind TLS the cookie is secure', async () => {
  const other = await startServer({ env: { DOMAIN: 'agnes.example.com', AGNES_HOME_ROUTE: '/home' } });
  const answer = await other.request('POST', '/auth/password/login/web', { form: { email: adminEmail, password: adminPassword } });
  assert.match(answer.headers['set-cookie'][0], /; *Secure/i);
  assert.equal(answer.headers.location, '/home');
  await other.stop();
});

test('where people reach the server decides: cookies, and the page after sign-in from the file', async () => {
  const config = temporaryFolder();
  const signIn = async (env, yaml) => {
    writeFileSync(path.join(config, 'instance.yaml'), yaml);
    const other = await startServer({ env, config });
    const answer = await other.request('POST', '/auth/password/login/web', { form: { email: adminEmail, password: adminPassword } });
    await other.stop();
    return { secure: /; *Secure/i.test(answer.headers['set-cookie'][0]), to: answer.headers.location };
  };
  assert.deepEqual(await signIn({ SERVER_URL: 'https://agnes.example.com' }, 'instance:\n  home_route: /start\n'), { secure: true, to: '/start' });
  assert.deepEqual(await signIn({}, 'server:\n  hostname: agnes.example.com\n'), { secure: true, to: '/dashboard' });
  assert.deepEqual(await signIn({ SERVER_URL: 'http://agnes.example.com' }, ''), { secure: false, to: '/dashboard' });
});

test('a hundred people sign in at the same moment, and others are answered meanwhile', async () => {
  const crowd = Array.from({ length: 100 }, () => server.post('/auth/token', { email: adminEmail, password: adminPassword }));
  let waiting = crowd.length;
  crowd.forEach((answer) => answer.then(() => waiting--));
  for (let i = 0; i < 20; i++) must(200, await me({ token: server.admin.token }));
  assert.ok(waiting > 0, 'nobody waited for the whole crowd');
  for (const answer of await Promise.all(crowd)) must(200, answer);
});

test('tries are limited', async () => {
  const other = await startServer({ limits: true });
  const statuses = [];
  let last;
  for (let i = 0; i < 12; i++) {
    last = await other.post('/auth/token', { email: 'ghost@example.com', password: 'x' });
    statuses.push(last.status);
  }
  // The admin's own sign-in was the first of ten.
  assert.deepEqual(statuses.slice(0, 9), Array(9).fill(401));
  assert.equal(statuses.at(-1), 429);
  assert.ok(Number(last.headers['retry-after']) >= 1);
  assert.equal(typeof last.json.detail, 'string');
  const forged = await other.post('/auth/token', { email: 'ghost@example.com', password: 'x' }, { headers: { 'x-forwarded-for': '10.1.2.3' } });
  assert.equal(forged.status, 429, 'nobody chooses their own address');
  must(200, await other.get('/api/me/effective-access', { token: other.admin.token }));
  await other.stop();
});

test('a new server is claimed once', async () => {
  const other = await startServer({ seed: false });
  const bootstrap = (json) => other.post('/auth/bootstrap', json);
  assert.equal((await bootstrap({ email: 'not an address', password: 'a-long-password' })).status, 422);
  assert.equal((await bootstrap({ email: 'first@example.com', password: 'short' })).status, 400);
  assert.equal((await bootstrap({ email: 'first@example.com' })).status, 400);
  const answers = await Promise.all(Array.from({ length: 6 }, () => bootstrap({ email: 'first@example.com', password: 'a-long-password' })));
  assert.deepEqual(answers.map((a) => a.status).sort(), [200, 403, 403, 403, 403, 403]);
  const won = answers.find((a) => a.status === 200).json;
  assert.equal(won.role, 'admin');
  must(200, await other.get('/api/users', { token: won.access_token }));
  assert.equal((await bootstrap({ email: 'second@example.com', password: 'a-long-password' })).status, 403);
  await other.stop();
});

test('the scheduler has its secret, and it cannot make tokens', async () => {
  const token = 'a-scheduler-token-of-more-than-32-characters';
  const other = await startServer({ env: { SCHEDULER_API_TOKEN: token } });
  must(200, await other.get('/api/users', { token }));
  assert.equal((await other.post('/auth/tokens', { name: 'x' }, { token })).status, 403);
  assert.equal((await other.get('/api/users', { token: token.slice(1) })).status, 401);
  await other.stop();
  const short = await startServer({ env: { SCHEDULER_API_TOKEN: 'todo' } });
  assert.equal((await short.get('/api/users', { token: 'todo' })).status, 401);
  assert.match(short.log, /SCHEDULER_API_TOKEN/);
  assert.doesNotMatch(short.log, /todo/);
  await short.stop();
});

test('in LOCAL_DEV_MODE everybody is the developer', async () => {
  const other = await startServer({ seed: false, env: { LOCAL_DEV_MODE: '1' } });
  const users = must(200, await other.get('/api/users')).json;
  assert.deepEqual(users.map((u) => [u.email, u.is_admin]), [['dev@localhost', true]]);
  must(201, await other.post('/auth/tokens', { name: 'x' }));
  assert.match(other.log, /LOCAL_DEV_MODE/);
  await other.stop();
});

test('what was done survives a restart and a kill', async () => {
  const data = temporaryFolder();
  const first = await startServer({ data });
  const ana = await first.addUser('ana@example.com');
  const group = must(201, await first.post('/api/admin/groups', { name: 'sales' }, { token: first.admin.token })).json;
  const made = must(201, await first.post('/auth/tokens', { name: 'laptop' }, { token: ana.token })).json;
  await first.kill();
  const second = await startServer({ data });
  must(200, await second.get('/api/me/effective-access', { token: made.token }));
  must(200, await second.get('/api/me/effective-access', { token: ana.token }));
  must(200, await second.get(`/api/admin/groups/${group.id}`, { token: second.admin.token }));
  await second.stop();
  const third = await startServer({ data, env: { SEED_ADMIN_PASSWORD: 'another-password-1' }, signIn: false });
  must(200, await third.post('/auth/token', { email: adminEmail, password: adminPassword }));
  const seen = must(200, await third.get('/auth/tokens', { token: made.token })).json[0];
  assert.ok(seen.last_used_at);
  await third.stop();
});

test('a seeded account is held to the rules of all accounts, one that is there already is left alone', async () => {
  const start = (data, env) => runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', data], env);
  for (const [env, said] of [
    [{ SEED_ADMIN_EMAIL: 'admin', SEED_ADMIN_PASSWORD: 'a-long-password-1' }, /no account can be made for admin: not an email address; correct SEED_ADMIN_EMAIL/],
    [{ SEED_ADMIN_EMAIL: 'admin@example.com', SEED_ADMIN_PASSWORD: 'abc' }, /SEED_ADMIN_PASSWORD: Password must be at least 8 characters/],
  ]) {
    const ended = await start(temporaryFolder(), env);
    assert.equal(ended.status, 1);
    assert.match(ended.stderr, said);
    assert.doesNotMatch(ended.stderr, /abc/);
  }
  const data = temporaryFolder();
  await (await startServer({ data })).stop();
  const again = await startServer({ data, env: { SEED_ADMIN_PASSWORD: 'abc' }, signIn: false });
  must(200, await again.post('/auth/token', { email: adminEmail, password: adminPassword }));
  await again.stop();
});

test('without JWT_SECRET_KEY a secret is made and kept for the next start', async () => {
  const data = temporaryFolder();
  const first = await startServer({ data, env: { JWT_SECRET_KEY: '' } });
  const file = path.join(data, 'state/.jwt_secret');
  assert.ok(existsSync(file));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(fileText(file), /^[0-9a-f]{64}$/);
  assert.ok(!first.log.includes(fileText(file)));
  await first.stop();
  const second = await startServer({ data, env: { JWT_SECRET_KEY: '' }, signIn: false });
  must(200, await second.get('/api/me/effective-access', { token: first.admin.token }));
  await second.stop();
});

test('a second server on the same data directory says who has it', async () => {
  const { status, stderr } = await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', server.data, '--config-dir', path.join(server.data, 'config')]);
  assert.equal(status, 1);
  const lines = stderr.trim().split('\n');
  assert.match(lines.at(-1), new RegExp(`in use.*${server.child.pid}`));
  must(200, await me({ token: server.admin.token }));
});

test('no secret is in the log', () => {
  for (const text of [adminPassword, secret, server.admin.token]) assert.ok(!server.log.includes(text));
});
