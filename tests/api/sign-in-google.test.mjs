// Signing in with Google, against a stand-in for its OpenID provider and its groups API.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { base64url, makeKey, seconds, startOpenId } from '../fakes/openid.mjs';
import { startCloudIdentity } from '../fakes/cloud-identity.mjs';
import { Browser as AnyBrowser } from '../lib/browser.mjs';
import { must, startServer, temporaryFolder } from '../lib/server.mjs';

let provider;
let directory;
let server;
const ana = { sub: '1', email: 'ana@example.com', email_verified: true, hd: 'example.com', name: 'Ana' };

async function serve({ domains = 'example.com, Partner.example', groups = true, env = {}, limits = false, seed = true } = {}) {
  const config = temporaryFolder();
  writeFileSync(
    path.join(config, 'instance.yaml'),
    `auth:\n  allowed_domain: "${domains}"\n  google_client_id: ${provider.client.id}\n  google_client_secret: \${GOOGLE_TEST_SECRET}\n` +
      `  google_issuer: ${provider.issuer}\n  google_groups: ${groups}\n  google_groups_api: ${directory.url}\n`,
  );
  return startServer({ config, limits, seed, env: { GOOGLE_TEST_SECRET: provider.client.secret, ...env } });
}

before(async () => {
  provider = await startOpenId();
  directory = await startCloudIdentity({ tokens: provider.accessTokens });
  server = await serve();
});
after(async () => {
  await server?.stop();
  await Promise.all([provider.stop(), directory.stop()]);
});
beforeEach(() => {
  Object.assign(provider, { account: { ...ana }, change: null, forge: null, scope: null });
  provider.mend();
  directory.mend();
});

class Browser extends AnyBrowser {
  constructor(at = server) {
    super(at);
  }
}
const failure = (answer) => {
  assert.equal(answer.status, 307, answer.text);
  assert.ok(!(answer.headers['set-cookie'] ?? []).some((line) => line.startsWith('access_token=')), 'no session');
  return answer.headers.location.replace('/login?error=', '');
};
const asAdmin = (at = server) => ({ token: at.admin.token });
const usersOf = async (at = server) => must(200, await at.get('/api/users', asAdmin(at))).json;
const groupsOf = async (email, at = server) => {
  const user = (await usersOf(at)).find((u) => u.email === email);
  const rows = must(200, await at.get(`/api/admin/users/${user.id}/memberships`, asAdmin(at))).json;
  return Object.fromEntries(rows.map((row) => [row.group_name, row.source]));
};

test('without a client id it says that it is not set up', async () => {
  const other = await startServer();
  for (const route of ['login', 'callback']) assert.equal(failure(await other.get(`/auth/google/${route}?code=x&state=y`)), 'google_not_configured');
  await other.stop();
});

test('an account that somebody has come by with Google is not there to be claimed', async () => {
  const other = await serve({ seed: false, env: { SEED_ADMIN_EMAIL: ana.email } });
  const claim = () => other.post('/auth/bootstrap', { email: ana.email, password: 'taken-over-123' });
  assert.equal((await other.post('/auth/token', { email: ana.email, password: 'a-guess-of-one' })).status, 401);  // leaves it unclaimed
  assert.match((await other.get('/login')).text, /first-time-setup/);
  must(302, await new Browser(other).signIn('/'));
  assert.equal((await claim()).status, 403);
  assert.doesNotMatch((await other.get('/login')).text, /first-time-setup/);
  await other.stop();
});

test('a browser signs in, and a new account is made once', async () => {
  const browser = new Browser();
  const answer = must(302, await browser.signIn('/catalog?x=1'));
  assert.equal(answer.headers.location, '/catalog?x=1');
  const query = browser.asked.searchParams;
  assert.equal(query.get('response_type'), 'code');
  assert.equal(query.get('redirect_uri'), `${server.url}/auth/google/callback`);
  assert.equal(query.get('code_challenge_method'), 'S256');
  for (const name of ['state', 'nonce', 'code_challenge']) assert.match(query.get(name), /^[\w-]{43}$/);
  const cookie = answer.headers['set-cookie'].find((line) => line.startsWith('access_token='));
  for (const part of [/; *HttpOnly/i, /; *SameSite=lax/i, /; *Max-Age=86400/i, /; *Path=\//i]) assert.match(cookie, part);
  must(200, await browser.me());
  assert.ok(!browser.cookies.has('google_sign_in'));
  must(302, await new Browser().signIn());
  const made = (await usersOf()).filter((user) => user.email === ana.email);
  assert.deepEqual(made.map((user) => [user.name, user.is_admin]), [['Ana', false]]);
});

test('the cookie of an attempt is out of reach for scripts and other sites', async () => {
  const browser = new Browser();
  await browser.begin();
  const [line] = browser.last.headers['set-cookie'];
  for (const part of [/^google_sign_in=/, /; *HttpOnly/i, /; *SameSite=lax/i, /; *Max-Age=600/i, /; *Path=\/auth\/google/i]) assert.match(line, part);
  const { searchParams } = browser.asked;
  assert.ok(!line.includes(searchParams.get('nonce')));
  assert.equal(browser.last.headers['cache-control'], 'no-store');
});

test('an existing account signs in whatever the case of its address', async () => {
  await server.addUser('bob@example.com');
  provider.account = { ...ana, sub: '2', email: 'Bob@Example.COM' };
  const browser = new Browser();
  must(302, await browser.signIn());
  assert.equal((await usersOf()).filter((user) => user.email.toLowerCase() === 'bob@example.com').length, 1);
});

test('many first sign-ins at once make one account', async () => {
  provider.account = { ...ana, sub: '3', email: 'many@example.com' };
  const browsers = await Promise.all(Array.from({ length: 5 }, async () => {
    const browser = new Browser();
    return { browser, target: await browser.begin() };
  }));
  const answers = await Promise.all(browsers.map(({ browser, target }) => browser.get(target)));
  assert.deepEqual(answers.map((a) => a.status), Array(5).fill(302));
  assert.equal((await usersOf()).filter((user) => user.email === 'many@example.com').length, 1);
});

test('no way leads to another site', async () => {
  for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', '\\\\evil.example', 'javascript:alert(1)', 'catalog', '/\t/evil.example', '/x\r\nSet-Cookie: a=b', '', ' /x', `/${'x'.repeat(3000)}`]) {
    const browser = new Browser();
    assert.equal(must(302, await browser.signIn(next)).headers.location, '/dashboard', next);
  }
  const forged = new Browser();
  const target = await forged.begin('/catalog');
  const [state, expires, , signature] = forged.cookies.get('google_sign_in').split('.');
  forged.cookies.set('google_sign_in', `${state}.${expires}.${base64url('//evil.example')}.${signature}`);
  assert.equal(failure(await forged.get(target)), 'oauth_failed');
});

test('an answer that this browser has not asked for, now and once, is refused', async () => {
  const attacks = {
    'without its cookie': async (browser, target) => (browser.cookies.clear(), target),
    'with the cookie of another browser': async (browser, target) => {
      const other = new Browser();
      await other.begin();
      browser.cookies = other.cookies;
      return target;
    },
    'without state': async (browser, target) => target.replace(/&?state=[^&]*/, ''),
    'with an empty state': async (browser, target) => target.replace(/state=[^&]*/, 'state='),
    'with another state': async (browser, target) => target.replace(/state=[^&]*/, `state=${'x'.repeat(43)}`),
    'with two states': async (browser, target) => `${target}&state=x`,
    'with two codes': async (browser, target) => `${target}&code=x`,
    'without code': async (browser, target) => target.replace(/code=[^&]*&?/, ''),
    'with a code that the provider has not given': async (browser, target) => target.replace(/code=[^&]*/, 'code=guess'),
    'with the code of another attempt': async (browser, target) => {
      const other = new URLSearchParams((await new Browser().begin()).split('?')[1]).get('code');
      return target.replace(/code=[^&]*/, `code=${other}`);
    },
    'of another provider': async (browser, target) => `${target}&iss=https%3A%2F%2Fevil.example`,
    'with an error': async (browser, target) => `${target}&error=access_denied`,
    'with a changed cookie': async (browser, target) => {
      const sealed = browser.cookies.get('google_sign_in');
      browser.cookies.set('google_sign_in', sealed.replace(/\.(\d+)\./, (all, time) => `.${Number(time) + 1}.`));
      return target;
    },
    'with a session for a cookie': async (browser, target) => (browser.cookies.set('google_sign_in', server.admin.token), target),
    'after it was used': async (browser, target) => {
      const before = new Map(browser.cookies);
      must(302, await browser.get(target));
      browser.cookies = before;
      return target;
    },
    'after it was used, with a fresh code': async (browser, target) => {
      const before = new Map(browser.cookies);
      must(302, await browser.get(target));
      const again = await fetch(browser.asked.href, { redirect: 'manual' });
      browser.cookies = before;
      return target.replace(/code=[^&]*/, `code=${new URL(again.headers.get('location')).searchParams.get('code')}`);
    },
  };
  for (const [name, attack] of Object.entries(attacks)) {
    const browser = new Browser();
    const target = await attack(browser, await browser.begin());
    assert.equal(failure(await browser.get(target)), 'oauth_failed', name);
  }
});

test('of many callbacks at once with the same state, one gets in', async () => {
  const browser = new Browser();
  const target = await browser.begin();
  const cookie = `google_sign_in=${browser.cookies.get('google_sign_in')}`;
  const answers = await Promise.all(Array.from({ length: 8 }, () => server.get(target, { headers: { cookie } })));
  const statuses = answers.map((a) => a.status).sort();
  assert.equal(statuses.filter((status) => status === 302).length, 1, statuses.join());
});

test('ID tokens that are not for this sign-in are refused', async () => {
  const claims = (change) => () => {
    provider.change = ({ claims }) => change(claims);
  };
  const header = (change) => () => {
    provider.change = ({ header }) => change(header);
  };
  const forge = (make) => () => {
    provider.forge = make;
  };
  const stranger = makeKey();
  const attacks = {
    'another audience': claims((c) => (c.aud = 'other-client')),
    'no audience': claims((c) => delete c.aud),
    'several audiences and nobody named': claims((c) => ((c.aud = [provider.client.id, 'other']), delete c.azp)),
    'made for another party': claims((c) => (c.azp = 'other-client')),
    'another issuer': claims((c) => (c.iss = 'https://evil.example')),
    'a longer issuer': claims((c) => (c.iss += '.evil.example')),
    'the name of Google': claims((c) => (c.iss = 'accounts.google.com')),
    'no issuer': claims((c) => delete c.iss),
    'another nonce': claims((c) => (c.nonce = 'x'.repeat(43))),
    'no nonce': claims((c) => delete c.nonce),
    'a nonce that is not text': claims((c) => (c.nonce = 5)),
    expired: claims((c) => ((c.iat = seconds() - 7200), (c.exp = seconds() - 3600))),
    'without an end': claims((c) => delete c.exp),
    'with an end that is not a number': claims((c) => (c.exp = String(c.exp))),
    'from the future': claims((c) => (c.iat = seconds() + 3600)),
    'without a beginning': claims((c) => delete c.iat),
    'of last week': claims((c) => (c.iat = seconds() - 7 * 86400)),
    'not valid yet': claims((c) => (c.nbf = seconds() + 3600)),
    'of nobody': claims((c) => delete c.sub),
    'a key that is not published': () => {
      provider.change = (parts) => ((parts.header.kid = 'ghost'), (parts.key = stranger));
    },
    "the id of a published key, a stranger's signature": () => {
      provider.change = (parts) => (parts.key = stranger);
    },
    'no key id': header((h) => delete h.kid),
    'a key of its own': () => {
      provider.change = (parts) => Object.assign(parts, { key: stranger, header: { ...parts.header, jwk: stranger.jwk } });
    },
    'an extension that must be known': header((h) => (h.crit = ['exp'])),
    'alg none': forge((token, { claims: c }) => `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(c))}.`),
    'alg none with a key id': forge((token, p) => `${base64url(JSON.stringify({ alg: 'none', kid: p.key.kid }))}.${base64url(JSON.stringify(p.claims))}.`),
    'HS256 with the public key for a secret': forge((token, p) => {
      const text = `${base64url(JSON.stringify({ alg: 'HS256', kid: p.key.kid }))}.${base64url(JSON.stringify(p.claims))}`;
      return `${text}.${createHmac('sha256', p.key.publicKey.export({ type: 'spki', format: 'pem' })).update(text).digest('base64url')}`;
    }),
    'RS512 in the header': header((h) => (h.alg = 'RS512')),
    'a changed content': forge((token, p) => {
      const [head, , signature] = token.split('.');
      return `${head}.${base64url(JSON.stringify({ ...p.claims, email: 'admin@example.com' }))}.${signature}`;
    }),
    'no signature': forge((token) => token.replace(/[^.]*$/, '')),
    'half of it': forge((token) => token.slice(0, token.length / 2)),
    'too much of it': forge((token) => `${token}.x`),
    'nothing at all': forge(() => ''),
    'a number': forge(() => 5),
    'a megabyte': forge(() => 'x'.repeat(900_000)),
  };
  for (const [name, prepare] of Object.entries(attacks)) {
    Object.assign(provider, { change: null, forge: null, account: { ...ana, email: 'victim@example.com' } });
    prepare();
    assert.equal(failure(await new Browser().signIn()), 'oauth_failed', name);
  }
  assert.ok(!(await usersOf()).some((user) => user.email === 'victim@example.com'));
});

test('accounts that may not sign in', async () => {
  const cases = [
    ['an unverified address', { email_verified: false }, 'email_not_verified'],
    ['one that does not say', { email_verified: undefined }, 'email_not_verified'],
    ['a text for true', { email_verified: 'true' }, 'email_not_verified'],
    ['no address', { email: undefined }, 'no_email'],
    ['an empty address', { email: '' }, 'no_email'],
    ['a foreign domain', { email: 'ana@evil.example', hd: 'evil.example' }, 'domain_not_allowed'],
    ['a domain in front', { email: 'ana@example.com.evil.example', hd: 'example.com' }, 'domain_not_allowed'],
    ['a domain below', { email: 'ana@sub.example.com', hd: 'example.com' }, 'domain_not_allowed'],
    ['a domain that ends alike', { email: 'ana@notexample.com', hd: 'example.com' }, 'domain_not_allowed'],
    ['another organisation', { email: 'ana@example.com', hd: 'evil.example' }, 'domain_not_allowed'],
    ["a private account with a company's address", { email: 'gone@example.com', hd: undefined }, 'domain_not_allowed'],
    ['two signs', { email: 'ana@evil.example@example.com' }, 'no_email'],
    ['a quoted name', { email: '"ana@evil.example"@example.com' }, 'no_email'],
    ['a look-alike letter', { email: '\u0430na@example.com' }, 'no_email'],
    ['a look-alike domain', { email: 'ana@ex\u0430mple.com' }, 'no_email'],
    ['a wide sign', { email: 'ana\uff20example.com' }, 'no_email'],
    ['a line break', { email: 'ana@example.com\r\nX: y' }, 'no_email'],
    ['a space', { email: ' ana@example.com' }, 'no_email'],
    ['a NUL', { email: 'ana@example.com\u0000' }, 'no_email'],
  ];
  const before = (await usersOf()).length;
  for (const [name, change, error] of cases) {
    provider.account = { ...ana, ...change };
    assert.equal(failure(await new Browser().signIn()), error, name);
  }
  assert.equal((await usersOf()).length, before);
  provider.account = { ...ana, email: 'pat@partner.example', hd: 'partner.example' };
  must(302, await new Browser().signIn());
});

test("the scheduler's account is not a person's", async () => {
  const open = await serve({ domains: '', env: { SCHEDULER_API_TOKEN: 'a-scheduler-token-of-more-than-32-characters' } });
  assert.match(open.log, /auth\.allowed_domain/);
  provider.account = { ...ana, email: 'Scheduler@system.local' };
  assert.equal(failure(await new Browser(open).signIn()), 'oauth_failed');
  provider.account = { sub: '9', email: 'anybody@mail.example', email_verified: true };
  must(302, await new Browser(open).signIn());
  await open.stop();
});

test('a deactivated account stays out', async () => {
  const user = await server.addUser('gone@example.com');
  must(200, await server.post(`/api/users/${user.id}/deactivate`, {}, asAdmin()));
  provider.account = { ...ana, email: 'gone@example.com' };
  assert.equal(failure(await new Browser().signIn()), 'deactivated');
});

test('keys rotate without anybody noticing', async () => {
  must(302, await new Browser().signIn());
  const asked = provider.counts['/keys'];
  must(302, await new Browser().signIn());
  assert.equal(provider.counts['/keys'], asked, 'known keys are not asked for again');
  provider.rotate();
  must(302, await new Browser().signIn());
  assert.equal(provider.counts['/keys'], asked + 1);
  provider.rotate({ withdraw: true });
  must(302, await new Browser().signIn());
});

test('made-up key ids make the server ask only so often', async () => {
  const other = await serve();
  const asked = provider.counts['/keys'];
  provider.change = ({ header }) => (header.kid = `ghost-${Math.random()}`);
  for (let i = 0; i < 12; i++) assert.equal(failure(await new Browser(other).signIn()), 'oauth_failed');
  assert.ok(provider.counts['/keys'] - asked <= 6, String(provider.counts['/keys'] - asked));
  await other.stop();
});

test('a key that is too short, or a wrong kind of document, is of no use', async () => {
  const usual = provider.keys;
  const other = await serve();
  provider.keys = [makeKey(1024)];
  assert.equal(failure(await new Browser(other).signIn()), 'oauth_failed');
  provider.keys = usual;
  must(302, await new Browser(other).signIn());
  await other.stop();
  const confused = await serve();
  for (const configuration of [{ issuer: 'https://evil.example' }, { token_endpoint: undefined }, { jwks_uri: 'file:///etc/passwd' }, { authorization_endpoint: 'javascript:alert(1)' }]) {
    provider.configuration = configuration;
    assert.equal(failure(await new Browser(confused).get('/auth/google/login')), 'oauth_failed', JSON.stringify(configuration));
  }
  provider.configuration = {};
  must(302, await new Browser(confused).signIn());
  await confused.stop();
});

test('a provider that fails costs one sign-in', async () => {
  const other = await serve();
  const usual = '/.well-known/openid-configuration';
  for (const how of [500, 503, 404, 302, 'cut', 'text']) {
    for (const where of [usual, '/token', '/keys']) {
      const fresh = where === '/token' ? other : await serve();
      provider.fail(where, how);
      const browser = new Browser(fresh);
      if (where === usual) assert.equal(failure(await browser.get('/auth/google/login')), 'oauth_failed', `${where} ${how}`);
      else assert.equal(failure(await browser.signIn()), 'oauth_failed', `${where} ${how}`);
      provider.mend();
      must(302, await browser.signIn());
      // What is known already is enough for a while.
      if (where !== '/token') {
        provider.fail(where, how);
        must(302, await browser.signIn());
        provider.mend();
        await fresh.stop();
      }
    }
  }
  await other.stop();
});

test('while the provider is silent others are answered, and sign-ins wait in a short line only', async () => {
  const targets = await Promise.all(Array.from({ length: 9 }, async () => {
    const browser = new Browser();
    return [browser, await browser.begin()];
  }));
  provider.fail('/token', 'hold');
  const waiting = targets.slice(0, 8).map(([browser, target]) => browser.get(target));
  await provider.waiting('/token', 8);
  must(200, await server.get('/api/health'));
  const refused = await targets[8][0].get(targets[8][1]);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers['retry-after'], '1');
  must(200, await server.get('/api/users', asAdmin()));
  provider.mend();
  assert.deepEqual((await Promise.all(waiting)).map((a) => a.status), Array(8).fill(302));
  must(302, await targets[8][0].get(targets[8][1]));
});

test('groups of the directory become memberships', async () => {
  provider.account = { ...ana, email: 'cleo@example.com' };
  const all = ['a@example.com', 'B@Example.com', 'c@example.com', 'd@example.com', 'e@example.com'];
  directory.groups.set('cleo@example.com', [...all, 'fans@googlegroups.com', 'Admin', 'Everyone', 'x\r\n@example.com']);
  const browser = new Browser();
  must(302, await browser.signIn());
  assert.match(browser.asked.searchParams.get('scope'), /cloud-identity\.groups\.readonly/);
  assert.deepEqual(await groupsOf('cleo@example.com'), Object.fromEntries(all.map((name) => [name.toLowerCase(), 'google_sync'])));

  // An admin's own memberships stay whatever the directory says.
  const own = must(201, await server.post('/api/admin/groups', { name: 'ours' }, asAdmin())).json;
  must(201, await server.post(`/api/admin/groups/${own.id}/members`, { email: 'cleo@example.com' }, asAdmin()));
  directory.groups.set('cleo@example.com', ['c@example.com', 'new@example.com']);
  must(302, await new Browser().signIn());
  assert.deepEqual(await groupsOf('cleo@example.com'), { 'c@example.com': 'google_sync', 'new@example.com': 'google_sync', ours: 'admin' });

  // Nothing of it can be read: as before.
  for (const how of [403, 500, 'cut', 'text']) {
    directory.fail(directory.path, how);
    must(302, await new Browser().signIn());
    assert.equal(Object.keys(await groupsOf('cleo@example.com')).length, 3, String(how));
  }
  assert.match(server.log, /Google groups of cleo@example\.com cannot be read/);
  directory.mend();

  // In none any more: that is an answer, too.
  directory.groups.delete('cleo@example.com');
  must(302, await new Browser().signIn());
  assert.deepEqual(await groupsOf('cleo@example.com'), { ours: 'admin' });
});

test("what the directory keeps is changed by nobody here, and what is given here not by it", async () => {
  provider.account = { ...ana, email: 'emil@example.com' };
  directory.groups.set('emil@example.com', ['kept@example.com']);
  must(302, await new Browser().signIn());
  const group = must(200, await server.get('/api/admin/groups', asAdmin())).json.find((g) => g.name === 'kept@example.com');
  const emil = (await usersOf()).find((u) => u.email === 'emil@example.com');
  const cleo = await server.addUser('local@example.com');
  assert.deepEqual([group.origin, group.is_google_managed, group.member_count], ['google_sync', true, 1]);
  const at = `/api/admin/groups/${group.id}`;
  for (const [method, target, json] of [
    ['PATCH', at, { name: 'mine' }], ['DELETE', at], ['POST', `${at}/members`, { email: cleo.email }], ['DELETE', `${at}/members/${emil.id}`],
    ['POST', `/api/admin/users/${cleo.id}/memberships`, { group_id: group.id }], ['DELETE', `/api/admin/users/${emil.id}/memberships/${group.id}`],
  ]) assert.equal(must(409, await server.request(method, target, { json, ...asAdmin() })).json.detail.code, 'google_managed_readonly', `${method} ${target}`);
  assert.deepEqual(await groupsOf('emil@example.com'), { 'kept@example.com': 'google_sync' });

  // It can be granted things like any other, and who leaves it loses them at once.
  must(201, await server.post('/api/admin/grants', { group_id: group.id, resource_type: 'memory_domain', resource_id: 'finance' }, asAdmin()));
  const browser = new Browser();
  must(302, await browser.signIn());
  assert.deepEqual(must(200, await browser.me()).json.items.map((item) => item.via_groups[0].group_name), ['kept@example.com']);
  directory.groups.set('emil@example.com', []);
  must(302, await new Browser().signIn());
  assert.deepEqual(must(200, await browser.me()).json.items, []);

  // A group of ours that has an address of the directory for its name stays ours.
  const own = must(201, await server.post('/api/admin/groups', { name: 'ours@example.com' }, asAdmin())).json;
  must(201, await server.post(`/api/admin/groups/${own.id}/members`, { email: cleo.email }, asAdmin()));
  directory.groups.set('emil@example.com', ['ours@example.com']);
  must(302, await new Browser().signIn());
  assert.deepEqual(await groupsOf('local@example.com'), { 'ours@example.com': 'admin' });
});

test('somebody who hides their groups does not get in', async () => {
  provider.scope = 'openid email profile';
  assert.equal(failure(await new Browser().signIn()), 'groups_not_shared');
});

test('a prefix and mapped groups', async () => {
  const other = await serve({
    groups: false,
    env: { AGNES_GOOGLE_GROUP_PREFIX: 'agnes-', AGNES_GROUP_ADMIN_EMAIL: 'Agnes-Admins@example.com', AGNES_GROUP_EVERYONE_EMAIL: 'agnes-all@example.com' },
  });
  provider.account = { ...ana, email: 'dora@example.com' };
  directory.groups.set('dora@example.com', ['agnes-admins@example.com', 'AGNES-all@example.com', 'agnes-sales@example.com', 'lunch@example.com']);
  const dora = new Browser(other);
  must(302, await dora.signIn());
  assert.deepEqual(await groupsOf('dora@example.com', other), { Admin: 'google_sync', Everyone: 'google_sync', 'agnes-sales@example.com': 'google_sync' });
  must(200, await dora.get('/api/users'));

  // Out of the directory's groups: out of here, also with the session of before.
  directory.groups.set('dora@example.com', ['lunch@example.com', 'not-agnes-admins@example.com']);
  assert.equal(failure(await new Browser(other).signIn()), 'not_in_allowed_group');
  assert.deepEqual(await groupsOf('dora@example.com', other), {});
  assert.equal((await dora.get('/api/users')).status, 403);

  // The directory does not answer: nobody is locked out.
  directory.fail(directory.path, 503);
  must(302, await new Browser(other).signIn());
  assert.deepEqual(await groupsOf('dora@example.com', other), {});
  await other.stop();
});

test('sign-ins are limited per address', async () => {
  const other = await serve({ limits: true });
  const answers = await Promise.all(Array.from({ length: 70 }, () => other.get('/auth/google/callback')));
  const last = answers.filter((a) => a.status === 429);
  assert.equal(last.length, 10);
  assert.ok(Number(last[0].headers['retry-after']) >= 1);
  must(200, await other.get('/api/users', asAdmin(other)));
  await other.stop();
});

test('no secret is in the log', () => {
  assert.ok(provider.accessTokens.size > 0);
  for (const text of [provider.client.secret, ...provider.accessTokens.keys()]) assert.ok(!server.log.includes(text));
  assert.ok(!/eyJ[\w-]+\.[\w-]+\./.test(server.log), 'no token');
});
