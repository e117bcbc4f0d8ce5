// Accounts, groups, grants and tokens from the command line, against a real server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { adminEmail, adminPassword, startServer } from '../lib/server.mjs';

let server, admin, ana;
before(async () => {
  server = await startServer();
  admin = makeUser();
  ana = makeUser();
});
after(async () => {
  admin?.remove();
  ana?.remove();
  await server.stop();
});

async function ok(user, ...args) {
  const done = await user.run(args);
  assert.equal(done.code, 0, `agnes ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}
async function fails(words, user, ...args) {
  const done = await user.run(args);
  assert.notEqual(done.code, 0, `agnes ${args.join(' ')}: ${done.stdout}`);
  assert.match(done.stderr, words);
  assert.doesNotMatch(done.stderr, /a-long-password-1|eyJ/);
}
const signIn = (user, email, password) => ok(user, 'auth', 'login', '--server', server.url, '--email', email, '--password', password);

test('an admin lets somebody in, and out again', async () => {
  await fails(/match|password/i, admin, 'auth', 'login', '--server', server.url, '--email', adminEmail, '--password', 'wrong');
  await signIn(admin, adminEmail, adminPassword);
  assert.match(await ok(admin, 'auth', 'whoami'), /admin@example\.com/);
  await ok(admin, 'admin', 'add-user', 'ana@example.com', '--name', 'Ana');
  await fails(/409|exists/, admin, 'admin', 'add-user', 'ANA@example.com');
  assert.match(await ok(admin, 'admin', 'reset-password', 'ana@example.com'), /\/auth\/password\/reset\?email=ana%40example\.com&token=/);
  await ok(admin, 'admin', 'set-password', 'ana@example.com', '--password', 'a-long-password-1');
  await signIn(ana, 'ana@example.com', 'a-long-password-1');
  await fails(/403|[Aa]dmin/, ana, 'admin', 'list-users');

  await ok(admin, 'admin', 'group', 'create', 'sales', '--description', 'They sell');
  await ok(admin, 'admin', 'group', 'add-member', 'sales', 'ana@example.com');
  assert.match(await ok(admin, 'admin', 'group', 'members', 'sales'), /ana@example\.com/);
  assert.match(await ok(admin, 'admin', 'grant', 'resource-types'), /memory_domain/);
  await ok(admin, 'admin', 'grant', 'create', 'sales', 'memory_domain', 'finance');
  await fails(/404|no such|not found/i, admin, 'admin', 'grant', 'create', 'sales', 'table', 'no_such_table');
  const [grant] = JSON.parse(await ok(admin, 'admin', 'grant', 'list', '--group', 'sales', '--json'));
  assert.deepEqual([grant.resource_type, grant.resource_id], ['memory_domain', 'finance']);
  assert.match(await ok(admin, 'admin', 'list-users'), /ana@example\.com.*sales/);

  await ok(admin, 'admin', 'deactivate', 'ana@example.com');
  for (const args of [['catalog'], ['auth', 'whoami'], ['auth', 'login', '--email', 'ana@example.com', '--password', 'a-long-password-1']])
    await fails(/deactivated.*; ask an administrator$/m, ana, ...args);
  await ok(admin, 'admin', 'activate', 'ana@example.com');
  await ok(ana, 'catalog');
  await ok(admin, 'admin', 'grant', 'delete', grant.id);
  await ok(admin, 'admin', 'group', 'remove-member', 'sales', 'ana@example.com');
  await ok(admin, 'admin', 'group', 'delete', '-y', 'sales');
  await fails(/409|Admin/, admin, 'admin', 'group', 'delete', '-y', 'Admin');
  await fails(/409|yourself|own/i, admin, 'admin', 'deactivate', adminEmail);
});

test('tokens are made, used elsewhere, and made worthless', async () => {
  const token = (await ok(ana, 'auth', 'token', 'create', '--name', 'ci', '--raw')).trim();
  const machine = makeUser();
  await ok(machine, 'auth', 'import-token', '--server', server.url, '--token', token);
  assert.match(await ok(machine, 'auth', 'whoami'), /ana@example\.com/);
  const listed = JSON.parse(await ok(ana, 'auth', 'token', 'list', '--json'));
  assert.deepEqual(listed.map((t) => t.name), ['ci']);
  assert.ok(!JSON.stringify(listed).includes(token));
  await fails(/a token.*; agnes auth login$/m, machine, 'auth', 'token', 'create', '--name', 'more');
  await ok(ana, 'auth', 'token', 'revoke', listed[0].id);
  await fails(/revoked/, machine, 'catalog');
  await ok(ana, 'auth', 'logout');
  await fails(/^Error: cannot list the tables: not signed in \(HTTP 401\); agnes auth login$/m, ana, 'catalog');
  machine.remove();
});

test('each init has a token that one can tell, in the place of the earlier one', async () => {
  const names = async () => JSON.parse(await ok(ana, 'auth', 'token', 'list', '--json')).filter((t) => !t.revoked_at).map((t) => t.name);
  for (let i = 0; i < 2; i++) {
    await signIn(ana, 'ana@example.com', 'a-long-password-1');
    await ok(ana, 'init', '--force');
  }
  assert.deepEqual((await names()).map((name) => name.replace(/^agnes on .*, /, '')), [ana.workspace]);
  await signIn(ana, 'ana@example.com', 'a-long-password-1');
  await ok(ana, 'init', '--workspace', `${ana.home}/other`);
  assert.equal((await names()).length, 2);
});

test('what is asked for names the option that gives it, in JSON without the question', async () => {
  const user = makeUser();
  const asked = async (...args) => JSON.parse((await user.run([...args, '--json'])).stderr.trim().split('\n').at(-1)).error;
  const login = ['auth', 'login', '--server', server.url];
  assert.deepEqual(await asked(...login), { kind: 'failed', message: "no answer to 'Email'", hint: 'add --email' });
  assert.match((await asked(...login, '--email', 'a@example.com')).hint, /--password/);
  const admins = await admin.run(['admin', 'group', 'delete', 'Everyone', '--json']);
  assert.match(admins.stderr, /^\{"error": .*"hint": "--yes /);
  await fails(/^Error: no answer to 'Email'; add --email$/m, user, ...login);
  user.remove();
});

test('who is gone is out', async () => {
  await signIn(ana, 'ana@example.com', 'a-long-password-1');
  const [user] = JSON.parse(await ok(admin, 'admin', 'list-users', '--json')).filter((u) => u.email === 'ana@example.com');
  await ok(admin, 'admin', 'remove-user', '-y', user.id);
  await fails(/not found|401|sign/i, ana, 'catalog');
});
