// Signing in by a browser: the real server, the real client, and a browser that somebody else's page cannot pretend to be.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeUser, program } from '../lib/agnes.mjs';
import { Browser, linksOf } from '../lib/browser.mjs';
import { startFake } from '../lib/fake-agnes.mjs';
import { adminEmail, adminPassword, must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, user, desk;
before(async () => {
  site = await startSite({ 'orders.csv': 'id,total\n1,2.5\n' });
  await site.sync();
  user = makeUser();
  desk = await startDesk(user);
});
after(async () => {
  started.forEach((child) => child.kill());
  user.remove();
  await desk.stop();
  await site.stop();
});

// A desktop: $BROWSER, whose addresses come out of opened().
async function startDesk(owner) {
  const queue = [], waiting = [];
  const server = http.createServer((request, response) => {
    const url = new URL(new URL(request.url, 'http://desk').searchParams.get('u'));
    (waiting.shift() ?? ((u) => queue.push(u)))(url);
    response.end();
  });
  await new Promise((go) => server.listen(0, '127.0.0.1', go));
  const script = path.join(owner.home, 'browser');
  writeFileSync(script, `#!/bin/sh\nexec curl -fsS "http://127.0.0.1:${server.address().port}/" -G --data-urlencode "u=$1" -o /dev/null\n`);
  chmodSync(script, 0o755);
  return {
    env: { BROWSER: script },
    opened: () => new Promise((go) => (queue.length ? go(queue.shift()) : waiting.push(go))),
    stop: () => new Promise((go) => server.close(go)),
  };
}
async function browserOfAdmin() {
  const browser = new Browser(site);
  await browser.get('/login/password');
  must(302, await browser.submit('/auth/password/login/web', { email: adminEmail, password: adminPassword }));
  return browser;
}
// Somebody who has followed the address.
async function opened(url) {
  assert.equal(url.origin, site.url);
  const browser = await browserOfAdmin();
  must(200, await browser.get(url.pathname + url.search));
  return browser;
}
const visit = async (url) => {
  const answer = await fetch(url);
  return { status: answer.status, text: await answer.text() };
};
const started = [];
const login = (...words) => {
  started.push(user.start(['auth', 'login', '--server', site.url, ...words], { env: desk.env }));
  return started.at(-1);
};
const signedOut = () => user.run(['auth', 'logout']);

test('the browser opens, and what is allowed there signs in', async () => {
  await signedOut();
  const agnes = login('--browser');
  const browser = await opened(await desk.opened());
  const there = must(303, await browser.submit('/auth/cli')).headers.location;
  const end = await visit(there);
  assert.deepEqual([end.status, /You are signed in/.test(end.text)], [200, true]);
  const { code, stdout, stderr } = await agnes.ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Signed in to http:\S+ as admin@example\.com\.\n$/);
  assert.match(stderr, /^Sign in to http:\S+ in the browser\. If none opens, go to this address on this machine:\n {2}http\S+\n$/);
  assert.equal((await user.run(['auth', 'whoami'])).code, 0);
});

test('what others bring to the port is not taken', async () => {
  await signedOut();
  const agnes = login('--browser', '--json');
  const url = await desk.opened();
  const port = url.searchParams.get('port'), state = url.searchParams.get('state');
  const loopback = `http://127.0.0.1:${port}`;
  for (const odd of ['/', '/favicon.ico', '/?code=BBBB-BBBB', '/?code=BBBB-BBBB&state=', `/?code=BBBB-BBBB&state=${state}x`]) assert.equal((await visit(loopback + odd)).status, 404, odd);
  await fetch(loopback, { method: 'POST', body: `code=B&state=${state}` });
  const browser = await opened(url);
  await visit(must(303, await browser.submit('/auth/cli')).headers.location);
  const { code, stdout } = await agnes.ended;
  assert.deepEqual([code, JSON.parse(stdout)], [0, { signed_in: true, server: site.url, email: adminEmail }]);
});

test('who connects and says nothing does not hold it', async () => {
  await signedOut();
  const agnes = login('--browser');
  const url = await desk.opened();
  const silent = net.connect(Number(url.searchParams.get('port')), '127.0.0.1');
  await new Promise((go) => silent.on('connect', go));
  silent.write('GET /?code=');
  const browser = await opened(url);
  await visit(must(303, await browser.submit('/auth/cli')).headers.location);
  assert.equal((await agnes.ended).code, 0);
  silent.destroy();
});

test('what is not allowed, and a code of somebody else’s, end it', async () => {
  await signedOut();
  const refused = login('--browser');
  const browser = await opened(await desk.opened());
  const end = await visit(linksOf(browser.last.text)[0][0]);
  assert.match(end.text, /not signed in/);
  const no = await refused.ended;
  assert.deepEqual([no.code, /not allowed in the browser\n$/.test(no.stderr)], [3, true], no.stderr);

  const wrong = login('--browser');
  const url = await desk.opened();
  await visit(`http://127.0.0.1:${url.searchParams.get('port')}/?code=BBBB-BBBB&state=${url.searchParams.get('state')}`);
  const end2 = await wrong.ended;
  assert.deepEqual([end2.code, /code is wrong, used or older than five minutes.*agnes auth login begins again\n$/.test(end2.stderr)], [3, true], end2.stderr);
  assert.equal((await user.run(['auth', 'whoami'])).code, 1);
});

test('where no browser is, the code is typed', async () => {
  await signedOut();
  const child = spawn(program, ['auth', 'login', '--server', site.url, '--no-browser'], { cwd: user.workspace, env: { PATH: process.env.PATH, HOME: user.home, ...desk.env } });
  let said = '';
  const asked = new Promise((go) => child.stderr.on('data', (d) => /The code that is shown there: $/.test((said += d)) && go()));
  const ended = new Promise((go) => child.on('close', go));
  await asked;
  const url = new URL(/^ {2}(http\S+)$/m.exec(said)[1]);
  assert.equal(url.searchParams.has('port'), false);
  const browser = await opened(url);
  child.stdin.end(`${/class="code">([^<]+)/.exec(must(200, await browser.submit('/auth/cli')).text)[1]}\n`);
  assert.equal(await ended, 0, said);
});

test('a server that knows no browsers asks for the password, or says so', async () => {
  const old = await startFake();
  try {
    const result = await user.run(['auth', 'login', '--server', old.url, '--browser'], { env: desk.env });
    assert.deepEqual([result.code, /signs nobody in for agnes in a browser; agnes auth login --email EMAIL\n$/.test(result.stderr)], [1, true], result.stderr);
  } finally {
    await old.stop();
  }
});

test('a browser that cannot be started is named', async () => {
  const result = await user.run(['auth', 'login', '--server', site.url, '--browser'], { env: { BROWSER: '/nonexistent/browser' } });
  assert.deepEqual([result.code, /cannot start \/nonexistent\/browser; agnes auth login --no-browser\n$/.test(result.stderr)], [1, true], result.stderr);
});

test('on a terminal, agnes init alone signs in and makes the workspace', async (t) => {
  const probe = spawnSync('script', ['-qec', 'true', '/dev/null'], { encoding: 'utf8' });
  if (probe.status !== 0) {
    // A machine without /dev/pts has no terminals at all.
    assert.match(probe.stderr, /pseudo-?terminal|openpty/);
    t.diagnostic('no terminal was tried: this machine makes none');
    return;
  }
  await signedOut();
  const child = spawn('script', ['-qec', `'${program}' init --server-url ${site.url}`, '/dev/null'], {
    cwd: user.workspace,
    env: { PATH: process.env.PATH, HOME: user.home, LANG: 'C.UTF-8', TERM: 'dumb', AGNES_NO_UPDATE_CHECK: '1', ...desk.env },
  });
  let said = '';
  child.stdout.on('data', (d) => (said += d));
  const ended = new Promise((go) => child.on('close', go));
  const browser = await opened(await desk.opened());
  await visit(must(303, await browser.submit('/auth/cli')).headers.location);
  assert.equal(await ended, 0, said);
  assert.match(said, /The workspace is ready(.|\r|\n)*Tables: 1 here/);
  assert.match((await user.run(['query', 'SELECT total FROM orders', '-f', 'csv'])).stdout, /2\.5/);
});
