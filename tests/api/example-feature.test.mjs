// The feature of examples/bookmarks, as CONTRIBUTING.md shows it: one folder and one line in the list of modules.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bin, must, startServer } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const program = 'agnes-server-example';
let site, admin, ana;
before(async () => {
  site = await startSite({ 'orders.csv': 'id,total\n1,2.5\n', 'films.csv': 'id\n1\n' }, { settings: 'bookmarks:\n  most_per_user: 1\n', program });
  await site.sync();
  admin = { token: site.admin.token };
  ana = { token: (await site.analyst('ana@example.com', ['orders'])).token };
});
after(() => site.stop());

test('routes: works, not signed in, not allowed, bad input', async () => {
  const put = (table, json, who) => site.request('PUT', `/api/bookmarks/${table}`, { json, ...who });
  const made = must(200, await put('orders', { note: 'by country' }, ana)).json;
  assert.deepEqual([made.table_id, made.note], ['orders', 'by country']);
  assert.deepEqual(must(200, await site.get('/api/bookmarks', ana)).json.bookmarks.map((b) => b.table_id), ['orders']);
  assert.deepEqual(must(200, await site.get('/api/bookmarks', admin)).json.bookmarks, []);
  assert.equal((await site.get('/api/bookmarks')).status, 401);
  assert.equal((await put('films', {}, ana)).status, 403);
  assert.equal((await put('nothing', {}, admin)).status, 404);
  assert.equal((await put('orders', { note: 1 }, ana)).status, 422);
  must(204, await site.delete('/api/bookmarks/orders', ana));
  assert.equal((await site.delete('/api/bookmarks/orders', ana)).status, 404);
});

test('the setting is in force, listed, and held to its range', async () => {
  const put = (table) => site.request('PUT', `/api/bookmarks/${table}`, { json: {}, ...admin });
  must(200, await put('orders'));
  assert.equal((await put('films')).status, 409);
  const listed = JSON.parse(execFileSync(path.join(bin, program), ['settings', '--json'], { encoding: 'utf8' }));
  assert.ok(JSON.stringify(listed).includes('bookmarks.most_per_user'));
  await assert.rejects(startSite({}, { settings: 'bookmarks:\n  most_per_user: 0\n', program }), /bookmarks\.most_per_user/);
});

test('the job is listed and runs by name; health and metrics have their part', async () => {
  const jobs = must(200, await site.get('/api/admin/jobs', admin)).json;
  assert.ok(JSON.stringify(jobs).includes('bookmarks-cleanup'));
  must(202, await site.post('/api/admin/jobs/bookmarks-cleanup/run', {}, admin));
  assert.equal(must(200, await site.get('/api/health/detailed', admin)).json.services.bookmarks.status, 'ok');
  assert.match(must(200, await site.get('/metrics', admin)).body.toString(), /^agnes_bookmarks \d+$/m);
});

test('the table of the state database is kept from one start to the next', async () => {
  await site.stop();
  const again = await startServer({ data: site.data, config: site.config, program });
  const listed = must(200, await again.get('/api/bookmarks', { token: again.admin.token })).json;
  assert.deepEqual(listed.bookmarks.map((b) => b.table_id), ['orders']);
  await again.stop();
});
