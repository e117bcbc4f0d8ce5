// What four ordinary callers feel of each load of tests/lib/attacks.mjs, and what requests without an account cost in memory.
import { bombs, loads, packed } from '../../tests/lib/attacks.mjs';
import { ordinaryCallers } from '../../tests/lib/ordinary_callers.mjs';
import { pssMb, sleep } from '../tools.mjs';

const kSeconds = 5;

// All processes together, at most, while `work` goes on.
async function mostMemory(site, work) {
  let most = 0;
  let running = true;
  const watching = (async () => {
    while (running) {
      most = Math.max(most, pssMb(site.processes()));
      await sleep(20);
    }
  })();
  await work();
  running = false;
  await watching;
  return most;
}

export async function attack({ site: open }) {
  const site = await open();
  const where = { host: '127.0.0.1', port: site.port };
  const stranger = await site.person('stranger', []);
  const targets = [['GET', '/api/health'], ['GET', '/api/sync/manifest'], ['GET', '/api/v2/catalog'], ['POST', '/api/query', { sql: 'SELECT 1 AS x' }]];
  const measure = () => ordinaryCallers(where, { token: site.analyst.token, targets, seconds: kSeconds });

  const bodies = Object.values(bombs).map(([target, type, make]) => [target, type, packed(make())]);
  await measure();
  const before = await mostMemory(site, () => sleep(500));
  const most = await mostMemory(site, () =>
    Promise.all(
      bodies.flatMap(([target, type, body]) =>
        Array.from({ length: 20 }, () => fetch(site.url + target, { method: 'POST', body, headers: { 'content-type': type, 'content-encoding': 'gzip' } }).then((answer) => answer.arrayBuffer()).catch(() => {})),
      ),
    ),
  );
  const figures = [
    {
      what: `memory of all processes during 100 requests without an account, ${(bodies.reduce((sum, [, , body]) => sum + 20 * body.length, 0) / 2 ** 20).toFixed(1)} MB sent`,
      unit: 'MB',
      ours: most,
      yardstick: before,
      against: 'before',
      atMostMore: 100,
    },
  ];
  for (const [what, { begin }] of Object.entries(loads)) {
    const earlier = await measure();
    const stop = begin(where, stranger.token);
    const during = await measure();
    stop();
    await sleep(1000);
    const later = await measure();
    figures.push({
      what: `p99 of 4 callers beside ${what}`,
      unit: 'ms',
      ours: during.p99,
      yardstick: Math.max(earlier.p99, later.p99),
      against: 'the same without, worse of two',
      within: { times: 1.5, plus: 10 },
      errors: during.errors,
    });
  }
  return figures;
}
