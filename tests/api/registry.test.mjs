// Registering tables over HTTP: what each field, source, mode and strategy takes, and that of two administrators who
// change one table the second is told.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bqTable, startBigQuery } from '../fakes/bigquery.mjs';
import { must, startServer } from '../lib/server.mjs';

let google, server, admin, bob, ana;
const registry = '/api/admin/registry';
const register = '/api/admin/register-table';
const precheck = `${register}/precheck`;

before(async () => {
  google = await startBigQuery({ datasets: { ds: [bqTable('t')] } });
  server = await startServer({ env: google.env });
  admin = { token: server.admin.token };
  ana = { token: (await server.addUser('ana@example.com')).token };
  bob = await server.addUser('bob@example.com');
  const groups = must(200, await server.get('/api/admin/groups', admin)).json;
  const group = (groups.groups ?? groups).find((g) => g.name === 'Admin');
  must(201, await server.post(`/api/admin/groups/${group.id}/members`, { email: bob.email }, admin));
});
after(async () => {
  await server.stop();
  await google.stop();
});

const table = async (id) => must(200, await server.get(`${registry}/${id}`, admin)).json;
const known = async (id) => (await server.get(`${registry}/${id}`, admin)).status === 200;
const settings = async (data_source) => must(200, await server.post('/api/admin/server-config', { sections: { data_source } }, admin));
const places = (answer) => answer.json.detail.map((problem) => problem.loc.join('.'));

test('nobody and analysts are refused, whatever the body', async () => {
  for (const [method, target] of [['GET', registry], ['GET', `${registry}/x`], ['POST', register], ['POST', precheck], ['PUT', `${registry}/x`], ['DELETE', `${registry}/x`]]) {
    const json = method === 'GET' || method === 'DELETE' ? undefined : { nonsense: 1 };
    assert.equal((await server.request(method, target, { json })).status, 401, target);
    assert.equal((await server.request(method, target, { json, token: ana.token })).status, 403, target);
  }
});

test('what is not registered is 404', async () => {
  for (const [method, json] of [['GET'], ['PUT', {}], ['DELETE']]) assert.equal((await server.request(method, `${registry}/nope`, { json, token: admin.token })).status, 404);
});

// Each field with values of a wrong type and values of the right type that it does not take.
const wrong = {
  name: [5, [], {}, true, 'a/b', '"quoted"', "it's", '-a', '.a', '..', 'č', 'a\nb', 'x'.repeat(129)],
  folder: [5, []],
  sync_strategy: [5, [], 'bogus', 'FULL_REFRESH'],
  primary_key: [5, {}, true],
  description: [5, []],
  source_type: [5, [], 'oracle', 'Local'],
  bucket: [5, []],
  source_table: [5, []],
  source_query: [5, []],
  query_mode: [5, [], '', 'bogus', null],
  sync_schedule: [5, 'hourly', 'every 0m', 'every -5m', 'daily 25:00', 'daily 3', ' '],
  profile_after_sync: ['maybe', 5, []],
  incremental_window_days: ['x', 1.5, 0, -5, 3_000_000_000, []],
  max_history_days: ['x', 1.5, 0, -5, 3_000_000_000, []],
  initial_load_chunk_days: ['x', 1.5, 0, -5, 3_000_000_000, []],
  incremental_column: [5, []],
  where_filters: ['x', 5, {}, ['a'], [{}], [{ column: 'a' }], [{ column: 'a', values: [] }], [{ column: '', values: [1] }], [{ column: 'a', operator: 'like', values: [1] }]],
  partition_by: [5, []],
  partition_granularity: [5, 'week'],
};

test('every field wrong in turn names that field, and nothing is written', async () => {
  must(201, await server.post(register, { name: 'steady', source_type: 'local', description: 'As it was' }, admin));
  const steady = await table('steady');
  for (const [field, values] of Object.entries(wrong))
    for (const value of values)
      for (const [method, target] of [['POST', register], ['POST', precheck], ['PUT', `${registry}/steady`]]) {
        if (method === 'PUT' && field === 'folder') continue;  // no field of that body, as in the contract
        const answer = await server.request(method, target, { json: { ...(method === 'POST' ? { name: 'wrong' } : {}), [field]: value }, token: admin.token });
        const what = `${method} ${target} ${field} ${JSON.stringify(value).slice(0, 60)}: ${answer.text}`;
        assert.equal(answer.status, 422, what);
        for (const place of places(answer)) assert.ok(place.startsWith(`body.${field}`), what);
        assert.ok(answer.json.detail.every((problem) => problem.msg.length > 5), what);
      }
  assert.deepEqual(await table('steady'), steady);
  assert.ok(!(await known('wrong')));
  for (const target of [register, precheck]) {
    assert.deepEqual(places(await server.post(target, {}, admin)), ['body.name']);
    for (const name of ['', '   ']) assert.match((await server.post(target, { name }, admin)).json.detail, /name/);
    for (const json of [[], 5, 'text', null]) assert.equal((await server.request('POST', target, { json, token: admin.token })).status, 422);
  }
  assert.deepEqual(places(await server.put(`${registry}/steady`, { name: null }, admin)), ['body.name']);
});

const keboola = { name: 'x', source_type: 'keboola', bucket: 'in.c-crm', source_table: 'orders' };
const bigquery = { name: 'x', source_type: 'bigquery', bucket: 'ds', source_table: 't' };

test('source, mode, strategy and filters must fit each other', async () => {
  await settings({ type: 'local', bigquery: { project: 'example-project' } });
  const filters = { where_filters: [{ column: 'a', values: ['1'] }] };
  for (const [status, body, said] of [
    [422, { name: 'x', source_query: 'SELECT 1' }, /source_query needs query_mode/],
    [422, { name: 'x', source_type: 'jira', query_mode: 'materialized' }, /source_query/],
    [422, { name: 'x', source_type: 'local', query_mode: 'materialized', source_query: ' ' }, /source_query/],
    [422, { ...keboola, sync_strategy: 'partitioned' }, /partition_by/],
    [422, { ...keboola, sync_strategy: 'partitioned', partition_by: '' }, /partition_by/],
    [422, { ...keboola, sync_strategy: 'partitioned', partition_by: 'day', query_mode: 'remote' }, /query_mode/],
    [422, { ...keboola, sync_strategy: 'partitioned', partition_by: 'day', ...filters }, /where_filters/],
    [422, { ...keboola, sync_strategy: 'incremental' }, /primary_key/],
    [422, { ...keboola, sync_strategy: 'incremental', primary_key: ['id'], query_mode: 'remote' }, /query_mode/],
    [422, { ...keboola, sync_strategy: 'incremental', primary_key: ['id'], ...filters }, /where_filters/],
    [422, { ...keboola, query_mode: 'remote', ...filters }, /where_filters/],
    [422, { ...bigquery, sync_strategy: 'incremental', primary_key: ['id'] }, /sync_strategy/],
    [422, { name: 'x', source_type: 'jira', sync_strategy: 'partitioned', partition_by: 'd' }, /sync_strategy/],
    [422, { ...keboola, bucket: undefined }, /bucket/],
    [422, { ...keboola, bucket: ' ' }, /bucket/],
    [422, { ...keboola, source_table: undefined }, /source_table/],
    [400, { ...keboola, bucket: 'in.c-"x' }, /bucket/],
    [400, { ...keboola, bucket: '../x' }, /bucket/],
    [400, { ...keboola, source_table: 'a/b' }, /source_table/],
    [422, { ...bigquery, bucket: undefined }, /bucket/],
    [422, { ...bigquery, source_table: '' }, /source_table/],
    [400, { ...bigquery, source_table: 'events_*' }, /source_table: sharded/],
    [400, { ...bigquery, bucket: 'ds*' }, /bucket/],
    [400, { ...bigquery, bucket: 'ds`; DROP' }, /bucket/],
    [400, { ...bigquery, bucket: ' ds' }, /bucket/],
    [400, { ...bigquery, source_table: 't"' }, /source_table/],
    [400, { ...bigquery, source_table: 'a\nb' }, /source_table/],
    [400, { ...bigquery, name: 'my view' }, /name/],
    [400, { ...bigquery, name: 'a-b' }, /name/],
    [400, { ...bigquery, name: '1st' }, /name/],
    [400, { ...bigquery, name: 'x'.repeat(65) }, /name/],
    [400, { ...bigquery, name: 'my view', query_mode: 'materialized' }, /name/],
    [422, { ...bigquery, bucket: null, query_mode: 'materialized' }, /source_query.*bucket.*source_table/],
    [400, { ...bigquery, source_table: 't`', query_mode: 'materialized' }, /source_table/],
  ])
    for (const target of [register, precheck]) {
      const answer = await server.post(target, body, admin);
      assert.equal(answer.status, status, `${JSON.stringify(body)}: ${answer.text}`);
      assert.match(JSON.stringify(answer.json.detail), said);
      assert.doesNotMatch(JSON.stringify(answer.json.detail), /\n/);
    }
  assert.ok(!(await known('x')));
});

test('each source, mode and strategy that can be is taken and kept as given', async () => {
  await settings({ type: 'local', bigquery: { project: 'example-project' } });
  let number = 0;
  for (const [status, body, kept] of [
    [201, { source_type: 'local', folder: 'a', description: 'b', sync_schedule: 'every 6h', primary_key: 'id' }, { primary_key: ['id'], folder: 'a' }],
    [201, { source_type: 'jira', query_mode: 'remote' }, {}],
    [201, { ...keboola, query_mode: 'materialized' }, { source_query: null }],
    [201, { ...keboola, query_mode: 'materialized', source_query: ' SELECT 1 ', bucket: null }, { source_query: 'SELECT 1' }],
    [201, { ...keboola, bucket: undefined, source_table: 'in.c-crm.orders' }, { bucket: null }],
    [201, { ...keboola, sync_strategy: 'incremental', primary_key: ['id', 'day'], incremental_window_days: 7, max_history_days: 365, incremental_column: 'updated_at' }, {}],
    [201, { ...keboola, sync_strategy: 'partitioned', partition_by: 'day', initial_load_chunk_days: 30 }, { partition_granularity: 'month' }],
    [201, { ...keboola, where_filters: [{ column: 'a', values: ['x', 5] }] }, { where_filters: [{ column: 'a', operator: 'eq', values: ['x', '5'] }] }],
    [200, { ...bigquery }, { query_mode: 'remote' }],
    [200, { ...bigquery, query_mode: 'local' }, { query_mode: 'remote' }],
    [201, { ...bigquery, query_mode: 'materialized' }, { source_query: 'SELECT * FROM `example-project.ds.t`' }],
    [201, { ...bigquery, bucket: null, source_table: null, query_mode: 'materialized', source_query: 'SELECT 1' }, { source_query: 'SELECT 1' }],
  ]) {
    const name = `table_${++number}`;
    const given = { ...body, name };
    const free = must(200, await server.post(precheck, given, admin)).json;
    assert.equal(free.ok, true);
    assert.equal(free.table.name, name);
    const answer = must(status, await server.post(register, given, admin)).json;
    assert.equal(answer.id, name);
    assert.equal(answer.view_name, body.source_type === 'bigquery' ? name : undefined);
    const row = await table(name);
    for (const [field, value] of Object.entries({ ...given, ...kept })) assert.deepEqual(row[field], value === undefined ? null : value, `${name} ${field}`);
    assert.equal(row.registered_by, server.admin.email);
    for (const target of [register, precheck]) assert.equal((await server.post(target, { name: name.toUpperCase() }, admin)).status, 409);
  }
});

test('a source that is not set up is refused, one beside the server\'s own is taken', async () => {
  await settings({ type: 'bigquery', bigquery: { project: 'example-project' } });
  const refused = await server.post(register, { ...keboola, name: 'kbc' }, admin);
  assert.equal(refused.status, 422);
  assert.match(refused.json.detail, /source_type: keboola is not set up/);
  must(201, await server.post(register, { name: 'moving' }, admin));
  assert.match((await server.put(`${registry}/moving`, { source_type: 'keboola', bucket: 'b', source_table: 't' }, admin)).json.detail, /not set up/);
  await settings({ keboola: { project_id: '77' } });
  must(200, await server.put(`${registry}/moving`, { source_type: 'keboola', bucket: 'b', source_table: 't' }, admin));
  await settings({ type: 'local', keboola: { project_id: '' }, bigquery: { project: '' } });
  must(201, await server.post(register, { ...keboola, name: 'kbc' }, admin));
  for (const query_mode of ['remote', 'materialized']) {
    const answer = await server.post(register, { ...bigquery, query_mode, name: 'bq' }, admin);
    assert.equal(answer.status, 400);
    assert.match(answer.json.detail, /data_source\.bigquery\.project is empty/);
  }
  await settings({ bigquery: { project: 'No Project' } });
  assert.match((await server.post(register, { ...bigquery, name: 'bq' }, admin)).json.detail, /not a project id/);
});

test('a change is held to the same rules, but only where it touches them', async () => {
  await settings({ type: 'local', bigquery: { project: 'example-project' } });
  must(200, await server.post(register, { ...bigquery, name: 'remote_one' }, admin));
  for (const [status, body, said] of [
    [400, { bucket: 'evil"; DROP' }, /bucket/],
    [400, { source_table: 'events_*' }, /source_table/],
    [400, { name: 'my view' }, /name/],
    [422, { bucket: null }, /bucket/],
    [422, { sync_strategy: 'incremental', primary_key: ['a'] }, /sync_strategy/],
    [422, { source_query: 'SELECT 1' }, /query_mode/],
    [422, { query_mode: 'local', source_query: 'SELECT 1' }, /query_mode/],
  ]) {
    const answer = await server.put(`${registry}/remote_one`, body, admin);
    assert.equal(answer.status, status, answer.text);
    assert.match(JSON.stringify(answer.json.detail), said);
  }
  must(200, await server.put(`${registry}/remote_one`, { query_mode: 'materialized' }, admin));
  assert.equal((await table('remote_one')).source_query, 'SELECT * FROM `example-project.ds.t`');
  must(200, await server.put(`${registry}/remote_one`, { query_mode: 'local' }, admin));
  assert.deepEqual([(await table('remote_one')).source_query, (await table('remote_one')).query_mode], [null, 'remote']);
  // The source need not be there for a description.
  await settings({ bigquery: { project: '' } });
  must(200, await server.put(`${registry}/remote_one`, { description: 'Views by day' }, admin));
  assert.equal((await server.put(`${registry}/remote_one`, { source_table: 'u' }, admin)).status, 400);
});

test('of two administrators who change one table, the second is told who was first', async () => {
  must(201, await server.post(register, { name: 'shared' }, admin));
  const target = `${registry}/shared`;
  const read = must(200, await server.get(target, admin));
  const { etag } = read.headers;
  assert.equal(etag, `"${read.json.version}"`);
  const listed = must(200, await server.get(registry, admin)).json.tables.find((row) => row.id === 'shared');
  assert.deepEqual(listed, read.json);

  const first = must(200, await server.put(target, { description: 'By Bob' }, { token: bob.token, headers: { 'if-match': etag } }));
  assert.notEqual(first.headers.etag, etag);
  assert.equal(first.headers.etag, `"${first.json.version}"`);
  for (const [method, json] of [['PUT', { description: 'By the admin' }], ['DELETE']]) {
    const second = await server.request(method, target, { json, token: admin.token, headers: { 'if-match': etag } });
    assert.equal(second.status, 412, second.text);
    assert.match(second.json.detail.message, /shared was changed by bob@example\.com at 20/);
    assert.deepEqual([second.json.detail.kind, second.json.detail.changed_by, second.json.detail.version], ['changed_meanwhile', bob.email, first.json.version]);
    assert.match(second.json.detail.changed_at, /^20\d\d-/);
  }
  assert.equal((await table('shared')).description, 'By Bob');

  // What a new reading gives is taken, and so are "*", lists, the weak form that proxies make of it, and no header.
  for (const header of [first.headers.etag, '*', `"x", W/${first.headers.etag}`]) {
    const again = await server.put(target, { description: 'By Bob' }, { ...admin, headers: { 'if-match': header } });
    assert.equal(again.status, 200, `${header}: ${again.text}`);
    assert.equal(again.json.version, first.json.version);
  }
  for (const header of ['"x"', 'x', '', '""']) assert.equal((await server.put(target, { description: 'No' }, { ...admin, headers: { 'if-match': header } })).status, 412);
  must(200, await server.put(target, { description: 'Without asking' }, admin));
  assert.equal((await server.put(`${registry}/nope`, {}, { ...admin, headers: { 'if-match': '*' } })).status, 404);
});

test('of changes sent at once on the same reading, exactly one is taken', async () => {
  must(201, await server.post(register, { name: 'contested' }, admin));
  const target = `${registry}/contested`;
  const { etag } = must(200, await server.get(target, admin)).headers;
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) =>
    server.put(target, { description: `By ${i}` }, { token: i % 2 ? bob.token : admin.token, headers: { 'if-match': etag } })));
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, ...Array(7).fill(412)]);
  const winner = answers.findIndex((answer) => answer.status === 200);
  assert.equal((await table('contested')).description, `By ${winner}`);
  assert.equal((await server.delete(target, { ...admin, headers: { 'if-match': etag } })).status, 412);
  assert.equal((await server.delete(target, { ...admin, headers: { 'if-match': answers[winner].headers.etag } })).status, 204);
});

test('unregistering a materialized table takes its file away, and no other', async () => {
  await settings({ type: 'local' });
  const folder = path.join(server.data, 'extracts', 'keboola', 'data');
  mkdirSync(folder, { recursive: true });
  for (const name of ['gone', 'stays', 'local_one']) {
    writeFileSync(path.join(folder, `${name}.parquet`), 'x');
    must(201, await server.post(register, { ...keboola, name, query_mode: name === 'local_one' ? 'local' : 'materialized' }, admin));
  }
  for (const name of ['gone', 'local_one']) must(204, await server.delete(`${registry}/${name}`, admin));
  await server.until('the file is gone', () => !existsSync(path.join(folder, 'gone.parquet')));
  assert.deepEqual(['gone', 'stays', 'local_one'].map((name) => existsSync(path.join(folder, `${name}.parquet`))), [false, true, true]);
});
