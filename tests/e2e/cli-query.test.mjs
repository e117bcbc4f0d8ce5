import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { makeParquet, makeUser, program } from '../lib/agnes.mjs';
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

test('--limit cuts, and says so; a pipe and a file get all rows without it', async () => {
  const cut = await query('SELECT id FROM orders ORDER BY id', '--limit', '2', '-f', 'csv');
  assert.equal(cut.stdout, 'id\n0\n1\n');
  assert.match(cut.stderr, /^\(the first 2 rows: --limit gives more\)\n$/);
  for (const format of ['csv', 'jsonl', 'table', 'markdown']) {
    const all = await query('SELECT id FROM orders', '-f', format);
    assert.deepEqual([all.stdout.trim().split('\n').length, all.stderr], [3000 + { csv: 1, jsonl: 0, table: 2, markdown: 2 }[format], '']);
  }
  assert.equal(JSON.parse(await json('SELECT id FROM orders')).length, 3000);
  assert.equal((await query('SELECT id FROM orders', '--limit', '0', '-f', 'csv')).stdout, 'id\n');
  assert.equal((await query('SELECT id FROM orders LIMIT 2', '--limit', '2')).stderr, '');
  assert.equal((await query('SELECT 1', '--limit', 'many')).code, 2);
  assert.equal((await query('SELECT 1', '--limit', '-1')).code, 2);
});

// What `script` shows is what a terminal gets.
const onTerminal = (...args) => {
  const quoted = [program, 'query', ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const { stdout, status } = spawnSync('script', ['-qec', `stty cols 80; ${quoted}`, '/dev/null'], {
    cwd: user.workspace, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: user.home, TERM: 'dumb', LANG: 'C.UTF-8', AGNES_NO_UPDATE_CHECK: '1' },
  });
  return { status, lines: stdout.replaceAll('\r', '').split('\n') };
};
test('a terminal gets 1000 rows, and hears how to get more', (t) => {
  const probe = spawnSync('script', ['-qec', 'true', '/dev/null'], { encoding: 'utf8' });
  if (probe.status !== 0) {
    // A machine without /dev/pts has no terminals at all.
    assert.match(probe.stderr, /pseudo-?terminal|openpty/);
    t.diagnostic('no terminal was tried: this machine makes none');
    return;
  }
  const { lines, status } = onTerminal('SELECT id FROM orders ORDER BY id');
  assert.equal(status, 0);
  assert.deepEqual(lines.slice(0, 3), [' id', '---', '  0']);
  assert.equal(lines[1001], '999');
  assert.equal(lines[1002], '(the first 1000 rows: --limit gives more, and a file or a pipe gets them all)');
  assert.equal(onTerminal('SELECT id FROM orders', '--limit', '1500').lines.length, 1504);
  const parquet = onTerminal('SELECT 1', '-f', 'parquet');
  assert.deepEqual([parquet.status, parquet.lines[0]], [2, 'Error: Parquet is not for a terminal; add > FILE.parquet']);
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

test('jsonl and markdown', async () => {
  const sql = `SELECT 1 AS a, 'x|y' AS "b|c", 'two\nlines' AS l, NULL AS n, true AS t, [1, 2] AS list, 1.50::DECIMAL(9,2) AS d UNION ALL SELECT 2, '', '', 1, false, [], 0 ORDER BY a`;
  const lines = (await query(sql, '-f', 'jsonl')).stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines, [
    { a: 1, 'b|c': 'x|y', l: 'two\nlines', n: null, t: true, list: [1, 2], d: '1.50' },
    { a: 2, 'b|c': '', l: '', n: 1, t: false, list: [], d: '0.00' },
  ]);
  assert.equal((await query(sql, '-f', 'markdown')).stdout,
    '| a | b\\|c | l | n | t | list | d |\n| --- | --- | --- | --- | --- | --- | --- |\n' +
    '| 1 | x\\|y | two<br>lines | NULL | true | [1, 2] | 1.50 |\n| 2 |  |  | 1 | false | [] | 0.00 |\n');
  assert.equal((await query('SELECT 1 AS a WHERE false', '-f', 'jsonl')).stdout, '');
});

test('SQL from a file and from standard input', async () => {
  writeFileSync(user.file('q.sql'), '-- the orders\nSELECT count(*) AS n FROM orders;\n');
  assert.equal((await query('--file', 'q.sql', '-f', 'csv')).stdout, 'n\n3000\n');
  for (const args of [['-'], ['--file', '-']])
    assert.equal((await user.run(['query', ...args, '-f', 'csv'], { input: 'SELECT 7 AS n' })).stdout, 'n\n7\n');
  const none = await query('--file', 'none.sql');
  assert.deepEqual([none.code, none.stderr], [1, 'Error: there is no file none.sql\n']);
  assert.equal((await query('--file', 'q.sql', 'SELECT 1')).code, 2);
});

describe('several statements', () => {
  const sql = "SET TimeZone = 'UTC'; SELECT 1 AS a; CREATE TEMP TABLE t AS SELECT 2 AS b; SELECT * FROM t";
  test('people see each result', async () => {
    assert.equal((await query(sql)).stdout, 'a\n-\n1\n\nb\n-\n2\n');
    assert.equal((await query(sql, '-f', 'markdown')).stdout, '| a |\n| --- |\n| 1 |\n\n| b |\n| --- |\n| 2 |\n');
  });
  test('a format that holds one result refuses more', async () => {
    for (const format of ['csv', 'json', 'jsonl']) {
      const result = await query(sql, '-f', format);
      assert.deepEqual([result.code, result.stdout], [2, '']);
      assert.match(result.stderr, /^Error: statement 2 of 4 has rows, too, and .* holds one result; /);
    }
    assert.equal((await query("SET threads = 1; CREATE TEMP TABLE t AS SELECT 2 AS b; FROM t;", '-f', 'csv')).stdout, 'b\n2\n');
  });
  test('one that is wrong ends it', async () => {
    const result = await query('SELECT 1 AS a; SELECT nope; SELECT 3');
    assert.equal(result.code, 1);
    assert.equal(result.stdout, 'a\n-\n1\n');
    assert.match(result.stderr, /^Error: .*nope/);
  });
  test('PIVOT is several to DuckDB, and one to people', async () => {
    assert.equal((await query("PIVOT (SELECT * FROM (VALUES ('x', 1), ('y', 2)) t(k, v)) ON k USING sum(v)", '-f', 'csv')).stdout, 'x,y\n1,2\n');
  });
});

describe('parquet', () => {
  // As a shell redirects: standard output is the file itself.
  const into = (name, args, flags = 'w') => {
    const result = spawnSync(program, ['query', ...args, '-f', 'parquet'], {
      cwd: user.workspace, stdio: ['ignore', openSync(user.file(name), flags), 'pipe'], env: { PATH: process.env.PATH, HOME: user.home, AGNES_NO_UPDATE_CHECK: '1' },
    });
    return { code: result.status, stderr: `${result.stderr}` };
  };
  test('every type comes back as it was', async () => {
    const sql = `SELECT 1::TINYINT ti, 2::SMALLINT si, 3::INTEGER i, 4::BIGINT b, 5::UTINYINT ut, 6::USMALLINT us, 7::UINTEGER ui, 8::UBIGINT ub, 0.1::FLOAT f,
      1e300::DOUBLE d, 1.50::DECIMAL(9,2) de, 12345678901234567890.123::DECIMAL(38,3) wide, true bo, 'text' t, 'a'::BLOB bl, DATE '2026-02-03' da, TIME '01:02:03.000004' tm,
      TIMESTAMP '2026-02-03 04:05:06.5' ts, TIMESTAMP_NS '2026-01-01 00:00:00.000000001' ns, TIMESTAMPTZ '2026-02-03 04:05:06+00' tz, INTERVAL 14 MONTH iv,
      uuid '00000000-0000-0000-0000-000000000001' id, [1, NULL] l, {'a': 1, 'b': [DATE '2026-01-01']} s, MAP {'k': 2.5} mp, NULL::INTEGER n`;
    assert.equal(into('types.parquet', [sql]).code, 0);
    const described = async (from) => JSON.parse(await json(`SELECT column_name, column_type FROM (DESCRIBE ${from})`));
    assert.deepEqual(await described("FROM 'types.parquet'"), await described(sql));
    assert.equal(await json("FROM 'types.parquet'"), await json(sql));
  });
  test('what Parquet would change is cast, or refused', async () => {
    assert.equal(into('h.parquet', ["SELECT 170141183460469231731::HUGEINT AS h, '01:02:03+02'::TIMETZ AS tz"]).code, 0);
    assert.deepEqual(JSON.parse(await json("SELECT h, typeof(h) AS t, tz FROM 'h.parquet'")), [{ h: '170141183460469231731', t: 'DECIMAL(38,0)', tz: '01:02:03+02' }]);
    const refused = into('big.parquet', ['SELECT 170141183460469231731687303715884105727::HUGEINT AS h']);
    assert.deepEqual([refused.code, statSync(user.file('big.parquet')).size], [1, 0]);
    assert.match(refused.stderr, /^Error: /);
  });
  test('in order, all rows, or --limit', async () => {
    assert.equal(into('rows.parquet', ['SELECT i::HUGEINT AS i FROM range(300000) t(i) ORDER BY i DESC']).code, 0);
    assert.equal((await query("SELECT count(*) AS n, bool_and(i = 299999 - file_row_number) AS ordered FROM read_parquet('rows.parquet', file_row_number = true)", '-f', 'csv')).stdout, 'n,ordered\n300000,True\n');
    assert.equal(into('few.parquet', ['SELECT i FROM range(300000) t(i) ORDER BY i DESC', '--limit', '3']).code, 0);
    assert.equal((await query("FROM 'few.parquet'", '-f', 'csv')).stdout, 'i\n299999\n299998\n299997\n');
  });
  test('of anything that answers rows, with a semicolon, a comment or several statements', async () => {
    for (const [sql, expected] of [['SELECT 1 AS a;', 'a\n1\n'], ['SELECT 1 AS a -- one\n', 'a\n1\n'], ['DESCRIBE orders', /^column_name,/], ['PIVOT orders ON currency USING count(*)', /^id,total,EUR\n/],
      ['SELECT 1 AS a, 2 AS a', 'a,a_1\n1,2\n']]) {
      const done = into('a.parquet', [sql]);
      assert.equal(done.code, 0, `${sql}: ${done.stderr}`);
      const back = (await query("FROM 'a.parquet'", '-f', 'csv')).stdout;
      typeof expected === 'string' ? assert.equal(back, expected) : assert.match(back, expected);
    }
    const several = into('a.parquet', ['SELECT 1; SELECT 2']);
    assert.deepEqual([several.code, /^Error: parquet holds one result/.test(several.stderr)], [2, true]);
    assert.equal(into('a.parquet', ['SELEC 1']).code, 1);
  });
  test('a file that is added to keeps what it has', async () => {
    writeFileSync(user.file('both'), 'before');
    assert.equal(into('both', ['SELECT 1 AS a'], 'a').code, 0);
    assert.match(readFileSync(user.file('both'), 'latin1'), /^beforePAR1/);
    appendFileSync(user.file('both'), '');
  });
  test('a pipe, and one whose reader leaves', async () => {
    assert.match((await query('SELECT 1 AS a', '-f', 'parquet')).stdout, /^PAR1/);
    const child = user.start(['query', 'SELECT i, hash(i) FROM range(5000000) t(i)', '-f', 'parquet']);
    child.stdout.once('data', () => child.stdout.destroy());
    assert.deepEqual((({ code, stderr }) => [code, stderr])(await child.ended), [141, '']);
  });
});

describe('errors', () => {
  const cases = [
    [['SELEC 1'], /^Error: Parser Error/],
    [['SELECT * FROM nope'], /nope does not exist(.|\n)*agnes catalog lists the tables/],
    [[], /^Error: no SQL; /],
  ];
  for (const [args, expected] of cases)
    test(`query ${args.join(' ')}`, async () => {
      const result = await query(...args);
      assert.equal(result.code, 1);
      assert.equal(result.stdout, '');
      assert.match(result.stderr, expected);
    });
  test('a command line that makes no sense names what is wrong', async () => {
    for (const [args, said] of [
      [['SELECT 1', '--sql', 'SELECT 2'], 'the SQL comes from one place: an argument, --sql, --file or --stdin'],
      [['SELECT', '1'], "'1' is one word too many; what has blanks goes into quotes; see: agnes query --help"],
      [['--forma', 'csv', 'SELECT 1'], 'agnes query has no option --forma; did you mean --format?'],
      [['SELECT 1', '--zzzzzz=1'], 'agnes query has no option --zzzzzz; see: agnes query --help'],
      [['SELECT 1', '--json', '--format', 'csv'], '--json is --format json, and --format csv was given, too; leave one of them out'],
      [['CREATE TEMP TABLE x(i int)', '-f', 'parquet'], 'parquet holds the rows of a SELECT, and this statement is none; give it without --format'],
    ]) {
      const result = await query(...args);
      const error = args.includes('--json') ? (({ message, hint }) => `Error: ${message}; ${hint}\n`)(JSON.parse(result.stderr).error) : result.stderr;
      assert.deepEqual([result.code, result.stdout, error], [2, '', `Error: ${said}\n`]);
    }
    assert.deepEqual(JSON.parse((await query('SELECT 1 AS a', '--json', '--format', 'json')).stdout), [{ a: 1 }]);
  });
  test('a table whose file is gone comes back with a pull', async () => {
    const bytes = user.read('server/parquet/orders.parquet');
    rmSync(user.parquet('orders'));
    const result = await query('SELECT * FROM orders');
    assert.equal(result.code, 1);
    assert.match(result.stderr, /No files found(.|\n)*agnes pull fetches what is missing/);
    writeFileSync(user.parquet('orders'), bytes);
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
  test('a format that is none is an error, here and at the server', async () => {
    for (const args of [[], ['--remote']]) {
      const result = await query('SELECT 1 AS a', '--format', 'jsn', ...args);
      assert.deepEqual([result.code, result.stdout, result.stderr], [2, '', "Error: --format is table, markdown, csv, json, jsonl, parquet, not 'jsn'; did you mean json?\n"]);
    }
  });
  test('as JSON', async () => {
    const result = await query('SELECT * FROM nope', '--json');
    assert.deepEqual([result.code, result.stdout], [1, '']);
    const { error } = JSON.parse(result.stderr);
    assert.equal(error.kind, 'failed');
    assert.match(error.message, /^Catalog Error: Table with name nope does not exist!\n/);
    assert.match(error.hint, /^agnes catalog/);
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
  test('asks for all rows, and says what the server cut', async () => {
    server.answers['POST /api/query'] = { body: { columns: ['n'], rows: [[1], [2]], row_count: 2, truncated: true } };
    const result = await query('--remote', 'SELECT * FROM events', '-f', 'jsonl');
    assert.equal(result.stdout, '{"n": 1}\n{"n": 2}\n');
    assert.match(result.stderr, /^\(the first 2 rows, as many as the server gives at once/);
    assert.ok(JSON.parse(server.of('/api/query').at(-1).body).limit > 1e9);
    const parquet = await query('--remote', 'SELECT 1', '-f', 'parquet');
    assert.deepEqual([parquet.code, /has no types for Parquet; /.test(parquet.stderr)], [2, true]);
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
      [403, { detail: 'Access denied to salaries' }, /^Error: cannot run the query: Access denied to salaries \(HTTP 403\); an administrator can change that\n$/],
      [400, { detail: { reason: 'remote_scan_too_large', scan_bytes: 5, limit_bytes: 1, suggestion: 'narrow it' } }, /: reason remote_scan_too_large, scan_bytes 5, limit_bytes 1 \(HTTP 400\); narrow it\n$/],
      [422, { detail: [{ loc: ['body', 'limit'], msg: 'too large', type: 'x' }] }, /limit: too large \(HTTP 422\)/],
      [502, { rawJson: '<html>' }, /the server gave no reason \(HTTP 502\)/],
    ];
    for (const [status, body, expected] of cases) {
      server.faults.push({ path: '/api/query', status, body });
      const result = await query('--remote', 'SELECT 1', '-f', 'json');
      assert.equal(result.code, status === 502 ? 5 : 1);
      assert.equal(result.stdout, '');
      assert.match(result.stderr, expected);
    }
  });
  test('an answer that is none', async () => {
    for (const body of [{}, [], { columns: ['a'], rows: 7 }, 'text']) {
      server.faults.push({ path: '/api/query', status: 200, body });
      const result = await query('--remote', 'SELECT 1', '-f', 'json');
      assert.ok(result.code === 5 || result.stdout === '[]\n', JSON.stringify(body));
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
