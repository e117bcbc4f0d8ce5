// POST /api/v2/scan and its estimate: what comes is read with the Arrow library that others use, cell by cell.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { RecordBatchReader, Table, tableFromIPC } from 'apache-arrow';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';
import { writeExtract } from '../lib/stranger.mjs';

const kType = 'application/vnd.apache.arrow.stream';
// SQL of a value -> what Arrow's library makes of it. `text`: as its own text form.
const kValues = {
  BOOLEAN: ['true', true],
  TINYINT: ['-128', -128],
  SMALLINT: ['-32768', -32768],
  INTEGER: ['2147483647', 2147483647],
  BIGINT: ['9223372036854775807', 9223372036854775807n],
  UTINYINT: ['255', 255],
  USMALLINT: ['65535', 65535],
  UINTEGER: ['4294967295', 4294967295],
  UBIGINT: ['18446744073709551615', 18446744073709551615n],
  HUGEINT: ['-12345678901234567890123456789', { text: '-12345678901234567890123456789' }],
  UHUGEINT: ['340282366920938463463374607431768211455', '340282366920938463463374607431768211455'],
  FLOAT: ['1.5', 1.5],
  DOUBLE: ["'nan'", NaN],
  'DECIMAL(4, 2)': ['-12.34', { text: '-1234' }],
  'DECIMAL(38, 10)': ['1234567890123456789012345678.0123456789', { text: '12345678901234567890123456780123456789' }],
  VARCHAR: ["'Příliš žluťoučký 🐴'", 'Příliš žluťoučký 🐴'],
  JSON: [`'{"a": [1, null]}'`, '{"a": [1, null]}'],
  UUID: ["'00112233-4455-6677-8899-aabbccddeeff'", '00112233-4455-6677-8899-aabbccddeeff'],
  BLOB: ["'\\x00\\xFFab'", Uint8Array.of(0, 255, 97, 98)],
  BIT: ["'10101'", '10101'],
  DATE: ["'1969-12-31'", Date.UTC(1969, 11, 31)],
  TIME: ["'23:59:59.000001'", 86399000001n],
  TIMETZ: ["'12:00:00+02'", '12:00:00+02'],
  TIMESTAMP: ["'2026-01-02 03:04:05.678901'", Date.UTC(2026, 0, 2, 3, 4, 5, 678) + 0.901],
  TIMESTAMPTZ: ["'2026-01-02 03:04:05.678901+00'", Date.UTC(2026, 0, 2, 3, 4, 5, 678) + 0.901],
  TIMESTAMP_S: ["'2026-01-02 03:04:05'", Date.UTC(2026, 0, 2, 3, 4, 5)],
  TIMESTAMP_MS: ["'2026-01-02 03:04:05.678'", Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
  "ENUM('small', 'large')": ["'large'", 'large'],
  'INTEGER[]': ['[1, NULL, 3]', { json: [1, null, 3] }],
  'VARCHAR[][]': ["[['a'], [], NULL, ['b', NULL]]", { json: [['a'], [], null, ['b', null]] }],
  'INTEGER[2]': ['[7, 8]', { json: [7, 8] }],
  'STRUCT(a INTEGER, b STRUCT(c VARCHAR))': ["{a: 1, b: {c: 'x'}}", { json: { a: 1, b: { c: 'x' } } }],
  'MAP(VARCHAR, INTEGER)': ["MAP {'k': 1, 'l': NULL}", { json: { k: 1, l: null } }],
  'STRUCT(w TIMETZ)[]': ["[{w: '12:00:00+02'}]", "[{'w': '12:00:00+02'}]"],
  'UNION(n INTEGER, s VARCHAR)': ["union_value(s := 'x')", 'x'],
};

let site, admin, ana, eva;

before(async () => {
  const data = temporaryFolder();
  const columns = Object.entries(kValues).map(([type], i) => `c${i} ${type}`);
  await writeExtract(data, 'other', ['typed', 'big', 'nothing', 'spans'], [
    `CREATE TABLE typed (row_number INTEGER, ${columns.join(', ')})`,
    `INSERT INTO typed SELECT 1, ${Object.entries(kValues).map(([type, [sql]]) => (type === 'BLOB' ? `${sql}::BLOB` : `${sql}`)).join(', ')}`,
    'INSERT INTO typed (row_number) VALUES (2)',
    `INSERT INTO typed SELECT 3, ${columns.map((_, i) => `c${i}`).join(', ')} FROM typed WHERE row_number = 1`,
    "CREATE TABLE big AS SELECT i AS id, repeat('x', 1000) AS filling FROM range(100000) r(i)",
    "CREATE TABLE nothing (id INTEGER, kind ENUM('a', 'b'), list VARCHAR[])",
    "CREATE TABLE spans AS SELECT INTERVAL '14 months 3 days 4.5 seconds' AS i",
  ]);
  site = await startSite(
    { 'orders.csv': 'id,total,"odd ""name"\n1,2.5,a\n2,7,b\n3,0.5,c\n4,,d\n', 'salaries.csv': 'name,amount\nCeo,1000\n' },
    { data, settings: `query:\n  max_workers: 6\napi:\n  scan:\n    max_limit: 1000000\n    max_result_bytes: ${64 << 20}\n    max_concurrent_per_user: 2\n    max_daily_bytes_per_user: ${100 << 20}\n` },
  );
  await site.sync();
  admin = site.admin.token;
  must(201, await site.post('/api/admin/register-table', { name: 'big', source_type: 'local' }, { token: admin }));
  ana = (await site.analyst('ana@example.com', ['orders', 'big'])).token;
  eva = (await site.analyst('eva@example.com', ['big'])).token;
});
after(() => site.stop());

const scan = (json, token = ana) => site.post('/api/v2/scan', json, { token });
async function rowsOf(json, token = ana) {
  const answer = await scan(json, token);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], kType);
  return tableFromIPC(answer.body).toArray().map((row) => row.toJSON());
}
const plain = (rows) => rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'bigint' ? Number(v) : v])));

test('columns, predicate, order and limit', async () => {
  assert.deepEqual(plain(await rowsOf({ table_id: 'orders' })), [
    { id: 1, total: 2.5, 'odd "name': 'a' }, { id: 2, total: 7, 'odd "name': 'b' },
    { id: 3, total: 0.5, 'odd "name': 'c' }, { id: 4, total: null, 'odd "name': 'd' },
  ]);
  assert.deepEqual(plain(await rowsOf({ table_id: 'orders', select: ['TOTAL', 'id'], where: "total > 1 AND \"odd \"\"name\" <> 'z'", order_by: ['Total desc'] })),
    [{ total: 7, id: 2 }, { total: 2.5, id: 1 }]);
  assert.deepEqual(plain(await rowsOf({ table_id: 'orders', select: [], order_by: ['odd "name DESC', 'id'], limit: 1 })), [{ id: 4, total: null, 'odd "name': 'd' }]);
  assert.deepEqual(plain(await rowsOf({ table_id: 'orders', select: ['id'], where: null, limit: null, order_by: null, more: 'ignored' })).length, 4);
  assert.deepEqual(plain(await rowsOf({ table_id: 'orders', select: ['id'], where: '' })).length, 4);
});

test('predicates that are fine', async () => {
  for (const [where, ids] of [
    ['id = 1 -- a comment', [1]],
    ['id = 1 /* another */', [1]],
    ['id = 1;', [1]],
    ["id = 1 OR 'LIMIT 1; DROP TABLE x' = \"odd \"\"name\"", [1]],
    ['orders.id = 2', [2]],
    ['ORDERS.ID = 2', [2]],
    ['id BETWEEN 2 AND 3 AND NOT (total IS NULL)', [2, 3]],
    ['CASE WHEN total > 1 THEN true ELSE false END', [1, 2]],
    ["\"odd \"\"name\" IN ('a', 'c')", [1, 3]],
    ['len(list_filter([id, 9], x -> x > 3)) = 2', [4]],
    ['date_trunc(\'month\', current_date) IS NOT NULL AND id < 2', [1]],
    ['total::INTEGER % 7 = 0 AND id = 2', [2]],
  ]) assert.deepEqual(plain(await rowsOf({ table_id: 'orders', select: ['id'], where, order_by: ['id'] })).map((row) => row.id), ids, where);
});

test('predicates that are refused, and why', async () => {
  for (const [where, kind, details = {}] of [
    ['total >', 'parse_error'],
    ['   ', 'parse_error'],
    ["id = 'open", 'parse_error'],
    ['id = 1) OR (1 = 1', 'parse_error'],
    ['id = 1 /* open', 'parse_error'],
    ['id = 1; SELECT 2', 'multi_statement'],
    ['id = 1; DROP TABLE orders', 'multi_statement'],
    ['id IN (SELECT 1)', 'nested_select'],
    ['EXISTS (FROM salaries)', 'nested_select'],
    ['no_such IN (SELECT nothing FROM salaries)', 'nested_select'],
    ['id < 4 LIMIT 1', 'disallowed_node'],
    ['id < 4 ORDER BY id', 'disallowed_node'],
    ['id < 4 GROUP BY ALL', 'disallowed_node'],
    ['id < 4 HAVING true', 'disallowed_node'],
    ['id < 4 QUALIFY true', 'disallowed_node'],
    ['id < 4 USING SAMPLE 1', 'disallowed_node'],
    ['id < 4 UNION ALL SELECT 1', 'disallowed_node'],
    ['id < 4 WINDOW w AS (ORDER BY id)', null],
    ['row_number() OVER () = 1', 'disallowed_node'],
    ['id = $1', 'disallowed_node'],
    ['id = ?', 'disallowed_node'],
    ['salaries.amount > 1', 'cross_table_reference'],
    ["getenv('PATH') = ''", 'unknown_function', { function: 'GETENV' }],
    ["No_Such_Function(id)", 'unknown_function', { function: 'NO_SUCH_FUNCTION' }],
    ['amount > 1', 'unknown_column', { column: 'amount' }],
    ['orders.amount > 1', 'unknown_column', { column: 'amount' }],
    ['len(list_filter([id], x -> x > y)) = 0', 'unknown_column', { column: 'y' }],
    ['sum(id) > 1', null],
    ['length(id, id, id)', null],
  ]) {
    for (const route of ['/api/v2/scan', '/api/v2/scan/estimate']) {
      const answer = await site.post(route, { table_id: 'orders', where }, { token: ana });
      assert.equal(answer.status, 400, `${where}: ${answer.text}`);
      if (kind === null) continue;
      assert.equal(answer.json.detail.error, 'validator_rejected', where);
      assert.equal(answer.json.detail.kind, kind, where);
      assert.deepEqual(answer.json.detail.details, details, where);
    }
  }
});

test('what only the data can tell is told with its status, too', async () => {
  const answer = await scan({ table_id: 'orders', where: "id > 'many'" });
  assert.equal(answer.status, 400);
  assert.match(answer.json.detail, /many/);
});

test('a fault in a predicate has its place', async () => {
  const answer = await scan({ table_id: 'orders', where: 'id > 1\n  AND amount > 1' });
  assert.match(answer.json.detail.message, /line 2, column 7/);
  assert.match((await scan({ table_id: 'orders', where: 'id > 1 AND ) total' })).json.detail.message, /line 1, column 12/);
});

test('bad requests', async () => {
  assert.equal((await site.post('/api/v2/scan', { table_id: 'orders' })).status, 401);
  assert.equal((await site.post('/api/v2/scan/estimate', { table_id: 'orders' })).status, 401);
  for (const [json, pattern] of [
    [{}, /table_id/],
    [{ table_id: 5 }, /table_id/],
    [{ table_id: 'orders', limit: 0 }, /limit/],
    [{ table_id: 'orders', limit: 'x' }, /limit/],
    [{ table_id: 'orders', limit: 1000001 }, /limit/],
    [{ table_id: 'orders', select: 'id' }, /select/],
    [{ table_id: 'orders', select: ['amount'] }, /amount/],
    [{ table_id: 'orders', select: ['id" FROM salaries --'] }, /no column/],
    [{ table_id: 'orders', order_by: ['amount'] }, /amount/],
    [{ table_id: 'orders', order_by: ['id; DROP TABLE orders'] }, /no column/],
    [{ table_id: 'orders', order_by: ['(SELECT 1)'] }, /no column/],
    [{ table_id: 'orders', order_by: [''] }, /no column/],
    [{ table_id: 'orders', order_by: ['DESC'] }, /no column/],
  ]) {
    for (const route of ['/api/v2/scan', '/api/v2/scan/estimate']) {
      const answer = await site.post(route, json, { token: ana });
      assert.equal(answer.status, 400, `${JSON.stringify(json)}: ${answer.text}`);
      assert.match(answer.json.detail, pattern);
    }
  }
  assert.equal((await site.post('/api/v2/scan', ['orders'], { token: ana })).status, 422);
});

test('a table that is not granted and one that does not exist are refused alike', async () => {
  for (const route of ['/api/v2/scan', '/api/v2/scan/estimate'])
    for (const table_id of ['salaries', 'no_such_table', '_meta', 'orders" AS x --']) {
      const answer = await site.post(route, { table_id }, { token: ana });
      assert.equal(answer.status, 403, table_id);
      assert.equal(answer.json.detail, 'not authorized');
    }
  assert.equal((await scan({ table_id: 'no_such_table' }, admin)).status, 404);
  assert.equal((await scan({ table_id: 'salaries' }, admin)).status, 200);
});

test('an estimate of a table that is here costs nothing', async () => {
  const answer = await site.post('/api/v2/scan/estimate', { table_id: 'orders', where: 'id > 1', order_by: ['id'], limit: 5 }, { token: ana });
  assert.deepEqual(answer.json, { table_id: 'orders', estimated_scan_bytes: 0, estimated_result_rows: null, estimated_result_bytes: null, bq_cost_estimate_usd: 0 });
});

function compare(have, want, what) {
  if (want?.text !== undefined) return assert.equal(String(have), want.text, what);
  if (want?.json !== undefined) return assert.deepEqual(JSON.parse(JSON.stringify(have)), want.json, what);
  if (typeof want === 'number') return assert.equal(have, want, what);
  assert.deepEqual(have, want, what);
}

test('every type, with NULL', async () => {
  const rows = await rowsOf({ table_id: 'typed', order_by: ['row_number'] }, admin);
  assert.deepEqual(rows.map((row) => row.row_number), [1, 2, 3]);
  for (const [i, [type, [, want]]] of Object.entries(kValues).entries()) {
    compare(rows[0][`c${i}`], want, type);
    assert.equal(rows[1][`c${i}`], null, `${type}, NULL`);
    compare(rows[2][`c${i}`], want, type);
  }
});

test('types as Arrow names them', async () => {
  const types = tableFromIPC((await scan({ table_id: 'typed' }, admin)).body).schema.fields.map((field) => String(field.type));
  const of = (type) => types[1 + Object.keys(kValues).indexOf(type)];
  assert.equal(of('DECIMAL(38, 10)'), 'Decimal[38e+10]');
  assert.equal(of('TIMESTAMPTZ'), 'Timestamp<MICROSECOND, UTC>');
  assert.equal(of('TIMESTAMP_S'), 'Timestamp<SECOND>');
  assert.equal(of('TIME'), 'Time64<MICROSECOND>');
  assert.equal(of("ENUM('small', 'large')"), 'Dictionary<Uint8, Utf8>');
  assert.equal(of('INTEGER[2]'), 'FixedSizeList[2]<Int32>');
  assert.equal(of('UHUGEINT'), 'Utf8');
});

test('an interval keeps months, days and nanoseconds', async () => {
  const [row] = await rowsOf({ table_id: 'spans' }, admin);
  const words = new Int32Array(row.i.buffer, row.i.byteOffset, row.i.byteLength / 4);
  assert.deepEqual([...words.slice(0, 2)], [14, 3]);
  assert.equal(new DataView(words.buffer, words.byteOffset + 8, 8).getBigInt64(0, true), 4_500_000_000n);
});

test('no rows: the schema alone', async () => {
  for (const json of [{ table_id: 'nothing' }, { table_id: 'typed', where: 'row_number > 9' }]) {
    const table = tableFromIPC((await scan(json, admin)).body);
    assert.equal(table.numRows, 0);
    assert.ok(table.schema.fields.length >= 3);
  }
});

test('many rows come in order and whole', async () => {
  const answer = await scan({ table_id: 'big', limit: 30000, order_by: ['id desc'] });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body.subarray(-8), Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]));
  const table = new Table([...RecordBatchReader.from(answer.body)]);
  assert.equal(table.numRows, 30000);
  const ids = table.getChild('id');
  for (let i = 0; i < 30000; i += 1) assert.equal(ids.get(i), BigInt(99999 - i));
  assert.equal(table.getChild('filling').get(29999), 'x'.repeat(1000));
});

// Begins a request whose answer is more than the network holds (60 MB), and reads no further than its first bytes.
function begin(token, { of = site, target = '/api/v2/scan', json = { table_id: 'big', limit: 60000 } } = {}) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(json);
    const request = http.request(
      { host: '127.0.0.1', port: of.port, method: 'POST', path: target, agent: false, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': body.length } },
      (answer) => {
        answer.pause();
        answer.on('error', () => {});
        resolve({
          status: answer.statusCode,
          leave: () => request.destroy(),
          little: () => answer.read(1000),
          // Reads to the end; whether the answer was whole.
          rest: () => new Promise((done) => {
            answer.on('close', () => done(answer.complete));
            answer.resume();
          }),
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

test('an answer over the limit of bytes is cut, and the client can tell', async () => {
  await assert.rejects(scan({ table_id: 'big' }, admin), /aborted/);
  await site.logged(/broke off.*over the limit/);
});

test('an answer whose process dies is cut, and the client can tell', async () => {
  const stream = await begin(admin);
  assert.equal(stream.status, 200, site.log.slice(-2000));
  site.killWorkers('query');
  assert.equal(await stream.rest(), false);
  await site.logged(/broke off.*broke the query process/);
  assert.equal((await scan({ table_id: 'orders', limit: 1 })).status, 200);
});

test('nobody notices that idle processes have died', async () => {
  const everybody = () => Promise.all([admin, ana, eva].flatMap((token) => [
    site.query('SELECT count(*) FROM big', token),
    site.query('SELECT min(id) FROM big', token),
    scan({ table_id: 'big', limit: 1 }, token),
  ]));
  for (let round = 0; round < 2; round += 1) {
    for (const answer of await everybody()) assert.equal(answer.status, 200, answer.text);
    const killed = site.killWorkers('query');
    assert.ok(killed.length >= 3, 'a process for each caller');
    for (const answer of await everybody()) assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(site.workers('query').filter((pid) => killed.includes(pid)), []);
  }
});

test('more scans at once than allowed: 429, until one has gone', async () => {
  const streams = [await begin(ana), await begin(ana)];
  const refused = await scan({ table_id: 'orders', limit: 1 });
  assert.equal(refused.status, 429);
  const { message, ...detail } = refused.json.detail;
  assert.ok(message);
  assert.deepEqual(detail, { error: 'quota_exceeded', kind: 'concurrent_scans', current: 2, limit: 2, retry_after_seconds: 0 });
  assert.equal((await scan({ table_id: 'big', limit: 1 }, eva)).status, 200);  // others are not concerned
  assert.equal((await site.query('SELECT 1', ana)).status, 200);               // nor are queries
  for (const stream of streams) stream.leave();
  await site.until('a place is free again', async () => (await scan({ table_id: 'orders', limit: 1 })).status === 200);
});

// Another server over the same data, with settings of its own.
async function otherSite(settings) {
  const data = temporaryFolder();
  await writeExtract(data, 'other', ['big'], ["CREATE TABLE big AS SELECT i AS id, repeat('x', 1000) AS filling FROM range(60000) r(i)"]);
  const other = await startSite({}, { data, settings });
  await other.sync();
  return other;
}
const kQuery = { target: '/api/query', json: { sql: 'SELECT * FROM big', limit: 60000 } };

test('a reader that takes nothing is cut off after a while, and its place is free', async () => {
  const other = await otherSite('server:\n  send_timeout_seconds: 1\napi:\n  scan:\n    max_concurrent_per_user: 1\n');
  const { token } = other.admin;
  const streams = [await begin(token, { of: other }), await begin(token, { of: other, ...kQuery })];
  await other.logged(/POST \/api\/v2\/scan was cut.*took too long/);
  await other.logged(/POST \/api\/query was cut.*took too long/);
  await other.until('the place is free', async () => (await other.post('/api/v2/scan', { table_id: 'big', limit: 1 }, { token })).status === 200);
  for (const stream of streams) assert.equal(await stream.rest(), false);
  await other.stop();
});

test('a reader that takes little is cut off in the end, too', async () => {
  const other = await otherSite('query:\n  transfer_timeout_seconds: 1\napi:\n  scan:\n    transfer_timeout_seconds: 1\n');
  const { token } = other.admin;
  for (const [what, pattern] of [[{}, /POST \/api\/v2\/scan was cut/], [kQuery, /POST \/api\/query was cut/]]) {
    const stream = await begin(token, { of: other, ...what });
    await other.until('the server has cut it', () => {
      stream.little();
      return pattern.test(other.log);
    });
    assert.equal(await stream.rest(), false);
  }
  await other.stop();
});

test("one caller's slow scans leave a place for others", async () => {
  const other = await otherSite('query:\n  max_workers: 4\n');
  must(201, await other.post('/api/admin/register-table', { name: 'big', source_type: 'local' }, { token: other.admin.token }));
  const { token } = await other.analyst('ana@example.com', ['big']);
  const held = await begin(other.admin.token, { of: other });
  const waiting = begin(other.admin.token, { of: other });
  assert.equal((await other.post('/api/v2/scan', { table_id: 'big', limit: 1 }, { token })).status, 200);
  held.leave();
  const next = await waiting;
  assert.equal(next.status, 200);
  next.leave();
  await other.stop();
});

test('more bytes a day than allowed: 429 before anything is read', async () => {
  const fred = (await site.analyst('fred@example.com', ['big'])).token;
  for (let i = 0; i < 2; i += 1) assert.equal((await scan({ table_id: 'big', limit: 60000 }, fred)).status, 200);
  const refused = await scan({ table_id: 'big', limit: 1 }, fred);
  assert.equal(refused.status, 429);
  assert.equal(refused.json.detail.kind, 'daily_bytes');
  assert.equal(refused.json.detail.limit, 100 << 20);
  assert.ok(refused.json.detail.current >= 100 << 20);
  assert.ok(refused.json.detail.retry_after_seconds > 0 && refused.json.detail.retry_after_seconds <= 86400);
});
