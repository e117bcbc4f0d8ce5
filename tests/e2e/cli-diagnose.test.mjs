// What `agnes diagnose` says of a workspace, and of tables that are other people's.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { startSite } from '../lib/site.mjs';

let site, ana, token;
before(async () => {
  site = await startSite({ 'orders.csv': 'id\n1\n', 'customers.csv': 'id\n1\n', 'salaries.csv': 'id\n1\n' });
  await site.sync();
  token = (await site.analyst('ana@example.com', ['orders', 'customers'])).token;
  ana = makeUser();
  assert.equal((await ana.run(['init', '--server-url', site.url, '--token', token])).code, 0);
});
after(async () => {
  ana?.remove();
  await site?.stop();
});

const diagnose = async (options) => {
  const { code, stdout } = await ana.run(['diagnose'], options);
  const json = JSON.parse((await ana.run(['diagnose', '--json'], options)).stdout);
  return { code, stdout, workspace: json.workspace, actions: json.suggested_actions, overall: json.overall };
};
const assertWell = async () => {
  const told = await diagnose();
  assert.equal(told.code, 0, told.stdout);
  assert.deepEqual([told.overall, told.workspace.status, told.workspace.problems, told.workspace.tables], ['healthy', 'ok', [], 2]);
  assert.match(told.stdout, /^ {2}\[ok {5}\] workspace: .*\/workspace, 2 tables, last pull \d+ s ago$/m);
};

test('a whole workspace is well', assertWell);

const wrong = {
  'a deleted file of a table': [() => rmSync(ana.parquet('orders')), /^files of tables are missing: orders; agnes pull /],
  'a file that was written to': [() => appendFileSync(ana.parquet('customers'), 'x'), /^files of tables are not whole: customers; agnes pull /],
  'no database': [() => rmSync(ana.file('user/duckdb/analytics.duckdb')), /^no data here: .* does not exist; run agnes pull/],
  'something else in place of the database': [() => writeFileSync(ana.file('user/duckdb/analytics.duckdb'), 'hello'), /is no database; agnes pull /],
};
for (const [name, [break_, said]] of Object.entries(wrong))
  test(`${name} is told, and agnes pull mends it`, async () => {
    break_();
    const told = await diagnose();
    assert.deepEqual([told.code, told.overall, told.workspace.status], [7, 'degraded', 'warning'], told.stdout);
    assert.equal(told.workspace.problems.length, 1, told.stdout);
    assert.match(told.workspace.problems[0], said);
    assert.match(told.stdout, /^Next: .*agnes pull/m);
    const pull = await ana.run(['pull']);
    assert.equal(pull.code, 0, pull.stderr);
    await assertWell();
  });

test('an interrupted init, another server, a misspelt AGNES_LOCAL_DIR, no hook, no workspace', async () => {
  const part = async (options) => (await ana.run(['diagnose', '--component', 'workspace'], options)).stdout;
  const mark = ana.read('.claude/init-complete');
  rmSync(ana.file('.claude/init-complete'));
  assert.match(await part(), /^Next: agnes init was interrupted here: agnes init goes on/m);
  writeFileSync(ana.file('.claude/init-complete'), mark);
  assert.match(await part({ env: { AGNES_SERVER: 'https://other.example.com' } }), /^Next: .* is a workspace of .*, and commands here ask https:\/\/other\.example\.com: unset AGNES_SERVER/m);
  assert.match(await part({ env: { AGNES_LOCAL_DIR: '/nowhere' } }), /^Next: AGNES_LOCAL_DIR names \/nowhere, and there is no such folder; correct it/m);
  const settings = ana.read('.claude/settings.json');
  writeFileSync(ana.file('.claude/settings.json'), '{}');
  const hook = await diagnose();
  assert.deepEqual([hook.code, hook.overall, hook.workspace.status, hook.workspace.problems], [0, 'healthy', 'info', []]);
  assert.match(hook.stdout, /^Next: .*agnes init --force adds the hook$/m);
  writeFileSync(ana.file('.claude/settings.json'), settings);
  const elsewhere = await diagnose({ cwd: ana.home });
  assert.equal(elsewhere.code, 0);
  assert.match(elsewhere.stdout, /^ {2}\[info {3}\] workspace: none here or in a folder above$/m);
  await assertWell();
});

test('tables that an analyst may not see do not make their report worse, those that they may do', async () => {
  site.put('salaries.csv', 'id\n1,2\n');
  await site.sync();
  await assertWell();
  site.put('orders.csv', 'id\n1,2\n');
  await site.sync();
  const told = await diagnose();
  assert.deepEqual([told.code, told.overall], [7, 'degraded']);
  assert.match(told.stdout, /^Next: data: .*an administrator/m);
  assert.doesNotMatch(told.stdout, /salaries/);
});

test('AGNES_LOCAL_DIR that names no folder is refused, and nothing is made', async () => {
  for (const args of [['pull'], ['query', 'SELECT 1'], ['status']]) {
    const result = await ana.run(args, { env: { AGNES_LOCAL_DIR: ana.file('misspelt') } });
    assert.equal(result.code, 1, args.join(' '));
    assert.match(result.stderr, /^Error: AGNES_LOCAL_DIR names .*misspelt, and there is no such folder; correct it, or unset it\n$/);
  }
  assert.ok(!existsSync(ana.file('misspelt')));
});
