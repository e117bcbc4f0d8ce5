// What tables there are: rows, size, age, choosing, and all of it without the server.
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, test } from 'node:test';
import { makeParquet, makeUser } from '../lib/agnes.mjs';
import { startFake, table } from '../lib/fake-agnes.mjs';

const entry = (id, more = {}) => ({
  id, name: id, description: `About ${id}`, source_type: 'files', query_mode: 'local', sql_flavor: 'duckdb', where_examples: [],
  fetch_via: 'already local — query directly via `agnes query`', rough_size_hint: 'small', rows: null, size_bytes: null, partition_by: null, clustered_by: [],
  entity_type: null, metadata_freshness: 'not_applicable', ...more,
});
let made;
let server;
let user;
before(async () => {
  made = await makeParquet({ orders: "SELECT i AS id, DATE '2026-01-02' AS day, [1.50::DECIMAL(9,2)] AS list FROM range(5000) t(i)", customers: 'SELECT 1 AS id' });
});
beforeEach(async () => {
  server = await startFake({ tables: {
    orders: table(made.orders, { rows: 5000, updated: new Date(Date.now() - 3 * 3600 * 1000).toISOString() }),
    customers: table(made.customers, { rows: 1, updated: new Date(Date.now() - 90 * 86400 * 1000).toISOString() }),
    events: { ...table(Buffer.from('')), rows: 0, query_mode: 'remote', updated: new Date().toISOString() },
  } });
  server.answers['GET /api/v2/catalog'] = { body: {
    tables: [entry('customers'), entry('events', { query_mode: 'remote', sql_flavor: 'bigquery', rows: 77, size_bytes: 2048, description: 'Clicks of the CRM' }), entry('orders', { name: 'orders' })],
    server_time: 'now',
  } };
  server.answers['GET /api/metrics'] = { body: { metrics: [{ id: 'revenue/mrr', name: 'mrr', category: 'revenue', display_name: 'MRR', unit: 'EUR', sql: 'SELECT 1', sql_variants: '{"by_day": "SELECT 2"}' }], count: 1 } };
  user = makeUser();
  const init = await user.run(['init', '--server-url', server.url, '--token', server.token]);
  assert.equal(init.code, 0, init.stderr);
});
afterEach(async () => {
  user.remove();
  await server.stop();
});
const ok = async (...args) => {
  const result = await user.run(args);
  assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
const unplug = () => {
  server.onRequest = () => {};
  return server.stop();
};

test('rows, size and age; columns that say nothing are left out', async () => {
  const text = await ok('catalog');
  assert.match(text, /^ID +ROWS +SIZE +AGE +MODE +DESCRIPTION\n/);
  assert.match(text, /^orders +5,000 +[\d.]+ KB +3 h +local +About orders$/m);
  assert.match(text, /^customers +1 +\d+ B +90 d +local +About customers$/m);
  assert.match(text, /^events +77 +2\.0 KB +- +remote +Clicks of the CRM$/m);
  assert.match(await ok('catalog', 'customers'), /^ID +ROWS +SIZE +AGE +DESCRIPTION\n/);
});

test('words choose tables', async () => {
  assert.match(await ok('catalog', 'CRM'), /^ID.*\nevents.*\n$/);
  assert.match(await ok('catalog', 'about', 'ord'), /^ID.*\norders.*\n$/);
  assert.match(await ok('catalog', 'nope'), /^No table has that/);
  assert.deepEqual(JSON.parse(await ok('catalog', 'crm', '--json')).tables.map((t) => t.id), ['events']);
});

test('--json has the server’s answer, and what is known of the data', async () => {
  const { tables } = JSON.parse(await ok('catalog', '--json'));
  const { row_count, bytes, updated, ...rest } = tables[2];
  assert.deepEqual(rest, entry('orders'));
  assert.deepEqual([row_count, bytes], [5000, made.orders.length]);
  assert.match(updated, /^\d{4}-/);
  assert.deepEqual([tables[1].rows, tables[1].row_count, tables[1].updated], [77, null, null]);
});

test('--fields selects, and keeps 200 tables below 8,000 tokens', async () => {
  assert.equal(await ok('catalog', 'orders', '--fields', 'id,row_count'), 'ID      ROW_COUNT\norders  5000\n');
  for (const rest of [['orders'], ['--fields', 'id']])
    for (const metrics of [['--metrics'], ['--show', 'revenue/mrr']]) {
      const refused = await user.run(['catalog', ...metrics, ...rest]);
      assert.deepEqual([refused.code, /choose tables, not metrics/.test(refused.stderr)], [2, true], refused.stderr);
    }
  const wrong = await user.run(['catalog', '--fields', 'row_cout']);
  assert.deepEqual([wrong.code, /no field 'row_cout'; did you mean row_count\?/.test(wrong.stderr)], [2, true]);
  const names = Array.from({ length: 200 }, (_, i) => `in_c_crm_orders_${2000 + i}`);
  server.answers['GET /api/v2/catalog'].body.tables = names.map((id) => entry(id, { description: 'Orders of the year, one row an order line' }));
  server.tables = Object.fromEntries(names.map((id) => [id, table(made.customers, { rows: 123456, updated: new Date().toISOString() })]));
  const text = await ok('catalog', '--json', '--fields', 'id,row_count,bytes,description');
  assert.equal(JSON.parse(text).tables.length, 200);
  // As tokenizers split before they merge: words with the blank before them, three digits, runs of signs.
  const tokens = text.match(/ ?[A-Za-z]+|\d{1,3}| ?[^\sA-Za-z\d]+|\s+/g).length;
  assert.ok(tokens < 8000, `${tokens}`);
});

test('without the server, what the last pull left is shown, and said', async () => {
  const online = JSON.parse(await ok('catalog', '--json'));
  await unplug();
  const said = await user.run(['catalog', '--json']);
  assert.equal(said.code, 0, said.stderr);
  assert.deepEqual(JSON.parse(said.stdout), online);
  assert.match(JSON.parse(said.stderr).note, /^cannot reach .*This is from the last pull, \d+ s ago/);
  assert.match((await user.run(['catalog'])).stderr, /^Note: cannot reach/);
  assert.equal(JSON.parse(await ok('catalog', '--metrics', '--json'))[0].id, 'revenue/mrr');
  assert.match(await ok('catalog', '--show', 'Revenue/MRR'), /SQL:\s+SELECT 1(.|\n)*SQL by_day:\s+SELECT 2/);

  const schema = JSON.parse(await ok('schema', 'ORDERS', '--json'));
  assert.deepEqual([schema.table_id, schema.source_type, schema.columns.map((c) => `${c.name} ${c.type}`)], ['orders', 'files', ['id BIGINT', 'day DATE', 'list DECIMAL(9,2)[]']]);
  const { sample } = JSON.parse(await ok('describe', 'orders', '-n', '2', '--json'));
  assert.deepEqual(sample.rows, [{ id: 0, day: '2026-01-02', list: ['1.50'] }, { id: 1, day: '2026-01-02', list: ['1.50'] }]);
  assert.match(await ok('sample', 'customers'), /1 row of it:/);
  const typo = await user.run(['schema', 'ordrs']);
  assert.deepEqual([typo.code, /no table ordrs; did you mean orders\?/.test(typo.stderr)], [2, true]);
  const remote = await user.run(['describe', 'events']);
  assert.deepEqual([remote.code, /events is a remote table/.test(remote.stderr)], [6, true]);
});

test('what another server’s pull left is not shown for this one', async () => {
  await unplug();
  const result = await user.run(['catalog'], { env: { AGNES_SERVER: 'http://127.0.0.1:9' } });
  assert.deepEqual([result.code, result.stdout], [6, '']);
});

test('names are found in any case, and what comes close is named', async () => {
  const schema = { table_id: 'orders', source_type: 'files', sql_flavor: 'duckdb', columns: [], partition_by: null, clustered_by: [], where_dialect_hints: {} };
  server.answers['GET /api/v2/schema/orders'] = { body: schema };
  server.answers['GET /api/v2/sample/orders'] = { body: { table_id: 'orders', rows: [], source: 'files' } };
  for (const status of [403, 404]) {
    server.answers['GET /api/v2/schema/Orders'] = server.answers['GET /api/v2/schema/ordrs'] = { status, body: { detail: 'no' } };
    assert.deepEqual(JSON.parse(await ok('schema', 'Orders', '--json')), schema);
    await ok('describe', 'Orders');
    const typo = await user.run(['schema', 'ordrs']);
    assert.deepEqual([typo.code, /did you mean orders\?\n$/.test(typo.stderr)], [2, true]);
  }
  const metric = await user.run(['catalog', '--show', 'revenue/mmr']);
  assert.deepEqual([metric.code, /did you mean revenue\/mrr\?/.test(metric.stderr)], [1, true]);
  const sql = await user.run(['query', 'SELECT * FROM ordrs']);
  assert.match(sql.stderr, /ordrs does not exist(.|\n)*\ndid you mean orders\?\n$/);
  assert.doesNotMatch(sql.stderr, /pg_/);
});
