// Profiles of tables, over HTTP.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin, ana, bob;

before(async () => {
  site = await startSite({
    'orders.csv': 'id,total,country\n1,2.5,CZ\n2,7,CZ\n3,,DE\n',
    'salaries.csv': 'name,amount\nCeo,1000\n',
  });
  await site.sync();
  admin = { token: site.admin.token };
  ana = { token: (await site.analyst('ana@example.com', ['orders'])).token };
  bob = { token: (await site.analyst('bob@example.com')).token };
});
after(() => site.stop());

const get = (table, as) => site.get(`/api/catalog/profile/${table}`, as);
const refresh = (table, as) => site.post(`/api/catalog/profile/${table}/refresh`, undefined, as);
// The profile once it says what is awaited.
const awaited = (table, says) =>
  site.until(`the profile of ${table}`, async () => {
    const answer = await get(table, admin);
    return answer.status === 200 && says(answer.json) && answer.json;
  });

test('nobody is asked to sign in, and what one may not read is not told from what is not there', async () => {
  for (const call of [get, refresh]) {
    assert.equal((await call('orders', {})).status, 401);
    assert.equal((await call('orders', bob)).status, 403);
    assert.equal((await call('salaries', ana)).status, 403);
    assert.equal((await call('nothing', ana)).status, 403);
    assert.equal((await call('nothing', admin)).status, 404);
    assert.equal((await call('ord*rs', admin)).status, 404);
    assert.equal((await call('..%2Forders', admin)).status, 404);
  }
});

test('a profile is made by those who may read the table, and read', async () => {
  assert.deepEqual(must(200, await refresh('orders', ana)).json, { status: 'ok', table: 'orders', columns: 3 });
  const profile = must(200, await get('orders', ana)).json;
  assert.equal(profile.table_id, 'orders');
  assert.equal(profile.row_count, 3);
  assert.equal(profile.missing_cells, 1);
  assert.ok(!('agnes_stamp' in profile));
  assert.deepEqual(profile.columns.map((c) => [c.name, c.type_category, c.null_count, c.unique_count]), [
    ['id', 'NUMERIC', 0, 3],
    ['total', 'NUMERIC', 1, 2],
    ['country', 'STRING', 0, 2],
  ]);
  assert.deepEqual(profile.columns[2].string_stats.top_values[0], { value: 'CZ', count: 2, pct: 66.67 });
  assert.deepEqual(profile.sample_rows[2], { id: '3', total: null, country: 'DE' });
  // Making it again changes nothing: it is of the same data.
  must(200, await refresh('orders', ana));
  assert.equal((await get('orders', ana)).json.profiled_at, profile.profiled_at);
});

test('metrics over the table are named', async () => {
  must(201, await site.post('/api/admin/metrics', { id: 'sales/count', name: 'count', display_name: 'Count', category: 'sales', table_name: 'orders', sql: 'SELECT count(*) FROM orders' }, admin));
  assert.deepEqual((await get('orders', ana)).json.used_by_metrics, [{ name: 'count', file: 'sales/count.yml' }]);
});

test('a sync that brings other data renews profiles in the background, but not those that do not want it', async () => {
  must(200, await refresh('salaries', admin));
  must(200, await site.request('PUT', '/api/admin/registry/salaries', { ...admin, json: { profile_after_sync: false } }));
  site.put('orders.csv', 'id,total,country\n1,2.5,CZ\n');
  site.put('salaries.csv', 'name,amount\nCeo,1000\nDev,900\n');
  site.put('fresh.csv', 'a\n1\n2\n');
  await site.sync();
  await awaited('orders', (profile) => profile.row_count === 1);
  assert.equal((await awaited('fresh', () => true)).row_count, 2);
  assert.equal((await get('salaries', admin)).json.row_count, 1);
});

test('a table without data has no profile', async () => {
  must(201, await site.post('/api/admin/register-table', { name: 'ghost', source_type: 'local' }, admin));
  assert.equal((await get('ghost', admin)).status, 404);
  assert.equal((await refresh('ghost', admin)).status, 404);
});
