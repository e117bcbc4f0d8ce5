// agnes self-upgrade and agnes update: the program that runs is replaced by the server's in one step, or stays whole.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { makeUser, program } from '../lib/agnes.mjs';
import { startFake } from '../lib/fake-agnes.mjs';

let server, user, lib, link;
const keys = generateKeyPairSync('ed25519');
const publicKey = (pair) => pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim().split(' ').at(-1);

// What a server answers to GET /cli/package. `script`: what its program does.
function offer(next, script = `#!/bin/sh\necho agnes ${next}\n`, { pair = keys, ...more } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'agnes-cli-test-'));
  writeFileSync(path.join(folder, 'agnes'), script);
  chmodSync(path.join(folder, 'agnes'), 0o755);
  const bytes = execFileSync('tar', ['-cz', '-C', folder, 'agnes']);
  rmSync(folder, { recursive: true });
  const facts = { version: next, platform: 'linux-x86_64', filename: `agnes-${next}-linux-x86_64.tar.gz`, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), ...more };
  const text = `agnes client package\n${facts.version}\n${facts.platform}\n${facts.filename}\n${facts.size}\n${facts.sha256}\n`;
  const body = { ...facts, download_url_path: `/cli/package/${facts.filename}`, public_key: publicKey(pair), signature: sign(null, Buffer.from(text), pair.privateKey).toString('base64') };
  server.answers['GET /cli/package'] = { body };
  server.packages = { [facts.filename]: bytes };
  return body;
}

before(async () => (server = await startFake()));
after(() => server.stop());
beforeEach(() => {
  server.faults = [];
  server.answers = {};
  server.requests = [];
  user = makeUser();
  user.signIn(server.url, server.token);
  // As install.sh lays it out.
  lib = path.join(user.home, '.local/lib/agnes');
  link = path.join(user.home, '.local/bin/agnes');
  const release = path.join(lib, `${version}-0123456789ab`);
  mkdirSync(release, { recursive: true });
  mkdirSync(path.dirname(link));
  copyFileSync(program, path.join(release, 'agnes'));
  symlinkSync(realpathSync(path.join(path.dirname(program), 'libduckdb.so')), path.join(release, 'libduckdb.so'));
  symlinkSync(path.join(release, 'agnes'), link);
});
afterEach(() => user.remove());

// A server runs in this process: nothing here may wait for a child.
const run = (args, options) => user.run(args, { ...options, program: link });
const upgrade = async (code, words, ...args) => {
  const done = await run(['self-upgrade', ...args]);
  assert.deepEqual([done.code, words.test(done.stdout + done.stderr)], [code, true], done.stdout + done.stderr);
  return done;
};
const now = () => execFileSync(link, ['--version'], { encoding: 'utf8' }).trim();
const releases = () => readdirSync(lib).filter((name) => !name.startsWith('.lock')).sort();

test('a newer client takes the place of the one that runs', async () => {
  const { sha256 } = offer('99.1.0');
  await upgrade(0, new RegExp(`^agnes is 99.1.0 now; it was ${version.replaceAll('.', '\\.')}\n$`));
  assert.equal(now(), 'agnes 99.1.0');
  assert.equal(readlinkSync(link), path.join(lib, `99.1.0-${sha256.slice(0, 12)}`, 'agnes'));
  assert.deepEqual(releases(), [`${version}-0123456789ab`, `99.1.0-${sha256.slice(0, 12)}`].sort(), 'the one that runs stays');
});

test('the same and an older one change nothing, but with --force', async () => {
  for (const next of [version, '0.0.1']) {
    offer(next);
    await upgrade(0, /is up to date/);
    assert.match(now(), new RegExp(version));
  }
  await upgrade(0, /agnes is 0.0.1 now/, '--force');
  assert.equal(now(), 'agnes 0.0.1');
});

test('--check-only tells by its exit code, and asks no more', async () => {
  offer('99.1.0');
  await upgrade(1, /is older than the server's 99.1.0: agnes self-upgrade/, '--check-only');
  offer(version);
  const done = await upgrade(0, /^$/, '--check-only');
  assert.equal(done.stdout, '');
  assert.equal(server.of('/cli/package/').length, 0);
});

test('a server without a client', async () => {
  await upgrade(0, /offers no client/);
  await upgrade(4, /has no client to offer/, '--force');
});

// Whatever is wrong, the program that is started stays what it was.
const bad = {
  'another hash': () => (offer('99.1.0'), (server.packages['agnes-99.1.0-linux-x86_64.tar.gz'] = Buffer.from(server.packages['agnes-99.1.0-linux-x86_64.tar.gz']).fill(1, 20, 21))),
  'a signature of somebody else': () => (offer('99.1.0').public_key = publicKey(generateKeyPairSync('ed25519'))),
  'a signature of something else': () => (offer('99.1.0').version = '99.1.1'),
  'no signature': () => delete offer('99.1.0').signature,
  'a name that leads elsewhere': () => offer('99.1.0', undefined, { filename: '../../x' }),
  'a version that leads elsewhere': () => offer('../../99'),
  'half of it': () => (offer('99.1.0'), (server.packages['agnes-99.1.0-linux-x86_64.tar.gz'] = server.packages['agnes-99.1.0-linux-x86_64.tar.gz'].subarray(0, 50))),
  'more than announced': () => (offer('99.1.0'), (server.packages['agnes-99.1.0-linux-x86_64.tar.gz'] = Buffer.concat([server.packages['agnes-99.1.0-linux-x86_64.tar.gz'], Buffer.alloc(9)]))),
  'no archive': () => {
    const bytes = Buffer.from('x');
    offer('99.1.0', undefined, { size: 1, sha256: createHash('sha256').update(bytes).digest('hex') });
    server.packages['agnes-99.1.0-linux-x86_64.tar.gz'] = bytes;
  },
  'a program that fails': () => offer('99.1.0', '#!/bin/sh\necho cannot open shared object >&2\nexit 127\n'),
  'a program of another version': () => offer('99.1.0', '#!/bin/sh\necho agnes 3\n'),
  'a program that works only where it was tried': () => offer('99.1.0', '#!/bin/sh\ncase "$0" in *.new-*) echo agnes 99.1.0 ;; *) exit 1 ;; esac\n'),
  'a server at fault': () => server.faults.push({ path: '/cli/package', status: 500 }),
};
for (const [what, make] of Object.entries(bad))
  test(`${what}: nothing is changed`, async () => {
    make();
    const done = await run(['self-upgrade']);
    assert.ok(done.code > 0 && /^Error: [^\n]+\n$/.test(done.stderr), done.stdout + done.stderr);
    assert.equal(now().split(' ').at(-1), version);
    assert.ok(!existsSync(path.join(user.home, 'x')));
    assert.ok(releases().every((name) => !name.startsWith('.new')), releases().join());
    server.faults = [];
    offer('99.2.0');
    await upgrade(0, /agnes is 99.2.0 now/);
  });

test('a server whose key has changed is asked about', async () => {
  offer('99.1.0');
  await upgrade(0, /99.1.0 now/);
  rmSync(link);
  symlinkSync(path.join(lib, `${version}-0123456789ab`, 'agnes'), link);
  offer('99.2.0', undefined, { pair: generateKeyPairSync('ed25519') });
  await upgrade(1, /signed with another key than before; ask its administrator/);
  await upgrade(0, /99.2.0 now/, '--force');
});

test('failures are told after three in a row; no answer neither counts nor makes an end', async () => {
  offer('99.1.0', '#!/bin/sh\nexit 1\n');
  for (let i = 0; i < 2; ++i) {
    const done = await run(['self-upgrade', '--quiet']);
    assert.deepEqual([done.code, done.stdout, done.stderr], [1, '', '']);
  }
  const away = await run(['self-upgrade', '--quiet'], { env: { AGNES_SERVER: 'http://127.0.0.1:9' } });
  assert.deepEqual([away.code, away.stdout, away.stderr], [0, '', '']);
  const third = await run(['self-upgrade', '--quiet']);
  assert.match(third.stdout, /^agnes self-upgrade has failed 3 times in a row, and agnes \S+ goes on: .*failed/);
  const diagnosed = await run(['diagnose', '--component', 'workspace']);
  assert.match(diagnosed.stdout, /self-upgrade failed 3 times in a row/);
  offer(version);
  await upgrade(0, /up to date/);
  assert.deepEqual(JSON.parse(readFileSync(path.join(user.config, 'self_upgrade.json'))), { count: 0, error: '' });
});

test('a folder that somebody else made does not say whose program runs here', async () => {
  const stranger = await startFake();
  offer('99.1.0');
  stranger.answers = server.answers;
  stranger.packages = server.packages;
  writeFileSync(user.file('.claude/init-complete'), `server_url: ${stranger.url}\n`);
  const done = await run(['self-upgrade', '--quiet'], { env: { AGNES_TOKEN: server.token } });
  assert.deepEqual([done.code, done.stdout], [2, '']);
  assert.match((await run(['self-upgrade'])).stderr, /is not known here; if that is your server: AGNES_SERVER=/);
  assert.equal(stranger.requests.length, 0);
  assert.equal(now().split(' ').at(-1), version);
  await stranger.stop();
});

test('what install.sh did not install is left alone, with the next step', async () => {
  offer('99.1.0');
  const built = await user.run(['self-upgrade']);
  assert.equal(built.code, 1);
  assert.match(built.stderr, /was not installed by a server's install.sh; curl -fsSL http:\/\/127.0.0.1:\d+\/cli\/install.sh \| bash\n$/);
  rmSync(link);
  symlinkSync('/bin/true', link);
  const elsewhere = await user.run(['self-upgrade'], { program: path.join(lib, `${version}-0123456789ab`, 'agnes') });
  assert.match(elsewhere.stderr, /does not lead to/);
});

// The program that is tried ends the one that tries it.
const killing = (when) => `#!/bin/sh\ncase "$0" in ${when}) [ -e ${user.home}/once ] || { touch ${user.home}/once; kill -9 $PPID; } ;; esac\necho agnes 99.1.0\n`;
for (const [when, script, path_] of [
  ['while it asks', undefined, '/cli/package'],
  ['while it fetches', undefined, '/cli/package/'],
  ['while it tries', '*.new-*'],
  ['when the link has turned', '*bin/agnes'],
])
  test(`killed ${when}: the program that is started works, and the next one goes on`, async () => {
    offer('99.1.0', script && killing(script));
    let child;
    if (path_) server.onRequest = (request) => request.path.startsWith(path_) && child.kill('SIGKILL');
    child = user.start(['self-upgrade'], { program: link });
    const { signal } = await child.ended;
    server.onRequest = () => {};
    assert.equal(signal, 'SIGKILL');
    assert.match(now(), script === '*bin/agnes' ? /^agnes 99\.1\.0$/ : new RegExp(`^agnes ${version}$`));
    if (script !== '*bin/agnes') await upgrade(0, /99.1.0 now/);
    assert.equal(now(), 'agnes 99.1.0');
    assert.ok(releases().every((name) => script === '*bin/agnes' || !name.startsWith('.new')));
  });

test('agnes update does all, and what fails stops nothing', async () => {
  offer('99.1.0');
  const done = await run(['update', '--json']);
  assert.equal(done.code, 0, done.stdout + done.stderr);
  assert.deepEqual(JSON.parse(done.stdout).steps.map((s) => [s.step, s.outcome]), [['self-upgrade', 'ok'], ['workspace', 'ok'], ['push', 'ok'], ['pull', 'ok']]);
  assert.equal(now(), 'agnes 99.1.0');
  assert.ok(existsSync(user.file('.claude/settings.json')));
  rmSync(link);
  symlinkSync(path.join(lib, `${version}-0123456789ab`, 'agnes'), link);
  server.faults.push({ path: '/cli/package', status: 500 }, { path: '/api/upload', status: 500, times: 5 });
  writeFileSync(user.file('.claude/CLAUDE.local.md'), 'changed');
  const partly = await run(['update']);
  assert.equal(partly.code, 7);
  assert.match(partly.stdout, /^self-upgrade  failed  .*500.*\nworkspace     ok .*\npush          failed .*500.*\npull          ok      0 tables here, 0 of them new\n$/);
});

test('setup leads through the first steps', async () => {
  const { startServer } = await import('../lib/server.mjs');
  const fresh = await startServer({ seed: false });
  const other = makeUser();
  const ok = async (args, options) => {
    const done = await other.run(['setup', ...args], options);
    assert.equal(done.code, 0, done.stdout + done.stderr);
    return done.stdout;
  };
  await ok(['init', '--server', fresh.url]);
  assert.match(await ok(['test-connection']), /^server   pass  http\S+\nauth     warn  not signed in/);
  const made = await ok(['bootstrap', 'admin@example.com', '--name', 'Admin', '--password', '-'], { input: 'a-long-password-1\n' });
  assert.match(made, /^admin@example.com is an administrator, and signed in here\./);
  const again = await other.run(['setup', 'bootstrap', 'eve@example.com']);
  assert.deepEqual([again.code, /^Error: /.test(again.stderr)], [8, true], again.stderr);
  const verified = JSON.parse(await ok(['verify', '--json']));
  assert.deepEqual(verified.checks.map((c) => c.name), ['server', 'health', 'data', 'query']);
  assert.equal(verified.checks[3].status, 'pass');
  assert.match(await ok(['first-sync']), /^Server: /);
  const away = await other.run(['setup', 'verify'], { env: { AGNES_SERVER: 'http://127.0.0.1:9' } });
  assert.deepEqual([away.code, /^server   fail /.test(away.stdout)], [1, true]);
  other.remove();
  await fresh.stop();
});

test('server drives the unit of this machine', async () => {
  const tools = path.join(user.home, 'tools');
  mkdirSync(path.join(user.workspace, 'script'), { recursive: true });
  mkdirSync(tools);
  for (const name of [...['systemctl', 'journalctl', 'agnes-server'].map((n) => path.join(tools, n)), user.file('script/install')]) {
    writeFileSync(name, '#!/bin/sh\necho "$(basename $0) $*"\n[ "$2" != broken ]\n');
    chmodSync(name, 0o755);
  }
  const env = { PATH: `${tools}:${process.env.PATH}` };
  const said = async (...args) => {
    const done = await user.run(['server', ...args], { env });
    assert.equal(done.code, 0, done.stderr);
    return done.stdout;
  };
  assert.equal(await said('status'), 'systemctl status --no-pager agnes\n');
  assert.equal(await said('logs', 'app', '-f', '-n', '5'), 'journalctl --no-pager -u agnes -n 5 --since=-1h -f\n');
  assert.equal(await said('logs', '--since', 'today'), 'journalctl --no-pager -u agnes -n 100 --since=today\n');
  assert.equal(await said('restart'), 'systemctl restart agnes\n');
  assert.equal(await said('deploy'), 'install \nsystemctl restart agnes\n');
  assert.equal(await said('rollback'), 'install --back\nsystemctl restart agnes\n');
  assert.match(await said('backup'), /^agnes-server backup \.\/backup\/backup_\d{8}_\d{6}\n$/);
  assert.deepEqual(JSON.parse(await said('restart', '--json')), { commands: ['systemctl restart agnes'], output: 'systemctl restart agnes\n' });
  const broken = await user.run(['server', 'restart', 'broken'], { env });
  assert.deepEqual([broken.code, broken.stderr], [1, 'Error: systemctl restart broken ended with 1; it says above why\n']);
  for (const bad of ['--x', 'a/b']) assert.equal((await user.run(['server', 'restart', bad], { env })).code, 2);
  rmSync(user.file('script'), { recursive: true });
  assert.match((await user.run(['server', 'deploy'], { env })).stderr, /^Error: there is no script\/install here; go to the checkout/);
  const none = await user.run(['server', 'status'], { env: { PATH: '/nowhere' } });
  assert.match(none.stderr, /^Error: there is no program systemctl here/);
});
