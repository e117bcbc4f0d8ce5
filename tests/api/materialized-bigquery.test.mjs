// Tables that are the result of a query in BigQuery: brought by the sync, into a Parquet file, within their cost limit.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { bqTable, field, startBigQuery } from '../fakes/bigquery.mjs';
import { makeUser } from '../lib/agnes.mjs';
import { afterChanges, namesBelow } from '../lib/changes.mjs';
import { makeNewer, openDatabase, writeDatabase } from '../lib/duckdb.mjs';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let google, site, admin, ana;
const one = (n) => ({ fields: [field('n', 'INTEGER')], rows: [[n]], bytes: 100 });

before(async () => {
  google = await startBigQuery();
  // Jobs run when they are asked for, not by themselves.
  site = await startSite({ 'orders.csv': 'id\n1\n2\n' }, { env: { BIGQUERY_PROJECT: 'example-project', ...google.env } });
  await site.sync();
  admin = site.admin.token;
  ana = await site.analyst('ana@example.com', ['orders']);
});
after(async () => {
  await site?.stop();
  await google.stop();
});
beforeEach(() => {
  google.queries.clear();
  google.jobs.clear();
  google.rowPage = 100000;
  for (const list of [google.faults, google.tokenFaults, google.requests]) list.length = 0;
});

const register = async (name, source_query, more = {}) => {
  const answer = await site.post('/api/admin/register-table', { name, source_type: 'bigquery', query_mode: 'materialized', source_query, ...more }, { token: admin });
  assert.ok(answer.status < 300, answer.text);
};
const row = async (name) => must(200, await site.get('/api/admin/registry', { token: admin })).json.tables.find((t) => t.name === name);
const rows = async (sql) => must(200, await site.query(sql, admin)).json.rows;
// Runs a sync of these tables and answers which tables failed, with the reason.
const bring = async (...tables) => {
  must(200, await site.post('/api/sync/trigger', tables.length > 0 ? tables : undefined, { token: admin }));
  const { failed } = (await idle()).result;
  return Object.fromEntries(failed.map((f) => [f.table, f.error]));
};
const job = async () => must(200, await site.get('/api/admin/jobs', { token: admin })).json.jobs.find((j) => j.name === 'sync');
const idle = () =>
  site.until('the sync has ended', async () => {
    const now = await job();
    return !now.running && now;
  });
const file = (name) => path.join(site.data, 'extracts/bigquery/data', `${name}.parquet`);

test('a query becomes a table that analysts fetch, with every type of BigQuery', async () => {
  const fields = [
    field('i', 'INTEGER'), field('f', 'FLOAT'), field('n', 'NUMERIC'), field('small', 'NUMERIC', { precision: '5', scale: '2' }), field('big', 'BIGNUMERIC'),
    field('b', 'BOOLEAN'), field('s', 'STRING'), field('bytes', 'BYTES'), field('day', 'DATE'), field('hour', 'TIME'), field('wall', 'DATETIME'), field('moment', 'TIMESTAMP'),
    field('place', 'GEOGRAPHY'), field('doc', 'JSON'), field('tags', 'STRING', { mode: 'REPEATED' }),
    field('r', 'RECORD', { fields: [field('a b', 'INT64'), field('raw', 'BYTES', { mode: 'REPEATED' }), field('deep', 'STRUCT', { mode: 'REPEATED', fields: [field('t', 'TIMESTAMP')] })] }),
  ];
  const base64 = (bytes) => Buffer.from(bytes).toString('base64');
  google.queries.set('SELECT * FROM everything', {
    fields, bytes: 10,
    rows: [
      [9007199254740993n, '1.5E10', '12345678901234567890123456789.123456789', '-123.45', '1.00000000000000000000000000000000000001', true, 'quote " \\ and \n ščř', base64([0, 255, 97]),
        '2026-01-02', '12:34:56.123456', '2026-01-02T03:04:05.5', 1767323045000001n, 'POINT(1 2)', '{"a": [1]}', ['x', '', 'z'],
        [7, [base64([1]), base64([])], [[1767323045000000n], [null]]]],
      fields.map((f) => (f.mode === 'REPEATED' ? [] : null)),
      ['-1', 'NaN', '0', '0', '0', false, '', '', '0001-01-01', '00:00:00', '9999-12-31T23:59:59.999999', -62135596800000000n, '', 'null', [], [null, [], []]],
    ],
  });
  await register('everything', 'SELECT * FROM everything');
  google.rowPage = 2;
  assert.deepEqual(await bring('everything'), {});
  const types = must(200, await site.get('/api/v2/schema/everything', { token: admin })).json.columns.map((c) => c.type);
  assert.deepEqual(types, ['BIGINT', 'DOUBLE', 'DECIMAL(38,9)', 'DECIMAL(5,2)', 'VARCHAR', 'BOOLEAN', 'VARCHAR', 'BLOB', 'DATE', 'TIME', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE',
    'VARCHAR', 'VARCHAR', 'VARCHAR[]', 'STRUCT("a b" BIGINT, raw BLOB[], deep STRUCT(t TIMESTAMP WITH TIME ZONE)[])']);
  assert.deepEqual(await rows(`SELECT i::VARCHAR, f, n::VARCHAR, small::VARCHAR, big, s, hex(bytes), day::VARCHAR, hour::VARCHAR, wall::VARCHAR, moment::VARCHAR, place, doc, tags,
      r."a b", list_transform(r.raw, lambda x: hex(x)), len(r.deep), r.deep[1].t::VARCHAR FROM everything WHERE i > 0`), [[
    '9007199254740993', 15000000000, '12345678901234567890123456789.123456789', '-123.45', '1.00000000000000000000000000000000000001', 'quote " \\ and \n ščř', '00FF61',
    '2026-01-02', '12:34:56.123456', '2026-01-02 03:04:05.5', '2026-01-02 03:04:05.000001+00', 'POINT(1 2)', '{"a": [1]}', ['x', '', 'z'], 7, ['01', ''], 2, '2026-01-02 03:04:05+00',
  ]]);
  assert.deepEqual(await rows('SELECT count(*) FROM everything WHERE i IS NULL AND r IS NULL AND tags = []'), [[1]]);
  assert.deepEqual(await rows(`SELECT isnan(f), moment::VARCHAR, wall::VARCHAR, r."a b", len(r.raw) FROM everything WHERE i = -1`),
    [[true, '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999', null, 0]]);

  // In the manifest, for those who may see it, as a file to fetch.
  assert.ok(!('everything' in (await site.manifest(ana.token))));
  await site.grant(ana.group, 'everything');
  const told = (await site.manifest(ana.token)).everything;
  assert.deepEqual([told.query_mode, told.source_type, told.rows], ['materialized', 'bigquery', 3]);
  const got = must(200, await site.get('/api/data/everything/download', { token: ana.token }));
  assert.deepEqual(got.body, readFileSync(file('everything')));
  // The extract is whole by itself, as the Python server leaves it.
  const extract = await openDatabase(path.join(site.data, 'extracts/bigquery/extract.duckdb'));
  assert.deepEqual(await extract.rows('SELECT table_name, "rows", query_mode FROM _meta'), [{ table_name: 'everything', rows: 3, query_mode: 'materialized' }]);
  assert.deepEqual(await extract.rows('SELECT count(*)::INT AS n FROM everything'), [{ n: 3 }]);
  extract.close();
});

test('what is sent to BigQuery: a dry run, then a job with a name and limits, then its pages', async () => {
  google.queries.set('SELECT n', { ...one(1), rows: [[1], [2], [3]], polls: 2 });
  await register('asked', 'SELECT n');
  google.rowPage = 2;
  await bring('asked');
  const [dry, insert, ...pages] = google.requests;
  assert.deepEqual([dry.path, dry.body.configuration.dryRun, dry.body.configuration.query], ['/bigquery/v2/projects/example-project/jobs', true, { query: 'SELECT n', useLegacySql: false }]);
  assert.match(insert.body.jobReference.jobId, /^agnes_[0-9a-f]{32}$/);
  assert.deepEqual(insert.body.configuration, { query: { query: 'SELECT n', useLegacySql: false, maximumBytesBilled: '10737418240' }, jobTimeoutMs: '600000' });
  assert.equal(pages.length, 4);
  for (const page of pages) assert.match(page.query, /formatOptions\.useInt64Timestamp=true&.*location=US/);
  assert.deepEqual(await rows('SELECT list(n ORDER BY n) FROM asked'), [[[1, 2, 3]]]);
});

test('a query that would read too much does not run, and its table stays as it was', async () => {
  google.queries.set('SELECT costly', one(1));
  await register('costly', 'SELECT costly');
  await bring('costly');
  google.queries.set('SELECT costly', { ...one(2), bytes: 10737418241 });
  google.jobs.clear();
  const failed = await bring('costly');
  assert.equal(google.jobs.size, 0);
  assert.match(failed.costly, /10,737,418,241 bytes.*10,737,418,240.*max_bytes_per_materialize/);
  assert.equal((await row('costly')).last_sync_error, failed.costly);
  assert.deepEqual(await rows('SELECT n FROM costly'), [[1]]);
  // What a dry run cannot know BigQuery itself refuses.
  google.queries.set('SELECT costly', { ...one(3), billed: 10737418241 });
  assert.match((await bring('costly')).costly, /bytes billed/);
  google.queries.set('SELECT costly', one(4));
  assert.deepEqual(await bring('costly'), {});
  assert.equal((await row('costly')).last_sync_error, null);
  assert.deepEqual(await rows('SELECT n FROM costly'), [[4]]);
});

test('each failure is told of its table alone, in BigQuery\'s words, and no secret', async () => {
  google.queries.set('SELECT good', one(5));
  await register('good', 'SELECT good');
  const bad = {
    syntax: [undefined, /Syntax error/],
    late: [{ ...one(1), error: 'Not found: Table example-project:sales.gone' }, /Not found: Table/],
    script: [{ ...one(1), type: 'DROP_TABLE' }, /DROP_TABLE statement: only the rows of a SELECT/],
    short: [{ ...one(1), totalRows: 7 }, /1 rows came of 7/],
    none: [{ fields: [], rows: [] }, /without columns/],
    misfit: [{ fields: [field('n', 'INTEGER')], rows: [['seven']] }, /"seven"/],
  };
  for (const [name, [found]] of Object.entries(bad)) {
    if (found) google.queries.set(`SELECT ${name}`, found);
    await register(name, `SELECT ${name}`);
  }
  const said = await bring('good', ...Object.keys(bad));
  for (const [name, [, pattern]] of Object.entries(bad)) {
    assert.match(said[name], pattern, name);
    assert.doesNotMatch(said[name], /ya29|PRIVATE KEY|\n|agnes-tmp/);
  }
  assert.ok(!('good' in said));
  assert.deepEqual(await rows('SELECT n FROM good'), [[5]]);
  // Nothing is left of what was fetched.
  for (const name of Object.keys(bad)) assert.ok(!existsSync(file(name)));
  for (const name of Object.keys(bad)) must(204, await site.delete(`/api/admin/registry/${name}`, { token: admin }));
});

test('a lost answer to the start of a query, a refusal for a moment, and a token that is taken no more', async () => {
  google.queries.set('SELECT again', { ...one(6), lost: true });
  await register('again', 'SELECT again');
  assert.deepEqual(await bring('again'), {});
  assert.equal(google.jobs.size, 1, 'the repeated request is the same job');
  google.faults.push({ status: 503, headers: { 'retry-after': '0' } }, { status: 401 }, { status: 429, headers: { 'retry-after': '0' } });
  assert.deepEqual(await bring('again'), {});
  google.faults.push({ status: 403, reason: 'accessDenied', message: 'Access Denied: no bigquery.jobs.create' });
  assert.match((await bring('again')).again, /Access Denied.*BigQuery Job User/);
  must(204, await site.delete('/api/admin/registry/again', { token: admin }));
});

test('a sync of everything runs the query only when it is due; naming the table runs it', async () => {
  google.queries.set('SELECT hourly', one(7));
  await register('hourly', 'SELECT hourly');
  const ran = async (...tables) => {
    google.jobs.clear();
    await bring(...tables);
    return [...google.jobs.values()].filter((j) => j.sql === 'SELECT hourly').length;
  };
  assert.equal(await ran(), 1, 'never ran');
  assert.equal(await ran(), 0, 'ran this hour');
  assert.equal(await ran('hourly'), 1, 'named');
  const synced = JSON.parse(readFileSync(path.join(site.data, 'state/synced.json'), 'utf8'));
  assert.ok(synced.hourly && synced.orders);
  // The job by its schedule holds to the same.
  must(202, await site.post('/api/admin/jobs/sync/run', undefined, { token: admin }));
  google.jobs.clear();
  await idle();
  assert.equal(google.jobs.size, 0);
});

test('cancelling the sync cancels the query at BigQuery', async () => {
  google.queries.set('SELECT slow', { ...one(8), polls: Infinity });
  await register('slow', 'SELECT slow');
  must(200, await site.post('/api/sync/trigger', ['slow'], { token: admin }));
  await site.until('the query runs', () => [...google.jobs.values()].some((j) => j.waited > 0));
  const seen = await job();
  assert.deepEqual([seen.progress.table, seen.progress.state], ['slow', 'waiting for BigQuery']);
  must(202, await site.post('/api/admin/jobs/sync/cancel', undefined, { token: admin }));
  assert.equal((await idle()).outcome, 'cancelled');
  assert.ok([...google.jobs.values()].every((j) => j.cancelled));
  must(204, await site.delete('/api/admin/registry/slow', { token: admin }));
});

test('a table that is unregistered while its query runs does not come back', async () => {
  let go;
  google.queries.set('SELECT gone', { ...one(1), polls: 1, hold: new Promise((resolve) => (go = resolve)) });
  await register('gone', 'SELECT gone');
  must(200, await site.post('/api/sync/trigger', ['gone'], { token: admin }));
  await site.until('the query runs', () => [...google.jobs.values()].some((j) => j.sql === 'SELECT gone'));
  must(204, await site.delete('/api/admin/registry/gone', { token: admin }));
  go();
  await idle();
  await site.until('no job runs', async () => must(200, await site.get('/api/admin/jobs', { token: admin })).json.jobs.every((j) => !j.running));
  assert.ok(!existsSync(file('gone')));
  assert.ok(!('gone' in (await site.manifest(admin))));
});

test('a changed registration: its old data goes, and it is brought anew', async () => {
  google.queries.set('SELECT first', one(1));
  google.queries.set('SELECT second', one(2));
  await register('changing', 'SELECT first', { sync_schedule: 'daily 05:00' });
  const change = async (body) => must(200, await site.request('PUT', '/api/admin/registry/changing', { json: { ...body, query_mode: 'materialized' }, token: admin }));
  assert.deepEqual(await bring(), {});
  // Another query is due at once, whatever the schedule.
  await change({ source_query: 'SELECT second' });
  assert.deepEqual(await bring(), {});
  assert.deepEqual(await rows('SELECT n FROM changing'), [[2]]);
  // Another name leaves nothing under the old one.
  await change({ name: 'changed', source_query: 'SELECT second' });
  await site.until('the old file is gone', () => !existsSync(file('changing')));
  assert.deepEqual(await bring(), {});
  assert.deepEqual(await rows('SELECT n FROM changed'), [[2]]);
  assert.ok(!('changing' in (await site.manifest(admin))));
  // Registered again, it has no data and is due.
  must(204, await site.delete('/api/admin/registry/changing', { token: admin }));
  await site.until('the file is gone', () => !existsSync(file('changed')));
  await register('changed', 'SELECT first', { sync_schedule: 'daily 05:00' });
  assert.deepEqual(await bring(), {});
  assert.deepEqual(await rows('SELECT n FROM changed'), [[1]]);
});

test('a query that fails is tried again after an hour, not at each turn', async () => {
  google.queries.set('SELECT failing', { ...one(1), error: 'Resources exceeded' });
  await register('failing', 'SELECT failing');
  const runs = () => [...google.jobs.values()].filter((j) => j.sql === 'SELECT failing').length;
  assert.match((await bring()).failing, /Resources exceeded/);
  assert.match((await bring()).failing, /Resources exceeded/);
  assert.equal(runs(), 1);
  assert.match((await bring('failing')).failing, /Resources exceeded/);
  assert.equal(runs(), 2, 'named');
  must(204, await site.delete('/api/admin/registry/failing', { token: admin }));
});

test('what another program holds open is not touched, and what only a later DuckDB reads is kept aside', async () => {
  google.queries.set('SELECT good', one(11));
  await register('good_again', 'SELECT good');
  await bring('good_again');
  const database = path.join(site.data, 'extracts/bigquery/extract.duckdb');
  const close = await writeDatabase(database, ['CREATE TABLE theirs AS SELECT 1 AS id', "INSERT INTO _meta VALUES ('theirs', '', 1, 0, now(), 'local')"]);
  const failed = bring('good_again');
  assert.match((await failed).good_again, /open in another program/);
  close();
  assert.deepEqual(await bring('good_again'), {});
  const extract = await openDatabase(database);
  assert.deepEqual(await extract.rows('SELECT id FROM theirs'), [{ id: 1 }]);
  extract.close();
  makeNewer(database);
  assert.deepEqual(await bring('good_again'), {});
  assert.deepEqual(await rows('SELECT n FROM good_again'), [[11]]);
  assert.ok(existsSync(`${database}.unreadable`));
});

test('unregistering takes the table, its file and its row away', async () => {
  google.queries.set('SELECT short_lived', one(9));
  await register('short_lived', 'SELECT short_lived');
  await bring('short_lived');
  assert.ok(existsSync(file('short_lived')));
  must(204, await site.delete('/api/admin/registry/short_lived', { token: admin }));
  await site.until('the file is gone', () => !existsSync(file('short_lived')));
  const extract = await openDatabase(path.join(site.data, 'extracts/bigquery/extract.duckdb'));
  assert.deepEqual(await extract.rows("SELECT table_name FROM _meta WHERE table_name = 'short_lived'"), []);
  extract.close();
});

test('what cannot be a table here, and a source that runs no queries, are told', async () => {
  must(201, await site.post('/api/admin/register-table', { name: 'words', source_type: 'jira', query_mode: 'materialized', source_query: 'SELECT 1' }, { token: admin }));
  assert.match((await bring('words')).words, /jira runs no queries/);
  assert.match((await row('words')).last_sync_error, /runs no queries/);
});

test('remote tables that another program keeps in the extract stay', async () => {
  const shared = await startSite({ 'orders.csv': 'id\n1\n' }, {
    settings: 'extract:\n  extension_repository: http://127.0.0.1:1\n',
    env: { BIGQUERY_PROJECT: 'example-project', ...google.env },
    data: await (async () => {
      const data = temporaryFolder();
      const folder = path.join(data, 'extracts/bigquery');
      mkdirSync(path.join(folder, 'data'), { recursive: true });
      const close = await writeDatabase(path.join(folder, 'extract.duckdb'), [
        'CREATE TABLE _meta (table_name VARCHAR, description VARCHAR, "rows" BIGINT, size_bytes BIGINT, extracted_at TIMESTAMP, query_mode VARCHAR)',
        'CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, token_env VARCHAR)',
        "INSERT INTO _remote_attach VALUES ('bq', 'bigquery', 'project=example-project', '')",
        "INSERT INTO _meta VALUES ('web', '', 0, 0, now(), 'remote'), ('Mine', '', 0, 0, now(), 'remote')",
        "ATTACH ':memory:' AS bq", 'CREATE SCHEMA bq.ds', 'CREATE TABLE bq.ds.web (i INT)',
        'CREATE VIEW web AS SELECT * FROM bq.ds.web', 'CREATE VIEW "Mine" AS SELECT * FROM bq.ds.web',
      ]);
      close();
      return data;
    })(),
  });
  const token = shared.admin.token;
  google.queries.set('SELECT mine', one(10));
  must(201, await shared.post('/api/admin/register-table', { name: 'mine', source_type: 'bigquery', query_mode: 'materialized', source_query: 'SELECT mine' }, { token }));
  await shared.sync(['mine']);
  assert.deepEqual(must(200, await shared.query('SELECT n FROM mine', token)).json.rows, [[10]]);
  const extract = await openDatabase(path.join(shared.data, 'extracts/bigquery/extract.duckdb'));
  assert.deepEqual(await extract.rows('SELECT table_name, query_mode FROM _meta ORDER BY 1'), [{ table_name: 'mine', query_mode: 'materialized' }, { table_name: 'web', query_mode: 'remote' }]);
  assert.deepEqual(await extract.rows('SELECT alias FROM _remote_attach'), [{ alias: 'bq' }]);
  assert.deepEqual(await extract.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal AND database_name NOT IN ('system', 'temp') ORDER BY 1"), [{ view_name: 'mine' }, { view_name: 'web' }]);
  extract.close();
  const { tables } = must(200, await shared.get('/api/catalog/tables', { token })).json;
  assert.ok(tables.some((t) => t.name === 'mine'));
  await shared.stop();
});

test('without a project the failure names the setting, and other sources are brought', async () => {
  const bare = await startSite({ 'orders.csv': 'id\n1\n' });
  const token = bare.admin.token;
  writeFileSync(path.join(bare.source, 'late.csv'), 'id\n5\n');
  const close = async () => bare.stop();
  const answer = await bare.post('/api/admin/register-table', { name: 'm', source_type: 'bigquery', query_mode: 'materialized', source_query: 'SELECT 1' }, { token });
  assert.equal(answer.status, 400);
  assert.match(answer.json.detail, /data_source\.bigquery\.project/);
  await bare.sync();
  assert.deepEqual(must(200, await bare.query('SELECT id FROM late', token)).json.rows, [[5]]);
  await close();
});

test('killed at many points of bringing a table: the old version or the new one, whole, and nothing is left over', async () => {
  const data = temporaryFolder();
  const options = { env: { BIGQUERY_PROJECT: 'example-project', ...google.env }, data };
  let killed = await startSite({ 'orders.csv': 'id\n1\n' }, options);
  must(201, await killed.post('/api/admin/register-table', { name: 'versions', source_type: 'bigquery', query_mode: 'materialized', source_query: 'SELECT versions' }, { token: killed.admin.token }));
  google.rowPage = 500;
  let old = 0;
  for (let version = 1; version <= 8; version++) {
    google.queries.set('SELECT versions', { fields: [field('v', 'INTEGER')], rows: Array.from({ length: version * 1000 }, () => [version]), bytes: 1 });
    must(200, await killed.post('/api/sync/trigger', ['versions'], { token: killed.admin.token }));
    let ended = false;
    const idle = killed.idle().then(() => (ended = true), () => (ended = true));
    // Pages arrive below tmp first, then the table in the extract.
    await afterChanges(path.join(data, version % 2 ? 'tmp' : 'extracts'), Math.ceil(version / 2), () => ended);
    await killed.kill();
    await idle;
    killed = await startSite({}, { ...options, source: killed.source });
    const answer = await killed.query('SELECT count(*), min(v), max(v) FROM versions', killed.admin.token);
    if (answer.status === 200) {
      const [count, low, high] = answer.json.rows[0];
      assert.equal(low, high);
      assert.ok(low === old || low === version, `version ${low}`);
      assert.equal(count, low * 1000);
    } else assert.equal(old, 0, answer.text);
    await killed.sync(['versions']);
    assert.deepEqual(must(200, await killed.query('SELECT count(*), min(v) FROM versions', killed.admin.token)).json.rows, [[version * 1000, version]]);
    old = version;
  }
  assert.deepEqual(namesBelow(path.join(data, 'extracts')).concat(namesBelow(path.join(data, 'tmp'))).filter((f) => path.basename(f).startsWith('.agnes-tmp-') && /jsonl|parquet|duckdb/.test(f)), []);
  await killed.stop();
});

// What bqemulator does otherwise than Google: script/bigquery-emulator tries the same with it.
test('an emulator needs no credentials and is shown none; a whole table is registered as the documentation says', async () => {
  const emulator = await startBigQuery({ emulator: true, datasets: { sales: [bqTable('orders')] } });
  const here = await startSite({}, { env: { BIGQUERY_PROJECT: 'example-project', ...emulator.env } });
  const user = makeUser();
  try {
    user.signIn(here.url, here.admin.token);
    const done = async (...args) => {
      const { code, stdout, stderr } = await user.run(['admin', ...args]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    await done('test-connection', 'bigquery');
    assert.match(await done('discover-and-register', '--source-type', 'bigquery', '--dataset', 'sales', '--dry-run'), /orders/);
    emulator.queries.set('SELECT * FROM `example-project.sales.orders`', { fields: [field('n', 'INTEGER')], rows: [[1], [2]], bytes: 6e9 });
    await done('register-table', 'sales_orders', '--source-type', 'bigquery', '--query-mode', 'materialized', '--bucket', 'sales', '--source-table', 'orders');
    await done('sync', 'sales_orders');
    assert.deepEqual(must(200, await here.query('SELECT sum(n) FROM sales_orders', here.admin.token)).json.rows, [[3]]);
    emulator.queries.get('SELECT * FROM `example-project.sales.orders`').bytes = 11e9;
    const { code, stderr } = await user.run(['admin', 'sync', 'sales_orders']);
    assert.equal(code, 7);
    assert.match(stderr, /11,000,000,000 bytes/);
  } finally {
    user.remove();
    await here.stop();
    await emulator.stop();
  }
});
