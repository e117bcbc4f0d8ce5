// From files to tables: sync, registry, manifest, download, catalogue; what fails and what stays.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin, ana;

before(async () => {
  site = await startSite({
    'orders.csv': 'id,total,day\n1,2.5,2026-01-02\n2,7,2026-01-03\n',
    'people.tsv': 'name\tage\nAda\t36\n',
    'films.json': '[{"title": "A", "year": 2001}, {"title": "B", "year": null}]',
    'events.jsonl.gz': gzipSync('{"moment": "2026-01-01 10:00:00", "n": 1}\n{"moment": "2026-01-02 10:00:00", "n": 2}\n'),
    'sales/jan.csv': 'id,amount\n1,10\n',
    'sales/feb.csv': 'id,amount\n2,20\n',
    'notes.txt': 'not a table',
  });
  await site.sync();
  admin = site.admin.token;
  ana = await site.analyst('ana@example.com', ['orders', 'sales']);
});
after(() => site.stop());

const registered = async () =>
  must(200, await site.get('/api/admin/registry', { token: admin })).json.tables.map((t) => t.id).sort();
const count = async (table) => (await site.query(`SELECT count(*) FROM "${table}"`, admin)).json.rows?.[0][0];
const error = async (table) =>
  must(200, await site.get('/api/admin/registry', { token: admin })).json.tables.find((t) => t.id === table)?.last_sync_error;

test('each file or folder of equal files is a table, registered by the sync', async () => {
  assert.deepEqual(await registered(), ['events', 'films', 'orders', 'people', 'sales']);
  assert.equal(await count('orders'), 2);
  assert.equal(await count('sales'), 2);
  assert.match(site.log, /sync: 5 tables, \d+ read, 5 new \(.*orders.*\), \d+ failed, \d+ other problems/);
  const types = must(200, await site.get('/api/v2/schema/orders', { token: admin })).json.columns.map((c) => [c.name, c.type]);
  assert.deepEqual(types, [['id', 'BIGINT'], ['total', 'DOUBLE'], ['day', 'DATE']]);
  assert.deepEqual((await site.query('SELECT moment, n FROM events ORDER BY n LIMIT 1', admin)).json.rows, [['2026-01-01 10:00:00', 1]]);
});

test('the manifest lists what the caller may read, with the hash of the file that is downloaded', async () => {
  const tables = await site.manifest(ana.token);
  assert.deepEqual(Object.keys(tables).sort(), ['orders', 'sales']);
  const file = must(200, await site.get('/api/data/orders/download', { token: ana.token }));
  assert.equal(createHash('md5').update(file.body).digest('hex'), tables.orders.hash);
  assert.equal(file.body.length, tables.orders.size_bytes);
  assert.equal(tables.orders.rows, 2);
  assert.equal(file.headers['content-disposition'], 'attachment; filename="orders.parquet"');
});

test('a download is asked for by its content', async () => {
  const { hash } = (await site.manifest(ana.token)).orders;
  const ask = (headers) => site.get('/api/data/orders/download', { token: ana.token, headers });
  assert.equal(must(200, await ask({ 'if-match': `"${hash}"` })).headers.etag, `"${hash}"`);
  assert.equal((await ask({ 'if-none-match': `"${hash}"` })).status, 304);
  const other = must(412, await ask({ 'if-match': '"00000000000000000000000000000000"' }));
  assert.deepEqual([other.headers.etag, typeof other.json.detail], [`"${hash}"`, 'string']);
});

test('an unchanged manifest is 304, a changed grant another one', async () => {
  const first = must(200, await site.get('/api/sync/manifest', { token: ana.token }));
  const headers = { 'if-none-match': first.headers.etag };
  assert.equal((await site.get('/api/sync/manifest', { token: ana.token, headers })).status, 304);
  const grant = await site.grant(ana.group, 'films');
  assert.equal((await site.get('/api/sync/manifest', { token: ana.token, headers })).status, 200);
  must(204, await site.delete(`/api/admin/grants/${grant.json.id}`, { token: admin }));
  assert.equal((await site.get('/api/sync/manifest', { token: ana.token, headers })).status, 304);
});

for (const [method, target] of [
  ['GET', '/api/sync/manifest'], ['GET', '/api/data/orders/download'], ['GET', '/api/data/orders/check-access'],
  ['GET', '/api/v2/catalog'], ['GET', '/api/v2/schema/orders'], ['GET', '/api/v2/sample/orders'], ['GET', '/api/catalog/tables'],
  ['POST', '/api/sync/trigger'], ['GET', '/api/admin/registry'], ['POST', '/api/admin/register-table'],
  ['PUT', '/api/admin/registry/orders'], ['DELETE', '/api/admin/registry/orders'], ['GET', '/api/sync/settings'],
  ['POST', '/api/sync/settings'], ['GET', '/api/sync/table-subscriptions'], ['POST', '/api/sync/table-subscriptions'],
  ['GET', '/api/settings'], ['PUT', '/api/settings/dataset'], ['GET', '/api/health/detailed'],
]) {
  test(`${method} ${target}: 401 for nobody`, async () => {
    assert.equal((await site.request(method, target, { json: method === 'GET' ? undefined : {} })).status, 401);
  });
}

for (const [method, target] of [
  ['POST', '/api/sync/trigger'], ['GET', '/api/admin/registry'], ['POST', '/api/admin/register-table'],
  ['PUT', '/api/admin/registry/orders'], ['DELETE', '/api/admin/registry/orders'],
]) {
  test(`${method} ${target}: 403 for an analyst, whatever the body`, async () => {
    assert.equal((await site.request(method, target, { token: ana.token, json: { nonsense: 1 } })).status, 403);
  });
}

test('what is not granted is refused like what does not exist; an admin is told', async () => {
  for (const target of ['/api/data/X/download', '/api/data/X/check-access', '/api/v2/schema/X', '/api/v2/sample/X']) {
    const hidden = await site.get(target.replace('X', 'films'), { token: ana.token });
    const missing = await site.get(target.replace('X', 'nope'), { token: ana.token });
    assert.deepEqual([hidden.status, missing.status], [403, 403], target);
    assert.equal(hidden.text.replaceAll('films', 'X'), missing.text.replaceAll('nope', 'X'));
    assert.equal((await site.get(target.replace('X', 'nope'), { token: admin })).status, 404, target);
  }
});

test('a name that climbs reaches no file', async () => {
  for (const name of ['..%2f..%2fstate%2fsystem.duckdb', '.', '..', '%2e%2e', 'orders%00', 'ord*rs', 'ORDERS', '%2fetc%2fpasswd'])
    assert.ok([400, 404, 405].includes((await site.get(`/api/data/${name}/download`, { token: admin })).status), name);
});

test('all shapes of the trigger, and what is none', async () => {
  for (const body of [undefined, null, ['orders'], { tables: ['orders', 'sales'] }, { tables: null }, {}, []]) {
    const answer = await site.request('POST', '/api/sync/trigger', { token: admin, json: body });
    assert.equal(answer.status, 200, `${JSON.stringify(body)}: ${answer.text}`);
    assert.equal(answer.json.status, 'triggered');
    await site.idle();
  }
  for (const body of ['orders', 5, { tables: 'orders' }, ['orders', 1], true])
    assert.equal((await site.post('/api/sync/trigger', body, { token: admin })).status, 422, JSON.stringify(body));
  assert.equal((await site.post('/api/sync/trigger', ['nope'], { token: admin })).status, 404);
});

test('a file that cannot be read keeps its last good version and is reported by name and line; the others proceed', async () => {
  site.put('people.tsv', 'name\tage\nAda\t36\nBob\t40\n');
  site.put('orders.csv', 'id,total,day\n1,2.5,2026-01-02\n2,7\n3,1,2026-01-04,too,many\n');
  await site.sync();
  assert.equal(await count('people'), 2);
  assert.equal(await count('orders'), 2);
  assert.match(await error('orders'), /orders\.csv/);
  assert.match(await error('orders'), /line [34]/);
  site.put('orders.csv', 'id,total,day\n1,2.5,2026-01-02\n2,7,2026-01-03\n3,1,2026-01-04\n');
  await site.sync(['orders']);
  assert.equal(await count('orders'), 3);
  assert.equal(await error('orders'), null);
});

test('a file of one name more is a collision that names both; neither replaces the table', async () => {
  site.put('films.csv', 'title\nC\n');
  await site.sync();
  assert.equal(await count('films'), 2);
  assert.match(await error('films'), /films\.csv.*films\.json|films\.json.*films\.csv/);
  rmSync(path.join(site.source, 'films.csv'));
  await site.sync();
  assert.equal(await error('films'), null);
});

test('a link out of the folder is not followed', async () => {
  const outside = temporaryFolder();
  writeFileSync(path.join(outside, 'secret.csv'), 'a\n1\n');
  symlinkSync(path.join(outside, 'secret.csv'), path.join(site.source, 'secret.csv'));
  await site.sync();
  assert.ok(!(await registered()).includes('secret'));
  rmSync(path.join(site.source, 'secret.csv'));
});

test('an unregistered table is gone with its data and its grants, and stays so', async () => {
  site.put('short_lived.csv', 'a\n1\n');
  await site.sync();
  await site.grant(ana.group, 'short_lived');
  assert.ok('short_lived' in (await site.manifest(ana.token)));
  must(204, await site.delete('/api/admin/registry/short_lived', { token: admin }));
  assert.ok(!('short_lived' in (await site.manifest(ana.token))));
  await site.sync();
  assert.ok(!(await registered()).includes('short_lived'));
  must(201, await site.post('/api/admin/register-table', { name: 'short_lived', source_type: 'local' }, { token: admin }));
  await site.sync();
  assert.equal(await count('short_lived'), 1);
});

test('registering: what is wrong is named', async () => {
  const register = (body) => site.post('/api/admin/register-table', body, { token: admin });
  for (const [body, field] of [
    [{}, 'name'], [{ name: null }, 'name'], [{ name: 'a/b' }, 'name'], [{ name: 'x', source_type: 'oracle' }, 'source_type'],
    [{ name: 'x', query_mode: 'bogus' }, 'query_mode'], [{ name: 'x', sync_schedule: 'hourly' }, 'sync_schedule'],
    [{ name: 'x', sync_strategy: 'bogus' }, 'sync_strategy'], [{ name: 'x', primary_key: 5 }, 'primary_key'],
    [{ name: 'x', incremental_window_days: -1 }, 'incremental_window_days'], [{ name: 'x', description: 5 }, 'description'],
    [{ name: 'x', where_filters: [{ column: 'a' }] }, 'where_filters'], [{ name: 'x', partition_granularity: 'week' }, 'partition_granularity'],
  ]) {
    const answer = await register(body);
    assert.equal(answer.status, 422, JSON.stringify(body));
    assert.ok(answer.json.detail.some((d) => d.loc.at(-1) === field), `${JSON.stringify(body)}: ${answer.text}`);
  }
  assert.equal((await register({ name: '  ' })).status, 422);
  assert.equal((await register({ name: 'ORDERS' })).status, 409);
});

test('settings: only for what may be read', async () => {
  const wished = must(200, await site.post('/api/sync/settings', { datasets: { orders: true, films: true } }, { token: ana.token })).json;
  assert.deepEqual(wished.updated, { orders: { enabled: true }, films: { error: 'no permission' } });
  assert.equal((await site.post('/api/sync/table-subscriptions', { tables: { films: true } }, { token: ana.token })).status, 403);
  assert.equal((await site.post('/api/sync/settings', { datasets: { orders: 'yes' } }, { token: ana.token })).status, 422);
});

test('a table of several files is one download', async () => {
  const answer = must(200, await site.get('/api/data/sales/download', { token: ana.token }));
  assert.equal(answer.body.subarray(0, 4).toString(), 'PAR1');
});

test('health tells each part', async () => {
  assert.equal((await site.get('/api/health')).json.status, 'ok');
  const detail = must(200, await site.get('/api/health/detailed', { token: ana.token })).json;
  assert.equal(detail.services.data.status, 'ok');
  const more = must(200, await site.get('/api/health/detailed', { token: admin })).json;
  assert.equal(more.services.confinement.status, 'ok');
});

test('a sync of nothing new rewrites nothing', async () => {
  const before = await site.manifest(admin);
  await site.sync();
  assert.deepEqual(await site.manifest(admin), before);
});

test('an empty folder takes nothing away', async () => {
  const lonely = await startSite({ 'a.csv': 'x\n1\n' });
  await lonely.sync();
  rmSync(path.join(lonely.source, 'a.csv'));
  await lonely.sync();
  assert.ok('a' in (await lonely.manifest(lonely.admin.token)));
  mkdirSync(path.join(lonely.source, 'sub'));
  await lonely.stop();
});
