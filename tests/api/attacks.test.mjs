// Attacks from outside, each of one kind, beside a caller who must not notice: what is sent without an account, what a
// session may do after it should have ended, what pages of other sites may do.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bombs, messages, packed, send } from '../lib/attacks.mjs';
import { adminEmail, adminPassword, must, startServer, temporaryFolder } from '../lib/server.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());
const asAdmin = () => ({ token: server.admin.token });

// Peak of the server's memory in MB since it was last reset.
const reset = () => import('node:fs').then((fs) => fs.writeFileSync(`/proc/${server.child.pid}/clear_refs`, '5'));
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) / 1024;

for (const [what, bytes, right] of messages)
  test(`refused without an account: ${what}`, async () => {
    const status = await send({ host: '127.0.0.1', port: server.port }, bytes);
    assert.ok(right.includes(status), `${status}`);
    must(200, await server.get('/api/health'));
  });

test('what is sent without an account costs little memory, packed or not', async () => {
  const body = Object.fromEntries(Object.entries(bombs).map(([name, [, , make]]) => [name, make()]));
  await server.get('/api/health');
  await reset();
  const before = peak();
  for (const [name, [target, type]] of Object.entries(bombs)) {
    const ask = (bytes, headers) => server.request('POST', target, { body: bytes, headers: { 'content-type': type, ...headers } }).catch((error) => ({ status: error.code }));
    const small = packed(body[name]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(small, { 'content-encoding': 'gzip' })));
    for (const answer of answers) assert.ok([401, 413, 415].includes(answer.status), `${name}, packed: ${answer.status}`);
    // 60 kB of it, as it is: as much as somebody who is not known may send.
    for (const answer of await Promise.all(Array.from({ length: 20 }, () => ask(body[name].subarray(0, 60_000), {})))) assert.ok(answer.status >= 400 && answer.status < 500, `${name}: ${answer.status}`);
    const large = await ask(body[name], {});
    assert.ok([401, 413, 'EPIPE', 'ECONNRESET'].includes(large.status), `${name}, large: ${large.status}`);
  }
  assert.ok(peak() - before < 100, `${before} MB before, ${peak()} MB at most since`);
});

test('bodies that are announced and not sent take nothing from others', async () => {
  const sockets = [];
  for (let i = 0; i < 64; i += 1) {
    for (const [method, target] of [['GET', '/login'], ['POST', '/auth/token'], ['POST', '/api/query']]) {
      const socket = net.connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 33554432\r\n\r\n{`);
      sockets.push(socket);
    }
  }
  must(200, await server.post('/auth/token', { email: adminEmail, password: adminPassword }));
  must(200, await server.post('/api/query', { sql: 'SELECT 1' }, asAdmin()));
  for (const socket of sockets) socket.destroy();
});

test('idle connections of one address make room for new ones', async () => {
  const sockets = [];
  for (let i = 0; i < 1500; i += 1) {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    sockets.push(socket);
  }
  for (let i = 0; i < 20; i += 1) must(200, await server.get('/api/health'));
  const open = Number(/agnes_http_connections (\d+)/.exec(must(200, await server.get('/metrics', asAdmin())).text)[1]);
  assert.ok(open <= 1100, `${open} connections of one address`);
  for (const socket of sockets) socket.destroy();
});

test('statements that nobody waits for are dropped, waiting or running', async () => {
  const sql = 'SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range * 7 % 13 = b.range % 11';
  const body = JSON.stringify({ sql });
  const sockets = [];
  for (let i = 0; i < 40; i += 1) {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.write(`POST /api/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.admin.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`, resolve));
    sockets.push(socket);
  }
  const figure = (text, name) => Number(new RegExp(`^${name.replace(/[{}"]/g, (c) => `\\${c}`)} (\\d+)`, 'm').exec(text)[1]);
  const metrics = async () => must(200, await server.get('/metrics', asAdmin())).text;
  await server.until('they wait', async () => figure(await metrics(), 'agnes_executor_queued{executor="query"}') > 0);
  for (const socket of sockets) socket.end();
  await server.until('none is left', async () => {
    const text = await metrics();
    return figure(text, 'agnes_executor_queued{executor="query"}') + figure(text, 'agnes_executor_running{executor="query"}') === 0;
  });
  assert.equal(figure(await metrics(), 'agnes_query_statements_total{outcome="timeout"}'), 0);
  must(200, await server.post('/api/query', { sql: 'SELECT 1' }, asAdmin()));
});

const session = async (email, password) => must(200, await server.post('/auth/token', { email, password })).json.access_token;
const account = async (email) => {
  const user = must(201, await server.post('/api/users', { email, name: 'A' }, asAdmin())).json;
  must(204, await server.post(`/api/users/${user.id}/set-password`, { password: 'first-password-1' }, asAdmin()));
  return { ...user, session: await session(email, 'first-password-1') };
};

const endings = {
  'a password set by an admin': (user) => server.post(`/api/users/${user.id}/set-password`, { password: 'second-password-1' }, asAdmin()),
  'a password reset by a link': async (user) => {
    const { reset_token: secret, reset_url: url } = must(200, await server.post(`/api/users/${user.id}/reset-password`, {}, asAdmin())).json;
    const token = secret ?? new URL(url).searchParams.get('token');
    return server.request('POST', '/auth/password/reset/confirm', { form: { email: user.email, token, password: 'second-password-1', confirm_password: 'second-password-1' } });
  },
  'signing out': (user) => server.post('/auth/logout', undefined, { token: user.session }),
  deactivation: (user) => server.patch(`/api/users/${user.id}`, { active: false }, asAdmin()),
  deletion: (user) => server.delete(`/api/users/${user.id}`, asAdmin()),
};
for (const [name, end] of Object.entries(endings))
  test(`${name} ends what was begun before`, async () => {
    const user = await account(`${name.replaceAll(' ', '-')}@example.com`);
    must(200, await server.get('/auth/tokens', { token: user.session }));
    const answer = await end(user);
    assert.ok(answer.status < 400, answer.text);
    assert.equal((await server.get('/auth/tokens', { token: user.session })).status, 401);
    assert.equal((await server.post('/auth/tokens', { name: 'persist', expires_in_days: null }, { token: user.session })).status, 401);
  });

test('a session that was signed out stays so after a restart; others go on', async () => {
  const user = await account('twice@example.com');
  const other = await session('twice@example.com', 'first-password-1');
  must(204, await server.post('/auth/logout', undefined, { token: user.session }));
  const data = server.data;
  await server.stop();
  server = await startServer({ data });
  assert.equal((await server.get('/auth/tokens', { token: user.session })).status, 401);
  must(200, await server.get('/auth/tokens', { token: other }));
});

test('the page for signing out ends the session and its cookie', async () => {
  const user = await account('browser@example.com');
  const headers = { cookie: `access_token=${user.session}`, accept: 'text/html', host: `127.0.0.1:${server.port}` };
  assert.match(must(200, await server.get('/auth/logout', { headers })).text, /Sign out/);
  const foreign = await server.request('POST', '/auth/logout', { headers: { ...headers, 'sec-fetch-site': 'cross-site' } });
  assert.equal(foreign.status, 403);
  const answer = await server.request('POST', '/auth/logout', { headers: { ...headers, 'sec-fetch-site': 'same-origin' } });
  assert.deepEqual([answer.status, answer.headers.location], [302, '/login']);
  assert.match(answer.headers['set-cookie'].join(), /access_token=; .*Max-Age=0/);
  assert.equal((await server.get('/auth/tokens', { token: user.session })).status, 401);
});

test('an event stream ends with the rights of who reads it', async () => {
  const user = await account('watcher@example.com');
  const admins = must(200, await server.get('/api/admin/groups', asAdmin())).json.find((group) => group.name === 'Admin');
  must(201, await server.post(`/api/admin/groups/${admins.id}/members`, { email: user.email }, asAdmin()));
  const socket = net.connect(server.port, '127.0.0.1');
  socket.write(`GET /api/admin/jobs/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user.session}\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  must(204, await server.delete(`/api/admin/groups/${admins.id}/members/${user.id}`, asAdmin()));
  let over = false;
  ended.then(() => (over = true));
  await server.until('the stream has ended', async () => {
    await server.post('/api/admin/jobs/rebuild/run', {}, asAdmin());
    return over;
  });
});

test('limits of signing in: kept apart, not by links, not by pages of other sites', async (t) => {
  const limited = await startServer({ limits: true, signIn: false });
  t.after(() => limited.stop());
  const right = () => limited.post('/auth/token', { email: adminEmail, password: adminPassword });
  const from = (i) => `127.0.${1 + Math.floor(i / 200)}.${1 + (i % 200)}`;
  const raw = (address, text) =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ port: limited.port, host: '127.0.0.1', localAddress: address });
      let answer = '';
      socket.on('data', (chunk) => (answer += chunk));
      socket.on('close', () => resolve(Number(answer.slice(9, 12))));
      socket.on('error', reject);
      socket.end(text);
    });
  for (let i = 0; i < 60; i += 1) {
    await raw(from(i), `GET /auth/email/verify?email=${adminEmail}&token=bad HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const body = JSON.stringify({ email: adminEmail, password: 'wrong-password-1' });
    assert.equal(await raw(from(i), `POST /auth/token HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://evil.example\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`), 403);
  }
  must(200, await right());
  // A page that somebody of the company reads has their browser fetch it, time and again.
  const embedded = (...more) => raw('127.0.9.1', [`GET /auth/email/verify?email=x@example.com&token=bad HTTP/1.1`, 'Host: x', ...more, 'Connection: close'].join('\r\n') + '\r\n\r\n');
  for (const dest of ['image', 'iframe', 'empty']) for (let i = 0; i < 10; i += 1) assert.equal(await embedded('Sec-Fetch-Site: cross-site', `Sec-Fetch-Mode: ${dest === 'iframe' ? 'navigate' : 'no-cors'}`, `Sec-Fetch-Dest: ${dest}`), 403);
  assert.equal(await embedded('Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'), 401);
});

test('LOCAL_DEV_MODE is for pages and programs of this machine', async (t) => {
  const dev = await startServer({ env: { LOCAL_DEV_MODE: '1' }, signIn: false });
  t.after(() => dev.stop());
  must(200, await dev.get('/api/users', { headers: { host: `localhost:${dev.port}` } }));
  const attacks = [
    ['POST', '/api/users', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['POST', '/api/users', { origin: 'https://evil.example' }],
    ['GET', '/api/users', { host: 'evil.example' }],
    ['POST', '/auth/tokens', { host: 'evil.example' }],
    ['GET', '/api/users', { host: 'localhost.evil.example' }],
    ['GET', '/api/users', { host: '127.0.0.1.evil.example' }],
    ['GET', '/api/users', { host: '[::1]evil' }],
    ['GET', '/api/users', { host: '[::1' }],
    ['GET', '/api/users', { host: '127.0.0.1:80:evil' }],
    ['GET', '/api/users', { host: 'localhost:evil' }],
  ];
  for (const [method, target, headers] of attacks) assert.equal((await dev.request(method, target, { headers, ...(method === 'POST' ? { json: { email: 'evil@example.com', name: 'x' } } : {}) })).status, 403, JSON.stringify(headers));
});

test('files of the server are private, also those of an earlier version', async () => {
  const data = temporaryFolder();
  const first = await startServer({ data });
  await first.stop();
  const { chmodSync } = await import('node:fs');
  for (const name of ['state', 'extracts', 'analytics']) chmodSync(path.join(data, name), 0o755);
  const again = await startServer({ data });
  await again.stop();
  for (const name of ['state', 'extracts', 'analytics']) assert.equal(statSync(path.join(data, name)).mode & 0o077, 0, name);
  for (const name of readdirSync(path.join(data, 'state'))) assert.equal(statSync(path.join(data, 'state', name)).mode & 0o022, 0, name);
});

test('an answer about a wrong number is JSON', async () => {
  const answer = await server.request('POST', '/api/query', { body: '{"sql": "SELECT 1", "limit": 1e400}', headers: { 'content-type': 'application/json' }, ...asAdmin() });
  assert.equal(answer.status, 422);
  assert.equal(answer.json.detail[0].input, null);
});

const secret = 'pa55word-that-nobody-repeats';
const refusals = {
  'sign-in without an email': ['/auth/token', { password: secret }],
  'sign-in with a list': ['/auth/password/login', { password: [secret] }],
  'sign-in with a long one': ['/auth/token', { email: adminEmail, password: secret.repeat(100) }],
  'a link without an email': ['/auth/password/setup', { token: secret, password: secret }],
  'the first account without an email': ['/auth/bootstrap', { password: secret }],
  'a password that is too short': ['/api/users/x/set-password', { password: { text: secret } }],
  'a source without its address': ['/api/admin/configure', { keboola_token: secret, data_source: 5 }],
};
for (const [what, [target, body]] of Object.entries(refusals))
  test(`a refusal repeats no secret: ${what}`, async () => {
    const answer = await server.post(target, body, asAdmin());
    assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
    assert.ok(!answer.text.includes(secret.slice(0, 12)), answer.text);
  });

test('health names and counts only tables of who asks', async () => {
  const user = await account('health@example.com');
  const { services } = must(200, await server.get('/api/health/detailed', { token: user.session })).json;
  assert.deepEqual([services.data.tables ?? 0, services.data.total_rows ?? 0, services.data.stale_tables ?? []], [0, 0, []]);
  assert.deepEqual([services.data.not_served, services.users.count], [undefined, undefined]);
});
