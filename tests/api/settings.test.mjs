// What each person wishes to sync: data sets and tables, for oneself only, and only what one may read.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { must, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, ana, bob, admin;
const data = temporaryFolder();

before(async () => {
  site = await startSite({ 'orders.csv': 'id\n1\n', 'people.csv': 'id\n1\n', 'films.csv': 'id\n1\n' }, { data });
  await site.sync();
  admin = { token: site.admin.token };
  ana = await site.analyst('ana@example.com', ['orders', 'people']);
  bob = await site.analyst('bob@example.com', ['orders']);
});
after(() => site.stop());

const wish = (who, datasets) => site.post('/api/sync/settings', { datasets }, who);
const subscribe = (who, body) => site.post('/api/sync/table-subscriptions', body, who);
const put = (who, json) => site.request('PUT', '/api/settings/dataset', { ...who, json });
const one = (who, dataset, enabled) => put(who, { dataset, enabled });
const settings = async (who, of = site) => must(200, await of.get('/api/sync/settings', who)).json;
const enabled = async (who, of = site) => (await settings(who, of)).enabled_datasets;

test('nobody wishes for anything at first', async () => {
  const { user_id } = await settings(ana);
  assert.ok(user_id);
  assert.deepEqual(await settings(ana), { user_id, settings: [], enabled_datasets: [] });
  assert.deepEqual(must(200, await site.get('/api/sync/table-subscriptions', ana)).json, { user_id, subscriptions: [] });
  assert.deepEqual(must(200, await site.get('/api/settings', ana)).json, { user_id, sync_settings: [] });
});

test('what one way switches, each way shows, and to nobody else', async () => {
  assert.deepEqual(must(200, await wish(ana, { orders: true, people: false })).json, { updated: { orders: { enabled: true }, people: { enabled: false } } });
  assert.deepEqual(must(200, await subscribe(ana, { table_mode: 'explicit', tables: { people: true } })).json, { table_mode: 'explicit', updated: 1 });
  assert.deepEqual(await enabled(ana), ['orders', 'people']);
  assert.deepEqual(must(200, await one(ana, 'orders', false)).json, { dataset: 'orders', enabled: false });
  const { user_id, settings: rows } = await settings(ana);
  assert.deepEqual(rows.map((r) => [r.user_id, r.dataset, r.enabled, r.table_mode, r.tables]), [[user_id, 'orders', false, 'all', null], [user_id, 'people', true, 'all', null]]);
  assert.ok(rows.every((r) => /^20\d\d-/.test(r.updated_at)));
  assert.deepEqual(must(200, await site.get('/api/sync/table-subscriptions', ana)).json.subscriptions, rows);
  assert.deepEqual(must(200, await site.get('/api/settings', ana)).json.sync_settings, rows);
  for (const other of [bob, admin]) assert.deepEqual((await settings(other)).settings, []);
  // A wish is not a permission, and its absence none taken away.
  assert.deepEqual(Object.keys(await site.manifest(ana.token)).sort(), ['orders', 'people']);
});

test('what may not be read cannot be wished for, and is not told from what is not there', async () => {
  for (const name of ['films', 'nope', '../orders', '']) {
    assert.deepEqual(must(200, await wish(bob, { orders: true, [name]: true })).json.updated, { orders: { enabled: true }, [name]: { error: 'no permission' } });
    const refused = [await subscribe(bob, { tables: { orders: false, [name]: true } }), await one(bob, name, true)];
    for (const answer of refused) assert.equal(answer.status, 403, answer.text);
    assert.deepEqual(await enabled(bob), ['orders'], 'refused as a whole');
  }
  const text = async (name) => (await one(bob, name, true)).text.replaceAll(name, 'X');
  assert.equal(await text('films'), await text('nope'));
  // An administrator may wish for what is still to come.
  assert.deepEqual(must(200, await wish(admin, { later: true })).json.updated, { later: { enabled: true } });
});

test('each field wrong in turn is named, and nothing changes', async () => {
  const before = await settings(ana);
  for (const [send, wrong] of [
    [(body) => site.post('/api/sync/settings', body, ana), [[{}, 'datasets'], ...[null, 5, 'orders', [], ['orders'], { orders: 'yes' }, { orders: null }, { orders: 1.5 }].map((datasets) => [{ datasets }, 'datasets'])]],
    [(body) => subscribe(ana, body), [...['some', 5, null, []].map((table_mode) => [{ table_mode, tables: { orders: true } }, 'table_mode']),
      ...[5, 'orders', [], { orders: 'yes' }, { orders: [] }].map((tables) => [{ tables }, 'tables'])]],
    [(body) => put(ana, body), [[{ enabled: true }, 'dataset'], [{ dataset: 'orders' }, 'enabled'],
      ...[5, null, [], {}].map((dataset) => [{ dataset, enabled: true }, 'dataset']), ...['maybe', null, [], {}].map((value) => [{ dataset: 'orders', enabled: value }, 'enabled'])]],
  ]) {
    for (const [body, field] of wrong) {
      const answer = await send(body);
      assert.equal(answer.status, 422, `${JSON.stringify(body)}: ${answer.text}`);
      assert.ok(answer.json.detail.some((problem) => problem.loc[1] === field), answer.text);
    }
    for (const body of [[], 5, 'text']) assert.equal((await send(body)).status, 422);
  }
  assert.deepEqual(await settings(ana), before);
});

test('wishes outlive the server, and go with the table', async () => {
  must(200, await wish(bob, { orders: true }));
  await site.stop();
  site = Object.assign(await startServer({ data, config: site.config }), { config: site.config });
  admin = { token: site.admin.token };
  assert.deepEqual(await enabled(ana), ['people']);
  must(204, await site.delete('/api/admin/registry/people', admin));
  assert.deepEqual((await settings(ana)).settings.map((r) => r.dataset), ['orders']);
  assert.deepEqual(await enabled(bob), ['orders']);
});
