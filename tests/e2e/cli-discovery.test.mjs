// `agnes admin discover-and-register` and `test-connection`: through a server, and asking Keboola from here.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { kbcTable, startKeboola } from '../fakes/keboola-storage.mjs';
import { makeUser } from '../lib/agnes.mjs';
import { startSite } from '../lib/site.mjs';

const token = 'kbc-secret';
let site, keboola, user;
before(async () => {
  keboola = await startKeboola({ token });
  site = await startSite({ 'orders.csv': 'id\n1\n', 'items.csv': 'id\n1\n' }, { env: { KEBOOLA_STACK_URL: keboola.url, KEBOOLA_STORAGE_TOKEN: token } });
});
after(async () => {
  await site.stop();
  await keboola.stop();
});
beforeEach(() => {
  user = makeUser();
  user.signIn(site.url, site.admin.token, site.admin.email);
  keboola.tables = [kbcTable('in.c-crm', 'contacts'), kbcTable('in.c-crm', 'orders'), kbcTable('in.c-crm', 'a"b')];
  keboola.requests.length = 0;
});
afterEach(() => user.remove());

const run = (args, env) => user.run(['admin', ...args], { env });
const ids = async () => (await site.get('/api/admin/registry', site.admin)).json.tables.map((row) => row.id);

test('the server asks its own source, or another, and tells what it did', async () => {
  const dry = await run(['discover-and-register', '--dry-run']);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^Would register 2 tables; 0 are registered already\.\n {2}items\n {2}orders\n$/);
  assert.deepEqual(await ids(), []);
  const made = await run(['discover-and-register', '--json']);
  assert.deepEqual(JSON.parse(made.stdout).tables, ['items', 'orders']);
  assert.match((await run(['discover-and-register'])).stdout, /^Registered 0 tables; 2 are registered already\.\n$/);

  const other = await run(['discover-and-register', '--source-type', 'keboola']);
  assert.equal(other.code, 0, other.stderr);
  assert.match(other.stdout, /^Registered 1 tables(.|\n)*in_c-crm_contacts(.|\n)*agnes admin grant create/);
  assert.match(other.stderr, /left alone: in_c-crm_orders is in\.c-crm\.orders at the source, but orders is registered/);
  assert.match(other.stderr, /cannot be registered: in\.c-crm\.a"b: a name is made of/);
  assert.equal(keboola.requests.length, 1);
  assert.match((await run(['discover-and-register', '--source-type', 'keboola', '--dataset', 'in.c-none'])).stderr, /no bucket in\.c-none/);
  const none = await run(['discover-and-register', '--source-type', 'oracle']);
  assert.deepEqual([none.code, /there is no source oracle/.test(none.stderr)], [1, true]);
});

test('with an address and a token Keboola is asked from here', async () => {
  const there = { KEBOOLA_STACK_URL: keboola.url, KEBOOLA_STORAGE_TOKEN: token };
  keboola.tables.push(kbcTable('in.c-erp', 'ledger'));
  const listed = await run(['discover-and-register', '--dry-run', '--json'], there);
  assert.deepEqual(JSON.parse(listed.stdout).at(-1), { id: 'in.c-erp.ledger', name: 'ledger', bucket: 'in.c-erp', rows: 3 });
  assert.match((await run(['discover-and-register', '--dry-run', '--url', keboola.url, '--token', token])).stdout, /ledger +in\.c-erp +3/);
  const made = await run(['discover-and-register'], there);
  assert.equal(made.code, 7);  // one of them has no name that a table can have
  assert.match(made.stdout, /Registered 1 tables; 2 names were taken already\./);
  assert.match(made.stderr, /cannot register a"b/);
  assert.ok((await ids()).includes('ledger'));

  const half = await run(['discover-and-register', '--url', keboola.url]);
  assert.deepEqual([half.code, /belong together/.test(half.stderr)], [2, true]);
  const wrong = await run(['discover-and-register', '--dry-run'], { ...there, KEBOOLA_STORAGE_TOKEN: 'another' });
  assert.deepEqual([wrong.code, /HTTP 401; check the token/.test(wrong.stderr)], [3, true]);
  keboola.faults.push({ body: '{}' });
  assert.match((await run(['discover-and-register', '--dry-run'], there)).stderr, /no list of tables/);
  for (const result of [listed, made, half, wrong]) assert.doesNotMatch(result.stdout + result.stderr, /kbc-secret/);
});

test('test-connection', async () => {
  assert.match((await run(['test-connection', 'files'])).stdout, /^files answers\.\n(.|\n)* {2}tables: 2\n/);
  assert.match((await run(['test-connection', 'keboola'])).stdout, /^keboola answers\.\n {2}project: Example project\n/);
  assert.equal(JSON.parse((await run(['test-connection', 'keboola', '--json'])).stdout).project_id, 77);
  keboola.faults.push({ status: 401, error: 'Invalid access token' });
  const refused = await run(['test-connection', 'keboola']);
  assert.deepEqual([refused.code, /cannot reach keboola: Keboola does not take the token.*KEBOOLA_STORAGE_TOKEN/.test(refused.stderr)], [5, true]);
  const unknown = await run(['test-connection', 'oracle']);
  assert.deepEqual([unknown.code, /there is no source oracle/.test(unknown.stderr)], [2, true]);
});
