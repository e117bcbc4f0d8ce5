// Errors outside of /api: a page for a browser, JSON for programs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { must, startServer } from '../lib/server.mjs';

let server;
before(async () => (server = await startServer()));
after(async () => server?.stop());
const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

test('a browser gets a page with a link on', async () => {
  const page = must(404, await server.get('/nowhere', { headers: browser }));
  assert.match(page.headers['content-type'], /^text\/html/);
  assert.match(page.text, /<h1>There is no such page<\/h1>[^]*<a href="\/">/);
  assert.match(page.headers.vary, /^Accept\b/);
  assert.match(page.headers['content-security-policy'], /default-src 'none'/);
  const methods = must(405, await server.get('/auth/cli/token', { headers: browser }));
  assert.match(methods.text, /Method Not Allowed/);
  assert.ok(methods.headers.allow);
  assert.match(must(401, await server.get('/auth/tokens', { headers: browser })).text, /<a href="\/login">/);
});

test('a program gets JSON, and so does everybody at /api', async () => {
  for (const accept of ['*/*', 'application/json', undefined])
    assert.deepEqual(must(404, await server.get('/nowhere', { headers: accept ? { accept } : {} })).json, { detail: 'Not Found' });
  assert.deepEqual(must(404, await server.get('/api/nowhere', { headers: browser })).json, { detail: 'Not Found' });
});

test('a path shows nothing of itself on the page', async () => {
  assert.doesNotMatch(must(404, await server.get('/%3Cscript%3Ealert(1)%3C/script%3E', { headers: browser })).text, /script/);
});
