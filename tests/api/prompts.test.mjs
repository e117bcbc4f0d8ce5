// The two texts for agents, as templates that an administrator may replace.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const setup = '/api/admin/welcome-template', workspace = '/api/admin/workspace-prompt-template';
let site, admin, ana;
before(async () => {
  site = await startSite({ 'orders.csv': 'id,total\n1,2.5\n', 'films.csv': 'id\n1\n' }, { settings: 'instance:\n  name: Example Data\n  subtitle: Example Ltd\n' });
  await site.sync();
  admin = { token: site.admin.token };
  ana = await site.analyst('ana@example.com', ['orders']);
});
after(() => site.stop());

const put = (target, json) => site.request('PUT', target, { json, ...admin });
const preview = (target, content) => site.post(`${target}/preview`, { content }, admin);
const welcome = async (who, query = '') => must(200, await site.get(`/api/welcome${query}`, { token: who.token })).json.content;

test('for administrators only; the guide is for all who have signed in', async () => {
  for (const target of [setup, workspace])
    for (const [method, more] of [['GET', ''], ['PUT', ''], ['DELETE', ''], ['POST', '/preview']]) {
      const json = method === 'PUT' || method === 'POST' ? { content: 'x' } : undefined;
      assert.equal((await site.request(method, target + more, { json })).status, 401);
      assert.equal((await site.request(method, target + more, { json, token: ana.token })).status, 403);
    }
  assert.equal((await site.get('/api/welcome')).status, 401);
});

test('the defaults are filled in for who asks', async () => {
  const guide = await welcome(ana, '?server_url=https://agnes.example.com');
  assert.match(guide, /^# Example Data: data workspace\n\nExample Ltd\n\nThis folder/);
  assert.match(guide, /fetched from https:\/\/agnes\.example\.com\. New data/);
  assert.ok(guide.endsWith('## Tables\n\n- `orders`\n'), guide.slice(-100));
  assert.match(await welcome(admin), /- `films`\n- `orders`\n$/);
  const nobody = await site.addUser('new@example.com');
  assert.match(await welcome(nobody), /None yet: an administrator grants them/);
  const stored = must(200, await site.get(workspace, admin)).json;
  assert.deepEqual([stored.content, stored.updated_at, stored.updated_by, stored.legacy_strings_detected], [null, null, null, []]);
  assert.match(stored.default, /^# Example Data/);
  assert.match(stored.default_template, /\{\{ instance\.name \}\}/);
  const machine = must(200, await site.get(setup, admin)).json;
  assert.match(machine.default, new RegExp(`curl -fsSL ${site.url}/cli/install\\.sh`));
  assert.ok(!('legacy_strings_detected' in machine));
  // What is offered to begin with can be saved.
  for (const [target, { default_template: content }] of [[workspace, stored], [setup, machine]]) {
    must(200, await put(target, { content }));
    must(204, await site.delete(target, admin));
  }
});

test('more than fifty tables are not listed', async () => {
  const many = await startSite(Object.fromEntries(Array.from({ length: 55 }, (_, i) => [`t${String(i).padStart(2, '0')}.csv`, 'id\n1\n'])));
  await many.sync();
  const guide = must(200, await many.get('/api/welcome', { token: many.admin.token })).json.content;
  assert.equal(guide.match(/^- `t\d\d`$/gm).length, 50);
  assert.ok(guide.endsWith('- `t49`\n- and more: `agnes catalog` lists all\n'), guide.slice(-100));
  await many.stop();
});

test('a template that is saved replaces the default until it is reset', async () => {
  const content = '# {{ user.name }} of {{ user.groups | join(", ") }}\n{% for t in tables %}- {{ t.name }}\n{% endfor %}Run da sync. {{ server.hostname }}';
  assert.deepEqual(must(200, await put(workspace, { content })).json, { status: 'ok' });
  assert.equal(await welcome(ana, '?server_url=https://agnes.example.com:8443/x'), '# Some One of group of ana@example.com\n- orders\nRun da sync. agnes.example.com');
  const stored = must(200, await site.get(workspace, admin)).json;
  assert.deepEqual([stored.content, stored.updated_by, stored.legacy_strings_detected], [content, site.admin.email, ['da sync']]);
  assert.ok(stored.updated_at);
  must(204, await site.delete(workspace, admin));
  assert.match(await welcome(ana), /^# Example Data/);
  assert.equal(must(200, await site.get(workspace, admin)).json.content, null);
  const { entries } = must(200, await site.get('/api/admin/audit', admin)).json;
  for (const action of ['save_workspace_prompt', 'reset_workspace_prompt']) assert.ok(entries.some((entry) => entry.action === action));
});

test('what cannot be filled in is not saved: line and cause', async () => {
  for (const [target, content, told] of [
    [workspace, 'a\n{{ nope }}', /line 2: `nope` is not defined/], [workspace, '{% if %}', /line 1: a value is expected/],
    [workspace, '{{ user.groups[0] }}', /line 1: the list has 0 entries; so it is for somebody without a name and groups/],
    [setup, '{{ user.email }}', /visitors who have not signed in: .*\{% if user %\}/], [setup, '{{ tables }}', /`tables` is not defined/]]) {
    const answer = must(400, await put(target, { content }));
    assert.match(answer.json.detail, told);
    assert.ok(!answer.json.detail.includes('\n'));
    assert.equal(must(200, await site.get(target, admin)).json.content, null);
  }
  for (const json of [{}, { content: '' }, { content: 5 }, { content: 'x'.repeat(200_001) }]) must(422, await put(workspace, json));
  must(422, await site.post(`${setup}/preview`, { content: '' }, admin));
});

test('a preview sees the caller\'s values and keeps nothing', async () => {
  assert.equal(must(200, await preview(workspace, '{{ metrics.count }} {{ marketplaces|length }} {{ user.is_admin }} {{ data_source.type }} {{ tables|length }}')).json.content, '0 0 True local 2');
  assert.match(must(200, await preview(setup, '{{ today }} {{ now }}')).json.content, /^\d{4}-\d\d-\d\d \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.\d]*\+00:00$/);
  must(201, await site.post('/api/admin/metrics', { id: 'sales/total', name: 'total', display_name: 'Total', category: 'sales', sql: 'SELECT 1' }, admin));
  assert.equal(must(200, await preview(workspace, '{{ metrics.count }} {{ metrics.categories | join }}')).json.content, '1 sales');
  assert.equal(must(200, await site.get(workspace, admin)).json.content, null);
});

test('a template reaches nothing else, and takes neither time nor memory', async () => {
  for (const content of ["{{ ''.__class__ }}", "{{ cycler.__init__.__globals__ }}", "{% include '/etc/passwd' %}", '{{ config }}', '{{ user.__class__ }}', '{{ 1 / 0 }}',
    `${'{% for t in tables %}'.repeat(39)}x${'{% endfor %}'.repeat(39)}`, '{% if 1 %}'.repeat(15_000), '{{ '.repeat(60_000), `{{ '${'a'.repeat(90_000)}'|replace('a', '${'b'.repeat(90_000)}') }}`])
    assert.match(must(400, await preview(workspace, content)).json.detail, /^the template cannot be filled in: line 1: /, content.slice(0, 60));
  must(200, await site.get('/api/health'));
});

test('a saved template that fails later gives way to the default', async () => {
  must(200, await put(workspace, { content: '{{ metrics.categories[0] }} {{ tables[0].name }}' }));
  assert.equal(await welcome(ana), 'sales orders');
  const nobody = await site.addUser('later@example.com');
  assert.match(await welcome(nobody), /^# Example Data/);
  await site.logged(/workspace_prompt that an administrator saved cannot be filled in.*line 1: the list has 0 entries/);
  must(204, await site.delete(workspace, admin));
});
