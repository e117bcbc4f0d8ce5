// What a grant opens is one table, at every door, whatever is registered, renamed, unregistered, granted, and whichever
// sources come and go. Random operations against a model; AGNES_MODEL_SEED and AGNES_MODEL_OPERATIONS choose others.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import { writeExtract } from '../lib/duckdb.mjs';
import { must, startServer, temporaryFolder } from '../lib/server.mjs';

const kNames = ['orders', 'budget', 'staff_list'];
const kSources = ['demo', 'hr', 'zz_hr'];
const kSeed = Number(process.env.AGNES_MODEL_SEED ?? 7);
const kOperations = Number(process.env.AGNES_MODEL_OPERATIONS ?? 40);

let server;
let data;
let ana;
let group;
const admin = () => ({ token: server.admin.token });
const as = () => ({ token: ana.token });
before(async () => {
  data = temporaryFolder();
  for (const source of kSources)
    await writeExtract(path.join(data, 'extracts', source), Object.fromEntries(kNames.map((name) => [name, `SELECT '${source}.${name}' AS v`])));
  server = await startServer({ data });
  ana = await server.addUser('ana@example.com');
  group = must(201, await server.post('/api/admin/groups', { name: 'finance', description: null }, admin())).json;
  must(201, await server.post(`/api/admin/groups/${group.id}/members`, { email: ana.email }, admin()));
});
after(() => server.stop());

async function rebuild() {
  must(202, await server.post('/api/admin/jobs/rebuild/run', {}, admin()));
  await server.until('the rebuild has ended', async () => {
    const job = must(200, await server.get('/api/admin/jobs', admin())).json.jobs.find((one) => one.name === 'rebuild');
    assert.notEqual(job.outcome, 'failed', job.error);
    return !job.running && !job.queued && ['ok', 'partly'].includes(job.outcome);
  });
}
const rows = async (name, who) => {
  const answer = await server.post('/api/query', { sql: `SELECT v FROM "${name}"` }, who);
  return answer.status === 200 ? answer.json.rows.map(([v]) => v) : null;
};

// The model: which source owns a name, what is registered under which id and name, what is granted, which sources are there.
const owner = new Map();
const registered = new Map();  // id -> name
const granted = new Map();     // id -> grant's id
const here = new Set(kSources);

function settle() {
  for (const name of kNames) {
    const claims = kSources.filter((source) => here.has(source));
    const isRegistered = [...registered.values()].some((one) => one.toLowerCase() === name);
    const kept = owner.has(name) && (here.has(owner.get(name)) || isRegistered);
    if (!kept) claims.length > 0 ? owner.set(name, claims[0]) : owner.delete(name);
  }
}

// What is in the table of that name, or null without data.
function valueOf(name) {
  const key = name.toLowerCase();
  const source = kNames.includes(key) ? owner.get(key) : undefined;
  return source !== undefined && here.has(source) ? `${source}.${key}` : null;
}

async function compare(what) {
  const visible = new Map();  // name as the analyst may use it -> the value behind it, or null without data
  for (const [id, name] of registered) if (granted.has(id)) visible.set(name, valueOf(name));
  const names = [...visible.keys()].sort();
  const list = (json) => (Array.isArray(json) ? json : Object.values(json));
  const catalogue = must(200, await server.get('/api/v2/catalog', as())).json;
  assert.deepEqual(list(catalogue.tables).map((table) => table.name).sort(), names, `${what}: the catalogue`);
  const manifest = must(200, await server.get('/api/sync/manifest', as())).json;
  for (const name of Object.keys(manifest.tables)) assert.ok(visible.has(name) || registered.has(name), `${what}: the manifest has ${name}`);
  for (const name of new Set([...kNames, ...names])) {
    const match = names.find((one) => one.toLowerCase() === name.toLowerCase());
    const expected = match === undefined ? null : visible.get(match);
    assert.deepEqual(await rows(name, as()), expected === null ? null : [expected], `${what}: query of ${name}`);
  }
  for (const id of new Set([...kNames, ...registered.keys()])) {
    // An id comes first; a name opens what has it only where no table has it as its id.
    const meant = registered.has(id) ? id : [...registered].find(([, name]) => name === id)?.[0];
    const opens = meant !== undefined && granted.has(meant);
    const value = opens ? visible.get(registered.get(meant)) ?? null : null;
    for (const target of [`/api/v2/schema/${id}`, `/api/v2/sample/${id}`]) {
      const answer = await server.get(target, as());
      assert.equal(answer.status === 403, !opens, `${what}: ${target}: ${answer.status}`);
      if (answer.status === 200 && target.includes('sample')) assert.deepEqual(answer.json.rows.map((row) => row.v), [value], `${what}: ${target}`);
    }
    const check = await server.get(`/api/data/${id}/check-access`, as());
    assert.equal(check.status === 204, opens, `${what}: check-access of ${id}: ${check.status}`);
    const file = await server.get(`/api/data/${id}/download`, as());
    assert.equal(file.status === 200, value !== null, `${what}: download of ${id}: ${file.status}`);
    // Such a small file holds its text as it is.
    if (file.status === 200) assert.ok(file.body.includes(value), `${what}: download of ${id}`);
    const scan = await server.post('/api/v2/scan', { table_id: id }, as());
    assert.equal(scan.status === 200, value !== null, `${what}: scan of ${id}: ${scan.status}`);
    if (scan.status === 200) assert.deepEqual(tableFromIPC(scan.body).toArray().map((row) => row.v), [value], `${what}: scan of ${id}`);
    const profile = await server.get(`/api/catalog/profile/${id}`, as());
    assert.ok(profile.status !== 200 || opens, `${what}: profile of ${id}: ${profile.status}`);
  }
  const { services } = must(200, await server.get('/api/health/detailed', as())).json;
  assert.equal(services.data.total_rows ?? 0, [...visible.values()].filter((value) => value !== null).length, `${what}: rows that health counts`);
}

const idFor = (name) => name.toLowerCase().replace(/[^a-z0-9]+/g, '_');
const operations = {
  register: async (random) => {
    const name = random(['orders', 'Orders', 'budget', 'Budget Public', 'Staff List', 'staff_list']);
    const answer = await server.post('/api/admin/register-table', { name, source_type: 'local', query_mode: 'local' }, admin());
    if (answer.status < 300) registered.set(answer.json.id ?? idFor(name), name);
    return `register ${name}: ${answer.status}`;
  },
  rename: async (random) => {
    if (registered.size === 0) return '';
    const id = random([...registered.keys()]);
    const name = random(['orders', 'budget', 'staff_list', 'Budget Public', 'other']);
    const answer = await server.put(`/api/admin/registry/${id}`, { name }, admin());
    if (answer.status < 300) registered.set(id, name);
    return `rename ${id} to ${name}: ${answer.status}`;
  },
  unregister: async (random) => {
    if (registered.size === 0) return '';
    const id = random([...registered.keys()]);
    const answer = await server.delete(`/api/admin/registry/${id}`, admin());
    if (answer.status < 300) {
      registered.delete(id);
      granted.delete(id);
    }
    return `unregister ${id}: ${answer.status}`;
  },
  grant: async (random) => {
    const id = random([...registered.keys(), ...kNames]);
    if (granted.has(id)) {
      must(204, await server.delete(`/api/admin/grants/${granted.get(id)}`, admin()));
      granted.delete(id);
      return `revoke ${id}`;
    }
    const answer = await server.post('/api/admin/grants', { group_id: group.id, resource_type: 'table', resource_id: id }, admin());
    if (answer.status < 300) granted.set(id, answer.json.id);
    assert.equal(answer.status < 300, registered.has(id), `a grant of ${id}`);
    return `grant ${id}: ${answer.status}`;
  },
  move: async (random) => {
    const source = random(kSources);
    const at = path.join(data, 'extracts', source);
    const away = path.join(data, `${source}.away`);
    if (here.delete(source)) renameSync(at, away);
    else {
      renameSync(away, at);
      here.add(source);
    }
    return `${source} is ${here.has(source) ? 'back' : 'away'}`;
  },
};

test('every door opens the same table', async () => {
  let state = kSeed;
  const number = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const random = (list) => list[Math.floor(number() * list.length)];
  const done = [];
  await rebuild();
  settle();
  for (let i = 0; i < kOperations; i += 1) {
    const before = new Map([...registered].map(([id, name]) => [id, { name, value: valueOf(name) }]));
    done.push(await operations[random(Object.keys(operations))](random));
    await rebuild();
    settle();
    // Another name brings no other rows under the grants that were given.
    for (const [id, { name, value }] of before)
      if (registered.has(id) && registered.get(id) !== name) assert.ok([null, value].includes(valueOf(registered.get(id))), `${done.at(-1)}: ${id} opened ${value}`);
    await compare(done.filter(Boolean).slice(-8).join('; '));
  }
});

test('a name or an id that moves opens nothing of another table', async () => {
  const own = temporaryFolder();
  await writeExtract(path.join(own, 'extracts', 'demo'), { orders: "SELECT 'orders' AS v", salaries: "SELECT 'salaries' AS v" });
  await writeExtract(path.join(own, 'extracts', 'hr'), { sample: "SELECT 'hr sample' AS v", staff_list: "SELECT 'hr staff' AS v" });
  const other = await startServer({ data: own });
  const who = { token: other.admin.token };
  const bea = await other.addUser('bea@example.com');
  const people = must(201, await other.post('/api/admin/groups', { name: 'people', description: null }, who)).json;
  must(201, await other.post(`/api/admin/groups/${people.id}/members`, { email: bea.email }, who));
  const register = (name) => other.post('/api/admin/register-table', { name, source_type: 'local', query_mode: 'local' }, who);
  const give = (id) => other.post('/api/admin/grants', { group_id: people.id, resource_type: 'table', resource_id: id }, who);
  const rename = (id, name) => other.put(`/api/admin/registry/${id}`, { name }, who);
  const settled = async () => {
    must(202, await other.post('/api/admin/jobs/rebuild/run', {}, who));
    await other.until('the rebuild has ended', async () => {
      const job = must(200, await other.get('/api/admin/jobs', who)).json.jobs.find((one) => one.name === 'rebuild');
      return !job.running && !job.queued && ['ok', 'partly'].includes(job.outcome);
    });
  };
  await settled();

  // Profile and description of a table that nobody registered are not inherited by the one that takes its id.
  must(200, await other.post('/api/catalog/profile/staff_list/refresh', {}, who));
  for (const name of ['orders', 'salaries', 'Staff List']) must(201, await register(name));
  for (const id of ['orders', 'staff_list']) must(201, await give(id));
  await settled();
  assert.notEqual((await other.get('/api/catalog/profile/staff_list', { token: bea.token })).status, 200);

  // Names of other rows are refused, in any case, and names that are ids.
  for (const [id, name] of [['orders', 'sample'], ['orders', 'SAMPLE'], ['orders', 'salaries'], ['staff_list', 'staff_list'], ['salaries', 'staff_list']]) {
    const answer = await rename(id, name);
    assert.equal(answer.status, 409, `${id} to ${name}: ${answer.text}`);
  }
  must(200, await rename('orders', 'tmp1'));
  await settled();
  const swap = await rename('salaries', 'orders');
  assert.equal(swap.status, 409);
  for (const name of ['orders', 'salaries', 'sample', 'staff_list'])
    assert.notEqual((await other.post('/api/query', { sql: `SELECT v FROM ${name}` }, { token: bea.token })).status, 200, name);

  // An unregistered table's id is nobody else's.
  must(201, await register('hr.staff_list'));
  must(201, await give('hr.staff_list'));
  await settled();
  const sample = await other.get('/api/v2/sample/hr.staff_list', who);
  assert.notEqual(sample.status, 200, 'the registered one has no data');
  assert.equal((await other.get('/api/data/hr.staff_list/check-access', { token: bea.token })).status, 204);
  await other.stop();
});
