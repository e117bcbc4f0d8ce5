// Several servers on one machine: whose token goes where, and which folder belongs to which.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { makeToken, startFake } from '../lib/fake-agnes.mjs';

let one, two, user;
beforeEach(async () => {
  one = await startFake({ token: makeToken('ana@one.example.com') });
  two = await startFake({ token: makeToken('ana@two.example.com') });
  user = makeUser();
});
afterEach(async () => {
  user.remove();
  await one.stop();
  await two.stop();
});
const folder = (name) => {
  mkdirSync(path.join(user.home, name), { recursive: true });
  return path.join(user.home, name);
};
const init = async (server, cwd) => {
  const result = await user.run(['init', '--server-url', server.url, '--token', server.token], { cwd });
  assert.equal(result.code, 0, result.stderr);
};
const tokensSeen = (server) => new Set(server.requests.map((request) => request.headers.authorization).filter(Boolean));

test('each workspace stays with its server, each token with the server that gave it', async () => {
  const first = folder('first'), second = folder('second');
  await init(one, first);
  await init(two, second);
  for (const [cwd, server] of [[first, one], [second, two], [first, one]]) {
    const result = await user.run(['pull'], { cwd });
    assert.equal(result.code, 0, result.stderr);
    assert.match((await user.run(['auth', 'whoami'], { cwd })).stdout, new RegExp(`Server: ${server.url}`));
  }
  assert.deepEqual([...tokensSeen(one)], [`Bearer ${one.token}`]);
  assert.deepEqual([...tokensSeen(two)], [`Bearer ${two.token}`]);
  assert.deepEqual(JSON.parse(readFileSync(path.join(user.config, 'token.json'))).access_token, two.token, 'of the server that config.yaml names');
});

test('a token does not go to a server that a variable names', async () => {
  await init(one, folder('first'));
  const result = await user.run(['auth', 'token', 'list'], { cwd: folder('elsewhere'), env: { AGNES_SERVER: two.url } });
  assert.equal(result.code, 3);
  assert.deepEqual([...tokensSeen(two)], []);
});

test('AGNES_TOKEN goes to no server that only a folder names', async () => {
  await init(one, folder('first'));
  const foreign = folder('foreign');
  mkdirSync(path.join(foreign, '.claude'));
  writeFileSync(path.join(foreign, '.claude', 'init-complete'), `server_url: ${two.url}\n`);
  const env = { AGNES_TOKEN: one.token };
  for (const args of [['pull'], ['catalog'], ['auth', 'whoami'], ['query', '--remote', 'SELECT 1']]) {
    const result = await user.run(args, { cwd: foreign, env });
    assert.notEqual(result.code, 0, args.join(' '));
    assert.match(result.stderr, new RegExp(`foreign is a workspace of ${two.url}, which is not known here.*AGNES_SERVER=${two.url}`), args.join(' '));
  }
  assert.deepEqual([...tokensSeen(two)], []);
  // Whoever means it says so.
  await user.run(['auth', 'token', 'list'], { cwd: foreign, env: { AGNES_TOKEN: two.token, AGNES_SERVER: two.url } });
  assert.deepEqual([...tokensSeen(two)], [`Bearer ${two.token}`]);
  // Whoever signs in is told where.
  const login = await user.run(['auth', 'login', '--email', 'ana@example.com'], { cwd: foreign, input: 'secret\n' });
  assert.match(login.stderr, new RegExp(`Sign in to ${two.url}`));
});

test('signing in elsewhere and out again leaves the other server alone', async () => {
  const first = folder('first');
  await init(one, first);
  const login = await user.run(['auth', 'login', '--server', two.url, '--email', two.email, '--password', two.password], { cwd: first });
  assert.equal(login.code, 0, login.stderr);
  assert.match(login.stderr, /the workspace .*first is one of .*, and stays so/);
  assert.equal((await user.run(['pull'], { cwd: first })).code, 0);
  assert.equal((await user.run(['auth', 'logout'], { cwd: first })).code, 0);
  assert.match((await user.run(['pull'], { cwd: first })).stderr, new RegExp(`not signed in to ${one.url}`));
  assert.equal((await user.run(['auth', 'whoami'], { cwd: folder('elsewhere') })).code, 0);
});

test('a workspace of another server is refused, and moved when that is said', async () => {
  const first = folder('first');
  await init(one, first);
  const result = await user.run(['pull'], { cwd: first, env: { AGNES_SERVER: two.url, AGNES_TOKEN: two.token } });
  assert.equal(result.code, 1);
  assert.match(result.stderr, new RegExp(`is a workspace of ${one.url}, not of ${two.url}; agnes init --force --server-url ${two.url} moves it`));
  assert.equal(two.requests.length, 0);
  assert.equal((await user.run(['init', '--force', '--server-url', two.url, '--token', two.token], { cwd: first })).code, 0);
  assert.equal((await user.run(['pull'], { cwd: first })).code, 0);
});

test('commands find their workspace from a folder within it, and pull fills no other folder', async () => {
  const first = folder('first'), deep = folder('first/user/notes'), outside = folder('outside');
  await init(one, first);
  assert.equal((await user.run(['pull'], { cwd: deep })).code, 0);
  assert.match((await user.run(['query', 'SELECT 1 AS x', '-f', 'csv'], { cwd: deep })).stdout, /^x\n1\n$/);
  const result = await user.run(['pull'], { cwd: outside });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /no workspace here or in a folder above/);
  assert.deepEqual(readdirSync(outside), []);
  assert.ok(!existsSync(path.join(deep, 'server')));
});
