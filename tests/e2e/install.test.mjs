// script/install: what it puts where, that a server runs from there, the upgrade over a server that runs, and the way back.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { adminEmail, adminPassword, root, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const install = (prefix, ...more) => execFileSync(path.join(root, 'script/install'), ['--prefix', prefix, ...more], { encoding: 'utf8', stdio: 'pipe' });

test('an installation serves, is upgraded while it does, and goes back', async () => {
  const prefix = temporaryFolder();
  const releases = () => readdirSync(path.join(prefix, 'releases')).sort();
  assert.throws(() => install(prefix, '--back'), (error) => /no release before/.test(error.stderr));
  assert.match(install(prefix), /current is .*: agnes-server \d/);
  const [first] = releases();
  assert.equal(readlinkSync(path.join(prefix, 'current')), `releases/${first}`);
  assert.deepEqual(readdirSync(path.join(prefix, 'current')).sort(), ['agnes', 'agnes-server', 'libduckdb.so']);
  const library = path.join(prefix, 'current/libduckdb.so');
  assert.equal(realpathSync(library), path.join(realpathSync(prefix), 'releases', first, 'libduckdb.so'), 'a file, not a link into the build');
  for (const name of ['', 'agnes', 'agnes-server', 'libduckdb.so']) assert.equal(statSync(path.join(prefix, 'current', name)).mode & 0o777, 0o755);

  // First use, with nothing but what was installed.
  const program = path.join(prefix, 'current/agnes-server');
  const site = await startSite({ 'orders.csv': 'id\n1\n2\n' }, { program });
  const user = makeUser();
  let second;
  const agnes = (...args) => execFileSync(path.join(prefix, 'current/agnes'), args, { cwd: user.workspace, encoding: 'utf8', env: { HOME: user.home, PATH: '/usr/bin:/bin', AGNES_NO_UPDATE_CHECK: '1' } });
  try {
    agnes('auth', 'login', '--server', site.url, '--email', adminEmail, '--password', adminPassword);
    assert.match(agnes('admin', 'sync'), /Synced: 1 table/);
    assert.match(agnes('init'), /Tables: 1 here/);
    assert.match(agnes('query', '--format', 'csv', 'SELECT count(*) AS n FROM orders'), /n\s+2/);
    const home = path.join(user.home, 'other');
    mkdirSync(home);
    const script = await (await fetch(`${site.url}/cli/install.sh`)).text();
    const token = JSON.parse(execFileSync('curl', ['-sS', '-X', 'POST', '-H', 'content-type: application/json', '-H', `authorization: Bearer ${site.admin.token}`, '-d', '{"name": "laptop"}', `${site.url}/auth/tokens`], { encoding: 'utf8' })).token;
    const said = execFileSync('bash', ['-s', '--', path.join(home, 'work')], { input: script, cwd: home, encoding: 'utf8', env: { HOME: home, PATH: '/usr/bin:/bin', AGNES_TOKEN: token } });
    assert.match(said, /The workspace is ready: .*work/);
    assert.ok(existsSync(path.join(home, 'work/server/parquet/orders.parquet')));

    // An upgrade beside the server that runs: its own processes are those of its release still.
    assert.match(install(prefix), /systemctl restart/);
    second = releases().find((name) => name !== first);
    assert.equal(readlinkSync(path.join(prefix, 'current')), `releases/${second}`);
    assert.equal(readlinkSync(path.join(prefix, 'previous')), `releases/${first}`);
    site.put('items.csv', 'id\n1\n');
    assert.match(agnes('admin', 'sync'), /Synced: 2 tables/);
    assert.match(agnes('query', '--remote', 'SELECT count(*) AS n FROM items'), /1/);
    const data = site.data;
    await site.stop();
    const after = await startSite({}, { program, data, source: site.source });
    assert.match(readlinkSync(`/proc/${after.child.pid}/exe`), new RegExp(`${second}/agnes-server$`));
    await after.stop();
  } finally {
    user.remove();
    await site.stop().catch(() => {});
  }

  install(prefix, '--back');
  assert.deepEqual(['current', 'previous'].map((link) => readlinkSync(path.join(prefix, link))), [`releases/${first}`, `releases/${second}`]);
  install(prefix, '--back');
  assert.equal(readlinkSync(path.join(prefix, 'current')), `releases/${second}`);
});
