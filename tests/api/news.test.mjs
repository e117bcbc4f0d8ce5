// What an administrator tells everybody: drafts, versions, and HTML that runs nothing.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeDatabase } from '../lib/duckdb.mjs';
import { must, startServer } from '../lib/server.mjs';

let server, admin, ana;
before(async () => {
  server = await startServer();
  admin = { token: server.admin.token };
  ana = await server.addUser('ana@example.com');
});
after(() => server.stop());

const draft = (json, query = '') => server.put(`/api/admin/news/draft${query}`, json, admin);
const publish = (query = '') => server.post(`/api/admin/news/publish${query}`, undefined, admin);
const unpublish = (version) => server.post(`/api/admin/news/unpublish/${version}`, undefined, admin);
const get = (what) => server.get(`/api/admin/news/${what}`, admin);

test('for administrators only', async () => {
  for (const [method, target] of [['GET', 'current'], ['GET', 'draft'], ['GET', 'versions'], ['GET', 'versions/1'], ['PUT', 'draft'], ['POST', 'publish'], ['POST', 'unpublish/1'], ['POST', 'preview']]) {
    const json = method === 'GET' ? undefined : {};
    assert.equal((await server.request(method, `/api/admin/news/${target}`, { json })).status, 401, target);
    assert.equal((await server.request(method, `/api/admin/news/${target}`, { json, token: ana.token })).status, 403, target);
  }
});

test('one draft, numbered versions, the last published one is shown', async () => {
  assert.deepEqual(must(200, await get('current')).json, { published: false });
  assert.equal(must(404, await get('draft')).json.detail, 'no_draft');
  assert.equal(must(409, await publish()).json.detail, 'no_draft');
  const first = must(200, await draft({ intro: '<p>One</p>', content: '<script>x()</script><p onclick="x()">First</p>' })).json;
  assert.deepEqual([first.version, first.content, first.published, first.created_by, first.published_at], [1, '<p>First</p>', false, server.admin.email, null]);
  const again = must(200, await draft({ intro: '<p>One</p>' })).json;
  assert.deepEqual([again.version, again.id, again.content], [1, first.id, '']);
  must(200, await publish());
  must(200, await draft({ content: '<p>Second</p>' }));
  assert.equal(must(200, await get('current')).json.version, 1);
  const { versions } = must(200, await get('versions')).json;
  assert.deepEqual(versions.map((v) => [v.version, v.status, v.intro_preview, v.content_preview]), [[2, 'draft', '', 'Second'], [1, 'published', 'One', '']]);
  assert.deepEqual(must(200, await get('versions?limit=1&offset=1')).json.versions.map((v) => v.version), [1]);
  assert.match(must(409, await unpublish(1)).json.detail, /version 2 is a draft/);
  must(200, await publish());
  const back = must(200, await unpublish(2)).json;
  assert.deepEqual([back.published, back.published_at, back.published_by], [false, null, null]);
  assert.equal(must(409, await unpublish(2)).json.detail, 'version 2 is the draft already');
  assert.equal(must(404, await unpublish(9)).json.detail, 'version_not_found');
  assert.equal(must(404, await get('versions/9')).json.detail, 'version_not_found');
  assert.equal(must(200, await get('current')).json.version, 1);
});

test('a draft that has moved on is not overwritten or published', async () => {
  const { version } = must(200, await get('draft')).json;
  for (const answer of [await draft({ intro: 'x' }, '?expected_version=0'), await publish(`?expected_version=${version + 1}`)]) {
    const { error, actual, actual_by } = must(409, answer).json.detail;
    assert.deepEqual([error, actual, actual_by], ['version_conflict', version, server.admin.email]);
  }
  must(200, await draft({ intro: 'y' }, `?expected_version=${version}`));
  must(200, await publish(`?expected_version=${version}`));
  assert.equal(must(409, await draft({}, `?expected_version=${version}`)).json.detail.actual, null);
  // One of many at once begins the draft.
  const answers = await Promise.all(Array.from({ length: 8 }, () => draft({ intro: 'z' }, '?expected_version=0')));
  assert.deepEqual(answers.map((a) => a.status).sort(), [200, ...Array(7).fill(409)]);
});

test('bad input is named', async () => {
  for (const [answer, place] of [
    [await draft({ intro: 5 }), 'body.intro'], [await draft({ content: 'x'.repeat(200_001) }), 'body.content'], [await draft({}, '?expected_version=-1'), 'query.expected_version'],
    [await get('versions?limit=-1'), 'query.limit'], [await get('versions?limit=x'), 'query.limit'], [await get('versions?offset=-1'), 'query.offset'],
    [await get('versions/x'), 'path.version'], [await unpublish('x'), 'path.version']])
    assert.deepEqual(must(422, answer).json.detail.map((problem) => problem.loc.join('.')), [place]);
});

test('a preview keeps nothing', async () => {
  const before_ = must(200, await get('draft')).json;
  const shown = must(200, await server.post('/api/admin/news/preview', { intro: '<u>ok</u><blink>x</blink>', content: '<a href="javascript:x()">y</a>' }, admin)).json;
  assert.deepEqual(shown, { intro: '<u>ok</u>x', content: '<a rel="noopener noreferrer">y</a>' });
  assert.deepEqual(must(200, await get('draft')).json, before_);
});

test('old versions go with the next draft, but for what people see and the draft', async () => {
  must(200, await publish());
  must(200, await draft({ intro: 'kept' }));
  const current = must(200, await get('current')).json.version;
  await server.stop();
  const close = await writeDatabase(path.join(server.data, 'state/system.duckdb'), ["UPDATE news_template SET created_at = created_at - INTERVAL 40 DAY"]);
  close();
  server = await startServer({ data: server.data });
  admin = { token: server.admin.token };
  must(200, await draft({ intro: 'kept, too' }));
  assert.deepEqual(must(200, await get('versions')).json.versions.map((v) => v.version), [current + 1, current]);
  assert.ok(must(200, await server.get('/api/admin/audit', admin)).json.entries.some((entry) => entry.action === 'news_draft_saved'));
});
