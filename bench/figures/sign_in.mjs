// A crowd at the door: what others feel of a hundred people who sign in at the same moment; and what it takes to know
// somebody who is in.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { kAdmin, request } from '../site.mjs';
import { bin, median, outputLater, wrk } from '../tools.mjs';

const kCrowd = 100;
const kAccess = { users: 10000, groups: 1000, grants: 100000 };

async function callers(folder) {
  const home = path.join(folder, 'access');
  mkdirSync(home);
  const took = JSON.parse(await outputLater(bin('bench_access'), [...Object.values(kAccess).map(String), home]));
  const among = Object.entries(kAccess).map(([what, count]) => `${count.toLocaleString('en')} ${what}`).join(', ');
  return [
    { what: `p50 of a caller from a session, ${among}`, unit: 'us', ours: took.session_p50, limit: 50, errors: took.wrong },
    { what: 'the same from a personal token', unit: 'us', ours: took.token_p50, limit: 50, errors: took.wrong },
    { what: "the first one after a change of anybody's rights", unit: 'us', ours: took.changed_p50, errors: took.wrong },
  ];
}

export async function sign_in({ folder, site: open }) {
  const { url, analyst } = await open();
  const load = (where, headers = {}) => wrk(`${url}${where}`, { seconds: 4, connections: 20, pauseMs: 20, headers, folder });
  const others = [
    ['/api/health', {}],
    ['/api/sync/manifest', { Authorization: `Bearer ${analyst.token}` }],
  ];
  let failed = 0;
  const signIns = async (count) => {
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: count }, () => request(`${url}/auth/token`, { method: 'POST', json: kAdmin })));
    failed += answers.filter((answer) => answer.status !== 200).length;
    return performance.now() - began;
  };
  const alone = [];
  for (let i = 0; i < 11; i++) alone.push(await signIns(1));
  const crowds = [];
  // One after the other as long as `work` runs.
  const besideCrowds = async (work) => {
    let running = true;
    const coming = (async () => {
      while (running) crowds.push(await signIns(kCrowd));
    })();
    const result = await work();
    running = false;
    await coming;
    return result;
  };
  const rows = [];
  for (const [where, headers] of others) {
    const before = await load(where, headers);
    const during = await besideCrowds(() => load(where, headers));
    const after = await load(where, headers);
    for (const p of ['p50', 'p99'])
      rows.push({
        what: `${p} of ${where} while ${kCrowd} people sign in at once`,
        unit: 'ms',
        ours: during[p],
        yardstick: Math.max(before[p], after[p]),
        against: 'the same without, worse of two',
        within: { times: 1.5, plus: 2 },
        errors: during.errors,
      });
  }
  const together = {
    what: `${kCrowd} sign-ins at once, until the last is in`,
    unit: 'ms',
    ours: median(crowds),
    yardstick: median(alone) * kCrowd,
    against: 'one after the other',
    ratioAtMost: 1.5,
    errors: failed,
  };
  return [...(await callers(folder)), together, ...rows];
}
