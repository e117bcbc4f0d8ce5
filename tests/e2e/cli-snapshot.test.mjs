// agnes snapshot and agnes explore: the real client and a real server.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { startFake } from '../lib/fake-agnes.mjs';
import { startSite } from '../lib/site.mjs';

let site, ana, user;
before(async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => `${i},2026-01-${String((i % 28) + 1).padStart(2, '0')},${i}.25,"note, ${i}"`);
  site = await startSite({ 'orders.csv': `id,day,total,note\n${rows.join('\n')}\n`, 'secret.csv': 'a\n1\n' });
  await site.sync();
  ana = await site.analyst('ana@example.com', ['orders']);
});
after(() => site.stop());
beforeEach(async () => {
  user = makeUser();
  await ok('init', '--server-url', site.url, '--token', ana.token);
});
afterEach(() => user.remove());

const ok = async (...args) => {
  const done = await user.run(args);
  assert.equal(done.code, 0, `agnes ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done.stdout;
};
const fails = async (code, words, ...args) => {
  const done = await user.run(args);
  assert.deepEqual([done.code, words.test(done.stderr)], [code, true], done.stdout + done.stderr);
};
const create = (...args) => ok('snapshot', 'create', 'orders', ...args);
const rowsOf = async (sql) => JSON.parse(await ok('query', sql, '-f', 'json'));
const names = async () => JSON.parse(await ok('snapshot', 'list', '--json')).map((snapshot) => snapshot.name);
const folder = () => path.join(user.workspace, 'user/snapshots');

test('a part of a table becomes a table of the workspace, and survives pulls', async () => {
  const said = await create('--select', 'id, total', '--where', 'id < 10', '--order-by', 'id DESC', '--as', 'small');
  assert.match(said, /^Estimate for orders:\n(.|\n)*Fetched 10 rows, \d.*: agnes query "SELECT \* FROM small"\n$/);
  assert.deepEqual((await rowsOf('FROM small'))[0], { id: 9, total: '9.25' });
  await ok('pull');
  assert.equal((await rowsOf('FROM small')).length, 10);
  writeFileSync(path.join(user.workspace, 'user/duckdb/analytics.duckdb'), 'no database');
  await ok('pull');
  assert.equal((await rowsOf('FROM small')).length, 10);
  assert.equal((await rowsOf('SELECT count(*) AS n FROM orders'))[0].n, 5000);
  const [listed] = JSON.parse(await ok('snapshot', 'list', '--json'));
  const { fetched_at, effective_as_of, bytes_local, estimated_scan_bytes_at_fetch, result_hash_md5, ...rest } = listed;
  assert.deepEqual(rest, { name: 'small', table_id: 'orders', select: ['id', 'total'], where: 'id < 10', limit: null, order_by: ['id DESC'], rows: 10 });
  assert.deepEqual([fetched_at === effective_as_of, /^\d{4}-.*\+00:00$/.test(fetched_at), bytes_local > 0, /^[0-9a-f]{32}$/.test(result_hash_md5)], [true, true, true, true]);
  assert.match(await ok('snapshot', 'list'), /^NAME +ROWS +SIZE +AGE +TABLE +WHERE\nsmall +10 .* orders +id < 10\n$/);
  assert.equal(JSON.parse(await ok('disk-info', '--json')).snapshot_count, 1);
});

test('all types and values are those of the server', async () => {
  await create('--as', 'all_of_it');
  assert.deepEqual(await rowsOf('(FROM all_of_it EXCEPT FROM orders) UNION ALL (FROM orders EXCEPT FROM all_of_it)'), []);
  assert.deepEqual(await rowsOf("SELECT column_name, column_type FROM (DESCRIBE all_of_it)"), await rowsOf("SELECT column_name, column_type FROM (DESCRIBE orders)"));
});

test('--estimate fetches nothing and needs no workspace', async () => {
  const estimate = JSON.parse((await user.run(['snapshot', 'create', 'orders', '--estimate', '--no-estimate', '--json'], { cwd: user.home })).stdout);
  assert.equal(estimate.table_id, 'orders');
  assert.deepEqual(await names(), []);
  assert.ok(!existsSync(folder()));
});

test('what is there stays until all of the new one has come', async () => {
  await create('--where', 'id < 10', '--as', 'small');
  await fails(1, /there is a snapshot small already, of .* with 10 rows; agnes snapshot refresh small/, 'snapshot', 'create', 'orders', '--as', 'small');
  await fails(1, /cannot fetch|nope|column/, 'snapshot', 'create', 'orders', '--as', 'small', '--force', '--no-estimate', '--where', 'nope > 1');
  assert.equal((await rowsOf('FROM small')).length, 10);
  await create('--where', 'id < 20', '--as', 'small', '--force');
  assert.equal((await rowsOf('FROM small')).length, 20);
  assert.deepEqual(readdirSync(folder()).filter((name) => name.startsWith('.')), []);
});

test('refresh asks as before, or for other rows from then on', async () => {
  await create('--where', 'id < 10', '--as', 'small');
  assert.match(await ok('snapshot', 'refresh', 'SMALL'), /^Refreshed small: 10 rows \(\+0\), .*; nothing has changed\n$/);
  const changed = JSON.parse(await ok('snapshot', 'refresh', 'small', '--where', 'id < 12', '--json'));
  assert.deepEqual([changed.rows_before, changed.rows, changed.identical], [10, 12, false]);
  assert.equal(JSON.parse(await ok('snapshot', 'refresh', 'small', '--json')).rows, 12);
});

test('drop and prune remove the file, the description and the table', async () => {
  await create('--where', 'id < 10', '--as', 'one', '--ttl', '7d');
  await create('--where', 'id < 10', '--as', 'two', '--ttl', '0m');
  await create('--as', 'three');
  assert.match(await ok('snapshot', 'prune', '--dry-run'), /^Would drop two: /);
  assert.equal((await names()).length, 3);
  assert.match(await ok('snapshot', 'prune'), /^Dropped two: /);
  assert.equal(await ok('snapshot', 'prune', '--larger-than', '1g'), 'Nothing to drop.\n');
  assert.deepEqual(JSON.parse(await ok('snapshot', 'prune', '--older-than', '0h', '--larger-than', '10k', '--json')).map((s) => s.name), ['three']);
  await ok('snapshot', 'drop', 'one');
  assert.deepEqual([await names(), readdirSync(folder())], [[], []]);
  await fails(1, /one does not exist/, 'query', 'FROM one');
  await fails(2, /there is no snapshot one/, 'snapshot', 'drop', 'one');
});

test('bad input is refused before anything is fetched', async () => {
  await fails(1, /the workspace has the table orders itself; .*--as/, 'snapshot', 'create', 'orders', '--no-estimate');
  for (const name of ['a"b', '../x', '1st', '', 'x'.repeat(65)]) await fails(2, /cannot be the name of a snapshot/, 'snapshot', 'create', 'orders', '--as', name);
  for (const ttl of ['', '7', 'soon', '-1d', '7w']) await fails(2, /--ttl takes a time like/, 'snapshot', 'create', 'orders', '--as', 'x', `--ttl=${ttl}`);
  await fails(2, /--larger-than takes a size/, 'snapshot', 'prune', '--larger-than', 'big');
  await fails(8, /secret/, 'snapshot', 'create', 'secret', '--as', 'x', '--no-estimate');
  const outside = await user.run(['snapshot', 'create', 'orders', '--as', 'x'], { cwd: user.home });
  assert.match(outside.stderr, /there is no workspace with data here; agnes init/);
  assert.deepEqual(await names(), []);
});

test('no more disk is used than was allowed', async () => {
  const done = await user.run(['snapshot', 'create', 'orders', '--as', 'x'], { env: { AGNES_SNAPSHOT_QUOTA_GB: '0' } });
  assert.deepEqual([done.code, /snapshots may take 0 .* that is reached; .*AGNES_SNAPSHOT_QUOTA_GB/.test(done.stderr)], [1, true], done.stderr);
  assert.deepEqual(await names(), []);
});

test('an answer that is cut, or no Arrow stream, leaves nothing', async () => {
  const fake = await startFake({ token: ana.token });
  try {
    const other = makeUser();
    await other.run(['init', '--server-url', fake.url, '--token', fake.token]);
    for (const body of ['hello, this is no Arrow stream at all', '', { rows: [] }]) {
      fake.answers['POST /api/v2/scan'] = { body };
      const done = await other.run(['snapshot', 'create', 'orders', '--as', 'x', '--no-estimate']);
      assert.deepEqual([done.code, /not a well-formed Arrow stream|is cut/.test(done.stderr)], [5, true], done.stderr);
    }
    assert.deepEqual(readdirSync(path.join(other.workspace, 'user/snapshots')), []);
    other.remove();
  } finally {
    await fake.stop();
  }
});

test('explore shows a table of the workspace, and the server’s profile', async () => {
  const shown = JSON.parse(await ok('explore', 'ORDERS', '--json'));
  assert.deepEqual([shown.table, shown.row_count, shown.columns.map((c) => `${c.name} ${c.type} ${c.nullable}`), shown.sample_rows.length], ['orders', 5000, ['id BIGINT YES', 'day DATE YES', 'total DECIMAL(18,2) YES', 'note VARCHAR YES'], 5]);
  assert.match(await ok('explore', 'orders'), /^orders: 5,000 rows, 4 columns\nCOLUMN +TYPE\nid +BIGINT\n/);
  await fails(4, /the workspace has no table ordrs; did you mean orders\?/, 'explore', 'ordrs');
  await site.post('/api/catalog/profile/orders/refresh', undefined, { token: ana.token });
  assert.equal(JSON.parse(await ok('explore', 'orders', '--remote')).row_count, 5000);
  assert.ok(readFileSync(path.join(user.workspace, 'user/duckdb/analytics.duckdb')).length > 0);
});
