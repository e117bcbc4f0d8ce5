// Attacks by a server, or by who can write what it says, on the client and the terminal that shows it; and on the token.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeUser, program } from '../lib/agnes.mjs';
import { makeToken, startFake } from '../lib/fake-agnes.mjs';

let server;
let user;
beforeEach(async () => {
  server = await startFake();
  user = makeUser();
  user.signIn(server.url, server.token);
});
afterEach(async () => {
  user.remove();
  await server.stop();
});

// A bare chroot has no file system of pseudo-terminals: it gets one for as long as the command runs.
const inTerminal = 'exec script -qec "$0" /dev/null';
const kTerminal = existsSync('/dev/pts/ptmx')
  ? ['sh', '-c', inTerminal]
  : ['unshare', ...(process.getuid() === 0 ? [] : ['-r']), '-m', '--propagation', 'unchanged', 'sh', '-c', `mount --make-rprivate /dev && mount -t devpts -o ptmxmode=0666 devpts /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx && ${inTerminal}`];

// What a terminal gets: standard output and error of the client in a pseudo-terminal.
function onTerminal(args, more = {}) {
  const quoted = [program, ...args].map((word) => `'${word}'`).join(' ');
  const [command, ...rest] = kTerminal;
  const child = spawn(command, [...rest, quoted], {
    cwd: user.workspace,
    env: { PATH: process.env.PATH, HOME: user.home, LANG: 'C.UTF-8', AGNES_NO_UPDATE_CHECK: '1', TERM: 'dumb', ...more },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) => child.on('close', () => resolve(Buffer.concat(chunks).toString())));
}

const evil = '\u001b]0;owned\u0007\u001b[31mred\u009b2J\u202egnirts\u2066\u200f\u061c\u007f';
const unsafe = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const tokens = [{ id: evil, name: evil, prefix: evil, expires_at: evil, last_used_at: evil, revoked_at: null }];

describe('what a terminal shows', () => {
  const attacks = {
    'a list': [['auth', 'token', 'list'], { 'GET /auth/tokens': { body: tokens } }],
    'the same as JSON': [['auth', 'token', 'list', '--json'], { 'GET /auth/tokens': { body: tokens } }],
    'an error': [['auth', 'token', 'list'], { 'GET /auth/tokens': { status: 400, body: { detail: evil } } }],
    'what was made': [['auth', 'token', 'create', '--name', 'x'], { 'POST /auth/tokens': { status: 201, body: { ...tokens[0], token: evil } } }],
    'who signed in': [['auth', 'login', '--email', 'a', '--password', 'b'], { 'POST /auth/token': { body: { access_token: 'x.y.z', email: evil } } }],
    'why nobody signed in': [['auth', 'login', '--email', 'a', '--password', 'b'], { 'POST /auth/token': { status: 401, body: { detail: evil } } }],
    'a header': [['auth', 'token', 'list'], { 'GET /auth/tokens': { status: 429, body: {}, headers: { 'retry-after': 'a\u009b2J\tb' } } }],
    'a schema': [['schema', 'orders'], { 'GET /api/v2/schema/orders': { body: { table_id: 'orders', columns: [{ name: evil, type: evil, description: evil }], partition_by: evil, sql_flavor: evil, where_dialect_hints: { a: evil } } } }],
    'a catalogue': [['catalog'], { 'GET /api/catalog/tables': { body: { tables: [{ id: evil, name: evil, description: evil }], count: 1 } } }],
    'rows of a query': [['query', '--remote', '--format', 'csv', 'SELECT 1'], { 'POST /api/query': { body: { columns: [evil], rows: [[evil]], row_count: 1, truncated: false } } }],
  };
  for (const [what, [args, answers]] of Object.entries(attacks))
    test(`${what} holds nothing that moves it`, async () => {
      Object.assign(server.answers, answers);
      const shown = (await onTerminal(args)).replaceAll('\r\n', '\n');
      assert.ok(server.requests.length > 0, shown);
      assert.doesNotMatch(shown, unsafe, JSON.stringify(shown));
      if (args.at(-1) === '--json') assert.deepEqual(JSON.parse(shown).map(({ created_at: _, ...token }) => token), tokens);
    });

  test('what goes to a file stays as it is', async () => {
    server.answers['GET /auth/tokens'] = { body: tokens };
    assert.ok((await user.run(['auth', 'token', 'list', '--json'])).stdout.includes('\u202e'));
  });
});

describe('what an answer costs', () => {
  const list = ['auth', 'token', 'list'];
  test('an answer that unpacks to more than 64 MB is refused', async () => {
    server.answers['GET /auth/tokens'] = { body: { rawJson: gzipSync(`[${'0,'.repeat(40 << 20)}0]`) }, headers: { 'content-encoding': 'gzip' } };
    const result = await user.run(list);
    assert.equal(result.code, 5);
    assert.match(result.stderr, /larger than 64/);
  });
  // Each number would be a struct.
  for (const item of ['0', '{}'])
    test(`an answer of 8 million times ${item} is refused before it is read`, async () => {
      server.answers['GET /api/v2/catalog'] = { body: { rawJson: `{"tables":[${`${item},`.repeat(8 << 20)}${item}]}` } };
      const result = await user.run(['catalog']);
      assert.equal(result.code, 5);
      assert.match(result.stderr, /more than 1000000 values/);
    });
  test('items of a list that are no objects are passed over', async () => {
    server.answers['GET /auth/tokens'] = { body: [0, 'x', null, { id: 'i', name: 'kept', prefix: 'p' }, []] };
    const result = await user.run(list);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stdout.trimEnd().split('\n').length, 2, result.stdout);
    assert.match(result.stdout, /kept/);
  });
  for (const [status, said] of [[200, /far more than it announced/], [403, /HTTP 403/]])
    test(`a download of status ${status} that has no end is stopped`, async () => {
      const endless = http.createServer((req, res) => {
        if (req.url.startsWith('/api/sync/manifest')) return res.end(JSON.stringify({ tables: { orders: { hash: 'a'.repeat(32), rows: 1, size_bytes: 100, query_mode: 'local' } }, assets: {} }));
        if (!req.url.includes('/download')) return res.writeHead(404).end('{}');
        res.writeHead(status, { 'content-type': 'application/octet-stream' });
        const more = () => {
          while (!res.destroyed && res.write(Buffer.alloc(1 << 16, 'x')));
        };
        res.on('drain', more);
        more();
      });
      await new Promise((ready) => endless.listen(0, '127.0.0.1', ready));
      user.signIn(`http://127.0.0.1:${endless.address().port}`, server.token);
      const result = await user.run(['pull']);
      assert.notEqual(result.code, 0, result.stdout);
      assert.match(result.stdout + result.stderr, said);
      endless.closeAllConnections();
      endless.close();
    });
  for (const encoding of ['gzip, gzip', 'gzip,gzip', 'GZIP ,gzip'])
    test(`an answer packed as '${encoding}' is refused`, async () => {
      server.answers['GET /auth/tokens'] = { body: { rawJson: gzipSync(gzipSync('[]')) }, headers: { 'content-encoding': encoding } };
      const result = await user.run(list);
      assert.equal(result.code, 5);
      assert.match(result.stderr, /more than once/);
    });
});

describe('the token', () => {
  test('comes from standard input, so that no list of processes shows it', async () => {
    const other = makeToken('b@example.com');
    server.token = other;
    assert.equal((await user.run(['auth', 'import-token', '--token', '-'], { input: `${other}\n` })).code, 0);
    const made = await user.run(['init', '--force', '--server-url', server.url, '--token', '-'], { input: `${other}\n` });
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await user.run(['auth', 'import-token', '--token', '-'])).code, 1);
  });
  for (const [status, code] of Object.entries({ 401: 3, 403: 8, 404: 4, 429: 1, 500: 5 }))
    test(`is not kept when the server answers ${status}`, async () => {
      server.answers['GET /api/catalog/tables'] = { status: Number(status), body: { detail: 'no' } };
      const nobody = makeUser();
      const result = await nobody.run(['auth', 'import-token', '--server', server.url, '--token', server.token]);
      assert.equal(result.code, code, result.stdout);
      assert.ok(!existsSync(path.join(nobody.config, 'token.json')));
      nobody.remove();
    });
  test('does not go over plain http to another machine without a warning', async () => {
    const env = { http_proxy: server.url, AGNES_SERVER: 'http://agnes.example.com', AGNES_TOKEN: server.token };
    const result = await user.run(['auth', 'token', 'list'], { env });
    assert.equal(result.stderr.match(/Warning: your token goes to http:\/\/agnes\.example\.com unencrypted/g)?.length, 1, result.stderr);
    assert.doesNotMatch((await user.run(['auth', 'token', 'list'])).stderr, /Warning/);
  });
});
