import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, watch, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { makeParquet, makeUser } from '../lib/agnes.mjs';
import { makeToken, md5, startFake, table } from '../lib/fake-agnes.mjs';

let made;
before(async () => {
  made = await makeParquet({ orders: 'SELECT i AS id FROM range(300000) t(i)', customers: 'SELECT 1 AS id' });
});

async function world(t, tables = { orders: made.orders, customers: made.customers }) {
  const server = await startFake({ tables });
  const user = makeUser();
  t.after(async () => {
    user.remove();
    await server.stop();
  });
  user.init = (...args) => user.run(['init', '--server-url', server.url, '--token', server.token, ...args]);
  return { server, user };
}
const mode = (file) => statSync(file).mode & 0o777;

test('an empty folder becomes a workspace', async (t) => {
  const { server, user } = await world(t);
  const result = await user.init();
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /The workspace is ready/);
  assert.deepEqual(readdirSync(user.workspace).sort(), ['.claude', 'AGNES_WORKSPACE.md', 'CLAUDE.md', 'server', 'user']);
  assert.deepEqual(readdirSync(user.file('.claude')).sort(), ['CLAUDE.local.md', 'commands', 'init-complete', 'settings.json']);
  assert.deepEqual(JSON.parse(server.of('/api/me/onboarded')[0].body), { onboarded: true, source: 'agnes_init' });
  assert.ok(user.read('CLAUDE.md').toString().includes(server.welcome));
  assert.equal(server.of('/api/welcome')[0].query.get('server_url'), server.url);
  const settings = JSON.parse(user.read('.claude/settings.json'));
  assert.deepEqual(Object.keys(settings).sort(), ['hooks', 'statusLine']);
  const hook = (command) => ({ hooks: [{ type: 'command', command }] });
  assert.deepEqual(settings.hooks, {
    SessionStart: [hook('bash -c "agnes capture-session 2>/dev/null || true"'), hook('bash -c "agnes self-upgrade --quiet 2>/dev/null || true; agnes pull --quiet 2>/dev/null || true"')],
    SessionEnd: [hook('bash -c "( nohup agnes push --quiet </dev/null >/dev/null 2>&1 & ) ; true"')],
  });
  assert.match(user.read('.claude/commands/agnes-private.md').toString(), /^---\ndescription: .*\n---\n\n!`agnes mark-private`\n/);
  assert.deepEqual(settings.statusLine, { type: 'command', command: 'agnes statusline' });
  assert.match(user.read('.claude/init-complete').toString(), new RegExp(`^completed_at: .*\nagnes_version: .*\nserver_url: ${server.url}\n$`));
  assert.equal((await user.run(['query', 'SELECT count(*) FROM orders', '-f', 'csv'])).stdout, 'count_star()\n300000\n');
});

test('what is kept of the user is for the user only', async (t) => {
  const { server, user } = await world(t);
  await user.init();
  assert.equal(mode(user.config), 0o700);
  assert.equal(mode(path.join(user.config, 'token.json')), 0o600);
  assert.equal(mode(path.join(user.config, 'config.yaml')), 0o600);
  assert.deepEqual(JSON.parse(readFileSync(path.join(user.config, 'token.json'))), { access_token: server.token, email: 'ana@example.com' });
  assert.equal(readFileSync(path.join(user.config, 'config.yaml'), 'utf8'), `server: ${server.url}\n`);
});

test('other settings of config.yaml stay', async (t) => {
  const { server, user } = await world(t);
  mkdirSync(user.config, { recursive: true });
  writeFileSync(path.join(user.config, 'config.yaml'), 'color: blue\nserver: https://old.example.com\n');
  await user.init();
  const text = readFileSync(path.join(user.config, 'config.yaml'), 'utf8');
  assert.match(text, /color: blue/);
  assert.match(text, new RegExp(`server: ${server.url}`));
});

describe('refused before anything is written', () => {
  const nothing = (user) => {
    assert.deepEqual(readdirSync(user.workspace), []);
    assert.ok(!existsSync(path.join(user.config, 'token.json')));
  };
  test('a bad token', async (t) => {
    const { server, user } = await world(t);
    const result = await user.run(['init', '--server-url', server.url, '--token', 'rubbish']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, new RegExp(`^Error: ${server.url} does not accept the token: .*agnes auth login`));
    nothing(user);
  });
  test('no server there', async (t) => {
    const { user } = await world(t);
    const result = await user.run(['init', '--server-url', 'http://127.0.0.1:9', '--token', makeToken('a@example.com')]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /^Error: cannot reach http:\/\/127.0.0.1:9: /);
    nothing(user);
  });
  for (const address of ['agnes.example.com', 'ftp://agnes.example.com', 'http://', 'https://user:secret@agnes.example.com', 'http://a b'])
    test(`an address like ${address}`, async (t) => {
      const { user } = await world(t);
      const result = await user.run(['init', '--server-url', address, '--token', 'x']);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /is not a server address/);
      assert.ok(!result.stderr.includes('secret'));
      nothing(user);
    });
  test('no token', async (t) => {
    const { server, user } = await world(t);
    const result = await user.run(['init', '--server-url', server.url]);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /not signed in to .*agnes auth login --browser --server/);
  });
  test('a token with a line break', async (t) => {
    const { server, user } = await world(t);
    const result = await user.run(['init', '--server-url', server.url, '--token', 'a\r\nX-Evil: 1']);
    assert.equal(result.code, 1);
    assert.equal(server.requests.length, 0);
  });
});

test('token and address may come from the environment', async (t) => {
  const { server, user } = await world(t);
  const result = await user.run(['init'], { env: { AGNES_SERVER: server.url, AGNES_TOKEN: server.token } });
  assert.equal(result.code, 0, result.stderr);
});

test('a second init refuses; --force makes it anew and keeps what the user wrote', async (t) => {
  const { user } = await world(t);
  await user.init();
  writeFileSync(user.file('.claude/CLAUDE.local.md'), 'my notes');
  const again = await user.init();
  assert.equal(again.code, 1);
  assert.match(again.stderr, /is a workspace already/);
  writeFileSync(user.file('CLAUDE.md'), 'AI Data Analyst, and my own words');
  const forced = await user.init('--force');
  assert.equal(forced.code, 0, forced.stderr);
  assert.equal(user.read('.claude/CLAUDE.local.md').toString(), 'my notes');
  const kept = readdirSync(user.workspace).filter((n) => n.startsWith('CLAUDE.md.bak.'));
  assert.equal(kept.length, 1);
  assert.equal(user.read(kept[0]).toString(), 'AI Data Analyst, and my own words');
});

test('a CLAUDE.md of the user’s own is kept beside', async (t) => {
  const { server, user } = await world(t);
  writeFileSync(user.file('CLAUDE.md'), 'my project');
  assert.equal((await user.init()).code, 0);
  assert.ok(user.read('CLAUDE.md').toString().includes(server.welcome));
  const kept = readdirSync(user.workspace).find((n) => n.startsWith('CLAUDE.md.bak.'));
  assert.equal(user.read(kept).toString(), 'my project');
});

test('the server’s part of CLAUDE.md is renewed by pull, what people wrote around it stays', async (t) => {
  const { server, user } = await world(t);
  server.welcome = '# Newcomer Ltd\n\n- orders\n- customers\n';
  await user.init();
  writeFileSync(user.file('CLAUDE.md'), `My words.\n${user.read('CLAUDE.md')}More of them.\n`);
  delete server.tables.customers;
  server.welcome = '# Newcomer Ltd\n\n- orders\n';
  assert.equal((await user.run(['pull'])).code, 0);
  assert.match(user.read('CLAUDE.md').toString(), /^My words\.\n<!--.*-->\n# Newcomer Ltd\n\n- orders\n<!--.*-->\nMore of them\.\n$/);
  server.tables.customers = table(made.customers);
  server.faults.push({ path: '/api/welcome', status: 500 });
  const result = await user.run(['pull']);
  assert.equal(result.code, 0);
  assert.match(result.stderr, /Warning: .*CLAUDE\.md was not renewed/);
  assert.equal(JSON.parse((await user.run(['status', '--json'])).stdout).initialized, true, 'whatever the organisation is called');
});

test('init with what is stored makes a token of its own', async (t) => {
  const { server, user } = await world(t);
  const own = makeToken('ana@example.com', 'u2');
  const session = makeToken('ana@example.com', 'u1').replace(/\..*\./, `.${Buffer.from(JSON.stringify({ sub: 'u1', email: 'ana@example.com', typ: 'session' })).toString('base64url')}.`);
  server.token = session;
  assert.equal((await user.run(['auth', 'login', '--server', server.url, '--email', server.email, '--password', server.password])).code, 0);
  server.answers['POST /auth/tokens'] = { status: 201, body: { id: 't1', name: 'x', prefix: 'p', token: own, created_at: '2026-01-02T03:04:05+00:00' } };
  server.onRequest = (request) => request.path === '/api/catalog/tables' && (server.token = own);
  const result = await user.run(['init']);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(JSON.parse(server.of('/auth/tokens')[0].body).expires_in_days, 90);
  assert.equal(JSON.parse(readFileSync(path.join(user.config, 'token.json'))).access_token, own);
});

test('a home, the root and the folder for temporary files become no workspace', async (t) => {
  const { server, user } = await world(t);
  for (const cwd of [user.home, '/', os.tmpdir()]) {
    const result = await user.start(['init', '--server-url', server.url, '--token', server.token], { cwd, env: { TMPDIR: os.tmpdir() } }).ended;
    assert.equal(result.code, 2, result.stdout);
    assert.match(result.stderr, /is no place for a workspace; make a folder/);
  }
  assert.equal(server.requests.length, 0);
});

test('a server that writes no guide: a plain one is written', async (t) => {
  const { server, user } = await world(t);
  server.welcome = null;
  assert.equal((await user.init()).code, 0);
  assert.match(user.read('CLAUDE.md').toString(), /AI Data Analyst/);
  assert.equal(JSON.parse((await user.run(['status', '--json'])).stdout).initialized, true);
});

describe('hooks are merged', () => {
  const install = async (t, settings) => {
    const { user } = await world(t, {});
    mkdirSync(user.file('.claude'));
    writeFileSync(user.file('.claude/settings.json'), typeof settings === 'string' ? settings : JSON.stringify(settings));
    const result = await user.init();
    assert.equal(result.code, 0, result.stderr);
    return { result, text: user.read('.claude/settings.json').toString(), user };
  };
  const commands = (settings, event) => settings.hooks[event].flatMap((e) => e.hooks.map((h) => h.command));

  test('settings and hooks of others stay, earlier ones of ours are replaced', async (t) => {
    const others = { matcher: 'x', hooks: [{ type: 'command', command: 'echo other' }] };
    const mixed = { hooks: [{ type: 'command', command: 'agnes pull' }, { type: 'command', command: 'echo mine' }] };
    const { text } = await install(t, {
      model: 'opus',
      env: { A: '1', BIG: 12345678901234567890n.toString(), half: 0.5 },
      hooks: {
        SessionStart: [others, { hooks: [{ type: 'command', command: 'da sync' }] }, mixed, { hooks: [{ type: 'command', command: 'agnes push --quiet' }] }],
        PreToolUse: [{ hooks: [] }],
      },
    });
    const settings = JSON.parse(text);
    assert.equal(settings.model, 'opus');
    assert.deepEqual(settings.env, { A: '1', BIG: '12345678901234567890', half: 0.5 });
    assert.equal(settings.permissions, undefined);
    assert.deepEqual(settings.hooks.PreToolUse, [{ hooks: [] }]);
    assert.deepEqual(settings.hooks.SessionStart.slice(0, 2), [others, mixed]);
    assert.equal(settings.hooks.SessionStart.length, 4);
    assert.ok(!commands(settings, 'SessionStart').includes('da sync'));
  });

  test('twice is once', async (t) => {
    const { text, user } = await install(t, {});
    assert.equal((await user.init('--force')).code, 0);
    assert.equal(user.read('.claude/settings.json').toString(), text);
  });

  test('a status line of the user’s own stays, and a missing one is set', async (t) => {
    const line = { type: 'command', command: 'my-status' };
    const { text, result } = await install(t, { statusLine: line });
    assert.deepEqual(JSON.parse(text).statusLine, line);
    assert.match(result.stderr, /your own status line stays/);
    assert.equal(JSON.parse((await install(t, { statusLine: null })).text).statusLine.command, 'agnes statusline');
  });

  for (const bad of ['{ not json', '[]', '{"hooks": []}', '{"hooks": {"SessionStart": "x"}}'])
    test(`a file like ${bad} is left alone`, async (t) => {
      const { text, result } = await install(t, bad);
      assert.equal(text, bad);
      assert.match(result.stderr, /was left as it is/);
    });
});

test('--skip-materialize leaves materialized tables for later', async (t) => {
  const { user } = await world(t, { orders: made.orders, mart: table(made.customers, { query_mode: 'materialized' }) });
  assert.equal((await user.init('--skip-materialize')).code, 0);
  assert.deepEqual(readdirSync(user.file('server/parquet')), ['orders.parquet']);
});

test('--workspace names the folder, which need not exist', async (t) => {
  const { user } = await world(t);
  assert.equal((await user.init('--workspace', 'deep/er')).code, 0);
  assert.ok(existsSync(user.file('deep/er/CLAUDE.md')));
  assert.ok(!existsSync(user.file('CLAUDE.md')));
});

describe('an interrupted init is continued by running it again', () => {
  const complete = async (user) => {
    const result = await user.init();
    assert.equal(result.code, 0, result.stderr);
    for (const name of ['orders', 'customers']) assert.equal(md5(readFileSync(user.parquet(name))), md5(made[name]));
    assert.equal((await user.run(['query', 'SELECT count(*) FROM customers', '-f', 'csv'])).stdout, 'count_star()\n1\n');
    assert.ok(existsSync(user.file('.claude/init-complete')));
  };
  for (const place of ['/api/catalog/tables', '/api/welcome', '/api/sync/manifest', '/api/data/orders', '/api/memory/bundle'])
    test(`killed when ${place} was asked for`, async (t) => {
      const { server, user } = await world(t);
      const child = user.start(['init', '--server-url', server.url, '--token', server.token]);
      server.onRequest = (request) => request.path.startsWith(place) && child.kill('SIGKILL');
      await child.ended;
      server.onRequest = () => {};
      await complete(user);
    });
  for (const nth of [1, 2, 3, 4, 6, 9, 13])
    test(`killed at change ${nth} in the workspace`, async (t) => {
      const { server, user } = await world(t);
      let seen = 0;
      const watcher = watch(user.workspace, () => ++seen === nth && child.kill('SIGKILL'));
      const child = user.start(['init', '--server-url', server.url, '--token', server.token]);
      const ended = await child.ended;
      watcher.close();
      if (ended.signal === 'SIGKILL') await complete(user);
    });
  test('a download that failed: told, and continued by init or pull', async (t) => {
    const { server, user } = await world(t);
    server.faults.push({ path: '/api/data/orders', status: 403, times: 9 });
    const first = await user.init();
    assert.equal(first.code, 7);
    assert.match(first.stderr, /orders: .*HTTP 403/);
    server.faults.length = 0;
    assert.equal((await user.run(['pull'])).code, 0);
    assert.equal((await user.init('--force')).code, 0);
  });
});
