// Starting and stopping: what is wrong is said in one line, with a status other than 0, and nothing is touched.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { makeNewer, writeDatabase } from '../lib/duckdb.mjs';
import { root, runServer, startServer, temporaryFolder } from '../lib/server.mjs';

// A configuration folder with this instance.yaml.
function configured(yaml) {
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, 'instance.yaml'), yaml);
  return folder;
}
const start = (extra = [], env = {}) => runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', temporaryFolder(), ...extra], env);

function refused({ status, stderr }, pattern) {
  assert.notEqual(status, 0, stderr);
  assert.match(stderr, pattern);
  const said = stderr.trim().split('\n').filter((line) => !/^\d{4}-\d\d-\d\dT\S+ (info|warning) /.test(line));
  assert.equal(said.length, 1, `one line beside the log: ${stderr}`);
}

for (const [what, yaml, pattern] of [
  ['YAML that cannot be read', 'instance: [', /instance\.yaml, line \d+/],
  ['an unknown setting', 'instance:\n  nmae: x\n', /no setting instance\.nmae.*instance\.name/],
  ['a setting of the wrong kind', 'query:\n  timeout_seconds: soon\n', /query\.timeout_seconds must be a whole number/],
  ['an environment variable that is not set', 'data_source:\n  files:\n    path: ${NO_SUCH_FOLDER}/in\n', /NO_SUCH_FOLDER, which is not set/],
  ['a source that does not exist', 'data_source:\n  type: oracle\n', /data_source\.type/],
  ['a value out of its range', 'query:\n  timeout_seconds: 300\n', /query\.timeout_seconds is 300 and must be a whole number from 1 to 60/],
  ['a page after sign-in that is elsewhere', 'instance:\n  home_route: //evil.example\n', /instance\.home_route .* a path of this server/],
]) {
  test(`${what} is named`, async () => refused(await start(['--config-dir', configured(yaml)]), pattern));
}

test('a variable out of its range is named, with its setting', async () => {
  const env = { AGNES_QUERY_TIMEOUT_SECONDS: '300' };
  refused(await start([], env), /AGNES_QUERY_TIMEOUT_SECONDS \(query\.timeout_seconds\) is "300" and must be a whole number from 1 to 60/);
  refused(await start([], { SCHEDULER_DATA_REFRESH_INTERVAL: '0' }), /SCHEDULER_DATA_REFRESH_INTERVAL is "0"/);
  refused(await start([], { SERVER_URL: 'agnes.example.com' }), /SERVER_URL/);
});

test('what is set of features that are not built is named once, and nothing else is said of it', async () => {
  const config = configured('jira:\n  domain: x.example.com\ntheme:\n  primary: "#fff"\nguardrails: {}\n');
  const server = await startServer({ config, env: { POSTHOG_HOST: 'x' } });
  const lines = server.log.split('\n').filter((line) => /jira|POSTHOG/.test(line));
  assert.equal(lines.length, 1, server.log);
  for (const name of ['jira', 'theme', 'guardrails', 'POSTHOG_HOST']) assert.match(lines[0], new RegExp(`\\b${name}\\b`));
  await server.stop();
});

test('settings --json lists every setting', async () => {
  const { status, stdout } = await runServer(['settings', '--json']);
  assert.equal(status, 0);
  const { settings, unbuilt } = JSON.parse(stdout);
  const named = (name) => settings.find((s) => s.name === name);
  assert.deepEqual(named('query.timeout_seconds'), {
    name: 'query.timeout_seconds', path: 'query.timeout_seconds', variable: 'AGNES_QUERY_TIMEOUT_SECONDS', type: 'integer', default: 60, same_as: null,
    ge: 1, le: 60, one_of: [], allowed: 'a whole number from 1 to 60', secret: false, applies: 'restart', help: 'A statement is ended after this time', module: 'query',
  });
  assert.equal(named('JWT_SECRET_KEY').secret, true);
  assert.equal(named('JWT_SECRET_KEY').path, null);
  assert.equal(named('data_source.bigquery.billing_project').same_as, 'data_source.bigquery.project');
  assert.ok(unbuilt.settings.includes('jira.domain') && !named('jira.domain'));
  assert.ok(unbuilt.variables.includes('POSTHOG_HOST'));
});

test('an option that does not exist, a port that is none', async () => {
  assert.notEqual((await start(['--prot', '1'])).status, 0);
  assert.notEqual((await start(['--port', '70000'])).status, 0);
});

test('a port in use is named', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.on('listening', resolve));
  const { port } = other.address();
  const ended = await runServer(['--host', '127.0.0.1', '--port', String(port), '--data-dir', temporaryFolder()]);
  other.close();
  refused(ended, new RegExp(`127\\.0\\.0\\.1:${port}`));
});

test('a data directory that is a file, or whose parent is one, is named', async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'file');
  writeFileSync(file, 'x');
  for (const data of [file, path.join(file, 'data')])
    refused(await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', data]), /file/);
  assert.equal(readFileSync(file, 'utf8'), 'x');
});

test('a data directory that may not be written is named', async () => {
  if (process.getuid() === 0) return; // root may write everywhere
  const folder = temporaryFolder();
  chmodSync(folder, 0o500);
  refused(await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', folder]), /cannot be written/);
  chmodSync(folder, 0o700);
});

test('a second server on the same data directory says who has it', async () => {
  const first = await startServer({ signIn: false });
  const second = await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', first.data]);
  refused(second, new RegExp(`in use.*${first.child.pid}`));
  assert.equal((await first.get('/api/health')).status, 200);
  await first.stop();
});

test('a state database that is none is refused and left as it is', async () => {
  const data = temporaryFolder();
  mkdirSync(path.join(data, 'state'));
  const file = path.join(data, 'state', 'system.duckdb');
  writeFileSync(file, 'this is not a database');
  refused(await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', data]), /system\.duckdb/);
  assert.equal(readFileSync(file, 'utf8'), 'this is not a database');
});

test('an older state database is brought to the newest version, and the log names the file as it was', async () => {
  const data = temporaryFolder();
  const state = path.join(data, 'state');
  mkdirSync(state);
  const old = gunzipSync(readFileSync(path.join(root, 'tests/golden/schema/v31.duckdb.gz')));
  writeFileSync(path.join(state, 'system.duckdb'), old);
  const server = await startServer({ data, signIn: false });
  await server.logged(/bringing \S+system\.duckdb from schema version 31 to 40/);
  const [, copy] = /the file as it was is kept as (\S+)/.exec(server.log);
  assert.equal(path.dirname(copy), state);
  assert.match(path.basename(copy), /^system\.duckdb\.v31-\d{8}T\d{6}$/);
  assert.ok(readFileSync(copy).equals(old));
  const health = (await server.get('/api/health')).json;
  assert.deepEqual([health.db_schema, health.current, health.expected], ['ok', 40, 40]);
  await server.stop();
});

test('a state database of a newer version is refused and left as it is', async () => {
  const data = temporaryFolder();
  const state = path.join(data, 'state');
  mkdirSync(state);
  const file = path.join(state, 'system.duckdb');
  writeFileSync(file, gunzipSync(readFileSync(path.join(root, 'tests/golden/schema/v40.duckdb.gz'))));
  (await writeDatabase(file, ['UPDATE schema_version SET version = 41']))();
  const before = readFileSync(file);
  refused(await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', data]), /system\.duckdb.*version 41.*40/);
  assert.ok(readFileSync(file).equals(before));
  assert.deepEqual(readdirSync(state).filter((name) => name.startsWith('system.duckdb')), ['system.duckdb']);
});

test('a state database that only a later DuckDB can read is refused with a way out', async () => {
  const server = await startServer({ signIn: false });
  await server.stop();
  const file = path.join(server.data, 'state', 'system.duckdb');
  makeNewer(file);
  const before = readFileSync(file);
  refused(await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', server.data]), /DuckDB v\d.* cannot read; docs\/switching\.md/);
  assert.ok(readFileSync(file).equals(before));
});

test('a variable that means nothing here is reported once', async () => {
  const server = await startServer({ signIn: false, env: { CONNECTORS_DIR: '/x' } });
  await server.stop();
  assert.equal(server.log.match(/CONNECTORS_DIR/g).length, 1);
});

test('stopping lets a running request end', async () => {
  const server = await startServer();
  const running = server.post('/api/query', { sql: 'SELECT sum(a.range * b.range) FROM range(8000) a, range(8000) b' }, { token: server.admin.token });
  // The statement is under way once its process is: the answer to another one says so.
  await server.post('/api/query', { sql: 'SELECT 1' }, { token: server.admin.token });
  await server.stop();
  assert.equal((await running).status, 200);
});

test('--version says it', async () => {
  const server = await runServer(['--version']);
  assert.equal(server.status, 0);
});
