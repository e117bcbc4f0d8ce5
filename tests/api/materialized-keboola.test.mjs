// Tables of Keboola: exported by its Storage API when the sync runs, fetched from its cloud's storage, and written as one
// Parquet file.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { kbcTable, startKeboola } from '../fakes/keboola-storage.mjs';
import { writeDatabase } from '../lib/duckdb.mjs';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let keboola, site, admin;

before(async () => {
  keboola = await startKeboola({ tables: [kbcTable('in.c-crm', 'orders')] });
  site = await startSite({ 'people.csv': 'id\n1\n' }, {
    env: { KEBOOLA_STACK_URL: keboola.url, KEBOOLA_STORAGE_TOKEN: keboola.token, AGNES_KEBOOLA_POLL_INTERVAL_SEC: '0.01', STORAGE_EMULATOR_HOST: keboola.url, AWS_ENDPOINT_URL_S3: keboola.url },
  });
  await site.sync();
  admin = site.admin.token;
});
after(async () => {
  await site?.stop();
  await keboola.stop();
});
beforeEach(() => {
  keboola.exports = {};
  for (const list of [keboola.forms, keboola.faults, keboola.cloudFaults, keboola.requests]) list.length = 0;
});

// A Parquet file with the rows of a SELECT, as Keboola's backend unloads one.
async function parquet(select) {
  const file = path.join(temporaryFolder(), 'part.parquet');
  (await writeDatabase(path.join(path.dirname(file), 'made.duckdb'), [`COPY (${select}) TO '${file}' (FORMAT parquet)`]))();
  return readFileSync(file);
}
const register = async (name, more = {}) => {
  const answer = await site.post('/api/admin/register-table', { name, source_type: 'keboola', query_mode: 'materialized', bucket: 'in.c-crm', source_table: name, ...more }, { token: admin });
  assert.ok(answer.status < 300, answer.text);
};
const job = async () => must(200, await site.get('/api/admin/jobs', { token: admin })).json.jobs.find((j) => j.name === 'sync');
const idle = () =>
  site.until('the sync has ended', async () => {
    const now = await job();
    return !now.running && now;
  });
// Syncs these tables: which failed, with the reason.
const bring = async (...tables) => {
  must(200, await site.post('/api/sync/trigger', tables, { token: admin }));
  const { failed } = (await idle()).result;
  return Object.fromEntries(failed.map((f) => [f.table, f.error]));
};
const rows = async (sql) => must(200, await site.query(sql, admin)).json.rows;

test('a table without a query comes whole, as one Parquet file with the source\'s types', async () => {
  keboola.exports['in.c-crm.orders'] = { parts: [await parquet("SELECT 1::BIGINT AS id, 2.50::DECIMAL(9,2) AS total, DATE '2026-01-02' AS day")], polls: 2 };
  await register('orders');
  assert.deepEqual(await bring('orders'), {});
  assert.deepEqual([...keboola.forms[0]], [['fileType', 'parquet']]);
  assert.deepEqual(await rows('SELECT id, total, day FROM orders'), [[1, '2.50', '2026-01-02']]);
  const told = (await site.manifest(admin)).orders;
  assert.deepEqual([told.query_mode, told.source_type, told.rows], ['materialized', 'keboola', 1]);
  // The token goes to Keboola, and not to its cloud's storage.
  assert.ok(keboola.requests.every((r) => (r.path.startsWith('/cloud/') ? r.token === undefined : r.token === keboola.token)));
});

for (const [cloud, how] of [[undefined, 'each with a signed address'], ['google', 'in Google\'s storage with a token'], ['aws', 'in AWS\' with signed requests']]) {
  test(`an export in slices, ${how}`, async () => {
    keboola.exports['in.c-crm.sliced'] = { cloud, parts: await Promise.all([0, 1, 2].map((n) => parquet(`SELECT range + ${n * 10} AS id FROM range(10)`))) };
    if (!cloud) await register('sliced');
    assert.deepEqual(await bring('sliced'), {});
    assert.deepEqual(await rows('SELECT count(*), count(DISTINCT id), max(id) FROM sliced'), [[30, 30, 29]]);
  });
}

test('CSV, packed or not, with and without a line of names, has texts only', async () => {
  keboola.tables.push(kbcTable('in.c-crm', 'words', { columns: ['id', 'note'] }));
  const note = 'two\nlines, a ""quote"" and a comma';
  for (const [name, parts, count] of [
    ['words.csv', [Buffer.from(`"id","note"\n"1","${note}"\n"id","x"\n`)], 2],
    ['words.csv.gz0_0_0', [gzipSync(`"1","${note}"\n`), gzipSync('"2",""\n"3","z"\n')], 3],
    ['words.csv', [Buffer.from(`"id","note"\n"1","${note}"\n`), Buffer.from('"2","y"\n'), Buffer.alloc(0)], 2],
  ]) {
    keboola.exports['in.c-crm.words'] = { parts, name };
    if (parts.length === 1) await register('words', { source_query: '{"file_type": "csv"}' });
    assert.deepEqual(await bring('words'), {}, name);
    assert.deepEqual([...keboola.forms.pop()], []);
    assert.deepEqual(await rows('SELECT count(*), any_value(typeof(id)) FROM words'), [[count, 'VARCHAR']]);
    assert.deepEqual(await rows("SELECT note FROM words WHERE id = '1'"), [['two\nlines, a "quote" and a comma']]);
  }
  keboola.exports['in.c-crm.words'] = { parts: [Buffer.alloc(0)], name: 'words.csv' };
  assert.deepEqual(await bring('words'), {});
  assert.deepEqual(await rows('SELECT count(*), count(id), count(note) FROM words'), [[0, 0, 0]], 'an empty table keeps its columns');
});

test('an export without rows keeps the types that the table has had', async () => {
  keboola.tables.push(kbcTable('in.c-crm', 'typed', { columns: ['id', 'day', 'more'] }));
  keboola.exports['in.c-crm.typed'] = { parts: [await parquet("SELECT 1::BIGINT AS id, DATE '2026-01-02' AS day")] };
  await register('typed');
  assert.deepEqual(await bring('typed'), {});
  keboola.exports['in.c-crm.typed'] = { parts: [], sliced: true };
  assert.deepEqual(await bring('typed'), {});
  const { columns } = must(200, await site.get('/api/v2/schema/typed', { token: admin })).json;
  assert.deepEqual(columns.slice(0, 2).map((c) => [c.name, c.type]), [['id', 'BIGINT'], ['day', 'DATE']]);
  assert.deepEqual(columns.length, 3);
  assert.deepEqual(await rows('SELECT count(*) FROM typed'), [[0]]);
});

test('filters, columns, times and a limit are sent as Keboola takes them', async () => {
  keboola.exports['in.c-crm.some'] = { parts: [await parquet('SELECT 1 AS id')] };
  await register('some', { source_query: JSON.stringify({ where_filters: [{ column: 'state', operator: 'eq', values: ['open', 'new'] }, { column: 'day', operator: 'ge', values: ['{{last_week}}'] }], columns: ['id', 'day'], changed_since: '-2 days', limit: 10 }) });
  assert.deepEqual(await bring('some'), {});
  const week = new Date(Date.now() - 7 * 24 * 3600 * 1000).toISOString().slice(0, 10);
  assert.deepEqual([...keboola.forms[0]], [
    ['whereFilters[0][column]', 'state'], ['whereFilters[0][operator]', 'eq'], ['whereFilters[0][values][0]', 'open'], ['whereFilters[0][values][1]', 'new'],
    ['whereFilters[1][column]', 'day'], ['whereFilters[1][operator]', 'ge'], ['whereFilters[1][values][0]', week],
    ['columns', 'id,day'], ['changedSince', '-2 days'], ['limit', '10'], ['fileType', 'parquet'],
  ]);
});

test('a local table with full_refresh comes the same way, with its filters; other strategies say that they do not', async () => {
  keboola.exports['in.c-crm.direct'] = { parts: [await parquet('SELECT 5 AS id')] };
  await register('direct', { query_mode: 'local', where_filters: [{ column: 'id', values: ['5'] }] });
  await register('parts', { query_mode: 'local', sync_strategy: 'incremental', primary_key: ['id'] });
  const failed = await bring('direct', 'parts');
  assert.deepEqual([keboola.forms[0].get('whereFilters[0][operator]'), keboola.forms[0].get('whereFilters[0][values][0]')], ['eq', '5']);
  assert.deepEqual(await rows('SELECT id FROM direct'), [[5]]);
  assert.ok(!('direct' in failed));
  assert.match(failed.parts, /sync_strategy incremental.*full_refresh/);
  must(204, await site.delete('/api/admin/registry/parts', { token: admin }));
});

test('what passes is tried again; what does not is told of its table, which keeps its last version', async () => {
  const good = await parquet('SELECT 1 AS id');
  keboola.exports['in.c-crm.kept'] = { parts: [good] };
  await register('kept');
  keboola.cloudFaults.push(503, 'cut', 'half');
  keboola.faults.push({ status: 503, headers: { 'retry-after': '0' } });
  assert.deepEqual(await bring('kept'), {});
  assert.equal(keboola.cloudFaults.length, 0);
  for (const [wanted, said] of [
    [undefined, /no such table/],
    [{ error: 'Out of warehouse credits' }, /could not export the table: Out of warehouse credits/],
    [{ parts: [Buffer.from('no parquet at all')] }, /part-00000\.parquet/],
    [{ parts: [good], scheme: 'abfs', sliced: true }, /cannot be fetched from \(abfs:\/\/\)/],
    [{ parts: [good], cloud: 'google', scheme: 's3', sliced: true }, /cannot be fetched from \(s3:\/\/ without credentials\)/],
    [{ parts: [good], cloud: 'google', scheme: 'azure', sliced: true }, /cannot be fetched from \(azure:\/\/ without a signature\)/],
    [{ parts: [good], scheme: 'file', sliced: true }, /cannot be fetched from \(file:\/\/\)/],
    [{ parts: [good], scheme: 'http', sliced: true }, /cannot be fetched from \(http:\/\/\)/],
    [{ parts: [], sliced: true }, /./],
  ]) {
    keboola.exports['in.c-crm.kept'] = wanted;
    const { kept } = await bring('kept');
    if (wanted?.parts?.length === 0) continue;
    assert.match(kept ?? 'it went well', said);
    assert.doesNotMatch(kept, /X-Signature|agnes-tmp|kbc-token|\n/);
    assert.deepEqual(await rows('SELECT id FROM kept'), [[1]]);
  }
  keboola.exports['in.c-crm.kept'] = { parts: [good] };
  keboola.cloudFaults.push(403);
  assert.match((await bring('kept')).kept, /was not fetched from 127\.0\.0\.1: HTTP 403/);
  assert.doesNotMatch(site.log, /X-Signature|kbc-token/);
});

test('settings of an export that cannot be are named', async () => {
  keboola.exports['in.c-crm.odd'] = { parts: [await parquet('SELECT 1 AS id')] };
  await register('odd');
  for (const [source_query, said] of [
    ['SELECT * FROM t', /source_query.*not JSON/],
    ['[1]', /not a JSON object/],
    ['{"where_filters": {}}', /not a list/],
    ['{"where_filters": [{"column": "a"}]}', /column, operator and values/],
    ['{"where_filters": [{"column": "a", "operator": "like", "values": ["x"]}]}', /like is not an operator/],
    ['{"where_filters": [{"column": "a", "values": ["{{lasst_week}}"]}]}', /there is no \{\{lasst_week\}\}/],
    ['{"columns": "id"}', /columns is not a list/],
    ['{"limit": "many"}', /limit is not a number/],
    ['{"file_type": "avro"}', /avro is neither/],
  ]) {
    must(200, await site.request('PUT', '/api/admin/registry/odd', { json: { source_query, query_mode: 'materialized' }, token: admin }));
    assert.match((await bring('odd')).odd ?? 'it went well', said);
  }
  assert.equal(keboola.forms.length, 0);
});

test('several exports run side by side', async () => {
  const names = ['a', 'b', 'c', 'd'].map((n) => `side_${n}`);
  for (const name of names) {
    keboola.exports[`in.c-crm.${name}`] = { parts: [await parquet('SELECT 1 AS id')], polls: 3 };
    await register(name);
  }
  keboola.most = keboola.running = 0;
  assert.deepEqual(Object.keys(await bring(...names)).filter((n) => n.startsWith('side')), []);
  assert.equal(keboola.most, 4);
  for (const name of names) assert.deepEqual(await rows(`SELECT id FROM ${name}`), [[1]]);
});

test('cancelling ends the wait for an export', async () => {
  keboola.exports['in.c-crm.slow'] = { parts: [], polls: Infinity };
  await register('slow');
  must(200, await site.post('/api/sync/trigger', ['slow'], { token: admin }));
  await site.until('the export runs', () => [...keboola.jobs.values()].some((j) => j.id === 'in.c-crm.slow' && j.waited > 1));
  must(202, await site.post('/api/admin/jobs/sync/cancel', undefined, { token: admin }));
  assert.equal((await idle()).outcome, 'cancelled');
});
