// What a network, a disk and a certificate can do to the client, and what it says then.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeParquet, makeUser, program } from '../lib/agnes.mjs';
import { makeToken, md5, startFake, table } from '../lib/fake-agnes.mjs';

let made;
before(async () => {
  made = await makeParquet({ small: 'SELECT 1 AS id', big: 'SELECT i AS id, hash(i) AS h FROM range(400000) t(i)' });
});

const signIn = (user, server) => {
  user.signIn(server.url, server.token, 'a@example.com');
};

describe('a full disk', () => {
  // A limit on the size of files is met by the same write that a full disk fails.
  const limited = (user, kilobytes, args) =>
    new Promise((resolve) => {
      const child = spawn('bash', ['-c', `ulimit -f ${kilobytes}; exec "$0" "$@"`, program, ...args], {
        cwd: user.workspace,
        env: { PATH: process.env.PATH, HOME: user.home, AGNES_NO_UPDATE_CHECK: '1' },
      });
      let stderr = '';
      child.stderr.on('data', (d) => (stderr += d));
      child.on('close', (code, signal) => resolve({ code, signal, stderr }));
    });
  const world = async (t) => {
    const server = await startFake({ tables: { big: made.small } });
    const user = makeUser();
    t.after(async () => {
      user.remove();
      await server.stop();
    });
    signIn(user, server);
    assert.equal((await user.run(['pull'])).code, 0);
    server.tables.big = table(made.big);
    return { server, user };
  };
  const expectOld = async (user) => {
    assert.equal(md5(readFileSync(user.parquet('big'))), md5(made.small));
    assert.equal((await user.run(['query', 'SELECT count(*) FROM big', '-f', 'csv'])).stdout, 'count_star()\n1\n');
  };
  test('during a download: told, old data intact, nothing half left behind', async (t) => {
    const { server, user } = await world(t);
    for (let i = 0; i < 2; i++) {
      const result = await limited(user, 2000, ['pull']);
      assert.equal(result.code, 7, result.signal);
      assert.match(result.stderr, /Error: big: cannot write .*; make room and run agnes pull again/);
      assert.deepEqual(readdirSync(user.file('server/parquet')), ['big.parquet']);
      await expectOld(user);
    }
    assert.equal((await user.run(['pull'])).code, 0);
    assert.equal(md5(readFileSync(user.parquet('big'))), md5(server.tables.big.bytes));
  });
  test('while the views are made', async (t) => {
    const { server, user } = await world(t);
    server.tables = { other: table(made.small) };
    const result = await limited(user, 4, ['pull']);
    assert.equal(result.code, 1, result.signal);
    assert.match(result.stderr, /^Error: .*analytics\.duckdb|^Error: .*\.agnes-tmp/m);
    assert.deepEqual(readdirSync(user.file('user/duckdb')), ['analytics.duckdb']);
    await expectOld(user);
    assert.equal((await user.run(['pull'])).code, 0);
    assert.equal((await user.run(['query', 'SELECT count(*) FROM other', '-f', 'csv'])).code, 0);
  });
});

describe('certificates', () => {
  let folder;
  let server;
  let url;
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'agnes-tls-'));
    const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    server = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (req, res) => res.end('{"tables": [], "server_time": ""}'));
    await new Promise((go) => server.listen(0, '127.0.0.1', go));
    url = `https://localhost:${server.address().port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  const catalog = async (t, env) => {
    const user = makeUser();
    t.after(user.remove);
    return user.run(['catalog'], { env: { AGNES_SERVER: url, AGNES_TOKEN: makeToken('a@example.com'), ...env } });
  };
  test('one that nobody vouches for is refused', async (t) => {
    const result = await catalog(t, {});
    assert.equal(result.code, 6);
    assert.match(result.stderr, /^Error: cannot trust https:\/\/localhost:\d+: .*SSL_CERT_FILE.*\n$/);
  });
  for (const name of ['SSL_CERT_FILE', 'CURL_CA_BUNDLE'])
    test(`one that ${name} vouches for is good`, async (t) => {
      const result = await catalog(t, { [name]: path.join(folder, 'cert.pem') });
      assert.equal(result.code, 0, result.stderr);
    });
  test('a bundle that is gone counts as none', async (t) => {
    assert.match((await catalog(t, { SSL_CERT_FILE: '/nowhere.pem' })).stderr, /cannot trust/);
  });
  test('one for another host is refused', async (t) => {
    const result = await catalog(t, { AGNES_SERVER: url.replace('localhost', '127.0.0.1'), SSL_CERT_FILE: path.join(folder, 'cert.pem') });
    assert.match(result.stderr, /cannot trust https:\/\/127\.0\.0\.1/);
  });
  test('https to a server that speaks http', async (t) => {
    const plain = await startFake();
    t.after(() => plain.stop());
    const result = await catalog(t, { AGNES_SERVER: plain.url.replace('http:', 'https:') });
    assert.equal(result.code, 6);
    assert.match(result.stderr, /TLS handshake failed/);
  });
});

describe('answers that no Agnes server gives', () => {
  const answering = async (t, bytes) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(bytes));
    });
    await new Promise((go) => server.listen(0, '127.0.0.1', go));
    t.after(() => server.close());
    const user = makeUser();
    t.after(user.remove);
    const url = `http://127.0.0.1:${server.address().port}`;
    return user.run(['catalog'], { env: { AGNES_SERVER: url, AGNES_TOKEN: makeToken('a@example.com'), AGNES_STREAM_RETRIES: '0' } });
  };
  const cases = {
    nothing: '',
    'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
    'half a head': 'HTTP/1.1 200 OK\r\nContent-Le',
    'half a body': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"tables"',
    'a page': 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>',
    'a broken chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'broken compression': 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd',
    'deep JSON': `HTTP/1.1 200 OK\r\n\r\n${'['.repeat(100000)}`,
    'a sign-in page': 'HTTP/1.1 302 Found\r\nLocation: https://sso.example.com/login\r\nContent-Length: 0\r\n\r\n',
  };
  for (const [name, bytes] of Object.entries(cases))
    test(name, async (t) => {
      const result = await answering(t, bytes);
      assert.ok([5, 6].includes(result.code), `${result.code} ${result.signal}`);
      assert.match(result.stderr, /^Error: [^\n]+\n$/);
      assert.equal(result.stdout, '');
    });
});

test('a host name that nobody knows', async (t) => {
  const user = makeUser();
  t.after(user.remove);
  const result = await user.run(['catalog'], { env: { AGNES_SERVER: 'http://no-such-host.invalid' } });
  assert.equal(result.code, 6);
  assert.match(result.stderr, /^Error: cannot reach http:\/\/no-such-host\.invalid: the host name is unknown/);
});

test('folders that cannot be written are named', async (t) => {
  const server = await startFake({ tables: { small: made.small } });
  const user = makeUser();
  t.after(async () => {
    user.remove();
    await server.stop();
  });
  signIn(user, server);
  // A file where a folder should be: refused to root as well.
  writeFileSync(user.file('server'), '');
  const result = await user.run(['pull']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /^Error: .*server/);
  const home = await user.run(['auth', 'login', '--email', server.email, '--password', server.password, '--server', server.url], { env: { AGNES_CONFIG_DIR: user.file('server/config') } });
  assert.equal(home.code, 1);
  assert.ok(!existsSync(user.file('server/config')));
});
