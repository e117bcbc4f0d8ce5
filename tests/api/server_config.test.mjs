// Settings over HTTP: what is shown, what may be changed by whom, what is refused, and that secrets stay in.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileText, must, runServer, startServer, temporaryFolder } from '../lib/server.mjs';

let server, admin, ana;
const settings = '/api/admin/server-config';
const configure = '/api/admin/configure';

before(async () => {
  server = await startServer();
  admin = { token: server.admin.token };
  ana = { token: (await server.addUser('ana@example.com')).token };
});
after(() => server.stop());

const state = (name, of = server) => path.join(of.data, 'state', name);
const shown = async (of = server, as = admin) => must(200, await of.get(settings, as)).json;
const save = (sections, more = {}, of = server, as = admin) => of.post(settings, { sections, ...more }, as);
const saved = async (sections, more) => must(200, await save(sections, more)).json;
const missing = (name) => {
  try {
    return fileText(state(name)) === '';
  } catch {
    return true;
  }
};

for (const [method, target] of [['GET', settings], ['POST', settings], ['POST', configure]]) {
  const json = method === 'GET' ? undefined : { nonsense: 1 };
  test(`${method} ${target}: 401 for nobody, 403 for an analyst, whatever the body`, async () => {
    assert.equal((await server.request(method, target, { json })).status, 401);
    assert.equal((await server.request(method, target, { json, token: ana.token })).status, 403);
  });
}

test('bad bodies name the place, and nothing is saved', async () => {
  const places = async (target, body, more = {}) => {
    const answer = await server.request('POST', target, { ...admin, ...(body === undefined ? more : { json: body }) });
    assert.equal(answer.status, 422, answer.text);
    return answer.json.detail.map((problem) => problem.loc.join('.'));
  };
  assert.deepEqual(await places(settings, { sections: [] }), ['body.sections']);
  assert.deepEqual(await places(settings, { sections: { instance: null, theme: 'dark' } }), ['body.sections.instance', 'body.sections.theme']);
  assert.deepEqual(await places(settings, { sections: {}, confirm_danger: null }), ['body.confirm_danger']);
  assert.deepEqual(await places(configure, {}), ['body.data_source']);
  for (const field of ['keboola_token', 'keboola_url', 'bigquery_project', 'bigquery_location', 'instance_name', 'allowed_domain'])
    assert.deepEqual(await places(configure, { data_source: 'local', [field]: 5 }), [`body.${field}`]);
  assert.deepEqual(await places(configure, { data_source: 'bigquery', bigquery_project: 'Bad Project!' }), ['body.bigquery_project']);
  for (const target of [settings, configure]) {
    assert.equal((await server.request('POST', target, { ...admin, body: '{"sections": {', headers: { 'content-type': 'application/json' } })).status, 422);
    assert.equal((await server.request('POST', target, { ...admin, json: [1] })).status, 422);
  }
  assert.ok(missing('instance.yaml') && missing('.env_overlay'));
});

test('each wrong setting is refused with its name', async () => {
  const wrong = [
    [422, {}, /sections/],
    [400, { thmee: { a: 1 }, instance: { name: 'No' } }, /thmee/],
    [400, { query: { max_rows: 1 } }, /query/],
    [422, { instance: { bogus: 1 } }, /instance\.bogus/],
    [422, { instance: { name: 5 } }, /instance\.name/],
    [422, { email: { smtp_port: 'x' } }, /email\.smtp_port/],
    [422, { materialize: { lock_ttl_seconds: 59 } }, /60 to 604800/],
    [422, { data_source: { type: 'oracle' } }, /data_source\.type/],
    [422, { data_source: { keboola: { stack_url: 5 } } }, /stack_url/],
    [422, { data_source: { keboola: { stack_url: 'ftp://8.8.8.8/' } } }, /http/],
    ...['http://127.0.0.1/', 'http://localhost:8000', 'https://10.0.0.5/', 'http://169.254.169.254/latest', 'http://[::1]/',
      'http://[::ffff:127.0.0.1]/', 'http://2130706433/', 'not a url'].map((url) => [400, { data_source: { keboola: { stack_url: url } } }, /stack_url/]),
    [400, { server: { hostname: 'agnes.example.com' } }, /confirm_danger/],
    [400, { theme: { primary: '#fff' }, auth: { allowed_domain: 'example.com' } }, /auth/],
  ];
  for (const [status, sections, said] of wrong) {
    const answer = await save(sections);
    assert.equal(answer.status, status, `${JSON.stringify(sections)}: ${answer.text}`);
    assert.match(answer.json.detail, said);
  }
  assert.ok(missing('instance.yaml'));
});

test('configure refuses what cannot work', async () => {
  for (const [body, said] of [
    [{ data_source: 'Local' }, /data_source/],
    [{ data_source: 'keboola', keboola_url: 'https://8.8.8.8/' }, /keboola_token/],
    [{ data_source: 'keboola', keboola_token: 't' }, /keboola_url/],
    [{ data_source: 'keboola', keboola_token: 't', keboola_url: 'http://127.0.0.1/' }, /private/],
    [{ data_source: 'bigquery' }, /bigquery_project/],
  ]) {
    const answer = await server.post(configure, body, admin);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.json.detail, said);
  }
  assert.ok(missing('instance.yaml'));
});

test('what is saved is shown at once and counts from the next start', async () => {
  assert.equal((await shown()).restart_pending, false);
  assert.deepEqual(await saved({ instance: { name: 'Acme', subtitle: 'Data' } }),
    { status: 'ok', restart_required: true, sections_updated: ['instance'], diff_count: 2, overridden: [] });
  assert.equal((await saved({ instance: { subtitle: null } })).diff_count, 1);
  assert.equal((await saved({ server: { hostname: 'agnes.example.com' } }, { confirm_danger: true })).diff_count, 1);
  const now = await shown();
  assert.deepEqual(now.sections.instance, { name: 'Acme', subtitle: null });
  assert.equal(now.restart_pending, true);
  assert.deepEqual(now.settings.filter((s) => !s.restart || !s.help || !s.kind), []);
  assert.ok(now.settings.find((s) => s.path === 'email.smtp_password').secret);
});

test('a secret is in no answer, no audit row and no settings file, and masked means unchanged', async () => {
  await saved({ email: { smtp_host: 'mail.example.com', smtp_password: 'hunter-two' }, jira: { sites: [{ name: 'a', api_token: 'tok-a' }] } });
  const first = await shown();
  assert.deepEqual(first.sections.email, { smtp_host: 'mail.example.com', smtp_password: '***' });
  assert.deepEqual(first.sections.jira, { sites: [{ name: 'a', api_token: '***' }] });
  assert.equal((await saved({ email: first.sections.email, jira: first.sections.jira })).diff_count, 0);
  assert.equal((await saved({ email: { smtp_password: 'hunter-three' } })).diff_count, 1);
  for (const text of [JSON.stringify(await shown()), fileText(state('instance.yaml')), server.log]) assert.doesNotMatch(text, /hunter|tok-a/);
  const database = readdirSync(state('.')).filter((name) => name.startsWith('system.duckdb')).map((name) => fileText(state(name))).join('');
  assert.match(database, /instance_config\.update/);
  assert.match(database, /email\.smtp_password/);
  assert.doesNotMatch(database, /hunter|tok-a/);
  assert.match(fileText(state('.env_overlay')), /^SMTP_PASSWORD=hunter-three$/m);
  for (const name of ['instance.yaml', '.env_overlay']) assert.equal(statSync(state(name)).mode & 0o777, 0o600);
});

test('the server starts with what it saved, and says what it had changed', async () => {
  const data = temporaryFolder();
  const config = path.join(data, 'config');
  mkdirSync(config);
  const file = path.join(config, 'instance.yaml');
  const own = 'instance:\n  name: Base\n  subtitle: Kept  # by hand\n';
  writeFileSync(file, own);
  let second = await startServer({ data, config, env: { SMTP_HOST: 'outside' } });
  let as = { token: second.admin.token };
  const answer = must(200, await save({ instance: { name: 'Over' }, email: { smtp_host: 'mine', smtp_password: 'pw' } }, {}, second, as)).json;
  assert.deepEqual(answer.overridden, ['email.smtp_host (SMTP_HOST)']);
  await second.stop();
  second = await startServer({ data, config });
  as = { token: second.admin.token };
  const now = await shown(second, as);
  assert.deepEqual(now.sections.instance, { name: 'Over', subtitle: 'Kept' });
  assert.equal(now.restart_pending, false);
  assert.equal(now.settings.find((s) => s.path === 'email.smtp_password').overridden, false);
  assert.equal(fileText(file), own);

  writeFileSync(state('instance.yaml', second), 'instance: [');
  for (const broken of [await second.get(settings, as), await save({ theme: { primary: '#fff' } }, {}, second, as),
    await second.post(configure, { data_source: 'local' }, as)]) {
    assert.equal(broken.status, 409);
    assert.match(broken.json.detail, /instance\.yaml in the folder state cannot be read/);
  }
  assert.equal(fileText(state('instance.yaml', second)), 'instance: [');
  await second.stop();
  const ended = await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', data, '--config-dir', config]);
  assert.equal(ended.status, 1);
  assert.match(ended.stderr, /instance\.yaml, line 1/);
});

test('null goes back to what the operator wrote, at once and after a restart, also where it lies in the overlay from before', async () => {
  const data = temporaryFolder();
  const config = path.join(data, 'config');
  mkdirSync(config);
  const files = temporaryFolder();
  writeFileSync(path.join(config, 'instance.yaml'), `instance: {name: Base}\ndata_source: {type: local, files: {path: ${files}}}\n`);
  let second = await startServer({ data, config });
  let as = { token: second.admin.token };
  const path_ = async () => (await shown(second, as)).sections.data_source.files.path;
  const set = async (value) => must(200, await save({ data_source: { files: { path: value } }, email: { smtp_host: value } }, {}, second, as)).json.diff_count;
  assert.equal(await set('/nonexistent'), 2);
  assert.equal(await path_(), '/nonexistent');
  assert.equal(await set(null), 2);
  assert.equal(await path_(), files);
  assert.equal(await set(null), 0);
  assert.equal((await shown(second, as)).sections.email.smtp_host, null);
  await second.stop();
  writeFileSync(state('instance.yaml', second), 'data_source: {files: null}\ninstance: {name: null}\n');
  second = await startServer({ data, config });
  as = { token: second.admin.token };
  assert.equal(await path_(), files);
  assert.equal((await shown(second, as)).sections.instance.name, 'Base');
  assert.match(second.log, /what administrators changed counts before them: .*state\/instance\.yaml/);
  must(200, await second.post('/api/admin/files/test-connection', {}, as));
  await second.stop();
});

test('configure sets up a source anew and leaves the others', async () => {
  await saved({ data_source: { bigquery: { project: 'an-old-project', bq_max_scan_bytes: 1 }, files: { exclude: ['a'] } } });
  const answer = must(200, await server.post(configure, { data_source: 'bigquery', bigquery_project: 'my-test-project', instance_name: 'Set up' }, admin)).json;
  assert.deepEqual(answer, { status: 'ok', data_source: 'bigquery', connection: 'not_checked', restart_required: true, overridden: [] });
  const { sections } = await shown();
  assert.deepEqual(sections.data_source, {
    bigquery: { project: 'my-test-project', location: 'us', max_bytes_per_materialize: 10737418240, bq_max_scan_bytes: 5368709120 },
    files: { exclude: ['a'] },
    type: 'bigquery',
  });
  assert.equal(sections.instance.name, 'Set up');
  const part = must(200, await server.get('/api/health/detailed', admin)).json.services.bq_config;
  assert.deepEqual([part.status, part.billing_project], ['info', 'my-test-project']);
  assert.equal(must(200, await server.post(configure, { data_source: 'local' }, admin)).json.connection, 'local');
  assert.equal((await shown()).sections.data_source.type, 'local');
});

test('two administrators at once lose nothing of each other', async () => {
  const fields = ['primary', 'accent', 'font', 'radius', 'shadow', 'border', 'muted', 'link'];
  await Promise.all(fields.map((field) => saved({ theme: { [field]: field } })));
  assert.deepEqual((await shown()).sections.theme, Object.fromEntries(fields.map((field) => [field, field])));
});
