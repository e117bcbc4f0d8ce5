// What scripts and agents rely on: exit codes by cause, errors as JSON, --json for every command.
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import { makeParquet, makeUser } from '../lib/agnes.mjs';
import { commands } from '../lib/cli-help.mjs';
import { makeToken, startFake } from '../lib/fake-agnes.mjs';

let server;
let user;
let made;
before(async () => {
  made = await makeParquet({ orders: 'SELECT 1 AS id' });
});
beforeEach(async () => {
  server = await startFake({ tables: made });
  user = makeUser();
  user.signIn(server.url, server.token);
});
afterEach(async () => {
  user.remove();
  await server.stop();
});

// Commands of every kind, each of which asks the server for something.
const kCommands = [
  ['pull'], ['catalog'], ['catalog', '--metrics'], ['schema', 'orders'], ['describe', 'orders'], ['sample', 'orders'], ['query', '--remote', 'SELECT 1'],
  ['onboarded', 'status'], ['onboarded', 'on'], ['auth', 'whoami'], ['auth', 'token', 'list'], ['auth', 'token', 'create', '--name', 'x'], ['auth', 'token', 'revoke', 'x'],
  ['admin', 'list-users'], ['admin', 'add-user', 'a@example.com'], ['admin', 'remove-user', 'u1', '-y'], ['admin', 'deactivate', 'u1'], ['admin', 'group', 'list'],
  ['admin', 'group', 'create', 'g'], ['admin', 'grant', 'list'], ['admin', 'grant', 'delete', 'g1'], ['admin', 'list-tables'], ['admin', 'register-table', 'x'],
  ['admin', 'unregister-table', 'x', '-y'], ['admin', 'metadata-show', 'orders'], ['admin', 'sync'], ['admin', 'jobs', 'list'], ['admin', 'jobs', 'run', 'sync'],
  ['admin', 'metrics', 'export'], ['admin', 'discover-and-register'],
];
const kCodes = { not_signed_in: 3, not_found: 4, server_fault: 5, unreachable: 6, not_allowed: 8 };
const kStatus = { not_signed_in: 401, not_found: 404, server_fault: 503, not_allowed: 403 };
// What recorded answers of the contract's client fix.
const kRecorded = {
  'query not_allowed': 1, 'catalog not_signed_in': 5, 'catalog not_found': 1, 'schema not_found': 2, 'describe not_found': 2, 'sample not_found': 2,
  'auth whoami not_signed_in': 1, 'admin list-users not_allowed': 1, 'admin deactivate not_found': 1,
};
const nameOf = (args) => args.slice(0, { admin: 2, auth: 2, onboarded: 2 }[args[0]] ?? 1).join(' ');

// Lines of standard error that are JSON, of which the last is the error.
const errorOf = (result, kind) => {
  const lines = result.stderr.trim().split('\n').map((line) => JSON.parse(line));
  for (const line of lines) assert.ok(line.error ?? line.note, JSON.stringify(line));
  const { error } = lines.at(-1);
  assert.deepEqual(Object.keys(error), ['kind', 'message', 'hint']);
  assert.equal(error.kind, kind, result.stderr);
  assert.ok(error.message.length > 5);
  return error;
};
const oneValue = (text) => text === '' || JSON.parse(text) !== undefined;

for (const [cause, code] of Object.entries(kCodes))
  test(`one exit code for ${cause}, whatever the command`, async () => {
      const status = kStatus[cause];
    if (!status) user.signIn('http://127.0.0.1:9', server.token);
    for (const args of kCommands) {
      server.faults = [{ path: '/', status, body: { detail: 'as the test says' }, times: 100 }];
      // What a server of another version does not have is no error of every command's.
      if (cause === 'not_found' && ['onboarded', 'pull'].includes(args[0])) continue;
      const expected = kRecorded[`${nameOf(args)} ${cause}`] ?? code;
      const result = await user.run([...args, '--json'], { env: { AGNES_STREAM_RETRIES: '0' } });
      assert.equal(result.code, expected, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
      assert.ok(oneValue(result.stdout));
      const error = errorOf(result, cause);
      if (cause !== 'not_found') assert.ok(error.hint, `${args.join(' ')}: ${result.stderr}`);
      const text = await user.run(args, { env: { AGNES_STREAM_RETRIES: '0' } });
      assert.equal(text.code, expected);
      assert.match(text.stderr, /^Error: .*\n$/m);
    }
  });

test('what the command line has wrong is 2, in JSON, too', async () => {
  for (const args of [['nonsense'], ['pull', '--nope'], ['schema'], ['query', 'SELECT 1', '--format', 'xml'], ['query', 'SELECT 1', '--limit', 'x'], ['describe', 'orders', '-n', '0'],
    ['describe', 'orders', '-n', '101'], ['auth', 'token', 'create'], ['admin', 'update-table', 'x'], ['catalog', '--fields', 'nope'], ['completion', 'tcsh'], ['diagnose', '--component', 'nope']]) {
    const result = await user.run([...args, '--json']);
    assert.deepEqual([result.code, result.stdout], [2, ''], args.join(' '));
    errorOf(result, 'usage');
  }
  for (const args of [['admin', '--json'], ['--json']])
    assert.match(errorOf(await user.run(args), 'usage').message, /takes a command$/);
  assert.match((await user.run(['--version', '--json'])).stdout, /^\{\n {2}"version": "[\d.]+"\n\}\n$/);
});

test('an answer that is none is the server’s fault', async () => {
  for (const args of [['catalog'], ['schema', 'orders'], ['admin', 'group', 'list'], ['auth', 'token', 'list']]) {
    server.faults = [{ path: '/', status: 404, body: { rawJson: '<html>' }, times: 9 }];
    assert.match(errorOf(await user.run([...args, '--json']), 'server_fault').message, /answers, but not as an Agnes server/);
    server.faults = [{ path: '/', status: 200, body: { rawJson: '<html>' }, times: 9 }];
    const result = await user.run([...args, '--json']);
    assert.equal(result.code, 5, args.join(' '));
    errorOf(result, 'server_fault');
  }
});

test('a page for people is told as another server, whatever the command', async () => {
  for (const args of [['catalog'], ['pull'], ['auth', 'token', 'list'], ['query', '--remote', 'SELECT 1']])
    for (const status of [200, 404]) {
      server.faults = [{ path: '/', status, headers: { 'content-type': 'text/html; charset=utf-8' }, body: { rawJson: '<html>' }, times: 9 }];
      assert.match(errorOf(await user.run([...args, '--json']), 'server_fault').message, /^http:.* answers, but not as an Agnes server$/);
    }
  const told = JSON.parse((await user.run(['diagnose', '--json'])).stdout);
  assert.match(told.checks[0].detail, /answers, but not as an Agnes server/);
  assert.match(told.suggested_actions[0], /agnes auth login --server/);
});

test('a part that failed is 7: pull, init, export', async () => {
  server.faults = [{ path: '/api/data/orders/download', status: 403, body: { detail: 'not yours' }, times: 9 }];
  const pull = await user.run(['pull', '--json']);
  assert.equal(pull.code, 7);
  assert.deepEqual(JSON.parse(pull.stdout).errors, [{ table: 'orders', error: 'not yours (HTTP 403); an administrator can change that', kind: 'not_allowed' }]);
  errorOf(pull, 'not_allowed');
  const init = await user.run(['init', '--force', '--server-url', server.url, '--token', server.token, '--json']);
  assert.equal(init.code, 7);
  assert.equal(JSON.parse(init.stdout).pull.errors.length, 1);
  errorOf(init, 'partly_failed');
});

test('diagnose ends with what it found', async () => {
  const report = (status) => ({ status: 'healthy', services: { data: { status, tables: 1, failures: [{ table: 'a', error: 'broken; mend it', kind: 'malformed', duration_ms: 1 }] } } });
  server.answers['GET /api/health'] = { body: { status: 'ok' } };
  for (const [status, code, overall] of [['ok', 0, 'healthy'], ['warning', 7, 'degraded'], ['error', 5, 'unhealthy']]) {
    server.answers['GET /api/health/detailed'] = { body: report(status) };
    const result = await user.run(['diagnose', '--json']);
    assert.equal(result.code, code, result.stdout + result.stderr);
    const answer = JSON.parse(result.stdout);
    assert.equal(answer.overall, overall);
    assert.deepEqual(answer.checks[1], { status, tables: 1, failures: [{ table: 'a', error: 'broken; mend it', kind: 'malformed' }], name: 'data' });
  }
  server.answers['GET /api/health/detailed'] = { status: 401, body: { detail: 'no' } };
  assert.equal((await user.run(['diagnose'])).code, 3);
  user.signIn('http://127.0.0.1:9', server.token);
  const gone = await user.run(['diagnose']);
  assert.equal(gone.code, 6);
  assert.match(gone.stdout, /^Overall: unhealthy\n(.|\n)*Next: .*cannot be reached/);
});

describe('every command', () => {
  const all = commands();
  const runs = all.filter((c) => c.answers);
  test('says with --help --json what it answers', () => {
    assert.ok(runs.length > 50, `${runs.length}`);
    for (const command of runs) {
      assert.ok(command.options.some((o) => o.names === '--json'), command.name);
      assert.ok(command.answers.length > 0 && command.answers.every((a) => Object.keys(a.shape).length > 0), command.name);
    }
  });
  // Whatever the server answers: standard output is nothing or one JSON value, and so is each line of standard error.
  for (const [what, status, body] of [['a refusal', 500, { detail: 'no' }], ['an empty object', 200, {}], ['an empty list', 201, []]])
    test(`prints JSON alone with --json, also for ${what}`, async () => {
          for (const command of runs) {
        server.faults = [{ path: '/', status, body, times: 100 }];
        const args = [
          ...command.name.split(' ').slice(1), '--json',
          ...command.arguments.filter((a) => a.required).map((a) => (a.name === 'SHELL' ? 'zsh' : 'x')),
          ...command.options.filter((o) => o.help.includes('[required]')).flatMap((o) => [o.names, 'x']),
          ...(command.options.some((o) => o.names === '-y,--yes') ? ['-y'] : []),
        ];
        const result = await user.run(args, { input: 'x\n', env: { DATA_DIR: `${user.home}/none`, AGNES_STREAM_RETRIES: '0' } });
        const name = `${args.join(' ')}: ${result.code} ${result.stdout} ${result.stderr}`;
        if (command.name.includes('break-glass')) {
          assert.ok(oneValue(result.stdout), name);
          continue;
        }
        assert.doesNotThrow(() => oneValue(result.stdout), name);
        const asked = /^(Email|Password|New password|Once more|Token): ?\n?/gm;
        for (const line of result.stderr.replace(asked, '').split('\n').filter(Boolean)) assert.doesNotThrow(() => JSON.parse(line), name);
        assert.ok(result.code === 0 || result.stderr + result.stdout !== '', name);
        user.signIn(server.url, server.token);
      }
    });
});

test('whoami without a session answers, and ends with 1', async () => {
  await user.run(['auth', 'logout']);
  const result = await user.run(['auth', 'whoami', '--json']);
  assert.deepEqual([result.code, JSON.parse(result.stdout)], [1, { signed_in: false, server: server.url, email: null }]);
  server.token = makeToken('b@example.com');
});
