// The pages at which people sign in, used as a browser without scripts uses them: by their links and forms.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startRelay } from '../fakes/smtp.mjs';
import { Browser, formsOf, linksOf, textOf } from '../lib/browser.mjs';
import { adminEmail, adminPassword, must, startServer, temporaryFolder } from '../lib/server.mjs';

const login = '/auth/password/login/web';
const google = { GOOGLE_CLIENT_ID: 'id', GOOGLE_CLIENT_SECRET: 'a-secret' };
const publicUrl = 'https://agnes.example.com';
let relay;
let server; // with everything
let bare; // with nothing but passwords
before(async () => {
  relay = await startRelay();
  server = await startServer({ env: { ...relay.environment, ...google, SERVER_URL: publicUrl, AGNES_DEBUG_AUTH: '1' } });
  bare = await startServer();
});
after(async () => {
  await Promise.all([server.stop(), bare.stop()]);
  await relay.stop();
});

const alertOf = (html) => textOf(/<p role="alert">(.*?)<\/p>/s.exec(html)?.[1] ?? '');
const signedIn = (browser) => browser.cookies.has('access_token');
async function mailedLink() {
  const url = new URL(/https?:\/\/\S+/.exec((await relay.next()).text)[0]);
  assert.equal(url.origin, publicUrl);
  return url.pathname + url.search;
}

test('a signed-out browser is led to sign in and back again, a program is told 401', async () => {
  const browser = new Browser(server);
  const first = must(302, await browser.get('/me/debug?x=1&y=%2F'));
  assert.equal(first.headers['cache-control'], 'no-store');
  assert.equal(first.headers.location, '/login?next=%2Fme%2Fdebug%3Fx%3D1%26y%3D%252F');
  must(200, await browser.get(first.headers.location));
  const wrong = must(302, await browser.submit(login, { email: adminEmail, password: 'wrong' }));
  assert.ok(!signedIn(browser));
  const again = must(200, await browser.get(wrong.headers.location));
  assert.match(alertOf(again.text), /do not match/);
  const right = must(302, await browser.submit(login, { email: adminEmail, password: adminPassword }));
  assert.equal(right.headers.location, '/me/debug?x=1&y=%2F');
  must(200, await browser.get(right.headers.location));
  assert.match(must(200, await browser.get('/login')).text, /signed in as admin@example\.com/);

  for (const accept of ['text/html,*/*', 'application/json', '*/*']) {
    const answer = must(401, await server.get('/api/me/effective-access', { headers: { accept } }));
    assert.match(answer.headers['content-type'], /json/);
    assert.equal(typeof answer.json.detail, 'string');
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
  }
});

test('exactly the ways that are set up are offered', async () => {
  const config = temporaryFolder();
  writeFileSync(path.join(config, 'instance.yaml'), 'auth:\n  disabled_providers: [password, email]\ninstance:\n  name: "Data & <Co>"\n');
  const hidden = await startServer({ config, env: { ...google, ...relay.environment, SERVER_URL: publicUrl } });
  const noAddress = await startServer({ env: relay.environment });
  const mail = ['/login/email?next=%2Fx', 'Sign in with a link by mail'];
  const withGoogle = ['/auth/google/login?next=%2Fx', 'Sign in with Google'];
  const forgot = ['/login/password?next=%2Fx', 'Forgot your password, or none yet?'];
  const cases = [
    [server, [withGoogle, mail, forgot], [login]],
    [bare, [forgot], [login]],
    [noAddress, [forgot], [login]], // it is not known where links lead: none is sent
    [hidden, [withGoogle], []],
  ];
  for (const [at, links, forms] of cases) {
    const { text } = must(200, await at.get('/login?next=/x'));
    assert.deepEqual(linksOf(text), links);
    assert.deepEqual(formsOf(text).map((form) => form.action), forms);
  }
  assert.match((await hidden.get('/login')).text, /Data &amp; &lt;Co&gt;/);
  // What cannot be asked for is not offered, and the page says what to do instead.
  assert.deepEqual(formsOf((await server.get('/login/password')).text).map((form) => form.action), [login, '/auth/password/reset', '/auth/password/setup/request']);
  const alone = (await bare.get('/login/password')).text;
  assert.deepEqual(formsOf(alone).map((form) => form.action), [login]);
  assert.match(alone, /An admin can make a link/);
  assert.deepEqual(linksOf(alone), []);
  assert.match((await bare.get('/login/email')).text, /sends no mail/);
  assert.deepEqual(formsOf((await bare.get('/login/email')).text), []);
  assert.equal((await bare.get('/auth/google/login')).headers.location, '/login?error=google_not_configured');
  await Promise.all([hidden.stop(), noAddress.stop()]);
});

test('why it did not work is said in words, and in ours only', async () => {
  const seen = new Set();
  for (const error of ['invalid', 'deactivated', 'google_not_configured', 'no_email', 'email_not_verified', 'domain_not_allowed', 'not_in_allowed_group', 'groups_not_shared', 'oauth_failed'])
    for (const page of ['/login', '/login/password']) {
      const text = alertOf(must(200, await server.get(`${page}?error=${error}`)).text);
      assert.ok(text.length > 20 && !text.includes('_'), error);
      seen.add(text);
    }
  assert.equal(seen.size, 9);
  const odd = must(200, await server.get(`/login?error=${encodeURIComponent('<b>Call 555-0100</b>')}&msg=<b>&next=${encodeURIComponent('/x"><script>alert(1)</script>')}`)).text;
  assert.ok(!odd.includes('555') && !odd.includes('<script') && !odd.includes('<b>'));
  assert.match(alertOf(odd), /did not work/);
  assert.equal(alertOf((await server.get('/login')).text), '');
});

test('no page leads to another site', async () => {
  const nexts = ['//evil.example', 'https://evil.example', '/\\evil.example', '\\\\evil.example', 'javascript:alert(1)', 'evil.example', '/\t/evil.example', '/x\r\nSet-Cookie: a=b', ' //evil.example', `/${'x'.repeat(3000)}`];
  for (const next of nexts)
    for (const page of ['/login', '/login/password', '/login/email']) {
      const { text } = must(200, await server.get(`${page}?next=${encodeURIComponent(next)}`));
      for (const [address] of linksOf(text)) assert.match(address, /^\/(login|auth\/google\/login)[a-z/]*$/, next);
      for (const form of formsOf(text)) assert.equal(form.fields.next ?? '', '', next);
    }
  const wrong = must(302, await server.request('POST', login, { form: { email: adminEmail, password: 'x', next: '//evil.example' } }));
  assert.equal(wrong.headers.location, '/login/password?error=invalid');
});

test('a deactivated account learns so, with the right password only', async () => {
  const ana = await server.addUser('gone@example.com');
  must(200, await server.post(`/api/users/${ana.id}/deactivate`, {}, { token: server.admin.token }));
  const browser = new Browser(server);
  for (const [password, words] of [['wrong', /do not match/], [ana.password, /deactivated/]]) {
    must(200, await browser.get('/login'));
    const answer = must(302, await browser.submit(login, { email: ana.email, password }));
    assert.match(alertOf((await browser.get(answer.headers.location)).text), words);
    assert.ok(!signedIn(browser));
  }
});

test('a link by mail is asked for with a form', async () => {
  const ana = await server.addUser('ana@example.com');
  const browser = new Browser(server);
  must(200, await browser.get('/login/email'));
  const unknown = must(200, await browser.submit('/login/email', { email: 'ghost@example.com' }));
  must(200, await browser.get('/login/email'));
  const known = must(200, await browser.submit('/login/email', { email: 'ANA@example.com' }));
  assert.equal(known.text, unknown.text);
  const target = await mailedLink();
  assert.equal(must(302, await browser.get(target)).headers.location, '/dashboard');
  assert.equal(must(200, await browser.me()).json.is_admin, false);
  const late = must(401, await new Browser(server).get(target, { accept: 'text/html' }));
  assert.match(late.text, /does not work any more/);
  assert.ok(ana.id);
});

test('a forgotten password and a first one are set with forms', async () => {
  const made = must(201, await server.post('/api/users', { email: 'new@example.com', name: 'New' }, { token: server.admin.token })).json;
  const browser = new Browser(server);
  const ask = async (action) => {
    must(200, await browser.get('/login/password'));
    assert.match(must(200, await browser.submit(action, { email: 'new@example.com' })).text, /on its way/);
    must(200, await browser.get(await mailedLink()));
  };
  await ask('/auth/password/setup/request');
  const setup = '/auth/password/setup/confirm';
  for (const [password, again, words] of [['first-password-1', 'first-password-2', /two different/], ['short', 'short', /8/]]) {
    must(200, await browser.submit(setup, { password, confirm_password: again, name: 'Ida' }));
    assert.match(alertOf(browser.last.text), words);
  }
  must(302, await browser.submit(setup, { password: 'first-password-1', confirm_password: 'first-password-1' }));
  assert.ok(signedIn(browser));
  assert.equal(must(200, await server.get(`/api/users/${made.id}`, { token: server.admin.token })).json.name, 'Ida');

  browser.cookies.clear();
  await ask('/auth/password/reset');
  const done = must(302, await browser.submit('/auth/password/reset/confirm', { password: 'second-password-1', confirm_password: 'second-password-1' }));
  assert.equal(done.headers.location, '/login/password?msg=password_reset');
  assert.match(must(200, await browser.get(done.headers.location)).text, /new password is set/);
  assert.ok(signedIn(browser));
  assert.equal((await server.post('/auth/token', { email: 'new@example.com', password: 'first-password-1' })).status, 401);
});

test('forms of other sites are refused, whoever they would sign in', async () => {
  const posts = {
    [login]: { email: adminEmail, password: adminPassword },
    '/login/email': { email: adminEmail },
    '/auth/password/reset': { email: adminEmail },
    '/auth/password/setup/request': { email: adminEmail },
    '/auth/password/reset/confirm': { email: adminEmail, token: 'x', password: 'a-long-password-1', confirm_password: 'a-long-password-1' },
    '/auth/password/setup/confirm': { email: adminEmail, token: 'x', password: 'a-long-password-1', confirm_password: 'a-long-password-1' },
    '/first-time-setup': { email: adminEmail, password: 'a-long-password-1', confirm_password: 'a-long-password-1' },
  };
  const origins = [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }, { origin: 'null' }];
  for (const [target, form] of Object.entries(posts))
    for (const headers of origins) {
      const answer = must(403, await server.request('POST', target, { form, headers }));
      assert.equal(answer.headers['set-cookie'], undefined, target);
    }
  assert.deepEqual(relay.mails, []);
  // A proxy that gives the server another name than people use does not keep them out.
  const behind = { origin: publicUrl, 'sec-fetch-site': 'same-origin' };
  assert.ok(must(302, await server.request('POST', login, { form: posts[login], headers: behind })).headers['set-cookie']);
});

test('whoever tries too often is told so on a page', async () => {
  const other = await startServer({ limits: true });
  const browser = new Browser(other);
  let last;
  for (let i = 0; i < 40 && last?.status !== 429; i++) {
    must(200, await browser.get('/login'));
    last = await browser.submit(login, { email: 'ghost@example.com', password: 'x' });
  }
  must(429, last);
  assert.match(last.headers['content-type'], /text\/html/);
  assert.match(last.text, /try again in \d+ s/);
  assert.ok(Number(last.headers['retry-after']) > 0);
  assert.match((await other.request('POST', login, { form: { email: 'x@example.com', password: 'x' } })).json.detail, /try again/);
  await other.stop();
});

test("a new server's first account is made with a form, once", async () => {
  const fresh = await startServer({ seed: false });
  const browser = new Browser(fresh);
  assert.ok(linksOf(must(200, await browser.get('/login')).text).some(([address]) => address === '/first-time-setup'));
  must(200, await browser.get('/first-time-setup'));
  const good = { email: 'root@example.com', name: 'Root', password: 'a-long-password-1', confirm_password: 'a-long-password-1' };
  for (const [change, words] of [[{ email: 'root' }, /not an email address/], [{ confirm_password: 'another-password-1' }, /two different/], [{ password: 'short', confirm_password: 'short' }, /8/]]) {
    must(200, await browser.submit('/first-time-setup', { ...good, ...change }));
    assert.match(alertOf(browser.last.text), words);
    assert.ok(!signedIn(browser));
  }
  const crowd = await Promise.all(Array.from({ length: 8 }, () => fresh.request('POST', '/first-time-setup', { form: good })));
  assert.equal(crowd.filter((answer) => answer.headers['set-cookie']).length, 1);
  const owner = { token: /access_token=([^;]+)/.exec(crowd.find((answer) => answer.headers['set-cookie']).headers['set-cookie'][0])[1] };
  assert.equal(must(200, await fresh.get('/api/me/effective-access', owner)).json.is_admin, true);
  assert.equal(must(302, await fresh.get('/first-time-setup')).headers.location, '/login');
  const late = must(302, await fresh.request('POST', '/first-time-setup', { form: { ...good, email: 'evil@example.com' } }));
  assert.equal(late.headers.location, '/login');
  assert.equal(late.headers['set-cookie'], undefined);
  assert.ok(!linksOf((await fresh.get('/login')).text).some(([address]) => address === '/first-time-setup'));
  await fresh.stop();

  // A seeded admin without a password: only that address claims the server.
  const seeded = await startServer({ env: { SEED_ADMIN_PASSWORD: '' }, signIn: false });
  const owning = new Browser(seeded);
  must(200, await owning.get('/first-time-setup'));
  must(200, await owning.submit('/first-time-setup', good));
  assert.match(alertOf(owning.last.text), /SEED_ADMIN_EMAIL/);
  must(302, await owning.submit('/first-time-setup', { ...good, email: adminEmail }));
  assert.ok(signedIn(owning));
  await seeded.stop();
});

test('in LOCAL_DEV_MODE nobody has to sign in', async () => {
  const other = await startServer({ env: { LOCAL_DEV_MODE: '1' } });
  assert.equal(must(302, await other.get('/login?next=/me/debug')).headers.location, '/me/debug');
  assert.equal(must(302, await other.get('/login')).headers.location, '/dashboard');
  await other.stop();
});

test('the pages load nothing, are kept by nobody and stand in no frame', async () => {
  for (const page of ['/login', '/login/password', '/login/email', '/auth/password/setup?email=a@example.com&token=x', '/auth/password/reset?email=a@example.com&token=x']) {
    const { headers, text } = must(200, await server.get(page));
    assert.match(headers['content-security-policy'], /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['referrer-policy'], 'same-origin');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.ok(!/<script|<img|<link| src=| on\w+=/i.test(text), page);
    assert.match(text, /prefers-color-scheme: dark/);
  }
});
