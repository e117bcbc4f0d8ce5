// agnes push, capture-session and mark-private: which transcripts are uploaded, when, and what of them; and that nothing is lost when
// the server, the network or the program fails in the middle.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { makeUser, program } from '../lib/agnes.mjs';
import { makeToken, startFake } from '../lib/fake-agnes.mjs';

let server, user;
before(async () => (server = await startFake()));
after(() => server.stop());
beforeEach(() => {
  server.uploads = {};
  server.notes = null;
  server.faults = [];
  server.requests = [];
  user = makeUser();
  user.signIn(server.url, server.token);
});
afterEach(() => user.remove());

// As Claude Code names the folder of a session.
const encoded = (folder) => folder.replace(/[^A-Za-z0-9]/g, '-');
const projects = () => path.join(user.home, '.claude/projects');
const line = (session, text = 'hello', folder = user.workspace) =>
  JSON.stringify({ type: 'user', sessionId: session, cwd: folder, message: { content: text } }) + '\n';
let clock = 1_700_000_000;
function transcript(session, content = line(session), folder = encoded(user.workspace)) {
  const file = path.join(projects(), folder, `${session}.jsonl`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  utimesSync(file, clock, clock++);
  return file;
}
const push = async (code = 0, ...args) => {
  const done = await user.run(['push', '--json', ...args]);
  assert.equal(done.code, code, done.stdout + done.stderr);
  return JSON.parse(done.stdout);
};
const uploaded = () => Object.keys(server.uploads).map((name) => name.replace('.jsonl', '')).sort();
const queue = () => user.file('.claude/agnes-sessions.txt');

test('what is new or has grown is uploaded, once', async () => {
  const file = transcript('one');
  transcript('two');
  assert.equal((await push()).sessions, 2);
  assert.deepEqual(uploaded(), ['one', 'two']);
  assert.equal(server.uploads['one.jsonl'], line('one'));
  server.uploads = {};
  assert.deepEqual(await push(), { sessions: 0, local_md: false, unchanged: 2, skipped: 0, private_skipped: 0, dropped_permanent: 0, errors: [] });
  appendFileSync(file, line('one', 'and more'));
  assert.equal((await push()).sessions, 1);
  assert.equal(server.uploads['one.jsonl'], line('one') + line('one', 'and more'));
  assert.match(readFileSync(user.file('.claude/agnes-sessions-uploaded.txt'), 'utf8'), /^\d{4}-\S+\t\S+one\.jsonl\n/);
});

test('the words for people, in a pipe', async () => {
  transcript('one');
  const dry = await user.run(['push', '--dry-run']);
  assert.match(dry.stdout, /^Dry run: 1 transcripts would be uploaded\n {2}\S+one\.jsonl\n$/);
  assert.deepEqual(uploaded(), []);
  assert.equal((await user.run(['push'])).stdout, 'Uploaded 1 transcripts; 0 were there already\n');
  const quiet = await user.run(['push', '--quiet']);
  assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, '', '']);
});

test('only transcripts of sessions in this workspace', async () => {
  const other = path.join(user.home, 'workspace.x');
  transcript('below', line('below', 'x', path.join(user.workspace, 'sub')), `${encoded(user.workspace)}-sub`);
  transcript('old-encoding', line('old-encoding'), user.workspace.replaceAll('/', '-'));
  transcript('collapsed', line('collapsed'), encoded(user.workspace).replace(/-+/g, '-'));
  transcript('summary-first', JSON.stringify({ type: 'summary', summary: 'x' }) + '\n' + line('summary-first'));
  transcript('no-folder', '{"type":"summary"}\n');
  // Other folders that Claude Code names alike, or with the same beginning.
  transcript('same-name', line('same-name', 'x', user.workspace.replace('/workspace', '-workspace')));
  transcript('longer', line('longer', 'x', other), encoded(other));
  transcript('longer-no-folder', '{"type":"summary"}\n', `${encoded(user.workspace)}-x`);
  transcript('elsewhere', line('elsewhere', 'x', '/tmp'), '-tmp');
  transcript('no-json', 'root:x:0:0\n');
  const secret = path.join(user.home, 'id_rsa');
  writeFileSync(secret, 'a secret');
  symlinkSync(secret, path.join(projects(), encoded(user.workspace), 'link.jsonl'));
  writeFileSync(queue(), `s\t${secret}\ns2\t${path.join(user.home, 'id_rsa.jsonl')}\n`);
  writeFileSync(path.join(user.home, 'id_rsa.jsonl'), 'another secret\n');
  assert.deepEqual((await push()).errors, []);
  assert.deepEqual(uploaded(), ['below', 'collapsed', 'no-folder', 'old-encoding', 'summary-first']);
  assert.ok(!existsSync(queue()), 'what is no transcript leaves the queue');
});

test('CLAUDE_CONFIG_DIR, and a workspace behind a link', async () => {
  transcript('one');
  const elsewhere = path.join(user.home, 'claude');
  mkdirSync(elsewhere);
  const none = await user.run(['push', '--json'], { env: { CLAUDE_CONFIG_DIR: elsewhere } });
  assert.equal(JSON.parse(none.stdout).sessions, 0);
  const link = path.join(user.home, 'link');
  symlinkSync(user.workspace, link);
  const done = await user.run(['push', '--json'], { cwd: link, env: { AGNES_LOCAL_DIR: link } });
  assert.equal(JSON.parse(done.stdout).sessions, 1, done.stderr);
});

test('private sessions, and those of their sub-agents, are left alone', async () => {
  transcript('open');
  transcript('hidden');
  transcript('agent-1', line('hidden', 'from a sub-agent'));
  const marked = await user.run(['mark-private', '--json'], { env: { CLAUDE_CODE_SESSION_ID: 'hidden' } });
  assert.deepEqual(JSON.parse(marked.stdout), { session: 'hidden', changed: true });
  assert.match((await user.run(['mark-private'], { env: { CLAUDE_CODE_SESSION_ID: 'hidden' } })).stdout, /private already/);
  const plan = await push(0, '--dry-run');
  assert.deepEqual(plan.would_skip_private.map((s) => s.session_id), ['hidden', 'hidden']);
  assert.equal((await push()).private_skipped, 2);
  assert.equal((await push()).private_skipped, 2);
  assert.deepEqual(uploaded(), ['open']);
  assert.equal(readFileSync(user.file('.claude/agnes-sessions-private-skipped.txt'), 'utf8').split('\n').length, 3);
  const line1 = await user.run(['statusline'], { input: '{"session_id":"hidden"}' });
  assert.equal(line1.stdout, '\u{1F512} agnes-private\n');
  const none = await user.run(['mark-private']);
  assert.deepEqual([none.code, none.stderr], [1, 'Error: no session to mark: CLAUDE_CODE_SESSION_ID is not set; type /agnes-private in the agent\'s session\n']);
  assert.equal((await user.run(['mark-private'], { env: { CLAUDE_CODE_SESSION_ID: '../x' } })).code, 2);
});

test('secrets do not leave the machine', async () => {
  const pat = makeToken('bob@example.com');
  transcript('one', line('one', `export AGNES_TOKEN=${pat}\npassword: "correct horse"`));
  writeFileSync(user.file('.claude/CLAUDE.local.md'), `my key is sk-${'a1'.repeat(20)}\n`);
  assert.equal((await push()).local_md, true);
  const sent = JSON.parse(server.uploads['one.jsonl']);
  assert.equal(sent.message.content, 'export AGNES_TOKEN=[redacted]\npassword: "correct horse"');
  assert.equal(server.notes, 'my key is [redacted]\n');
});

test('a workspace that somebody else made does not say where is written, or what is read', async () => {
  const target = path.join(user.home, '.bashrc');
  writeFileSync(target, '# mine\n');
  for (const name of ['agnes-sessions-uploaded.txt', 'agnes-sessions-private-skipped.txt', 'agnes-sessions-failed.txt', 'agnes-capture-session.log', 'agnes-sessions.txt'])
    symlinkSync(target, user.file(`.claude/${name}`));
  transcript('one');
  const odd = path.join(user.workspace, 'user/sessions', '$(id>pwned).jsonl');
  mkdirSync(path.dirname(odd), { recursive: true });
  writeFileSync(odd, line('odd'));
  await user.run(['push']);
  await user.run(['capture-session'], { input: JSON.stringify({ session_id: 'one', transcript_path: transcript('one') }) });
  assert.equal(readFileSync(target, 'utf8'), '# mine\n');
  for (const name of ['agnes-sessions.txt']) rmSync(user.file(`.claude/${name}`));
  const foreign = path.join(user.home, 'customers.jsonl');
  writeFileSync(foreign, '{"iban":"x"}\n');
  writeFileSync(queue(), `x\t${foreign}\n`);
  server.uploads = {};
  await user.run(['push']);
  assert.ok(!('customers.jsonl' in server.uploads));
  for (const way of ['.claude/rules', 'user/sessions', 'server']) {
    rmSync(user.file(way), { recursive: true, force: true });
    mkdirSync(path.join(user.home, 'elsewhere'), { recursive: true });
    symlinkSync(path.join(user.home, 'elsewhere'), user.file(way));
    for (const command of ['push', 'pull']) {
      const done = await user.run([command]);
      assert.match(done.stderr, /^Error: \S+ is a link, and agnes writes there; put a folder in its place\n$/, command + way);
    }
    rmSync(user.file(way));
  }
});

test('notes are uploaded when they have changed', async () => {
  const notes = user.file('.claude/CLAUDE.local.md');
  writeFileSync(notes, 'I like medians.\n');
  assert.equal((await push()).local_md, true);
  writeFileSync(notes, 'I like medians.\n');
  assert.equal((await push()).local_md, false);
  writeFileSync(notes, 'I like means.\n');
  assert.equal((await push()).local_md, true);
  assert.equal(server.notes, 'I like means.\n');
});

// What would be the same for every file ends the push, and the next one goes on where it stopped.
for (const [what, fault, code, words] of [
  ['401', { status: 401, body: { detail: 'Token revoked' } }, 7, /Token revoked/],
  ['403', { status: 403, body: { detail: 'Account deactivated' } }, 7, /403|deactivated/],
  ['404', { status: 404 }, 7, /404/],
  ['500', { status: 500 }, 7, /500/],
  ['503', { status: 503 }, 7, /503/],
])
  test(`nothing is lost when the server answers ${what}`, async () => {
    for (const name of ['a', 'b', 'c']) transcript(name);
    writeFileSync(queue(), `a\t${transcript('a')}\nq\t${path.join(projects(), 'later.jsonl')}\n`);
    server.faults.push({ path: '/api/upload/sessions', times: 0 });
    let uploads = 0;
    server.onRequest = (request) => {
      if (request.path === '/api/upload/sessions' && ++uploads === 2) server.faults.push({ path: '/api/upload/sessions', ...fault });
    };
    const result = await push(code);
    server.onRequest = () => {};
    assert.equal(result.sessions, 1);
    assert.match(result.errors[0].error, words);
    assert.equal(result.errors.length, 1);
    server.faults = [];
    assert.equal((await push()).sessions, 2);
    assert.deepEqual(uploaded(), ['a', 'b', 'c']);
    assert.match(readFileSync(queue(), 'utf8'), /^q\t\S+later\.jsonl\n$/, 'a file that is not there yet may come');
    writeFileSync(path.join(projects(), 'later.jsonl'), line('q'));
    assert.equal((await push()).sessions, 1);
    assert.ok(!existsSync(queue()));
  });

test('a file that the server refuses for what it is does not hold the others up, and is tried again when it has changed', async () => {
  transcript('a');
  const big = transcript('b');
  transcript('c');
  server.onRequest = (request) => {
    if (/filename="b/.test(request.body)) server.faults.push({ path: '/api/upload/sessions', status: 422, body: { detail: [{ loc: ['body', 'file'], msg: 'no such name' }] } });
  };
  const result = await push(7);
  assert.deepEqual([result.sessions, result.dropped_permanent, result.errors[0].file, result.errors[0].status], [2, 1, 'b.jsonl', 422]);
  assert.match(readFileSync(user.file('.claude/agnes-sessions-failed.txt'), 'utf8'), /^\S+\tb\t422\t\S+b\.jsonl\n$/);
  assert.deepEqual((await push()).errors, []);
  server.onRequest = () => {};
  appendFileSync(big, line('b', 'more'));
  assert.equal((await push()).sessions, 1);
  truncateSync(big, 51 << 20);
  assert.match((await push(7)).errors[0].error, /^it has 51.* MB, and a server takes 50.* MB/);
});

for (const status of [400, 413])
  test(`a file that is answered with ${status} holds no other up, and is tried again`, async () => {
    transcript('a');
    transcript('b');
    server.faults.push({ path: '/api/upload/sessions', status, body: { detail: 'no room' } });
    const result = await push(7);
    assert.deepEqual([result.sessions, result.dropped_permanent, result.errors[0].error], [1, 0, 'no room (HTTP ' + status + ')']);
    assert.equal((await push()).sessions, 1);
  });

test('a server that asks to wait is waited for', async () => {
  transcript('a');
  server.faults.push({ path: '/api/upload/sessions', status: 429, headers: { 'retry-after': '1' } });
  assert.equal((await push()).sessions, 1);
});

test('no connection, and one that breaks', async () => {
  transcript('a');
  transcript('b');
  user.signIn('http://127.0.0.1:9', server.token);
  const away = await user.run(['push', '--json']);
  user.signIn(server.url, server.token);
  assert.equal(away.code, 7);
  assert.equal(JSON.parse(away.stdout).errors.length, 1);
  let cut = true;
  server.onRequest = () => {
    if (cut) server.faults.push({ path: '/api/upload/sessions', status: 200, body: {}, headers: { 'content-length': '1000' } });
    cut = false;
  };
  await push(7);
  server.onRequest = () => {};
  server.faults = [];
  await push();
  assert.deepEqual(uploaded(), ['a', 'b']);
});

test('killed and interrupted between any two files: the next one goes on', async () => {
  const names = Array.from({ length: 6 }, (_, i) => `s${i}`);
  for (const name of names) transcript(name);
  for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM']) {
    let child, seen = 0;
    server.onRequest = (request) => {
      if (request.path === '/api/upload/sessions' && ++seen === 2) child.kill(signal);
    };
    child = user.start(['push', '--quiet']);
    await child.ended;
    assert.ok(seen <= 3, `${signal}: ${seen}`);
  }
  server.onRequest = () => {};
  await push();
  assert.deepEqual(uploaded(), names);
  assert.equal((await push()).unchanged, names.length);
});

test('two pushes at once: one uploads, the other says so and is done', async () => {
  transcript('a');
  let go;
  server.faults.push({ path: '/api/upload/sessions', hold: new Promise((resolve) => (go = resolve)) });
  const arrived = new Promise((resolve) => (server.onRequest = resolve));
  const first = user.start(['push']);
  await arrived;
  const second = await user.run(['push']);
  assert.deepEqual([second.code, second.stdout, second.stderr], [0, '', 'Another agnes push is at work here: it uploads what there is.\n']);
  go();
  assert.equal((await first.ended).code, 0);
  server.onRequest = () => {};
  assert.equal(server.of('/api/upload/sessions').length, 1);
});

test('another server than the workspace’s gets nothing', async () => {
  transcript('a');
  const other = await startFake();
  const env = { AGNES_SERVER: other.url, AGNES_TOKEN: other.token };
  for (const command of ['push', 'update']) {
    const done = await user.run([command], { env });
    assert.deepEqual([done.code, /^Error: \S+ is a workspace of http:\S+, not of http:/.test(done.stderr)], [1, true], done.stderr);
  }
  assert.equal(other.requests.length, 0);
  await other.stop();
  // Moved there, it goes on with what that one has not.
  await push();
  const moved = await startFake();
  user.signIn(moved.url, moved.token);
  assert.equal((await push()).sessions, 1);
  await moved.stop();
});

test('capture-session notes what the hook tells it, and never fails', async () => {
  const file = transcript('one');
  for (const [input, outcome] of [
    [JSON.stringify({ session_id: 'one', transcript_path: file }), 'ok'],
    ['', 'empty_stdin'], ['no json', 'bad_json'], ['[]', 'not_object'], ['{}', 'no_transcript_path'],
    ['{"transcript_path":5}', 'no_transcript_path'], ['{"transcript_path":"a\\nb","session_id":"x"}', 'no_transcript_path'],
  ]) {
    const done = await user.run(['capture-session'], { input });
    assert.deepEqual([done.code, done.stdout, done.stderr], [0, '', ''], outcome);
    const log = readFileSync(user.file('.claude/agnes-capture-session.log'), 'utf8').trimEnd().split('\n').at(-1);
    assert.equal(log.split('\t')[1], outcome);
  }
  assert.equal(readFileSync(queue(), 'utf8'), `one\t${file}\n`);
  await user.run(['mark-private'], { env: { CLAUDE_CODE_SESSION_ID: 'two' } });
  await user.run(['capture-session'], { input: JSON.stringify({ session_id: 'two', transcript_path: '/x.jsonl' }) });
  assert.equal(readFileSync(queue(), 'utf8'), `one\t${file}\n`);
  const verbose = await user.run(['capture-session', '--verbose'], { input: '{}' });
  assert.equal(verbose.stderr, 'capture-session: no_transcript_path\n');
  rmSync(user.file('.claude'), { recursive: true });
  assert.equal((await user.run(['capture-session'], { input: '{}', env: { AGNES_LOCAL_DIR: user.workspace } })).code, 0);
  assert.ok(!existsSync(user.file('.claude')), 'no folder is made where there is no workspace');
});

test('the hooks of init note a session and upload it when it ends', async () => {
  const init = await user.run(['init', '--force', '--server-url', server.url, '--token', server.token]);
  assert.equal(init.code, 0, init.stderr);
  const { hooks } = JSON.parse(readFileSync(user.file('.claude/settings.json'), 'utf8'));
  const elsewhere = path.join(projects(), 'another place', 's.jsonl');
  const run = (command, input) =>
    execFileSync('bash', ['-c', command], { cwd: user.workspace, input, env: { PATH: `${path.dirname(program)}:${process.env.PATH}`, HOME: user.home } });
  run(hooks.SessionStart[0].hooks[0].command, JSON.stringify({ session_id: 's', transcript_path: elsewhere }));
  mkdirSync(path.dirname(elsewhere), { recursive: true });
  writeFileSync(elsewhere, line('s'));
  const arrived = new Promise((resolve) => (server.onRequest = (request) => request.path === '/api/upload/sessions' && resolve()));
  run(hooks.SessionEnd[0].hooks[0].command, '');
  await arrived;
  server.onRequest = () => {};
});

test('what is noted of many uploads stays small', async () => {
  const file = transcript('one');
  for (let i = 0; i < 110; ++i) {
    appendFileSync(file, line('one', `${i}`));
    await push();
  }
  assert.ok(statSync(user.file('server/.agnes-push')).size < 110 * 200);
});

test('without a workspace, a server or a session', async () => {
  for (const [code, env, cwd, words] of [
    [1, {}, user.home, /^Error: no workspace here/],
    [1, { AGNES_SERVER: server.url + '/other' }, user.workspace, /^Error: \S+ is a workspace of/],
  ]) {
    const done = await user.run(['push'], { env, cwd });
    assert.deepEqual([done.code, words.test(done.stderr)], [code, true], done.stderr);
  }
});
