// What an operator watches a server by: /api/health/detailed, /metrics, the log; and the client packages at /cli.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { must, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

// The lines of the text format as {name, labels, value}, held against its grammar.
function parseMetrics(text) {
  const types = new Map();
  const samples = [];
  for (const line of text.split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment) {
      if (comment[1] === 'TYPE') {
        assert.ok(!types.has(comment[2]), `${comment[2]} has one type`);
        assert.match(comment[3], /^(counter|gauge|histogram)$/);
        types.set(comment[2], comment[3]);
      }
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+)$/.exec(line);
    assert.ok(sample, `no line of the format: ${line}`);
    const labels = Object.fromEntries([...(sample[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]]));
    const family = types.has(sample[1]) ? sample[1] : sample[1].replace(/_(bucket|sum|count)$/, '');
    assert.ok(types.has(family), `${sample[1]} has a type before it`);
    samples.push({ name: sample[1], labels, value: Number(sample[3]) });
  }
  assert.ok(text.endsWith('\n'));
  const keys = samples.map((s) => s.name + JSON.stringify(s.labels));
  assert.equal(new Set(keys).size, keys.length, 'each series once');
  return {
    all: samples,
    value: (name, labels = {}) => samples.find((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v))?.value,
  };
}

const kToken = 'a-token-of-prometheus';

test('metrics: what was asked, answered, run and synced', async () => {
  const site = await startSite({ 'orders.csv': 'id\n1\n2\n' }, { env: { AGNES_METRICS_TOKEN: kToken } });
  await site.sync();
  const ana = await site.analyst('ana@example.com', ['orders']);
  must(200, await site.query('SELECT count(*) FROM orders', ana.token));
  assert.equal((await site.query('SELECT nothing FROM orders', ana.token)).status, 400);
  must(403, await site.get('/api/data/none/download', { token: ana.token }));
  must(404, await site.get('/wp-login.php?x="\\'));
  const answer = must(200, await site.get('/metrics', { token: kToken }));
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const metrics = parseMetrics(answer.text);
  const asked = (labels) => metrics.value('agnes_http_requests_total', labels);
  assert.equal(asked({ method: 'POST', route: '/api/query', status: '200' }), 1);
  assert.equal(asked({ method: 'POST', route: '/api/query', status: '400' }), 1);
  assert.equal(asked({ method: 'GET', route: '/api/data/{table_id}/download', status: '403' }), 1);
  assert.equal(asked({ route: '', status: '404' }), 1);
  assert.equal(metrics.value('agnes_http_request_duration_seconds_count', { route: '/api/query' }), 2);
  assert.equal(metrics.value('agnes_http_request_duration_seconds_bucket', { route: '/api/query', le: '+Inf' }), 2);
  const buckets = metrics.all.filter((s) => s.name.endsWith('_bucket') && s.labels.route === '/api/query').map((s) => s.value);
  assert.deepEqual(buckets, [...buckets].sort((a, b) => a - b));
  assert.equal(metrics.value('agnes_query_statements_total', { outcome: 'ok' }), 1);
  assert.equal(metrics.value('agnes_query_statements_total', { outcome: 'refused' }), 1);
  assert.equal(metrics.value('agnes_query_statements_total', { outcome: 'crashed' }), 0);
  assert.equal(metrics.value('agnes_job_runs_total', { job: 'sync', outcome: 'ok' }), 1);
  assert.equal(metrics.value('agnes_job_runs_total', { job: 'sync', outcome: 'failed' }), 0);
  assert.ok(metrics.value('agnes_job_last_success_timestamp_seconds', { job: 'sync' }) > 1.6e9);
  const source = readdirSync(path.join(site.data, 'extracts')).find((n) => !n.startsWith('.'));
  assert.equal(metrics.value('agnes_tables', { source }), 1);
  assert.equal(metrics.value('agnes_rows', { source }), 2);
  assert.ok(metrics.value('agnes_newest_table_timestamp_seconds', { source }) > 1.6e9);
  for (const name of ['agnes_generation', 'agnes_build_info', 'process_resident_memory_bytes', 'process_open_fds', 'process_start_time_seconds', 'agnes_disk_free_bytes', 'agnes_query_workers_max'])
    assert.ok(metrics.value(name) > 0, name);
  assert.doesNotMatch(answer.text, /orders|ana@example/, 'no names of tables or people');
  await site.stop();
});

test('metrics: who may see them', async () => {
  const server = await startServer({ env: { AGNES_METRICS_TOKEN: kToken } });
  const ana = await server.addUser('ana@example.com');
  const status = async (headers) => (await server.get('/metrics', { headers })).status;
  const attempts = [
    [{}, 401],
    [{ authorization: `Bearer ${ana.token}` }, 403],
    [{ authorization: `Bearer ${server.admin.token}` }, 200],
    [{ authorization: `Bearer ${kToken}` }, 200],
    [{ authorization: `Bearer ${kToken}x` }, 401],
    [{ authorization: `Bearer ${kToken.slice(1)}` }, 401],
    [{ authorization: 'Bearer ' }, 401],
    [{ authorization: kToken }, 401],
    [{ authorization: `Basic ${Buffer.from(`x:${kToken}`).toString('base64')}` }, 401],
    [{ cookie: `access_token=${kToken}` }, 401],
  ];
  for (const [headers, expected] of attempts) assert.equal(await status(headers), expected, JSON.stringify(headers));
  // The token opens nothing else.
  assert.equal((await server.get('/api/users', { token: kToken })).status, 401);
  await server.stop();

  for (const token of ['', 'short']) {
    const other = await startServer({ env: { AGNES_METRICS_TOKEN: token } });
    assert.equal((await other.get('/metrics', { headers: { authorization: `Bearer ${token}` } })).status, 401);
    assert.equal((await other.get('/metrics', { headers: { authorization: 'Bearer' } })).status, 401);
    if (token) assert.match(other.log, /AGNES_METRICS_TOKEN is shorter/);
    await other.stop();
  }
});

test('health in detail: the contract\'s parts for everybody, the operators\' for administrators', async () => {
  const site = await startSite({ 'orders.csv': 'id\n1\n' });
  await site.sync();
  const ana = await site.addUser('ana@example.com');
  assert.equal((await site.get('/api/health/detailed')).status, 401);
  const forAna = must(200, await site.get('/api/health/detailed', { token: ana.token })).json;
  assert.deepEqual(Object.keys(forAna.services), ['duckdb_state', 'data', 'users', 'session_pipeline']);
  assert.equal(forAna.status, 'healthy');
  const { services, status } = must(200, await site.get('/api/health/detailed?include=schema', { token: site.admin.token })).json;
  for (const part of ['db_schema', 'extracts', 'analytics', 'scheduler', 'workers', 'disk', 'configuration', 'mail', 'confinement'])
    assert.ok(part in services, part);
  for (const [name, part] of Object.entries(services)) assert.match(part.status ?? part.db_schema, /^(ok|info|warning|error|unknown)$/, name);
  assert.match(status, /^(healthy|degraded)$/);
  assert.equal(services.extracts.sources[0].tables, 1);
  assert.ok(services.extracts.sources[0].age_seconds >= 0);
  assert.equal(services.analytics.status, 'ok');
  assert.deepEqual(services.scheduler.failed, []);
  assert.equal(services.mail.status, 'info');
  assert.ok(services.disk.free_bytes > 0);

  // A source that is gone: the sync fails, and two parts say so.
  rmSync(site.source, { recursive: true });
  await site.sync();
  writeFileSync(path.join(site.config, 'instance.yaml'), 'nonsense: 1\n');
  const after = must(200, await site.get('/api/health/detailed', { token: site.admin.token })).json;
  assert.equal(after.services.configuration.status, 'warning');
  assert.match(after.services.configuration.detail, /nonsense/);
  assert.notEqual(after.status, 'healthy');
  await site.stop();
});

test('the log as JSON: each line by itself, with the request\'s id', async () => {
  const server = await startServer({ env: { AGNES_LOG_FORMAT: 'json', LOG_LEVEL: 'debug' } });
  const id = 'request-4711';
  assert.equal(must(401, await server.get('/api/users', { headers: { 'x-request-id': id } })).headers['x-request-id'], id);
  must(404, await server.get('/%22%0a%7b%22level%22%3a%22forged%22%7d%e2%80%a8\u00e9'.replace('\u00e9', '%c3%a9')));
  await new Promise((resolve) => net.connect(server.port, '127.0.0.1', function () { this.end('\x00\xff rubbish\r\n\r\n'); }).on('close', resolve).resume());
  await server.stop();
  const lines = server.log.trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const line of lines) {
    assert.deepEqual(Object.keys(line).slice(0, 3), ['time', 'level', 'message']);
    assert.match(line.level, /^(debug|info|warning|error)$/);
  }
  assert.ok(lines.some((line) => line.request_id === id && line.message.includes('/api/users')), 'the request\'s id is in the log');
  assert.ok(!lines.some((line) => line.level === 'forged'));
});

test('client packages: the archive holds the program, its libraries and nothing else', async () => {
  const server = await startServer();
  const facts = must(200, await server.get('/cli/package')).json;
  assert.match(facts.filename, /^agnes-[\w.]+-linux-\w+\.tar\.gz$/);
  const answer = must(200, await server.get(facts.download_url_path));
  assert.equal(answer.body.length, facts.size);
  assert.equal(createHash('sha256').update(answer.body).digest('hex'), facts.sha256);
  assert.match(answer.headers['content-disposition'], /attachment/);
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, 'a.tar.gz'), answer.body);
  execFileSync('tar', ['xzf', 'a.tar.gz'], { cwd: folder });
  rmSync(path.join(folder, 'a.tar.gz'));
  const files = readdirSync(folder);
  assert.ok(files.includes('agnes') && files.includes('libduckdb.so'));
  for (const file of files) assert.match(file, /^(agnes|lib[\w.+-]+\.so[\d.]*)$/);
  assert.match(execFileSync(path.join(folder, 'agnes'), ['--version'], { encoding: 'utf8', env: {} }), /\d/);
  // Ranges and repeated questions, as downloads that are resumed ask.
  const part = await server.get(facts.download_url_path, { headers: { range: 'bytes=0-99' } });
  assert.equal(part.status, 206);
  assert.deepEqual(part.body, answer.body.subarray(0, 100));
  for (const name of ['other.tar.gz', '..%2f..%2fetc%2fpasswd', 'agnes', `${facts.filename}%00`, '%2e%2e'])
    assert.ok([400, 404].includes((await server.get(`/cli/package/${name}`)).status), name);
  await server.stop();
});

test('wheels of the Python client', async () => {
  const dist = temporaryFolder();
  writeFileSync(path.join(dist, 'agnes_the_ai_analyst-1.2.0-py3-none-any.whl'), 'old');
  writeFileSync(path.join(dist, 'agnes_the_ai_analyst-1.3.0-py3-none-any.whl'), 'wheel');
  writeFileSync(path.join(dist, 'z$(id)-9-py3-none-any.whl'), 'no');
  writeFileSync(path.join(dist, 'secret.txt'), 'no');
  const server = await startServer({ env: { AGNES_CLI_DIST_DIR: dist } });
  const name = 'agnes_the_ai_analyst-1.3.0-py3-none-any.whl';
  assert.deepEqual(must(200, await server.get('/cli/latest')).json, { version: '1.3.0', wheel_filename: name, download_url_path: `/cli/wheel/${name}` });
  for (const target of ['/cli/download', `/cli/wheel/${name}`]) {
    const answer = must(200, await server.get(target));
    assert.equal(answer.text, 'wheel');
    assert.match(answer.headers['content-disposition'], new RegExp(`filename="?${name}`));
  }
  for (const other of ['agnes_the_ai_analyst-1.2.0-py3-none-any.whl', 'secret.txt', '..%2fsecret.txt', 'z$(id)-9-py3-none-any.whl'])
    assert.equal((await server.get(`/cli/wheel/${other}`)).status, 404, other);
  assert.match((await server.get('/cli/install.sh')).text, new RegExp(`^wheel='${name}'$`, 'm'));
  await server.stop();
});

test('the install script takes nothing but plain addresses from a request', async () => {
  const server = await startServer();
  // By hand: a client library would refuse to send some of these.
  const ask = (host) => new Promise((resolve, reject) => {
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write(`GET /cli/install.sh HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
    let text = '';
    socket.setEncoding('latin1').on('data', (d) => (text += d)).on('close', () => resolve(text)).on('error', reject);
  });
  const good = ['agnes.example.com', 'agnes.example.com:8443', 'localhost:8000', '[::1]:8000', 'my_host', '10.0.0.1'];
  for (const host of good) {
    const answer = await ask(host);
    assert.match(answer, /^HTTP\/1\.1 200 /, host);
    assert.ok(answer.includes(`\nserver='http://${host}'\n`), host);
    assert.match(answer, /^content-type: text\/plain/im);
    assert.match(answer, /^cache-control: no-store/im);
  }
  const attacks = [
    'evil.example.com$(id)', '`id`', "'; id; '", "a'b", '"a"', 'a;id', 'a|id', 'a&id', 'a b', 'a\tb', 'a>b', 'a<b', 'a\\b', 'a\\nb',
    '$HOME', '${IFS}id', 'a#b', 'a?b', 'a/b', '/', '', ':80', 'a:', 'a:b', 'a:80:80', 'a:999999', '[::1', '::1]', '[$(id)]', '[::1]x', 'a@b', 'a,b',
    '@SERVER@', '@WHEEL@', 'a\x01b', 'a\xe9b', `${'a'.repeat(300)}.example.com`, 'a*b', 'a!b', 'a%0aid', 'a~b', 'a{b}', 'a=b', 'a^b',
  ];
  for (const host of attacks) {
    const answer = await ask(host);
    assert.match(answer, /^HTTP\/1\.1 400 /, JSON.stringify(host));
    assert.ok(!answer.includes('#!/usr/bin'), host);
  }
  // What only a trusted proxy may say.
  const told = await server.get('/cli/install.sh', { headers: { 'x-forwarded-host': 'evil.example.com', 'x-forwarded-proto': 'https' } });
  assert.ok(told.text.includes(`server='http://127.0.0.1:${server.port}'`));
  execFileSync('bash', ['-n'], { input: told.text });
  await server.stop();

  const named = await startServer({ env: { SERVER_URL: 'https://agnes.example.com/' } });
  assert.ok((await named.get('/cli/install.sh', { headers: { host: 'evil.example.com' } })).text.includes("server='https://agnes.example.com'"));
  await named.stop();
});

test('where people come after signing in is a page that says how to go on', async () => {
  const server = await startServer();
  const get = (options) => server.get('/dashboard', options);
  assert.equal(must(302, await get({ headers: { accept: 'text/html' } })).headers.location, '/login?next=%2Fdashboard');
  const page = must(200, await get({ token: server.admin.token }));
  assert.match(page.headers['content-type'], /text\/html/);
  assert.ok(page.text.includes('As admin@example.com') && page.text.includes(`curl -fsSL ${server.url}/cli/install.sh | bash -s -- agnes`));
  assert.match(page.headers['content-security-policy'], /default-src 'none'/);
  assert.match((await server.get('/')).text, /href="\/login"/);
  await server.stop();
});

// A machine of an analyst: nothing but a home and the tools of every system.
function install(script, home, more = {}) {
  return execFileSync('bash', [], { input: script, cwd: home, encoding: 'utf8', env: { HOME: home, PATH: `${home}/.local/bin:/usr/bin:/bin`, ...more } });
}

test('curl .../cli/install.sh | bash: a client that works, replaced in one step, settings kept', async () => {
  const server = await startSite({ 'orders.csv': 'id\n1\n2\n' });
  await server.sync();
  const { token } = must(201, await server.post('/auth/tokens', { name: 'laptop' }, { token: server.admin.token })).json;
  const script = must(200, await server.get('/cli/install.sh')).text;
  const home = temporaryFolder();
  const said = install(script, home);
  assert.match(said, /Installed\. .*agnes init --server-url http:\/\/127/);
  const run = (args, cwd = home) => execFileSync('bash', ['-c', `agnes ${args}`], { cwd, encoding: 'utf8', env: { HOME: home, PATH: `${home}/.local/bin:/usr/bin:/bin`, AGNES_NO_UPDATE_CHECK: '1' } });
  assert.match(run('--version'), /\d+\.\d+\.\d+/);
  assert.equal(readFileSync(path.join(home, '.config/agnes/config.yaml'), 'utf8'), `server: ${server.url}\n`);
  // It reaches the server that it came from, and reads what it fetched there.
  mkdirSync(path.join(home, 'work'));
  run(`init --server-url ${server.url} --token ${token}`, path.join(home, 'work'));
  assert.match(run('query --format csv "SELECT count(*) AS orders FROM orders"', path.join(home, 'work')), /orders\s+2/);
  assert.match(run('diagnose'), /\[ok +\] api/);
  // Again, on top: one version, no leftovers, the configured server stays.
  writeFileSync(path.join(home, '.config/agnes/config.yaml'), 'server: https://agnes.example.com\nother: 1\n');
  assert.match(install(script, home), /The configured server stays https:\/\/agnes\.example\.com/);
  assert.equal(readFileSync(path.join(home, '.config/agnes/config.yaml'), 'utf8'), 'server: https://agnes.example.com\nother: 1\n');
  assert.equal(readdirSync(path.join(home, '.local/lib/agnes')).length, 1);
  mkdirSync(path.join(home, '.local/lib/agnes/0.0.1-older'));
  install(script, home);
  assert.equal(readdirSync(path.join(home, '.local/lib/agnes')).length, 1);
  assert.match(run('--version'), /\d+\.\d+\.\d+/);

  // A script that was cut off anywhere does nothing.
  const other = temporaryFolder();
  const fractions = [0.1, 0.3, 0.5, 0.7, 0.9, 0.97];
  for (const cut of [...fractions.map((f) => Math.floor(script.length * f)), script.lastIndexOf('main "$@"')]) {
    try {
      install(script.slice(0, cut), other);
    } catch {
      // bash says that it ends in the middle
    }
    assert.deepEqual(readdirSync(other), [], `cut after ${cut}`);
  }
  // What arrives is not what was promised; another platform; a server that went away.
  const fails = (text, said, env) => assert.throws(() => install(text, other, env), (error) => said.test(error.stderr.toString()));
  fails(script.replace('sum=$(field sha256)', `sum=${'0'.repeat(64)}`), /is not what .* sent/);
  fails(script.replace(/^platform='.*'$/m, "platform='plan9-vax'"), /has a client for plan9-vax, and this is linux-/);
  assert.ok(!existsSync(path.join(other, '.local/bin/agnes')) && !existsSync(path.join(other, '.config')));
  await server.stop();
  fails(script, /has no client to offer/);
  assert.deepEqual(readdirSync(path.join(other, '.local/lib/agnes')), []);
});

test('a folder of files that is not there is in the log from the start', async () => {
  const source = temporaryFolder();
  rmSync(source, { recursive: true });
  const site = await startSite({}, { source });
  await site.logged(/the folder of files '[^']+' is not there: mount its disk, or correct data_source\.files\.path/);
  await site.stop();
});

test('analysts are told how often data comes: what is set, else the schedule', async () => {
  for (const [settings, told] of [[{}, '15 minutes'], [{ env: { SCHEDULER_DATA_REFRESH_INTERVAL: '3600' } }, 'hour'], [{ settings: 'instance:\n  sync_interval: night\n' }, 'night']]) {
    const site = await startSite({ 'orders.csv': 'id\n1\n' }, settings);
    assert.match(must(200, await site.get('/api/welcome', { token: site.admin.token })).json.content, new RegExp(`New data comes about every ${told}\\.`));
    await site.stop();
  }
});
