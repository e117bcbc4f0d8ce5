// POST /api/query: what the server adds to libduckdb, a caller's first query, and one statement that runs away.
import path from 'node:path';
import { request } from '../site.mjs';
import { duck, median, sleep, wrk } from '../tools.mjs';

const ask = (site, token, sql, limit) =>
  request(`${site.url}/api/query`, { method: 'POST', token, json: { sql, ...(limit ? { limit } : {}) } });

async function mustAnswer(site, token, sql) {
  const answer = await ask(site, token, sql);
  if (answer.status !== 200) throw new Error(`${sql} answered ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
  return answer;
}

export async function small({ folder, site: open }) {
  const site = await open();
  const rows = [];
  for (const sql of ['SELECT 1 AS x', `SELECT sum(amount) AS s FROM ${site.tables[41]}`]) {
    await mustAnswer(site, site.analyst.token, sql);
    const ours = await wrk(`${site.url}/api/query`, {
      seconds: 3,
      method: 'POST',
      body: JSON.stringify({ sql }),
      headers: { Authorization: `Bearer ${site.analyst.token}` },
      folder,
    });
    const file = path.join(site.data, 'extracts/files/data', `${site.tables[41]}.parquet`);
    const view = `CREATE VIEW ${site.tables[41]} AS SELECT * FROM read_parquet('${file}')`;
    const alone = await duck([view, sql], { settings: { threads: '2' }, repeat: 2000, fetch: true });  // amount is a DECIMAL
    rows.push({
      what: `POST /api/query, p50: ${sql.length < 20 ? sql : 'sum over 100 rows'}`,
      unit: 'ms',
      ours: ours.p50,
      yardstick: median(alone.ms),
      against: 'libduckdb alone',
      atMostMore: 1,
      errors: ours.errors,
    });
  }
  return rows;
}

export async function first({ site: open }) {
  const site = await open();
  const times = [];
  // Each of them has rights of their own: one table more than the analyst's thousand.
  for (let i = 1; i <= 5; i++) {
    const person = await site.person(`first${i}`, [`t${1000 + i}`], [site.analyst.group]);
    await sleep(1000);
    const began = performance.now();
    await mustAnswer(site, person.token, `SELECT count(*) AS n FROM ${site.tables[i * 100]}`);
    times.push(performance.now() - began);
  }
  return [{ what: "a caller's first query, 1,000 tables, median of 5", unit: 'ms', ours: median(times), limit: 150 }];
}

export async function runaway({ folder, site: open }) {
  const site = await open();
  const seconds = 5;
  const sql = `SELECT category.n, count(*) AS c FROM (SELECT id % 3 AS n FROM ${site.tables[7]}) category GROUP BY 1 ORDER BY 1`;
  await mustAnswer(site, site.analyst.token, sql);
  const load = (time) =>
    wrk(`${site.url}/api/query`, {
      seconds: time,
      connections: 8,
      pauseMs: 50,
      method: 'POST',
      body: JSON.stringify({ sql }),
      headers: { Authorization: `Bearer ${site.analyst.token}` },
      folder,
    });
  const before = await load(seconds);
  const began = performance.now();
  let endedAfter = 0;
  const ending = ask(site, site.analyst.token, 'SELECT sum(hash(a.range + b.range) % 7) AS n FROM range(1000000) a, range(1000000) b').then((answer) => {
    endedAfter = performance.now() - began;
    return answer.status;
  });
  const during = await load(seconds);
  const status = await ending;
  const after = await load(seconds);
  return [
    {
      what: '8 clients querying while a statement runs away, p99',
      unit: 'ms',
      ours: during.p99,
      yardstick: Math.max(before.p99, after.p99),
      against: 'the same without, worse of two',
      within: { times: 1.5, plus: 5 },
      errors: during.errors,
    },
    {
      what: `that statement ended at its limit (answered ${status})`,
      unit: 's',
      ours: endedAfter / 1000,
      yardstick: site.queryLimit,
      against: 'its limit',
      atMostMore: 2,
      errors: status >= 400 ? 0 : 1,
    },
  ];
}

// 40 callers whose statements take all places and wait in line, beside four that only look around.
export async function crowd({ folder, site: open }) {
  const site = await open();
  const tokens = [];
  for (let i = 0; i < 40; i++) tokens.push((await site.person(`crowd${i}`, [], [site.analyst.group])).token);
  const seconds = 4;
  const load = (where) =>
    wrk(site.url + where, { seconds, connections: 4, pauseMs: 20, headers: { Authorization: `Bearer ${site.analyst.token}` }, folder });
  const both = async () => ({ catalog: await load('/api/v2/catalog'), health: await load('/api/health') });
  const before = await both();
  let running = true;
  let answers = 0;
  const sql = 'SELECT sum(hash(a.range + b.range) % 7) AS n FROM range(1000000) a, range(1000000) b';
  const asking = tokens.map(async (token) => {
    while (running) {
      const answer = await ask(site, token, sql);
      answers++;
      // Refused: as a client does that heeds Retry-After.
      if (answer.headers['retry-after']) await sleep(1000 * Number(answer.headers['retry-after']));
    }
  });
  await sleep(1000);
  const during = await both();
  running = false;
  await Promise.all(asking);
  const after = await both();
  return ['catalog', 'health'].map((what) => ({
    what: `p99 of ${what === 'catalog' ? '/api/v2/catalog' : '/api/health'}, 4 clients, while 40 callers run slow statements`,
    unit: 'ms',
    ours: during[what].p99,
    yardstick: Math.max(before[what].p99, after[what].p99),
    against: 'the same without, worse of two',
    within: { times: 1.5, plus: 5 },
    errors: during[what].errors + (answers > 0 ? 0 : 1),
  }));
}
