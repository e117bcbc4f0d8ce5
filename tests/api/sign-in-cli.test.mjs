// /auth/cli: somebody lets agnes on their machine work as them, in a browser.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Browser, linksOf, textOf } from '../lib/browser.mjs';
import { adminEmail, adminPassword, must, startServer } from '../lib/server.mjs';

let server;
before(async () => (server = await startServer()));
after(() => server.stop());

const made = () => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};
const address = (params) => `/auth/cli?${new URLSearchParams(params)}`;
async function signedIn(email = adminEmail, password = adminPassword) {
  const browser = new Browser(server);
  await browser.get('/login/password');
  must(302, await browser.submit('/auth/password/login/web', { email, password }));
  return browser;
}
const codeOf = (page) => /<p class="code">([B-Z]{4}-[B-Z]{4})<\/p>/.exec(page.text)[1];
const exchange = (code, verifier) => server.post('/auth/cli/token', { code, code_verifier: verifier });
async function shownCode(browser, challenge) {
  must(200, await browser.get(address({ challenge })));
  return codeOf(must(200, await browser.submit('/auth/cli')));
}

test('a browser on the machine brings the code to the port, and agnes gets a session for it', async () => {
  const { verifier, challenge } = made();
  const browser = new Browser(server);
  const where = address({ challenge, state: 'a-state', machine: '<b>laptop', port: 43210 });
  const login = must(302, await browser.get(where));
  assert.equal(login.headers.location, `/login?next=${encodeURIComponent(where)}`);
  must(200, await browser.get(login.headers.location));
  const back = must(302, await browser.submit('/auth/password/login/web', { email: adminEmail, password: adminPassword }));
  assert.equal(back.headers.location, where);
  const page = must(200, await browser.get(where));
  assert.match(page.text, /agnes<\/code> on <strong>&lt;b&gt;laptop<\/strong> asks to work as <strong>admin@example\.com/);
  assert.match(page.headers['content-security-policy'], /form-action 'self' http:\/\/127\.0\.0\.1:43210;/);
  assert.deepEqual(linksOf(page.text)[0], ['http://127.0.0.1:43210/?error=access_denied&state=a-state', 'Do not allow']);
  const sent = must(303, await browser.submit('/auth/cli'));
  const [, code] = /^http:\/\/127\.0\.0\.1:43210\/\?code=([B-Z]{4}-[B-Z]{4})&state=a-state$/.exec(sent.headers.location);

  const session = must(200, await exchange(code, verifier)).json;
  assert.deepEqual([session.email, session.user_id, session.role, session.token_type], [adminEmail, server.admin.id, 'admin', 'bearer']);
  must(201, await server.post('/auth/tokens', { name: 'agnes' }, { token: session.access_token }));
  assert.match(must(401, await exchange(code, verifier)).json.detail, /wrong, used or older/);
  const log = must(200, await server.get('/api/admin/audit?action=cli_login', { token: server.admin.token })).text;
  assert.match(log, /cli_login/);
});

test('without a port the code is shown, and may be typed in any case', async () => {
  const { verifier, challenge } = made();
  const code = await shownCode(await signedIn(), challenge);
  must(200, await exchange(code.replace('-', ' ').toLowerCase(), verifier));
});

test('a code is good for its own program, and for five tries', async () => {
  const browser = await signedIn();
  const mine = made(), other = made();
  const code = await shownCode(browser, mine.challenge);
  must(401, await exchange(code, other.verifier));
  must(401, await exchange(code, mine.challenge));
  for (let i = 0; i < 4; i++) must(401, await exchange('BBBB-BBBB', mine.verifier));
  must(200, await exchange(code, mine.verifier));
  const again = await shownCode(browser, mine.challenge);
  for (let i = 0; i < 5; i++) must(401, await exchange('BBBB-BBBB', mine.verifier));
  must(401, await exchange(again, mine.verifier));
});

test('a later code for the same program takes the place of the one before', async () => {
  const { verifier, challenge } = made();
  const browser = await signedIn();
  const first = await shownCode(browser, challenge), second = await shownCode(browser, challenge);
  must(401, await exchange(first, verifier));
  must(200, await exchange(second, verifier));
});

test('who was deactivated meanwhile gets no session', async () => {
  const ana = await server.addUser('ana@example.com');
  must(204, await server.post(`/api/users/${ana.id}/set-password`, { password: 'a-long-password-1' }, { token: server.admin.token }));
  const browser = await signedIn('ana@example.com', 'a-long-password-1');
  const { verifier, challenge } = made();
  const code = await shownCode(browser, challenge);
  must(200, await server.post(`/api/users/${ana.id}/deactivate`, undefined, { token: server.admin.token }));
  must(401, await exchange(code, verifier));
  const refused = await browser.get(address({ challenge }));
  assert.equal(refused.status, 302);
});

test('a code is worth no more than the session that allowed it', async () => {
  const bob = await server.addUser('bob@example.com');
  const password = 'a-long-password-1';
  const set = (text) => server.post(`/api/users/${bob.id}/set-password`, { password: text }, { token: server.admin.token });
  must(204, await set(password));
  for (const end of [(browser) => browser.send('POST', '/auth/logout', { headers: { origin: server.url, 'sec-fetch-site': 'same-origin' } }), () => set(`${password}x`)]) {
    const browser = await signedIn('bob@example.com', password);
    const { verifier, challenge } = made();
    const code = await shownCode(browser, challenge);
    await end(browser);
    must(401, await exchange(code, verifier));
  }
});

test('nobody takes the place of a code that somebody else allowed', async () => {
  const eve = await server.addUser('eve@example.com');
  must(204, await server.post(`/api/users/${eve.id}/set-password`, { password: 'a-long-password-1' }, { token: server.admin.token }));
  const { verifier, challenge } = made();
  const code = await shownCode(await signedIn(), challenge);
  const other = await signedIn('eve@example.com', 'a-long-password-1');
  must(200, await other.get(address({ challenge })));
  must(429, await other.submit('/auth/cli'));
  assert.equal(must(200, await exchange(code, verifier)).json.email, adminEmail);
});

test('only a signed-in person on this server’s own page may allow it', async () => {
  const { challenge } = made();
  const browser = await signedIn();
  for (const headers of [{ origin: 'https://evil.example.com' }, { 'sec-fetch-site': 'cross-site' }]) {
    must(200, await browser.get(address({ challenge })));
    must(403, await browser.submit('/auth/cli', {}, headers));
  }
  const token = must(201, await server.post('/auth/tokens', { name: 'x' }, { token: server.admin.token })).json.token;
  must(403, await server.get(address({ challenge }), { token }));
  must(401, await server.request('POST', '/auth/cli', { form: { challenge } }));
});

test('what makes no sense is refused by name', async () => {
  const browser = await signedIn();
  const { challenge } = made();
  for (const [params, field] of [
    [{}, 'challenge'], [{ challenge: 'short' }, 'challenge'], [{ challenge: `${challenge}=` }, 'challenge'],
    [{ challenge, port: 80 }, 'port'], [{ challenge, port: 70000 }, 'port'], [{ challenge, port: 'x' }, 'port'],
    [{ challenge, state: 'a&code=b' }, 'state'], [{ challenge, state: 'a'.repeat(101) }, 'state'], [{ challenge, machine: 'm'.repeat(101) }, 'machine'],
  ])
    assert.equal(must(422, await browser.get(address(params))).json.detail[0].loc.at(-1), field);
  must(422, await server.post('/auth/cli/token', { code: 'BBBB-BBBB' }));
  must(401, await exchange('', 'x'));
});

test('one account has ten codes open at most, and strangers few tries', async () => {
  const limited = await startServer({ limits: true });
  try {
    const browser = new Browser(limited);
    await browser.get('/login/password');
    must(302, await browser.submit('/auth/password/login/web', { email: adminEmail, password: adminPassword }));
    for (let i = 0; i < 11; i++) {
      must(200, await browser.get(address({ challenge: made().challenge })));
      const answer = await browser.submit('/auth/cli');
      assert.equal(answer.status, i < 10 ? 200 : 429);
      if (i === 10) assert.match(textOf(answer.text), /Too many programs wait/);
    }
    const statuses = [];
    for (let i = 0; i < 21; i++) statuses.push((await limited.post('/auth/cli/token', { code: 'BBBB-BBBB', code_verifier: 'x' })).status);
    assert.deepEqual(statuses, [...Array(20).fill(401), 429]);
  } finally {
    await limited.stop();
  }
});
