// The connector of examples/notes_connector, as CONTRIBUTING.md shows it: one folder and one line in the list of modules.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bin, must, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const program = 'agnes-server-example';
const folder = temporaryFolder();
const put = (name, text) => writeFileSync(path.join(folder, name), text);
let site, admin, ana;
const register = (table) => site.post('/api/admin/register-table', table, admin);
const rows = async (sql) => must(200, await site.query(sql, admin.token)).json.rows;
const registered = async () => must(200, await site.get('/api/admin/registry', admin)).json.tables;

before(async () => {
  put('groceries.txt', 'bread\nmilk, "fresh"\n');
  put('ideas.txt', 'sleep more\n');
  const config = temporaryFolder();
  writeFileSync(path.join(config, 'instance.yaml'), `data_source:\n  type: notes\n  notes:\n    folder: ${folder}\n`);
  site = await startSite({}, { config, program });
  admin = { token: site.admin.token };
});
after(() => site.stop());

test('what it offers is found, registered, brought and queried', async () => {
  const found = must(200, await site.get('/api/admin/discover-tables', admin)).json;
  assert.deepEqual([found.source, found.tables.map((t) => [t.name, t.registered])], ['notes', [['groceries', false], ['ideas', false]]]);
  assert.equal(must(200, await site.post('/api/admin/discover-and-register', {}, admin)).json.registered, 2);
  await site.sync();
  assert.deepEqual(await rows('SELECT line, text FROM groceries ORDER BY line'), [[1, 'bread'], [2, 'milk, "fresh"']]);
  const listed = must(200, await site.get('/api/v2/catalog', admin)).json.tables.find((t) => t.id === 'ideas');
  assert.deepEqual([listed.source_type, listed.query_mode, listed.sql_flavor], ['notes', 'local', 'duckdb']);
  ana = await site.analyst('ana@example.com', ['groceries']);
  assert.deepEqual(Object.keys(await site.manifest(ana.token)), ['groceries']);
  assert.equal((await site.query('SELECT * FROM ideas', ana.token)).status, 403);
});

test('a table by hand goes by the rules of its source', async () => {
  assert.equal((await register({ name: 'lists', source_type: 'notes', source_table: '../groceries' })).status, 400);
  assert.equal((await register({ name: 'lists', source_type: 'notes', sync_strategy: 'incremental', primary_key: 'line' })).status, 422);
  assert.equal((await register({ name: 'lists', source_type: 'nonsense' })).status, 422);
  must(201, await register({ name: 'lists', source_type: 'notes', source_table: 'groceries' }));
  await site.sync(['lists']);
  assert.deepEqual(await rows('SELECT count(*) FROM lists'), [[2]]);
});

test('a note that is gone fails alone, and an unregistered one leaves', async () => {
  rmSync(path.join(folder, 'groceries.txt'));
  put('ideas.txt', 'sleep more\neat less\n');
  await site.sync();
  assert.deepEqual(await rows('SELECT count(*) FROM ideas'), [[2]]);
  assert.deepEqual(await rows('SELECT count(*) FROM groceries'), [[2]], 'the last good version stays');
  const row = (await registered()).find((t) => t.id === 'groceries');
  assert.match(row.last_sync_error, /groceries\.txt cannot be read.*Bring the file back/);
  must(204, await site.delete('/api/admin/registry/lists', admin));
  await site.until('the table is gone', async () => (await site.query('SELECT * FROM lists', admin.token)).status !== 200);
});

test('its settings are listed and in the form, and it can be tested and set up', async () => {
  const listed = JSON.parse(execFileSync(path.join(bin, program), ['settings', '--json'], { encoding: 'utf8' }));
  assert.ok(JSON.stringify(listed).includes('data_source.notes.folder'));
  const fields = must(200, await site.get('/api/admin/server-config', admin)).json.known_fields.data_source;
  assert.ok(fields.type.options.includes('notes'));
  assert.equal(fields.notes.fields.folder.kind, 'string');
  assert.equal(must(200, await site.post('/api/admin/notes/test-connection', {}, admin)).json.tables, 1);
  assert.equal((await site.post('/api/admin/configure', { data_source: 'notes' }, admin)).status, 400);
  assert.equal((await site.post('/api/admin/configure', { data_source: 'notes', notes_folder: 5 }, admin)).status, 422);
  const other = temporaryFolder();
  assert.equal(must(200, await site.post('/api/admin/configure', { data_source: 'notes', notes_folder: other }, admin)).json.connection, 'not_checked');
  assert.equal(must(200, await site.post('/api/admin/notes/test-connection', {}, admin)).json.folder, other);
  const api = must(200, await site.get('/openapi.json')).json;
  assert.ok(JSON.stringify(api.components.schemas['operation.Configure']).includes('notes_folder'));
});

test('beside a folder of files it brings what is registered', async () => {
  const both = await startSite({ 'orders.csv': 'id\n1\n' }, { settings: `  notes:\n    folder: ${folder}\n`, program });
  must(201, await both.post('/api/admin/register-table', { name: 'ideas', source_type: 'notes' }, { token: both.admin.token }));
  await both.sync();
  const { rows: counts } = must(200, await both.query('SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM ideas)', both.admin.token)).json;
  assert.deepEqual(counts, [[1, 2]]);
  await both.stop();
});

test('the server without it knows nothing of it', async () => {
  const config = temporaryFolder();
  writeFileSync(path.join(config, 'instance.yaml'), 'data_source:\n  type: notes\n');
  await assert.rejects(startServer({ config }), /data_source\.type/);
});
