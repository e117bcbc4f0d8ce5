// `agnes-server backup` and `check`: with the server running and without, killed at many moments, on a full disk, on
// damaged directories; and what was backed up is served from another place.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import duckdb from '@duckdb/node-bindings';
import { namesBelow } from '../lib/changes.mjs';
import { writeExtract } from '../lib/duckdb.mjs';
import { adminEmail, adminPassword, bin, must, root, runServer, startServer, temporaryFolder, unpack } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kTables = 8;
const csv = (t, v) => `id,version,text\n${Array.from({ length: 300 * v }, (_, i) => `${i},${v},table ${t}`).join('\n')}\n`;
const sources = (v) => Object.fromEntries(Array.from({ length: kTables }, (_, t) => [`t${t}.csv`, csv(t, v)]));

// The command lines of an operator.
const places = (site) => ['--data-dir', site.data, '--config-dir', site.config];
const backUp = (site, target) => runServer(['backup', ...places(site), target]);
const check = (data, ...more) => runServer(['check', '--data-dir', data, '--config-dir', path.join(data, 'config'), ...more]);
const findings = async (data) => JSON.parse((await check(data, '--json')).stdout).findings;
const problems = async (data) => (await findings(data)).filter((f) => f.level !== 'note');

// Every file with its size, time and mode: what must not change.
function inventory(folder) {
  return namesBelow(folder).sort().map((name) => {
    const seen = statSync(path.join(folder, name));
    return `${name} ${seen.isFile() ? `${seen.size} ${seen.mtimeMs}` : ''} ${seen.mode.toString(8)}`;
  });
}

async function serves(data, email = adminEmail) {
  const server = await startServer({ data, seed: false });
  const { access_token: token } = must(200, await server.post('/auth/token', { email, password: adminPassword })).json;
  const manifest = must(200, await server.get('/api/sync/manifest', { token })).json.tables;
  for (const name of Object.keys(manifest)) must(200, await server.get(`/api/data/${name}/download`, { token }));
  const rows = must(200, await server.post('/api/query', { sql: 'SELECT version, count(*) FROM t0 GROUP BY ALL' }, { token })).json.rows;
  await server.stop();
  return { tables: Object.keys(manifest).length, rows };
}

test('a backup of a running server, served from another place', async () => {
  const site = await startSite(sources(1), { settings: 'instance:\n  name: Example\n' });
  await site.sync();
  const ana = await site.analyst('ana@example.com', ['t0']);
  const target = path.join(temporaryFolder(), 'backups', 'one');
  // Somebody asks all the while.
  let busy = true;
  const asking = (async () => { while (busy) must(200, await site.query('SELECT count(*) FROM t0', ana.token)); })();
  const made = await backUp(site, target);
  busy = false;
  await asking;
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /one: \d+ files, .*, schema version 40\n$/);
  assert.ok(!existsSync(`${target}.partial`));
  assert.equal(statSync(target).mode & 0o777, 0o700);
  assert.equal(statSync(path.join(target, 'backup.json')).mode & 0o777, 0o600);
  assert.match(readFileSync(path.join(target, 'config/instance.yaml'), 'utf8'), /name: Example/);
  for (const name of ['analytics', 'tmp', 'state/system.lock', 'state/control.sock', 'state/system.duckdb.wal', 'extracts/.agnes-pins'])
    assert.ok(!existsSync(path.join(target, name)), name);
  assert.deepEqual(await problems(target), []);
  assert.equal((await check(target)).status, 0);
  // What is written afterwards is not in it.
  must(201, await site.post('/api/users', { email: 'late@example.com', name: 'Late' }, { token: site.admin.token }));
  for (const [name, content] of Object.entries(sources(2))) site.put(name, content);
  await site.sync();
  await site.stop();
  assert.deepEqual(await problems(target), []);

  const restored = path.join(temporaryFolder(), 'elsewhere');
  cpSync(target, restored, { recursive: true });
  assert.deepEqual(await serves(restored), { tables: kTables, rows: [[1, 300]] });
  assert.ok(!existsSync(path.join(restored, 'backup.json')), 'a directory that was served is not an untouched backup');
  assert.deepEqual(await problems(restored), []);
  const server = await startServer({ data: restored });
  const users = must(200, await server.get('/api/users', { token: server.admin.token })).json;
  assert.deepEqual(users.map((u) => u.email).sort(), [adminEmail, 'ana@example.com']);
  await server.stop();
});

test('a backup without a server leaves the directory as it was', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  await site.kill();  // its log stays behind
  const before = inventory(site.data);
  const target = path.join(temporaryFolder(), 'down');
  const made = await backUp(site, target);
  assert.equal(made.status, 0, made.stderr);
  assert.deepEqual(inventory(site.data), before);
  assert.deepEqual(await problems(target), []);
  assert.deepEqual(await serves(target), { tables: kTables, rows: [[1, 300]] });
});

test('a directory of the Python implementation: backed up and checked as it is', async () => {
  const data = unpack(path.join(root, 'tests/golden/agnes-data.tar.gz'));
  const before = inventory(data);
  const target = path.join(temporaryFolder(), 'golden');
  assert.equal((await check(data)).status, 0);
  const made = await runServer(['backup', '--data-dir', data, '--config-dir', path.join(data, 'none'), target]);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /no instance\.yaml/);
  assert.deepEqual(inventory(data), before);
  assert.deepEqual(await problems(target), []);
});

test('a backup during syncs holds whole tables of one sync', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  for (let round = 2; round <= 3; round++) {
    for (const [name, content] of Object.entries(sources(round))) site.put(name, content);
    must(200, await site.post('/api/sync/trigger', null, { token: site.admin.token }));
    const target = path.join(temporaryFolder(), 'during');
    const made = await backUp(site, target);
    assert.equal(made.status, 0, made.stderr);
    assert.deepEqual(await problems(target), []);
    await site.idle();
  }
  await site.stop();
});

// Starts a backup and kills it after so many changes that it makes beside the target.
async function killedBackup(site, target, changes) {
  const child = spawn(path.join(bin, 'agnes-server'), ['backup', ...places(site), target], { stdio: 'ignore', env: { PATH: process.env.PATH } });
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
  let over = false;
  ended.then(() => (over = true));
  let last = '';
  for (let seen = 0; seen < changes && !over; ) {
    const now = namesBelow(path.dirname(target)).join();
    if (now !== last) seen++;
    last = now;
    await new Promise((next) => setImmediate(next));
  }
  child.kill('SIGKILL');
  return ended;
}

for (const running of [true, false]) {
  test(`a backup killed at many moments, ${running ? 'of a running server' : 'without a server'}`, async () => {
    const site = await startSite(sources(1));
    await site.sync();
    if (!running) await site.kill();
    const folder = temporaryFolder();
    const target = path.join(folder, 'killed');
    const before = running ? [] : inventory(site.data);
    for (let round = 1; round <= 8; round++) {
      await killedBackup(site, target, round);
      if (existsSync(target)) {
        assert.deepEqual(await problems(target), []);
        rmSync(target, { recursive: true });
      } else if (existsSync(`${target}.partial`)) {
        assert.notEqual((await check(`${target}.partial`)).status, 0, 'half a backup does not pass for one');
      }
    }
    if (running) {
      // The server takes its links away when the client has gone.
      const staged = () => namesBelow(path.join(site.data, 'tmp')).some((name) => name.includes('extracts'));
      await site.until('the links are gone', () => !staged());
      must(201, await site.post('/api/users', { email: 'bob@example.com', name: 'Bob' }, { token: site.admin.token }));
    } else {
      assert.deepEqual(inventory(site.data), before);
    }
    const made = await backUp(site, target);
    assert.equal(made.status, 0, made.stderr);
    assert.deepEqual(readdirSync(folder), ['killed']);
    assert.deepEqual(await problems(target), []);
    if (running) await site.stop();
  });
}

test('a server that ends during a backup leaves no backup', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  const folder = temporaryFolder();
  const target = path.join(folder, 'cut');
  // Stopped while the copy is under way: the client, asked to wait by the signal, cannot have finished.
  const child = spawn(path.join(bin, 'agnes-server'), ['backup', ...places(site), target], { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH } });
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const ended = new Promise((resolve) => child.on('close', resolve));
  await site.until('the backup has begun', () => existsSync(`${target}.partial`) || existsSync(target));
  child.kill('SIGSTOP');
  const finished = existsSync(target);
  await site.kill();
  child.kill('SIGCONT');
  const code = await ended;
  if (code === 0 || finished) {
    assert.deepEqual(await problems(target), []);
  } else {
    assert.match(said, /^agnes-server: [^\n]+\n$/);
    assert.deepEqual(readdirSync(folder), []);
  }
});

test('what a backup refuses', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  const there = temporaryFolder();
  const refused = async (target, said) => {
    const made = await backUp(site, target);
    assert.equal(made.status, 1, target);
    assert.match(made.stderr, /^agnes-server: [^\n]+\n$/);
    assert.match(made.stderr, said);
  };
  await refused(there, /exists already/);
  await refused(path.join(site.data, 'backups/x'), /what is backed up/);
  await refused(path.join(site.data, 'state/../extracts/x'), /what is backed up/);
  await refused(site.data, /what is backed up/);
  writeFileSync(path.join(there, 'file'), '');
  await refused(path.join(there, 'file/x'), /cannot create/);
  const empty = await runServer(['backup', '--data-dir', path.join(there, 'none'), path.join(there, 'x')]);
  assert.equal(empty.status, 1);
  assert.match(empty.stderr, /there is no system\.duckdb/);
  assert.equal((await runServer(['backup', '--data-dir', site.data])).status, 2);
  await site.stop();
  truncateSync(path.join(site.data, 'state/system.duckdb'), 5000);
  await refused(path.join(there, 'broken'), /state database cannot be opened.*cp -a/);
  assert.ok(!existsSync(path.join(there, 'broken')) && !existsSync(path.join(there, 'broken.partial')));
});

test('a write that fails half way leaves nothing behind', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  await site.stop();
  const folder = temporaryFolder();
  // Files may have 64 kB at most: the state database has more.
  const command = `trap '' XFSZ; ulimit -f 64; exec "${bin}/agnes-server" backup --data-dir "${site.data}" "${folder}/full"`;
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 1);
  assert.match(said, /^agnes-server: cannot write .*File too large\n$/);
  assert.deepEqual(readdirSync(folder), []);
});

test('check names what is wrong, and changes nothing', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  await site.stop();
  const at = (...names) => path.join(site.data, ...names);
  const source = readdirSync(at('extracts')).find((name) => !name.startsWith('.'));
  const file = (table) => at('extracts', source, 'data', `${table}.parquet`);
  assert.deepEqual(await findings(site.data), []);

  const damages = [
    ['a Parquet file cut short', () => truncateSync(file('t1'), 100), 'error', 'extracts', /t1/],
    ['a Parquet file that is gone', () => rmSync(file('t2')), 'error', 'extracts', /t2/],
    ['a Parquet file of another table', () => cpSync(file('t3'), file('t4')), 'warning', 'extracts', /t4.*not those of the last sync/],
    ['a file of no table', () => cpSync(file('t3'), file('stray')), 'note', 'files', /stray\.parquet: no table uses it/],
    ['an extract that is not a database', () => writeFileSync(at('extracts', source, 'extract.duckdb'), 'rubbish'), 'error', 'extracts', /cannot be read/],
    ['an extract that is gone', () => rmSync(at('extracts', source), { recursive: true }), 'error', 'registry', /t0: is registered and its data is gone/],
    ['a folder that is not a source', () => mkdirSync(at('extracts/other')), 'warning', 'extracts', /other: has no extract\.duckdb/],
    ['the state cut short', () => truncateSync(at('state/system.duckdb'), 20000), 'error', 'state', /system\.duckdb/],
    ['the state gone', () => rmSync(at('state/system.duckdb')), 'error', 'state', /there is no system\.duckdb/],
    ['its log alone', () => renameSync(at('state/system.duckdb'), at('state/system.duckdb.wal')), 'error', 'state', /its log/],
    ['the analytics database', () => writeFileSync(at('analytics/server.duckdb'), 'rubbish'), 'warning', 'analytics', /server\.duckdb/],
    ['settings that are none', () => { mkdirSync(at('config'), { recursive: true }); writeFileSync(at('config/instance.yaml'), 'no_such: 1\n'); }, 'error', 'configuration', /no_such/],
    ['a secret for all to read', () => { writeFileSync(at('state/.env_overlay'), ''); chmodSync(at('state/.env_overlay'), 0o644); }, 'warning', 'secrets', /chmod 600/],
    ['what a killed process left', () => mkdirSync(at('extracts/.agnes-tmp-1-abc')), 'note', 'files', /the next start removes it/],
  ];
  const whole = path.join(temporaryFolder(), 'whole');
  cpSync(site.data, whole, { recursive: true, preserveTimestamps: true });
  for (const [name, damage, level, part, said] of damages) {
    damage();
    const before = inventory(site.data);
    const { status, stdout } = await check(site.data);
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.some((line) => line.startsWith(`${level}: ${part}`) && said.test(line)), `${name}: ${stdout}`);
    assert.equal(status, level === 'note' ? 0 : 1, `${name}: ${stdout}`);
    assert.deepEqual(inventory(site.data), before, name);
    rmSync(site.data, { recursive: true });
    cpSync(whole, site.data, { recursive: true, preserveTimestamps: true });
  }
  assert.deepEqual(await findings(site.data), []);
  const nothing = await check(path.join(site.data, 'none'));
  assert.equal(nothing.status, 1);
  assert.match(nothing.stdout, /is not a folder/);
});

test('check tells nothing of a table that was unregistered and whose file is gone', async () => {
  const site = await startSite({ 'orders.csv': 'id\n1\n', 'old.csv': 'id\n1\n' });
  await site.sync();
  rmSync(path.join(site.source, 'old.csv'));
  must(204, await site.delete('/api/admin/registry/old', { token: site.admin.token }));
  await site.sync();
  const idle = async () => must(200, await site.get('/api/admin/jobs', { token: site.admin.token })).json.jobs.every((job) => !job.running && job.queued === 0);
  await site.until('the table is taken out', idle);
  await site.stop();
  assert.deepEqual((await findings(site.data)).filter((finding) => JSON.stringify(finding).includes('old')), []);
});

test('check tells of two sources that want one name, and who has it', async () => {
  const site = await startSite({ 'orders.csv': 'id\n1\n' });
  await site.sync();
  await site.stop();
  const extract = (name) => path.join(site.data, 'extracts', name);
  const told = async () => (await findings(site.data)).filter((f) => /same name|of that name/.test(f.message)).map((f) => [f.level, f.about, f.message]);
  assert.deepEqual(await told(), []);
  // First by name, but the other had it before.
  await writeExtract(extract('aaa'), { Orders: 'SELECT 1 AS id UNION ALL SELECT 2', new_table: 'SELECT 1 AS id' });
  await writeExtract(extract('bbb'), { NEW_TABLE: 'SELECT 1 AS id' });
  const [first, second, ...more] = await told();
  assert.deepEqual(first.slice(0, 2), ['warning', 'bbb/new_table']);
  assert.match(first[2], /is not served: 'aaa' and 'bbb' both have a table of that name, and it is 'aaa' that comes first by name; rename/);
  assert.deepEqual(second.slice(0, 2), ['warning', 'aaa/orders']);
  assert.match(second[2], /'files' and 'aaa' both .* it is 'files' that owns it \(view_ownership\)/);
  assert.deepEqual(more, []);
  assert.equal((await check(site.data)).status, 1);
  // The server does what was told.
  const server = await startServer({ data: site.data });
  const rebuild = async () => must(200, await server.get('/api/admin/jobs', { token: server.admin.token })).json.jobs.find((j) => j.name === 'rebuild');
  await server.until('the rebuild has ended', async () => (await rebuild()).outcome !== null);
  assert.deepEqual((await rebuild()).result.problems.map((p) => `${p.source}/${p.table}`).sort(), ['aaa/Orders', 'bbb/NEW_TABLE']);
  await server.stop();
  // An owner that cannot be read keeps its names; one that is gone does not.
  writeFileSync(path.join(extract('files'), 'extract.duckdb'), 'rubbish');
  assert.deepEqual((await told()).map((f) => f[1]), ['bbb/new_table', 'aaa/orders']);
  rmSync(extract('files'), { recursive: true });
  assert.deepEqual((await told()).map((f) => f[1]), ['bbb/new_table']);
});

test('a state of another version, or that another program has open', async () => {
  const data = temporaryFolder();
  mkdirSync(path.join(data, 'state'));
  const file = path.join(data, 'state/system.duckdb');
  const target = path.join(temporaryFolder(), 'x');
  const run = (command, ...more) => runServer([command, '--data-dir', data, '--config-dir', data, ...more]);
  writeFileSync(file, gunzipSync(readFileSync(path.join(root, 'tests/golden/schema/v02.duckdb.gz'))));
  const older = await run('check');
  assert.match(older.stdout, /note: state: schema version 2: the next start brings it to 40/);
  assert.equal(older.status, 0);

  const database = await duckdb.open(file);
  const connection = await duckdb.connect(database);
  const used = await run('backup', target);
  assert.equal(used.status, 1);
  assert.match(used.stderr, new RegExp(`in use by process ${process.pid}.*stop that one first`));
  assert.match((await run('check')).stdout, /error: state: .*in use by process/);
  await duckdb.query(connection, 'UPDATE schema_version SET version = 99');
  duckdb.disconnect_sync(connection);
  duckdb.close_sync(database);

  const newer = await run('check');
  assert.match(newer.stdout, /error: state: schema version 99 is newer than this program's 40/);
  assert.equal(newer.status, 1);
  const made = await run('backup', target);  // kept as it is: somebody's program can read it
  assert.match(made.stdout, /schema version 99/);
});

test('check of a running server sees what was written last', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  await site.addUser('ana@example.com');
  const { status, stdout, stderr } = await runServer(['check', ...places(site), '--json']);
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { ok: true, data_dir: site.data, findings: [] });
  truncateSync(path.join(site.data, 'extracts', readdirSync(path.join(site.data, 'extracts')).find((n) => !n.startsWith('.')), 'data/t1.parquet'), 100);
  assert.equal((await runServer(['check', ...places(site)])).status, 1);
  await site.stop();
});

test('a changed backup is noticed', async () => {
  const site = await startSite(sources(1));
  await site.sync();
  const target = path.join(temporaryFolder(), 'one');
  assert.equal((await backUp(site, target)).status, 0);
  await site.stop();
  const source = readdirSync(path.join(target, 'extracts'))[0];
  const file = path.join(target, 'extracts', source, 'data/t1.parquet');
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(file, bytes);
  rmSync(path.join(target, 'extracts', source, 'data/t2.parquet'));
  const { status, stdout } = await check(target);
  assert.equal(status, 1);
  assert.match(stdout, /error: backup \S*t1\.parquet: has changed since the backup was made/);
  assert.match(stdout, /error: backup \S*t2\.parquet: is missing from the backup/);
});
