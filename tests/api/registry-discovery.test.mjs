// What sources offer, registering it, and trying a source: over HTTP, with a folder of files and a stand-in for Keboola.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { kbcTable, startKeboola } from '../fakes/keboola-storage.mjs';
import { must, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const discover = '/api/admin/discover-tables';
const registerFound = '/api/admin/discover-and-register';
const token = 'kbc-secret-token';
let keboola, server, admin, ana;

before(async () => {
  keboola = await startKeboola({ token });
  server = await startServer({ env: { DATA_SOURCE: 'keboola', KEBOOLA_STACK_URL: keboola.url, KEBOOLA_STORAGE_TOKEN: token } });
  admin = { token: server.admin.token };
  ana = { token: (await server.addUser('ana@example.com')).token };
});
after(async () => {
  await server.stop();
  await keboola.stop();
});
beforeEach(() => {
  keboola.tables = [kbcTable('in.c-crm', 'orders'), kbcTable('out.c-mart', 'Customers', { primaryKey: [], rowsCount: 0 })];
  keboola.faults.length = 0;
  keboola.requests.length = 0;
});

const found = (target = discover, on = server, as = admin) => on.get(target, as);
const add = (query = '', on = server, as = admin) => on.post(`${registerFound}${query}`, undefined, as);
const check = (source, on = server, as = admin) => on.post(`/api/admin/${source}/test-connection`, undefined, as);
const registered = async (on = server, as = admin) => must(200, await on.get('/api/admin/registry', as)).json.tables;
const clear = async () => {
  for (const row of await registered()) must(204, await server.delete(`/api/admin/registry/${row.id}`, admin));
};

test('nobody and analysts are refused, and the source is not asked', async () => {
  for (const [method, target] of [['GET', discover], ['POST', registerFound], ['POST', `${registerFound}?dry_run=maybe`], ...['files', 'local', 'keboola'].map((s) => ['POST', `/api/admin/${s}/test-connection`])]) {
    assert.equal((await server.request(method, target)).status, 401, target);
    assert.equal((await server.request(method, target, ana)).status, 403, target);
  }
  assert.equal(keboola.requests.length, 0);
});

test('bad queries name the parameter', async () => {
  const answer = await add('?dry_run=maybe');
  assert.equal(answer.status, 422);
  assert.deepEqual(answer.json.detail.map((problem) => problem.loc), [['query', 'dry_run']]);
  for (const call of [found(`${discover}?source=oracle`), add('?source=oracle&dry_run=true')]) {
    const refused = await call;
    assert.equal(refused.status, 400);
    assert.match(refused.json.detail, /^source: there is no source.*files, keboola/);
  }
  assert.equal((await check('oracle')).status, 404);
  assert.equal(keboola.requests.length, 0);
});

test('Keboola: every table of the project, in the contract\'s words', async () => {
  const answer = must(200, await found()).json;
  assert.deepEqual([answer.count, answer.source, answer.error], [2, 'keboola', undefined]);
  assert.deepEqual(answer.tables[0], {
    id: 'in.c-crm.orders', name: 'orders', bucket_id: 'in.c-crm', bucket_name: 'c-crm', columns: ['id', 'total'], row_count: 3, size_bytes: 2048,
    primary_key: ['id'], last_change: '2026-01-02T03:04:06+0100', last_import: '2026-01-02T03:04:05+0100', registered: false,
  });
  assert.deepEqual(keboola.requests.map((r) => [r.path, r.query, r.token]), [['/v2/storage/tables', '?include=columns%2Cbuckets', token]]);
  const part = must(200, await found(`${discover}?bucket=out.c-mart`)).json;
  assert.deepEqual([part.tables.map((t) => t.id), part.dataset], [['out.c-mart.Customers'], 'out.c-mart']);
  assert.equal((await found(`${discover}?source=keboola&bucket=in.c-none`)).status, 404);
  assert.equal((await found(`${discover}?bucket=..%2F..%2Ftokens`)).status, 404);
  assert.equal(keboola.requests.at(-1).path, '/v2/storage/buckets/..%2F..%2Ftokens/tables');
});

test('Keboola: what is new is registered once, and what administrators changed stays', async () => {
  await clear();
  const dry = must(200, await add('?dry_run=true')).json;
  assert.deepEqual(dry, {
    registered: 0, skipped: 0, errors: 0, drifted: 0, tables: ['in_c-crm_orders', 'out_c-mart_customers'],
    would_register: ['in_c-crm_orders', 'out_c-mart_customers'], drift: [], invalid: [], source: 'keboola', dry_run: true,
  });
  assert.deepEqual(await registered(), []);
  const made = must(200, await add()).json;
  assert.deepEqual([made.registered, made.tables, made.dry_run], [2, dry.tables, false]);
  const rows = await registered();
  assert.deepEqual(rows.map((r) => [r.id, r.name, r.source_type, r.bucket, r.source_table, r.query_mode, r.source_query, r.registered_by]), [
    ['out_c-mart_customers', 'Customers', 'keboola', 'out.c-mart', 'Customers', 'materialized', null, server.admin.email],
    ['in_c-crm_orders', 'orders', 'keboola', 'in.c-crm', 'orders', 'materialized', null, server.admin.email],
  ]);
  assert.ok(must(200, await found()).json.tables.every((t) => t.registered));

  // Renamed here: the same table of the source. Moved here, or another of that name: left alone and told.
  must(200, await server.put('/api/admin/registry/in_c-crm_orders', { name: 'all_orders' }, admin));
  must(200, await server.put('/api/admin/registry/out_c-mart_customers', { bucket: 'out.c-old' }, admin));
  keboola.tables.push(kbcTable('in.c-erp', 'ALL_ORDERS'), kbcTable('in.c-erp', 'items'));
  const before = await registered();
  const again = must(200, await add()).json;
  assert.deepEqual([again.registered, again.skipped, again.drifted, again.errors, again.tables], [1, 1, 2, 0, ['in_c-erp_items']]);
  assert.deepEqual(again.drift, [
    { table_id: 'out_c-mart_customers', discovery: { bucket: 'out.c-mart', source_table: 'Customers' }, registry: { bucket: 'out.c-old', source_table: 'Customers' }, registry_id: 'out_c-mart_customers', drift_kind: 'same_id_diff_coords' },
    { table_id: 'in_c-erp_all_orders', discovery: { bucket: 'in.c-erp', source_table: 'ALL_ORDERS' }, registry: { bucket: 'in.c-crm', source_table: 'orders' }, registry_id: 'in_c-crm_orders', drift_kind: 'name_collision' },
  ]);
  assert.deepEqual((await registered()).filter((r) => r.id !== 'in_c-erp_items'), before);
});

test('Keboola: tables of one name get names that tell them apart, and what has no name here is told', async () => {
  await clear();
  keboola.tables = [kbcTable('in.c-a', 'orders'), kbcTable('in.c-b', 'Orders'), kbcTable('in.c-a', 'od"d'), kbcTable('in.c-a', 'n'.repeat(129)), { id: '', name: 'nameless' }, { id: 'in.c-x.bare' }, 'no object'];
  const made = must(200, await add()).json;
  assert.deepEqual(made.tables, ['in_c-a_orders', 'in_c-b_orders', 'in_c-x_bare']);
  assert.deepEqual((await registered()).map((r) => [r.name, r.bucket, r.source_table]), [['in_c-a_orders', 'in.c-a', 'orders'], ['in_c-b_orders', 'in.c-b', 'Orders'], ['in_c-x_bare', 'in.c-x', 'bare']]);
  assert.deepEqual(made.invalid.map((item) => item.full_id.slice(0, 12)), ['nameless', '', 'in.c-a.od"d', 'in.c-a.nnnnn']);
  assert.ok(made.invalid.every((item) => item.reason.length > 10));
  assert.equal(must(200, await add()).json.registered, 0);
});

test('of two who register what was found at the same time, each table is registered once', async () => {
  await clear();
  const answers = (await Promise.all([add(), add(), add()])).map((answer) => must(200, answer).json);
  assert.equal(answers.reduce((sum, answer) => sum + answer.registered, 0), 2);
  assert.equal(answers.reduce((sum, answer) => sum + answer.skipped, 0), 4);
  assert.equal((await registered()).length, 2);
});

test('Keboola\'s faults: what passes is waited for, what does not is told, and nothing is registered', async () => {
  for (const faults of [
    [{ status: 429, headers: { 'retry-after': '0' } }],
    [{ status: 503, headers: { 'retry-after': '0' } }, { status: 500, headers: { 'retry-after': '0' } }, { status: 502, headers: { 'retry-after': '0' } }],
    ['cut'],
    ['half'],
  ]) {
    keboola.faults.push(...faults);
    assert.equal(must(200, await found()).json.count, 2);
  }
  let release;
  keboola.faults.push({ hold: new Promise((resolve) => (release = resolve)) });
  const slow = found();
  assert.equal((await check('files')).status, 400);  // meanwhile others are served
  release();
  assert.equal((await slow).json.count, 2);

  await clear();
  const always = (fault) => Array(4).fill(fault);
  for (const [faults, kind, said] of [
    [always({ status: 429, error: 'Too many requests', headers: { 'retry-after': '0' } }), 'throttled', /HTTP 429 \(Too many requests\)/],
    [always({ status: 503, headers: { 'retry-after': '0' } }), 'throttled', /HTTP 503/],
    [always({ status: 500, error: 'Application error\nwith a line', headers: { 'retry-after': '0' } }), 'upstream_error', /HTTP 500.*\(Application error\\nwith a line\)/],
    [[{ status: 401, error: 'Invalid access token' }], 'auth_failed', /Invalid access token/],
    [[{ status: 403, error: 'You don\'t have access' }], 'auth_failed', /HTTP 403/],
    [[{ status: 302, body: '', headers: { location: 'http://127.0.0.1/' } }], 'upstream_error', /HTTP 302/],
    [[{ status: 404 }], 'upstream_error', /knows no \/v2\/storage\/tables/],
    [[{ body: '<html>A proxy</html>' }], 'upstream_error', /something else than JSON/],
    [[{ body: '[{"id": 5' }], 'upstream_error', /something else than JSON/],
    [[{ body: '['.repeat(100_000) }], 'upstream_error', /something else than JSON/],
    [[{ body: '{"tables": []}' }], 'upstream_error', /no list of tables/],
  ])
    for (const call of [found, add]) {
      keboola.faults.push(...faults);
      const answer = await call();
      assert.equal(answer.status, 502, answer.text);
      assert.equal(answer.json.detail.kind, kind, answer.text);
      assert.match(answer.json.detail.error, said);
      assert.doesNotMatch(answer.text, /kbc-secret/);
      assert.equal(keboola.faults.length, 0);
    }
  assert.deepEqual(await registered(), []);
  assert.doesNotMatch(server.log, /kbc-secret/);
});

test('Keboola: test-connection says whose the token is, and nothing secret', async () => {
  const answer = must(200, await check('keboola'));
  assert.deepEqual({ ...answer.json, elapsed_ms: 0 }, { ok: true, source: 'keboola', project: 'Example project', project_id: 77, token_description: 'agnes@example.com', token_expires: null, elapsed_ms: 0 });
  assert.ok(Number.isInteger(answer.json.elapsed_ms));
  assert.doesNotMatch(answer.text, /kbc-secret/);
  keboola.token = 'another';
  const refused = await check('keboola');
  keboola.token = token;
  assert.equal(refused.status, 502);
  assert.deepEqual([refused.json.detail.kind, Object.keys(refused.json.detail)], ['auth_failed', ['kind', 'message', 'hint']]);
  assert.match(refused.json.detail.hint, /KEBOOLA_STORAGE_TOKEN/);
  keboola.faults.push({ body: '{"id": "1", "token": "kbc-secret-token"}' });
  const odd = await check('keboola');
  assert.deepEqual([odd.status, odd.json.detail.kind], [502, 'upstream_error']);
  assert.doesNotMatch(odd.text, /kbc-secret/);
});

test('a precheck asks Keboola for the table', async () => {
  const body = { name: 'sales', source_type: 'keboola', bucket: 'in.c-crm', source_table: 'orders', query_mode: 'materialized' };
  const precheck = (more) => server.post('/api/admin/register-table/precheck', { ...body, ...more }, admin);
  const { table } = must(200, await precheck()).json;
  assert.deepEqual([table.rows, table.size_bytes, table.columns, table.column_count, table.primary_key_at_source], [3, 2048, [{ name: 'id' }, { name: 'total' }], 2, ['id']]);
  must(200, await precheck({ bucket: null, source_table: 'in.c-crm.orders' }));
  const none = await precheck({ source_table: 'nothing' });
  assert.deepEqual([none.status, none.json.detail], [404, 'Keboola has no table in.c-crm.nothing that the token may read']);
  keboola.requests.length = 0;
  must(200, await precheck({ source_query: 'SELECT 1' }));
  assert.equal(keboola.requests.length, 0);
});

test('a thousand tables', async () => {
  await clear();
  keboola.tables = Array.from({ length: 1000 }, (_, i) => kbcTable('in.c-big', `t${i}`));
  assert.equal(must(200, await add()).json.registered, 1000);
  assert.equal(must(200, await add('?dry_run=1')).json.skipped, 1000);
  assert.equal(must(200, await server.get('/api/admin/registry', admin)).json.count, 1000);
});

test('settings that are missing or lead where they may not are named', async () => {
  const other = await startServer();
  const as = { token: other.admin.token };
  const save = async (keboolaSettings) => must(200, await other.post('/api/admin/server-config', { sections: { data_source: { keboola: keboolaSettings } } }, as));
  const refused = async (status, kind, said) => {
    const answer = await check('keboola', other, as);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.detail.kind, kind);
    assert.match(JSON.stringify(answer.json.detail), said);
  };
  await refused(400, 'not_configured', /data_source\.keboola\.stack_url is not set/);
  assert.equal((await found(`${discover}?source=keboola`, other, as)).status, 400);
  await save({ stack_url: 'https://8.8.8.8' });
  await refused(400, 'not_configured', /data_source\.keboola\.storage_token is not set/);
  // Saved by an administrator, an address is held to public networks each time: what it resolves to may have changed.
  const overlay = path.join(other.data, 'state', 'instance.yaml');
  for (const address of [keboola.url, 'http://localhost:1', 'http://[::1]:1', 'http://169.254.169.254', 'http://10.1.2.3']) {
    writeFileSync(overlay, `data_source:\n  keboola:\n    stack_url: "${address}"\n    storage_token: t-1\n`);
    keboola.requests.length = 0;
    for (const call of [check('keboola', other, as), found(`${discover}?source=keboola`, other, as), add('?source=keboola', other, as)]) {
      const answer = await call;
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.json.detail, /data_source\.keboola\.stack_url leads into a private or reserved network/);
    }
    assert.equal(keboola.requests.length, 0);
  }
  writeFileSync(overlay, `data_source:\n  keboola:\n    stack_url: https://8.8.8.8\n    storage_token: "a b"\n`);
  await refused(400, 'not_configured', /characters that no token has/);
  await other.stop();
});

test('files: what the folder holds, and what of it is registered', async () => {
  const site = await startSite({ 'orders.csv': 'id\n1\n', 'Big Sales.parquet': 'no parquet', 'part/a.csv': 'x\n1\n', 'part/b.csv': 'x\n2\n', 'bad name!.csv': 'x\n1\n' },
    { settings: '    auto_register: false\n    tables:\n      orders: { description: One row an order }\n' });
  const as = { token: site.admin.token };
  const listed = must(200, await found(discover, site, as)).json;
  assert.deepEqual(listed.tables, [
    { id: 'big_sales', name: 'Big_Sales', files: ['Big Sales.parquet'], format: 'Parquet', size_bytes: 10, registered: false },
    { id: 'orders', name: 'orders', files: ['orders.csv'], format: 'CSV', size_bytes: 5, registered: false },
    { id: 'part', name: 'part', files: ['part/a.csv', 'part/b.csv'], format: 'CSV', size_bytes: 8, registered: false },
  ]);
  assert.deepEqual([listed.count, listed.source, listed.problems.length], [3, 'local', 1]);
  assert.match(listed.problems[0].message, /bad name/);
  must(201, await site.post('/api/admin/register-table', { name: 'PART', source_type: 'local' }, as));
  const made = must(200, await add('', site, as)).json;
  assert.deepEqual([made.registered, made.skipped, made.drifted, made.tables], [2, 1, 0, ['big_sales', 'orders']]);
  assert.deepEqual((await registered(site, as)).map((r) => [r.id, r.source_type, r.query_mode, r.description]), [
    ['big_sales', 'local', 'local', null], ['part', 'local', 'local', null], ['orders', 'local', 'local', 'One row an order']]);
  const tested = must(200, await check('files', site, as)).json;
  assert.deepEqual([tested.ok, tested.tables, tested.folder, tested.problems.length], [true, 3, site.source, 1]);
  assert.deepEqual({ ...must(200, await check('local', site, as)).json, elapsed_ms: 0 }, { ...tested, elapsed_ms: 0 });
  await site.sync();
  assert.equal((await site.query('SELECT count(*) AS n FROM orders', as.token)).status, 200);

  rmSync(site.source, { recursive: true });
  for (const answer of [await found(discover, site, as), await add('', site, as), await check('files', site, as)]) {
    assert.equal(answer.status, 502, answer.text);
    assert.equal(answer.json.detail.kind, 'unreachable');
  }
  mkdirSync(site.source);
  assert.equal(must(200, await check('files', site, as)).json.tables, 0);
  assert.deepEqual(must(200, await found(discover, site, as)).json.tables, []);
  await site.stop();
});

test('a server without a folder says what to set', async () => {
  const bare = await startServer({ config: temporaryFolder() });
  const as = { token: bare.admin.token };
  const listed = must(200, await found(discover, bare, as)).json;
  assert.deepEqual([listed.tables, listed.count, listed.source], [[], 0, 'local']);
  assert.match(listed.error, /data_source\.files\.path/);
  const made = must(200, await add('?dry_run=true', bare, as)).json;
  assert.deepEqual([made.registered, made.skipped, made.errors, made.drifted, made.tables, made.source, made.dry_run], [0, 0, 0, 0, [], 'local', true]);
  assert.match(made.error, /data_source\.files\.path/);
  const tested = await check('files', bare, as);
  assert.deepEqual([tested.status, tested.json.detail.kind], [400, 'not_configured']);
  await bare.stop();
});
