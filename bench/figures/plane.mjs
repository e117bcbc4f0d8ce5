// The data plane at its size: ten thousand tables, a thousand people, ten million rows to profile, ten thousand schedules.
import { linkSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { request, Site } from '../site.mjs';
import { descendants, duck, median, nginx, outputLater, peakMb, percentile, pssMb, sleep, bin } from '../tools.mjs';

const kTables = 10_000;
const kPeople = 1_000;

const name = (i) => `table_${String(i).padStart(5, '0')}`;

// An extract of many tables, all the same little file, as a program of somebody else would write it.
async function writeTables(folder, count) {
  const data = path.join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const first = path.join(data, `${name(0)}.parquet`);
  await duck([`COPY (SELECT range AS id, 'row ' || range AS name, 1.5 * range AS amount FROM range(100)) TO '${first}'`]);
  const views = [];
  for (let i = 0; i < count; i++) {
    const file = path.join(data, `${name(i)}.parquet`);
    if (i > 0) linkSync(first, file);
    views.push(`CREATE VIEW ${name(i)} AS SELECT * FROM read_parquet('${file}')`);
  }
  const sql = [
    'BEGIN',
    'CREATE TABLE _meta (table_name VARCHAR, description VARCHAR, "rows" BIGINT, size_bytes BIGINT, extracted_at TIMESTAMP, query_mode VARCHAR)',
    `INSERT INTO _meta SELECT format('table_{:05d}', range), 'about it', 100, 1000, TIMESTAMP '2026-01-01', 'local' FROM range(${count})`,
  ];
  // As one statement: a command line has its limits, and each view is long.
  for (let i = 0; i < views.length; i += 500) sql.push(views.slice(i, i + 500).join(';'));
  for (let i = 0; i < sql.length; i += 5)
    await duck([...(i ? ['BEGIN'] : []), ...sql.slice(i, i + 5), 'COMMIT'], { db: path.join(folder, 'extract.duckdb') });
}

let opened = null;
export function manyTables(folder) {
  return (opened ??= (async () => {
    const site = new Site(path.join(folder, 'many'));
    await site.start();
    await site.signIn();
    site.emptyMb = await settledMb(site);
    site.analyst = await site.person('analyst', []);
    await site.stop();
    await writeTables(path.join(site.data, 'extracts', 'many'), kTables);
    // The rows that 10,000 registrations, 1,000 sign-ups and as many grants leave.
    await duck(
      [
        `INSERT INTO table_registry (id, name, source_type, description, registered_by) SELECT t, t, 'local', 'What ' || t || ' holds, in a sentence or two of some length.', 'bench' FROM (SELECT format('table_{:05d}', range) AS t FROM range(${kTables}))`,
        `INSERT INTO users (id, email, name) SELECT 'user-' || range, 'user-' || range || '@example.com', 'User ' || range FROM range(${kPeople})`,
        `INSERT INTO user_group_members (user_id, group_id, source) SELECT 'user-' || range, '${site.analyst.group}', 'admin' FROM range(${kPeople})`,
        `INSERT INTO resource_grants (id, group_id, resource_type, resource_id) SELECT 'grant-' || id, '${site.analyst.group}', 'table', id FROM table_registry`,
      ],
      { db: path.join(site.data, 'state', 'system.duckdb') },
    );
    await site.start();
    await site.signIn();
    await ready(site);
    return site;
  })());
}

// Waits until all tables are there; answers the ms that it took.
async function ready(site) {
  const began = performance.now();
  for (;;) {
    const answer = await request(`${site.url}/api/sync/manifest`, { token: site.analyst.token });
    if (answer.status === 200 && Object.keys(answer.json().tables).length >= kTables) return performance.now() - began;
    if (performance.now() - began > 120000) throw new Error(`the tables did not come: ${site.log()}`);
    await sleep(1);
  }
}

// Memory of the server's own process when it has stood still for a second.
async function settledMb(site) {
  let last = 0;
  for (let still = 0, i = 0; still < 5 && i < 75; i++) {
    await sleep(200);
    const now = pssMb([site.process.pid]);
    still = Math.abs(now - last) < 0.5 ? still + 1 : 0;
    last = now;
  }
  return last;
}

export async function many({ folder }) {
  const site = await manyTables(folder);
  const times = [];
  const inMemory = [];
  for (let i = 0; i < 3; i++) {
    await site.stop();
    const health = await site.start();
    times.push(health + (await ready(site)));
    inMemory.push(await settledMb(site));
  }
  const out = [
    { what: `exec to the first manifest of ${kTables.toLocaleString('en')} tables`, unit: 'ms', ours: median(times), limit: 1000 },
    { what: 'memory of the server, for each of these tables', unit: 'kB', ours: ((median(inMemory) - site.emptyMb) * 1024) / kTables, limit: 10 },
  ];
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (target, headers = {}, url = site.url) => {
    const began = performance.now();
    const answer = await request(url + target, { token: site.analyst.token, agent, headers });
    return { ...answer, ms: performance.now() - began };
  };
  // What this machine and this client can do: the same bytes, sent by nginx from memory of the kernel.
  const copies = path.join(folder, 'copies');
  mkdirSync(copies, { recursive: true });
  const other = await nginx(copies, folder);
  await site.signIn();
  let taken = 0;
  for (const target of ['/api/sync/manifest', '/api/catalog/tables', '/api/v2/catalog']) {
    let errors = 0;
    let last = null;
    const cold = [];
    const warm = [];
    // Cold: whatever was made for this analyst is of other rights.
    for (let i = 0; i < 60; i++) {
      await site.call('DELETE', `/api/admin/grants/grant-${name(taken++)}`);
      const answer = await ask(target);
      if (answer.status !== 200) errors++;
      cold.push(answer.ms);
    }
    for (let i = 0; i < 300; i++) {
      const answer = await ask(target);
      if (answer.status !== 200) errors++;
      last = answer.body;
      warm.push(answer.ms);
    }
    const copy = `/${path.basename(target)}.json`;
    writeFileSync(copies + copy, last);
    const theirs = [];
    for (let i = 0; i < 300; i++) theirs.push((await ask(copy, {}, other.url)).ms);
    const what = `${target}, ${kTables.toLocaleString('en')} tables, ${(last.length / 1e6).toFixed(1)} MB`;
    out.push({ what: `${what}: p99 after a change of rights`, unit: 'ms', ours: percentile(cold, 99), limit: 50, errors });
    out.push({ what: `${what}: p99 again`, unit: 'ms', ours: percentile(warm, 99), limit: 5, yardstick: percentile(theirs, 99), against: 'nginx sending the same bytes' });
  }
  const { headers } = await ask('/api/sync/manifest');
  const same = [];
  let errors = 0;
  for (let i = 0; i < 300; i++) {
    const answer = await ask('/api/sync/manifest', { 'If-None-Match': headers.etag });
    if (answer.status !== 304) errors++;
    same.push(answer.ms);
  }
  out.push({ what: 'the manifest unchanged (304): p99', unit: 'ms', ours: percentile(same, 99), limit: 5, errors });
  agent.destroy();
  await other.stop();
  await site.stop();
  return out;
}

export async function profile({ folder }) {
  const site = new Site(path.join(folder, 'profile'));
  const extract = path.join(site.data, 'extracts', 'wide');
  const file = path.join(extract, 'data', 'wide.parquet');
  mkdirSync(path.dirname(file), { recursive: true });
  const columns = [];
  for (let i = 0; i < 5; i++)
    columns.push(
      `(range * ${i + 1}) % ${10 ** (i + 2)} AS whole_${i}`,
      `round(hash(range + ${i}) % 1000000 / 100.0, 2) AS amount_${i}`,
      `CASE WHEN range % ${i + 2} = 0 THEN NULL ELSE 'word ' || (hash(range * ${i + 3}) % ${10 ** (i + 1)}) END AS word_${i}`,
      i < 3 ? `DATE '2020-01-01' + CAST(range % ${300 * (i + 1)} AS INTEGER) AS day_${i}` : `TIMESTAMP '2024-01-01' + to_seconds(range % ${10 ** 7}) AS moment_${i}`,
    );
  await duck([`COPY (SELECT ${columns.join(', ')} FROM range(10000000)) TO '${file}' (FORMAT parquet, COMPRESSION zstd)`]);
  await duck(
    [
      'CREATE TABLE _meta (table_name VARCHAR, description VARCHAR, "rows" BIGINT, size_bytes BIGINT, extracted_at TIMESTAMP, query_mode VARCHAR)',
      `INSERT INTO _meta VALUES ('wide', '', 10000000, 0, TIMESTAMP '2026-01-01', 'local')`,
      `CREATE VIEW wide AS SELECT * FROM read_parquet('${file}')`,
    ],
    { db: path.join(extract, 'extract.duckdb') },
  );
  await site.start();
  try {
    await site.signIn();
    await site.call('POST', '/api/admin/register-table', { json: { name: 'wide', source_type: 'local' } });
    const theirs = [];
    const ours = [];
    let peak = 0;
    const summarize = async () => theirs.push((await duck([`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (SUMMARIZE SELECT * FROM read_parquet('${file}'))`], { settings: { threads: '2' } })).ms[0]);
    await summarize();
    for (let i = 0; i < 2; i++) {
      // Another primary key, another profile.
      await site.call('PUT', '/api/admin/registry/wide', { json: { primary_key: [`not_there_${i}`] } });
      const began = performance.now();
      let done = false;
      const made = site.call('POST', '/api/catalog/profile/wide/refresh').finally(() => (done = true));
      while (!done) {
        for (const pid of descendants(site.process.pid)) peak = Math.max(peak, peakMb(pid));
        await sleep(20);
      }
      await made;
      ours.push(performance.now() - began);
      await summarize();
    }
    return [
      {
        what: 'profile of 10 million rows, 20 columns',
        unit: 's',
        ours: median(ours) / 1000,
        yardstick: median(theirs) / 1000,
        against: "DuckDB's SUMMARIZE",
        ratioAtMost: 2,
      },
      { what: 'most memory of its worker process', unit: 'MB', ours: peak, limit: 1000 },
    ];
  } finally {
    await site.stop();
  }
}

// Size and time of change of every file that a sync could rewrite.
function stamps(folder) {
  return readdirSync(folder, { recursive: true })
    .map((f) => [f, statSync(path.join(folder, f))])
    .filter(([, stat]) => stat.isFile())
    .map(([f, stat]) => `${f} ${stat.size} ${stat.mtimeMs} ${stat.ino}`);
}

export async function unchanged({ site: open }) {
  const site = await open();
  await site.sync();
  const folders = ['extracts', 'analytics'].map((f) => path.join(site.data, f));
  const before = folders.map(stamps);
  const times = [];
  for (let i = 0; i < 5; i++) times.push(await site.sync());
  const after = folders.map(stamps);
  const errors = after.flatMap((list, i) => list.filter((line) => !before[i].includes(line))).length;
  return [{ what: 'sync of 1,000 unchanged tables (errors: files written)', unit: 'ms', ours: median(times), limit: 2000, errors }];
}

export async function schedules({ folder }) {
  const home = path.join(folder, 'jobs');
  mkdirSync(home);
  const { cpu_seconds, seconds, runs } = JSON.parse(await outputLater(bin('bench_jobs'), ['10000', '30', home]));
  return [{ what: `scheduler with 10,000 jobs every 15 minutes (${runs} runs in ${seconds} s)`, unit: '% of a core', ours: (100 * cpu_seconds) / seconds, limit: 1 }];
}
