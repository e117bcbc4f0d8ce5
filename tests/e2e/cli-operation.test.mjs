// What an administrator does from the command line beside accounts: letting somebody in at one go, grants by name, settings,
// the audit log, metrics.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin, ana;

before(async () => {
  site = await startSite({ 'orders.csv': 'id\n1\n', 'Customers 2024.csv': 'id\n1\n', 'items.csv': 'id\n1\n' }, { settings: '    exclude: [draft.csv]\ninstance:\n  name: By hand\n' });
  await site.sync();
  admin = makeUser();
  admin.signIn(site.url, site.admin.token);
  ana = makeUser();
});
after(async () => {
  admin?.remove();
  ana?.remove();
  await site.stop();
});

const run = async (args, { as = admin, code = 0, input = '' } = {}) => {
  const done = await as.run(args, { input });
  assert.equal(done.code, code, `agnes ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done;
};
const ok = async (...args) => (await run(['admin', ...args])).stdout;
const ends = (code) => async (words, ...args) => assert.match((await run(['admin', ...args], { code })).stderr, words);
const fails = ends(1), usage = ends(2), unknown = ends(4);

test('somebody is let in with one command, and a second one says what they see', async () => {
  assert.match(await ok('add-user', 'ana@example.com', '--group', 'sales', '--password', 'a-long-password-1'), /in the group sales now\.$/m);
  assert.match(await ok('add-user', 'bob@example.com', '--group', 'Sales'), /in the group Sales now\.$/m);
  await ends(7)(/eve@example.com was added without a password: .*8 characters.*; agnes admin set-password eve@example.com\n$/, 'add-user', 'eve@example.com', '--group', 'Sales', '--password', 'short');
  assert.match(await ok('list-users'), /eve@example.com/);
  assert.match(await ok('group', 'members', 'sales'), /eve@example.com/);
  assert.match(await ok('access', 'ana@example.com'), /sees nothing yet/);
  assert.match(await ok('grant', 'create', 'sales', 'table', 'orders,Customers_2024'), /orders now.*\n.*customers_2024 now/);
  await run(['init', '--server-url', site.url], { as: ana, code: 1 });
  await run(['auth', 'login', '--server', site.url, '--email', 'ana@example.com', '--password', 'a-long-password-1'], { as: ana });
  assert.match((await run(['init'], { as: ana })).stdout, /Tables: 2 here/);
  assert.match(await ok('access', 'ana@example.com'), /table +customers_2024 +sales/);
  assert.deepEqual(JSON.parse(await ok('access', 'ana@example.com', '--json')).items.map((item) => item.resource_id).sort(), ['customers_2024', 'orders']);
  assert.match(await ok('access', 'admin@example.com'), /administrator and sees everything/);
  await unknown(/no user has the address/, 'access', 'nobody@example.com');
  await run(['admin', 'access', 'admin@example.com'], { as: ana, code: 8 });
});

test('grants: several, by name; nothing changes when one of them is not there; taken back the same way', async () => {
  const granted = async () => JSON.parse(await ok('grant', 'list', '--group', 'more', '--json')).map((grant) => grant.resource_id).sort();
  await ok('group', 'create', 'more');
  await unknown(/no table nope, so nothing was changed; agnes admin list-tables/, 'grant', 'create', 'more', 'table', 'orders, nope');
  for (const tables of ['orders, itms', 'itms']) await unknown(/no table itms, so nothing was changed; did you mean items\?/, 'grant', 'create', 'more', 'table', tables);
  assert.deepEqual(await granted(), []);
  assert.equal(await ok('grant', 'create', 'MORE', 'table', 'ORDERS'), 'The group more may see table orders now.\n');
  await ok('grant', 'create', 'more', 'table', 'orders,items,Customers_2024');
  assert.deepEqual(await granted(), ['customers_2024', 'items', 'orders']);
  await unknown(/has no grant for memory_domain finance/, 'grant', 'delete', 'more', 'memory_domain', 'finance');
  await ok('grant', 'delete', 'more', 'table', 'items,customers_2024');
  assert.deepEqual(await granted(), ['orders']);
  const [{ id }] = JSON.parse(await ok('grant', 'list', '--group', 'more', '--json'));
  await ok('grant', 'delete', id);
  assert.deepEqual(await granted(), []);
});

test('a table of files that is registered before its file comes', async () => {
  const early = await run(['admin', 'register-table', 'itms', '--source-type', 'files']);
  assert.match(early.stderr, /^Note: no file or sub-folder of .* makes the table itms yet \(is items meant\?\); bring it there, or correct the name$/m);
  assert.match(early.stdout, /^Registered itms\./);
  assert.match(await ok('register-table', 'later', '--source-type', 'files', '--dry-run'), /note: no file or sub-folder of .* makes the table later yet; /);
  await ok('unregister-table', '-y', 'itms');
  assert.match(await ok('test-connection', 'files'), /tables: \d/);
});

test('a misspelt table is told at the server, too, and none that one may not see', async () => {
  const asked = async (as, table) => (await run(['query', '--remote', `SELECT * FROM ${table}`], { as, code: 1 })).stderr;
  assert.match(await asked(ana, 'ordrs'), /did you mean orders\?$/m);
  assert.match(await asked(admin, 'itmes'), /did you mean items\?$/m);
  assert.doesNotMatch(await asked(ana, 'itmes'), /did you mean/);
});

test('the audit log', async () => {
  assert.match(await ok('audit', '--action', 'user.create'), /admin@example\.com +user\.create/);
  const page = JSON.parse(await ok('audit', '--limit', '1', '--json'));
  assert.equal(page.entries.length, 1);
  assert.ok(page.before);
  const told = await run(['admin', 'audit', '--limit', '1']);
  assert.match(told.stderr, new RegExp(`--before ${page.before}`));
  await fails(/since/, 'audit', '--since', 'yesterday');
  assert.equal(JSON.parse(await ok('audit', '--user', 'ana@example.com', '--action', 'user.*', '--json')).entries.length, 0);
  for (const user of ['nobody@example.com', 'nobody']) await unknown(/no user .*nobody/, 'audit', '--user', user);
  await unknown(/did you mean ana@example\.com\?/, 'audit', '--user', 'anna@example.com');
  await run(['admin', 'audit'], { as: ana, code: 8 });
});

test('settings are listed, changed, and changed back to what instance.yaml says', async () => {
  assert.match(await ok('settings', 'list'), /instance\.name +By hand/);
  assert.match(await ok('settings', 'list', 'email'), /email\.smtp_port +587 +default/);
  assert.match(await ok('settings', 'set', 'instance.name', 'Example Ltd'), /next start/);
  assert.match((await run(['admin', 'settings', 'list', 'instance.name'])).stdout, /Example Ltd/);
  assert.match(await ok('settings', 'set', 'instance.name', 'Example Ltd'), /Nothing to change/);
  await ok('settings', 'unset', 'instance.name');
  assert.match(await ok('settings', 'list', 'instance.name'), /By hand/);
  await ok('settings', 'set', 'data_source.files.exclude', 'draft.csv,*.bak');
  await ok('settings', 'set', 'email.smtp_port', '465');
  await ok('settings', 'set', 'data_source.files.auto_register', 'false');
  await ok('settings', 'set', 'data_source.files.tables.orders.description', 'One row an order');
  await run(['admin', 'settings', 'set', 'email.smtp_password'], { input: 'hunter-two\n' });
  const all = JSON.parse(await ok('settings', 'list', '--json')).sections;
  assert.deepEqual(all.email, { smtp_port: 465, smtp_password: '***' });
  assert.deepEqual(all.data_source.files, { path: site.source, exclude: ['draft.csv', '*.bak'], auto_register: false, tables: { orders: { description: 'One row an order' } } });
  await usage(/no setting that can be changed here; did you mean instance\.name\?/, 'settings', 'set', 'instance.nam', 'x');
  await usage(/no setting that can be changed here/, 'settings', 'unset', 'query.max_rows');
  await usage(/of the kind int/, 'settings', 'set', 'email.smtp_port', 'many');
  await fails(/email\.smtp_port/, 'settings', 'set', 'email.smtp_port', '0');
  const lost = await run(['admin', 'settings', 'set', 'data_source.files.path', '/nowhere']);
  assert.match(lost.stderr, /^Note: the folder of files '\/nowhere' cannot be read: No such file/m);
  await ok('settings', 'unset', 'data_source.files.path');
  for (const input of ['', 'n\n']) assert.match((await run(['admin', 'settings', 'set', 'auth.allowed_domain', 'example.com'], { code: 1, input })).stderr, /lock everybody out/);
  await ok('settings', 'set', '-y', 'auth.allowed_domain', 'example.com');
  await ok('settings', 'unset', '-y', 'auth.allowed_domain');
  await run(['admin', 'settings', 'list'], { as: ana, code: 8 });
});

test('a metric that was imported is deleted', async () => {
  const file = admin.file('revenue.yml');
  writeFileSync(file, 'name: revenue\ndisplay_name: Revenue\ncategory: finance\nsql: SELECT 1\n');
  await ok('metrics', 'import', file);
  await run(['admin', 'metrics', 'delete', 'finance/revenue'], { code: 1, input: 'n\n' });
  await unknown(/there is no metric revenue; did you mean finance\/revenue\?/, 'metrics', 'delete', '-y', 'revenue');
  assert.match(await ok('metrics', 'delete', '-y', 'Finance/Revenue'), /Deleted the metric finance\/revenue/);
  mkdirSync(admin.file('bad'));
  writeFileSync(admin.file('bad/a.yml'), '[');
  writeFileSync(admin.file('bad/b.yml'), '- 5');
  await fails(/a\.yml.*b\.yml: a metric is a mapping with a name/, 'metrics', 'import', admin.file('bad'));
  await unknown(/there is no metric finance\/revenue; agnes catalog --metrics/, 'metrics', 'delete', '-y', 'finance/revenue');
});
