// The SQL of the state database is what DuckDB and PostgreSQL have in common: PostgreSQL prepares every statement that
// the server runs on it, against tables of the same schema.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startPostgres } from '../lib/postgres.mjs';
import { must, root } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kTypes = { DOUBLE: 'DOUBLE PRECISION', 'VARCHAR[]': 'TEXT[]' };

// CREATE TABLE of each table of the contract.
function schema() {
  const tables = new Map();
  for (const line of readFileSync(path.join(root, 'tests/unit/state/schema_v40.tsv'), 'utf8').split('\n').filter(Boolean)) {
    const [kind, table, ...rest] = line.split('\t');
    if (!tables.has(table)) tables.set(table, []);
    if (kind === 'column') tables.get(table).push(`"${rest[0]}" ${kTypes[rest[1]] ?? rest[1]}${rest[2] === 'null' ? '' : ' NOT NULL'}`);
    else if (kind === 'constraint' && /^(PRIMARY KEY|UNIQUE)/.test(rest[0])) tables.get(table).push(rest[0]);
  }
  return [...tables].map(([table, parts]) => `CREATE TABLE ${table} (${parts.join(', ')});`).join('\n');
}

// As a driver does it.
const numbered = (sql) => {
  let n = 0;
  return sql.replace(/'(?:[^']|'')*'|\?/g, (found) => (found === '?' ? `$${++n}` : found));
};

let postgres, site;
before(() => {
  postgres = startPostgres();
});
after(async () => {
  await site?.stop();
  postgres?.stop();
});

test('PostgreSQL prepares every statement', async () => {
  postgres.run(schema());
  site = await startSite({ 'orders.csv': 'id,total\n1,2.5\n' }, { env: { LOG_LEVEL: 'debug' } });
  await site.sync();
  const admin = { token: site.admin.token };
  const ana = must(201, await site.post('/api/users', { email: 'ana@example.com', name: 'Ana' }, admin)).json;
  must(200, await site.patch(`/api/users/${ana.id}`, { name: 'Anna', active: true }, admin));
  const group = must(201, await site.post('/api/admin/groups', { name: 'sales' }, admin)).json;
  must(201, await site.post(`/api/admin/groups/${group.id}/members`, { email: 'ana@example.com' }, admin));
  const grant = must(201, await site.post('/api/admin/grants', { group_id: group.id, resource_type: 'table', resource_id: 'orders' }, admin)).json;
  must(200, await site.get('/api/admin/access-overview', admin));
  must(200, await site.patch(`/api/admin/groups/${group.id}`, { name: 'buyers', description: 'Buy' }, admin));
  must(204, await site.delete(`/api/admin/grants/${grant.id}`, admin));
  must(204, await site.delete(`/api/admin/groups/${group.id}`, admin));
  const token = must(201, await site.post('/auth/tokens', { name: 'laptop' }, admin)).json;
  must(200, await site.get('/api/sync/manifest', { token: token.token }));
  must(204, await site.delete(`/auth/tokens/${token.id}`, admin));
  must(201, await site.post('/api/admin/register-table', { name: 'plain', source_type: 'local' }, admin));
  must(200, await site.request('PUT', '/api/admin/registry/plain', { json: { description: 'Text' }, ...admin }));
  must(200, await site.get('/api/admin/registry/plain', admin));
  must(200, await site.get('/api/admin/registry', admin));
  must(204, await site.delete('/api/admin/registry/plain', admin));
  must(200, await site.post('/api/admin/metadata/orders', { columns: [{ column_name: 'id', basetype: 'INTEGER' }] }, admin));
  must(200, await site.get('/api/admin/metadata/orders', admin));
  must(200, await site.get('/api/admin/audit?user=admin%40example.com&action=user.*&since=2020-01-01T00:00:00', admin));
  must(204, await site.delete(`/api/users/${ana.id}`, admin));
  await site.sync();
  const statements = [...new Set([...site.log.matchAll(/state statement: (.*)/g)].map((found) => found[1]))];
  assert.ok(statements.length > 40, `only ${statements.length} statements were seen`);
  const refused = [];
  for (const [n, sql] of statements.entries()) {
    try {
      postgres.run(`PREPARE s${n} AS ${numbered(sql)};`);
    } catch (error) {
      refused.push(`${sql}\n  ${error.message}`);
    }
  }
  assert.deepEqual(refused, []);
});
