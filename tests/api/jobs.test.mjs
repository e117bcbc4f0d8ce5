// Background jobs: list, start, cancel, the stream, and syncs by each table's own schedule.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { must, runServer, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin, ana;

before(async () => {
  site = await startSite({ 'orders.csv': 'id\n1\n', 'people.csv': 'id\n1\n' });
  await site.sync();
  admin = site.admin.token;
  ana = await site.analyst('ana@example.com', ['orders']);
});
after(() => site.stop());

const list = async () => must(200, await site.get('/api/admin/jobs', { token: admin })).json.jobs;
const job = async (name) => (await list()).find((j) => j.name === name);
const run = (name, token = admin, input = undefined) => site.post(`/api/admin/jobs/${name}/run`, input, { token });
const cancel = (name, token = admin) => site.post(`/api/admin/jobs/${name}/cancel`, undefined, { token });
const count = async (table) => (await site.query(`SELECT count(*) FROM "${table}"`, admin)).json.rows?.[0][0];

const ended = (name) =>
  site.until(`the job ${name} has ended`, async () => {
    const now = await job(name);
    return !now.running && now;
  });

// Reads server-sent events until `enough` says so of one: all that came.
function events(target, token, enough) {
  return new Promise((resolve, reject) => {
    const seen = [];
    let text = '';
    const request = http.get({ host: '127.0.0.1', port: site.port, path: target, headers: { authorization: `Bearer ${token}` }, agent: false }, (answer) => {
      assert.equal(answer.headers['content-type'], 'text/event-stream');
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => {
        text += chunk;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const block = text.slice(0, end).split('\n');
          text = text.slice(end + 2);
          const field = (name) => block.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
          if (!field('data')) continue;
          seen.push({ event: field('event'), data: JSON.parse(field('data')) });
          if (enough(seen.at(-1))) {
            request.destroy();
            resolve(seen);
          }
        }
      });
    });
    request.on('error', reject);
  });
}

for (const [method, target] of [
  ['GET', '/api/admin/jobs'], ['GET', '/api/admin/jobs/stream'], ['POST', '/api/admin/jobs/sync/run'], ['POST', '/api/admin/jobs/sync/cancel'],
]) {
  test(`${method} ${target}: 401 for nobody, 403 for an analyst`, async () => {
    assert.equal((await site.request(method, target)).status, 401);
    assert.equal((await site.request(method, target, { token: ana.token })).status, 403);
  });
}

test('the list tells of each job when it ran, how that went and when it runs next', async () => {
  const jobs = await list();
  const [rebuild, sync] = ['rebuild', 'sync'].map((name) => jobs.find((j) => j.name === name));
  assert.equal(sync.schedule, 'every 15m');
  assert.equal(sync.outcome, 'ok');
  assert.equal(sync.running, false);
  assert.equal(sync.error, null);
  assert.ok(sync.duration_ms >= 0);
  assert.ok(Date.parse(`${sync.next_run}Z`) - Date.parse(`${sync.last_run}Z`) > 80_000_000, 'after the grace');
  assert.equal(rebuild.schedule, null);
  assert.equal(rebuild.next_run, null);
});

test('docs/jobs.md has every job', async () => {
  const text = readFileSync(new URL('../../docs/jobs.md', import.meta.url), 'utf8');
  const documented = [...text.split('## Runs')[0].matchAll(/^\| `(\S+)` \|/gm)].map((row) => row[1]);
  assert.deepEqual(documented, (await list()).map((j) => j.name));
});

test('every job runs by its name, and its run is listed', async () => {
  for (const { name } of await list()) {
    if (['mail', 'remove-table'].includes(name)) continue;
    const { run: id } = must(202, await run(name)).json;
    const ran = await ended(name);
    assert.equal(ran.runs.find((r) => r.id === id)?.outcome, 'ok', `${name}: ${ran.error}`);
    assert.deepEqual([ran.queued, ran.failures], [0, []], name);
  }
});

test('input is checked before a job runs', async () => {
  const before = (await job('remove-table')).runs.length;
  for (const input of [undefined, 5, [], {}, { table: 'orders' }, { table: '', source_type: 'local' }, { table: 5, source_type: 'local' }])
    assert.equal((await run('remove-table', admin, input)).status, 422, JSON.stringify(input));
  assert.equal((await run('rebuild', admin, { tables: ['orders'] })).status, 422);
  assert.equal((await run('sync', admin, { tables: 'orders' })).status, 422);
  assert.equal((await job('remove-table')).runs.length, before);
  const one = must(202, await run('sync', admin, { tables: ['orders'] })).json;
  assert.equal((await ended('sync')).runs.find((r) => r.id === one.run).outcome, 'ok');
});

test('the data of a registered table is not removed by hand', async () => {
  must(202, await run('remove-table', admin, { table: 'orders', source_type: 'local' }));
  const done = await ended('remove-table');
  assert.deepEqual([done.outcome, done.runs[0].key], ['ok', 'orders of local']);
  assert.equal(await count('orders'), 1);
});

test('a sync of which a table failed says so, and is a warning', async () => {
  site.put('people.csv', 'id,name\n1\n');
  await site.sync();
  const done = await job('sync');
  assert.equal(done.outcome, 'partly');
  assert.equal(done.error, null);
  assert.match(done.failures[0], /^people: people\.csv line 2 /);
  const { services } = must(200, await site.get('/api/health/detailed', { token: admin })).json;
  assert.deepEqual([services.scheduler.status, services.scheduler.partly, services.scheduler.failed], ['warning', ['sync'], []]);
  site.put('people.csv', 'id\n1\n');
  await site.sync();
  assert.equal((await job('sync')).outcome, 'ok');
});

test('a job that does not exist, does not run, or cannot be started by name', async () => {
  for (const name of ['nope', 'a'.repeat(5000), '..%2fsync', "'", '%F0%9F%90%A2']) {
    assert.equal((await run(name)).status, 404, name);
    assert.equal((await cancel(name)).status, 404, name);
  }
  const idle = await cancel('rebuild');
  assert.equal(idle.status, 409);
  assert.match(idle.json.detail, /does not run/);
  assert.equal((await run('%00')).status, 400);
  assert.equal((await site.get('/api/admin/jobs/sync/run', { token: admin })).status, 405);
});

test('a started job is told on the stream and written to the audit log', async () => {
  site.put('orders.csv', 'id\n1\n2\n');
  let started = false;
  const seen = await events('/api/admin/jobs/stream', admin, ({ event, data }) => {
    if (event === 'jobs' && !started) {
      started = true;
      run('sync');
    }
    return event === 'job' && data.name === 'sync' && data.outcome === 'ok';
  });
  assert.equal(seen[0].event, 'jobs');
  assert.ok(seen[0].data.jobs.some((j) => j.name === 'sync'));
  assert.equal(seen.at(-1).data.running, false);
  assert.equal(await count('orders'), 2);
  const entries = must(200, await site.get('/api/admin/audit?action=job.run', { token: admin })).json.entries;
  assert.deepEqual([entries[0].resource, entries[0].user_id], ['job:sync', site.admin.id]);
});

test('a scheduled sync leaves tables alone that are not due, and finds new ones', async () => {
  must(200, await site.request('PUT', '/api/admin/registry/people', { token: admin, json: { sync_schedule: 'every 24h' } }));
  await site.sync();
  site.put('people.csv', 'id\n1\n2\n3\n');
  site.put('orders.csv', 'id\n1\n2\n3\n');
  site.put('fresh.csv', 'id\n1\n');
  must(202, await run('sync'));
  assert.equal((await ended('sync')).outcome, 'ok');
  assert.equal(await count('people'), 1, 'not due');
  assert.equal(await count('orders'), 3, 'no schedule: each time');
  assert.equal(await count('fresh'), 1, 'new');
  await site.sync(['people']);
  assert.equal(await count('people'), 3, 'asked for');
});

test('what was synced stays known over a restart, also as a job', async () => {
  const before = await job('sync');
  await site.stop();
  const again = await startServer({ data: site.data, config: site.config, env: { SCHEDULER_DATA_REFRESH_INTERVAL: '3700' } });
  for (const key of ['get', 'post', 'request', 'stop']) site[key] = again[key].bind(again);
  site.port = again.port;
  admin = again.admin.token;
  const after = await job('sync');
  assert.equal(after.last_run, before.last_run);
  assert.equal(after.outcome, 'ok');
  assert.equal(after.schedule, 'every 62m');
  await ended('rebuild');
  site.put('people.csv', 'id\n1\n');
  must(202, await run('sync'));
  await ended('sync');
  assert.equal(await count('people'), 3, 'still not due');
});

test('a running sync is cancelled; a second one is refused meanwhile', async () => {
  for (let i = 0; i < 400; ++i) site.put(`many_${i}.csv`, 'id\n1\n');
  must(202, await run('sync'));
  assert.equal((await run('sync')).status, 409);
  assert.equal((await site.post('/api/sync/trigger', undefined, { token: admin })).status, 409);
  assert.deepEqual(must(202, await cancel('sync')).json, { name: 'sync', status: 'cancelling' });
  assert.equal((await ended('sync')).outcome, 'cancelled');
});

test('an interval that is none ends the start with a line that names it', async () => {
  for (const value of ['0', '-5', '15m', '1e3']) {
    const { status, stderr } = await runServer(['--port', '0', '--data-dir', temporaryFolder()], { SCHEDULER_DATA_REFRESH_INTERVAL: value });
    assert.equal(status, 1, value);
    assert.match(stderr, /SCHEDULER_DATA_REFRESH_INTERVAL/);
  }
});

test('a removal that a kill cuts short is done by the next server; one of a table that is there is not', async () => {
  const first = await startSite({ 'gone.csv': 'id\n1\n', 'kept.csv': 'id\n1\n' });
  await first.sync();
  const file = path.join(first.data, 'extracts/files/data/gone.parquet');
  const queue = path.join(first.data, 'state/job-queue.json');
  must(204, await first.request('DELETE', '/api/admin/registry/gone', { token: first.admin.token }));
  await first.kill();
  const entry = (table) => ({ id: table, job: 'remove-table', input: { table, source_type: 'local', query_mode: 'local' }, attempts: 0, queued: '2026-01-01T00:00:00', next_attempt: null });
  const { runs } = JSON.parse(readFileSync(queue, 'utf8'));
  assert.ok(runs.every((r) => r.job === 'remove-table' && r.input.table === 'gone'));
  writeFileSync(queue, JSON.stringify({ format: 1, runs: [...(runs.length ? runs : [entry('gone')]), entry('kept')] }));
  const second = await startServer({ data: first.data, config: first.config });
  const token = second.admin.token;
  const removals = async () => must(200, await second.get('/api/admin/jobs', { token })).json.jobs.find((j) => j.name === 'remove-table');
  await second.until('both have ended', async () => (await removals()).runs.filter((r) => r.outcome === 'ok').length === 2);
  assert.ok(!existsSync(file));
  const answer = async (table) => (await second.post('/api/query', { sql: `SELECT count(*) FROM ${table}` }, { token })).status;
  assert.equal(await answer('kept'), 200);
  assert.notEqual(await answer('gone'), 200);
  await second.until('the queue is empty', () => JSON.parse(readFileSync(queue, 'utf8')).runs.length === 0);
  await second.stop();
});

test('a job starts by itself after the grace', async () => {
  const soon = await startSite({ 'orders.csv': 'id\n1\n' }, { env: { SCHEDULER_STARTUP_GRACE_SECONDS: '0', SCHEDULER_DATA_REFRESH_INTERVAL: '60' } });
  try {
    await soon.until('the table is there', async () => (await soon.manifest(soon.admin.token)).orders);
  } finally {
    await soon.stop();
  }
});
