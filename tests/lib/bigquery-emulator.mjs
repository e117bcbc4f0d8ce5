// A server that asks an emulator of BigQuery: node tests/lib/bigquery-emulator.mjs PROGRAM. See script/bigquery-emulator.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { makeUser } from './agnes.mjs';
import { must } from './server.mjs';
import { startSite } from './site.mjs';

const kPort = 9950;
const kProject = 'example-project';
const url = `http://127.0.0.1:${kPort}/bigquery/v2/projects/${kProject}`;

const ask = async (path, body) => {
  const answer = await fetch(`${url}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.ok(answer.ok, await answer.text());
};
const emulator = spawn(process.argv[2], ['start', '--rest-port', String(kPort), '--grpc-port', String(kPort + 10)], { stdio: 'ignore' });
const ended = new Promise((resolve) => emulator.on('exit', resolve));
let site;
const user = makeUser();
try {
  for (let n = 0; !(await fetch(`${url}/datasets`).then((answer) => answer.ok, () => false)); n++) {
    assert.ok(n < 300 && emulator.exitCode === null, 'the emulator does not answer');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await ask('datasets', { datasetReference: { projectId: kProject, datasetId: 'sales' }, location: 'US' });
  await ask('queries', {
    useLegacySql: false,
    query: `CREATE TABLE sales.orders AS
      SELECT 1 AS id, DATE '2026-01-02' AS day, NUMERIC '9.50' AS amount, 'a "b"' AS note, TRUE AS paid, TIMESTAMP '2026-01-02 03:04:05+00' AS seen_at
      UNION ALL SELECT 2, DATE '2026-01-03', NUMERIC '1.25', NULL, FALSE, TIMESTAMP '2026-01-03 03:04:05.123456+00'`,
  });
  site = await startSite({}, { env: { BIGQUERY_PROJECT: kProject, BIGQUERY_EMULATOR_HOST: `127.0.0.1:${kPort}` } });
  user.signIn(site.url, site.admin.token);
  const run = async (...args) => {
    const { code, stdout, stderr } = await user.run(['admin', ...args]);
    console.log(`agnes admin ${args.join(' ')}\n${stdout}${stderr}`.trimEnd());
    assert.equal(code, 0);
  };
  await run('test-connection', 'bigquery');
  await run('discover-and-register', '--source-type', 'bigquery', '--dataset', 'sales', '--dry-run');
  await run('register-table', 'orders', '--source-type', 'bigquery', '--query-mode', 'materialized', '--bucket', 'sales', '--source-table', 'orders');
  await run('register-table', 'days', '--source-type', 'bigquery', '--query-mode', 'materialized', '--query', 'SELECT day, SUM(amount) AS amount FROM sales.orders GROUP BY day');
  await run('register-table', 'far', '--source-type', 'bigquery', '--bucket', 'sales', '--source-table', 'orders');
  await run('sync', 'orders,days');
  const rows = async (sql) => must(200, await site.query(sql, site.admin.token)).json.rows;
  assert.deepEqual(await rows('SELECT id, day, amount, note, paid FROM orders ORDER BY id'), [[1, '2026-01-02', '9.500000000', 'a "b"', true], [2, '2026-01-03', '1.250000000', null, false]]);
  assert.deepEqual(await rows('SELECT seen_at FROM orders ORDER BY id'), [['2026-01-02 03:04:05+00:00'], ['2026-01-03 03:04:05.123456+00:00']]);
  assert.deepEqual(await rows('SELECT day, amount FROM days ORDER BY day'), [['2026-01-02', '9.500000000'], ['2026-01-03', '1.250000000']]);
  for (const of of ['schema', 'sample']) console.log(`${of}: ${must(200, await site.get(`/api/v2/${of}/far`, { token: site.admin.token })).text}`);
  console.log('ok');
} finally {
  user.remove();
  await site?.stop();
  emulator.kill();
  await ended;
}
