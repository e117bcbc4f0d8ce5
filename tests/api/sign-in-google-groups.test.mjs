// Workspace groups that a service account reads in an administrator's name, against stand-ins for Google's token endpoint,
// IAM, metadata server and Admin SDK.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { startGoogleCloud } from '../fakes/google-cloud.mjs';
import { startOpenId } from '../fakes/openid.mjs';
import { Browser } from '../lib/browser.mjs';
import { must, runServer, startServer, temporaryFolder } from '../lib/server.mjs';

const kScope = 'https://www.googleapis.com/auth/admin.directory.group.readonly';
const kList = '/admin/directory/v1/groups';
const kBoss = 'boss@example.com';
let provider;
let google;
let robot;
let keyFile;
const servers = [];

before(async () => {
  provider = await startOpenId();
  google = await startGoogleCloud({ pageSize: 2 });
  robot = google.addAccount('robot@project.iam.gserviceaccount.com');
  keyFile = path.join(temporaryFolder(), 'key.json');
  writeFileSync(keyFile, JSON.stringify(robot.keyFile));
});
after(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await Promise.all([provider.stop(), google.stop()]);
});
beforeEach(() => {
  provider.account = { sub: '1', email: 'ana@example.com', email_verified: true, hd: 'example.com', name: 'Ana' };
  google.mend();
  google.machine = null;
  google.delegations = new Set([`${robot.email} ${kScope}`]);
  google.admins = new Set([kBoss]);
  google.signers = new Set();
  google.groups = new Map([['ana@example.com', ['a@example.com', 'B@Example.com', 'c@example.com', 'fans@googlegroups.com']]]);
});

function configure(extra = '') {
  const config = temporaryFolder();
  writeFileSync(
    path.join(config, 'instance.yaml'),
    `auth:\n  allowed_domain: example.com\n  google_client_id: ${provider.client.id}\n  google_client_secret: ${provider.client.secret}\n` +
      `  google_issuer: ${provider.issuer}\n  google_directory_api: ${google.url}\n  google_token_url: ${google.tokenUrl}\n  google_iam_api: ${google.url}\n${extra}`,
  );
  return config;
}
async function serve(env) {
  const server = await startServer({ config: configure(), env: { GOOGLE_ADMIN_SDK_SUBJECT: kBoss, GCE_METADATA_HOST: google.host, ...env } });
  servers.push(server);
  return server;
}
async function groupsOf(server, email = 'ana@example.com') {
  const asAdmin = { token: server.admin.token };
  const user = must(200, await server.get('/api/users', asAdmin)).json.find((u) => u.email === email);
  const rows = must(200, await server.get(`/api/admin/users/${user.id}/memberships`, asAdmin)).json;
  return rows.map((row) => `${row.group_name} ${row.source}`).sort();
}
const all = ['a@example.com google_sync', 'b@example.com google_sync', 'c@example.com google_sync'];
const asked = (where) => google.counts[where] ?? 0;

test('a key file: groups are read as the administrator, without asking the user', async () => {
  const server = await serve({ GOOGLE_APPLICATION_CREDENTIALS: keyFile });
  const browser = new Browser(server);
  must(302, await browser.signIn());
  assert.equal(browser.asked.searchParams.get('scope'), 'openid email profile');
  assert.deepEqual(await groupsOf(server), all);

  // The access token is kept for the next sign-ins; one that is refused is asked for anew, once.
  const before = asked('/token');
  must(302, await new Browser(server).signIn());
  assert.equal(asked('/token'), before);
  google.tokens.clear();
  google.groups.set('ana@example.com', ['a@example.com']);
  must(302, await new Browser(server).signIn());
  assert.equal(asked('/token'), before + 1);
  assert.deepEqual(await groupsOf(server), all.slice(0, 1));
  google.groups.set('ana@example.com', []);
  must(302, await new Browser(server).signIn());
  assert.deepEqual(await groupsOf(server), []);
});

test('whatever keeps groups from being read locks nobody out, and the log says why', async () => {
  const server = await serve({ GOOGLE_APPLICATION_CREDENTIALS: keyFile });
  must(302, await new Browser(server).signIn());
  const still = async (said) => {
    google.tokens.clear();
    const length = server.log.length;
    must(302, await new Browser(server).signIn());
    assert.deepEqual(await groupsOf(server), all);
    assert.match(server.log.slice(length), said);
  };
  google.admins.clear();
  await still(/groups of ana@example\.com cannot be read.*answered 403; see docs\/google\.md/);
  google.admins.add(kBoss);
  google.delegations.clear();
  await still(/no token for robot@project\.iam\.gserviceaccount\.com as boss@example\.com: HTTP 401 \(Client is unauthorized/);
  google.delegations.add(`${robot.email} ${kScope}`);
  google.groups.clear();
  await still(/answered 404/);
  for (const how of ['cut', 'text', 500]) {
    google.fail(kList, how);
    await still(/cannot be read/);
    google.mend();
  }
  google.fail('/token', 'text');
  await still(/holds no token for/);
});

test('without a key: the machine has its token signed', async () => {
  google.machine = robot.email;
  google.signers.add(`${robot.email} ${robot.email}`);
  const server = await serve({});
  must(302, await new Browser(server).signIn());
  assert.deepEqual(await groupsOf(server), all);
  assert.ok(google.requests.some((request) => request.path.endsWith(':signJwt')));
});

test('an account signs for another where it may', async () => {
  const other = google.addAccount('groups@project.iam.gserviceaccount.com');
  google.machine = robot.email;
  google.delegations = new Set([`${other.email} ${kScope}`]);
  const server = await serve({ GOOGLE_ADMIN_SDK_SA_EMAIL: other.email });
  must(302, await new Browser(server).signIn());
  assert.deepEqual(await groupsOf(server), []);
  assert.match(server.log, /no signature by groups@project\.iam\.gserviceaccount\.com: HTTP 403 \(Permission 'iam\.serviceAccounts\.signJwt' denied/);
  google.signers.add(`${robot.email} ${other.email}`);
  must(302, await new Browser(server).signIn());
  assert.deepEqual(await groupsOf(server), all);
});

test('no credentials, or a file that is mended while the server runs', async () => {
  const file = path.join(temporaryFolder(), 'key.json');
  const server = await serve({ GOOGLE_APPLICATION_CREDENTIALS: file });
  must(302, await new Browser(server).signIn());
  assert.match(server.log, /the Google credentials .*key\.json cannot be used: there is no such file/);
  writeFileSync(file, JSON.stringify(robot.keyFile));
  must(302, await new Browser(server).signIn());
  assert.deepEqual(await groupsOf(server), all);

  const nowhere = await serve({ GCE_METADATA_HOST: '127.0.0.1:1' });
  must(302, await new Browser(nowhere).signIn());
  assert.match(nowhere.log, /set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account/);
});

test("pretended groups are everybody's, and Google is not asked", async () => {
  const count = google.requests.length;
  const server = await serve({ GOOGLE_ADMIN_SDK_MOCK_GROUPS: ' A@example.com, ,Admin,b@example.com', GOOGLE_ADMIN_SDK_SUBJECT: '' });
  must(302, await new Browser(server).signIn());
  assert.deepEqual(await groupsOf(server), all.slice(0, 2));
  assert.equal(google.requests.length, count);
  assert.match(server.log, /GOOGLE_ADMIN_SDK_MOCK_GROUPS is set/);
});

test('an address that secrets must not go to ends the start', async () => {
  const config = temporaryFolder();
  writeFileSync(path.join(config, 'instance.yaml'), 'auth:\n  google_groups_subject: boss@example.com\n  google_iam_api: http://iam.example.com\n  google_client_id: x\n  google_client_secret: y\n');
  const ended = await runServer(['--data-dir', temporaryFolder(), '--config-dir', config, '--port', '0']);
  assert.equal(ended.status, 1);
  assert.match(ended.stderr, /auth\.google_iam_api must begin with https:\/\//);
});

test('people see what their next sign-in would change, and nothing is changed by looking', async () => {
  const env = { AGNES_DEBUG_AUTH: 'true', AGNES_GOOGLE_GROUP_PREFIX: 'x-', AGNES_GROUP_ADMIN_EMAIL: 'x-admins@example.com', GOOGLE_APPLICATION_CREDENTIALS: keyFile };
  const server = await serve(env);
  google.groups.set('ana@example.com', ['x-old@example.com']);
  must(302, await new Browser(server).signIn());
  google.groups.set('ana@example.com', ['x-admins@example.com', 'X-new@example.com', 'lunch@example.com']);
  const browser = new Browser(server);
  provider.account.email = 'ben@example.com';
  google.groups.set('ben@example.com', ['x-old@example.com']);
  must(302, await browser.signIn());
  google.groups.set('ben@example.com', google.groups.get('ana@example.com'));
  const ask = () => server.post('/me/debug/refetch-groups', {}, { headers: { cookie: `access_token=${browser.cookies.get('access_token')}` } });
  const seen = must(200, await ask()).json;
  assert.deepEqual(seen, {
    soft_failed: false,
    prefix: 'x-',
    fetched: ['lunch@example.com', 'x-admins@example.com', 'x-new@example.com'],
    fetched_relevant: ['x-admins@example.com', 'x-new@example.com'],
    current_names: ['x-old@example.com'],
    current_external_ids: ['x-old@example.com'],
    would_add: ['Admin', 'x-new@example.com'],
    would_remove: ['x-old@example.com'],
    applied: false,
  });
  assert.deepEqual(await groupsOf(server, 'ben@example.com'), ['x-old@example.com google_sync']);
  google.fail(kList, 500);
  const failed = must(200, await ask()).json;
  assert.deepEqual([failed.soft_failed, failed.fetched, failed.would_remove], [true, [], []]);
});

test('no secret is in the log', () => {
  const secrets = [...google.tokens.keys(), robot.keyFile.private_key.split('\n')[1]];
  for (const { log } of servers) for (const secret of secrets) assert.ok(!log.includes(secret));
  assert.ok(!servers.some(({ log }) => /eyJ[\w-]+\.[\w-]+\./.test(log)), 'no assertion');
});
