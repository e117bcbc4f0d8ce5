import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeParquet, makeUser } from '../lib/agnes.mjs';
import { startFake } from '../lib/fake-agnes.mjs';

let server;
let user;
before(async () => {
  const made = await makeParquet({ orders: "SELECT i AS id, i * 0.7 AS total, CASE WHEN i % 2 = 0 THEN 'EUR' END AS currency FROM range(3000) t(i)" });
  server = await startFake({ tables: made });
  user = makeUser();
  const result = await user.run(['init', '--server-url', server.url, '--token', server.token]);
  assert.equal(result.code, 0, result.stderr);
});
after(async () => {
  user.remove();
  await server.stop();
});

const query = (...args) => user.run(['query', ...args]);
const json = async (sql) => {
  const result = await query(sql, '-f', 'json');
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
};

test('a table: aligned, numbers to the right, NULL shown', async () => {
  const result = await query('SELECT id, total, currency FROM orders ORDER BY id LIMIT 3');
  assert.equal(result.stdout, 'id  total  currency\n--  -----  --------\n 0    0.0  EUR\n 1    0.7  NULL\n 2    1.4  EUR\n');
});

test('options stand before or after the statement', async () => {
  for (const args of [['SELECT 1 AS a', '-f', 'csv'], ['-f', 'csv', 'SELECT 1 AS a'], ['--format=csv', '--sql', 'SELECT 1 AS a'], ['--sql=SELECT 1 AS a', '-fcsv']])
    assert.equal((await query(...args)).stdout, 'a\n1\n');
  assert.equal((await query('-- a comment\nSELECT 1 AS a', '-f', 'csv')).stdout, 'a\n1\n');
  const piped = await user.run(['query', '--stdin', '-f', 'csv'], { input: '{"sql": "SELECT 1 AS a"}' });
  assert.equal(piped.stdout, 'a\n1\n');
});

test('a table that is too wide becomes records', async () => {
  const wide = `SELECT ${Array.from({ length: 40 }, (_, i) => `${i} AS column_${i}`).join(', ')} FROM range(2)`;
  const result = await query(wide);
  assert.match(result.stdout, /^--- row 1 ---\n {2}column_0 {2}: 0\n/);
  assert.match(result.stdout, /--- row 2 ---/);
  assert.match((await user.run(['query', wide], { env: { COLUMNS: '400' } })).stdout, /^column_0 {2}column_1/);
});

test('JSON keeps every digit and every type', async () => {
  const text = await json(`SELECT DATE '2026-02-03' d, TIMESTAMP '2026-02-03 04:05:06' t, TIMESTAMP '2026-02-03 04:05:06.5' tf,
    1.50::DECIMAL(9,2) m, -0.05::DECIMAL(18,2) neg, NULL n, true b, [1, NULL, 2] l, {'a': 1, 'b': [DATE '2026-01-01']} s, MAP {'k': 2.5} AS mp,
    170141183460469231731687303715884105727::HUGEINT h, 340282366920938463463374607431768211455::UHUGEINT uh, 18446744073709551615::UBIGINT u,
    0.1::FLOAT f, 1e300::DOUBLE e, 'NaN'::DOUBLE nan, INTERVAL 14 MONTH iv, TIME '01:02:03.000004' tm, 'x'::ENUM('w','x') en,
    uuid '00000000-0000-0000-0000-000000000001' id, '\\xAA\\x01'::BLOB || 'a'::BLOB bl, '0101'::BIT AS bits, [1,2]::INTEGER[2] arr, row(1, 'a') tup,
    TIMESTAMPTZ '2026-02-03 04:05:06+00' tz, union_value(num := 3) un, DATE '0044-03-15 (BC)' bc, 'a"\n\u00e9' txt, TIMESTAMP_NS '2026-01-01 00:00:00.000000001' ns`);
  assert.match(text, /"h": 170141183460469231731687303715884105727,/);
  assert.match(text, /"uh": 340282366920938463463374607431768211455,/);
  assert.match(text, /"u": 18446744073709551615,/);
  const [row] = JSON.parse(text);
  delete row.h;
  delete row.uh;
  delete row.u;
  assert.deepEqual(row, {
    d: '2026-02-03', t: '2026-02-03 04:05:06', tf: '2026-02-03 04:05:06.500000', m: '1.50', neg: '-0.05', n: null, b: true, l: [1, null, 2],
    s: { a: 1, b: ['2026-01-01'] }, mp: { k: '2.5' }, f: 0.1, e: 1e300, nan: null, iv: '1 year 2 months', tm: '01:02:03.000004', en: 'x',
    id: '00000000-0000-0000-0000-000000000001', bl: '\\xAA\\x01a', bits: '0101', arr: [1, 2], tup: [1, 'a'], tz: '2026-02-03 04:05:06+00:00', un: 3,
    bc: '0044-03-15 (BC)', txt: 'a"\né', ns: '2026-01-01 00:00:00.000000001',
  });
  assert.equal(await json('SELECT 1 WHERE false'), '[]\n');
});

test('CSV is quoted where it must be', async () => {
  const result = await query(`SELECT 'a,b' AS "x,y", 'say "hi"' AS q, 'two\nlines' AS l, NULL AS n, true AS t, 0.0 AS z`, '-f', 'csv');
  assert.equal(result.stdout, '"x,y",q,l,n,t,z\n"a,b","say ""hi""","two\nlines",,True,0.0\n');
});

test('--limit cuts, and says so', async () => {
  const cut = await query('SELECT id FROM orders ORDER BY id', '--limit', '2', '-f', 'csv');
  assert.equal(cut.stdout, 'id\n0\n1\n');
  assert.match(cut.stderr, /the first 2 rows/);
  const all = await query('SELECT id FROM orders', '-f', 'csv');
  assert.equal(all.stdout.split('\n').length, 1002);
  assert.equal((await query('SELECT id FROM orders', '--limit', '5000', '-f', 'csv')).stdout.split('\n').length, 3002);
  assert.equal((await query('SELECT id FROM orders', '--limit', '0', '-f', 'csv')).stdout, 'id\n');
  assert.equal((await query('SELECT id FROM orders LIMIT 2', '--limit', '2')).stderr, '');
  assert.equal((await query('SELECT 1', '--limit', 'many')).code, 2);
  assert.equal((await query('SELECT 1', '--limit', '-1')).code, 2);
});

test('a result without end ends at the limit', async () => {
  const result = await query('SELECT * FROM range(1000000000000)', '--limit', '1', '-f', 'csv');
  assert.equal(result.code, 0);
});

test('control characters of the data do not reach the terminal', async () => {
  const result = await query(`SELECT chr(27) || '[31mred' AS c, 'a\nb' AS n`);
  assert.ok(!result.stdout.includes('\u001b'));
  assert.match(result.stdout, /a\\nb/);
});

test('the local copy cannot be changed', async () => {
  for (const sql of ['CREATE TABLE x AS SELECT 1', 'DROP VIEW orders'])
    assert.equal((await query(sql)).code, 1, sql);
  assert.equal((await query('SELECT count(*) FROM orders', '-f', 'csv')).stdout, 'count_star()\n3000\n');
});

describe('errors', () => {
  const cases = [
    [['SELEC 1'], /^Error: Parser Error/],
    [['SELECT * FROM nope'], /nope does not exist(.|\n)*agnes catalog lists the tables/],
    [[], /^Error: no SQL: /],
    [['SELECT 1', '--sql', 'SELECT 2'], /^Error: the SQL comes from one place/],
  ];
  for (const [args, expected] of cases)
    test(`query ${args.join(' ')}`, async () => {
      const result = await query(...args);
      assert.equal(result.code, 1);
      assert.equal(result.stdout, '');
      assert.match(result.stderr, expected);
    });
  test('standard input that is not JSON', async () => {
    for (const input of ['SELECT 1', '', '[]', '{"sql": 1}', '{"SQL": "x"}'])
      assert.equal((await user.run(['query', '--stdin'], { input })).code, 1, input);
  });
  test('no data yet', async (t) => {
    const nobody = makeUser();
    t.after(nobody.remove);
    const result = await nobody.run(['query', 'SELECT 1']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^Error: no data here: .*agnes pull/);
  });
  test('a format that is none is shown as a table, and said', async () => {
    const result = await query('SELECT 1 AS a', '--format', 'xml');
    assert.deepEqual([result.code, result.stdout], [0, 'a\n-\n1\n']);
    assert.match(result.stderr, /no format 'xml'/);
  });
});

describe('--remote', () => {
  test('sends the statement, shows the answer', async () => {
    server.answers['POST /api/query'] = {
      body: { columns: ['n', 't'], rows: [[1, 'a'], [2.5, null]], row_count: 2, truncated: true },
    };
    const result = await query('--remote', 'SELECT * FROM events', '--limit', '2');
    assert.equal(result.stdout, '  n  t\n---  ----\n  1  a\n2.5  NULL\n');
    assert.match(result.stderr, /first 2 rows/);
    assert.deepEqual(JSON.parse(server.of('/api/query').at(-1).body), { sql: 'SELECT * FROM events', limit: 2 });
  });
  test('numbers keep their digits', async (t) => {
    const raw = '{"columns": ["h", "x"], "rows": [[170141183460469231731687303715884105727, {"a": [1.10]}]], "truncated": false}';
    const answer = server.answers['POST /api/query'];
    server.answers['POST /api/query'] = { body: { rawJson: raw } };
    t.after(() => (server.answers['POST /api/query'] = answer));
    const result = await query('--remote', 'SELECT 1', '-f', 'json');
    assert.match(result.stdout, /"h": 170141183460469231731687303715884105727,\n/);
    assert.match(result.stdout, /"x": \{"a": \[1\.10\]\}/);
  });
  test('a refusal is told in one line', async () => {
    const cases = [
      [403, { detail: 'Access denied to salaries' }, /^Error: cannot run the query: Access denied to salaries \(HTTP 403\)\n$/],
      [400, { detail: { reason: 'remote_scan_too_large', scan_bytes: 5, limit_bytes: 1, suggestion: 'narrow it' } }, /narrow it \[reason remote_scan_too_large, scan_bytes 5, limit_bytes 1\] \(HTTP 400\)/],
      [422, { detail: [{ loc: ['body', 'limit'], msg: 'too large', type: 'x' }] }, /limit: too large \(HTTP 422\)/],
      [502, { rawJson: '<html>' }, /the server gave no reason \(HTTP 502\)/],
    ];
    for (const [status, body, expected] of cases) {
      server.faults.push({ path: '/api/query', status, body });
      const result = await query('--remote', 'SELECT 1', '-f', 'json');
      assert.equal(result.code, 1);
      assert.equal(result.stdout, '');
      assert.match(result.stderr, expected);
    }
  });
  test('an answer that is none', async () => {
    for (const body of [{}, [], { columns: ['a'], rows: 7 }, 'text']) {
      server.faults.push({ path: '/api/query', status: 200, body });
      const result = await query('--remote', 'SELECT 1', '-f', 'json');
      assert.ok(result.code === 1 || result.stdout === '[]\n', JSON.stringify(body));
    }
  });
});

test('a reader that leaves early ends the program quietly', async () => {
  const child = user.start(['query', 'SELECT * FROM range(1000000)', '--limit', '1000000', '-f', 'csv']);
  await new Promise((go) => child.stdout.once('data', go));
  child.stdout.destroy();
  const { code, stderr } = await child.ended;
  assert.equal(code, 141);
  assert.equal(stderr, '');
});
