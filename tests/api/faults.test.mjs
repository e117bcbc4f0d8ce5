// What goes wrong around the data, through the operator's door: extracts that are broken or ask for too much, sources that
// are gone, schedules that are none, jobs that fail, hang or are cancelled, clocks that were wrong, and kills while the
// server converts or saves what it has. Each time the rest goes on and the report names the thing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterChanges } from '../lib/changes.mjs';
import { makeNewer, writeDatabase, writeExtract } from '../lib/duckdb.mjs';
import { fileText, must, root, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin, ana;
// Extensions for remote attachments are found nowhere.
const noExtensions = 'extract:\n  extension_repository: http://127.0.0.1:1\n';

before(async () => {
  site = await startSite({ 'orders.csv': 'id\n1\n2\n' }, { settings: noExtensions });
  await site.sync();
  admin = site.admin.token;
  ana = await site.analyst('ana@example.com', ['orders']);
});
after(() => site.stop());

const extract = (name) => path.join(site.data, 'extracts', name);
const jobs = async (of = site) => must(200, await of.get('/api/admin/jobs', { token: of.admin.token })).json.jobs;
const job = async (name, of = site) => (await jobs(of)).find((j) => j.name === name);
const run = (name, of = site) => of.post(`/api/admin/jobs/${name}/run`, undefined, { token: of.admin.token });
const ended = (name, of = site) =>
  of.until(`the job ${name} has ended`, async () => {
    const now = await job(name, of);
    return !now.running && now;
  });
// Reads the extracts again: what is not served, by source.
async function rebuild(of = site) {
  must(202, await run('rebuild', of));
  const done = await ended('rebuild', of);
  assert.equal(done.outcome, done.result.problems.length ? 'partly' : 'ok', done.error);
  return done.result.problems;
}
const count = async (table, token = admin, of = site) => {
  const answer = await of.query(`SELECT count(*) FROM "${table}"`, token);
  return answer.status === 200 ? answer.json.rows[0][0] : answer.json.detail;
};

// Each makes extracts/bad what its name says.
const broken = {
  'no database at all': async (bad) => writeFileSync(path.join(bad, 'extract.duckdb'), 'this is not a database'),
  'empty': async (bad) => writeFileSync(path.join(bad, 'extract.duckdb'), ''),
  'half written': async (bad) => {
    await writeExtract(bad, { rows_of_bad: 'SELECT 1 AS id' });
    truncateSync(path.join(bad, 'extract.duckdb'), 4097);
  },
  'damaged in the middle': async (bad) => {
    await writeExtract(bad, { rows_of_bad: 'SELECT 1 AS id' });
    const bytes = readFileSync(path.join(bad, 'extract.duckdb'));
    bytes.fill(0xa5, 4096);
    writeFileSync(path.join(bad, 'extract.duckdb'), bytes);
  },
  'without _meta': async (bad) => (await writeDatabase(path.join(bad, 'extract.duckdb'), ['CREATE TABLE rows_of_bad (id INT)']))(),
  'a link to another extract': async (bad) => symlinkSync(extract('files/extract.duckdb'), path.join(bad, 'extract.duckdb')),
  'a link to the accounts': async (bad) => symlinkSync(path.join(site.data, 'state/system.duckdb'), path.join(bad, 'extract.duckdb')),
  'with a Parquet file that is none': async (bad) => {
    await writeExtract(bad, { rows_of_bad: 'SELECT 1 AS id' });
    writeFileSync(path.join(bad, 'data/rows_of_bad.parquet'), 'PAR1 but no more');
  },
  'with a file that leads out': async (bad) => {
    await writeExtract(bad, { rows_of_bad: 'SELECT 1 AS id' });
    rmSync(path.join(bad, 'data/rows_of_bad.parquet'));
    symlinkSync(extract('files/data/orders.parquet'), path.join(bad, 'data/rows_of_bad.parquet'));
  },
  'with a view over /etc/passwd': (bad) =>
    writeExtract(bad, {}, [
      "INSERT INTO _meta VALUES ('rows_of_bad', '', 1, 1, NULL, 'local')",
      "CREATE VIEW rows_of_bad AS SELECT * FROM read_csv('/etc/passwd', header = false, sep = ':')",
    ]),
  'with a table of the name of another': (bad) => writeExtract(bad, { Orders: 'SELECT 1 AS id' }),
  'with a name that is none': (bad) => writeExtract(bad, {}, ["INSERT INTO _meta VALUES ('../orders', '', 1, 1, NULL, 'local')"]),
};
for (const [what, make] of Object.entries(broken)) {
  test(`an extract ${what}: named in the report, and the others are served`, async () => {
    const bad = extract('bad');
    mkdirSync(bad);
    await make(bad);
    const problems = await rebuild();
    assert.deepEqual(problems.map((p) => p.source), ['bad'], JSON.stringify(problems));
    assert.match(problems[0].message, /bad/);
    assert.ok(!problems[0].message.includes(site.data), problems[0].message);
    assert.equal(await count('orders'), 2);
    assert.notEqual((await site.query('SELECT * FROM rows_of_bad', admin)).status, 200);
    const { services } = must(200, await site.get('/api/health/detailed', { token: admin })).json;
    assert.equal(services.data.status, 'warning');
    assert.deepEqual(services.data.problems, problems);
    const told = must(200, await site.get('/api/health/detailed', { token: ana.token })).json.services.data;
    // What is wrong with a table that she may not see is nothing to her.
    const hers = ['', 'orders'].includes(problems[0].table.toLowerCase());
    assert.deepEqual([told.status, told.not_served, told.problems], [hers ? 'warning' : 'ok', undefined, undefined]);
    rmSync(bad, { recursive: true });
    assert.deepEqual(await rebuild(), []);
  });
}

test('an extract of a newer DuckDB: its tables come from its files, and the report says so', async () => {
  await writeExtract(extract('newer'), { newer_rows: 'SELECT 1 AS id' });
  makeNewer(path.join(extract('newer'), 'extract.duckdb'));
  const problems = await rebuild();
  assert.deepEqual(problems.map((p) => p.source), ['newer']);
  assert.match(problems[0].message, /later than the one here/);
  assert.deepEqual([await count('newer_rows'), await count('orders')], [1, 2]);
  rmSync(extract('newer'), { recursive: true });
  await rebuild();
});

test('an extract that another program has open: reported, and served when that one is done', async () => {
  await writeExtract(extract('busy'), { busy_rows: 'SELECT 1 AS id' });
  const close = await writeDatabase(path.join(extract('busy'), 'extract.duckdb'), ["INSERT INTO _meta VALUES ('more', '', 0, 0, NULL, 'local')"]);
  const problems = await rebuild();
  assert.deepEqual(problems.map((p) => p.source), ['busy']);
  assert.equal(await count('orders'), 2);
  close();
  assert.deepEqual(await rebuild(), []);
  assert.equal(await count('busy_rows'), 1);
  rmSync(extract('busy'), { recursive: true });
  await rebuild();
});

const remote = (name, { alias = 'far', extension = 'bigquery', url = 'project=acme', token_env = '' } = {}) =>
  writeExtract(extract(name), { [`${name}_copied`]: 'SELECT 1 AS id' }, [
    'CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, token_env VARCHAR)',
    `INSERT INTO _remote_attach VALUES ('${alias}', '${extension}', '${url}', '${token_env}')`,
    `INSERT INTO _meta VALUES ('${name}_orders', 'elsewhere', 9, 0, TIMESTAMP '2026-01-02 03:04:05', 'remote')`,
    "ATTACH ':memory:' AS far",
    'CREATE TABLE far.orders (id INT)',
    `CREATE VIEW ${name}_orders AS SELECT * FROM far.main.orders`,
  ]);

test('a table that lives elsewhere is in the catalogue as such, and who asks for its rows is told where it is', async () => {
  await remote('afar');
  assert.deepEqual(await rebuild(), []);
  must(201, await site.post('/api/admin/register-table', { name: 'afar_orders', source_type: 'local' }, { token: admin }));
  await site.grant(ana.group, 'afar_orders');
  const tables = must(200, await site.get('/api/sync/manifest', { token: ana.token })).json.tables;
  assert.equal(tables.afar_orders.query_mode, 'remote');
  assert.equal(tables.orders.query_mode, 'local');
  const answer = await site.query('SELECT * FROM afar_orders', ana.token);
  assert.equal(answer.status, 502);
  assert.match(answer.json.detail, /^The engine far \(bigquery\) cannot be reached: Google gives the server no access/);
  for (const target of ['/api/v2/schema/afar_orders', '/api/v2/sample/afar_orders'])
    assert.match(must(404, await site.get(target, { token: ana.token })).json.detail, /lives in BigQuery/);
  assert.equal(await count('afar_copied'), 1, 'its other table is here');
  const sum = await site.query('SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM afar_orders)', ana.token);
  assert.equal(sum.status, 502);
  const ungranted = await site.analyst('bob@example.com', ['orders']);
  assert.ok(!(await site.query('SELECT * FROM afar_orders', ungranted.token)).text.includes('BigQuery'), 'who may not read it learns nothing');
  rmSync(extract('afar'), { recursive: true });
  await rebuild();
});

for (const [what, row, said] of [
  ['an extension that is not allowed', { extension: 'httpfs', url: 'https://example.com' }, /'httpfs' is not allowed here \(allowed: bigquery, keboola\)/],
  ['an extension with a quote', { extension: "bigquery''; SELECT" }, /is not allowed/],
  ['the secret that signs tokens', { token_env: 'JWT_SECRET_KEY' }, /'JWT_SECRET_KEY' may not be read/],
  ['PATH', { token_env: 'PATH' }, /'PATH' may not be read/],
  ['an alias of DuckDB', { alias: 'system' }, /DuckDB's own/],
  ['an alias that is a table', { alias: 'Orders' }, /name of a table/],
  ['an alias that is an extract', { alias: 'files' }, /name of a table or of an extract/],
  ['an alias that is SQL', { alias: 'a; DROP TABLE users' }, /alias must be/],
  ['a url with a secret', { url: 'project=acme access_token=s3cret' }, /holds a secret \(access_token\)/],
  ['a url with a password', { url: 'https://ana:s3cret@example.com' }, /holds a user name or a password/],
  ['a url that is a file', { url: '/etc/passwd' }, /neither/],
  ['an alias that SQL has for recursions', { alias: 'recurring' }, /DuckDB's own/],
  ['another place for the token', { url: 'project=acme api_endpoint=evil.example.com:443' }, /sends the server's token to another place/],
  ['that behind another address', { url: 'project=x password=s3cret api_endpoint=http://evil.example.com' }, /holds a secret \(password\)/],
  ['an address in a value', { url: 'project=x dataset=http://evil.example.com' }, /holds another address/],
  ['two projects', { url: 'project=small project=huge' }, /project twice/],
  ['a host that no admin named', { extension: 'keboola', url: 'https://evil.example.com:8443/collect', token_env: 'KBC_TOKEN' }, /another place \(host\)/],
  ['an address behind a space', { extension: 'keboola', url: ' http://127.0.0.1:18443/?a=b', token_env: 'KBC_TOKEN' }, /unencrypted/],
  ['two texts in one', { url: 'project=acme|api_endpoint=evil.example.com' }, /neither/],
  ['a token sent in clear', { url: 'http://example.com', token_env: 'KBC_TOKEN' }, /unencrypted/],
]) {
  test(`an extract that asks for ${what} is refused that and keeps the rest`, async () => {
    await remote('asks', row);
    const problems = await rebuild();
    assert.ok(problems.every((p) => p.source === 'asks'), JSON.stringify(problems));
    assert.match(problems.map((p) => p.message).join('\n'), said);
    assert.ok(!JSON.stringify(problems).includes('s3cret'));
    assert.equal(await count('asks_copied'), 1);
    assert.equal(await count('orders'), 2);
    rmSync(extract('asks'), { recursive: true });
    assert.deepEqual(await rebuild(), []);
  });
}

test('the lists of what an extract may ask for are the operator\'s', async () => {
  const other = await startSite({}, { settings: noExtensions, env: { AGNES_REMOTE_ATTACH_EXTENSIONS: 'postgres', AGNES_REMOTE_ATTACH_ENDPOINTS: 'db.example.com', AGNES_REMOTE_ATTACH_TOKEN_ENVS: 'WAREHOUSE_TOKEN' } });
  const attach = (name, row) =>
    writeExtract(path.join(other.data, 'extracts', name), {}, [
      'CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, token_env VARCHAR)',
      `INSERT INTO _remote_attach VALUES (${row})`,
    ]);
  await ended('rebuild', other);
  await attach('one', "'a', 'postgres', 'host=db.example.com', 'WAREHOUSE_TOKEN'");
  await attach('two', "'b', 'bigquery', 'project=acme', ''");
  const problems = await rebuild(other);
  assert.deepEqual(problems.map((p) => p.source), ['two']);
  assert.match(problems[0].message, /allowed: postgres\)/);
  await other.stop();
});

test('a registered table whose source is not there, or is gone again, is reported by name', async () => {
  const error = async (id) => must(200, await site.get('/api/admin/registry', { token: admin })).json.tables.find((t) => t.id === id).last_sync_error;
  must(201, await site.post('/api/admin/register-table', { name: 'ghost', source_type: 'local' }, { token: admin }));
  site.put('leaving.csv', 'id\n1\n');
  await site.sync();
  assert.match(await error('ghost'), /ghost/);
  assert.equal(await count('leaving'), 1);
  rmSync(path.join(site.source, 'leaving.csv'));
  await site.sync();
  assert.match(await error('leaving'), /leaving/);
  assert.match(await count('leaving'), /leaving/);
  assert.equal(await count('orders'), 2);
});

test('an extract that nobody comes to the end of is left out until it changes, and the others are served', async () => {
  const other = await startSite({ 'orders.csv': 'id\n1\n2\n' }, { env: { AGNES_READER_TIMEOUT_SEC: '3' } });
  await other.sync();
  const endless = path.join(other.data, 'extracts/endless');
  // A file that takes minutes to hash, and no room.
  await writeExtract(endless, { rows_of_it: 'SELECT 1 AS id' });
  truncateSync(path.join(endless, 'data/rows_of_it.parquet'), 2 ** 38);
  const left = await rebuild(other);
  assert.deepEqual(left.map((p) => p.source), ['endless']);
  assert.match(left[0].message, /'endless' cannot be read: reading it takes longer than 3 s \(extract\.read_timeout_seconds\); make it anew, or start the job rebuild/);
  assert.equal(await count('orders', other.admin.token, other), 2);
  // It stays out of the next sync, which need not wait for it again.
  other.put('orders.csv', 'id\n1\n2\n3\n');
  must(202, await run('sync', other));
  const synced = await ended('sync', other);
  assert.equal(synced.outcome, 'partly', synced.error);
  assert.deepEqual(synced.result.problems, left);
  assert.equal(await count('orders', other.admin.token, other), 3);
  rmSync(endless, { recursive: true });
  await writeExtract(endless, { rows_of_it: 'SELECT 1 AS id' });
  must(202, await run('sync', other));
  assert.deepEqual((await ended('sync', other)).result.problems, []);
  assert.equal(await count('rows_of_it', other.admin.token, other), 1);
  await other.stop();
});

test('a schedule that would never fire is refused with its field', async () => {
  for (const sync_schedule of ['hourly', 'every', 'every 0m', 'every 0h', 'every -1h', 'every 1.5h', 'every 5s', 'every 100001h', 'every 99999999999999999999m',
    'daily', 'daily 24:00', 'daily 12:60', 'daily 7:00', 'daily 07:00,', 'daily ,', 'daily 07:00 13:00', '* * * * *', '0 3 30 2 *', 'never', 5, {}]) {
    for (const [method, target, body] of [
      ['POST', '/api/admin/register-table', { name: 'scheduled', source_type: 'local', sync_schedule }],
      ['PUT', '/api/admin/registry/orders', { sync_schedule }],
    ]) {
      const answer = await site.request(method, target, { token: admin, json: body });
      assert.equal(answer.status, 422, `${method} ${JSON.stringify(sync_schedule)}: ${answer.text}`);
      assert.ok(answer.json.detail.some((d) => d.loc.at(-1) === 'sync_schedule'), answer.text);
    }
  }
});

test('a job that fails says why, and the next ones run', async () => {
  const other = await startSite({ 'orders.csv': 'id\n1\n' });
  await other.sync();
  rmSync(other.source, { recursive: true });
  writeFileSync(other.source, 'a file in its place');
  must(202, await run('sync', other));
  const failed = await ended('sync', other);
  assert.equal(failed.outcome, 'failed');
  assert.ok(failed.error && !failed.error.includes('\n'), failed.error);
  rmSync(other.source);
  mkdirSync(other.source);
  other.put('orders.csv', 'id\n1\n2\n3\n');
  must(202, await run('sync', other));
  assert.equal((await ended('sync', other)).outcome, 'ok');
  assert.equal(await count('orders', other.admin.token, other), 3);
  await other.stop();
});

test('a job that does not come to its end is cancelled, and ended at its time limit when nobody does', async () => {
  const data = temporaryFolder();
  const before = await startSite({ 'orders.csv': 'id\n1\n' }, { data });
  await before.sync();
  await before.stop();
  const slow = await startSite({}, { data, source: before.source, env: { AGNES_EXTRACTOR_TIMEOUT_SEC: '1' } });
  const token = slow.admin.token;
  // Some gigabytes, when they are unpacked: far more than a second.
  const part = gzipSync(`${'1234567\n'.repeat(1 << 20)}`);
  slow.put('endless.csv.gz', Buffer.concat([gzipSync('id\n'), ...Array(400).fill(part)]));
  must(202, await run('sync', slow));
  must(202, await slow.post('/api/admin/jobs/sync/cancel', undefined, { token }));
  assert.equal((await ended('sync', slow)).outcome, 'cancelled');
  must(202, await run('sync', slow));
  const late = await ended('sync', slow);
  assert.equal(late.outcome, 'failed');
  assert.match(late.error, /limit of 1 s/);
  assert.equal(await count('orders', token, slow), 1);
  await slow.stop();
  rmSync(path.join(slow.source, 'endless.csv.gz'));
  const patient = await startSite({ 'orders.csv': 'id\n1\n2\n' }, { data, source: before.source });
  await patient.sync();
  assert.equal(await count('orders', patient.admin.token, patient), 2);
  await patient.stop();
});

test('a warm-up that meets a table without end is cancelled, and does not keep the server from stopping', async () => {
  const other = await startSite({ 'orders.csv': 'id\n1\n' });
  await other.sync();
  await writeExtract(path.join(other.data, 'extracts/endless'), {}, [
    'CREATE TABLE rows_of_it AS SELECT range AS i FROM range(150000000)',
    "INSERT INTO _meta VALUES ('rows_of_it', '', 1, 1, NULL, 'local')",
  ]);
  await rebuild(other);
  must(201, await other.post('/api/admin/register-table', { name: 'rows_of_it', source_type: 'local' }, { token: other.admin.token }));
  const status = async () => must(200, await other.get('/api/admin/cache-warmup/status', { token: other.admin.token })).json;
  const atTheEndless = async () => {
    must(200, await other.post('/api/admin/cache-warmup/run', undefined, { token: other.admin.token }));
    for (let now = {}; now.rows?.rows_of_it?.status !== 'warming'; now = await status()) assert.ok(!now.completed_at, JSON.stringify(now));
  };
  await atTheEndless();
  must(202, await other.post('/api/admin/jobs/cache-warmup/cancel', undefined, { token: other.admin.token }));
  await other.until('the warm-up has ended', async () => (await status()).completed_at);
  assert.equal((await status()).rows.rows_of_it.status, 'error');
  assert.equal(await count('orders', other.admin.token, other), 1);
  await atTheEndless();
  await other.stop();
});

test('times in the future, which a wrong clock has left, hold nothing up', async () => {
  const data = temporaryFolder();
  let other = await startSite({ 'orders.csv': 'id\n1\n' }, { data });
  await other.sync();
  must(200, await other.request('PUT', '/api/admin/registry/orders', { token: other.admin.token, json: { sync_schedule: 'every 1h' } }));
  must(202, await run('sync', other));
  await ended('sync', other);
  await other.stop();
  const later = (text) => text.replace(/20\d\d-/g, '2126-').replace(/\b1[67]\d{8,}/g, (n) => String(Number(n) * 2));
  for (const name of ['synced.json', 'jobs.json']) {
    const file = path.join(data, 'state', name);
    assert.notEqual(later(fileText(file)), fileText(file));
    writeFileSync(file, later(fileText(file)));
  }
  other = await startSite({}, { data, source: other.source });
  const turn = Date.parse(`${(await job('sync', other)).next_run}Z`) - Date.now();
  assert.ok(turn < 86_500_000, 'the grace of a test, and no more');
  other.put('orders.csv', 'id\n1\n2\n');
  must(202, await run('sync', other));
  await ended('sync', other);
  assert.equal(await count('orders', other.admin.token, other), 2, 'due');
  await other.stop();
});

test('killed while it converts an old state database, at many points: nothing is lost', async () => {
  const data = temporaryFolder();
  const state = path.join(data, 'state');
  mkdirSync(state);
  // The golden database has an admin of its own, whose password nobody knows.
  const byHand = { signIn: false, env: { SEED_ADMIN_EMAIL: 'root@example.com', SEED_ADMIN_PASSWORD: 'a-long-password-1' } };
  const old = gunzipSync(readFileSync(path.join(root, 'tests/golden/schema/v10.duckdb.gz')));
  for (let changes = 1; changes <= 10; changes++) {
    rmSync(state, { recursive: true });
    mkdirSync(state);
    writeFileSync(path.join(state, 'system.duckdb'), old);
    const starting = startServer({ data, ...byHand });
    let ready = false;
    let server = null;
    starting.then((s) => ((server = s), (ready = true)), () => (ready = true));
    await afterChanges(state, changes, () => ready);
    await killStart(data);
    await starting.catch(() => {});
    await server?.kill();
    const again = await startServer({ data, ...byHand });
    const session = must(200, await again.post('/auth/token', { email: 'root@example.com', password: 'a-long-password-1' })).json;
    const users = must(200, await again.get('/api/users', { token: session.access_token })).json;
    assert.ok(users.length >= 3, `after ${changes} changes: ${users.length}`);
    await again.stop();
  }
});

test('a start serves what was served before while an extract is read that never ends', async () => {
  const other = await startSite({ 'orders.csv': 'id\n1\n2\n' });
  await other.sync();
  await other.stop();
  // The reader opens it first of all, and waits for somebody who writes into it.
  const cache = path.join(other.data, 'extracts', '.agnes-cache.json');
  rmSync(cache);
  execFileSync('mkfifo', [cache]);
  const again = await startServer({ data: other.data, config: other.config });
  await again.until('the rebuild runs', async () => (await job('rebuild', again)).running);
  const answer = must(200, await again.post('/api/query', { sql: 'SELECT count(*) FROM orders' }, { token: again.admin.token })).json;
  assert.equal(answer.rows[0][0], 2);
  await again.kill();
});

// The server that has this data directory, which need not listen yet.
async function killStart(data) {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = fileText(`/proc/${pid}/cmdline`);
      if (line.includes('agnes-server') && line.includes(`\0${data}\0`)) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

test('killed while it saves settings, at many points: the old ones or the new ones, and every secret that is named', async () => {
  const data = temporaryFolder();
  const body = (n) => ({ sections: { instance: { name: `name ${n}` }, email: { smtp_host: 'mail.example.com', smtp_password: `secret ${n}` } } });
  let confirmed = 0;
  for (let round = 1; round <= 10; round++) {
    const server = await startServer({ data });
    let sent = confirmed;
    let over = false;
    const saving = (async () => {
      while (!over) {
        sent += 1;
        const answer = await server.post('/api/admin/server-config', body(sent), { token: server.admin.token }).catch(() => null);
        if (answer === null) return;
        assert.equal(answer.status, 200, answer.text);
        confirmed = sent;
      }
    })().finally(() => (over = true));
    await afterChanges(path.join(data, 'state'), round * 2, () => over);
    await server.kill();
    over = true;
    await saving;
    const again = await startServer({ data });
    const shown = must(200, await again.get('/api/admin/server-config', { token: again.admin.token })).json;
    const name = Number(/name (\d+)/.exec(JSON.stringify(shown.sections.instance))?.[1] ?? 0);
    assert.ok(name === confirmed || name === sent, `${name} is neither ${confirmed} nor ${sent}`);
    confirmed = name;
    assert.deepEqual(readdirSync(path.join(data, 'state')).filter((f) => f.startsWith('.agnes-tmp-')), []);
    await again.stop();
  }
});
