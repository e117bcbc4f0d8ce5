// What /openapi.json says of answers: each has a schema that says something, and what the server answers fits it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startServer } from '../lib/server.mjs';

// Parts of answers that nobody can describe: their form is the data's, or that of one job, action or setting.
const freeForm = new Set([
  'GET /api/admin/audit: .entries[].params',
  'GET /api/admin/jobs: .jobs[].progress',
  'GET /api/admin/jobs: .jobs[].result',
  'GET /api/admin/registry/{table_id}: .where_filters',
  'GET /api/admin/registry: .tables[].where_filters',
  'GET /api/admin/server-config: .known_fields.*',
  'GET /api/admin/server-config: .sections.*',
  'GET /api/admin/server-config: .settings[].default',
  'GET /api/catalog/profile/{table_name}: .columns[].numeric_stats.max',
  'GET /api/catalog/profile/{table_name}: .columns[].numeric_stats.min',
  'GET /api/settings: .sync_settings[].tables',
  'GET /api/sync/settings: .settings[].tables',
  'GET /api/sync/table-subscriptions: .subscriptions[].tables',
  'GET /api/v2/metadata-cache/status: .tables[].clustered_by[]',
  'GET /api/v2/metadata-cache/status: .tables[].known_columns[]',
  'GET /api/v2/sample/{table_id}: .rows[]',
  'POST /api/query/hybrid: .rows[][]',
  'POST /api/query: .rows[][]',
  'POST /api/sync/trigger: .tables',
]);

let server, document;
before(async () => {
  server = await startServer();
  document = (await server.get('/openapi.json')).json;
});
after(() => server.stop());

const resolved = (schema) => (schema.$ref ? document.components.schemas[schema.$ref.split('/').at(-1)] : schema);

// Calls `report` with each place of a schema that says nothing.
function emptyPlaces(schema, place, report, above = []) {
  if (schema.$ref && above.includes(schema.$ref)) return;
  const within = schema.$ref ? [...above, schema.$ref] : above;
  const it = resolved(schema);
  const said = Object.keys(it).filter((key) => !['description', 'title', 'default'].includes(key));
  if (said.length === 0 || (it.type === 'object' && !it.properties && !it.additionalProperties)) return report(place);
  for (const one of it.anyOf ?? []) emptyPlaces(one, place, report, within);
  if (it.items) emptyPlaces(it.items, `${place}[]`, report, within);
  for (const [name, one] of Object.entries(it.properties ?? {})) emptyPlaces(one, `${place}.${name}`, report, within);
  if (it.additionalProperties) emptyPlaces(it.additionalProperties, `${place}.*`, report, within);
}

function* operations() {
  for (const [path, methods] of Object.entries(document.paths))
    for (const [method, operation] of Object.entries(methods)) yield [`${method.toUpperCase()} ${path}`, operation];
}

test('each good answer has a schema that says what is in it', () => {
  const found = new Set();
  for (const [name, operation] of operations())
    for (const [status, answer] of Object.entries(operation.responses)) {
      if (!/^2/.test(status) || answer.$ref) continue;
      assert.ok(answer.content || status === '204', `${name}: ${status} has no content`);
      for (const [type, { schema }] of Object.entries(answer.content ?? {})) {
        assert.ok(schema && Object.keys(schema).length > 0, `${name}: ${type} has no schema`);
        if (type === 'application/json') emptyPlaces(schema, '', (place) => found.add(`${name}: ${place}`));
      }
    }
  assert.deepEqual([...found].sort(), [...freeForm].sort());
});

const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value);

// Why `value` does not fit; nothing when it does.
function misfit(schema, value, place = '') {
  const it = resolved(schema);
  if (it.anyOf) {
    const found = it.anyOf.map((one) => misfit(one, value, place));
    return found.every(Boolean) ? found[0] : undefined;
  }
  const type = typeOf(value);
  if (it.type && it.type !== type && !(it.type === 'number' && type === 'integer')) return `${place} is of type ${type}, not ${it.type}`;
  if (it.enum && !it.enum.includes(value)) return `${place} is ${value}, none of ${it.enum}`;
  if (type === 'array') return value.map((item, i) => misfit(it.items ?? {}, item, `${place}[${i}]`)).find(Boolean);
  if (type !== 'object') return undefined;
  const missing = (it.required ?? []).find((name) => !(name in value));
  if (missing) return `${place}.${missing} is missing`;
  return Object.entries(value).map(([name, item]) => misfit(it.properties?.[name] ?? it.additionalProperties ?? {}, item, `${place}.${name}`)).find(Boolean);
}

test('what is answered fits its schema', async () => {
  const { token } = server.admin;
  await server.post('/api/admin/register-table', { name: 'orders', source_type: 'local', primary_key: ['id'] }, { token });
  await server.post('/api/admin/metrics', { id: 'sales/total', name: 'total', display_name: 'Total', category: 'sales', sql: 'SELECT 1' }, { token });
  await server.post('/auth/tokens', { name: 'ci' }, { token });
  await server.post('/api/admin/cache-warmup/run', undefined, { token });
  await server.put('/api/settings/dataset', { dataset: 'orders', enabled: true }, { token });
  const asked = [];
  for (const [name, operation] of operations()) {
    const [method, path] = name.split(' ');
    const schema = operation.responses['200']?.content?.['application/json']?.schema;
    if (method !== 'GET' || !schema) continue;
    const target = path.replace('{user_id}', server.admin.id).replace('{table_id}', 'orders').replace('{metric_id}', 'sales/total');
    const answer = await server.get(target, { token });
    if (answer.status !== 200) continue;
    asked.push(path);
    assert.equal(misfit(schema, answer.json), undefined, target);
  }
  for (const path of ['/api/admin/registry', '/api/admin/registry/{table_id}', '/api/admin/server-config', '/api/health/detailed', '/api/sync/manifest', '/api/admin/jobs', '/api/admin/access-overview'])
    assert.ok(asked.includes(path), `${path} was not asked`);
});

test('a body that may be missing may be null, and a form without required fields may be missing', () => {
  const onboarded = document.paths['/api/me/onboarded'].post.requestBody;
  assert.equal(onboarded.required, false);
  assert.deepEqual(onboarded.content['application/json'].schema.anyOf.at(-1), { type: 'null' });
  assert.equal(document.paths['/login/email'].post.requestBody.required, false);
});

test('where a browser may be sent elsewhere, the document says so', async () => {
  const answer = await server.get('/first-time-setup');
  assert.equal(answer.status, 302);
  assert.ok(document.paths['/first-time-setup'].get.responses[302]);
});
