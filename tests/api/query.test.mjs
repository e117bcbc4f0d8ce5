// SQL of callers over HTTP: who may ask what, and what a hostile or endless statement does to everybody else.
// What SQL itself may say is tested statement by statement in tests/unit/query.
import assert from 'node:assert/strict';
import os from 'node:os';
import { after, before, test } from 'node:test';
import { startSite } from '../lib/site.mjs';

const kLimitSeconds = 2;
let site, admin, ana, bob;

before(async () => {
  site = await startSite(
    { 'orders.csv': 'id,total\n1,2.5\n2,7\n3,0.5\n', 'salaries.csv': 'name,amount\nCeo,1000\n' },
    { settings: `query:\n  timeout_seconds: ${kLimitSeconds}\n  max_workers: 4\n  memory_mb: 256\n  max_result_mb: 4\n` },
  );
  await site.sync();
  admin = site.admin.token;
  ana = (await site.analyst('ana@example.com', ['orders'])).token;
  bob = (await site.analyst('bob@example.com')).token;
});
after(() => site.stop());

test('an answer has columns, rows, a count and whether it was cut', async () => {
  const answer = await site.query('SELECT id, total FROM orders ORDER BY id', ana);
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, { columns: ['id', 'total'], rows: [[1, 2.5], [2, 7], [3, 0.5]], row_count: 3, truncated: false });
  const cut = await site.query('SELECT id FROM orders ORDER BY id', ana, { limit: 2 });
  assert.deepEqual(cut.json, { columns: ['id'], rows: [[1], [2]], row_count: 2, truncated: true });
});

test('nobody is refused before anything is looked at', async () => {
  assert.equal((await site.query('SELECT 1')).status, 401);
  assert.equal((await site.post('/api/query', { nonsense: true })).status, 401);
});

test('bad bodies are told what is wrong', async () => {
  for (const [body, loc] of [
    [{}, ['body', 'sql']],
    [{ sql: null }, ['body', 'sql']],
    [{ sql: 5 }, ['body', 'sql']],
    [{ sql: 'SELECT 1', limit: 'many' }, ['body', 'limit']],
    [{ sql: 'SELECT 1', limit: null }, ['body', 'limit']],
    [{ sql: 'SELECT 1', limit: 1.5 }, ['body', 'limit']],
  ]) {
    const answer = await site.post('/api/query', body, { token: ana });
    assert.equal(answer.status, 422, JSON.stringify(body));
    assert.deepEqual(answer.json.detail[0].loc, loc);
  }
  assert.equal((await site.query('SELECT 1', ana, { limit: -1 })).status, 400);
  assert.equal((await site.query('', ana)).status, 400);
  const broken = await site.request('POST', '/api/query', { token: ana, body: '{"sql": "SELECT 1"', headers: { 'content-type': 'application/json' } });
  assert.equal(broken.status, 422);
});

test('a table that is not granted is refused in the words for one that does not exist', async () => {
  for (const token of [ana, bob]) {
    const hidden = await site.query('SELECT * FROM salaries', token);
    const missing = await site.query('SELECT * FROM no_such_table', token);
    assert.equal(hidden.status, 403);
    assert.equal(missing.status, 403);
    assert.equal(hidden.json.detail.replaceAll('salaries', 'X'), missing.json.detail.replaceAll('no_such_table', 'X'));
  }
  assert.equal((await site.query('SELECT * FROM salaries', admin)).status, 200);
});

test('ways around a grant, over HTTP', async () => {
  for (const sql of [
    "SELECT * FROM query('SELECT * FROM sala' || 'ries')",
    "SELECT * FROM query_table('salaries')",
    'SELECT * FROM (SHOW TABLES)',
    'SELECT * FROM sqlite_master',
    'SELECT * FROM information_schema.tables',
    'SELECT * FROM duckdb_views()',
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    `SELECT * FROM '${site.source}/salaries.csv'`,
    "SELECT getenv('PATH')",
    "SELECT current_setting('allowed_paths')",
    "COPY orders TO '/tmp/x.csv'",
    "ATTACH '/tmp/x.duckdb'",
    'INSTALL httpfs',
    'SET threads = 1',
    'CREATE TABLE x AS SELECT 1',
    'DELETE FROM orders',
    'SELECT 1; SELECT 2',
  ]) {
    const answer = await site.query(sql, ana);
    assert.ok(answer.status === 400 || answer.status === 403, `${sql}: ${answer.status} ${answer.text}`);
    assert.ok(!answer.text.includes(site.data), answer.text);
    assert.ok(!/salaries(?!['"]?\b.*cannot be read)/.test(answer.text) || sql.includes('salaries'), answer.text);
  }
});

test('a grant and its end hold from the next statement on', async () => {
  const carol = await site.analyst('carol@example.com');
  assert.equal((await site.query('SELECT count(*) FROM orders', carol.token)).status, 403);
  const grant = await site.grant(carol.group, 'orders');
  assert.equal((await site.query('SELECT count(*) FROM orders', carol.token)).status, 200);
  assert.equal((await site.delete(`/api/admin/grants/${grant.json.id}`, { token: admin })).status, 204);
  assert.equal((await site.query('SELECT count(*) FROM orders', carol.token)).status, 403);
});

const endless = [
  ['rows without end', 'SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b'],
  ['a recursion without end', 'WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t'],
  ['a function that does not hear an interrupt', "SELECT levenshtein(repeat('a', 300000), repeat('b', 300000))"],
  ['a parser that is kept busy', Array.from({ length: 30000 }, () => 'SELECT 1').join(' UNION ALL ')],
];
for (const [what, sql] of endless) {
  test(`${what}: ended at the limit, with the reason`, async () => {
    const answer = await site.query(sql, ana);
    assert.equal(answer.status, 400, answer.text.slice(0, 300));
    assert.match(answer.json.detail, /ended after 2 s|more than/);
    assert.equal((await site.query('SELECT 1', ana)).status, 200);
  });
}

test('too much memory, too large an answer, too long a statement: refused, and the next one runs', async () => {
  for (const [sql, pattern] of [
    ["SELECT length(string_agg(repeat('x', 1000), ',')) FROM range(10000000)", /memory/],
    ["SELECT repeat('x', 1000000) FROM range(100)", /limit of/],
    [`SELECT '${'x'.repeat(4 << 20)}'`, /limit/],
  ]) {
    const answer = await site.query(sql, ana);
    assert.equal(answer.status, 413, answer.text.slice(0, 300));
    assert.match(answer.json.detail, pattern);
    assert.equal((await site.query('SELECT 1', ana)).status, 200);
  }
});

test('a statement whose process dies is told so; others and the next are served', async () => {
  let answer;
  site.query('SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b', ana).then((got) => (answer = got));
  const other = site.query('SELECT sum(a.range * b.range) FROM range(3000) a, range(3000) b', admin);
  assert.equal((await other).status, 200);
  // A process that has not begun with the statement is replaced; one that has worked on it for long has given up its
  // priority.
  await site.until('the statement has an answer', () => {
    site.killWorkers('query', (pid) => os.getPriority(pid) > 0);
    return answer;
  });
  assert.equal(answer.status, 400);
  assert.match(answer.json.detail, /broke the query process|ended after/);
  assert.equal((await site.query('SELECT count(*) FROM orders', ana)).json.rows[0][0], 3);
});

test('many callers at once, runaways among them: everybody gets an answer', async () => {
  const runaway = [ana, ana, ana].map((token) => site.query(endless[0][1], token));
  const short = await Promise.all(Array.from({ length: 40 }, (_, i) => site.query(`SELECT ${i} AS n FROM salaries`, admin)));
  short.forEach((answer, i) => assert.deepEqual(answer.json?.rows, [[i]], answer.text));
  for (const answer of await Promise.all(runaway)) assert.equal(answer.status, 400);
});
