// What is known of tables beyond their data: descriptions of columns, what engines say of remote tables, warm-up.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { bqTable, field, startBigQuery } from '../fakes/bigquery.mjs';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';
import { writeExtract } from '../lib/stranger.mjs';

let google, site, admin, ana, bob;

before(async () => {
  google = await startBigQuery();
  const data = temporaryFolder();
  await writeExtract(data, 'other', ['kept', 'shaped'], [
    "CREATE TABLE kept AS SELECT 1 AS id, DATE '2026-01-02' AS day, 2.50::DECIMAL(9, 2) AS price, [1, 2] AS list",
    "CREATE VIEW shaped AS SELECT id, upper('x' || id) AS label FROM kept",
  ]);
  site = await startSite({ 'orders.csv': 'id,total\n1,2.5\n2,7\n', 'plain.csv': 'a\n1\n' }, { data, env: { BIGQUERY_PROJECT: 'example-project', ...google.env } });
  await site.sync();
  admin = { token: site.admin.token };
  ana = { token: (await site.analyst('ana@example.com', ['orders'])).token };
  bob = { token: (await site.analyst('bob@example.com')).token };
});
after(async () => {
  await site?.stop();
  await google.stop();
});

// Reads server-sent events until the server ends them: [[event, data], ...].
function events(target, options) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: site.port, path: target, agent: false, headers: { authorization: `Bearer ${options.token}` } }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += chunk));
      answer.on('error', reject);
      answer.on('end', () => resolve(text.split('\n\n').filter((part) => part.includes('data:')).map((part) =>
        [/^event: ?(.*)$/m.exec(part)?.[1], JSON.parse(/^data: ?(.*)$/m.exec(part)[1])])));
    });
    request.on('error', reject);
    request.end();
  });
}

test('schema has the descriptions of columns, whatever their case', async () => {
  must(200, await site.post('/api/admin/metadata/orders', { columns: [{ column_name: 'Total', description: 'with tax' }, { column_name: 'gone', description: 'no more' }] }, admin));
  const schema = must(200, await site.get('/api/v2/schema/orders', ana)).json;
  assert.deepEqual(schema.columns.map((column) => [column.name, column.description]), [['id', ''], ['total', 'with tax']]);
});

test('schema and sample of what a stranger made: its tables, and no views with logic', async () => {
  const kept = must(200, await site.get('/api/v2/schema/kept', admin)).json;
  assert.deepEqual(kept.columns.map((column) => [column.name, column.type]), [['id', 'INTEGER'], ['day', 'DATE'], ['price', 'DECIMAL(9,2)'], ['list', 'INTEGER[]']]);
  assert.deepEqual(must(200, await site.get('/api/v2/sample/kept', admin)).json.rows, [{ id: 1, day: '2026-01-02T00:00:00', price: '2.50', list: [1, 2] }]);
  must(404, await site.get('/api/v2/schema/shaped', admin));
  const { problems } = must(200, await site.get('/api/sync/status', admin)).json;
  assert.match(JSON.stringify(problems ?? must(200, await site.get('/api/health/detailed', admin)).json), /'shaped' of 'other' is not served: its view does more than/);
});

test('who may ask', async () => {
  for (const [method, target, analyst] of [
    ['GET', '/api/v2/metadata-cache/status', 200],
    ['POST', '/api/v2/metadata-cache/refresh?table=orders', 403],
    ['POST', '/api/admin/run-bq-metadata-refresh', 403],
    ['GET', '/api/admin/cache-warmup/status', 403],
    ['POST', '/api/admin/cache-warmup/run', 403],
    ['GET', '/api/admin/cache-warmup/stream', 403],
  ]) {
    assert.equal((await site.request(method, target)).status, 401, target);
    assert.equal((await site.request(method, target, ana)).status, analyst, target);
  }
});

test('without remote tables there is nothing to refresh', async () => {
  const status = must(200, await site.get('/api/v2/metadata-cache/status', ana)).json;
  assert.deepEqual([status.scheduler_interval_seconds, status.fresh_threshold_seconds, status.tables], [14400, 28800, []]);
  const { run_id, started_at, duration_ms, ...counts } = must(200, await site.post('/api/admin/run-bq-metadata-refresh', undefined, admin)).json;
  assert.match(run_id, /^[0-9a-f]{8}$/);
  assert.ok(started_at && duration_ms >= 0);
  assert.deepEqual(counts, { total: 0, succeeded: 0, no_data: 0, failed: 0 });
  const job = must(200, await site.get('/api/admin/jobs', admin)).json.jobs.find((one) => one.name === 'bq-metadata-refresh');
  assert.deepEqual([job.outcome, job.schedule], ['ok', 'every 240m']);
});

test('refreshing what is not there, or not remote', async () => {
  assert.equal((await site.post('/api/v2/metadata-cache/refresh?table=nothing', undefined, admin)).status, 404);
  assert.equal((await site.post('/api/v2/metadata-cache/refresh?table=orders', undefined, admin)).status, 400);
  assert.equal((await site.post('/api/v2/metadata-cache/refresh', undefined, admin)).status, 422);
});

test('warm-up: before, while and after it', async () => {
  assert.deepEqual(must(200, await site.get('/api/admin/cache-warmup/status', admin)).json, { state: 'never_run' });
  assert.deepEqual(await events('/api/admin/cache-warmup/stream', admin), [['idle', { state: 'never_run' }]]);
  const started = must(200, await site.post('/api/admin/cache-warmup/run', undefined, admin)).json;
  assert.equal(started.status, 'started');
  const told = await events('/api/admin/cache-warmup/stream', admin);
  assert.equal(told[0][0], 'snapshot');
  assert.equal(told[0][1].run_id, started.run_id);
  assert.deepEqual(told.at(-1), ['complete', { run_id: started.run_id, total: 2, completed: 2, failed: 0 }]);
  const after_ = must(200, await site.get('/api/admin/cache-warmup/status', admin)).json;
  assert.deepEqual([after_.trigger, after_.total, after_.completed, after_.failed], ['manual', 2, 2, 0]);
  assert.ok(after_.completed_at);
  assert.deepEqual(Object.values(after_.rows).map((row) => [row.table_id, row.status, row.error]), [['orders', 'fresh', null], ['plain', 'fresh', null]]);
  assert.equal((await site.get('/api/catalog/profile/orders', ana)).status, 200);
});

test('a remote table whose engine does not answer says so, to those who may see it', async () => {
  google.forbidden.add('example-project');
  must(200, await site.post('/api/admin/register-table', { name: 'events', source_type: 'bigquery', query_mode: 'remote', bucket: 'sales', source_table: 'events' }, admin));
  const listed = async () => must(200, await site.get('/api/v2/catalog', admin)).json.tables.find((table) => table.id === 'events');
  assert.equal((await listed()).metadata_freshness, 'never_fetched');
  const refreshed = must(200, await site.post('/api/v2/metadata-cache/refresh?table=events', undefined, admin)).json;
  assert.equal(refreshed.status, 'error');
  assert.match(refreshed.error, /serviceusage/);
  assert.equal(must(200, await site.post('/api/admin/run-bq-metadata-refresh', undefined, admin)).json.failed, 1);
  assert.deepEqual([(await listed()).metadata_freshness, (await listed()).rows], ['error', null]);
  const [row] = must(200, await site.get('/api/v2/metadata-cache/status', admin)).json.tables;
  assert.deepEqual([row.table_id, row.freshness, row.refreshed_at, row.clustered_by, row.known_columns], ['events', 'error', null, [], []]);
  assert.ok(row.error_at && row.error_msg);
  assert.deepEqual(must(200, await site.get('/api/v2/metadata-cache/status', bob)).json.tables, []);
  must(200, await site.post('/api/admin/cache-warmup/run', undefined, admin));
  assert.deepEqual((await events('/api/admin/cache-warmup/stream', admin)).at(-1)[1].failed, 1);
  const scan = await site.post('/api/v2/scan', { table_id: 'events' }, admin);
  assert.equal(scan.status, 404);
});

test('what BigQuery says of a remote table is in the catalogue', async () => {
  google.forbidden.clear();
  const partitioned = { timePartitioning: { type: 'DAY', field: 'day' }, clustering: { fields: ['country', 'id'] }, schema: { fields: ['day', 'country', 'id'].map((name) => ({ name, type: 'STRING' })) } };
  google.datasets = { sales: [bqTable('events', partitioned), bqTable('seen', { type: 'MATERIALIZED_VIEW', numRows: '0', numBytes: '0' }), bqTable('arrived', { timePartitioning: { type: 'DAY' } }), bqTable('ranged', { rangePartitioning: { field: 'n' } })] };
  for (const name of ['seen', 'arrived', 'ranged', 'gone']) must(200, await site.post('/api/admin/register-table', { name, source_type: 'bigquery', query_mode: 'remote', bucket: 'sales', source_table: name }, admin));
  const { total, succeeded, no_data, failed } = must(200, await site.post('/api/admin/run-bq-metadata-refresh', undefined, admin)).json;
  assert.deepEqual([total, succeeded, no_data, failed], [5, 4, 1, 0]);
  const tables = must(200, await site.get('/api/v2/catalog', admin)).json.tables;
  const told = (id) => {
    const { rows, size_bytes, partition_by, clustered_by, entity_type, metadata_freshness } = tables.find((table) => table.id === id);
    return [rows, size_bytes, partition_by, clustered_by, entity_type, metadata_freshness];
  };
  assert.deepEqual(told('events'), [12345678901, 42, 'day', ['country', 'id'], 'BASE TABLE', 'fresh']);
  assert.deepEqual(told('seen'), [null, null, null, [], 'MATERIALIZED VIEW', 'fresh']);
  assert.deepEqual([told('arrived')[2], told('ranged')[2]], ['_PARTITIONTIME', 'n']);
  assert.equal(told('gone').at(-1), 'error');
  const status = must(200, await site.get('/api/v2/metadata-cache/status', admin)).json.tables.find((row) => row.table_id === 'events');
  assert.deepEqual(status.known_columns, ['day', 'country', 'id']);
  assert.deepEqual(must(200, await site.post('/api/v2/metadata-cache/refresh?table=events', undefined, admin)).json.status, 'ok');
});

test('schema and first rows of a remote table come from BigQuery, for those who may see it, and are kept', async () => {
  const fields = [
    field('id', 'INTEGER', { mode: 'REQUIRED', description: 'the number' }), field('f', 'FLOAT'), field('n', 'NUMERIC'), field('yes', 'BOOLEAN'), field('day', 'DATE'),
    field('moment', 'TIMESTAMP'), field('tags', 'STRING', { mode: 'REPEATED' }), field('r', 'RECORD', { mode: 'REPEATED', fields: [field('k', 'STRING'), field('v', 'INT64')] }),
  ];
  google.datasets.sales.push(
    bqTable('rich', { schema: { fields }, timePartitioning: { field: 'day' }, data: [[7, '1.5', '2.50', true, '2026-01-02', 1767323045000000n, ['a'], [['x', 1]]], [8, 'NaN', null, false, null, null, [], []]] }),
    ...['looked_at', 'costly', 'slow'].map((name) => bqTable(name, { type: 'VIEW', schema: { fields: fields.slice(0, 1) } })),
  );
  for (const name of ['rich', 'looked_at', 'costly', 'slow']) must(200, await site.post('/api/admin/register-table', { name, source_type: 'bigquery', query_mode: 'remote', bucket: 'sales', source_table: name }, admin));
  google.requests.length = 0;
  for (const _ of [1, 2]) {
    const schema = must(200, await site.get('/api/v2/schema/rich', admin)).json;
    assert.deepEqual(schema.columns.map((c) => [c.name, c.type, c.nullable, c.description]), [
      ['id', 'INT64', false, 'the number'], ['f', 'FLOAT64', true, ''], ['n', 'NUMERIC', true, ''], ['yes', 'BOOL', true, ''], ['day', 'DATE', true, ''],
      ['moment', 'TIMESTAMP', true, ''], ['tags', 'ARRAY<STRING>', true, ''], ['r', 'ARRAY<STRUCT<k STRING, v INT64>>', true, '']]);
    assert.deepEqual([schema.sql_flavor, schema.partition_by, schema.clustered_by, Object.keys(schema.where_dialect_hints).length], ['bigquery', 'day', [], 5]);
    assert.deepEqual(must(200, await site.get('/api/v2/sample/rich?n=1', admin)).json, {
      table_id: 'rich', source: 'bigquery',
      rows: [{ id: 7, f: 1.5, n: 2.5, yes: true, day: '2026-01-02T00:00:00', moment: '2026-01-02T03:04:05', tags: ['a'], r: [{ k: 'x', v: 1 }] }],
    });
  }
  assert.equal(google.requests.length, 3, 'asked once');
  assert.deepEqual(must(200, await site.get('/api/v2/sample/rich?n=2', admin)).json.rows[1], { id: 8, f: null, n: null, yes: false, day: null, moment: null, tags: [], r: [] });
  // A view is read by a query, within the limit of cost, once however many rows are asked for.
  const rowsOf = (view, more) => google.queries.set(`SELECT * FROM \`example-project.sales.${view}\` LIMIT 100`, { fields: fields.slice(0, 1), rows: [], ...more });
  rowsOf('looked_at', { rows: [[1], [2], [3]] });
  google.requests.length = 0;
  assert.deepEqual(must(200, await site.get('/api/v2/sample/looked_at?n=2', admin)).json.rows, [{ id: 1 }, { id: 2 }]);
  assert.deepEqual(must(200, await site.get('/api/v2/sample/looked_at?n=3', admin)).json.rows.length, 3);
  assert.equal(google.requests.filter((r) => r.method === 'POST').length, 1);
  assert.match(google.requests.find((r) => r.method === 'POST').body.requestId, /^[0-9a-f]{32}$/);
  rowsOf('costly', { billed: 6 * 2 ** 30 });
  const costly = await site.get('/api/v2/sample/costly', admin);
  assert.deepEqual([costly.status, costly.json.detail.error], [502, 'bq_upstream_error']);
  assert.match(costly.json.detail.message, /bytes billed: 5368709120/);
  rowsOf('slow', { polls: 1 });
  assert.equal((await site.get('/api/v2/sample/slow', admin)).status, 504);
  for (const what of ['schema', 'sample']) {
    assert.equal((await site.get(`/api/v2/${what}/rich`, ana)).status, 403);
    assert.equal((await site.get(`/api/v2/${what}/gone`, admin)).status, 404);
  }
  google.faults.push({ status: 403, reason: 'accessDenied', message: 'Access Denied: Table' });
  const denied = await site.get('/api/v2/schema/looked_at', admin);
  assert.deepEqual([denied.status, denied.json.detail.error, denied.json.detail.details.data_project], [502, 'bq_forbidden', 'example-project']);
  must(200, await site.get('/api/v2/schema/looked_at', admin));
});
