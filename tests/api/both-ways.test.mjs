// A data directory that the Python server wrote, used by ours, can go back to it: the state database keeps its
// storage version and its schema, and every value that ours writes has the form that is there already.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openDatabase } from '../lib/duckdb.mjs';
import { must, root, unpack } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const kHex32 = /^[0-9a-f]{32}$/;
const kTime = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/; // UTC without a zone
const kWho = /^(admin1|admin@example\.com)$/;
const kText = /^[^]+$/;

// What a new row may contain: a pattern, a value, a list of values; null where there may be nothing.
const kForms = {
  audit_log: {
    id: kUuid, timestamp: kTime, user_id: [kText, null], action: /^[a-z_.]+$/, resource: [kText, null],
    result: [kText, null], duration_ms: [/^\d+$/, null],
    // JSON text as Python's json.dumps writes it, which is what queries over it look for.
    params: [/^\{"[a-z_]+": .+\}$/, null],
  },
  users: {
    id: kUuid, email: /^[^@\s]+@[^@\s]+$/, name: kText, active: [true, false], onboarded: [true, false],
    password_hash: /^\$argon2id\$v=19\$m=65536,t=3,p=4\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    setup_token: null, setup_token_created: null, reset_token: null, reset_token_created: null,
    deactivated_at: [kTime, null], deactivated_by: ['admin1', null], created_at: kTime, updated_at: [kTime, null],
  },
  personal_access_tokens: {
    id: kUuid, user_id: kText, name: kText, token_hash: /^[0-9a-f]{64}$/, prefix: /^[0-9a-f]{8}$/, scopes: null,
    created_at: kTime, expires_at: [kTime, null], last_used_at: [kTime, null], last_used_ip: [kText, null], revoked_at: [kTime, null],
  },
  user_groups: { id: kHex32, name: 'sales', description: 'Sales team', is_system: false, created_at: kTime, created_by: kWho },
  user_group_members: { user_id: kUuid, group_id: kText, source: ['admin', 'system_seed'], added_at: kTime, added_by: kWho },
  resource_grants: { id: kUuid, group_id: kHex32, resource_type: 'table', resource_id: 'films', assigned_at: kTime, assigned_by: kWho },
  table_registry: {
    id: 'films', name: 'films', source_type: kText, bucket: [kText, null], source_table: [kText, null], source_query: null,
    sync_strategy: 'full_refresh', query_mode: 'local', sync_schedule: null, profile_after_sync: [true, false],
    primary_key: null, folder: null, description: [kText, '', null], registered_by: [kText, null], registered_at: kTime,
    incremental_window_days: null, max_history_days: null, incremental_column: null, where_filters: null,
    partition_by: null, partition_granularity: null, initial_load_chunk_days: null,
  },
  sync_state: {
    table_id: 'films', last_sync: kTime, rows: 2, file_size_bytes: /^[1-9]\d*$/, uncompressed_size_bytes: /^\d+$/,
    columns: /^\d+$/, hash: kHex32, status: 'ok', error: [null, ''],
  },
  sync_history: {
    id: kUuid, table_id: kText, synced_at: kTime, rows: /^\d+$/, duration_ms: [/^\d+$/, null], status: 'ok', error: [null, ''],
  },
  user_sync_settings: {
    user_id: kUuid, dataset: kText, enabled: [true, false], table_mode: 'all', tables: null, updated_at: [kTime, null],
  },
  metric_definitions: {
    id: 'sales/income', name: 'income', display_name: 'Income', category: 'sales', description: null, type: 'sum', unit: null,
    grain: 'monthly', table_name: 'films', tables: /^\["films"\]$/, expression: null, time_column: null, dimensions: /^\["year"\]$/,
    filters: null, synonyms: null, notes: null, sql: 'SELECT count(*) FROM films', sql_variants: /^\{"by_year": ?"SELECT 1"\}$/,
    validation: null, source: 'manual', created_at: kTime, updated_at: kTime,
  },
  column_metadata: {
    table_id: 'films', column_name: 'year', basetype: 'INTEGER', description: 'of the first showing', confidence: 'manual', source: 'manual', updated_at: kTime,
  },
  table_profiles: { table_id: kText, profile: /^\{[^]*"columns": ?\[[^]*\}$/, profiled_at: kTime },
  view_ownership: { view_name: 'films', source_name: kText, registered_at: kTime },
};

const kJson = ['audit_log.params', 'user_sync_settings.tables', 'metric_definitions.sql_variants', 'metric_definitions.validation', 'table_profiles.profile'];

const kSchema = {
  columns: `SELECT table_name, column_name, data_type, is_nullable, column_default FROM duckdb_columns()
            WHERE schema_name = 'main' AND NOT internal ORDER BY ALL`,
  constraints: 'SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL',
  indexes: 'SELECT table_name, index_name, sql FROM duckdb_indexes() ORDER BY ALL',
  storage: "SELECT tags FROM duckdb_databases() WHERE NOT internal AND type = 'duckdb' AND path IS NOT NULL",
};

const kExtract = ['extract.duckdb', 'data/customers.parquet', 'data/orders.parquet', 'data/salaries.parquet'];
const bytesOf = (data) => kExtract.map((name) => readFileSync(path.join(data, 'extracts/demo', name)));
const was = { schema: {}, rows: {}, extract: [] };
let now;

async function look(file, see) {
  const database = await openDatabase(file);
  try {
    return await see(database);
  } finally {
    database.close();
  }
}

const schemaOf = async (database) =>
  Object.fromEntries(await Promise.all(Object.entries(kSchema).map(async ([name, sql]) => [name, await database.rows(sql)])));

before(async () => {
  const data = unpack(path.join(root, 'tests/golden/agnes-data.tar.gz'));
  const file = path.join(data, 'state/system.duckdb');
  const golden = JSON.parse(readFileSync(path.join(data, 'golden.json'), 'utf8'));
  await look(file, async (database) => {
    was.schema = await schemaOf(database);
    for (const { name } of await database.rows('SELECT table_name AS name FROM duckdb_tables()'))
      was.rows[name] = (await database.rows(`SELECT * FROM "${name}"`)).map((row) => JSON.stringify(row));
  });

  was.extract = bytesOf(data);
  const site = await startSite({ 'films.csv': 'title,year\nA,2001\nB,2002\n' }, { data, seed: false, env: { JWT_SECRET_KEY: golden.jwt_secret } });
  const admin = { token: golden.tokens.admin1 };
  site.admin = admin;
  const ana = await site.addUser('ana@example.com');
  const asAna = { token: ana.token };
  await site.sync();
  const group = must(201, await site.post('/api/admin/groups', { name: 'sales', description: 'Sales team' }, admin)).json;
  must(201, await site.post(`/api/admin/groups/${group.id}/members`, { email: ana.email }, admin));
  await site.grant(group.id, 'films');
  const token = must(201, await site.post('/auth/tokens', { name: 'mine', expires_in_days: 30 }, asAna)).json;
  must(200, await site.get('/api/sync/manifest', { token: token.token }));
  must(201, await site.post('/auth/tokens', { name: 'mine' }, asAna));
  must(200, await site.post('/api/sync/table-subscriptions', { table_mode: 'explicit', tables: { films: true } }, asAna));
  must(200, await site.post('/api/me/onboarded', { onboarded: true }, asAna));
  must(200, await site.post(`/api/users/${ana.id}/deactivate`, {}, admin));
  const metric = { id: 'sales/income', name: 'income', display_name: 'Income', category: 'sales', sql: 'SELECT count(*) FROM films', table_name: 'films', tables: ['films'], dimensions: ['year'], sql_variants: { by_year: 'SELECT 1' } };
  must(201, await site.post('/api/admin/metrics', metric, admin));
  must(200, await site.post('/api/admin/metadata/films', { columns: [{ column_name: 'year', basetype: 'INTEGER', description: 'of the first showing' }] }, admin));
  await site.until('a profile', async () => (await site.get('/api/catalog/profile/films', admin)).status === 200);
  await site.stop();
  now = await openDatabase(file);
  now.extract = bytesOf(data);
});
after(() => now?.close());

test('the storage version, the tables, their types, defaults and keys are as they were', async () => {
  const found = await schemaOf(now);
  assert.ok(found.columns.length > 250 && found.constraints.length > 100);
  assert.match(JSON.stringify(found.storage), /v1\.0\.0\+/);
  assert.deepEqual(found, was.schema);
});

test('an extract that was written at another place is served without being changed', () => {
  for (const [i, name] of kExtract.entries()) assert.ok(now.extract[i].equals(was.extract[i]), name);
});

test('what was there is still there', async () => {
  for (const table of ['users', 'user_groups', 'resource_grants', 'schema_version', 'instance_templates', 'setup_banner'])
    for (const row of was.rows[table])
      assert.ok((await now.rows(`SELECT * FROM "${table}"`)).some((r) => JSON.stringify(r) === row), `${table}: ${row}`);
});

test('every value of a new row has the form of those that were there', async () => {
  const fits = (form, value) => {
    if (Array.isArray(form)) return form.some((f) => fits(f, value));
    if (form instanceof RegExp) return value !== null && form.test(typeof value === 'object' ? JSON.stringify(value) : String(value));
    return form === value;
  };
  const without = [];
  for (const [table, forms] of Object.entries(kForms)) {
    // JSON columns as the text that is stored.
    const columns = Object.keys(forms).map((c) => (kJson.includes(`${table}.${c}`) ? `CAST("${c}" AS VARCHAR) AS "${c}"` : `"${c}"`));
    const old = new Set(was.rows[table] ?? []);
    const all = await now.rows(`SELECT * FROM "${table}"`);
    const shown = await now.rows(`SELECT ${columns.join(', ')} FROM "${table}"`);
    const fresh = shown.filter((_, i) => !old.has(JSON.stringify(all[i])));
    if (fresh.length === 0) without.push(table);
    for (const row of fresh.filter((r) => table !== 'sync_state' || r.table_id === 'films')) {
      assert.deepEqual(Object.keys(row).sort(), Object.keys(all[0]).sort(), `${table}: columns`);
      for (const [column, form] of Object.entries(forms))
        assert.ok(fits(form, row[column]), `${table}.${column}: ${JSON.stringify(row[column])} is not like ${form}`);
    }
  }
  assert.deepEqual(without, [], 'tables without a new row');
});
