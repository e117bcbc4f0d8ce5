// Links by mail: signing in, setting passwords; how mails leave, and what becomes of relays that misbehave.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import duckdb from '@duckdb/node-bindings';
import { makeCertificate, startRelay } from '../fakes/smtp.mjs';
import { startSendGrid } from '../fakes/sendgrid.mjs';
import { bin, must, runServer, startServer, temporaryFolder } from '../lib/server.mjs';

const publicUrl = 'https://agnes.example.com';
let relay;
let server;
before(async () => {
  relay = await startRelay();
  server = await startServer({ env: { ...relay.environment, SERVER_URL: `${publicUrl}/` } });
});
after(async () => {
  await server.stop();
  await relay.stop();
});

// The link of a mail, in parts.
function linkOf(mail) {
  const url = new URL(/https?:\/\/\S+/.exec(mail.text)[0]);
  return { url, target: url.pathname + url.search, email: url.searchParams.get('email'), token: url.searchParams.get('token') };
}
const sendLink = (email, on = server) => on.post('/auth/email/send-link', { email });
const verify = (email, token, on = server) => on.post('/auth/email/verify', { email, token });
async function linkFor(email) {
  must(200, await sendLink(email));
  return linkOf(await relay.next());
}
const auditOf = async (query, on = server) => must(200, await on.get(encodeURI(`/api/admin/audit?${query}`), { token: on.admin.token })).json.entries;

test('a link by mail signs in, once', async () => {
  const ana = await server.addUser('ana+test@example.com');
  const asked = must(200, await sendLink('ana+test@example.com'));
  assert.deepEqual(Object.keys(asked.json), ['message']);
  const mail = await relay.next();
  assert.deepEqual([mail.from, mail.to, mail.headers.from, mail.headers.to], ['agnes@example.com', [ana.email], 'agnes@example.com', ana.email]);
  assert.match(mail.headers['message-id'], /^<[\w-]+@example\.com>$/);
  assert.ok(Math.abs(Date.parse(mail.headers.date) - Date.now()) < 3600_000);
  const link = linkOf(mail);
  assert.equal(link.url.origin + link.url.pathname, `${publicUrl}/auth/email/verify`);
  assert.equal(link.email, ana.email);

  const answer = must(200, await verify(link.email, link.token)).json;
  assert.deepEqual([answer.email, answer.token_type, answer.role], [ana.email, 'bearer', 'user']);
  must(200, await server.get('/api/me/effective-access', { token: answer.access_token }));
  const again = must(401, await verify(link.email, link.token));
  assert.equal(typeof again.json.detail, 'string');

  const clicked = await linkFor(ana.email);
  // A mail filter that only looks does not use it up.
  must(200, await server.request('HEAD', clicked.target));
  const page = must(302, await server.get(clicked.target));
  assert.equal(page.headers.location, '/dashboard');
  assert.equal(page.headers['referrer-policy'], 'no-referrer');
  const cookie = page.headers['set-cookie'][0];
  for (const part of [/; *HttpOnly/i, /; *SameSite=lax/i]) assert.match(cookie, part);
  must(200, await server.get('/api/me/effective-access', { headers: { cookie: cookie.split(';')[0] } }));
  must(401, await server.get(clicked.target));
  const forBrowsers = must(401, await server.get(clicked.target, { headers: { accept: 'text/html' } }));
  assert.match(forBrowsers.headers['content-type'], /text\/html/);
  assert.ok(!forBrowsers.text.includes(clicked.token));
});

test('of 64 that use a link at once, one gets in', async () => {
  await server.addUser('many@example.com');
  for (const way of ['POST', 'GET']) {
    const link = await linkFor('many@example.com');
    const answers = await Promise.all(Array.from({ length: 64 }, () => (way === 'POST' ? verify(link.email, link.token) : server.get(link.target))));
    const good = answers.filter((a) => a.status === (way === 'POST' ? 200 : 302));
    assert.equal(good.length, 1);
    assert.ok(answers.every((a) => good.includes(a) || a.status === 401));
  }
  const { json: resets } = { json: await server.request('POST', '/auth/password/reset', { form: { email: 'many@example.com' } }) };
  must(200, resets);
  const link = linkOf(await relay.next());
  const form = { email: link.email, token: link.token, password: 'another-password-2', confirm_password: 'another-password-2' };
  const answers = await Promise.all(Array.from({ length: 8 }, () => server.request('POST', '/auth/password/reset/confirm', { form })));
  assert.equal(answers.filter((a) => a.status === 302).length, 1);
});

test('attacks on links', async () => {
  const ana = await server.addUser('victim@example.com');
  await server.addUser('other@example.com');
  const link = await linkFor(ana.email);
  const refused = [
    ['for another account', 'other@example.com', link.token],
    ['for nobody', 'ghost@example.com', link.token],
    ['cut short', ana.email, link.token.slice(0, -1)],
    ['made longer', ana.email, `${link.token}A`],
    ['empty', ana.email, ''],
    ['a look-alike of the address', 'vіctim@example.com', link.token],
    ['the stored form', ana.email, `sha256-sign-in:${link.token}`],
    ['a wildcard', ana.email, '%'],
    ['SQL', ana.email, "' OR 1=1 --"],
    ['a list of addresses', `${ana.email},other@example.com`, link.token],
  ];
  const details = new Set();
  for (const [what, email, token] of refused) {
    const answer = await verify(email, token);
    assert.equal(answer.status, 401, what);
    details.add(answer.json.detail);
  }
  assert.equal(details.size, 1, 'all are told the same');

  // A link of one kind does not do the work of another.
  const passwords = { password: 'stolen-password-1', confirm_password: 'stolen-password-1' };
  for (const route of ['/auth/password/reset/confirm', '/auth/password/setup/confirm'])
    assert.equal((await server.request('POST', route, { form: { email: ana.email, token: link.token, ...passwords } })).status, 200, 'the form again');
  must(200, await verify(ana.email, link.token));
  must(200, await server.request('POST', '/auth/password/reset', { form: { email: ana.email } }));
  const reset = linkOf(await relay.next());
  must(401, await verify(ana.email, reset.token));
  must(302, await server.request('POST', '/auth/password/reset/confirm', { form: { email: ana.email, token: reset.token, ...passwords } }));

  const stale = await linkFor(ana.email);
  must(200, await server.post(`/api/users/${ana.id}/deactivate`, {}, { token: server.admin.token }));
  must(401, await verify(ana.email, stale.token));

  // Nothing that a request says becomes part of a mail: not the address, not the host.
  const bob = await server.addUser('bob@example.com');
  must(200, await server.post('/auth/email/send-link', { email: ' BOB@example.com ' }, { headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' } }));
  const mail = await relay.next();
  assert.deepEqual(mail.to, [bob.email]);
  assert.equal(linkOf(mail).url.origin, publicUrl);
  for (const email of ['bob@example.com\r\nBcc: evil@example.com', 'bob@example.com\nBcc: evil@example.com', 'bob@example.com>,<evil@example.com', 'bob@example.com evil@example.com', '"bob@example.com\r\nDATA"@x'])
    must(200, await sendLink(email));
  // These came to nothing: the next mail is the next that was really asked for.
  assert.equal((await linkFor('other@example.com')).email, 'other@example.com');
  const log = server.log.replaceAll(/\d{4}-\d\d-\d\dT\S+/g, '');
  for (const { token } of [link, reset, stale]) assert.ok(!log.includes(token), 'no link is in the log');
});

test('an expired link is refused', async () => {
  const data = temporaryFolder();
  const first = await startServer({ data, env: { ...relay.environment, SERVER_URL: publicUrl } });
  await first.addUser('late@example.com');
  must(200, await sendLink('late@example.com', first));
  const link = linkOf(await relay.next());
  await first.stop();
  const database = await duckdb.open(path.join(data, 'state/system.duckdb'), duckdb.create_config());
  const connection = await duckdb.connect(database);
  await duckdb.query(connection, "UPDATE users SET reset_token_created = reset_token_created - INTERVAL 61 MINUTE WHERE email = 'late@example.com'");
  duckdb.disconnect_sync(connection);
  duckdb.close_sync(database);
  const second = await startServer({ data, signIn: false });
  must(401, await verify(link.email, link.token, second));
  await second.stop();
});

test('known and unknown accounts get the same answers', async () => {
  await server.addUser('known@example.com');
  const shape = (answer) => [answer.status, answer.text, answer.headers['content-type']];
  assert.deepEqual(shape(await sendLink('ghost@example.com')), shape(await sendLink('known@example.com')));
  for (const route of ['/auth/password/reset', '/auth/password/setup/request']) {
    const asked = (email) => server.request('POST', route, { form: { email } });
    assert.deepEqual(shape(await asked('ghost@example.com')), shape(await asked('known@example.com')));
  }
  // Of these four, a link for signing in and one for a new password: who has a password is sent no link to set up.
  const subjects = [(await relay.next()).headers.subject, (await relay.next()).headers.subject].sort();
  assert.deepEqual(subjects, ['Set a new password', 'Your link to sign in']);
  const entries = await auditOf('action=link_requested&limit=2');
  assert.deepEqual(entries.map((e) => e.params.kind).sort(), ['reset', 'sign-in']);
  assert.ok(entries.every((e) => e.user_id === null && e.params.email === 'known@example.com' && e.params.ip === '127.0.0.1'));
});

test('an invitation comes by mail, and can be asked for again', async () => {
  const invited = must(201, await server.post('/api/users', { email: 'new@example.com', name: 'New', send_invite: true }, { token: server.admin.token })).json;
  assert.equal(invited.invite_email_sent, true);
  const first = linkOf(await relay.next());
  assert.equal(first.url.href, invited.invite_url);
  must(200, await server.request('POST', '/auth/password/setup/request', { form: { email: 'new@example.com' } }));
  const second = linkOf(await relay.next());
  assert.equal(second.url.pathname, '/auth/password/setup');
  must(200, await server.get(second.target));
  const password = 'a-long-password-9';
  assert.equal(second.token, first.token, 'whoever asks for another one does not end the link that its owner has');
  must(200, await server.post('/auth/password/setup', { email: 'new@example.com', token: second.token, password }));
  assert.equal((await server.post('/auth/password/setup', { email: 'new@example.com', token: first.token, password })).status, 400, 'it opens once');
  must(200, await server.post('/auth/token', { email: 'new@example.com', password }));

  const made = must(200, await server.post(`/api/users/${invited.id}/reset-password`, {}, { token: server.admin.token })).json;
  assert.equal(made.email_sent, true);
  assert.equal(linkOf(await relay.next()).url.href, made.reset_url);
});

test('bad input', async () => {
  const fields = (answer) => must(422, answer).json.detail.map((d) => d.loc.join('.')).sort();
  assert.deepEqual(fields(await server.post('/auth/email/send-link', {})), ['body.email']);
  assert.deepEqual(fields(await server.post('/auth/email/send-link', { email: 5 })), ['body.email']);
  assert.deepEqual(fields(await server.post('/auth/email/send-link', { email: 'a'.repeat(400) })), ['body.email']);
  assert.deepEqual(fields(await server.post('/auth/email/verify', {})), ['body.email', 'body.token']);
  assert.deepEqual(fields(await server.get('/auth/email/verify')), ['query.email', 'query.token']);
  must(200, await server.request('POST', '/auth/password/reset'));
  must(200, await server.request('POST', '/auth/password/setup/request'));
});

test('links are limited, by who asks and for whom', async () => {
  const other = await startServer({ limits: true });
  const statuses = [];
  let last;
  for (let i = 0; i < 6; i++) {
    last = await sendLink(`ghost${i}@example.com`, other);
    statuses.push(last.status);
  }
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
  assert.ok(Number(last.headers['retry-after']) >= 1);
  assert.equal((await other.request('POST', '/auth/password/reset', { form: { email: 'x@example.com' } })).status, 429);
  await other.stop();

  const proxied = await startServer({ limits: true, env: { ...relay.environment, SERVER_URL: publicUrl, AGNES_TRUSTED_PROXIES: '127.0.0.1' } });
  const from = (i, email) => proxied.post('/auth/email/send-link', { email }, { headers: { 'x-forwarded-for': `10.0.0.${i}` } });
  // Others who ask for somebody's links keep none from them, and send no mail after mail.
  const cleo = await proxied.addUser('cleo@example.com');
  const first = (must(200, await from(1, cleo.email)), linkOf(await relay.next()));
  for (let i = 2; i < 6; i++) {
    must(200, await from(i, i % 2 ? cleo.email.toUpperCase() : cleo.email));
    assert.equal(linkOf(await relay.next()).token, first.token, 'the same link again');
  }
  for (let i = 6; i < 9; i++) must(200, await from(i, cleo.email));
  must(200, await from(9, proxied.admin.email));
  assert.deepEqual((await relay.next()).to, [proxied.admin.email], 'five mails are enough');
  must(200, await verify(first.email, first.token, proxied));
  await proxied.stop();
});

test('without mail, or without knowing where links lead, nobody is sent or shown one', async () => {
  for (const env of [{}, relay.environment]) {
    const other = await startServer({ env });
    await other.addUser('ana@example.com');
    assert.deepEqual(Object.keys(must(200, await sendLink('ana@example.com', other)).json), ['message']);
    assert.deepEqual(await auditOf('action=link_requested', other), []);
    const invited = must(201, await other.post('/api/users', { email: 'new@example.com', name: 'New', send_invite: true }, { token: other.admin.token })).json;
    assert.match(invited.invite_url, new RegExp(`^${other.url}/auth/password/setup\\?`));
    assert.equal(invited.invite_email_sent, 'SMTP_HOST' in env);
    if ('SMTP_HOST' in env) {
      await relay.next();
      assert.match(other.log, /SERVER_URL/);
    }
    await other.stop();
  }
});

test('in LOCAL_DEV_MODE the answer holds the link', async () => {
  const other = await startServer({ seed: false, env: { LOCAL_DEV_MODE: '1' } });
  const sent = must(200, await sendLink('dev@localhost', other)).json;
  const url = new URL(sent.dev_link);
  assert.equal(url.origin, other.url);
  must(302, await other.get(url.pathname + url.search));
  assert.equal(must(200, await sendLink('ghost@example.com', other)).json.dev_link, undefined);
  await other.stop();
});

test('mails go by STARTTLS, by TLS, with a password, and never unencrypted instead', async () => {
  const certificate = makeCertificate();
  const cases = [
    { tls: 'starttls', certificate, user: 'agnes', password: 'relay-pässword', mechanism: 'PLAIN' },
    { tls: 'starttls', certificate, user: 'agnes', password: 'relay-password', mechanism: 'LOGIN' },
    { tls: 'tls', certificate, user: 'agnes', password: 'relay-password', mechanism: 'PLAIN' },
  ];
  for (const options of cases) {
    const own = await startRelay(options);
    const other = await startServer({ env: { ...own.environment, SERVER_URL: publicUrl } });
    must(200, await sendLink(other.admin.email, other));
    const mail = await own.next();
    assert.deepEqual([mail.secure, mail.user], [true, 'agnes']);
    await other.stop();
    await own.stop();
    assert.ok(!other.log.includes(options.password));
  }

  // What must not be believed: no STARTTLS on offer, a certificate of somebody else, a wrong password.
  const invite = async (options, env) => {
    const own = await startRelay(options);
    const other = await startServer({ env: { ...own.environment, SERVER_URL: publicUrl, ...env } });
    const invited = must(201, await other.post('/api/users', { email: 'new@example.com', name: 'New', send_invite: true }, { token: other.admin.token })).json;
    assert.equal(invited.invite_email_sent, false);
    assert.deepEqual(own.mails, []);
    assert.ok(!own.commands.includes('data'));
    await other.stop();
    await own.stop();
    return { log: other.log, commands: own.commands };
  };
  assert.match((await invite({}, { SMTP_USE_TLS: 'true' })).log, /STARTTLS/);
  const untrusted = await invite({ tls: 'starttls', certificate, user: 'agnes', password: 'relay-password' }, { SSL_CERT_FILE: '' });
  assert.match(untrusted.log, /cannot trust/);
  assert.ok(!untrusted.commands.includes('auth'), 'no password for a stranger');
  const stranger = await invite({ tls: 'tls', certificate, user: 'agnes', password: 'relay-password' }, { SSL_CERT_FILE: '' });
  assert.match(stranger.log, /cannot trust/);
  assert.deepEqual(stranger.commands, []);
  assert.match((await invite({}, { SMTP_USE_TLS: 'implicit' })).log, /did not take a mail/);
  const wrong = await invite({ tls: 'starttls', certificate, user: 'agnes', password: 'relay-password' }, { SMTP_PASSWORD: 'wrong-secret' });
  assert.match(wrong.log, /refused the sign-in/);
  assert.ok(!wrong.log.includes('wrong-secret'));
});

test('a relay that is busy or breaks off is asked again', async () => {
  for (const faults of [{ rcpt: ['451 4.3.0 later'] }, { greeting: ['cut'] }, { end: ['cut'] }, { data: ['421 4.3.2 closing'] }]) {
    relay.misbehave(faults);
    assert.equal((await linkFor(server.admin.email)).email, server.admin.email, JSON.stringify(faults));
  }
  relay.misbehave({});
});

test('a mail that waits for its next attempt is sent after a kill, and no link was on the disk', async () => {
  const own = await startRelay();
  const data = temporaryFolder();
  const env = { ...own.environment, SERVER_URL: publicUrl };
  const first = await startServer({ data, env });
  const { token, email } = first.admin;
  own.misbehave({ rcpt: Array(2).fill('451 4.3.0 later') });
  must(200, await sendLink(email, first));
  const mail = async () => must(200, await first.get('/api/admin/jobs', { token })).json.jobs.find((j) => j.name === 'mail');
  await first.until('the second attempt has failed', async () => (await mail()).runs[0]?.attempts === 2 && (await mail()).queued === 1);
  const [run] = (await mail()).runs;
  assert.deepEqual([run.outcome, run.key.includes('@'), run.ended === null], ['queued', false, false]);
  await first.kill();
  const [kept] = JSON.parse(readFileSync(path.join(data, 'state/job-queue.json'), 'utf8')).runs;
  assert.deepEqual(Object.keys(kept.input), ['kind', 'email', 'address', 'asked']);
  assert.equal(statSync(path.join(data, 'state/job-queue.json')).mode & 0o77, 0);
  own.misbehave({});
  const second = await startServer({ data, env, signIn: false });
  const link = linkOf(await own.next());
  assert.equal(link.email, email);
  must(200, await verify(link.email, link.token, second));
  await second.stop();
  await own.stop();
});

test('a mail that the relay refuses is not sent, and whoever asked is told', async () => {
  const own = await startRelay();
  const other = await startServer({ env: { ...own.environment, SERVER_URL: publicUrl } });
  for (const [i, faults] of [{ rcpt: ['550 5.1.1 nobody of this name\u0007'] }, { mail: ['550 no'] }, { end: ['554 5.7.1 spam'] }].entries()) {
    own.misbehave(faults);
    const invited = must(201, await other.post('/api/users', { email: `refused${i}@example.com`, name: 'R', send_invite: true }, { token: other.admin.token })).json;
    assert.equal(invited.invite_email_sent, false);
  }
  assert.deepEqual(own.mails, []);
  await other.stop();
  await own.stop();
  assert.ok(!other.log.includes('\u0007'));
});

test('a relay that says nothing holds up neither answers nor the end of the server', async () => {
  const silent = await startRelay({ silent: true });
  const other = await startServer({ env: { ...silent.environment, SERVER_URL: publicUrl } });
  for (let i = 0; i < 5; i++) must(200, await sendLink(other.admin.email, other));
  must(200, await other.get('/api/users', { token: other.admin.token }));
  await other.stop();
  await silent.stop();
});

test('mails go through SendGrid when there is a key', async () => {
  const sendgrid = await startSendGrid({ key: 'SG.key-for-tests' });
  const env = { SENDGRID_API_KEY: 'SG.key-for-tests', SENDGRID_API_URL: sendgrid.url, EMAIL_FROM_ADDRESS: 'agnes@example.com', SERVER_URL: publicUrl };
  const other = await startServer({ env: { ...relay.environment, ...env } });
  const body = async () => {
    must(200, await sendLink(other.admin.email, other));
    return sendgrid.next();
  };
  const mail = await body();
  assert.deepEqual(mail.personalizations, [{ to: [{ email: other.admin.email }] }]);
  assert.deepEqual(mail.from, { email: 'agnes@example.com' });
  assert.equal(mail.content[0].type, 'text/plain');
  assert.deepEqual(mail.tracking_settings, { click_tracking: { enable: false, enable_text: false }, open_tracking: { enable: false } });
  const link = linkOf({ text: mail.content[0].value });
  must(200, await verify(link.email, link.token, other));
  for (const fault of [{ status: 429, headers: { 'retry-after': '1' } }, { status: 503 }, 'cut']) {
    sendgrid.faults.push(fault);
    await body();
  }
  const before = sendgrid.requests;
  sendgrid.faults.push({ status: 400, message: 'bad \u001b[31m words' });
  const refused = must(201, await other.post('/api/users', { email: 'new@example.com', name: 'New', send_invite: true }, { token: other.admin.token })).json;
  assert.equal(refused.invite_email_sent, false);
  assert.equal(sendgrid.requests, before + 1);
  assert.ok(!other.log.includes('\u001b'));
  await other.stop();
  assert.ok(!other.log.includes('SG.key'));

  const wrong = await startServer({ env: { ...env, SENDGRID_API_KEY: 'SG.another-key' } });
  must(201, await wrong.post('/api/users', { email: 'new@example.com', name: 'New', send_invite: true }, { token: wrong.admin.token }));
  assert.match(wrong.log, /SENDGRID_API_KEY/);
  await wrong.stop();
  assert.ok(!wrong.log.includes('SG.another'));
  await sendgrid.stop();
});

test('a sender that is none ends the start', async () => {
  const data = temporaryFolder();
  for (const from of ['not an address', 'a@example.com\r\nBcc: evil@example.com', 'a@b@c']) {
    const { status, stderr } = await runServer(['--host', '127.0.0.1', '--port', '0', '--data-dir', data], { SMTP_HOST: '127.0.0.1', SMTP_FROM: from });
    assert.equal(status, 1, from);
    assert.match(stderr, /email\.from_address/);
  }
});

test('the audit log can be read and searched by admins', async () => {
  const ana = await server.addUser('audited@example.com');
  assert.equal((await server.get('/api/admin/audit')).status, 401);
  assert.equal((await server.get('/api/admin/audit', { token: ana.token })).status, 403);
  const mine = await auditOf(`resource=user:${ana.id}`);
  assert.deepEqual(mine.map((e) => e.action), ['user.set_password', 'user.create']);
  assert.deepEqual(Object.keys(mine[0]), ['id', 'timestamp', 'user_id', 'user_email', 'action', 'resource', 'params', 'result', 'duration_ms']);
  assert.deepEqual([mine[1].user_email, mine[1].params.email], [server.admin.email, 'audited@example.com']);
  assert.ok((await auditOf('action=user.*')).every((e) => e.action.startsWith('user.')));
  assert.ok((await auditOf(`user=${server.admin.email}&action=user.create`)).every((e) => e.user_id === server.admin.id));
  assert.deepEqual(await auditOf("user=ghost@example.com' OR 1=1 --"), []);
  assert.deepEqual(await auditOf('until=2001-01-01'), []);
  assert.ok((await auditOf('since=2001-01-01T00:00:00Z&limit=1')).length === 1);

  const all = await auditOf('limit=1000');
  const pages = [];
  let before = '';
  do {
    const page = must(200, await server.get(`/api/admin/audit?limit=7${before && `&before=${before}`}`, { token: server.admin.token })).json;
    pages.push(...page.entries);
    before = page.before;
  } while (before);
  assert.deepEqual(pages.map((e) => e.id), all.map((e) => e.id));
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'since=yesterday'])
    assert.equal((await server.get(`/api/admin/audit?${query}`, { token: server.admin.token })).status, 422, query);
  assert.equal((await server.get('/api/admin/audit?before=none', { token: server.admin.token })).status, 400);
});

test('/me/debug is there only where it was asked for, and shows no secret', async () => {
  for (const options of [{}, { token: server.admin.token }])
    for (const answer of [await server.get('/me/debug', options), await server.post('/me/debug/refetch-groups', {}, options)])
      assert.deepEqual(must(404, answer).json, { detail: 'Not Found' });
  assert.ok(must(200, await server.get('/openapi.json')).json.paths['/me/debug']);
  const other = await startServer({ env: { AGNES_DEBUG_AUTH: 'true' } });
  assert.equal(must(302, await other.get('/me/debug')).headers.location, '/login?next=%2Fme%2Fdebug');
  assert.equal((await other.post('/me/debug/refetch-groups', {})).status, 401);
  const ana = await other.addUser('ana@example.com', { name: '<script>alert(1)</script>' });
  const page = must(200, await other.get('/me/debug', { headers: { cookie: `access_token=${ana.token}` } }));
  assert.match(page.headers['content-type'], /text\/html/);
  assert.ok(page.text.includes(ana.id) && page.text.includes('&lt;script&gt;') && !page.text.includes('<script>'));
  assert.ok(!page.text.includes(ana.token) && !page.text.includes('argon2'));
  const groups = must(200, await other.post('/me/debug/refetch-groups', {}, { token: ana.token })).json;
  assert.deepEqual(groups, {
    soft_failed: true, prefix: null, fetched: [], fetched_relevant: [], current_names: [], current_external_ids: [], would_add: [], would_remove: [], applied: false,
  });
  await other.stop();
});

test('break-glass makes an admin while the server is down', async () => {
  const data = temporaryFolder();
  const grant = (email, ...args) => spawnSync(path.join(bin, 'agnes'), ['admin', 'break-glass', 'grant-admin', email, ...args],
    { env: { PATH: process.env.PATH, DATA_DIR: data, HOME: data }, encoding: 'utf8', input: '' });
  const nothing = grant('ana@example.com', '--yes');
  assert.equal(nothing.status, 1);
  assert.match(nothing.stderr, /--data-dir/);
  const first = await startServer({ data });
  const ana = await first.addUser('ana@example.com');
  must(200, await first.post(`/api/users/${ana.id}/deactivate`, {}, { token: first.admin.token }));
  const refused = grant('ana@example.com', '--yes');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, new RegExp(`in use.*${first.child.pid}`));
  await first.stop();

  assert.equal(grant('ana@example.com').status, 1, 'nobody said yes');
  assert.equal(grant('not an address', '--yes').status, 1);
  const made = grant('ana@example.com', '--yes');
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /Activated[^]*is an admin now/);
  assert.match(grant('ana@example.com', '-y').stdout, /admin already/);
  const fresh = grant('fresh@example.com', '--yes');
  const page = /\/auth\/password\/setup\?\S+/.exec(fresh.stdout)[0];

  const second = await startServer({ data, signIn: false });
  const signedIn = must(200, await second.post('/auth/token', { email: ana.email, password: ana.password })).json;
  assert.equal(signedIn.role, 'admin');
  const token = signedIn.access_token;
  const link = new URL(page, second.url);
  must(200, await second.post('/auth/password/setup', { email: 'fresh@example.com', token: link.searchParams.get('token'), password: 'a-long-password-3' }));
  const groups = must(200, await second.get('/api/admin/groups', { token })).json;
  const admins = groups.find((g) => g.name === 'Admin');
  const members = must(200, await second.get(`/api/admin/groups/${admins.id}/members`, { token })).json;
  const freshMember = members.find((m) => m.email === 'fresh@example.com');
  assert.equal(freshMember.source, 'cli_break_glass');
  const noted = must(200, await second.get('/api/admin/audit?action=break_glass.*', { token })).json.entries;
  assert.equal(noted.length, 2);
  must(204, await second.delete(`/api/admin/groups/${admins.id}/members/${freshMember.user_id}`, { token }));
  await second.stop();
});
