// Metrics and what is known of columns, over HTTP.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, admin, ana, bob, stack;

// The part of Keboola's Storage API that columns are pushed to. `refuse` names columns that it does not take.
async function startStack() {
  const state = { requests: [], refuse: [] };
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const [, table, column] = /^\/v2\/storage\/tables\/([^/]+)\/columns\/([^/]+)\/metadata$/.exec(request.url).map(decodeURIComponent);
    state.requests.push({ table, column, token: request.headers['x-storageapi-token'], body: JSON.parse(Buffer.concat(parts)) });
    response.writeHead(state.refuse.includes(column) ? 403 : 201, { 'content-type': 'application/json' });
    response.end(state.refuse.includes(column) ? '{"error":"no such column"}' : '[]');
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  state.url = `http://127.0.0.1:${server.address().port}`;
  // Two statements: http.Server's close() answers nothing in Node.js 18.
  state.stop = () =>
    new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    });
  return state;
}

before(async () => {
  stack = await startStack();
  site = await startSite(
    { 'orders.csv': 'id,total\n1,2.5\n2,7\n', 'salaries.csv': 'name,amount\nCeo,1000\n' },
    { env: { KBC_STACK_URL: stack.url, KBC_STORAGE_TOKEN: 'storage-secret' } },
  );
  await site.sync();
  admin = { token: site.admin.token };
  ana = { token: (await site.analyst('ana@example.com', ['orders'])).token };
  bob = { token: (await site.analyst('bob@example.com')).token };
});
after(async () => {
  await site.stop();
  await stack.stop();
});

const least = (more = {}) => ({ id: 'sales/count', name: 'count', display_name: 'Count', category: 'sales', sql: 'SELECT count(*) FROM orders', ...more });
const define = (more, as = admin) => site.post('/api/admin/metrics', least(more), as);
const upload = (text, as = admin, name = 'metrics.yml') =>
  site.request('POST', '/api/admin/metrics/import', {
    ...as,
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: Buffer.concat([
      Buffer.from(`--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`),
      Buffer.from(text),
      Buffer.from('\r\n--b--\r\n'),
    ]),
  });
const ids = async (query = '') => must(200, await site.get(`/api/metrics${query}`, bob)).json.metrics.map((m) => m.id);

test('nobody and people who are not admins are refused', async () => {
  for (const [method, path] of [
    ['GET', '/api/metrics'],
    ['GET', '/api/metrics/a/b'],
    ['GET', '/api/catalog/metrics/a/b'],
    ['POST', '/api/admin/metrics'],
    ['POST', '/api/admin/metrics/import'],
    ['DELETE', '/api/admin/metrics/a/b'],
    ['GET', '/api/admin/metadata/orders'],
    ['POST', '/api/admin/metadata/orders'],
    ['POST', '/api/admin/metadata/orders/push'],
  ]) {
    assert.equal((await site.request(method, path)).status, 401, `${method} ${path}`);
    if (method === 'GET') continue;
    assert.equal((await site.request(method, path, ana)).status, 403, `${method} ${path}`);
  }
});

test('a metric is defined, read by everybody, replaced whole and deleted', async () => {
  const full = {
    description: 'Monthly', type: 'ratio', unit: 'EUR', grain: 'daily', table_name: 'orders', tables: ['orders', 'customers'],
    expression: 'SUM(total)', time_column: 'day', dimensions: ['currency'], filters: ['total > 0'], synonyms: [], notes: ['net'],
    sql_variants: { by_currency: 'SELECT 1' }, validation: { min: 0 },
  };
  const made = must(201, await define({ id: 'finance/mrr', name: 'mrr', category: 'finance', ...full })).json;
  assert.deepEqual(
    { ...made, created_at: 0, updated_at: 0 },
    { ...least({ id: 'finance/mrr', name: 'mrr', category: 'finance' }), ...full, sql_variants: '{"by_currency": "SELECT 1"}', validation: '{"min": 0}', source: 'manual', created_at: 0, updated_at: 0 },
  );
  must(201, await define());
  assert.deepEqual(must(200, await site.get('/api/metrics/finance/mrr', bob)).json, made);
  assert.deepEqual(await ids(), ['sales/count', 'finance/mrr']);
  assert.deepEqual(await ids('?category=finance'), ['finance/mrr']);
  assert.deepEqual(await ids('?category=none'), []);

  const again = must(201, await define({ id: 'finance/mrr', name: 'mrr', category: 'finance', sql: 'SELECT 2' })).json;
  assert.equal(again.description, null);
  assert.equal(again.dimensions, null);
  assert.equal(again.type, 'sum');
  assert.equal(again.created_at, made.created_at);
  assert.ok(again.updated_at >= made.updated_at);

  for (const id of ['finance/mrr', 'sales/count']) {
    assert.deepEqual(must(200, await site.delete(`/api/admin/metrics/${id}`, admin)).json, { status: 'deleted', id });
    must(404, await site.delete(`/api/admin/metrics/${id}`, admin));
    must(404, await site.get(`/api/metrics/${id}`, bob));
  }
});

test('every field is checked, and the answer names each that is wrong', async () => {
  const wrong = async (more) => must(422, await define(more)).json.detail.map((d) => d.loc.slice(1).join('.')).sort();
  for (const field of ['id', 'name', 'display_name', 'category', 'sql', 'type', 'grain', 'source'])
    for (const value of [null, 5, ['x'], ''])
      assert.deepEqual(await wrong({ [field]: value }), [field], `${field}: ${JSON.stringify(value)}`);
  for (const field of ['description', 'unit', 'table_name', 'expression', 'time_column'])
    for (const value of [5, ['x'], {}]) assert.deepEqual(await wrong({ [field]: value }), [field]);
  for (const field of ['tables', 'dimensions', 'filters', 'synonyms', 'notes']) {
    for (const value of ['x', {}, 5]) assert.deepEqual(await wrong({ [field]: value }), [field]);
    assert.deepEqual(await wrong({ [field]: ['a', 1] }), [`${field}.1`]);
    assert.deepEqual(await wrong({ [field]: ['a', ' '] }), [field]);
  }
  for (const field of ['sql_variants', 'validation']) for (const value of ['x', 5, []]) assert.deepEqual(await wrong({ [field]: value }), [field]);
  for (const value of [{ by_x: 5 }, { by_x: '' }, { 'a b': 'SELECT 1' }]) assert.deepEqual(await wrong({ sql_variants: value }), ['sql_variants']);
  for (const name of ['a/b', '.hidden', ' x', 'a\nb', 'x'.repeat(101)]) assert.deepEqual(await wrong({ name }), ['name'], name);
  for (const id of ['/a', 'a/', 'a//b', '../x', 'x'.repeat(300)]) assert.deepEqual(await wrong({ id }), ['id'], id);
  assert.deepEqual(await wrong({ type: 'bogus', grain: 'sometimes' }), ['grain', 'type']);
  assert.deepEqual(await wrong({ id: undefined, sql: undefined }), ['id', 'sql']);
  must(422, await site.request('POST', '/api/admin/metrics', { ...admin, body: '{"id"', headers: { 'content-type': 'application/json' } }));
  assert.deepEqual(await ids(), []);
});

test('SQL must be one statement that reads; what it names need not be there', async () => {
  for (const sql of ['SELEC 1', 'SELECT 1; SELECT 2', 'DROP TABLE orders', "COPY orders TO '/tmp/x'", '-- nothing', 'EXPLAIN SELECT 1', 'SELECT (', ' ', `SELECT ${'('.repeat(300)}1${')'.repeat(300)}`]) {
    const answer = must(422, await define({ sql }));
    assert.deepEqual(answer.json.detail.map((d) => d.loc), [['body', 'sql']], sql);
    assert.deepEqual(must(422, await define({ sql_variants: { by_x: sql } })).json.detail[0].loc.slice(0, 2), ['body', 'sql_variants'], sql);
  }
  for (const sql of ['SELECT sum(x) FROM no_such_table;', 'WITH a AS (SELECT 1) FROM a -- end', 'SELECT not_a_function(total) FROM orders', 'SELECT nope FROM orders', 'PIVOT orders ON id USING sum(total)', 'SELECT * FROM project.dataset.t'])
    must(201, await define({ sql }));
  must(200, await site.delete('/api/admin/metrics/sales/count', admin));
});

test('the old address leads to the new one', async () => {
  const to = async (path) => must(301, await site.get(path, ana)).headers.location;
  assert.equal(await to('/api/catalog/metrics/revenue/mrr.yml'), '/api/metrics/revenue/mrr');
  assert.equal(await to('/api/catalog/metrics/nope'), '/api/metrics/nope');
  assert.equal(await to('/api/catalog/metrics/a%20b%0d%0ax'), '/api/metrics/a%20b%0D%0Ax');
});

test('a file is imported as a whole, with notes on what is missing', async () => {
  const answer = must(200, await upload('- name: arr\n  category: finance\n  display_name: ARR\n  table: orders\n  sql: SELECT 1\n  sql_by_country: SELECT 2 FROM Nowhere\n  dimensions: [country]\n  owner: me\n- name: churn\n  category: finance\n'));
  assert.equal(answer.json.status, 'imported');
  assert.equal(answer.json.count, 2);
  assert.equal(answer.json.warnings.length, 2);
  assert.match(answer.json.warnings.join(), /owner/);
  assert.match(answer.json.warnings.join(), /nowhere/);
  const arr = (await site.get('/api/metrics/finance/arr', bob)).json;
  assert.equal(arr.table_name, 'orders');
  assert.equal(arr.sql_variants, '{"by_country": "SELECT 2 FROM Nowhere"}');
  assert.equal(arr.source, 'yaml_import');
  const churn = (await site.get('/api/metrics/finance/churn', bob)).json;
  assert.deepEqual([churn.display_name, churn.sql, churn.sql_variants], ['churn', '', null]);
  must(200, await upload('name: arr\ncategory: finance\ntype: ratio\n'));
  assert.equal((await site.get('/api/metrics/finance/arr', bob)).json.table_name, null);
  assert.deepEqual(must(200, await upload('name: churn\ncategory: finance\ntable:\ntable_name: orders\n')).json.warnings, []);
  for (const id of ['arr', 'churn']) must(200, await site.delete(`/api/admin/metrics/finance/${id}`, admin));
});

test('a file with anything wrong changes nothing', async () => {
  const good = '- name: kept\n  category: finance\n';
  for (const bad of [
    '- name: x\n', '- category: finance\n', '- 5\n', '- name: 2024\n  category: finance\n', '- name: x\n  category: a/b\n',
    '- name: x\n  category: finance\n  sql: null\n', '- name: x\n  category: finance\n  sql: SELEC 1\n',
    '- name: x\n  category: finance\n  sql_by_y: DROP TABLE orders\n', '- name: x\n  category: finance\n  sql_by_y: 5\n',
    '- name: x\n  category: finance\n  type: bogus\n', '- name: x\n  category: finance\n  tables: orders\n',
    '- name: x\n  category: finance\n  grain: no\n', '- name: x\n  category: finance\n  validation: high\n',
    '- name: kept\n  category: finance\n', '- name: x\n  name: y\n  category: finance\n', '- [1\n', '---\nname: y\n',
  ]) {
    const answer = await upload(good + bad);
    assert.equal(answer.status, 400, bad);
    assert.equal(typeof answer.json.detail, 'string');
  }
  const bombs = Array.from({ length: 8 }, (_, i) => `a${i}: &a${i} [${Array(20).fill(i ? `*a${i - 1}` : 'x').join(', ')}]\n`).join('');
  for (const bad of ['# nothing\n', '', '[]', 'just text', bombs, '['.repeat(10000), Buffer.from([0x6e, 0xff, 0xfe])])
    assert.equal((await upload(bad)).status, 400, String(bad).slice(0, 20));
  assert.deepEqual(must(422, await site.post('/api/admin/metrics/import', undefined, admin)).json.detail[0].loc, ['body', 'file']);
  must(413, await upload(`# ${'x'.repeat(5 << 20)}`));
  assert.deepEqual(await ids(), []);
});

test('columns are described by admins and read by those who may read the table', async () => {
  const save = (columns, as = admin, table = 'orders') => site.post(`/api/admin/metadata/${table}`, { columns }, as);
  assert.deepEqual(must(200, await site.get('/api/admin/metadata/orders', ana)).json, { table_id: 'orders', columns: [] });
  assert.deepEqual(must(200, await save([{ column_name: 'total', basetype: 'NUMERIC', description: 'Order total', confidence: 'high' }, { column_name: 'later' }])).json, { status: 'ok', count: 2 });
  assert.deepEqual(must(200, await save([{ column_name: 'total', description: 'Total', source: 'ai_enrichment' }])).json, { status: 'ok', count: 1 });
  const { columns } = must(200, await site.get('/api/admin/metadata/orders', ana)).json;
  assert.deepEqual(columns.map(({ updated_at, ...rest }) => rest), [
    { table_id: 'orders', column_name: 'later', basetype: null, description: null, confidence: 'manual', source: 'manual' },
    { table_id: 'orders', column_name: 'total', basetype: null, description: 'Total', confidence: 'manual', source: 'ai_enrichment' },
  ]);
  must(200, await save([]));

  // What is not granted and what does not exist look the same.
  const hidden = must(403, await site.get('/api/admin/metadata/salaries', ana)).json.detail;
  const missing = must(403, await site.get('/api/admin/metadata/nope', ana)).json.detail;
  assert.equal(hidden.replace('salaries', 'nope'), missing);
  must(403, await site.get('/api/admin/metadata/orders', bob));
  must(404, await site.get('/api/admin/metadata/nope', admin));
  must(404, await save([], admin, 'nope'));

  const wrong = async (columns) => must(422, await save(columns)).json.detail.map((d) => d.loc.slice(1).join('.'));
  assert.deepEqual(await wrong(undefined), ['columns']);
  assert.deepEqual(await wrong('x'), ['columns']);
  assert.deepEqual(await wrong([5]), ['columns.0']);
  assert.deepEqual(await wrong([{}]), ['columns.0.column_name']);
  assert.deepEqual(await wrong([{ column_name: '' }]), ['columns.0.column_name']);
  for (const field of ['basetype', 'description']) assert.deepEqual(await wrong([{ column_name: 'a', [field]: 5 }]), [`columns.0.${field}`]);
  for (const field of ['confidence', 'source']) for (const value of [null, 5, '']) assert.deepEqual(await wrong([{ column_name: 'a', [field]: value }]), [`columns.0.${field}`]);
  assert.deepEqual(await wrong([{ column_name: 'a' }, { column_name: 'a' }]), ['columns']);
});

test('what is known of columns is pushed to the Keboola project of the table', async () => {
  must(201, await site.post('/api/admin/register-table', { name: 'kbc jobs', source_type: 'keboola', bucket: 'in.c-crm', source_table: 'in.c-crm.jobs' }, admin));
  const push = (table) => site.post(`/api/admin/metadata/${table}/push`, undefined, admin);
  assert.equal(must(200, await push('kbc_jobs')).json.pushed, 0);
  must(200, await site.post('/api/admin/metadata/kbc_jobs', { columns: [{ column_name: 'id', basetype: 'INTEGER' }, { column_name: 'what/ever', description: 'Text' }, { column_name: 'bare' }] }, admin));
  const done = must(200, await push('kbc_jobs')).json;
  assert.deepEqual([done.status, done.pushed, done.errors], ['ok', 2, []]);
  assert.deepEqual(stack.requests, [
    { table: 'in.c-crm.jobs', column: 'id', token: 'storage-secret', body: { provider: 'ai-metadata-enrichment', metadata: [{ key: 'KBC.datatype.basetype', value: 'INTEGER' }] } },
    { table: 'in.c-crm.jobs', column: 'what/ever', token: 'storage-secret', body: { provider: 'ai-metadata-enrichment', metadata: [{ key: 'KBC.description', value: 'Text' }] } },
  ]);
  stack.refuse = ['id'];
  const some = must(200, await push('kbc_jobs')).json;
  assert.deepEqual([some.status, some.pushed, some.errors.length], ['partial', 1, 1]);
  assert.match(some.errors[0], /^id: HTTP 403/);
  stack.refuse = ['id', 'what/ever'];
  const none = must(502, await push('kbc_jobs'));
  assert.ok(!none.text.includes('storage-secret'));
  must(404, await push('nope'));
  must(201, await site.post('/api/admin/register-table', { name: 'plain', source_type: 'local' }, admin));
  must(400, await push('plain'));
});

test('a push without an address and a token names what is missing', async () => {
  const other = await startSite();
  try {
    const as = { token: other.admin.token };
    must(201, await other.post('/api/admin/register-table', { name: 'jobs', source_type: 'keboola', bucket: 'b', source_table: 't' }, as));
    assert.match(must(400, await other.post('/api/admin/metadata/jobs/push', undefined, as)).json.detail, /KBC_STACK_URL.*KBC_STORAGE_TOKEN/);
  } finally {
    await other.stop();
  }
});

test('metrics outlive the server', async () => {
  must(201, await define({ synonyms: ['čas', 'a, "b"'] }));
  await site.kill();
  site = await startSite({}, { data: site.data, source: site.source });
  const metric = must(200, await site.get('/api/metrics/sales/count', { token: site.admin.token })).json;
  assert.deepEqual(metric.synonyms, ['čas', 'a, "b"']);
});
