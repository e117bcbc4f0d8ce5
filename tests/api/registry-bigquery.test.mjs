// BigQuery as a source: trying it, what it offers, prechecks; over HTTP, with a stand-in for Google.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { bqTable, startBigQuery } from '../fakes/bigquery.mjs';
import { must, startServer } from '../lib/server.mjs';

const test_ = '/api/admin/bigquery/test-connection';
const discover = '/api/admin/discover-tables';
const registerFound = '/api/admin/discover-and-register';
let google, server, admin, ana;

before(async () => {
  google = await startBigQuery();
  server = await startServer({ env: { DATA_SOURCE: 'bigquery', BIGQUERY_PROJECT: 'example-project', ...google.env } });
  admin = { token: server.admin.token };
  ana = { token: (await server.addUser('ana@example.com')).token };
});
after(async () => {
  await server.stop();
  await google.stop();
});
beforeEach(() => {
  google.datasets = {
    sales: [bqTable('orders'), bqTable('Daily', { type: 'VIEW' }), bqTable('events_20260101'), bqTable('events_20260102'), bqTable('odd name'), bqTable('year_2026')],
    empty: [],
  };
  google.pageSize = 1000;
  for (const list of [google.faults, google.tokenFaults, google.requests]) list.length = 0;
  google.forbidden.clear();
});

const save = async (bigquery) => must(200, await server.post('/api/admin/server-config', { sections: { data_source: { bigquery } } }, admin));
const connection = () => server.post(test_, undefined, admin);
const found = (query = '') => server.get(`${discover}${query}`, admin);

test('nobody and analysts are refused, and Google is not asked', async () => {
  for (const [method, target] of [['POST', test_], ['GET', discover], ['POST', registerFound]]) {
    assert.equal((await server.request(method, target)).status, 401);
    assert.equal((await server.request(method, target, ana)).status, 403);
  }
  assert.equal(google.requests.length, 0);
});

test('test-connection is a dry run in the project that is billed', async () => {
  const answer = must(200, await connection()).json;
  assert.deepEqual({ ...answer, elapsed_ms: 0 }, { ok: true, source: 'bigquery', billing_project: 'example-project', data_project: 'example-project', elapsed_ms: 0 });
  assert.ok(Number.isInteger(answer.elapsed_ms));
  assert.deepEqual(google.requests, [{ method: 'POST', path: '/bigquery/v2/projects/example-project/queries', query: '', user_project: 'example-project', body: { query: 'SELECT 1 AS ok', useLegacySql: false, dryRun: true } }]);
  await save({ billing_project: 'example-billing', location: 'EU' });
  assert.equal(must(200, await connection()).json.billing_project, 'example-billing');
  assert.deepEqual([google.requests[1].path, google.requests[1].user_project, google.requests[1].body.location], ['/bigquery/v2/projects/example-billing/queries', 'example-billing', 'EU']);

  google.forbidden.add('example-billing');
  const refused = await connection();
  assert.equal(refused.status, 502);
  assert.deepEqual([refused.json.detail.kind, refused.json.detail.billing_project, refused.json.detail.data_project], ['cross_project_forbidden', 'example-billing', 'example-project']);
  assert.match(refused.json.detail.message, /serviceusage/);
  assert.match(refused.json.detail.hint, /data_source\.bigquery\.billing_project/);
  await save({ billing_project: '', location: '' });
});

test('Google\'s faults: what passes is waited for, what does not is told with its kind', async () => {
  for (const faults of [[{ status: 503, headers: { 'retry-after': '0' } }, { status: 429, headers: { 'retry-after': '0' } }], ['cut'], [{ status: 401, reason: 'authError' }]]) {
    google.faults.push(...faults);
    must(200, await connection());
    assert.equal(google.requests.splice(0).length, faults.length + 1);
  }
  const always = (fault) => Array(4).fill({ ...fault, headers: { 'retry-after': '0' } });
  for (const [faults, kind, said] of [
    [[{ status: 401 }, { status: 401 }], 'auth_failed', /HTTP 401/],
    [[{ status: 403, reason: 'accessDenied', message: 'Access Denied: no bigquery.jobs.create' }], 'bq_forbidden', /Access Denied/],
    [[{ status: 403, reason: 'rateLimitExceeded', message: 'Exceeded rate limits' }], 'throttled', /rate limits/],
    [[{ status: 400, reason: 'invalid', message: 'Bad\nlocation' }], 'bq_upstream_error', /HTTP 400: Bad\\nlocation/],
    [[{ status: 404 }], 'bq_upstream_error', /knows no project/],
    [always({ status: 503 }), 'bq_upstream_error', /HTTP 503/],
    [[{ body: '<html>A proxy</html>' }], 'bq_upstream_error', /not a JSON object/],
    [[{ body: '[]' }], 'bq_upstream_error', /not a JSON object/],
    [[{ status: 302, body: '', headers: { location: 'http://127.0.0.1/' } }], 'bq_upstream_error', /HTTP 302/],
  ]) {
    google.faults.push(...faults);
    const answer = await connection();
    assert.equal(answer.status, 502, answer.text);
    assert.equal(answer.json.detail.kind, kind, answer.text);
    assert.match(answer.json.detail.message, said);
    assert.doesNotMatch(answer.text, /ya29|PRIVATE KEY/);
    assert.equal(google.faults.length, 0);
  }
  google.tokenFaults.push({ status: 400, error: 'invalid_grant', description: 'Invalid JWT Signature.' });
  const refused = await connection();
  assert.deepEqual([refused.status, refused.json.detail.kind], [502, 'auth_failed']);
  assert.match(refused.json.detail.message, /Invalid JWT Signature/);
  assert.doesNotMatch(server.log, /ya29|PRIVATE KEY/);
});

test('discovery: the datasets, then the tables of one, over all pages', async () => {
  assert.deepEqual(must(200, await found()).json, {
    datasets: [{ dataset_id: 'empty', full_id: 'example-project.empty' }, { dataset_id: 'sales', full_id: 'example-project.sales' }], count: 2, source: 'bigquery',
  });
  const tables = must(200, await found('?dataset=sales')).json;
  assert.deepEqual([tables.count, tables.source, tables.dataset], [6, 'bigquery', 'sales']);
  assert.deepEqual(tables.tables[0], { table_id: 'Daily', table_type: 'VIEW', full_id: 'example-project.sales.Daily', registered: false });
  google.pageSize = 2;
  assert.deepEqual(must(200, await found('?dataset=sales')).json, tables);
  google.pageSize = 1;
  assert.equal(must(200, await found()).json.count, 2);
  assert.deepEqual(must(200, await found('?dataset=empty')).json.tables, []);
  for (const name of ['none', '..%2F..', 'sales%2Ftables%2Forders', '__proto__']) {
    const none = await found(`?dataset=${name}`);
    assert.equal(none.status, 404, name);
  }
  google.faults.push({ body: { datasets: [], nextPageToken: 'x' } }, { body: { nextPageToken: 'x' } });
  const circle = await found();
  assert.deepEqual([circle.status, circle.json.detail.kind, Object.keys(circle.json.detail)], [502, 'bq_upstream_error', ['error', 'kind', 'details']]);
  google.faults.push({ status: 403, reason: 'accessDenied', message: 'Access Denied' });
  assert.equal((await found()).json.detail.kind, 'bq_forbidden');
});

test('registering a dataset\'s tables: not its shards, and nothing without a dataset', async () => {
  assert.deepEqual(must(200, await server.post(registerFound, undefined, admin)).json, { registered: 0, skipped: 0, errors: 0, drifted: 0, tables: [], dry_run: false, drift: [], invalid: [], source: 'bigquery' });
  const made = must(200, await server.post(`${registerFound}?dataset=sales`, undefined, admin)).json;
  assert.deepEqual([made.tables, made.errors], [['daily', 'orders', 'year_2026'], 3]);
  assert.deepEqual(made.invalid.map((item) => item.full_id), ['sales.events_20260101', 'sales.events_20260102', 'sales.odd name']);
  const rows = must(200, await server.get('/api/admin/registry', admin)).json.tables;
  assert.deepEqual(rows.map((r) => [r.name, r.bucket, r.source_table, r.query_mode]), [['Daily', 'sales', 'Daily', 'remote'], ['orders', 'sales', 'orders', 'remote'], ['year_2026', 'sales', 'year_2026', 'remote']]);
  assert.equal(must(200, await server.post(`${registerFound}?dataset=sales`, undefined, admin)).json.skipped, 3);
  assert.deepEqual(must(200, await found('?dataset=sales')).json.tables.map((t) => t.registered), [true, false, false, false, true, true]);
});

test('a precheck asks for the table', async () => {
  const precheck = (more) => server.post('/api/admin/register-table/precheck', { name: 'o', source_type: 'bigquery', bucket: 'sales', source_table: 'orders', ...more }, admin);
  const { table } = must(200, await precheck()).json;
  assert.deepEqual([table.project_id, table.rows, table.size_bytes, table.column_count, table.columns], ['example-project', 12345678901, 42, 2, [{ name: 'id', type: 'INTEGER' }, { name: 'tags', type: 'RECORD' }]]);
  const none = await precheck({ source_table: 'nothing' });
  assert.deepEqual([none.status, none.json.detail], [404, 'BigQuery has no table example-project.sales.nothing']);
  google.forbidden.add('example-project');
  const refused = await precheck();
  assert.deepEqual([refused.status, refused.json.detail.kind], [403, 'cross_project_forbidden']);
  google.forbidden.clear();
  const always = (fault) => Array(4).fill({ ...fault, headers: { 'retry-after': '0' } });
  for (const [faults, status, kind] of [
    [[{ status: 403, reason: 'accessDenied', message: 'Access Denied: no bigquery.tables.get' }], 403, 'bq_forbidden'],
    [[{ status: 401 }, { status: 401 }], 400, 'auth_failed'],
    [[{ status: 400, reason: 'invalid', message: 'Invalid table name' }], 400, 'bq_upstream_error'],
    [always({ status: 503 }), 400, 'bq_upstream_error'],
  ]) {
    google.faults.push(...faults);
    const answer = await precheck();
    assert.deepEqual([answer.status, answer.json.detail.kind], [status, kind], answer.text);
  }
  google.requests.length = 0;
  must(200, await precheck({ query_mode: 'materialized' }));
  assert.equal(google.requests.length, 0);
});

test('settings and credentials that are missing are named', async () => {
  const other = await startServer({ env: { GOOGLE_APPLICATION_CREDENTIALS: google.keyFile, BIGQUERY_EMULATOR_HOST: 'http://bigquery.example.com' } });
  const as = { token: other.admin.token };
  const refused = async (status, kind, said) => {
    const answer = await other.post(test_, undefined, as);
    assert.deepEqual([answer.status, answer.json.detail.kind], [status, kind], answer.text);
    assert.match(answer.json.detail.message, said);
  };
  const set = async (bigquery) => must(200, await other.post('/api/admin/server-config', { sections: { data_source: { bigquery } } }, as));
  await refused(400, 'not_configured', /data_source\.bigquery\.project is not set/);
  await set({ project: 'No Project' });
  await refused(400, 'not_configured', /not a project id/);
  await set({ project: 'example-project' });
  await refused(400, 'not_configured', /BIGQUERY_EMULATOR_HOST/);
  await other.stop();
  const third = await startServer({ env: { BIGQUERY_PROJECT: 'example-project', GOOGLE_APPLICATION_CREDENTIALS: '/nonexistent/key.json' } });
  const answer = await third.post(test_, undefined, { token: third.admin.token });
  assert.deepEqual([answer.status, answer.json.detail.kind], [502, 'auth_failed']);
  assert.match(answer.json.detail.hint, /GOOGLE_APPLICATION_CREDENTIALS/);
  await third.stop();
});
