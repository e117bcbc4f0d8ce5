// Work that waits (statements, sources) has threads and queues of its own: it is refused before it waits when these are
// full, and delays nobody else. No time is measured: what answers while the slow ones still run is not behind them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kEndless = 'SELECT sum(hash(a.range + b.range) % 7) FROM range(10000000) a, range(10000000) b';
// Of the server's executor for statements: what waits altogether, and what one caller has running and waiting.
const kQueue = 256;
const kOfOneCaller = 64;

test('statements that fill all places and the queue: others are answered, more statements are refused at once', async () => {
  const site = await startSite({ 'orders.csv': 'id\n1\n' }, { settings: 'query:\n  max_workers: 2\n  memory_mb: 128\n' });
  await site.sync();
  const people = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => site.analyst(`${name}@example.com`, ['orders'])));
  const [a, b, c, d, e] = people.map((person) => person.token);
  const executor = async (what, labels = '') => {
    const { text } = must(200, await site.get('/metrics', { token: site.admin.token }));
    return Number(new RegExp(`^agnes_executor_${what}\\{executor="query"${labels}\\} (\\d+)$`, 'm').exec(text)[1]);
  };
  const sent = [];
  let answered = 0;
  const send = (token, count) => {
    for (let i = 0; i < count; i += 1)
      sent.push(site.query(kEndless, token).then(() => (answered += 1), () => null));
  };
  const become = (what, count) => site.until(`${count} are ${what}`, async () => (await executor(what)) === count);
  // Each caller has one of the two places.
  send(a, 1);
  await become('running', 1);
  send(b, 1);
  await become('running', 2);
  assert.equal(await executor('limit'), 2);

  send(a, kOfOneCaller - 1);
  await become('queued', kOfOneCaller - 1);
  const own = must(429, await site.query('SELECT 1', a));
  assert.ok(Number(own.headers['retry-after']) > 0);
  assert.match(own.json.detail, /of yours/);

  send(b, kOfOneCaller - 1);
  send(c, kOfOneCaller);
  send(d, kOfOneCaller);
  send(e, kQueue - 4 * kOfOneCaller + 2);
  await become('queued', kQueue);
  const full = must(503, await site.query('SELECT 1', site.admin.token));
  assert.ok(Number(full.headers['retry-after']) > 0);
  must(503, await site.get('/api/v2/sample/orders', { token: e }));
  must(503, await site.post('/api/v2/scan', { table_id: 'orders' }, { token: e }));

  for (const token of [a, e, site.admin.token]) {
    assert.deepEqual(must(200, await site.get('/api/v2/catalog', { token })).json.tables.map((t) => t.id), ['orders']);
    must(200, await site.get('/api/sync/manifest', { token }));
  }
  must(200, await site.get('/api/health'));
  must(401, await site.post('/api/query', { sql: 'SELECT 1' }));
  assert.equal(answered, 0, 'all of them still run or wait');
  assert.equal(await executor('running'), 2);
  assert.equal(await executor('refused_total', ',bound="caller"'), 1);
  assert.equal(await executor('refused_total', ',bound="executor"'), 3);
  await site.kill();
  await Promise.all(sent);
});
