// Accounts, groups, grants and tokens: each route works, refuses who is not signed in, who is not allowed, and bad input.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { must, startServer } from '../lib/server.mjs';

let server, admin, ana, bob;

before(async () => {
  server = await startServer();
  admin = server.admin;
  ana = await server.addUser('ana@example.com');
  bob = await server.addUser('bob@example.com', { name: 'Bob' });
});
after(() => server.stop());

const asAdmin = () => ({ token: admin.token });
const newGroup = async (name) => must(201, await server.post('/api/admin/groups', { name, description: 'a group' }, asAdmin())).json;
const groupNamed = async (name) => must(200, await server.get('/api/admin/groups', asAdmin())).json.find((g) => g.name === name);

// [method, path, who may: admin, user, session or nobody, a body that is well-formed]
const routes = [
  ['GET', '/api/users', 'admin'],
  ['GET', '/api/users/nope', 'admin'],
  ['POST', '/api/users', 'admin', { email: 'x@example.com', name: 'X' }],
  ['PATCH', '/api/users/nope', 'admin', { name: 'X' }],
  ['DELETE', '/api/users/nope', 'admin'],
  ['POST', '/api/users/nope/reset-password', 'admin'],
  ['POST', '/api/users/nope/set-password', 'admin', { password: 'long enough 1' }],
  ['POST', '/api/users/nope/deactivate', 'admin'],
  ['POST', '/api/users/nope/activate', 'admin'],
  ['GET', '/api/admin/groups', 'admin'],
  ['GET', '/api/admin/groups/nope', 'admin'],
  ['POST', '/api/admin/groups', 'admin', { name: 'x' }],
  ['PATCH', '/api/admin/groups/nope', 'admin', { name: 'x' }],
  ['DELETE', '/api/admin/groups/nope', 'admin'],
  ['GET', '/api/admin/groups/nope/members', 'admin'],
  ['POST', '/api/admin/groups/nope/members', 'admin', { email: 'x@example.com' }],
  ['DELETE', '/api/admin/groups/nope/members/nope', 'admin'],
  ['GET', '/api/admin/grants', 'admin'],
  ['POST', '/api/admin/grants', 'admin', { group_id: 'x', resource_type: 'table', resource_id: 'x' }],
  ['DELETE', '/api/admin/grants/nope', 'admin'],
  ['GET', '/api/admin/resource-types', 'admin'],
  ['GET', '/api/admin/access-overview', 'admin'],
  ['GET', '/api/admin/users/nope/memberships', 'admin'],
  ['POST', '/api/admin/users/nope/memberships', 'admin', { group_id: 'x' }],
  ['DELETE', '/api/admin/users/nope/memberships/nope', 'admin'],
  ['GET', '/api/admin/users/nope/effective-access', 'admin'],
  ['GET', '/auth/admin/tokens', 'admin'],
  ['DELETE', '/auth/admin/tokens/nope', 'admin'],
  ['GET', '/api/me/effective-access', 'user'],
  ['GET', '/api/me/profile', 'user'],
  ['POST', '/api/me/onboarded', 'user', {}],
  ['GET', '/auth/tokens', 'user'],
  ['GET', '/auth/tokens/nope', 'user'],
  ['DELETE', '/auth/tokens/nope', 'user'],
  ['POST', '/auth/tokens', 'session', { name: 'x' }],
];

for (const [method, path, who, json] of routes) {
  test(`${method} ${path}: for ${who} only`, async () => {
    const nobody = await server.request(method, path, { json });
    assert.equal(nobody.status, 401);
    assert.equal(nobody.headers['www-authenticate'], 'Bearer');
    assert.equal(typeof nobody.json.detail, 'string');
    const nonsense = await server.request(method, path, { json, token: 'nonsense' });
    assert.equal(nonsense.status, 401);
    if (who === 'admin') assert.equal((await server.request(method, path, { json, token: ana.token })).status, 403);
    // Nothing of the body is looked at before it is known who asks.
    const broken = { body: '{"broken', headers: { 'content-type': 'application/json' } };
    assert.equal((await server.request(method, path, broken)).status, 401);
  });
}

// [method, path, body, status, the fields that a 422 names]
const badInput = [
  ['POST', '/api/users', {}, 422, ['email', 'name']],
  ['POST', '/api/users', { email: 'not an address', name: 'X' }, 422, ['email']],
  ['POST', '/api/users', { email: 'x@example.com\r\nBcc: y@example.com', name: 'X' }, 422, ['email']],
  ['POST', '/api/users', { email: 'аna@example.com', name: 'X' }, 422, ['email']],
  ['POST', '/api/users', { email: ['x@example.com'], name: 'X' }, 422, ['email']],
  ['POST', '/api/users', { email: 'x@example.com', name: 'a\nb' }, 422, ['name']],
  ['POST', '/api/users', { email: 'x@example.com', name: 'x'.repeat(300) }, 422, ['name']],
  ['POST', '/api/users', { email: 'x@example.com', name: 'X', send_invite: 'maybe' }, 422, ['send_invite']],
  ['POST', '/api/users', { email: 'ANA@example.com', name: 'X' }, 409],
  ['PATCH', '/api/users/nope', { name: 5 }, 422, ['name']],
  ['PATCH', '/api/users/nope', { name: 'x' }, 404],
  ['POST', '/api/users/nope/set-password', {}, 422, ['password']],
  ['POST', '/api/users/nope/set-password', { password: 'short' }, 400],
  ['POST', '/api/users/nope/set-password', { password: 'x'.repeat(5000) }, 400],
  ['POST', '/api/users/nope/set-password', { password: 'long enough 1' }, 404],
  ['POST', '/api/users/nope/reset-password', undefined, 404],
  ['POST', '/api/admin/groups', {}, 422, ['name']],
  ['POST', '/api/admin/groups', { name: '' }, 400],
  ['POST', '/api/admin/groups', { name: 'x\u0000y' }, 400],
  ['POST', '/api/admin/groups', { name: 'everyone' }, 409],
  ['POST', '/api/admin/groups', { name: 'x', description: 5 }, 422, ['description']],
  ['POST', '/api/admin/grants', {}, 422, ['group_id', 'resource_id', 'resource_type']],
  ['POST', '/api/admin/grants', { group_id: 'x', resource_type: 'planet', resource_id: 'x' }, 400],
  ['POST', '/api/admin/grants', { group_id: 'x', resource_type: 'table', resource_id: 'x' }, 404],
  ['GET', '/api/admin/grants?resource_type=planet', undefined, 400],
  ['POST', '/api/admin/groups/nope/members', {}, 422, ['email']],
  ['POST', '/api/admin/users/nope/memberships', {}, 422, ['group_id']],
  ['POST', '/api/me/onboarded', { source: 'elsewhere' }, 422, ['source']],
  ['POST', '/api/me/onboarded', { onboarded: null }, 422, ['onboarded']],
  ['POST', '/auth/tokens', {}, 422, ['name']],
  ['POST', '/auth/tokens', { name: '  ' }, 400],
  ['POST', '/auth/tokens', { name: 'x', expires_in_days: 0 }, 400],
  ['POST', '/auth/tokens', { name: 'x', expires_in_days: -1 }, 400],
  ['POST', '/auth/tokens', { name: 'x', expires_in_days: 3651 }, 400],
  ['POST', '/auth/tokens', { name: 'x', ttl_seconds: 315360001 }, 400],
  ['POST', '/auth/tokens', { name: 'x', ttl_seconds: 9007199254740993 }, 400],
  ['POST', '/auth/tokens', { name: 'x', expires_in_days: 'soon' }, 422, ['expires_in_days']],
  ['GET', '/api/users/..%2f..%2fadmin', undefined, 404],
  ['GET', "/api/users/'%20OR%20'1'='1", undefined, 404],
  ['GET', '/api/users/%00', undefined, 400],
];

test('bad input is named', async () => {
  for (const [method, path, json, status, fields] of badInput) {
    const answer = await server.request(method, path, { json, ...asAdmin() });
    assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(json)}: ${answer.text}`);
    if (fields) assert.deepEqual(answer.json.detail.map((d) => d.loc.at(-1)).sort(), fields);
    else assert.equal(typeof answer.json.detail, 'string');
  }
  const users = must(200, await server.get('/api/users', asAdmin())).json;
  assert.equal(users.filter((u) => u.email.startsWith('x@')).length, 0, 'nothing of it was kept');
});

test('the life of an account', async () => {
  const made = must(201, await server.post('/api/users', { email: 'New.Person@Example.com', name: 'New' }, asAdmin())).json;
  assert.equal(made.email, 'New.Person@Example.com');
  assert.deepEqual([made.role, made.is_admin, made.active, made.groups, made.invite_url], ['user', false, true, [], null]);
  assert.match(made.created_at, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
  const path = `/api/users/${made.id}`;
  assert.deepEqual(must(200, await server.get(path, asAdmin())).json, made);
  assert.equal(must(200, await server.patch(path, { name: 'Renamed' }, asAdmin())).json.name, 'Renamed');
  assert.equal(must(200, await server.patch(path, {}, asAdmin())).json.name, 'Renamed');

  const signIn = (password) => server.post('/auth/token', { email: 'new.person@example.com', password });
  assert.equal((await signIn('a-long-password-2')).status, 401);
  must(204, await server.post(`${path}/set-password`, { password: 'a-long-password-2' }, asAdmin()));
  const session = must(200, await signIn('a-long-password-2')).json;
  assert.deepEqual([session.token_type, session.user_id, session.role], ['bearer', made.id, 'user']);
  must(200, await server.get('/api/me/effective-access', { token: session.access_token }));

  const gone = must(200, await server.post(`${path}/deactivate`, undefined, asAdmin())).json;
  assert.equal(gone.active, false);
  assert.ok(gone.deactivated_at);
  assert.equal((await server.get('/api/me/effective-access', { token: session.access_token })).json.detail, 'Account deactivated');
  assert.equal((await signIn('a-long-password-2')).status, 401);
  assert.equal(must(200, await server.post(`${path}/activate`, undefined, asAdmin())).json.deactivated_at, null);
  must(200, await server.get('/api/me/effective-access', { token: session.access_token }));

  must(204, await server.delete(path, asAdmin()));
  assert.equal((await server.get(path, asAdmin())).status, 404);
  assert.equal((await server.get('/api/me/effective-access', { token: session.access_token })).status, 401);
});

test('links for setting a password', async () => {
  const invited = must(201, await server.post('/api/users', { email: 'i+1@example.com', name: 'I', send_invite: true }, asAdmin())).json;
  assert.match(invited.invite_url, /^http:\/\/127\.0\.0\.1:\d+\/auth\/password\/setup\?email=i%2B1%40example\.com&token=[\w-]{40,}$/);
  assert.equal(invited.invite_email_sent, false);
  const link = new URL(invited.invite_url);
  const shown = must(200, await server.get(link.pathname + link.search));
  assert.match(shown.headers['content-type'], /^text\/html/);
  assert.match(shown.headers['referrer-policy'], /^(no-referrer|same-origin)$/);
  assert.ok(shown.text.includes('value="i+1@example.com"'));
  const fields = { email: invited.email, token: link.searchParams.get('token') };
  const form = (extra) => server.request('POST', '/auth/password/setup/confirm', { form: { ...fields, ...extra } });
  assert.match(must(200, await form({ password: 'a-long-password-1', confirm_password: 'another' })).text, /role="alert"/);
  assert.match(must(200, await form({ password: 'short', confirm_password: 'short' })).text, /role="alert"/);
  assert.match(must(200, await form({ token: 'x', password: 'a-long-password-1', confirm_password: 'a-long-password-1' })).text, /role="alert"/);
  const done = must(302, await form({ password: 'a-long-password-1', confirm_password: 'a-long-password-1', name: 'Ida' }));
  assert.equal(done.headers.location, '/dashboard');
  must(200, await server.get('/api/me/effective-access', { headers: { cookie: done.headers['set-cookie'][0].split(';')[0] } }));
  assert.equal(must(200, await server.get(`/api/users/${invited.id}`, asAdmin())).json.name, 'Ida');
  assert.match(must(200, await form({ password: 'a-long-password-1', confirm_password: 'a-long-password-1' })).text, /role="alert"/);

  const reset = must(200, await server.post(`/api/users/${invited.id}/reset-password`, undefined, asAdmin())).json;
  assert.equal(reset.email_sent, false);
  const token = new URL(reset.reset_url).searchParams.get('token');
  const again = { email: invited.email, token, password: 'a-long-password-2', confirm_password: 'a-long-password-2' };
  const set = must(302, await server.request('POST', '/auth/password/reset/confirm', { form: again }));
  assert.equal(set.headers.location, '/login/password?msg=password_reset');
  must(200, await server.post('/auth/token', { email: invited.email, password: 'a-long-password-2' }));

  const other = must(201, await server.post('/api/users', { email: 'other@example.com', name: 'O', send_invite: true }, asAdmin())).json;
  const secret = new URL(other.invite_url).searchParams.get('token');
  const json = { email: other.email, token: secret, password: 'a-long-password-3' };
  assert.equal((await server.post('/auth/password/setup', { ...json, token: 'x' })).status, 400);
  assert.equal((await server.post('/auth/password/setup', { ...json, email: 'ghost@example.com' })).status, 400);
  const made = must(200, await server.post('/auth/password/setup', json)).json;
  must(200, await server.get('/api/me/effective-access', { token: made.access_token }));
  assert.equal((await server.post('/auth/password/setup', json)).status, 400);
});

test('bad links', async () => {
  for (const kind of ['setup', 'reset']) {
    for (const query of ['', '?email=a%40b', '?token=x'])
      assert.equal(must(302, await server.get(`/auth/password/${kind}${query}`)).headers.location, '/login/password');
    const odd = must(200, await server.get(`/auth/password/${kind}?email=${encodeURIComponent('"><script>alert(1)</script>')}&token=${encodeURIComponent("'><b>")}`));
    assert.doesNotMatch(odd.text, /<script>|<b>/);
    const empty = must(422, await server.request('POST', `/auth/password/${kind}/confirm`));
    assert.deepEqual(empty.json.detail.map((d) => d.loc.at(-1)).sort(), ['confirm_password', 'email', 'password', 'token']);
  }
  assert.equal((await server.post('/auth/password/setup', {})).json.detail.length, 3);
});

test('an admin cannot lock everybody out', async () => {
  const me = `/api/users/${admin.id}`;
  const admins = await groupNamed('Admin');
  for (const [method, path, json] of [
    ['POST', `${me}/deactivate`],
    ['PATCH', me, { active: false }],
    ['DELETE', me],
    ['DELETE', `/api/admin/groups/${admins.id}/members/${admin.id}`],
    ['DELETE', `/api/admin/users/${admin.id}/memberships/${admins.id}`],
    ['DELETE', `/api/admin/groups/${admins.id}`],
    ['PATCH', `/api/admin/groups/${admins.id}`, { name: 'Boss' }],
  ])
    assert.equal((await server.request(method, path, { json, ...asAdmin() })).status, 409, `${method} ${path}`);
});

test('groups, members and what they may read', async () => {
  const group = await newGroup('sales');
  assert.match(group.id, /^[0-9a-f]{32}$/);
  assert.deepEqual([group.origin, group.is_system, group.created_by, group.member_count], ['custom', false, admin.email, 0]);
  const path = `/api/admin/groups/${group.id}`;
  const member = must(201, await server.post(`${path}/members`, { email: 'BOB@example.com' }, asAdmin())).json;
  assert.deepEqual([member.user_id, member.source, member.added_by], [bob.id, 'admin', admin.email]);
  assert.equal((await server.post(`${path}/members`, { email: bob.email }, asAdmin())).status, 409);
  assert.equal((await server.post(`${path}/members`, { email: 'ghost@example.com' }, asAdmin())).status, 404);
  assert.deepEqual(must(200, await server.get(`${path}/members`, asAdmin())).json.map((m) => m.email), [bob.email]);

  const grant = must(201, await server.post('/api/admin/grants', { group_id: group.id, resource_type: 'memory_domain', resource_id: 'finance' }, asAdmin())).json;
  assert.equal(grant.group_name, 'sales');
  assert.equal((await server.post('/api/admin/grants', { group_id: group.id, resource_type: 'memory_domain', resource_id: 'finance' }, asAdmin())).status, 409);
  assert.equal((await server.post('/api/admin/grants', { group_id: group.id, resource_type: 'table', resource_id: 'no_such_table' }, asAdmin())).status, 404);
  assert.deepEqual(must(200, await server.get(`/api/admin/grants?group_id=${group.id}`, asAdmin())).json, [grant]);
  assert.deepEqual(must(200, await server.get(`/api/admin/grants?group_id=${group.id}&resource_type=table`, asAdmin())).json, []);

  const expected = { is_admin: false, items: [{ resource_type: 'memory_domain', resource_id: 'finance', via_groups: [{ group_id: group.id, group_name: 'sales' }] }] };
  assert.deepEqual(must(200, await server.get('/api/me/effective-access', { token: bob.token })).json, expected);
  assert.deepEqual(must(200, await server.get(`/api/admin/users/${bob.id}/effective-access`, asAdmin())).json, expected);
  assert.deepEqual(must(200, await server.get('/api/me/effective-access', { token: ana.token })).json.items, []);

  const renamed = must(200, await server.patch(path, { name: 'Vertrieb' }, asAdmin())).json;
  assert.deepEqual([renamed.name, renamed.member_count, renamed.grant_count], ['Vertrieb', 1, 1]);
  const memberships = must(200, await server.get(`/api/admin/users/${bob.id}/memberships`, asAdmin())).json;
  assert.deepEqual(memberships.map((m) => [m.group_name, m.source, m.origin]), [['Vertrieb', 'admin', 'custom']]);
  const overview = must(200, await server.get('/api/admin/access-overview', asAdmin())).json;
  assert.deepEqual(overview.resources.map((r) => r.type_key), ['marketplace_plugin', 'table', 'memory_domain']);
  assert.ok(overview.grants.some((g) => g.id === grant.id));

  must(204, await server.delete(`/api/admin/grants/${grant.id}`, asAdmin()));
  assert.deepEqual(must(200, await server.get('/api/me/effective-access', { token: bob.token })).json.items, []);
  must(204, await server.delete(`${path}/members/${bob.id}`, asAdmin()));
  assert.equal((await server.delete(`${path}/members/${bob.id}`, asAdmin())).status, 404);
  must(201, await server.post(`/api/admin/users/${ana.id}/memberships`, { group_id: group.id }, asAdmin()));
  must(204, await server.delete(path, asAdmin()));
  assert.deepEqual(must(200, await server.get(`/api/admin/users/${ana.id}/memberships`, asAdmin())).json, []);
});

test('an admin is one from the next request on, and no longer', async () => {
  const admins = await groupNamed('Admin');
  assert.equal((await server.get('/api/users', { token: bob.token })).status, 403);
  must(201, await server.post(`/api/admin/users/${bob.id}/memberships`, { group_id: admins.id }, asAdmin()));
  must(200, await server.get('/api/users', { token: bob.token }));
  must(204, await server.delete(`/api/admin/users/${bob.id}/memberships/${admins.id}`, asAdmin()));
  assert.equal((await server.get('/api/users', { token: bob.token })).status, 403);
});

test('personal tokens', async () => {
  const make = (json, who = ana) => server.post('/auth/tokens', json, { token: who.token });
  const made = must(201, await make({ name: 'laptop', expires_in_days: 30 })).json;
  assert.match(made.prefix, /^[0-9a-f]{8}$/);
  assert.match(made.expires_at, /\+00:00$/);
  const lives = Date.parse(made.expires_at.replace(' ', 'T')) - Date.now();
  assert.ok(lives > 29.9 * 86400e3 && lives < 30.1 * 86400e3);
  must(200, await server.get('/api/me/effective-access', { token: made.token }));
  const seen = must(200, await server.get(`/auth/tokens/${made.id}`, { token: made.token })).json;
  assert.ok(seen.last_used_at, 'a use is seen at once');
  assert.equal(seen.token, undefined, 'it is shown once');
  assert.equal((await make({ name: 'x' }, made)).status, 403, 'a token makes no tokens');

  assert.equal((await server.get(`/auth/tokens/${made.id}`, { token: bob.token })).status, 404);
  assert.equal((await server.delete(`/auth/tokens/${made.id}`, { token: bob.token })).status, 404);
  const all = must(200, await server.get('/auth/admin/tokens', asAdmin())).json.find((t) => t.id === made.id);
  assert.deepEqual([all.user_id, all.user_email, all.last_used_ip], [ana.id, ana.email, '127.0.0.1']);
  must(204, await server.delete(`/auth/tokens/${made.id}`, { token: ana.token }));
  assert.equal((await server.get('/api/me/effective-access', { token: made.token })).json.detail, 'Token revoked');

  const forever = must(201, await make({ name: 'ci', expires_in_days: null })).json;
  assert.equal(forever.expires_at, null);
  must(204, await server.delete(`/auth/admin/tokens/${forever.id}`, asAdmin()));
  assert.equal((await server.get('/api/me/effective-access', { token: forever.token })).status, 401);
  assert.equal(must(200, await server.get('/auth/tokens', { token: ana.token })).json.length, 2);

  const first = must(201, await make({ name: 'first', scope: 'bootstrap-analyst', expires_in_days: 30 })).json;
  assert.ok(Date.parse(first.expires_at.replace(' ', 'T')) - Date.now() <= 3600e3);
});

test('onboarded', async () => {
  assert.deepEqual(must(200, await server.post('/api/me/onboarded', {}, { token: ana.token })).json, { status: 'ok', onboarded: true });
  assert.deepEqual(must(200, await server.request('POST', '/api/me/onboarded', { token: ana.token })).json, { status: 'ok', onboarded: true });
  const off = await server.post('/api/me/onboarded', { onboarded: false, source: 'self_unmark' }, { token: ana.token });
  assert.equal(must(200, off).json.onboarded, false);
  assert.deepEqual(must(200, await server.get('/api/me/profile', { token: ana.token })).json, { id: ana.id, email: ana.email, name: 'Some One', is_admin: false, onboarded: false });
});
