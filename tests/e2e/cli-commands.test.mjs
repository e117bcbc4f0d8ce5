import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { makeToken, startFake } from '../lib/fake-agnes.mjs';

let server;
let user;
beforeEach(async () => {
  server = await startFake();
  user = makeUser();
  user.signIn(server.url, server.token);
  server.answers['GET /api/users'] = { body: [{ id: 'u-1', email: 'dora@example.com', name: 'Dora', is_admin: false, active: true, groups: [{ name: 'sales' }] }] };
  server.answers['GET /api/admin/groups'] = { body: [{ id: 'g-1', name: 'sales', description: 'Sales', is_system: false, member_count: 1, grant_count: 2 }] };
});
afterEach(async () => {
  user.remove();
  await server.stop();
});

const ok = async (...args) => {
  const result = await user.run(args);
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
};
const fails = async (code, expected, ...args) => {
  const result = await user.run(args);
  assert.equal(result.code, code, result.stdout + result.stderr);
  assert.match(result.stderr, expected);
  return result;
};
const last = () => {
  const { method, path: p, query, body } = server.requests.at(-1);
  const params = query.toString();
  return [method, p + (params ? `?${params}` : ''), ...(body ? [JSON.parse(body)] : [])];
};
const stored = () => JSON.parse(readFileSync(path.join(user.config, 'token.json')));

describe('the root', () => {
  test('--version', async () => {
    assert.match(await ok('--version'), /^agnes \d+\.\d+\.\d+\n$/);
    assert.equal(await ok('-V'), await ok('--version'));
  });
  test('--help lists the commands', async () => assert.match(await ok('--help'), /Commands:\n {2}init /));
  test('no command, a wrong one, a wrong option', async () => {
    await fails(2, /Usage: agnes COMMAND/);
    await fails(2, /unknown command 'nonsense' of agnes; see: agnes --help/, 'nonsense');
    await fails(2, /did you mean: agnes catalog/, 'catalogue');
    await fails(2, /did you mean: agnes admin list-users/, 'admin', 'list-user');
    await fails(2, /--nope.*see: agnes pull --help/, 'pull', '--nope');
    await fails(2, /TABLE.*see: agnes schema --help/, 'schema');
    assert.equal(server.requests.length, 0);
  });
});

describe('auth', () => {
  test('login keeps the token', async () => {
    await ok('auth', 'logout');
    assert.match(await ok('auth', 'login', '--email', 'ana@example.com', '--password', 'correct horse', '--server', server.url), /Signed in to .* as ana@example.com/);
    assert.deepEqual(stored(), { access_token: server.token, email: 'ana@example.com' });
    assert.equal(server.requests.at(-1).headers.authorization, undefined);
  });
  test('login asks for what is missing', async () => {
    const result = await user.run(['auth', 'login'], { input: 'ana@example.com\ncorrect horse\n' });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /Email: \n?Password: /);
    assert.equal((await user.run(['auth', 'login'])).code, 1);
  });
  test('a wrong password', async () => {
    await ok('auth', 'logout');
    const result = await fails(3, /does not accept this email and password: Invalid credentials/, 'auth', 'login', '--email', 'ana@example.com', '--password', 'secret');
    assert.ok(!result.stderr.includes('secret'));
    assert.ok(!existsSync(path.join(user.config, 'token.json')));
  });
  test('logout and whoami', async () => {
    assert.equal(await ok('auth', 'whoami'), `Email:  ana@example.com\nServer: ${server.url}\n`);
    await ok('auth', 'logout');
    await ok('auth', 'logout');
    const nobody = await user.run(['auth', 'whoami']);
    assert.deepEqual([nobody.code, nobody.stderr], [1, '']);
    assert.match(nobody.stdout, /Not signed in/);
  });
  test('whoami asks the server', async () => {
    server.token = makeToken('ana@example.com', 'revoked');
    await fails(1, /does not accept this token any more; agnes auth login/, 'auth', 'whoami');
    server.answers['GET /api/catalog/tables'] = { status: 503, body: { detail: 'Starting' } };
    await fails(5, /cannot ask the server: Starting/, 'auth', 'whoami');
  });
  test('AGNES_TOKEN goes before a stored token', async () => {
    server.token = makeToken('env@example.com');
    const env = { AGNES_TOKEN: server.token };
    assert.match((await user.run(['auth', 'whoami'], { env })).stdout, /env@example.com/);
    assert.match((await user.run(['auth', 'logout'], { env })).stderr, /AGNES_TOKEN is set/);
    const refused = await user.run(['catalog'], { env: { AGNES_TOKEN: makeToken('env@example.com', 'revoked') } });
    assert.deepEqual([refused.code, /AGNES_TOKEN holds that token: correct it, or unset it/.test(refused.stderr)], [5, true], refused.stderr);
  });
  test('import-token checks the token first', async () => {
    await fails(1, /not an Agnes token/, 'auth', 'import-token', '--token', 'rubbish');
    await fails(3, /does not accept the token/, 'auth', 'import-token', '--token', makeToken('b@example.com'));
    assert.equal(stored().email, 'ana@example.com');
    server.token = makeToken('b@example.com');
    assert.match(await ok('auth', 'import-token', '--token', server.token), /Imported the token of b@example.com/);
    assert.equal(stored().email, 'b@example.com');
    await ok('auth', 'import-token', '--token', makeToken('c@example.com'), '--skip-verify');
    assert.equal(stored().email, 'c@example.com');
  });
  test('import-token without a server', async () => {
    const nobody = makeUser();
    const result = await nobody.run(['auth', 'import-token', '--token', makeToken('x@example.com')]);
    nobody.remove();
    assert.equal(result.code, 1);
    assert.match(result.stderr, /no server is set up/);
  });
  test('token.json that is broken is named', async () => {
    writeFileSync(path.join(user.config, 'token.json'), '{');
    await fails(1, /token\.json is not a JSON object/, 'catalog');
    await ok('auth', 'logout');
    writeFileSync(path.join(user.config, 'config.yaml'), 'server: [');
    await fails(1, /config\.yaml, line \d+/, 'catalog');
  });
});

describe('auth token', () => {
  const created = { id: 't-1', name: 'ci', prefix: 'abcd', token: 'the-token', expires_at: '2027-01-01T00:00:00' };
  test('create', async () => {
    server.answers['POST /auth/tokens'] = { status: 201, body: created };
    assert.match(await ok('auth', 'token', 'create', '--name', 'ci'), /shown this once:\n\n {4}the-token\n/);
    assert.deepEqual(last(), ['POST', '/auth/tokens', { name: 'ci', expires_in_days: 90 }]);
    assert.equal(await ok('auth', 'token', 'create', '--name', 'ci', '--ttl', 'never', '--raw'), 'the-token\n');
    assert.deepEqual(last()[2], { name: 'ci', expires_in_days: null });
    await fails(2, /'soon' is not a lifetime/, 'auth', 'token', 'create', '--name', 'ci', '--ttl', 'soon');
    await fails(2, /--name is required/, 'auth', 'token', 'create');
  });
  test('list', async () => {
    server.answers['GET /auth/tokens'] = { body: [{ ...created, last_used_at: null, revoked_at: null }] };
    assert.match(await ok('auth', 'token', 'list'), /^ID +NAME.*\nt-1 +ci +abcd +2027.* - +active\n$/);
    assert.equal(JSON.parse(await ok('auth', 'token', 'list', '--json'))[0].id, 't-1');
    server.answers['GET /auth/tokens'] = { body: [] };
    assert.match(await ok('auth', 'token', 'list'), /No tokens yet/);
  });
  test('revoke by id, prefix or name', async () => {
    server.answers['GET /auth/tokens'] = {
      body: [
        { id: 't-0', name: 'ci', prefix: 'zzzz', revoked_at: '2026-01-01' }, { id: 't-1', name: 'ci', prefix: 'abcd', revoked_at: null },
        { id: 't-2', name: 'twice', prefix: 'b', revoked_at: null }, { id: 't-3', name: 'twice', prefix: 'c', revoked_at: null },
      ],
    };
    server.answers['DELETE /auth/tokens/t-1'] = { status: 204 };
    for (const name of ['t-1', 'abcd', 'ci']) {
      assert.match(await ok('auth', 'token', 'revoke', name), /Revoked the token ci \(t-1\)/);
      assert.deepEqual(last(), ['DELETE', '/auth/tokens/t-1']);
    }
    await fails(1, /2 of your tokens are called 'twice'/, 'auth', 'token', 'revoke', 'twice');
    await fails(4, /none of your tokens/, 'auth', 'token', 'revoke', 'nope');
  });
});

describe('looking at tables', () => {
  const tables = { tables: [{ id: 'orders', name: 'orders', source_type: 'files', query_mode: 'local', sql_flavor: 'duckdb', description: 'Orders' }], server_time: 'now' };
  const schema = { table_id: 'orders', source_type: 'files', sql_flavor: 'duckdb', columns: [{ name: 'id', type: 'BIGINT', nullable: true, description: 'Key' }], partition_by: null, clustered_by: [], where_dialect_hints: {} };
  const sample = { table_id: 'orders', rows: [{ id: 1, note: null }, { id: 2.5, note: 'x' }], source: 'files' };
  test('catalog', async () => {
    server.answers['GET /api/v2/catalog'] = { body: tables };
    assert.match(await ok('catalog'), /^ID +ROWS +SIZE +AGE +DESCRIPTION\norders +- +- +- +Orders\n$/);
    assert.equal(JSON.parse(await ok('catalog', '--json')).tables[0].description, 'Orders');
    await ok('catalog', '--refresh');
    assert.deepEqual(last(), ['GET', '/api/v2/catalog?refresh=1']);
    server.answers['GET /api/v2/catalog'] = { status: 500, body: { detail: 'broken' } };
    await fails(5, /cannot list the tables: broken \(HTTP 500\)/, 'catalog');
  });
  test('metrics', async () => {
    server.answers['GET /api/metrics'] = { body: { metrics: [{ id: 'revenue/mrr', name: 'mrr', category: 'revenue', display_name: 'MRR', unit: 'EUR', sql: 'SELECT 1' }] } };
    assert.match(await ok('catalog', '--metrics'), /revenue +revenue\/mrr +MRR +EUR/);
    assert.equal(JSON.parse(await ok('catalog', '--metrics', '--json')).length, 1);
    assert.match(await ok('catalog', '--metrics', '--show', 'revenue/mrr'), /SQL:\s+SELECT 1/);
    await fails(1, /nope/, 'catalog', '--metrics', '--show', 'nope');
  });
  test('schema, with the contract’s exit codes', async () => {
    server.answers['GET /api/v2/schema/orders'] = { body: schema };
    assert.match(await ok('schema', 'orders'), /^orders \(files, duckdb SQL\)\nCOLUMN +TYPE.*\nid +BIGINT +yes +Key\n$/);
    assert.deepEqual(JSON.parse(await ok('schema', '--json', 'orders')), schema);
    for (const [status, code] of [[403, 8], [404, 2], [401, 3], [503, 5]]) {
      server.answers['GET /api/v2/schema/hidden'] = { status, body: { detail: 'no' } };
      await fails(code, /cannot describe hidden: no/, 'schema', 'hidden');
    }
    await fails(2, /HTTP 404/, 'schema', '../../etc/passwd');
    assert.equal(server.requests.at(-2).path, '/api/v2/schema/../../etc/passwd');
  });
  test('describe and sample', async () => {
    server.answers['GET /api/v2/schema/orders'] = { body: schema };
    server.answers['GET /api/v2/sample/orders'] = { body: sample };
    for (const name of ['describe', 'sample']) {
      assert.match(await ok(name, 'orders', '-n', '2'), /2 rows of it:\n id {2}note\n-+ {2}----\n {2}1 {2}NULL\n2\.5 {2}x\n$/);
      assert.deepEqual(last(), ['GET', '/api/v2/sample/orders?n=2']);
      assert.deepEqual(JSON.parse(await ok(name, '-n', '2', 'orders', '--json')), { schema, sample });
    }
  });
  test('a sample keeps all digits, at any depth', async () => {
    const digits = '-12345678901234567890123456789';
    const deep = `${'{"x":'.repeat(200)}[]${'}'.repeat(200)}`;
    server.answers['GET /api/v2/schema/orders'] = { body: schema };
    server.answers['GET /api/v2/sample/orders'] = { body: { rawJson: `{"table_id":"orders","rows":[{"h":${digits},"d":${deep}},{"d":{"a":"1,\\" {","b":[1,{}]},"h":1e+300}],"source":"files"}` } };
    const shown = await ok('describe', 'orders');
    for (const part of [digits, deep, '1e+300']) assert.ok(shown.includes(part), shown);
    const json = await ok('describe', 'orders', '--json');
    assert.ok(json.includes(`"h": ${digits},`), json);
    assert.ok(json.replaceAll(/\s/g, '').includes(`"d":${deep}`), json);
    assert.match(json, /\n {8}"d": \{\n {10}"a": "1,\\" \{",\n {10}"b": \[\n {12}1,\n {12}\{\}\n {10}\]\n {8}\},\n/);
  });
});

describe('status', () => {
  test('before anything', async () => {
    rmSync(user.file('.claude'), { recursive: true });
    const status = JSON.parse(await ok('status', '--json'));
    assert.deepEqual(status, { workspace: user.workspace, initialized: false, parquet_tables: 0, duckdb_exists: false, last_synced: null, sessions_pending_upload: 0, server: server.url });
    assert.match(await ok('status'), /not set up/);
  });
  test('sessions of this workspace are counted', async () => {
    for (const folder of [user.workspace.replaceAll('/', '-'), user.workspace.replace(/[^a-zA-Z0-9]+/g, '-')]) {
      mkdirSync(path.join(user.home, '.claude/projects', folder), { recursive: true });
      writeFileSync(path.join(user.home, '.claude/projects', folder, 'one.jsonl'), '');
    }
    writeFileSync(path.join(user.home, '.claude/projects', user.workspace.replaceAll('/', '-'), 'two.jsonl'), '');
    assert.equal(JSON.parse(await ok('status', '--json')).sessions_pending_upload, 2);
  });
});

for (const [what, line] of Object.entries({
  'a user': ['admin', 'remove-user', 'u-1'],
  'a group': ['admin', 'group', 'delete', 'g-1'],
  'a table': ['admin', 'unregister-table', 'trips'],
}))
  test(`what cannot be undone is asked first: ${what}`, async () => {
    for (const input of ['n\n', '\n', '']) {
      const no = await user.run(line, { input });
      assert.equal(no.code, 1);
      assert.match(no.stderr, /\? \[y\/N\]:? /);
      assert.equal(server.requests.length, 0);
    }
    await user.run(line, { input: 'y\n' });
    assert.ok(server.requests.length > 0);
  });

describe('admin users', () => {
  test('list-users', async () => {
    assert.match(await ok('admin', 'list-users'), /dora@example.com +Dora +user +active +sales +u-1/);
    assert.equal(JSON.parse(await ok('admin', 'list-users', '--json'))[0].id, 'u-1');
    server.answers['GET /api/users'] = { status: 403, body: { detail: 'Admin privileges required' } };
    await fails(1, /cannot list the users: Admin privileges required \(HTTP 403\)/, 'admin', 'list-users', '--json');
  });
  test('add-user', async () => {
    server.answers['POST /api/users'] = { status: 201, body: { id: 'u-2', email: 'eve@example.com' } };
    await ok('admin', 'add-user', 'eve@example.com');
    assert.deepEqual(last(), ['POST', '/api/users', { email: 'eve@example.com', name: 'eve' }]);
    await ok('admin', 'add-user', '--name', 'Eve', 'eve@example.com');
    assert.equal(last()[2].name, 'Eve');
  });
  test('by address or id', async () => {
    for (const action of ['activate', 'deactivate']) {
      server.answers[`POST /api/users/u-1/${action}`] = { body: {} };
      await ok('admin', action, 'dora@example.com');
      assert.deepEqual(last(), ['POST', `/api/users/u-1/${action}`]);
      await ok('admin', action, 'u-1');
    }
    server.answers['DELETE /api/users/u-1'] = { status: 204 };
    await ok('admin', 'remove-user', '-y', 'u-1');
    await fails(1, /no user has the address nobody@example.com/, 'admin', 'deactivate', 'nobody@example.com');
  });
  test('passwords', async () => {
    server.answers['POST /api/users/u-1/set-password'] = { status: 204 };
    server.answers['POST /api/users/u-1/reset-password'] = { body: { reset_url: 'https://x/reset', email_sent: false } };
    await ok('admin', 'set-password', 'dora@example.com', '--password', 'a-long-password');
    assert.deepEqual(last()[2], { password: 'a-long-password' });
    const typed = await user.run(['admin', 'set-password', 'u-1'], { input: 'one\none\n' });
    assert.equal(typed.code, 0, typed.stderr);
    assert.equal((await user.run(['admin', 'set-password', 'u-1'], { input: 'one\ntwo\n' })).code, 1);
    assert.match(await ok('admin', 'reset-password', 'u-1'), /https:\/\/x\/reset/);
  });
  test('set-role says what took its place', () => fails(2, /group add-member Admin dora@example.com/, 'admin', 'set-role', 'dora@example.com', 'admin'));
});

describe('admin group and grant', () => {
  test('groups', async () => {
    assert.match(await ok('admin', 'group', 'list'), /sales +Sales +false +1 +2 +g-1/);
    server.answers['POST /api/admin/groups'] = { status: 201, body: { id: 'g-2' } };
    await ok('admin', 'group', 'create', 'ops');
    assert.deepEqual(last(), ['POST', '/api/admin/groups', { name: 'ops', description: null }]);
    server.answers['GET /api/admin/groups/g-1/members'] = { body: [{ email: 'dora@example.com', source: 'admin', active: true }] };
    assert.match(await ok('admin', 'group', 'members', 'sales'), /dora@example.com +admin +true/);
    server.answers['POST /api/admin/groups/g-1/members'] = { status: 201, body: {} };
    await ok('admin', 'group', 'add-member', 'sales', 'dora@example.com');
    assert.deepEqual(last(), ['POST', '/api/admin/groups/g-1/members', { email: 'dora@example.com' }]);
    server.answers['DELETE /api/admin/groups/g-1/members/u-1'] = { status: 204 };
    await ok('admin', 'group', 'remove-member', 'sales', 'dora@example.com');
    server.answers['DELETE /api/admin/groups/g-1'] = { status: 409, body: { detail: 'it has grants' } };
    await fails(1, /cannot delete the group: it has grants \(HTTP 409\)/, 'admin', 'group', 'delete', '-y', 'g-1');
    await fails(4, /there is no group nope/, 'admin', 'group', 'delete', '-y', 'nope');
  });
  test('grants', async () => {
    server.answers['GET /api/admin/grants'] = { body: [{ id: 'r-1', group_name: 'sales', resource_type: 'table', resource_id: 'orders', assigned_by: 'admin' }] };
    assert.match(await ok('admin', 'grant', 'list', '--group', 'sales', '--type', 'table'), /sales +table +orders +admin +r-1/);
    assert.equal(last()[1], '/api/admin/grants?resource_type=table&group_id=g-1');
    server.answers['POST /api/admin/grants'] = { status: 201, body: {} };
    await ok('admin', 'grant', 'create', 'sales', 'table', 'customers');
    assert.deepEqual(last()[2], { group_id: 'g-1', resource_type: 'table', resource_id: 'customers' });
    server.answers['DELETE /api/admin/grants/r-1'] = { status: 204 };
    await ok('admin', 'grant', 'delete', 'r-1');
    server.answers['GET /api/admin/resource-types'] = { body: [{ key: 'table', display_name: 'Tables', id_format: '<table_id>' }] };
    assert.match(await ok('admin', 'grant', 'resource-types'), /table +Tables +<table_id>/);
  });
});

describe('admin tables', () => {
  test('list-tables', async () => {
    server.answers['GET /api/admin/registry'] = { body: { tables: [{ id: 'orders', name: 'orders', source_type: 'files', query_mode: 'local', bucket: null }], count: 1 } };
    assert.match(await ok('admin', 'list-tables'), /orders +orders +files +local/);
    assert.equal(JSON.parse(await ok('admin', 'list-tables', '--json')).count, 1);
  });
  test('register-table sends what was given and no more', async () => {
    server.answers['POST /api/admin/register-table'] = { status: 201, body: {} };
    await ok('admin', 'register-table', 'trips', '--bucket', 'in.c-main', '--description', 'Trips');
    assert.deepEqual(last()[2], { name: 'trips', source_type: 'keboola', bucket: 'in.c-main', source_table: 'trips', query_mode: 'local', description: 'Trips', sync_strategy: 'full_refresh' });
    writeFileSync(user.file('q.sql'), 'SELECT 1\n');
    writeFileSync(user.file('f.json'), '[{"column": "a", "operator": "eq", "values": ["1"]}]');
    await ok('admin', 'register-table', 'mart', '--source-type', 'bigquery', '--bucket', 'd', '--query-mode', 'materialized', '--query', '@q.sql', '--sync-schedule', 'every 6h',
      '--primary-key', 'a, b', '--incremental-window-days', '7', '--where-filters-json', '@f.json', '--partition-by', 'day', '--partition-granularity', 'month', '--initial-load-chunk-days', '30', '--max-history-days', '90');
    const body = last()[2];
    assert.deepEqual([body.source_query, body.primary_key, body.incremental_window_days, body.where_filters[0].column, body.max_history_days], ['SELECT 1', ['a', 'b'], 7, 'a', 90]);
    await ok('admin', 'register-table', 'asked', '--source-type', 'bigquery', '--query-mode', 'materialized', '--query', 'SELECT 1');
    assert.deepEqual([last()[2].source_query, last()[2].bucket], ['SELECT 1', '']);
    await ok('admin', 'register-table', 'found', '--source-type', 'files');
    assert.equal(last()[2].source_type, 'local');
    server.answers['POST /api/admin/register-table'] = { status: 409, body: { detail: 'taken' } };
    assert.match(await ok('admin', 'register-table', 'trips'), /registered already/);
    server.answers['POST /api/admin/register-table/precheck'] = { body: { table: { name: 'trips', rows: 3 } } };
    assert.match(await ok('admin', 'register-table', 'trips', '--dry-run'), /can be registered(.|\n)*rows: 3/);
  });
  test('register-table refuses what cannot be', async () => {
    await fails(2, /needs --query.*or --bucket/, 'admin', 'register-table', 'x', '--source-type', 'bigquery', '--query-mode', 'materialized');
    await fails(2, /needs --bucket/, 'admin', 'register-table', 'x', '--query-mode', 'materialized', '--query', '{}');
    await fails(1, /there is no file nope\.sql/, 'admin', 'register-table', 'x', '--query', '@nope.sql');
    await fails(2, /is not JSON/, 'admin', 'register-table', 'x', '--where-filters-json', '{');
    await fails(2, /whole number/, 'admin', 'register-table', 'x', '--max-history-days', 'many');
    assert.equal(server.requests.length, 0);
  });
  test('update-table', async () => {
    server.answers['PUT /api/admin/registry/trips'] = { body: {} };
    await ok('admin', 'update-table', 'trips', '--description', 'All trips', '--query=');
    assert.deepEqual(last(), ['PUT', '/api/admin/registry/trips', { description: 'All trips', source_query: '' }]);
    await fails(2, /nothing to change/, 'admin', 'update-table', 'trips');
    await ok('admin', 'update-table', 'trips', '--name', 'Trips', '--expect-version', 'ab12');
    assert.equal(server.requests.at(-1).headers['if-match'], '"ab12"');
    server.answers['PUT /api/admin/registry/trips'] = { status: 412, body: { detail: { kind: 'changed_meanwhile', message: 'trips was changed by bob@example.com' } } };
    await fails(1, /changed by bob@example\.com.*HTTP 412/, 'admin', 'update-table', 'trips', '--name', 'Trips', '--expect-version', 'ab12');
  });
  test('unregister-table', async () => {
    server.answers['DELETE /api/admin/registry/trips'] = { status: 204 };
    await user.run(['admin', 'unregister-table', 'trips'], { input: 'y\n' });
    assert.deepEqual(last(), ['DELETE', '/api/admin/registry/trips']);
    await ok('admin', 'unregister-table', 'trips', '--yes');
    await fails(4, /cannot unregister nope/, 'admin', 'unregister-table', 'nope', '-y');
  });
});

test('what a server says does not reach the terminal as control characters', async () => {
  server.answers['GET /api/v2/catalog'] = { body: { tables: [{ id: '\u001b[31mred', name: 'a\nb' }] } };
  assert.ok(!(await ok('catalog')).includes('\u001b'));
  server.answers['GET /api/v2/catalog'] = { status: 400, body: { detail: '\u001b[2Jgone' } };
  const result = await user.run(['catalog']);
  assert.ok(!result.stderr.includes('\u001b'));
});

test('through a proxy that the environment names', async () => {
  const result = await user.run(['catalog'], { env: { http_proxy: 'http://127.0.0.1:9', no_proxy: '' } });
  assert.equal(result.code, 6);
  assert.match(result.stderr, /^Error: cannot reach/);
});
