// The guides: every command that they show is run, and prints what they say.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { pattern, shell, steps } from '../lib/console.mjs';
import { adminEmail, adminPassword, bin, must, root, startServer, temporaryFolder } from '../lib/server.mjs';

const page = (name) => readFileSync(path.join(root, 'docs', name), 'utf8');
const path_ = `${bin}:${process.env.PATH}`;

function check({ command, printed }, all) {
  // How far a sync or a pull is, as often as there is time to say it.
  const text = all.split('\n').filter((line) => !/ \(\d+ of \d+\)$|^\[\d+\/\d+ files\]/.test(line)).join('\n');
  if (printed.length > 0) assert.match(text, pattern(printed), `${command}\n${text}`);
}

test('docs/getting-started.md', async () => {
  const home = temporaryFolder(), ana = temporaryFolder();
  cpSync(path.join(root, 'examples/data'), path.join(home, 'files'), { recursive: true });
  const port = 20000 + (process.pid % 20000);
  const as = (folder, more) => ({ cwd: root, env: { PATH: path_, HOME: folder, LANG: 'C.UTF-8', AGNES_NO_UPDATE_CHECK: '1', ...more } });
  const told = (text) => text.replaceAll(String(port), '8000').replaceAll(home, '~').replaceAll(ana, '~');
  const [serve, ...rest] = steps(page('getting-started.md'));
  assert.equal(serve.command, 'script/server ~/files');
  const server = spawn('bash', ['-c', `exec ${serve.command} --port ${port}`], { ...as(home), stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => server.on('close', resolve));
  let log = '';
  try {
    await new Promise((resolve, reject) => {
      const hear = (chunk) => {
        log += chunk;
        if (/listening on .*\n/.test(log)) resolve();
      };
      server.stdout.on('data', hear);
      server.stderr.on('data', hear);
      ended.then(() => reject(new Error(log)));
    });
    check(serve, told(log));
    const typed = { 'auth login': 'agnes-local-admin\n', 'add-user': 'another-long-one\nanother-long-one\n' };
    for (const step of rest) {
      const command = step.command.replaceAll('8000', String(port));
      const analyst = step.command.startsWith('curl') || step.command.startsWith('cd ~/work');
      let more = {};
      if (step.command.startsWith('curl')) {
        // There is no terminal here that could ask her: a token in the environment stands for signing in.
        const url = `http://127.0.0.1:${port}`;
        const post = async (target, body, token) =>
          (await fetch(url + target, { method: 'POST', headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) })).json();
        const { access_token } = await post('/auth/token', { email: 'ana@example.com', password: 'another-long-one' });
        more = { AGNES_TOKEN: (await post('/auth/tokens', { name: 'laptop' }, access_token)).token };
      }
      const input = Object.entries(typed).find(([words]) => step.command.includes(words))?.[1] ?? '';
      const { status, text } = shell(command, { ...as(analyst ? ana : home, more), input });
      assert.equal(status, 0, `${command}\n${text}`);
      check(step, told(text));
    }
    assert.ok(existsSync(path.join(ana, 'work/server/parquet/orders.parquet')));
    assert.equal(rest.filter((step) => step.command.startsWith('build/bin/')).length, 4, 'five commands on the server with the first');
  } finally {
    server.kill();
    await ended;
  }
});

test('docs/deployment.md: a server starts with the files that it shows, and the unit runs what script/install installs', async () => {
  const text = page('deployment.md');
  const written = (mark) => new RegExp(`<<'${mark}'\n([^]*?)\n${mark}\n`).exec(text)[1];
  const config = temporaryFolder(), files = temporaryFolder();
  writeFileSync(path.join(config, 'instance.yaml'), written('YAML').replace('/srv/agnes-files', files));
  const env = Object.fromEntries(written('ENVIRONMENT').split('\n').map((line) => line.split('=')));
  const server = await startServer({ config, env, signIn: false });
  try {
    const signed = must(200, await server.post('/auth/token', { email: env.SEED_ADMIN_EMAIL, password: env.SEED_ADMIN_PASSWORD })).json;
    const { sections } = must(200, await server.get('/api/admin/server-config', { token: signed.access_token })).json;
    assert.equal(sections.instance.name, 'Example Ltd');
    assert.ok((await server.get('/cli/install.sh')).text.includes(`server='${env.SERVER_URL}'`));
  } finally {
    await server.stop();
  }
  const unit = readFileSync(path.join(root, 'examples/agnes.service'), 'utf8');
  assert.match(unit, /^ExecStart=\/opt\/agnes\/current\/agnes-server --data-dir \/var\/lib\/agnes --config-dir \/etc\/agnes$/m);
  assert.match(unit, /^EnvironmentFile=-\/etc\/agnes\/environment$/m);
});

const recipes = page('recipes.md').split(/^## /m).slice(1);
for (const recipe of recipes)
  test(`docs/recipes.md: ${recipe.split('\n')[0]}`, async () => {
    const home = temporaryFolder(), config = temporaryFolder(), files = temporaryFolder();
    const all = steps(recipe);
    for (const { command, printed } of all.filter((step) => step.command?.startsWith('cat '))) {
      const file = command.slice(4).replace('/srv/files', files);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, `${printed.join('\n')}\n`);
    }
    writeFileSync(path.join(config, 'instance.yaml'), all.find((step) => step.yaml).yaml.replaceAll('/srv/files', files));
    const site = await startServer({ config });
    try {
      const env = { PATH: path_, HOME: home, LANG: 'C.UTF-8', AGNES_NO_UPDATE_CHECK: '1', COLUMNS: '120' };
      const sign = shell(`agnes auth login --server ${site.url} --email ${adminEmail} --password ${adminPassword}`, { cwd: home, env });
      assert.equal(sign.status, 0, sign.text);
      for (const step of all.filter((one) => one.command?.startsWith('agnes '))) {
        const { status, text } = shell(step.command, { cwd: home, env });
        assert.equal(status, 0, `${step.command}\n${text}`);
        assert.ok(step.printed.length > 0, `the page shows what is printed: ${step.command}\n${text}`);
        check(step, text);
      }
      must(200, await site.get('/api/health/detailed', { token: site.admin.token }));
    } finally {
      await site.stop();
    }
  });
