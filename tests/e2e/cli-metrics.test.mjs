// Metrics and what is known of columns, as an administrator and an analyst use them: the client against a server.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { must, root } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const starterSet = path.join(root, 'docs/metrics');
let site, admin, ana;

// The tables of the starter set, small enough to know the answers.
const tables = {
  'subscriptions.csv':
    'customer_id,plan,country,monthly_amount,started_on,ended_on\n1,basic,CZ,10,2020-01-01,\n2,pro,CZ,100,2020-01-01,2021-01-15\n3,pro,DE,200,2020-06-01,\n',
  'orders.csv':
    'id,customer_id,channel,country,status,total,refunded,ordered_at\n1,1,web,CZ,paid,10,2,2024-01-05 10:00:00\n2,1,shop,CZ,paid,30,,2024-02-05 10:00:00\n3,2,web,DE,cancelled,99,,2024-02-06 10:00:00\n4,2,shop,DE,paid,50,,2024-02-07 10:00:00\n',
  'events.csv':
    'user_id,kind,feature,country,platform,occurred_at\n1,use,export,CZ,web,2024-01-05 10:00:00\n2,use,import,CZ,web,2024-01-06 10:00:00\n3,ping,,DE,app,2024-01-06 10:00:00\n',
  'opportunities.csv':
    'id,owner,segment,stage,amount,closed_on\n1,a,x,won,100,2024-01-10\n2,a,x,lost,300,2024-02-10\n3,b,y,open,900,\n',
  'tickets.csv':
    'id,team,priority,opened_at,resolved_at\n1,t,high,2024-01-01 10:00:00,2024-01-01 12:00:00\n2,t,low,2024-01-01 10:00:00,2024-01-03 10:00:00\n3,t,low,2024-01-02 10:00:00,\n',
};

const join = async (token) => {
  const user = makeUser();
  const done = await user.run(['init', '--server-url', site.url, '--token', token]);
  assert.equal(done.code, 0, done.stderr);
  return user;
};
const run = async (user, args, code = 0) => {
  const done = await user.run(args);
  assert.equal(done.code, code, `agnes ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done;
};
const metrics = async () => must(200, await site.get('/api/metrics', { token: site.admin.token })).json.metrics;

before(async () => {
  site = await startSite(tables);
  await site.sync();
  admin = await join(site.admin.token);
  ana = await join((await site.analyst('ana@example.com', ['orders'])).token);
});
after(async () => {
  admin?.remove();
  ana?.remove();
  await site.stop();
});
beforeEach(async () => {
  for (const { id } of await metrics()) must(200, await site.delete(`/api/admin/metrics/${encodeURI(id)}`, { token: site.admin.token }));
});

test('the starter set is imported, answers, and comes out as it went in', async () => {
  const files = readdirSync(starterSet).flatMap((category) => readdirSync(path.join(starterSet, category)).map((file) => `${category}/${file}`));
  assert.ok(files.length >= 8);
  const done = await run(admin, ['admin', 'metrics', 'import', starterSet]);
  assert.match(done.stdout, new RegExp(`Imported ${files.length} metrics`));
  assert.equal(done.stderr, '');
  const first = await metrics();
  assert.deepEqual(first.map((m) => `${m.id}.yml`).sort(), files.sort());
  await run(admin, ['admin', 'metrics', 'validate']);

  const strip = (list) => list.map(({ created_at, updated_at, ...rest }) => rest);
  await run(admin, ['admin', 'metrics', 'export', '--dir', 'out']);
  await run(admin, ['admin', 'metrics', 'import', 'out']);
  assert.deepEqual(strip(await metrics()), strip(first));

  const answer = async (id, variant) => {
    const metric = first.find((m) => m.id === id);
    return must(200, await site.query(variant ? JSON.parse(metric.sql_variants)[variant] : metric.sql, site.admin.token)).json.rows;
  };
  assert.deepEqual((await answer('revenue/mrr')).map((row) => row[1]), Array(12).fill(210));
  assert.deepEqual(await answer('revenue/mrr', 'by_plan'), [['pro', 200], ['basic', 10]]);
  assert.deepEqual(await answer('revenue/arr'), [[2520]]);
  assert.deepEqual((await answer('revenue/net_revenue')).map((row) => row[1]), [8, 80]);
  assert.deepEqual((await answer('revenue/churn_rate')).map((row) => row[1]), Array(12).fill(0));
  assert.deepEqual((await answer('product_usage/active_users')).map((row) => row[1]), [2]);
  assert.deepEqual((await answer('product_usage/feature_adoption')).map((row) => row[2]), [50, 50]);
  assert.deepEqual((await answer('sales/new_customers')).map((row) => row[1]), [1, 1]);
  assert.deepEqual((await answer('sales/average_order_value')).map((row) => row[1]), [10, 40]);
  assert.deepEqual((await answer('sales/win_rate')).map((row) => row[1]), [50]);
  assert.deepEqual((await answer('sales/win_rate', 'by_value')).map((row) => row[1]), [25]);
  assert.deepEqual((await answer('operations/resolution_time')).map((row) => row.slice(1)), [[25, 2]]);
});

test('analysts list metrics and look one up', async () => {
  assert.match((await run(ana, ['catalog', '--metrics'])).stdout, /No metrics/);
  await run(admin, ['admin', 'metrics', 'import', path.join(starterSet, 'revenue')]);
  const listed = (await run(ana, ['catalog', '--metrics'])).stdout;
  for (const id of ['revenue/mrr', 'revenue/churn_rate']) assert.ok(listed.includes(id));
  assert.equal(JSON.parse((await run(ana, ['catalog', '--metrics', '--json'])).stdout).length, 4);
  const shown = (await run(ana, ['catalog', '--metrics', '--show', 'revenue/mrr'])).stdout;
  assert.match(shown, /Monthly recurring revenue/);
  assert.match(shown, /^  LEFT JOIN subscriptions/m);
  assert.match(shown, /SQL by_plan:/);
  assert.equal(JSON.parse((await run(ana, ['catalog', '--metrics', '--show', 'revenue/mrr', '--json'])).stdout).id, 'revenue/mrr');
  assert.match((await run(ana, ['catalog', '--metrics', '--show', 'nope'], 1)).stderr, /nope/);
});

test('what a file may hold comes back as it was, whatever it looks like', async () => {
  const odd = {
    id: 'odd/Údaj 1', name: 'Údaj 1', display_name: 'yes', category: 'odd', unit: '1.0', description: ' two\n\n  lines \n',
    dimensions: ['null', '- x', 'a: b', '#c', '"q"', "'", '007', '\\n', '{a}', '*x', '&y'], notes: ['tab\there', 'a\nb'], filters: [],
    sql: "-- first\nSELECT 'a: b'\n\n  , 1\n", sql_variants: { by_x: 'SELECT 1\n' }, validation: { min: 0, note: 'yes', list: [1.5, true] },
  };
  must(201, await site.post('/api/admin/metrics', { ...odd, source: 'yaml_import' }, { token: site.admin.token }));
  const [{ created_at: _1, updated_at: _2, ...before }] = await metrics();
  await run(admin, ['admin', 'metrics', 'export', '--dir', 'odd-out']);
  must(200, await site.delete(`/api/admin/metrics/${encodeURI(odd.id)}`, { token: site.admin.token }));
  await run(admin, ['admin', 'metrics', 'import', 'odd-out/odd']);
  const [{ created_at: _3, updated_at: _4, ...after }] = await metrics();
  assert.deepEqual(after, before);
});

test('an import that is wrong names the file or the metric, and changes nothing', async () => {
  const write = (name, text) => {
    mkdirSync(path.dirname(admin.file(name)), { recursive: true });
    writeFileSync(admin.file(name), text);
  };
  write('in/finance/good.yml', 'name: good\n');
  write('in/finance/bad.yml', 'name: bad\nsql: SELEC 1\n');
  const refused = await run(admin, ['admin', 'metrics', 'import', 'in'], 1);
  assert.match(refused.stderr, /finance\/bad/);
  assert.deepEqual(await metrics(), []);
  write('in/finance/bad.yml', 'name: [1\n');
  assert.match((await run(admin, ['admin', 'metrics', 'import', 'in'], 1)).stderr, /bad\.yml, line \d/);
  write('in/finance/bad.yml', 'display_name: x\n');
  assert.match((await run(admin, ['admin', 'metrics', 'import', 'in'], 1)).stderr, /bad\.yml/);
  rmSync(admin.file('in/finance/bad.yml'));
  const done = await run(admin, ['admin', 'metrics', 'import', 'in']);
  assert.match(done.stdout, /Imported 1 metric /);
  assert.deepEqual((await metrics()).map((m) => m.id), ['finance/good']);

  mkdirSync(admin.file('empty'), { recursive: true });
  for (const where of ['empty', 'nowhere']) await run(admin, ['admin', 'metrics', 'import', where], 1);
  assert.match((await run(ana, ['admin', 'metrics', 'import', admin.file('in')], 8)).stderr, /403/);
});

test('validate tells which metrics do not answer', async () => {
  const add = async (name, more) => must(201, await site.post('/api/admin/metrics', { id: `v/${name}`, name, display_name: name, category: 'v', sql: 'SELECT 1', ...more }, { token: site.admin.token }));
  await add('good', { sql: 'SELECT count(*) FROM orders; -- all', table_name: 'Orders' });
  await add('pivot', { sql: 'PIVOT orders ON status USING sum(total)' });
  await run(admin, ['admin', 'metrics', 'validate']);
  await add('table', { table_name: 'gone' });
  await add('column', { sql: 'SELECT nope FROM orders' });
  await add('named', { sql: 'SELECT 1 FROM nowhere' });
  await add('variant', { sql_variants: { by_x: 'SELECT nope FROM orders' } });
  const { stdout } = await run(admin, ['admin', 'metrics', 'validate'], 7);
  const line = (id) => stdout.split('\n').find((l) => l.includes(`v/${id} `) || l.trimEnd().endsWith(`v/${id}`));
  assert.match(line('good'), /^ok/);
  assert.match(line('table'), /PROBLEM.*gone is not registered/);
  assert.match(line('column'), /PROBLEM.*sql: .*nope/);
  assert.match(line('named'), /PROBLEM.*nowhere/);
  assert.match(line('variant'), /PROBLEM.*sql_by_x/);
  assert.match(stdout, /6 metrics, 4 with a problem/);
});

test('a proposal describes columns, after a look at it', async () => {
  const proposal = { tables: { orders: { columns: { total: { basetype: 'NUMERIC', description: 'Without tax' }, status: { description: 'paid or cancelled', confidence: 'medium' } } } } };
  writeFileSync(admin.file('proposal.json'), JSON.stringify(proposal));
  assert.match((await run(admin, ['admin', 'metadata-show', 'orders'])).stdout, /Nothing is known/);
  assert.match((await run(admin, ['admin', 'metadata-apply', 'proposal.json', '--dry-run'])).stdout, /Without tax[\s\S]*2 columns would be described/);
  assert.match((await run(admin, ['admin', 'metadata-show', 'orders'])).stdout, /Nothing is known/);
  writeFileSync(admin.file('misspelt.json'), JSON.stringify({ tables: { orders: { columns: { totl: { description: 'x' } } } } }));
  assert.match((await run(admin, ['admin', 'metadata-apply', 'misspelt.json', '--dry-run'])).stderr, /the table orders has no column totl/);
  assert.doesNotMatch((await run(admin, ['admin', 'metadata-apply', 'proposal.json'])).stderr, /no column/);
  const { columns } = JSON.parse((await run(ana, ['admin', 'metadata-show', 'orders', '--json'])).stdout);
  assert.deepEqual(columns.map((c) => [c.column_name, c.basetype, c.confidence, c.source]), [['status', null, 'medium', 'ai_enrichment'], ['total', 'NUMERIC', 'high', 'ai_enrichment']]);
  assert.match((await run(ana, ['admin', 'metadata-show', 'orders'])).stdout, /Without tax/);
  await run(ana, ['admin', 'metadata-show', 'tickets'], 8);
  // A table of files has no project to push to.
  assert.match((await run(admin, ['admin', 'metadata-apply', 'proposal.json', '--push-to-source'], 7)).stderr, /not pushed: orders/);

  for (const bad of ['{', '[]', '{"tables": 5}', '{"tables": {"orders": {}}}', '{"tables": {"orders": {"columns": {"a": 5}}}}']) {
    writeFileSync(admin.file('bad.json'), bad);
    assert.match((await run(admin, ['admin', 'metadata-apply', 'bad.json'], 1)).stderr, /bad\.json/, bad);
  }
  await run(admin, ['admin', 'metadata-apply', 'nowhere.json'], 1);
});
