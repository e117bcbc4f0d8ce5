// Tables that another program's extract keeps elsewhere: its attachments are made with DuckDB's extensions, by the server's
// rules, when somebody asks for such a table, and only for those who may read it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { field, startBigQuery } from '../fakes/bigquery.mjs';
import { startEngine } from '../fakes/engine.mjs';
import { writeExtract } from '../lib/duckdb.mjs';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kbcToken = '1234-567890-aVerySecretTokenOfThisProject';
let google, engine, site, admin, ana, bob;

const tables = (schema) => [
  `CREATE SCHEMA "${schema}"`,
  `CREATE TABLE "${schema}".orders AS SELECT range AS id, 'o' || range AS name FROM range(1000)`,
  `CREATE TABLE "${schema}".salaries AS SELECT 'Ana' AS person, 1 AS salary`,
];
// `views`: name -> the table that it reads, as its writer saw it.
const attachment = (data, name, { alias, extension, url, token_env = '' }, schema, views) =>
  writeExtract(path.join(data, 'extracts', name), {}, [
    'CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, token_env VARCHAR)',
    `INSERT INTO _remote_attach VALUES ('${alias}', '${extension}', '${url}', '${token_env}')`,
    `ATTACH ':memory:' AS ${alias}`,
    ...tables(schema).map((sql) => sql.replace(`"${schema}"`, `${alias}."${schema}"`)),
    ...Object.entries(views).flatMap(([view, of]) => [
      `CREATE VIEW "${view}" AS SELECT * FROM ${alias}."${schema}".${of}`,
      `INSERT INTO _meta VALUES ('${view}', 'elsewhere', 9, 0, TIMESTAMP '2026-01-02 03:04:05', 'remote')`,
    ]),
  ]);

const keboolaCrm = () => ['crm', { alias: 'kbc', extension: 'keboola', url: `project=crm api_endpoint=${engine.host}`, token_env: 'KBC_TOKEN' }, 'in.c-crm', { kbc_orders: 'orders' }];
const bigqueryWarehouse = (views = { bq_orders: 'orders' }) => ['warehouse', { alias: 'bq', extension: 'bigquery', url: `project=example-project api_endpoint=${engine.host}` }, 'sales', views];
const anotherSite = ({ bigquery = '', extract = '  unsigned_extensions: true\n', env = { ...google.env, KBC_TOKEN: kbcToken } } = {}) =>
  startSite({ 'people.csv': 'id\n1\n2\n' }, { settings: `  bigquery:\n    project: example-project\n${bigquery}extract:\n  extension_repository: ${engine.url}\n${extract}`, env: { AGNES_REMOTE_ATTACH_ENDPOINTS: engine.host, ...env } });
const installed = (server, ...names) =>
  server.until('the extensions are installed', async () =>
    names.every((name) => existsSync(path.join(server.data, `state/duckdb_extensions/${createHash('md5').update(engine.url).digest('hex').slice(0, 12)}/${engine.version}/${engine.platform}/${name}.duckdb_extension`))) &&
    must(200, await server.get('/api/admin/jobs', { token: server.admin.token })).json.jobs.every((j) => !j.running));

before(async () => {
  google = await startBigQuery();
  engine = await startEngine({ bigquery: tables('sales'), keboola: tables('in.c-crm') });
  site = await anotherSite();
  await attachment(site.data, ...bigqueryWarehouse({ bq_orders: 'orders', bq_salaries: 'salaries' }));
  await attachment(site.data, ...keboolaCrm());
  await site.sync();
  admin = site.admin.token;
  await installed(site, 'bigquery', 'keboola');
  for (const name of ['bq_orders', 'bq_salaries', 'kbc_orders']) must(201, await site.post('/api/admin/register-table', { name, source_type: 'local' }, { token: admin }));
  ana = await site.analyst('ana@example.com', ['people', 'bq_orders', 'kbc_orders']);
  bob = await site.analyst('bob@example.com', ['people']);
});
after(async () => {
  await site?.stop();
  await engine?.stop();
  await google.stop();
});
beforeEach(() => {
  engine.status = 200;
  engine.tokens = { bigquery: null, keboola: null };
  engine.asked.length = 0;
  google.queries.clear();
  google.requests.length = 0;
  costs({ orders: 1000, salaries: 10 });
});

// What BigQuery says of the tables behind the views.
function costs(bytes) {
  for (const [name, size] of Object.entries(bytes)) google.queries.set(`SELECT * FROM \`example-project.sales.${name}\``, { fields: [field('n', 'INTEGER')], rows: [], bytes: size });
}
const query = (sql, person = ana) => site.query(sql, person.token);
const rows = async (sql, person = ana) => must(200, await query(sql, person)).json.rows;

test('each extension is installed once, from the operator\'s repository', () => {
  assert.deepEqual([...engine.installed].sort(), ['bigquery', 'keboola']);
});

test('who may read a table gets its rows from where they live, alone and with tables that are here', async () => {
  assert.deepEqual(await rows('SELECT count(*), max(name) FROM bq_orders'), [[1000, 'o999']]);
  assert.deepEqual(await rows('SELECT count(*) FROM kbc_orders WHERE id < 10'), [[10]]);
  assert.deepEqual(await rows('SELECT p.id, o.name, k.name FROM people p JOIN bq_orders o USING (id) JOIN kbc_orders k USING (id) ORDER BY 1'), [[1, 'o1', 'o1'], [2, 'o2', 'o2']]);
  assert.deepEqual(await rows('WITH bq_orders AS (SELECT 5 AS id) SELECT id FROM bq_orders'), [[5]], 'a CTE of that name is not a table');
});

test('the engine is asked with its own token: Google\'s of the server\'s account, Keboola\'s of the variable', async () => {
  await rows('SELECT 1 FROM bq_orders LIMIT 1', { token: admin });
  await rows('SELECT 1 FROM kbc_orders LIMIT 1', { token: admin });
  assert.deepEqual(engine.asked.map((a) => [a.engine, a.project]), [['bigquery', 'example-project'], ['keboola', 'crm']]);
  assert.ok(google.tokens.has(engine.asked[0].token));
  assert.equal(engine.asked[1].token, kbcToken);
});

test('a query of what is here asks no engine and waits for none', async () => {
  engine.status = 'hang';
  assert.deepEqual(await rows('SELECT count(*) FROM people'), [[2]]);
  assert.deepEqual([engine.asked.length, google.requests.length], [0, 0]);
});

test('a process that is attached serves the next query', async () => {
  await rows('SELECT 1 FROM bq_orders LIMIT 1');
  engine.asked.length = 0;
  await rows('SELECT 2 FROM bq_orders LIMIT 1');
  assert.equal(engine.asked.length, 0);
});

test('a token that would end soon is renewed, and no process goes on with the old one', async () => {
  google.life = 200;
  const other = await anotherSite();
  await attachment(other.data, ...bigqueryWarehouse());
  await other.sync();
  await installed(other, 'bigquery');
  for (const n of [1, 2]) must(200, await other.query(`SELECT ${n} FROM bq_orders LIMIT 1`, other.admin.token));
  assert.equal(new Set(engine.asked.map((a) => a.token)).size, 2);
  google.life = 3599;
  await other.stop();
});

for (const [what, sql] of [
  ['the engine\'s own name of a table', 'SELECT * FROM bq.sales.salaries'],
  ['the same beside a table that may be read', 'SELECT * FROM bq_orders, bq.sales.salaries'],
  ['a table of the engine that was not granted', 'SELECT * FROM bq_salaries'],
  ['that in a subquery', 'SELECT (SELECT max(salary) FROM bq_salaries) FROM bq_orders'],
  ['a function of the extension', "SELECT * FROM bigquery_query('example-project', 'SELECT 1')"],
  ['the server\'s secrets', 'SELECT * FROM duckdb_secrets(), bq_orders'],
  ['which secret is used', "SELECT * FROM which_secret('bq://', 'bigquery'), bq_orders"],
  ['the attached databases', 'SELECT * FROM duckdb_databases(), bq_orders'],
  ['a setting', "SELECT current_setting('extension_directory') FROM bq_orders"],
  ['another attachment', "ATTACH 'project=x' AS y (TYPE bigquery)"],
  ['a second statement', 'SELECT 1 FROM bq_orders; SELECT * FROM bq.sales.salaries'],
  ['loading an extension', 'LOAD httpfs'],
  ['a file of the server', "SELECT * FROM read_text('/etc/passwd'), bq_orders"],
  ['an address', "SELECT * FROM read_csv('http://127.0.0.1/x'), bq_orders"],
]) {
  test(`refused, and no engine is asked: ${what}`, async () => {
    const answer = await query(sql);
    assert.ok(answer.status === 400 || answer.status === 403, `${answer.status} ${answer.text}`);
    assert.doesNotMatch(answer.text, /Ana|ya29|aVerySecret/);
    assert.deepEqual([engine.asked.length, google.requests.length], [0, 0]);
  });
}

test('who may not read the table learns nothing of it', async () => {
  for (const sql of ['SELECT * FROM bq_orders', 'SELECT * FROM kbc_orders', 'SELECT * FROM people, bq_orders'])
    assert.deepEqual([(await query(sql, bob)).status, engine.asked.length], [403, 0]);
  assert.doesNotMatch((await query('SELECT * FROM bq_orders', bob)).text, /BigQuery|warehouse/);
});

test('an engine that refuses, is broken or is not there is told in one line, without its token', async () => {
  engine.tokens.keboola = 'another';
  for (const [status, said] of [[200, /HTTP 401/], [503, /HTTP 503/]]) {
    engine.status = status;
    // The url is another set of rights' process: none is kept that is attached already.
    const answer = await query('SELECT count(*) FROM kbc_orders', status === 200 ? await site.analyst('c1@example.com', ['kbc_orders']) : await site.analyst('c2@example.com', ['kbc_orders']));
    assert.equal(answer.status, 502, answer.text);
    assert.match(answer.json.detail, /^The engine kbc \(keboola\) cannot be reached: /);
    assert.match(answer.json.detail, said);
    assert.doesNotMatch(answer.text, /aVerySecret|\\n/);
  }
  assert.doesNotMatch(site.log, /aVerySecret|ya29/);
});

test('Google that gives no token', async () => {
  // Another server, which has no token yet.
  google.tokenFaults.push({ status: 400, error: 'invalid_grant', description: 'Invalid JWT Signature.' });
  const other = await anotherSite();
  await attachment(other.data, ...bigqueryWarehouse());
  await other.sync();
  const answer = await other.query('SELECT * FROM bq_orders', other.admin.token);
  assert.equal(answer.status, 502, answer.text);
  assert.match(answer.json.detail, /bq \(bigquery\).*Google gives the server no access/);
  assert.doesNotMatch(answer.text, /Signature/, 'what Google says is for the log');
  assert.match(other.log, /Invalid JWT Signature/);
  await other.stop();
});

test('a query that would read too much in BigQuery is refused before it is run', async () => {
  const big = 6 * 2 ** 30;
  costs({ orders: big });
  const dan = await site.analyst('dan@example.com', ['bq_orders']);
  // What was said of the whole table is kept for some minutes, so the table here is asked for by the statement.
  const sql = 'SELECT id FROM bq_orders WHERE id = 7';
  google.queries.set(`WITH \`bq_orders\` AS (SELECT * FROM \`example-project.sales.orders\`) ${sql}`, { fields: [field('n', 'INTEGER')], rows: [], bytes: big });
  const refused = await query(sql, dan);
  assert.equal(refused.status, 400, refused.text);
  const { detail } = refused.json;
  assert.deepEqual([detail.reason, detail.scan_bytes, detail.limit_bytes, detail.tables], ['remote_scan_too_large', big, 5 * 2 ** 30, ['bq_orders']]);
  assert.match(detail.message, /6,442,450,944 bytes.*5,368,709,120/);
  assert.equal(engine.asked.length, 0);
  // A statement that needs little of the large table may run.
  google.queries.set(`WITH \`bq_orders\` AS (SELECT * FROM \`example-project.sales.orders\`) ${sql}`, { fields: [field('n', 'INTEGER')], rows: [], bytes: 100 });
  assert.deepEqual(await rows(sql, dan), [[7]]);
});

// Each reads all of the table in DuckDB, and little or nothing where BigQuery reads the text.
for (const [what, sql] of [
  ['a text that ends elsewhere there', "SELECT '\\' AS a, * FROM bq_orders -- '"],
  ['a comment that is none here', 'SELECT 1, #1, * FROM bq_orders'],
  ['another query behind a comment', "SELECT * FROM bq_orders --, x.* FROM `example-project.hr.salaries` x"],
  ['names in quotes', 'SELECT "id", "name" FROM "bq_orders"'],
  ['a text of another kind', "SELECT e'a', * FROM bq_orders"],
  ['a text in dollars', 'SELECT $$ FROM $$, * FROM bq_orders'],
]) {
  test(`the caller's text is not what BigQuery is asked about: ${what}`, async () => {
    const big = await startBigQuery();
    const other = await anotherSite({ env: { ...big.env, KBC_TOKEN: kbcToken } });
    await attachment(other.data, ...bigqueryWarehouse());
    await other.sync();
    big.queries.set('SELECT * FROM `example-project.sales.orders`', { fields: [field('n', 'INTEGER')], rows: [], bytes: 6 * 2 ** 30 });
    // Whatever the dry run of anything else would say, it says nothing.
    const answer = await other.query(sql, other.admin.token);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.detail.reason, 'remote_scan_too_large', answer.text);
    for (const { body } of big.requests) assert.doesNotMatch(body.configuration.query.query, /hr\.|--|#|\$|e'|"/);
    assert.equal(engine.asked.length, 0);
    await other.stop();
    await big.stop();
  });
}

test('a table counts as often as it is read, and a recursion is not counted', async () => {
  costs({ orders: 2 * 2 ** 30 });
  // Another server: what a whole table would cost is kept for some minutes.
  const other = await anotherSite();
  await attachment(other.data, ...bigqueryWarehouse());
  await other.sync();
  const query = (sql) => other.query(sql, other.admin.token);
  const twice = { fields: [field('n', 'INTEGER')], rows: [], bytes: 2 * 2 ** 30 };
  const with_ = 'WITH `bq_orders` AS (SELECT * FROM `example-project.sales.orders`)';
  const union = 'SELECT id FROM bq_orders UNION ALL SELECT id FROM bq_orders UNION ALL SELECT id FROM bq_orders';
  google.queries.set(`${with_} ${union}`, twice);
  const { detail } = (await query(union)).json;
  assert.deepEqual([detail.reason, detail.scan_bytes], ['remote_scan_too_large', 6 * 2 ** 30]);
  const ctes = 'WITH a AS (SELECT id FROM bq_orders), b AS (SELECT * FROM a UNION ALL SELECT * FROM a) SELECT count(*) FROM b, b AS c';
  assert.equal((await query(ctes)).json.detail.scan_bytes, 8 * 2 ** 30);
  const recursive = await query('WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, bq_orders WHERE n < 5) SELECT * FROM r');
  assert.equal(recursive.status, 400);
  assert.match(recursive.json.detail, /any number of times/);
  assert.equal(engine.asked.length, 0);
  await other.stop();
});

for (const [what, body] of [
  ['a statement of BigQuery that changes something', "SELECT o.* FROM bq.sales.orders o, bigquery_execute('example-project', 'DROP TABLE sales.orders')"],
  ['a file of the server', "SELECT o.*, f.content FROM bq.sales.orders o, read_text('/etc/hostname') f"],
  ['what the process holds', 'SELECT * FROM duckdb_databases(), bq.sales.orders'],
  ['another table that is here', 'SELECT p.* FROM bq.sales.orders o, people p'],
]) {
  test(`a view of an extract does not get to read ${what}`, async () => {
    const other = await anotherSite({ bigquery: '    bq_max_scan_bytes: 0\n' });
    await writeExtract(path.join(other.data, 'extracts', 'warehouse'), {}, [
      'CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, token_env VARCHAR)',
      `INSERT INTO _remote_attach VALUES ('bq', 'bigquery', 'project=example-project api_endpoint=${engine.host}', '')`,
      "ATTACH ':memory:' AS bq", ...tables('sales').map((sql) => sql.replace('"sales"', 'bq."sales"')),
      'CREATE TABLE people (id INT)', "CREATE MACRO bigquery_execute(a, b) AS TABLE SELECT 1",
      `CREATE VIEW bq_orders AS ${body}`,
      "INSERT INTO _meta VALUES ('bq_orders', '', 9, 0, TIMESTAMP '2026-01-02 03:04:05', 'remote')",
    ]);
    await other.sync();
    await installed(other, 'bigquery');
    const answer = await other.query('SELECT * FROM bq_orders', other.admin.token);
    assert.equal(answer.status, 502, answer.text);
    assert.match(answer.json.detail, /its view does more than to read tables of its engine/);
    assert.ok(engine.asked.length > 0);
    await other.stop();
  });
}

test('a long token that an engine repeats is told to nobody', async () => {
  const long = 'x'.repeat(1200);
  engine.tokens.keboola = 'another';
  const other = await anotherSite({ env: { ...google.env, KBC_TOKEN: long } });
  await attachment(other.data, ...keboolaCrm());
  await other.sync();
  await installed(other, 'keboola');
  const answer = await other.query('SELECT * FROM kbc_orders', other.admin.token);
  assert.equal(answer.status, 502);
  assert.match(answer.json.detail, /HTTP 401 to \.\.\./);
  assert.doesNotMatch(answer.text + other.log, /xxx/);
  await other.stop();
});

test('an engine that hangs holds its own places, and others find theirs', async () => {
  const other = await anotherSite();
  await attachment(other.data, ...keboolaCrm());
  await other.sync();
  await installed(other, 'keboola');
  engine.status = 'hang';
  must(201, await other.post('/api/admin/register-table', { name: 'kbc_orders', source_type: 'local' }, { token: other.admin.token }));
  const people = await Promise.all(['h1', 'h2', 'h3'].map((name) => other.analyst(`${name}@example.com`, ['people', 'kbc_orders'])));
  const waiting = people.flatMap((person) => [1, 2, 3].map((n) => other.query(`SELECT ${n} FROM kbc_orders`, person.token).catch(() => null)));
  await other.until('the engine is asked', () => engine.asked.length >= 3);
  for (let i = 0; i < 5; i++) assert.deepEqual(must(200, await other.query('SELECT count(*) FROM people', other.admin.token)).json.rows, [[2]]);
  assert.equal(engine.asked.length, 3);
  await other.kill();
  await Promise.all(waiting);
});

test('what an extension cannot be installed from is told to administrators', async () => {
  engine.status = 404;
  const other = await anotherSite();
  await attachment(other.data, ...keboolaCrm());
  await other.sync();
  const token = other.admin.token;
  const problems = await other.until('the failure is told', async () => {
    const found = must(200, await other.get('/api/health/detailed', { token })).json.services.data.problems;
    return found.length > 0 && found;
  });
  assert.deepEqual(problems.map((p) => p.source), ['crm']);
  assert.match(problems[0].message, /'kbc' of 'crm' cannot be used: its extension keboola was not installed: .*404/);
  const answer = await other.query('SELECT * FROM kbc_orders', token);
  assert.equal(answer.status, 502);
  assert.match(answer.json.detail, /its extension is not installed on the server/);
  assert.doesNotMatch(answer.text, /agnes-test|duckdb_extensions/);
  // It is tried again after the next sync.
  engine.status = 200;
  await other.sync();
  await other.until('the rows are there', async () => (await other.query('SELECT count(*) FROM kbc_orders', token)).status === 200);
  assert.deepEqual(must(200, await other.get('/api/health/detailed', { token })).json.services.data.problems, []);
  await other.stop();
});

test('an extension without DuckDB\'s signature is loaded only where the operator says so', async () => {
  const other = await anotherSite({ extract: '' });
  await attachment(other.data, ...keboolaCrm());
  await other.sync();
  const token = other.admin.token;
  const problems = await other.until('the failure is told', async () => {
    const found = must(200, await other.get('/api/health/detailed', { token })).json.services.data.problems;
    return found.length > 0 && found;
  });
  assert.match(problems[0].message, /signature/);
  assert.equal((await other.query('SELECT * FROM kbc_orders', token)).status, 502);
  assert.equal(engine.asked.length, 0);
  await other.stop();
});

test('a variable that is not set is named', async () => {
  const other = await anotherSite({ env: {} });
  await attachment(other.data, ...keboolaCrm());
  await other.sync();
  const answer = await other.query('SELECT * FROM kbc_orders', other.admin.token);
  assert.deepEqual([answer.status, answer.json.detail], [503, 'The engine kbc (keboola) cannot be reached: KBC_TOKEN is not set on the server']);
  await other.stop();
});
