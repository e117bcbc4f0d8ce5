// What is wrong with files and their settings, and where an operator learns of it: one table of wrong things, each told at
// every door (the job, `agnes admin sync`, health, metrics, `agnes diagnose`) with what to do, and gone once it is mended.
import assert from 'node:assert/strict';
import http from 'node:http';
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeUser } from '../lib/agnes.mjs';
import { must, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const signedIn = (server, token = server.admin.token) => {
  const user = makeUser();
  user.signIn(server.url, token);
  return user;
};

// The numbers of agnes_problems that are not 0, by kind.
async function metrics(server) {
  const { text } = must(200, await server.get('/metrics', { token: server.admin.token }));
  const found = [...text.matchAll(/^agnes_problems\{(.*)\} (\d+)$/gm)];
  assert.ok(found.length >= 10, 'kinds are there before anything is wrong');
  for (const [, labels] of found) assert.match(labels, /^kind="[a-z_]+"$/, 'no names of tables');
  return Object.fromEntries(found.filter(([, , count]) => count !== '0').map(([, labels, count]) => [labels.slice(6, -1), Number(count)]));
}

// What each door says after a sync.
async function ask(server, user) {
  const sync = await user.run(['admin', 'sync']);
  const { jobs } = must(200, await server.get('/api/admin/jobs', { token: server.admin.token })).json;
  const health = must(200, await server.get('/api/health/detailed', { token: server.admin.token })).json;
  const diagnose = await user.run(['diagnose']);
  assert.equal(diagnose.code, health.status === 'healthy' ? 0 : 7, diagnose.stderr);
  return { sync, job: jobs.find((job) => job.name === 'sync'), health, data: health.services.data, metrics: await metrics(server), diagnose: diagnose.stdout };
}

// All doors name these things, as lines that `expected` match, by kind, and nothing else.
function assertTold(doors, expected, { outcome = 'partly' } = {}) {
  const kinds = {};
  for (const { kind } of expected) kinds[kind] = (kinds[kind] ?? 0) + 1;
  assert.deepEqual(doors.metrics, kinds);
  assert.equal(doors.job.outcome, outcome, doors.job.error);
  assert.equal(doors.sync.code, outcome === 'partly' ? 7 : 1, doors.sync.stdout);
  const errors = doors.sync.stderr.split('\n').filter((line) => line.startsWith('Error: '));
  const health = [...doors.data.failures.map((f) => `${f.table}: ${f.error}`), ...doors.data.problems.map((p) => p.message)];
  assert.equal(doors.health.status, 'degraded');
  assert.equal(doors.data.status, 'warning');
  assert.match(doors.diagnose, /^Overall: degraded\n/);
  for (const { kind, said } of expected) {
    const told = (lines, door) => assert.ok(lines.some((line) => said.test(line)), `${door}: ${said}\n${lines.join('\n')}`);
    told(errors, 'admin sync');
    told(health, 'health');
    told(doors.diagnose.split('\n').filter((line) => line.startsWith('Next: ')), 'diagnose');
    if (outcome === 'partly') told(doors.job.failures, 'job');
    else assert.match(doors.job.error, said);
    assert.ok([...doors.data.failures, ...doors.data.problems].some((p) => p.kind === kind), kind);
  }
  assert.equal(errors.length, expected.length, doors.sync.stderr);
  assert.equal(health.length, expected.length, health.join('\n'));
}
function assertWell(doors) {
  assert.equal(doors.sync.code, 0, doors.sync.stderr);
  assert.deepEqual(doors.metrics, {});
  assert.equal(doors.job.outcome, 'ok', doors.job.error);
  assert.deepEqual([doors.data.failures, doors.data.problems, doors.data.status], [[], [], 'ok']);
  assert.equal(doors.health.status, 'healthy');
}

describe('files', () => {
  let site, admin;
  const good = { 'orders.csv': 'id\n1\n', 'monthly/2024-01.csv': 'id\n1\n', 'kept.csv': 'id\n1\n' };
  const file = (name) => path.join(site.source, name);
  const latin1 = (name) => Buffer.concat([Buffer.from(`${site.source}/`), Buffer.from(name, 'latin1')]);
  before(async () => {
    site = await startSite(good);
    admin = signedIn(site);
    await site.sync();
  });
  after(async () => {
    admin?.remove();
    await site?.stop();
  });

  const away = () => path.join(path.dirname(site.source), `${path.basename(site.source)}-away`);
  // name: what to put (name -> content, null: take it away) or do; the kind; what is said, cause and next step.
  const wrong = {
    'a stray file in the folder of a table': [{ 'monthly/z.json': '[{"id":1}]' }, 'mixed', /monthly: folder 'monthly' is not a table: 'monthly\/2024-01\.csv' and 'monthly\/z\.json' are of different formats; move /],
    'a folder of two formats that never was a table': [{ 'mixed/a.csv': 'id\n1\n', 'mixed/b.parquet': 'PAR1' }, 'mixed', /folder 'mixed' is not a table: .*; move /],
    'two files of one name': [{ 'sales.csv': 'id\n1\n', 'Sales.json': '[{"id":1}]' }, 'collision', /'Sales\.json', 'sales\.csv' would all be the table 'Sales', .*rename all but one/],
    'a second file for the name of a table': [{ 'orders.json': '[{"id":1}]' }, 'collision', /orders: 'orders\.csv', 'orders\.json' would all .*rename all but one/],
    'a name that is refused': [{ 'Žluťoučký kůň.csv': 'id\n1\n' }, 'refused', /'Žluťoučký kůň\.csv' is refused: a table's name is of letters a-z, digits and '_'; rename it/],
    'a name that is no text': [() => writeFileSync(latin1('müller.csv'), 'id\n1\n'), 'refused', /'m\\xFCller\.csv' is refused: its name is not UTF-8; rename it/, () => unlinkSync(latin1('müller.csv'))],
    'a link that leads out': [() => symlinkSync('/etc/hostname', file('out.csv')), 'refused', /'out\.csv' is refused: it is a link that leads out of the folder; put the file itself/, () => rmSync(file('out.csv'))],
    'a link in the folder of a table': [() => symlinkSync('/etc/hostname', file('monthly/out.csv')), 'refused', /monthly: 'monthly\/out\.csv' is refused: .*; put the file itself/, () => rmSync(file('monthly/out.csv'))],
    'a link to a folder': [() => symlinkSync('monthly', file('linked')), 'refused', /'linked' is refused: it is a link to a folder; put /, () => rmSync(file('linked'))],
    'a ragged file of a table': [{ 'orders.csv': 'id\n1,2\n' }, 'malformed', /orders: orders\.csv line 2 .*; correct that line; its last good version stays$/],
    'a ragged file that never was a table': [{ 'visits.csv': 'id\n1,2\n' }, 'malformed', /visits: visits\.csv line 2 .*; correct that line$/],
    'no Parquet file': [{ 'p.parquet': 'PAR1' }, 'malformed', /p: p\.parquet .*; correct or replace the file$/],
    'an archive that is cut off': [{ 'g.csv.gz': gzipSync('id\n' + '1\n'.repeat(1000)).subarray(0, 20) }, 'damaged', /g: g\.csv\.gz is cut off: copy it again$/],
    'a table without its file': [{ 'orders.csv': null }, 'missing', /orders: the source has no table 'orders': bring it back there, or take it out of the registry/],
    'an empty folder where tables were': [Object.fromEntries(Object.keys(good).map((name) => [name, null])), 'empty', /the folder of files '.*' is empty, so its 3 tables are kept as they were: mount its disk, or correct data_source\.files\.path/],
    'no folder': [() => renameSync(site.source, away()), 'source', /the folder of files '.*' cannot be read: No such file or directory; mount its disk, or correct data_source\.files\.path/, () => renameSync(away(), site.source)],
  };
  for (const [name, [what, kind, said, undo]] of Object.entries(wrong))
    test(`${name} is told at every door until it is mended`, async () => {
      if (typeof what === 'function') what();
      else for (const [file_, content] of Object.entries(what)) content === null ? rmSync(file(file_)) : site.put(file_, content);
      const outcome = kind === 'source' ? 'failed' : 'partly';
      try {
        assertTold(await ask(site, admin), [{ kind, said }], { outcome });
        assertTold(await ask(site, admin), [{ kind, said }], { outcome });
        if (kind !== 'missing') assert.equal(must(200, await site.query('SELECT count(*) FROM orders', site.admin.token)).json.rows[0][0], 1);
      } finally {
        if (undo) undo();
        else for (const file_ of Object.keys(what)) good[file_] ? site.put(file_, good[file_]) : rmSync(file(file_));
        rmSync(file('mixed'), { recursive: true, force: true });
      }
      assertWell(await ask(site, admin));
    });

  test('a sync of some tables ends with what is wrong with these', async () => {
    site.put('Sales (ž).csv', 'id\n1\n');
    site.put('kept.csv', 'id\n1,2\n');
    assert.equal((await admin.run(['admin', 'sync'])).code, 7);
    const done = await admin.run(['admin', 'sync', 'ORDERS']);
    assert.deepEqual([done.code, done.stderr], [0, 'Note: something is wrong with other tables, too: agnes diagnose\n']);
    assert.match(done.stdout, /^Synced: /);
    const told = JSON.parse((await admin.run(['admin', 'sync', 'orders', '--json'])).stdout);
    assert.deepEqual([told.outcome, told.failures, told.result.failed, told.result.problems], ['ok', [], [], []]);
    const bad = await admin.run(['admin', 'sync', 'orders,kept']);
    assert.equal(bad.code, 7);
    assert.match(bad.stderr, /^Error: kept: kept\.csv line 2 /m);
    assert.doesNotMatch(bad.stderr, /Sales/);
    rmSync(file('Sales (ž).csv'));
    site.put('kept.csv', 'id\n1\n');
    assertWell(await ask(site, admin));
  });

  test('what is no table by what it holds is a note, and nothing is wrong', async () => {
    site.put('document.json', '{"a": {"b": [1, 2]}, "c": {"d": 1}}');
    const doors = await ask(site, admin);
    assertWell(doors);
    assert.match(doors.sync.stderr, /^Note: document\.json is not a table: /m);
    assert.deepEqual(doors.job.result.notes.map((note) => [note.kind, note.source, note.table]), [['not_a_table', 'local', 'document']]);
    rmSync(file('document.json'));
  });

  test('ten broken files are all named, of sixty those that a screen can take; others see nothing of them', async () => {
    for (let i = 10; i < 20; i++) site.put(`broken${i}.csv`, 'id\n1,2\n');
    const ten = await ask(site, admin);
    for (let i = 10; i < 20; i++) assert.match(ten.diagnose, new RegExp(`^Next: broken${i}: broken${i}\\.csv line 2 `, 'm'));
    assert.equal(ten.metrics.malformed, 10);
    assert.doesNotMatch(ten.diagnose, /more/);
    for (let i = 20; i < 70; i++) site.put(`broken${i}.csv`, 'id\n1,2\n');
    const sixty = await ask(site, admin);
    assert.equal(sixty.sync.stderr.match(/^Error: broken/gm).length, 60);
    assert.equal(sixty.diagnose.match(/^Next: broken/gm).length, 50);
    assert.match(sixty.diagnose, /^Next: and 10 more: agnes diagnose --json has them all$/m);
    const json = JSON.parse((await admin.run(['diagnose', '--json'])).stdout);
    assert.equal(json.checks.find((check) => check.name === 'data').failures.length, 60);

    const ana = signedIn(site, (await site.analyst('ana@example.com', ['orders'])).token);
    const told = await ana.run(['diagnose']);
    ana.remove();
    assert.equal(told.code, 0, told.stdout);
    assert.doesNotMatch(told.stdout, /broken|^Next: data/m);
    for (let i = 10; i < 70; i++) rmSync(file(`broken${i}.csv`));
    assertWell(await ask(site, admin));
  });
});

describe('settings', () => {
  const withSite = async (t, ...args) => {
    const site = await startSite(...args);
    const admin = signedIn(site);
    t.after(async () => {
      admin.remove();
      await site.stop();
    });
    return { site, admin };
  };

  test('misspelt settings of tables: the table waits, the others go on', async (t) => {
    const settings = [
      'orders: { delimeter: ";" }',
      'people: { header: maybe }',
      'plain: 5',
      'old_orders: { source: "orders (2019).csv", typs: { id: VARCHAR } }',
      'visit: { description: Visits }',
      'gone: { source: gone.csv }',
      'visits: { description: Visits }',
      'twice: { source: elsewhere.csv, delimiter: ";" }',
    ].map((line) => `      ${line}\n`).join('');
    const { site, admin } = await withSite(t, { 'orders.csv': 'id;a\n1;2\n', 'people.csv': 'id\n1\n', 'plain.csv': 'id\n1\n', 'orders (2019).csv': 'id\n1\n', 'visits.csv': 'id\n1\n', 'twice.csv': 'id;a\n1;2\n' }, { settings: `    tables:\n${settings}` });
    const doors = await ask(site, admin);
    const at = (rest) => ({ kind: 'setting', said: new RegExp(`data_source\\.files\\.tables\\.${rest}`) });
    assertTold(doors, [
      at('orders\\.delimeter \\(is delimiter meant\\?\\): correct it or take it out, and restart$'),
      at('people\\.header is "maybe" and must be true or false: correct it, and restart$'),
      at('plain must be a mapping: correct it, and restart$'),
      at('old_orders\\.typs \\(is types meant\\?\\): correct it or take it out, and restart$'),
      at('visit: there is no file or sub-folder for the table visit \\(is visits meant\\?\\): correct the name, or bring the file$'),
      at("twice\\.source: there is no file or sub-folder 'elsewhere\\.csv': "),
      at("gone\\.source: there is no file or sub-folder 'gone\\.csv': correct the name, or bring the file$"),
    ]);
    const { tables } = must(200, await site.get('/api/sync/manifest', { token: site.admin.token })).json;
    assert.deepEqual(Object.keys(tables).sort(), ['twice', 'visits'], 'no table is made of settings that are not understood');
  });

  test('a lost folder of settings; a path that is not set any more', async (t) => {
    const { site } = await withSite(t, { 'orders.csv': 'id\n1\n' });
    await site.sync();
    await site.stop();
    const gone = path.join(temporaryFolder(), 'cofnig');
    for (const [lost, kinds, said] of [
      [true, { configuration: 1, source: 1 }, new RegExp(`data_source\\.files\\.path is not set.*; the folder of settings ${gone} is not there.*restart`)],
      [false, { source: 1 }, /data_source\.files\.path is not set: .*; set it, and restart/],
    ]) {
      const server = await startServer({ data: site.data, config: lost ? gone : temporaryFolder(), lost });
      const admin = signedIn(server);
      const early = must(200, await server.get('/api/health/detailed', { token: server.admin.token })).json;
      if (lost) {
        assert.equal(early.status, 'degraded', 'before any sync');
        assert.match(server.log, /the folder of settings .* is not there/);
      }
      const doors = await ask(server, admin);
      assert.deepEqual(doors.metrics, kinds);
      assert.equal(doors.job.outcome, 'failed');
      assert.equal(doors.sync.code, 1);
      assert.match(doors.sync.stderr, said);
      assert.match(doors.diagnose, said);
      assert.ok(doors.data.problems.some((problem) => said.test(problem.message)), JSON.stringify(doors.data.problems));
      assert.equal(must(200, await server.post('/api/query', { sql: 'SELECT count(*) FROM orders' }, { token: server.admin.token })).json.rows[0][0], 1, 'what was brought is served');
      admin.remove();
      await server.stop();
    }
  });

  test('a server to which nobody has told a source', async () => {
    const server = await startServer();
    const admin = signedIn(server);
    const doors = await ask(server, admin);
    assertTold(doors, [{ kind: 'source', said: /data_source\.files\.path is not set: .*; set it, and restart/ }], { outcome: 'failed' });
    admin.remove();
    await server.stop();
  });

  test('a server that lives by what other programs leave is well without a source', async () => {
    const data = temporaryFolder();
    mkdirSync(path.join(data, 'extracts/crm'), { recursive: true });
    const server = await startServer({ data });
    const admin = signedIn(server);
    const sync = await admin.run(['admin', 'sync']);
    assert.equal(sync.code, 0, sync.stderr);
    admin.remove();
    await server.stop();
  });
});

describe('a list of jobs that cannot be followed', () => {
  // What the list of jobs says, one after the other; the last one again and again.
  const serve = async (t, lists) => {
    let asked = 0;
    const server = http.createServer((request, response) => {
      request.resume();
      response.setHeader('content-type', 'application/json');
      if (request.url === '/api/sync/trigger') return response.end('{"status":"triggered"}');
      response.end(JSON.stringify({ jobs: lists[Math.min(asked++, lists.length - 1)] }));
    });
    await new Promise((go) => server.listen(0, '127.0.0.1', go));
    const user = makeUser();
    user.signIn(`http://127.0.0.1:${server.address().port}`, 'a.b.c');
    t.after(() => {
      user.remove();
      server.close();
      server.closeAllConnections();
    });
    return user.run(['admin', 'sync']);
  };
  const job = (more) => ({ name: 'sync', description: '', running: false, outcome: null, last_run: null, runs: [], ...more });

  for (const [name, lists, said] of [
    ['no such job', [[]], /^Error: .* names no job 'sync' in its list of jobs; check /],
    ['no such job any more', [[job()], [job({ running: true, outcome: 'running' })], []], /^Error: .* names no job 'sync'/],
    ['a run that is lost', [[job()], [job({ running: true, outcome: 'running' })], [job()]], /^Error: the sync is not under way any more .*; start it again/],
  ])
    test(`${name}: it ends, and says so`, async (t) => {
      const done = await serve(t, lists);
      assert.equal(done.code, /lost/.test(name) ? 1 : 5);
      assert.match(done.stderr, said);
    });
});
