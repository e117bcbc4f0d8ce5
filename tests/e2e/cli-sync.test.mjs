// Syncs and jobs, as an administrator runs and watches them from the command line.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin, ana;
before(async () => {
  site = await startSite({ 'orders.csv': 'id,total\n1,10\n2,20\n', 'customers.csv': 'id\n1\n' });
  const join = async (token) => {
    const user = makeUser();
    const done = await user.run(['init', '--server-url', site.url, '--token', token]);
    assert.equal(done.code, 0, done.stderr);
    return user;
  };
  admin = await join(site.admin.token);
  ana = await join((await site.analyst('ana@example.com', [])).token);
});
after(async () => {
  admin?.remove();
  ana?.remove();
  await site.stop();
});
const rows = async (table) => must(200, await site.post('/api/query', { sql: `SELECT count(*) FROM ${table}` }, { token: site.admin.token })).json.rows[0][0];

test('a sync brings what is there and says so', async () => {
  const done = await admin.run(['admin', 'sync']);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^Synced: 2 tables in \d+ ms\.\n$/);
  assert.equal(await rows('orders'), 2);
});

test('some tables only; the others stay as they are', async () => {
  site.put('orders.csv', 'id,total\n1,10\n2,20\n3,30\n');
  site.put('customers.csv', 'id\n1\n2\n');
  assert.equal((await admin.run(['admin', 'sync', 'orders'])).code, 0);
  assert.deepEqual([await rows('orders'), await rows('customers')], [3, 1]);
  assert.equal((await admin.run(['admin', 'sync', 'orders, customers'])).code, 0);
  assert.equal(await rows('customers'), 2);
});

test('a file that cannot be read is named with its line, also one that was never a table', async () => {
  site.put('orders.csv', 'id,total\n1,10\n2\n');
  site.put('visits.csv', 'id,page\n1\n');
  const done = await admin.run(['admin', 'sync']);
  assert.equal(done.code, 7);
  assert.match(done.stderr, /^Error: orders: orders\.csv line 3 /m);
  assert.match(done.stderr, /^Error: visits: visits\.csv line 2 /m);
  assert.equal(await rows('orders'), 3, 'the last good version stays');
  const told = JSON.parse((await admin.run(['admin', 'sync', '--json'])).stdout);
  assert.equal(told.outcome, 'partly');
  assert.deepEqual(told.result.failed.map((item) => item.table).sort(), ['orders', 'visits']);
  site.put('orders.csv', 'id,total\n1,10\n');
  site.put('visits.csv', 'id,page\n1,2\n');
  assert.equal((await admin.run(['admin', 'sync'])).code, 0);
});

test('a name that is none is told with what comes close, and nothing is started', async () => {
  const result = await admin.run(['admin', 'sync', 'customers,ordrs']);
  assert.deepEqual([result.code, result.stderr], [4, 'Error: there is no table ordrs, so nothing was started; did you mean orders?\n']);
});

test('jobs are listed, run and cancelled by name', async () => {
  const list = await admin.run(['admin', 'jobs', 'list']);
  assert.equal(list.code, 0, list.stderr);
  assert.match(list.stdout, /^JOB +SCHEDULE +LAST RUN +OUTCOME/);
  assert.match(list.stdout, /^sync +every 15m +\S+ +ok +\d+ ms/m);
  assert.ok(JSON.parse((await admin.run(['admin', 'jobs', 'list', '--json'])).stdout).jobs.length >= 2);
  assert.equal((await admin.run(['admin', 'jobs', 'run', 'sync', '--input', '{'])).code, 2);
  const begun = await admin.run(['admin', 'jobs', 'run', 'sync', '--input', '{"all": true}']);
  assert.equal(begun.code, 0, begun.stderr);
  await site.idle();
  const idle = await admin.run(['admin', 'jobs', 'cancel', 'sync']);
  assert.equal(idle.code, 1);
  assert.match(idle.stderr, /^Error: cannot cancel the job sync: /);
  assert.equal((await admin.run(['admin', 'jobs', 'run', 'no-such'])).code, 4);
});

test('who is set up says so, and takes it back', async () => {
  const said = async (...args) => {
    const done = await ana.run(['onboarded', ...args]);
    assert.equal(done.code, 0, done.stderr);
    return done.stdout;
  };
  assert.equal(await said('off'), 'Onboarded: no\n');
  assert.equal(await said('status'), 'Onboarded: no\n');
  assert.equal(await said('on', '--source', 'agnes_init'), 'Onboarded: yes\n');
  assert.equal(await said('status'), 'Onboarded: yes\n');
  const wrong = await ana.run(['onboarded', 'on', '--source', 'elsewhere']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /source/);
});

test('not waiting; a table that is not there; who is not an administrator', async () => {
  assert.match((await admin.run(['admin', 'sync', '--no-wait'])).stdout, /^The sync is under way/);
  await site.idle();
  const unknown = await admin.run(['admin', 'sync', 'no_such']);
  assert.equal(unknown.code, 4);
  assert.match(unknown.stderr, /no_such/);
  for (const args of [['sync'], ['jobs', 'list'], ['jobs', 'run', 'sync'], ['jobs', 'cancel', 'sync']]) {
    const refused = await ana.run(['admin', ...args]);
    assert.equal(refused.code, 8, args.join(' '));
    assert.match(refused.stderr, /administrator|not allowed|HTTP 403/);
  }
});
