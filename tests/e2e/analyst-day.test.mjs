// A day of an analyst, through the real programs: a workspace is made, data is pulled over a network that breaks, queried and kept in a
// snapshot, the agent's session is uploaded, the client is upgraded, and the server moves.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeUser, program } from '../lib/agnes.mjs';
import { must, startServer } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, ana, user, network;

// Between the client and the server. `cutAfter` bytes of answers it ends every connection, once.
async function startNetwork() {
  const state = { cutAfter: Infinity, seen: 0, target: 0 };
  const server = net.createServer((client) => {
    const upstream = net.connect(state.target, '127.0.0.1');
    const end = () => (client.destroy(), upstream.destroy());
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      state.seen += bytes.length;
      if (state.seen > state.cutAfter) {
        state.cutAfter = Infinity;
        client.write(bytes.subarray(0, bytes.length / 2), end);
        return;
      }
      client.write(bytes);
    });
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  state.url = `http://127.0.0.1:${server.address().port}`;
  state.stop = () => server.close();
  return state;
}

before(async () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => `${i},${(i * 7919) % 1000}.25,customer ${(i * 104729) % 5000}`);
  site = await startSite({ 'orders.csv': `id,total,customer\n${rows.join('\n')}\n`, 'salaries.csv': 'who,pay\nana,1\n' });
  await site.sync();
  ana = await site.analyst('ana@example.com', ['orders']);
  network = await startNetwork();
  network.target = site.port;
  user = makeUser();
});
after(async () => {
  user.remove();
  network.stop();
  await site.stop();
});

const run = (args, options) => user.run(args, { program: path.join(user.home, '.local/bin/agnes'), ...options });
const ok = async (...args) => {
  const done = await run(args);
  assert.equal(done.code, 0, `agnes ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done.stdout;
};
const value = async (sql) => Object.values(JSON.parse(await ok('query', sql, '-f', 'json'))[0])[0];

test('morning: the client, and a workspace over a network that breaks', async () => {
  const release = path.join(user.home, '.local/lib/agnes/0.0.1-0123456789ab');
  mkdirSync(release, { recursive: true });
  mkdirSync(path.join(user.home, '.local/bin'));
  copyFileSync(program, path.join(release, 'agnes'));
  symlinkSync(realpathSync(path.join(path.dirname(program), 'libduckdb.so')), path.join(release, 'libduckdb.so'));
  symlinkSync(path.join(release, 'agnes'), path.join(user.home, '.local/bin/agnes'));
  network.cutAfter = network.seen + 60_000;
  await ok('init', '--server-url', network.url, '--token', ana.token);
  assert.equal(network.cutAfter, Infinity, 'it broke');
  assert.equal(await value('SELECT count(*) FROM orders'), 200_000);
  assert.deepEqual(readdirSync(user.file('server/parquet')), ['orders.parquet'], 'and nothing that is not hers');
});

test('a session begins: its hooks run, and ask what has changed', async () => {
  site.put('orders.csv', 'id,total,customer\n1,2.5,a\n2,3.5,b\n');
  await site.sync();
  const { hooks } = JSON.parse(readFileSync(user.file('.claude/settings.json'), 'utf8'));
  user.transcript = path.join(user.home, '.claude/projects', user.workspace.replace(/[^A-Za-z0-9]/g, '-'), 'monday.jsonl');
  mkdirSync(path.dirname(user.transcript), { recursive: true });
  writeFileSync(user.transcript, JSON.stringify({ sessionId: 'monday', cwd: user.workspace, message: { content: `token ${ana.token}` } }) + '\n');
  for (const { hooks: [{ command }] } of hooks.SessionStart) {
    // Not a wait in this process, which is the network.
    const child = await user.run(['-c', command], {
      program: 'bash', input: JSON.stringify({ session_id: 'monday', transcript_path: user.transcript }),
      env: { PATH: `${user.home}/.local/bin:${process.env.PATH}` },
    });
    assert.deepEqual([child.code, child.stderr], [0, ''], command);
  }
  assert.equal(await value('SELECT sum(total) FROM orders'), '6.0');
});

test('work: a query here, one there, and a snapshot that stays', async () => {
  assert.equal(await value("SELECT total FROM orders WHERE customer = 'b'"), '3.5');
  assert.match(await ok('query', '--remote', 'SELECT max(id) AS most FROM orders', '-f', 'csv'), /^most\n2\n$/);
  const refused = await run(['query', '--remote', 'SELECT * FROM salaries']);
  assert.ok(refused.code > 0);
  await ok('snapshot', 'create', 'orders', '--where', 'id = 2', '--as', 'kept', '--no-estimate');
  await ok('pull');
  assert.equal(await value('SELECT count(*) FROM kept'), 1);
});

test('the session ends: its transcript is the server’s, without the token', async () => {
  await ok('push');
  const file = path.join(site.data, 'user_sessions', ana.id, 'monday.jsonl');
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).message.content, 'token [redacted]');
  const listed = must(200, await site.get('/api/upload/sessions', { token: ana.token })).json;
  assert.deepEqual(listed.files.map((f) => f.filename), ['monday.jsonl']);
  assert.match(await ok('push'), /^Uploaded 0 transcripts; 1 were there already\n$/);
});

test('the client is upgraded by the server’s package', async () => {
  await ok('self-upgrade', '--force');
  const link = readlinkSync(path.join(user.home, '.local/bin/agnes'));
  assert.ok(!link.includes('0.0.1-0123456789ab'), link);
  assert.ok(existsSync(path.join(path.dirname(link), 'libduckdb.so')));
  assert.equal(await value('SELECT count(*) FROM kept'), 1);
});

test('the server moves: the workspace goes along', async () => {
  await site.stop();
  const moved = await startServer({ data: site.data, config: site.config });
  try {
    const away = await run(['pull']);
    assert.ok(away.code > 0 && /^Error: [^\n]+\n$/.test(away.stderr), away.stderr);
    await ok('init', '--force', '--server-url', moved.url, '--token', ana.token);
    assert.equal(await value('SELECT sum(total) FROM orders'), '6.0');
    assert.equal(await value('SELECT count(*) FROM kept'), 1, 'the snapshot, too');
    assert.equal(execFileSync(path.join(user.home, '.local/bin/agnes'), ['--version'], { encoding: 'utf8' }).slice(0, 6), 'agnes ');
  } finally {
    await moved.stop();
  }
});
