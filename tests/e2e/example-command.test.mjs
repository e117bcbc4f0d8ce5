// The command of examples/commands, as CONTRIBUTING.md shows it: one file and one line in the list of commands.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { bin, must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

test('a command of its own is in the help and talks to its routes', async (t) => {
  const site = await startSite({ 'orders.csv': 'id\n1\n' }, { program: 'agnes-server-example' });
  t.after(() => site.stop());
  await site.sync();
  must(200, await site.request('PUT', '/api/bookmarks/orders', { token: site.admin.token, json: { note: 'by day' } }));
  const env = { PATH: process.env.PATH, HOME: temporaryFolder(), AGNES_SERVER: site.url, AGNES_TOKEN: site.admin.token };
  const run = (...args) => promisify(execFile)(path.join(bin, 'agnes-example'), args, { env });
  assert.match((await run('--help')).stdout, /bookmarks +List your bookmarks/);
  assert.equal((await run('bookmarks')).stdout, 'orders  by day\n');
});
