// Random changes of who may see what, and a small model (tests/lib/access-model.mjs) that says what must come of them:
// every answer has the status that it predicts, and after each batch all that the server says of access, and all that
// it lets each account see, is as in the model; so too after the server was stopped or killed and has read its file.
//
// AGNES_MODEL_SEED=N repeats a run, AGNES_MODEL_OPERATIONS=N makes it longer.
import assert from 'node:assert/strict';
import { createHmac, randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { AccessModel, randomNumbers } from '../lib/access-model.mjs';
import { must, startServer } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const seed = Number(process.env.AGNES_MODEL_SEED ?? randomInt(2 ** 31));
const operations = Number(process.env.AGNES_MODEL_OPERATIONS ?? 400);
const batch = 25;
const tables = ['alpha', 'beta', 'delta', 'gamma'];
const mostUsers = 8;

const random = randomNumbers(seed);
const history = [];
let server;
let site;
let model;
before(async () => {
  site = await startSite(Object.fromEntries(tables.map((table) => [`${table}.csv`, 'id\n1\n'])));
  await site.sync();
  server = site;
  model = new AccessModel(tables, site.admin.id);
  model.users.set(site.admin.id, { email: site.admin.email, name: 'Admin', active: true });
  for (const { id, name } of (await read('/api/admin/groups')).json)
    model.groups.set(id, { name, system: true, members: new Map(name === 'Admin' ? [[site.admin.id, 'system_seed']] : []), grants: new Map() });
});
after(() => server.stop());

// A session, as signing in gives it: to sign in costs a tenth of a second each time.
function session(id) {
  const now = Math.floor(Date.now() / 1000);
  const payload = { sub: id, email: 'x@example.com', typ: 'session', iat: now, jti: '', exp: now + 3600 };
  const text = ['{"alg":"HS256","typ":"JWT"}', JSON.stringify(payload)].map((part) => Buffer.from(part).toString('base64url')).join('.');
  return `${text}.${createHmac('sha256', 'a-secret-for-tests-of-more-than-32-characters').update(text).digest('base64url')}`;
}
const read = async (path, token = session(site.admin.id)) => must(200, await server.get(path, { token }));
const sorted = (list) => [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

// One operation: by the admin who is always there, or by anybody, signed in or with a token of theirs.
function choose() {
  const everybody = [...model.users.keys(), ...[...model.gone.keys()].slice(-2)];
  const others = everybody.filter((id) => id !== site.admin.id);
  const by = others.length === 0 || random.chance(0.7) ? site.admin.id : random.of(others);
  const own = [...model.tokens].filter(([, token]) => token.user === by);
  const pat = own.length > 0 && random.chance(0.3) ? random.of(own)[1] : undefined;
  const user = () => random.of(everybody);
  // Nobody else takes the account from under the test.
  const victim = () => (by === site.admin.id || others.length === 0 ? user() : random.of(others));
  const group = () => (random.chance(0.05) ? 'f'.repeat(32) : random.of([...model.groups.keys()]));
  const table = () => (random.chance(0.05) ? 'nothing' : random.of(tables));
  const grants = [...model.groups.values()].flatMap(({ grants }) => [...grants.values()]);
  const member = () => {
    const all = [...model.groups].flatMap(([id, { members }]) => [...members.keys()].map((who) => [id, who]));
    return all.length > 0 && random.chance(0.8) ? random.of(all) : [group(), user()];
  };
  const more = [
    () => model.createUser(`user${random.below(mostUsers)}@example.com`, `Name ${random.below(100)}`),
    () => model.createUser(`user${random.below(mostUsers)}@example.com`, `Name ${random.below(100)}`),
    () => model.changeUser(user(), { name: `Name ${random.below(100)}` }),
    () => model.changeUser(victim(), random.chance(0.7) || by !== site.admin.id ? { active: true } : { name: 'Both', active: true }),
    () => model.activate(victim(), false, by),
    () => model.activate(user(), true, by),
    () => model.deleteUser(victim(), by),
    () => model.createGroup(random.of(['Sales', 'sales', 'Ops', 'Research', 'Finance', 'Admin'])),
    () => model.renameGroup(group(), random.of(['Sales', 'SALES', 'Ops', 'Legal', 'Finance', 'everyone'])),
    () => model.deleteGroup(group()),
    ...Array(5).fill(() => model.addMember(group(), user(), random.chance(0.5))),
    ...Array(3).fill(() => model.removeMember(...member(), by, random.chance(0.5))),
    ...Array(5).fill(() => model.grant(group(), table())),
    ...Array(3).fill(() => model.revoke(grants.length > 0 && random.chance(0.9) ? random.of(grants) : 'no-such-grant')),
  ];
  const tokens = [...model.tokens.keys()];
  const forAll = [() => model.createToken(`token ${random.below(100)}`, by)];
  if (tokens.length > 0) forAll.push(() => model.revokeToken(random.of(tokens), by, false));
  if (tokens.length > 0) more.push(() => model.revokeToken(random.of(tokens), by, true));
  const isForAll = random.chance(by === site.admin.id ? 0.05 : 0.4);
  const made = random.of(isForAll ? forAll : more)();
  // Who may not ask at all learns nothing of what there is.
  if (model.refusal(by) || pat?.revoked) made.status = 401;
  else if (isForAll ? pat && made.path === '/auth/tokens' : !model.isAdmin(by)) made.status = 403;
  return { ...made, by, token: pat?.text ?? session(by) };
}

async function operate() {
  const { method, path, json, status, apply, by, token } = choose();
  const what = `${method} ${path} ${JSON.stringify(json) ?? ''} by ${model.users.get(by)?.email ?? `deleted ${by}`}`;
  history.push(what);
  const answer = await server.request(method, path, { json, token });
  assert.equal(answer.status, status, `${what}: ${answer.text}`);
  if (status < 300) apply(answer.json);
}

// What the lists for admins say.
async function compareLists() {
  const group = (id, { name, system }) => ({ id, name, is_system: system });
  assert.deepEqual(
    sorted((await read('/api/users')).json.map(({ id, email, name, active, is_admin, groups }) => ({ id, email, name, active, is_admin, groups: sorted(groups.map(({ id, name, is_system }) => ({ id, name, is_system }))) }))),
    sorted([...model.users].map(([id, { email, name, active }]) => ({ id, email, name, active, is_admin: model.isAdmin(id), groups: sorted(model.groupsOf(id).map(([id, known]) => group(id, known))) }))),
  );
  assert.deepEqual(
    sorted((await read('/api/admin/groups')).json.map(({ id, name, is_system, member_count, grant_count }) => ({ id, name, is_system, member_count, grant_count }))),
    sorted([...model.groups].map(([id, known]) => ({ ...group(id, known), member_count: known.members.size, grant_count: known.grants.size }))),
  );
  assert.deepEqual(
    sorted((await read('/api/admin/grants')).json.map(({ id, group_id, group_name, resource_type, resource_id }) => ({ id, group_id, group_name, resource_type, resource_id }))),
    sorted([...model.groups].flatMap(([group_id, { name, grants }]) => [...grants].map(([resource_id, id]) => ({ id, group_id, group_name: name, resource_type: 'table', resource_id })))),
  );
  for (const [id, { members }] of model.groups)
    assert.deepEqual(
      sorted((await read(`/api/admin/groups/${id}/members`)).json.map(({ user_id, source, active }) => ({ user_id, source, active }))),
      sorted([...members].map(([user_id, source]) => ({ user_id, source, active: model.users.get(user_id).active }))),
    );
  assert.deepEqual(
    sorted((await read('/auth/admin/tokens')).json.map(({ id, user_id, revoked_at }) => ({ id, user_id, revoked: revoked_at !== null }))),
    sorted([...model.tokens].map(([id, { user, revoked }]) => ({ id, user_id: user, revoked }))),
  );
}

// What a caller sees who is `id`, by this token.
async function compareView(id, token) {
  const seen = model.visible(id);
  const expected = {
    is_admin: model.isAdmin(id),
    items: tables
      .map((table) => ({ resource_type: 'table', resource_id: table, via_groups: model.groupsOf(id).filter(([, { grants }]) => grants.has(table)).map(([group_id, { name }]) => ({ group_id, group_name: name })) }))
      .filter(({ via_groups }) => via_groups.length > 0),
  };
  const access = async (path, by) => {
    const { json } = await read(path, by);
    assert.deepEqual({ ...json, items: json.items.map((item) => ({ ...item, via_groups: sorted(item.via_groups) })) }, { ...expected, items: expected.items.map((item) => ({ ...item, via_groups: sorted(item.via_groups) })) });
  };
  await access('/api/me/effective-access', token);
  await access(`/api/admin/users/${id}/effective-access`);
  assert.deepEqual(sorted(Object.keys((await read('/api/sync/manifest', token)).json.tables)), seen, 'the manifest');
  for (const path of ['/api/v2/catalog', '/api/catalog/tables'])
    assert.deepEqual(sorted((await read(path, token)).json.tables.map((table) => table.id)), seen, path);
  for (const table of tables)
    assert.equal((await server.get(`/api/data/${table}/check-access`, { token })).status, seen.includes(table) ? 204 : 403, `check-access of ${table}`);
}

async function compare() {
  await compareLists();
  for (const id of [...model.users.keys(), ...model.gone.keys()]) {
    const refusal = model.refusal(id);
    if (!refusal) {
      await compareView(id, session(id));
      continue;
    }
    for (const path of ['/api/me/effective-access', '/api/sync/manifest', `/api/data/${tables[0]}/check-access`])
      assert.equal((await server.get(path, { token: session(id) })).status, 401, path);
  }
  for (const [, { user, text, revoked }] of model.tokens) {
    const answer = await server.get('/api/catalog/tables', { token: text });
    assert.equal(answer.status, revoked || model.refusal(user) ? 401 : 200, answer.text);
    if (answer.status === 200) assert.deepEqual(sorted(answer.json.tables.map((table) => table.id)), model.visible(user), 'by a token');
  }
}

test(`access is as a model says (AGNES_MODEL_SEED=${seed})`, async () => {
  try {
    await compare();
    for (let done = 0; done < operations; ) {
      for (let i = 0; i < batch && done < operations; i += 1, done += 1) await operate();
      await compare();
      if (!random.chance(0.25)) continue;
      const end = random.of(['stop', 'kill']);
      history.push(end);
      await server[end]();
      server = await startServer({ data: site.data, config: site.config, signIn: false });
      await compare();
    }
  } catch (error) {
    error.message = `AGNES_MODEL_SEED=${seed}, after ${history.length} steps: ${error.message}\nThe last steps:\n  ${history.slice(-30).join('\n  ')}`;
    throw error;
  }
});
