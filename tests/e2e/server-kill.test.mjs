// The server is killed (SIGKILL) at many moments of a sync and of changes to its state: each start after it serves whole
// tables, the old version or the new one, and what it had confirmed.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { test } from 'node:test';
import { afterChanges, namesBelow } from '../lib/changes.mjs';
import { adminEmail, adminPassword, must, startServer, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kRounds = 12;
const kTables = 6;

// Every row of version v of table t says v, and there are v * 500 of them: half a table would show.
const csv = (t, v) => `id,version,text\n${Array.from({ length: v * 500 }, (_, i) => `${i},${v},table ${t}`).join('\n')}\n`;

async function check(site, versions) {
  const token = site.admin.token;
  const manifest = await site.manifest(token);
  for (let t = 0; t < kTables; t++) {
    const table = manifest[`t${t}`];
    if (!table) {
      assert.equal(versions.old, 0, `t${t} is gone`);
      continue;
    }
    const answer = await site.query(`SELECT count(*), min(version), max(version) FROM t${t}`, token);
    assert.equal(answer.status, 200, answer.text);
    const [rows, low, high] = answer.json.rows[0];
    assert.equal(low, high);
    assert.ok(low === versions.old || low === versions.new, `t${t} has version ${low}, not ${versions.old} or ${versions.new}`);
    assert.equal(rows, low * 500);
    const file = must(200, await site.get(`/api/data/t${t}/download`, { token }));
    assert.equal(createHash('md5').update(file.body).digest('hex'), table.hash, `t${t}: the manifest's hash is the file's`);
  }
}

test('killed in the middle of a sync, at many points', async () => {
  const data = temporaryFolder();
  let site = await startSite({}, { data });
  const again = { data, source: site.source };
  let old = 0;
  for (let round = 1; round <= kRounds; round++) {
    for (let t = 0; t < kTables; t++) site.put(`t${t}.csv`, csv(t, round));
    must(200, await site.post('/api/sync/trigger', null, { token: site.admin.token }));
    let ended = false;
    const idle = site.idle().then(() => (ended = true), () => (ended = true));
    await afterChanges(path.join(data, 'extracts'), round * 3, () => ended);
    await site.kill();
    await idle;
    site = await startSite({}, again);
    await check(site, { old, new: round });
    // What was cut off is caught up by the next sync.
    await site.sync();
    await check(site, { old: round, new: round });
    old = round;
  }
  const leftovers = namesBelow(path.join(data, 'extracts')).filter((f) => path.basename(f).startsWith('.agnes-tmp-'));
  assert.deepEqual(leftovers, []);
  await site.stop();
});

test('killed while it writes its state: what was confirmed is there', async () => {
  const data = temporaryFolder();
  const confirmed = [];
  for (let round = 0; round < kRounds; round++) {
    const server = await startServer({ data });
    let going = true;
    const writing = (async () => {
      for (let i = 0; going; i++) {
        const email = `user-${round}-${i}@example.com`;
        const answer = await server.post('/api/users', { email, name: email }, { token: server.admin.token }).catch(() => null);
        if (answer?.status === 201) confirmed.push(email);
      }
    })();
    const target = confirmed.length + 1 + round;
    await server.until(`${target} accounts`, () => confirmed.length >= target);
    going = false;
    await server.kill();
    await writing;
  }
  const server = await startServer({ data });
  const users = must(200, await server.get('/api/users', { token: server.admin.token })).json;
  const list = Array.isArray(users) ? users : users.users;
  const there = new Set(list.map((u) => u.email));
  for (const email of confirmed) assert.ok(there.has(email), `${email} was confirmed and is gone`);
  must(200, await server.post('/auth/token', { email: adminEmail, password: adminPassword }));
  await server.stop();
});
