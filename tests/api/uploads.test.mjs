// What people send from their workspaces: sessions, artifacts and notes.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { must, runServer, startServer } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, ana, bob;
before(async () => {
  site = await startSite({}, { settings: 'uploads:\n  max_file_mb: 1\n  max_user_mb: 3\n' });
  ana = await site.addUser('ana@example.com');
  bob = await site.addUser('bob@example.com');
});
after(() => site.stop());

const boundary = 'a-boundary-of-the-test';
const part = (name, filename, data, type = 'application/x-ndjson') => Buffer.concat([
  Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\nContent-Type: ${type}\r\n\r\n`),
  Buffer.from(data), Buffer.from('\r\n')]);
const form = (...parts) => Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
const post = (target, body, who, server = site) =>
  server.request('POST', target, { token: who?.token, body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } });
const upload = (name, data, who, { kind = 'sessions', server = site } = {}) => post(`/api/upload/${kind}`, form(part('file', name, data)), who, server);
const stored = (who, name, kind = 'user_sessions') => readFileSync(path.join(site.data, kind, who.id, name));
const listed = async (who, kind = 'sessions') => must(200, await site.get(`/api/upload/${kind}`, { token: who.token })).json;
const mode = (...names) => statSync(path.join(site.data, ...names)).mode & 0o777;

test('a session is kept byte by byte, and again when it has grown', async () => {
  const bytes = Buffer.concat([Buffer.from('{"type":"user"}\n\r\n--'), randomBytes(500_000), Buffer.from(`\r\n--${boundary.slice(0, -1)}`)]);
  assert.deepEqual(must(200, await upload('s1.jsonl', bytes, ana)).json, { status: 'ok', filename: 's1.jsonl', size: bytes.length });
  assert.ok(stored(ana, 's1.jsonl').equals(bytes));
  const grown = Buffer.concat([bytes, Buffer.from('{"type":"assistant"}\n')]);
  must(200, await upload('s1.jsonl', grown, ana));
  assert.ok(stored(ana, 's1.jsonl').equals(grown));
  const { files, used_bytes, limit_bytes } = await listed(ana);
  assert.deepEqual(files.map((file) => [file.filename, file.size]), [['s1.jsonl', grown.length]]);
  assert.deepEqual([used_bytes, limit_bytes], [grown.length, 3 << 20]);
  const back = must(200, await site.get('/api/upload/sessions/s1.jsonl', { token: ana.token }));
  assert.ok(back.body.equals(grown));
  assert.match(back.headers['content-disposition'], /^attachment; filename="s1\.jsonl"/);
});

test('a caller has four uploads under way at most, and others are not held up', async () => {
  const head = `POST /api/upload/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ana.token}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 500000\r\n\r\n--b\r\n`;
  const sockets = [];
  const answered = [];
  for (let i = 0; i < 5; ++i) {
    const socket = net.connect(site.port, '127.0.0.1');
    socket.on('error', () => {});
    answered.push(new Promise((resolve) => socket.once('data', (bytes) => resolve(bytes.toString().slice(9, 12)))));
    socket.write(head);
    sockets.push(socket);
  }
  assert.equal(await Promise.race(answered), '429', 'the fifth, whichever that is');
  must(200, await upload('of-bob.jsonl', 'x', bob));
  for (const socket of sockets) socket.destroy();
  await site.until('there is room again', async () => (await upload('again.jsonl', 'x', ana)).status === 200);
  for (const [who, name] of [[ana, 'again.jsonl'], [bob, 'of-bob.jsonl']]) must(204, await site.delete(`/api/upload/sessions/${name}`, { token: who.token }));
});

test('files are private to the server and to their owner', async () => {
  must(200, await upload('same.jsonl', 'of ana', ana));
  must(200, await upload('same.jsonl', 'of bob', bob));
  assert.equal(stored(ana, 'same.jsonl').toString(), 'of ana');
  assert.equal(stored(bob, 'same.jsonl').toString(), 'of bob');
  assert.deepEqual([mode('user_sessions'), mode('user_sessions', ana.id), mode('user_sessions', ana.id, 'same.jsonl')], [0o700, 0o700, 0o600]);
  must(200, await upload('mine.jsonl', 'x', ana));
  for (const who of [bob, site.admin]) {
    assert.equal((await site.get('/api/upload/sessions/mine.jsonl', { token: who.token })).status, 404);
    assert.equal((await site.delete('/api/upload/sessions/mine.jsonl', { token: who.token })).status, 404);
    for (const way of [`..%2F${ana.id}%2Fmine.jsonl`, `%2E%2E%2F${ana.id}%2Fmine.jsonl`, '..', '.', '%00'])
      assert.ok([400, 404].includes((await site.get(`/api/upload/sessions/${way}`, { token: who.token })).status), way);
  }
  must(204, await site.delete('/api/upload/sessions/mine.jsonl', { token: ana.token }));
  assert.equal((await site.delete('/api/upload/sessions/mine.jsonl', { token: ana.token })).status, 404);
});

test('who has not signed in is told before the body is read', async () => {
  for (const target of ['/api/upload/sessions', '/api/upload/artifacts']) {
    assert.equal((await post(target, form(part('file', 'a', 'x')))).status, 401);
    assert.equal((await site.get(target)).status, 401);
    assert.equal((await site.get(`${target}/a`)).status, 401);
    assert.equal((await site.delete(`${target}/a`)).status, 401);
  }
  const socket = net.connect(site.port, '127.0.0.1');
  socket.write('POST /api/upload/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 900000\r\n\r\n');
  const answer = await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  assert.match(answer.toString(), /^HTTP\/1\.1 401 /);
  assert.equal((await site.post('/api/upload/local-md', { content: 'x' })).status, 401);
});

test('a name is one safe segment: its end counts, and what is no name is refused', async () => {
  for (const [sent, kept] of [['../../up/s2.jsonl', 's2.jsonl'], ['C:\\\\work\\\\s3.jsonl', 's3.jsonl'], ['/etc/passwd', 'passwd'], ['zlatý důl.jsonl', 'zlatý důl.jsonl'], ['-rf', '-rf']]) {
    assert.equal(must(200, await upload(sent, 'x', ana)).json.filename, kept);
    assert.equal(stored(ana, kept).toString(), 'x');
  }
  const before_ = readdirSync(path.join(site.data, 'user_sessions', ana.id)).sort();
  for (const sent of ['', '.', '..', 'a/', '../..', '.hidden', '.agnes-tmp-1-2', 'x'.repeat(201), 'a\u0001b', 'a\u202eb']) {
    const answer = must(422, await upload(sent, 'x', ana));
    assert.deepEqual(answer.json.detail.map((problem) => problem.loc), [['body', 'file']], sent);
  }
  assert.deepEqual(readdirSync(path.join(site.data, 'user_sessions', ana.id)).sort(), before_);
});

test('what is no form with one file in `file` is refused', async () => {
  const missing = async (answer) => assert.deepEqual(must(422, await answer).json.detail.map((problem) => [problem.type, problem.loc]), [['missing', ['body', 'file']]]);
  await missing(site.request('POST', '/api/upload/sessions', { token: ana.token }));
  await missing(site.request('POST', '/api/upload/sessions', { token: ana.token, json: { file: 'x' } }));
  await missing(site.request('POST', '/api/upload/sessions', { token: ana.token, body: 'x', headers: { 'content-type': 'application/octet-stream' } }));
  await missing(post('/api/upload/sessions', form(part('other', 'a.jsonl', 'x')), ana));
  await missing(post('/api/upload/sessions', form(part('file', undefined, 'x')), ana));
  must(413, await post('/api/upload/sessions', form(part('file', 'a.jsonl', 'x'), part('file', 'b.jsonl', 'x')), ana));
  must(400, await post('/api/upload/sessions', part('file', 'a.jsonl', 'x'), ana));
  must(400, await site.request('POST', '/api/upload/sessions', { token: ana.token, body: 'x', headers: { 'content-type': 'multipart/form-data' } }));
  must(415, await site.request('POST', '/api/upload/sessions', { token: ana.token, body: 'x', headers: { 'content-encoding': 'gzip' } }));
  assert.ok(!existsSync(path.join(site.data, 'user_sessions', ana.id, 'a.jsonl')));
});

test('a file and the files of an account are bounded, sessions and artifacts together', async () => {
  const cleo = await site.addUser('cleo@example.com');
  const mega = Buffer.alloc(1 << 20, 'x');
  must(413, await upload('large.jsonl', Buffer.alloc((1 << 20) + 1), cleo));
  must(413, await upload('large.jsonl', Buffer.alloc(2 << 20), cleo));
  must(200, await upload('a.jsonl', mega, cleo));
  must(200, await upload('b.jsonl', mega, cleo));
  assert.equal(must(200, await upload('run.exe', mega, cleo, { kind: 'artifacts' })).json.filename, 'run.exe');
  const refused = must(413, await upload('c.jsonl', 'x', cleo));
  assert.match(refused.json.detail, /more than the 3 MB/);
  must(200, await upload('b.jsonl', mega, cleo));
  assert.deepEqual((await listed(cleo, 'artifacts')).files.map((file) => file.filename), ['run.exe']);
  must(204, await site.delete('/api/upload/artifacts/run.exe', { token: cleo.token }));
  must(200, await upload('c.jsonl', 'x', cleo));
});

// What has arrived of uploads that are not whole yet.
const halves = (server) => readdirSync(path.join(server.data, 'tmp'), { recursive: true }).filter((name) => name.endsWith('/body'));

// Sends the beginning of an upload and leaves.
async function cutUpload(server, token, name) {
  const body = form(part('file', name, Buffer.alloc(200_000, 'n')));
  const socket = net.connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`POST /api/upload/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: multipart/form-data; boundary=${boundary}\r\nContent-Length: ${body.length}\r\n\r\n`);
  await new Promise((resolve) => socket.write(body.subarray(0, 150_000), resolve));
  await server.until('the upload has begun', () => halves(server).length > 0);
  return socket;
}

test('an upload that is cut leaves the file as it was, and nothing else', async () => {
  must(200, await upload('cut.jsonl', 'as it was', ana));
  const socket = await cutUpload(site, ana.token, 'cut.jsonl');
  socket.destroy();
  await site.until('its temporary file has gone', () => halves(site).length === 0);
  assert.equal(stored(ana, 'cut.jsonl').toString(), 'as it was');
});

test('many at once: each file is whole', async () => {
  const versions = Array.from({ length: 12 }, (_, i) => Buffer.alloc(100_000 + i, `${i % 10}`));
  // Some of more than four may have to come again later.
  const answers = await Promise.all(versions.map((data) => upload('race.jsonl', data, bob)));
  assert.ok(answers.filter((answer) => answer.status === 200).length >= 4);
  for (const { status, text } of answers) assert.ok([200, 429].includes(status), text);
  assert.ok(versions.some((data) => stored(bob, 'race.jsonl').equals(data)));
});

test('notes are kept under the address, their size in characters', async () => {
  const content = '# Notes\nzlatý důl 🙂\n';
  const file = path.join(site.data, 'user_local_md', `${createHash('sha256').update(ana.email).digest('hex').slice(0, 24)}.md`);
  const answer = must(200, await site.post('/api/upload/local-md', { content }, { token: ana.token }));
  assert.deepEqual(answer.json, { status: 'ok', user: ana.email, size: [...content].length });
  assert.equal(readFileSync(file, 'utf8'), content);
  must(200, await site.post('/api/upload/local-md', { content: '' }, { token: ana.token }));
  assert.equal(readFileSync(file, 'utf8'), '');
  assert.deepEqual([statSync(file).mode & 0o777, mode('user_local_md')], [0o600, 0o700]);
  must(422, await site.post('/api/upload/local-md', {}, { token: ana.token }));
  must(422, await site.post('/api/upload/local-md', { content: 5 }, { token: ana.token }));
  must(413, await site.post('/api/upload/local-md', { content: 'x'.repeat(5 << 20) }, { token: ana.token }));
});

test('a browser shows one\'s own sessions', async () => {
  must(200, await upload('<b>&.jsonl', 'x', bob));
  const page = must(200, await site.get('/profile/sessions', { token: bob.token }));
  assert.match(page.headers['content-type'], /^text\/html/);
  assert.ok(page.text.includes('same.jsonl') && page.text.includes('&lt;b&gt;&amp;.jsonl') && !page.text.includes('<b>'));
  must(200, await site.get('/profile/sessions/%3Cb%3E%26.jsonl', { token: bob.token }));
  assert.equal((await site.get('/profile/sessions', { headers: { accept: 'text/html' } })).status, 302);
});

test('uploads end where the disk gets full', async () => {
  const full = await startSite({}, { settings: 'uploads:\n  disk_reserve_mb: 1048576\n' });
  const { token } = full.admin;
  must(507, await upload('a.jsonl', 'x', { token }, { server: full }));
  must(507, await full.post('/api/upload/local-md', { content: 'x' }, { token }));
  assert.ok(!existsSync(path.join(full.data, 'user_sessions', full.admin.id, 'a.jsonl')));
  assert.deepEqual(halves(full), []);
  await full.stop();
});

test('a server that is killed in the middle has the file as it was; folders of an earlier version become private', async () => {
  const server = await startServer();
  const { token, id } = server.admin;
  must(200, await upload('a.jsonl', 'as it was', { token }, { server }));
  const socket = await cutUpload(server, token, 'a.jsonl');
  await server.kill();
  socket.destroy();
  for (const folder of ['user_sessions', 'user_artifacts']) {
    mkdirSync(path.join(server.data, folder), { recursive: true });
    chmodSync(path.join(server.data, folder), 0o755);
  }
  const told = await runServer(['check', '--data-dir', server.data, '--config-dir', path.join(server.data, 'config')]);
  assert.match(told.stdout + told.stderr, /user_sessions \(mode 755\)/);
  const again = await startServer({ data: server.data });
  assert.equal(readFileSync(path.join(again.data, 'user_sessions', id, 'a.jsonl'), 'utf8'), 'as it was');
  assert.deepEqual(halves(again), []);
  for (const folder of ['user_sessions', 'user_artifacts']) assert.equal(statSync(path.join(again.data, folder)).mode & 0o777, 0o700);
  await again.stop();
});
