// What holds around accounts whatever is asked: every change is audited, every way in is limited, callers' addresses are
// their own, and no answer does without the headers that protect browsers.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { adminEmail, adminPassword, must, startServer, temporaryFolder } from '../lib/server.mjs';

const proxied = { AGNES_TRUSTED_PROXIES: '127.0.0.1' };
const from = (address, extra = {}) => ({ headers: { 'x-forwarded-for': address, ...extra } });

test('every change of access says who did what to whom, from where', async () => {
  const server = await startServer({ env: proxied });
  const options = { token: server.admin.token, ...from('10.0.0.7') };
  const call = async (status, method, target, json) => must(status, await server.request(method, target, { json, ...options })).json;
  const seen = new Set();
  // `resource` may be a function, of the answer. The latest entry is the change; nothing else was written.
  const change = async (action, resource, status, method, target, json, params = {}) => {
    const answer = await call(status, method, target, json);
    const { entries } = must(200, await server.get('/api/admin/audit', { token: server.admin.token })).json;
    const fresh = entries.filter((entry) => !seen.has(entry.id));
    entries.forEach((entry) => seen.add(entry.id));
    assert.equal(fresh.length, 1, `${method} ${target}: ${JSON.stringify(fresh.map((entry) => entry.action))}`);
    const [entry] = fresh;
    assert.deepEqual([entry.action, entry.resource], [action, typeof resource === 'function' ? resource(answer) : resource], `${method} ${target}`);
    assert.deepEqual([entry.user_id, entry.user_email, entry.params.ip], [server.admin.id, adminEmail, '10.0.0.7'], action);
    for (const [name, value] of Object.entries(params)) assert.deepEqual(entry.params[name], value, `${action} ${name}`);
    assert.ok(Math.abs(Date.parse(`${entry.timestamp.replace(' ', 'T').replace(/(Z|\+00:00)?$/, 'Z')}`) - Date.now()) < 600e3, entry.timestamp);
    assert.ok(!JSON.stringify(entry).includes('a-long-password-1'));
    return answer;
  };
  const { entries } = must(200, await server.get('/api/admin/audit', { token: server.admin.token })).json;
  entries.forEach((entry) => seen.add(entry.id));

  const user = await change('user.create', (made) => `user:${made.id}`, 201, 'POST', '/api/users', { email: 'ana@example.com', name: 'Ana' }, { email: 'ana@example.com' });
  const at = `/api/users/${user.id}`;
  const whom = `user:${user.id}`;
  await change('user.update', whom, 200, 'PATCH', at, { name: 'Anna' });
  await change('user.update', whom, 200, 'POST', `${at}/deactivate`);
  await change('user.update', whom, 200, 'POST', `${at}/activate`);
  await change('user.set_password', whom, 204, 'POST', `${at}/set-password`, { password: 'a-long-password-1' });
  await change('user.reset_password', whom, 200, 'POST', `${at}/reset-password`);
  const group = await change('user_group.created', (made) => `group:${made.id}`, 201, 'POST', '/api/admin/groups', { name: 'sales' }, { name: 'sales' });
  const there = `/api/admin/groups/${group.id}`;
  const which = `group:${group.id}`;
  await change('user_group.updated', which, 200, 'PATCH', there, { description: 'they sell' });
  const member = { group_id: group.id, user_id: user.id };
  await change('user_group.member_added', which, 201, 'POST', `${there}/members`, { email: user.email }, member);
  await change('user_group.member_removed', which, 204, 'DELETE', `${there}/members/${user.id}`, undefined, member);
  await change('user_group.member_added', whom, 201, 'POST', `/api/admin/users/${user.id}/memberships`, { group_id: group.id }, member);
  await change('user_group.member_removed', whom, 204, 'DELETE', `/api/admin/users/${user.id}/memberships/${group.id}`, undefined, member);
  const wish = { group_id: group.id, resource_type: 'memory_domain', resource_id: 'finance' };
  const grant = await change('resource_grant.created', (made) => `grant:${made.id}`, 201, 'POST', '/api/admin/grants', wish, wish);
  await change('resource_grant.deleted', `grant:${grant.id}`, 204, 'DELETE', `/api/admin/grants/${grant.id}`, undefined, wish);
  await change('user_group.deleted', which, 204, 'DELETE', there, undefined, { name: 'sales' });
  const first = await change('token.create', (made) => `token:${made.id}`, 201, 'POST', '/auth/tokens', { name: 'laptop' }, { name: 'laptop' });
  await change('token.revoke', `token:${first.id}`, 204, 'DELETE', `/auth/tokens/${first.id}`);
  const second = await change('token.create', (made) => `token:${made.id}`, 201, 'POST', '/auth/tokens', { name: 'ci' });
  await change('token.admin_revoke', `token:${second.id}`, 204, 'DELETE', `/auth/admin/tokens/${second.id}`, undefined, { owner_id: server.admin.id });
  await change('user.delete', whom, 204, 'DELETE', at, undefined, { email: 'ana@example.com' });

  // What was refused changed nothing and is not a change.
  for (const [method, target, json, status] of [['POST', '/api/admin/groups', { name: 'everyone' }, 409], ['DELETE', `/api/users/${server.admin.id}`, undefined, 409]]) await call(status, method, target, json);
  const after = must(200, await server.get('/api/admin/audit', { token: server.admin.token })).json.entries;
  assert.ok(after.every((entry) => seen.has(entry.id)));

  // Signing in is one, whoever tries; its outcome says how it went.
  must(401, await server.post('/auth/token', { email: adminEmail, password: 'wrong' }, from('10.0.0.8')));
  must(401, await server.post('/auth/token', { email: 'ghost@example.com', password: 'wrong' }, from('10.0.0.8')));
  must(200, await server.post('/auth/token', { email: adminEmail, password: adminPassword }, from('10.0.0.8')));
  const tries = must(200, await server.get('/api/admin/audit?resource=auth&limit=3', { token: server.admin.token })).json.entries;
  assert.deepEqual(tries.map((entry) => [entry.action, entry.result, entry.params.ip]), [
    ['token_created', null, '10.0.0.8'], ['login_failed', 'unknown_account', '10.0.0.8'], ['login_failed', 'invalid_password', '10.0.0.8'],
  ]);
  await server.stop();
});

test('a token that is used from a new address is audited, and the address is the one behind the proxy', async () => {
  const data = temporaryFolder();
  const server = await startServer({ data, env: proxied });
  const { id, token } = must(201, await server.post('/auth/tokens', { name: 'laptop' }, { token: server.admin.token })).json;
  const use = async (address) => must(200, await server.get('/api/me/effective-access', { token, ...from(address) }));
  const lastUse = async () => must(200, await server.get(`/auth/tokens/${id}`, { token: server.admin.token })).json.last_used_at;
  assert.equal(await lastUse(), null);
  await use('10.0.0.1');
  await use('10.0.0.1, 192.0.2.2, 127.0.0.1'); // what its own proxy wrote last counts, not what the client made up before it
  assert.ok(await lastUse());
  const shown = must(200, await server.get('/auth/admin/tokens', { token: server.admin.token })).json.find((t) => t.id === id);
  assert.equal(shown.last_used_ip, '192.0.2.2');
  await server.stop(); // writes what is to be written
  const again = await startServer({ data });
  must(200, await again.get('/api/me/effective-access', { token: again.admin.token, ...from('10.9.9.9') }));
  const { entries } = must(200, await again.get(`/api/admin/audit?resource=token:${id}&action=token.first_use_new_ip`, { token: again.admin.token })).json;
  assert.deepEqual(entries.map((entry) => [entry.user_id, entry.params.ip, entry.params.previous_ip]), [[server.admin.id, '192.0.2.2', '10.0.0.1']]);
  await again.stop();
});

test('a personal token is a password, too, as git sends it', async () => {
  const server = await startServer();
  const asAdmin = { token: server.admin.token };
  const made = must(201, await server.post('/auth/tokens', { name: 'git' }, asAdmin)).json;
  const basic = (text) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
  const me = (headers) => server.get('/api/me/effective-access', { headers });
  for (const name of ['x', '', adminEmail, 'x-access-token']) must(200, await me(basic(`${name}:${made.token}`)));
  for (const authorization of [`basic ${Buffer.from(`x:${made.token}`).toString('base64')}`, `BASIC  ${Buffer.from(`x:${made.token}`).toString('base64')}`]) must(200, await me({ authorization }));
  assert.equal((await server.post('/auth/tokens', { name: 'x' }, { headers: basic(`x:${made.token}`) })).status, 403, 'a token makes no tokens');
  const attacks = {
    'a session': basic(`x:${server.admin.token}`),
    'the password of the account': basic(`${adminEmail}:${adminPassword}`),
    'as the name': basic(`${made.token}:`),
    'without a name': basic(made.token),
    'a part of it': basic(`x:${made.token.slice(0, -1)}`),
    'more than it': basic(`x:y:${made.token}`),
    'no base64': { authorization: 'Basic %%%' },
    'nothing': { authorization: 'Basic ' },
    'twice': { authorization: `${basic(`x:${made.token}`).authorization}, ${basic(`x:${made.token}`).authorization}` },
  };
  for (const [name, headers] of Object.entries(attacks)) assert.equal((await me(headers)).status, 401, name);
  // A browser may have been given it, and would send it for any page that asks.
  const change = (headers) => server.post('/api/me/onboarded', {}, { headers: { ...basic(`x:${made.token}`), ...headers } });
  must(200, await change({}));
  must(403, await change({ 'sec-fetch-site': 'cross-site' }));
  must(403, await change({ origin: 'https://evil.example' }));
  // A proxy's own password does not keep out who is signed in.
  must(200, await me({ ...basic('office:door'), cookie: `access_token=${server.admin.token}` }));
  must(204, await server.delete(`/auth/tokens/${made.id}`, asAdmin));
  assert.equal(must(401, await me(basic(`x:${made.token}`))).json.detail, 'Token revoked');
  await server.stop();
});

test('every way in is limited per address, and says when to come back', async () => {
  const config = temporaryFolder();
  writeFileSync(path.join(config, 'instance.yaml'), 'auth:\n  google_client_id: id\n  google_client_secret: a-secret\n  google_issuer: http://127.0.0.1:9\n');
  const server = await startServer({ config, limits: true, env: proxied });
  const email = 'ghost@example.com';
  const link = { email, token: 'x' };
  const set = { ...link, password: 'a-long-password-1', confirm_password: 'a-long-password-1' };
  const ways = [
    ['POST', '/auth/token', { json: { email, password: 'x' } }, 10],
    ['POST', '/auth/password/login', { json: { email, password: 'x' } }, 10],
    ['POST', '/auth/password/login/web', { form: { email, password: 'x' } }, 10],
    ['POST', '/auth/bootstrap', { json: { email, password: 'a-long-password-1' } }, 3],
    ['POST', '/first-time-setup', { form: { ...set, token: undefined } }, 3],
    ['POST', '/auth/password/setup', { json: set }, 10],
    ['POST', '/auth/password/setup/confirm', { form: set }, 10],
    ['POST', '/auth/password/reset/confirm', { form: set }, 10],
    ['POST', '/auth/email/verify', { json: link }, 10],
    ['GET', '/auth/email/verify?email=ghost@example.com&token=x', {}, 10],
    ['POST', '/auth/email/send-link', { json: { email } }, 5],
    ['POST', '/login/email', { form: { email } }, 5],
    ['POST', '/auth/password/reset', { form: { email } }, 5],
    ['POST', '/auth/password/setup/request', { form: { email } }, 5],
    ['GET', '/auth/google/login', {}, 60],
    ['GET', '/auth/google/callback', {}, 60],
  ];
  for (const [i, [method, target, body, count]] of ways.entries()) {
    const other = `person${i}@example.com`;  // an account's own limit is another matter
    const own = JSON.parse(JSON.stringify(body).replaceAll(email, other));
    const go = () => server.request(method, target.replace(email, other), { ...own, ...from(`10.1.0.${i}`) });
    for (let n = 0; n < count; n++) assert.ok(![429, 500].includes((await go()).status), `${method} ${target}, number ${n + 1}`);
    // On a slow machine some of what was taken has come back meanwhile.
    let refused = await go();
    for (let n = 0; n < 3 * count && refused.status !== 429; n++) refused = await go();
    must(429, refused);
    assert.ok(Number(refused.headers['retry-after']) > 0, target);
    assert.match(refused.json.detail, /try again/);
  }
  must(200, await server.get('/api/me/effective-access', { token: server.admin.token }));
  await server.stop();
});

test('wrong passwords for an account lock out whoever sends them, and never its owner', async () => {
  const server = await startServer({ limits: true, env: proxied });
  const go = (address, password, email = adminEmail) => server.post('/auth/token', { email, password }, from(address));
  const known = '10.4.0.1';
  must(200, await go(known, adminPassword));
  // Two strangers, and then many. On a slow machine some of what was taken has come back meanwhile.
  const exhaust = async (address) => {
    let tries = 0;
    while (tries < 60 && (await go(address, 'wrong', tries % 3 ? adminEmail : adminEmail.toUpperCase())).status === 401) tries += 1;
    assert.ok(Number(must(429, await go(address, adminPassword)).headers['retry-after']) > 0);
    return tries;
  };
  for (const address of ['10.2.0.1', '10.2.1.1']) assert.ok((await exhaust(address)) >= 10);
  for (let i = 0; i < 10; i++) await go(`10.3.${i}.1`, 'wrong');
  await exhaust('10.3.0.1');
  must(200, await go('10.5.0.1', adminPassword));
  must(401, await go(known, 'wrong'));
  must(200, await go(known, adminPassword));
  must(401, await go('10.2.0.2', 'wrong', 'other@example.com'));
  must(200, await server.get('/api/users', { token: server.admin.token }));
  await server.stop();
});

test('answers carry the headers that protect browsers', async () => {
  const server = await startServer();
  for (const target of ['/api/health', '/api/users', '/login', '/auth/tokens', '/nowhere', '/docs', '/openapi.json']) {
    const { headers } = await server.get(target, { token: server.admin.token });
    assert.equal(headers['x-content-type-options'], 'nosniff', target);
    assert.ok(headers['x-frame-options'] || /frame-ancestors/.test(headers['content-security-policy'] ?? ''), target);
    assert.ok(headers['referrer-policy'], target);
    assert.equal(headers.server?.includes('/'), headers.server === undefined ? undefined : false, 'no version is told');
    assert.equal(headers['access-control-allow-origin'], undefined, target);
  }
  await server.stop();
});
