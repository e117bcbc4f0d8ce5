// `agnes-server restore`: into a new folder, over a directory in use, killed at many moments, and what it refuses.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { namesBelow } from '../lib/changes.mjs';
import { adminEmail, adminPassword, bin, must, runServer, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const sources = (v) => Object.fromEntries([1, 2, 3].map((t) => [`t${t}.csv`, `id,version\n${`${t},${v}\n`.repeat(200)}`]));
const restore = (backup, data, ...more) => runServer(['restore', backup, '--data-dir', data, ...more]);
const inventory = (folder) => namesBelow(folder).sort().map((name) => {
  const seen = statSync(path.join(folder, name));
  return `${name} ${seen.isFile() ? `${seen.size} ${seen.mtimeMs}` : ''} ${seen.mode.toString(8)}`;
});
const copy = (from, to) => cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
const isInOrder = async (data) => {
  const { status, stdout } = await runServer(['check', '--data-dir', data, '--config-dir', path.join(data, 'config')]);
  assert.equal(status, 0, stdout);
};

let backup, later;
before(async () => {
  const site = await startSite(sources(1), { settings: 'instance:\n  name: Example\n' });
  await site.sync();
  backup = path.join(temporaryFolder(), 'nightly');
  const made = await runServer(['backup', backup, '--data-dir', site.data, '--config-dir', site.config]);
  assert.equal(made.status, 0, made.stderr);
  for (const [name, content] of Object.entries(sources(2))) site.put(name, content);
  await site.sync();
  await site.stop();
  later = site.data;
});

async function versionServedFrom(data) {
  const server = await startServer({ data, seed: false });
  const { access_token: token } = must(200, await server.post('/auth/token', { email: adminEmail, password: adminPassword })).json;
  const rows = must(200, await server.post('/api/query', { sql: 'SELECT DISTINCT version FROM t1' }, { token })).json.rows;
  await server.stop();
  return rows[0][0];
}

test('into a folder that is not there, that is empty, and behind a link', async () => {
  const parent = temporaryFolder();
  mkdirSync(path.join(parent, 'empty'), { mode: 0o750 });
  mkdirSync(path.join(parent, 'real'));
  symlinkSync('real', path.join(parent, 'link'));
  for (const [name, mode] of [['new', statSync(path.join(backup, 'state')).mode], ['empty', 0o40750], ['link', statSync(path.join(parent, 'real')).mode]]) {
    const data = path.join(parent, name);
    const made = await restore(backup, `${data}/`);
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stdout, /: the backup of 2\S+Z?, \d+ files, schema version 40\nits settings are in .*instance\.yaml, not in --config-dir/);
    assert.equal(statSync(data).mode, mode, name);
    assert.match(readFileSync(path.join(data, 'config/instance.yaml'), 'utf8'), /name: Example/);
    await isInOrder(data);
    assert.equal(await versionServedFrom(data), 1);
  }
  assert.deepEqual(readdirSync(parent).sort(), ['empty', 'link', 'new', 'real']);
  assert.match((await restore(backup, path.join(parent, 'x'), '--config-dir', path.join(parent, 'x/config'))).stdout, /^[^\n]+\n$/);
});

test('over a directory in use only with --replace, which keeps it beside', async () => {
  const parent = temporaryFolder();
  const data = path.join(parent, 'data');
  copy(later, data);
  const old = inventory(data);
  const refused = await restore(backup, data);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^agnes-server: \S+\/data is not empty: with --replace [^\n]+\n$/);
  assert.deepEqual(inventory(data), old);
  assert.deepEqual(readdirSync(parent), ['data']);

  const made = await restore(backup, data, '--replace');
  assert.equal(made.status, 0, made.stderr);
  const kept = made.stdout.match(/what was there is (\S+) now/)[1];
  assert.match(kept, /\/data\.before-\d{8}T\d{6}/);
  assert.deepEqual(readdirSync(parent).sort(), ['data', path.basename(kept)]);
  assert.deepEqual(inventory(kept), old);
  await isInOrder(data);
  assert.equal(await versionServedFrom(data), 1);
  assert.equal(await versionServedFrom(kept), 2);
  // Twice within a second: each old one has a name of its own.
  for (let i = 0; i < 2; i++) assert.equal((await restore(backup, data, '--replace')).status, 0);
  assert.equal(readdirSync(parent).length, 4);
});

test('refused while a server runs there', async () => {
  const data = path.join(temporaryFolder(), 'data');
  copy(later, data);
  const server = await startServer({ data, seed: false });
  for (const more of [[], ['--replace']]) {
    const { status, stderr } = await restore(backup, data, ...more);
    assert.equal(status, 1);
    assert.match(stderr, /^agnes-server: a server is running on \S+: stop it first\n$/);
  }
  must(200, await server.get('/api/health'));
  await server.stop();
  assert.deepEqual(readdirSync(path.dirname(data)), ['data']);
});

// Starts a restore and kills it after so many changes that it makes beside the data directory.
async function killedRestore(data, changes) {
  const parent = path.dirname(data);
  const child = spawn(path.join(bin, 'agnes-server'), ['restore', backup, '--data-dir', data, '--replace'], { stdio: 'ignore', env: { PATH: process.env.PATH } });
  let over = false;
  const ended = new Promise((resolve) => child.on('exit', () => resolve((over = true))));
  let last = namesBelow(parent).join();
  for (let seen = 0; seen < changes && !over; ) {
    const now = namesBelow(parent).join();
    if (now !== last) seen++;
    last = now;
    await new Promise((next) => setImmediate(next));
  }
  child.kill('SIGKILL');
  await ended;
}

test('killed at many moments: the old directory or the backup, and the old one is never gone', async () => {
  const parent = temporaryFolder();
  const data = path.join(parent, 'data');
  copy(later, data);
  const old = inventory(data).filter((line) => !line.startsWith('state/system.lock'));
  const isOld = (folder) => existsSync(folder) && JSON.stringify(inventory(folder).filter((line) => !line.startsWith('state/system.lock'))) === JSON.stringify(old);
  const beside = () => readdirSync(parent).filter((name) => name.startsWith('data.before-')).map((name) => path.join(parent, name));
  for (let round = 1; round <= 16; round++) {
    await killedRestore(data, round);
    if (!isOld(data)) {
      await isInOrder(data);
      assert.ok(beside().some(isOld), 'the directory from before is kept');
    }
    // The whole copy may have its name already, and not its place.
    for (const folder of beside()) if (!isOld(folder)) await isInOrder(folder);
    // Again from the start, but for what a killed one has left.
    for (const folder of [data, ...beside()]) rmSync(folder, { recursive: true });
    copy(later, data);
  }
  const made = await restore(backup, data, '--replace');
  assert.equal(made.status, 0, made.stderr);
  assert.ok(!existsSync(`${data}.restoring`));
  assert.equal(beside().length, 1);
  assert.ok(isOld(beside()[0]));
  assert.equal(await versionServedFrom(data), 1);
});

test('what is not a whole backup is refused, and nothing changes', async () => {
  const parent = temporaryFolder();
  const data = path.join(parent, 'data');
  const bad = path.join(parent, 'bad');
  copy(later, data);
  const old = inventory(data);
  const source = readdirSync(path.join(backup, 'extracts'))[0];
  const table = path.join('extracts', source, 'data/t1.parquet');
  const damages = [
    ['no backup.json', () => rmSync(path.join(bad, 'backup.json')), /is not a backup: it has no backup\.json/],
    ['a backup.json that is none', () => writeFileSync(path.join(bad, 'backup.json'), '{"files": 1}'), /damaged: its backup\.json cannot be read/],
    ['a file cut short', () => truncateSync(path.join(bad, table), 100), /t1\.parquet has changed since the backup was made/],
    ['a file that is gone', () => rmSync(path.join(bad, table)), /t1\.parquet is missing from the backup/],
    ['accounts that are none', () => writeFileSync(path.join(bad, 'state/system.duckdb'), 'rubbish'), /system\.duckdb .*\(and \d+ more\)/],
    ['a file that its list does not name', () => writeFileSync(path.join(bad, 'extra'), 'x'), /extra is not in the list of the backup \(backup\.json\)/],
    ['not there at all', () => rmSync(bad, { recursive: true }), /is not a backup/],
  ];
  for (const [name, damage, said] of damages) {
    copy(backup, bad);
    damage();
    const { status, stderr } = await restore(bad, data, '--replace');
    assert.equal(status, 1, name);
    assert.match(stderr, said, name);
    assert.match(stderr, /^agnes-server: [^\n]+\n$/, name);
    assert.deepEqual(inventory(data), old, name);
    rmSync(bad, { recursive: true, force: true });
  }
  copy(backup, `${bad}.partial`);
  assert.match((await restore(`${bad}.partial`, data, '--replace')).stderr, /not finished/);
  rmSync(`${bad}.partial`, { recursive: true });
  assert.deepEqual(readdirSync(parent), ['data']);
});

test('what was wrong already when it was backed up comes back with a word about it', async () => {
  const data = path.join(temporaryFolder(), 'data');
  copy(later, data);
  mkdirSync(path.join(data, 'extracts/other'));
  writeFileSync(path.join(data, 'extracts/other/extract.duckdb'), 'rubbish');
  const taken = path.join(path.dirname(data), 'taken');
  assert.equal((await runServer(['backup', taken, '--data-dir', data])).status, 0);
  const made = await restore(taken, path.join(path.dirname(data), 'new'));
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /not all in it was in order: agnes-server check/);
});

test('places that cannot be', async () => {
  const parent = temporaryFolder();
  const file = path.join(parent, 'file');
  writeFileSync(file, '');
  const refused = async (data, said, env = {}) => {
    const { status, stderr } = await runServer(['restore', backup, '--data-dir', data, '--replace'], env);
    assert.equal(status, 1, data);
    assert.match(stderr, /^agnes-server: [^\n]+\n$/);
    assert.match(stderr, said);
  };
  await refused(file, /is not a folder/);
  await refused(path.join(file, 'x'), /cannot create/);
  await refused(path.join(backup, 'x'), /lie in one another/);
  await refused(path.dirname(backup), /lie in one another/);
  await refused(backup, /lie in one another/);
  await refused(path.join(parent, 'x'), /STATE_DIR keeps the accounts in/, { STATE_DIR: path.join(parent, 'state') });
  await refused('/proc', /mount point/);
  assert.equal((await runServer(['restore', '--data-dir', parent])).status, 2);
  assert.deepEqual(readdirSync(parent), ['file']);
});

test('neither takes away what has the name of its own unfinished folder', async () => {
  const parent = temporaryFolder();
  const [unfinished, data] = [path.join(parent, 'x.restoring'), path.join(parent, 'y.partial')];
  copy(backup, unfinished);
  copy(later, data);
  const before = inventory(parent);
  for (const args of [['restore', unfinished, '--data-dir', path.join(parent, 'x')], ['backup', path.join(parent, 'y'), '--data-dir', data]]) {
    const { status, stderr } = await runServer(args);
    assert.equal(status, 1, args[0]);
    assert.match(stderr, /^agnes-server: \S+ is where [^\n]+\n$/);
  }
  assert.deepEqual(inventory(parent), before);
});

test('a copy that fails half way leaves nothing behind', async () => {
  const parent = temporaryFolder();
  const data = path.join(parent, 'data');
  copy(later, data);
  const old = inventory(data);
  // Files may have 64 kB at most: the state database has more.
  const command = `trap '' XFSZ; ulimit -f 64; exec "${bin}/agnes-server" restore "${backup}" --data-dir "${data}" --replace`;
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 1);
  assert.match(said, /^agnes-server: cannot write .*File too large\n$/);
  assert.deepEqual(readdirSync(parent), ['data']);
  assert.deepEqual(inventory(data), old);
});
