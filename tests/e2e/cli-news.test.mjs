// News, as an administrator writes them: the client against a server.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { startServer, temporaryFolder } from '../lib/server.mjs';

let server, user, ana;
const folder = temporaryFolder();
before(async () => {
  server = await startServer();
  user = makeUser();
  user.signIn(server.url, server.admin.token);
  ana = makeUser();
  ana.signIn(server.url, (await server.addUser('ana@example.com')).token);
});
after(async () => {
  user.remove();
  ana.remove();
  await server.stop();
});

const run = async (args, code = 0, who = user, options = {}) => {
  const done = await who.run(['admin', 'news', ...args], options);
  assert.equal(done.code, code, `agnes admin news ${args.join(' ')}: ${done.stdout}${done.stderr}`);
  return done;
};

test('from the first draft to what people see, and back', async () => {
  assert.match((await run(['show'])).stdout, /Nothing is published/);
  assert.match((await run(['draft'])).stdout, /There is no draft/);
  assert.match((await run(['versions'])).stdout, /no news yet/);
  assert.match((await run(['publish'], 1)).stderr, /cannot publish the draft: no_draft/);
  assert.match((await run(['edit', '--intro', '<p>One</p><script>x()</script>'])).stdout, /Saved the draft, version 1/);
  assert.match((await run(['draft'])).stdout, /Version 1, a draft, written by admin@example\.com[^]*<p>One<\/p>\n/);
  // Somebody's draft is not replaced unseen, and what is not given stays.
  assert.match((await run(['edit', '--content', 'x'], 1)).stderr, /there is a draft already, version 1 of admin@example\.com.*--expect-version 1/);
  await run(['edit', '--content', '<p>All</p>', '--expect-version', '1']);
  assert.match((await run(['draft'])).stdout, /<p>One<\/p>[^]*<p>All<\/p>/);
  assert.match((await run(['edit', '--intro', 'x', '--expect-version', '2'], 1)).stderr, /cannot save the draft/);
  assert.match((await run(['publish', '--version', '2'], 1)).stderr, /cannot publish the draft/);
  assert.match((await run(['publish', '--version', '1'])).stdout, /Published version 1/);
  assert.match((await run(['show'])).stdout, /Version 1, published[^]*Published by admin@example\.com/);
  await run(['edit', '--intro', '<p>Two</p>']);
  await run(['edit', '--intro', '<p>Two, better</p>', '--force']);
  assert.match((await run(['versions'])).stdout, /2 +draft.*Two, better\n1 +published.*One\n/);
  assert.equal((await run(['versions', '--limit', '1', '--json'])).stdout.match(/"version"/g).length, 1);
  assert.match((await run(['show', '--version', '2'])).stdout, /Version 2, a draft/);
  assert.match((await run(['unpublish', '1'], 1)).stderr, /version 2 is a draft/);
  await run(['publish']);
  assert.match((await run(['unpublish', '2'])).stdout, /Version 2 is the draft again/);
  assert.equal(JSON.parse((await run(['show', '--json'])).stdout).version, 1);
});

test('texts from a file, and into one', async () => {
  const file = path.join(folder, 'news.yaml'), copy = path.join(folder, 'copy.yaml');
  writeFileSync(file, 'intro: "<p>zlatý důl</p>"\ncontent: |\n  <h2>Line</h2>\n  <p>"quoted": yes</p>\n');
  await run(['edit', '--from', file, '--force']);
  await run(['publish']);
  assert.match((await run(['export', copy])).stdout, /Exported version 2/);
  const before_ = JSON.parse((await run(['show', '--json'])).stdout);
  assert.equal(before_.content, '<h2>Line</h2>\n<p>"quoted": yes</p>\n');
  await run(['edit', '--from', copy]);
  const after_ = JSON.parse((await run(['draft', '--json'])).stdout);
  assert.deepEqual([after_.intro, after_.content], [before_.intro, before_.content]);
  await run(['edit', '--from', '-', '--force'], 0, user, { input: '{"intro": "by hand"}' });
  assert.equal(JSON.parse((await run(['draft', '--json'])).stdout).intro, 'by hand');
  writeFileSync(file, 'title: x\n');
  assert.match((await run(['edit', '--from', file, '--force'], 1)).stderr, /neither `intro` nor `content`/);
  writeFileSync(file, 'intro: [1]\n');
  assert.match((await run(['edit', '--from', file, '--force'], 1)).stderr, /`intro` in .* is no text/);
  assert.match((await run(['edit', '--from', path.join(folder, 'none'), '--force'], 1)).stderr, /there is no file/);
  assert.ok(readFileSync(copy, 'utf8').includes('zlatý důl'));
});

test('what cannot be done is said in one line', async () => {
  assert.match((await run(['edit'], 2)).stderr, /there is nothing to save/);
  assert.match((await run(['edit', '--from', 'x', '--intro', 'y'], 2)).stderr, /from two places/);
  assert.match((await run(['show', '--version', 'x'], 2)).stderr, /version/);
  await run(['show', '--version', '99'], 4);
  await run(['unpublish', '99'], 4);
  await run(['show'], 8, ana);
});
