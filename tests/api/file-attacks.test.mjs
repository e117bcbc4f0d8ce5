// Attacks by files: what another program's extract, or a file in the source's folder, may do to the tables of others.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { writeExtract } from '../lib/duckdb.mjs';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

let site, token;
before(async () => {
  site = await startSite({ 'orders.csv': 'id\n1\n2\n' });
  await site.sync();
  token = site.admin.token;
});
after(() => site.stop());

const ended = () =>
  site.until('the rebuild has ended', async () => {
    const job = must(200, await site.get('/api/admin/jobs', { token })).json.jobs.find((one) => one.name === 'rebuild');
    return !job.running && job;
  });
async function rebuild() {
  await ended();  // that of the start
  must(202, await site.post('/api/admin/jobs/rebuild/run', undefined, { token }));
  return ended();
}
const count = async (table) => must(200, await site.query(`SELECT count(*) FROM "${table}"`, token)).json.rows[0][0];
const health = async () => must(200, await site.get('/api/health/detailed', { token }));

// Each makes extracts that say too much; each of them alone might pass.
const MB = 1 << 20;
const attacks = {
  'descriptions of 60 and 30 MB': async (make) => {
    for (const [name, size] of [['loud_one', 60], ['loud_two', 30]]) await make(name, { [`of_${name}`]: 'SELECT 1 AS id' }, [`UPDATE _meta SET description = repeat('x', ${size * MB})`]);
  },
  'views of 40 MB': async (make) => {
    for (const name of ['loud_one', 'loud_two'])
      await make(name, { [`of_${name}`]: 'SELECT 1 AS id' }, [
        `CREATE VIEW long_${name} AS SELECT '${'x'.repeat(40 * MB)}' AS text`,
        `INSERT INTO _meta VALUES ('long_${name}', '', 1, 1, NULL, 'local')`,
      ]);
  },
  'names of 60,000 letters': (make) =>
    make('loud_one', { of_loud_one: 'SELECT 1 AS id' }, ["INSERT INTO _meta SELECT repeat('n', 60000) || range, '', 1, 1, NULL, 'local' FROM range(3000)"]),
  'a table whose columns take 14 MB to name': (make) => {
    const columns = Array.from({ length: 5000 }, (_, i) => `${i} AS "${'k'.repeat(2800)}${i}"`).join(', ');
    return make('loud_one', { of_loud_one: 'SELECT 1 AS id' }, [`CREATE TABLE wide AS SELECT ${columns}`, "INSERT INTO _meta VALUES ('wide', '', 1, 1, NULL, 'local')"]);
  },
};
for (const [what, make] of Object.entries(attacks))
  test(`${what} stop no other source, also across a restart`, async () => {
    const made = new Set();
    await make(async (name, tables, more) => {
      made.add(name);
      await writeExtract(path.join(site.data, 'extracts', name), tables, more);
    });
    assert.notEqual((await rebuild()).outcome, 'failed');
    assert.equal(await count('orders'), 2);
    const { text, json } = await health();
    assert.ok(text.length < 400_000, `${text.length} bytes of health`);
    assert.ok(json.services.data.problems.every((problem) => made.has(problem.source)), text.slice(0, 2000));
    await site.stop();
    site = await startSite({}, { source: site.source, data: site.data });
    token = site.admin.token;
    await site.until('the tables are there', async () => (await site.query('SELECT 1 FROM orders', token)).status === 200);
    assert.equal(await count('orders'), 2);
    for (const name of made) rmSync(path.join(site.data, 'extracts', name), { recursive: true });
    await rebuild();
  });

test('files with endless names of columns are refused by name, and the others are brought', async () => {
  const columns = Array.from({ length: 700 }, (_, i) => `${'k'.repeat(2800)}${i}`);
  for (let i = 0; i < 3; i += 1) site.put(`endless_${i}.csv.gz`, gzipSync(`${columns}\n${columns.map((_, n) => n)}\n`));
  site.put('other.csv', 'id\n1\n');
  await site.sync();
  assert.equal(await count('other'), 1);
  const { text, json } = await health();
  assert.ok(text.length < 100_000, `${text.length} bytes of health`);
  const told = JSON.stringify([json.services.data.failures, json.services.data.problems]);
  for (let i = 0; i < 3; i += 1) assert.match(told, new RegExp(`endless_${i}`));
});
