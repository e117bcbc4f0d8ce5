// Readers who take nothing, or go on reading when they may not any more: what they hold of the server, and who feels it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeExtract } from '../lib/duckdb.mjs';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin;
before(async () => {
  const data = temporaryFolder();
  // Text that does not get smaller: a download is larger than what the sockets of the two sides hold.
  await writeExtract(path.join(data, 'extracts/other'), {
    docs: "SELECT i AS id, repeat('x', 600000) AS body FROM range(40) r(i)",
    noise: "SELECT i AS id, array_to_string([md5((i * 100 + k)::VARCHAR) for k in range(60)], '') AS body FROM range(20000) r(i)",
    large: "SELECT i AS id, repeat('x', 1000) AS filling FROM range(700000) r(i)",
  });
  site = await startSite({}, { data, settings: 'query:\n  max_workers: 2\n' });
  await site.sync();
  admin = site.admin.token;
  for (const name of ['docs', 'noise', 'large']) must(201, await site.post('/api/admin/register-table', { name, source_type: 'local' }, { token: admin }));
});
after(() => site.stop());

const reset = () => writeFileSync(`/proc/${site.child.pid}/clear_refs`, '5');
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${site.child.pid}/status`, 'utf8'))[1]) / 1024;

// Sends a request and reads the first bytes of the answer, and no more until `rest()`: whether the answer came whole.
const ask = (method, target, token, json) =>
  new Promise((resolve) => {
    const body = json === undefined ? '' : JSON.stringify(json);
    const socket = net.connect(site.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    socket.once('data', (first) => {
      socket.pause();
      const head = first.toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN);
      let got = first.length - head.indexOf('\r\n\r\n') - 4;
      let end = first.subarray(-5);
      resolve({
        status: Number(head.slice(9, 12)),
        leave: () => socket.destroy(),
        rest: () =>
          new Promise((ended) => {
            socket.on('data', (chunk) => ((got += chunk.length), (end = Buffer.concat([end, chunk]).subarray(-5))));
            socket.once('close', () => ended(Number.isNaN(length) ? end.toString('latin1') === '0\r\n\r\n' : got === length));
            socket.resume();
          }),
      });
    });
  });

test('answers that nobody reads take little memory', async () => {
  await must(200, await site.get('/api/v2/sample/docs?n=40', { token: admin }));
  reset();
  const before = peak();
  const unread = [];
  for (let i = 0; i < 12; i += 1) unread.push(await ask('GET', '/api/v2/sample/docs?n=40', admin));
  assert.deepEqual(unread.map((answer) => answer.status), Array(12).fill(200));
  assert.ok(peak() - before < 150, `${before} MB before, ${peak()} MB at most since`);
  for (const answer of unread) answer.leave();
});

test('wishes for more data sets than there can be are refused', async () => {
  const names = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`a${i}`, true]));
  must(413, await site.post('/api/sync/settings', { datasets: names }, { token: admin }));
  must(413, await site.post('/api/sync/table-subscriptions', { tables: names }, { token: admin }));
});

test('a scan whose reader takes nothing is cut when its spool is full and others wait', async () => {
  const [slow, other] = [await site.analyst('slow@example.com', ['large']), await site.analyst('other@example.com', ['large'])];
  const held = await ask('POST', '/api/v2/scan', slow.token, { table_id: 'large' });
  await site.until('somebody else has their scan', async () => (await site.post('/api/v2/scan', { table_id: 'large', limit: 1 }, { token: other.token })).status === 200);
  await site.logged(/POST .api.v2.scan broke off.*takes less than 1 MB.s/);
  assert.equal(await held.rest(), false);
});

// What is read -> how it is asked for. Each is larger than what waits on the way to its reader.
const reads = {
  'a download': ['GET', '/api/data/noise/download'],
  'a query': ['POST', '/api/query', { sql: 'SELECT * FROM noise', limit: 100000 }],
  'a scan': ['POST', '/api/v2/scan', { table_id: 'noise' }],
};
const endings = {
  deactivation: (user) => site.patch(`/api/users/${user.id}`, { active: false }, { token: admin }),
  'the loss of its grant': async (user) => {
    const grants = must(200, await site.get('/api/admin/grants', { token: admin })).json;
    const grant = (grants.grants ?? grants).find((g) => g.group_id === user.group && g.resource_id === 'noise');
    return site.delete(`/api/admin/grants/${grant.id}`, { token: admin });
  },
  'leaving the group': (user) => site.delete(`/api/admin/groups/${user.group}/members/${user.id}`, { token: admin }),
};
for (const [what, request] of Object.entries(reads))
  for (const [why, end] of Object.entries(endings))
    test(`${what} is cut by ${why}`, async () => {
      const user = await site.analyst(`${what}-${why}@example.com`.replaceAll(' ', '-'), ['noise']);
      const [method, target, json] = request;
      const answer = await ask(method, target, user.token, json);
      assert.equal(answer.status, 200);
      assert.ok((await end(user)).status < 300);
      await site.logged(new RegExp(`${method} ${target.replaceAll('/', '.')} was cut.*who asked may not have it`));
      assert.equal(await answer.rest(), false);
      site.log = '';
    });

test('a grant that comes, or one of another person that goes, cuts nothing', async () => {
  const user = await site.analyst('stays@example.com', ['noise']);
  const other = await site.analyst('goes@example.com', ['docs']);
  const answer = await ask('GET', '/api/data/noise/download', user.token);
  await site.grant(user.group, 'docs');
  must(204, await site.delete(`/api/admin/groups/${other.group}`, { token: admin }));
  assert.equal(await answer.rest(), true);
});

test('a statement that runs when its account is deactivated is ended, and answers nothing', async () => {
  const user = await site.analyst('runs@example.com', ['docs']);
  const answer = site.query('SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * 7 % 13 = b.range % 11', user.token);
  await site.until('it runs', async () => /agnes_query_workers\{state="busy"\} 1/.test((await site.get('/metrics', { token: admin })).text));
  must(200, await site.patch(`/api/users/${user.id}`, { active: false }, { token: admin }));
  assert.equal((await answer).status, 401);
});
