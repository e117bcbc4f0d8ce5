// The server itself: start, memory, the manifest under load, a rebuild, idle and slow connections.
import net from 'node:net';
import { median, pssMb, sleep, wrk } from '../tools.mjs';
import { request } from '../site.mjs';

export async function start({ site: open }) {
  const site = await open();
  const times = [];
  for (let i = 0; i < 7; i++) {
    await site.stop();
    times.push(await site.start());
  }
  return [{ what: 'exec to first 200 on /api/health, 1,000 tables', unit: 'ms', ours: median(times), limit: 200 }];
}

export async function memory({ site: open }) {
  const site = await open();
  await site.stop();
  await site.start();
  // Idle: what start-up still does in the background has ended when the size has stood still for a second.
  let last = 0;
  for (let still = 0, i = 0; still < 5 && i < 75; i++) {
    await sleep(200);
    const now = site.pssMb();
    still = Math.abs(now - last) < 0.5 ? still + 1 : 0;
    last = now;
  }
  return [
    { what: 'memory of the server process, idle', unit: 'MB', ours: pssMb([site.process.pid]), limit: 80 },
    { what: 'memory of all its processes, idle, with the spare worker', unit: 'MB', ours: site.pssMb(), limit: 120 },
  ];
}

export async function manifest({ folder, site: open }) {
  const { url, analyst } = await open();
  const where = `${url}/api/sync/manifest`;
  const first = await request(where, { token: analyst.token });
  const etag = first.headers.etag;
  const headers = { Authorization: `Bearer ${analyst.token}` };
  const matching = { ...headers, 'If-None-Match': etag ?? '"none"' };
  const full = await wrk(where, { seconds: 4, connections: 16, headers, folder });
  const same = await wrk(where, { seconds: 4, connections: 32, headers: matching, folder });
  // Half of the asked rates: each connection pauses 40 ms on average.
  const fullHalf = await wrk(where, { seconds: 4, connections: 40, pauseMs: 40, headers, folder });
  const sameHalf = await wrk(where, { seconds: 4, connections: 400, pauseMs: 40, headers: matching, folder });
  const size = `${Math.round(first.body.length / 1000)} kB`;
  return [
    { what: `manifest, 1,000 tables, ${size}`, unit: 'requests/s', ours: full.perSecond, atLeast: 2000, errors: full.errors },
    { what: 'manifest, matching If-None-Match', unit: 'requests/s', ours: same.perSecond, atLeast: 20000, errors: same.errors },
    { what: `p99 at ${Math.round(fullHalf.perSecond)} manifests/s`, unit: 'ms', ours: fullHalf.p99, limit: 20, errors: fullHalf.errors },
    { what: `p99 at ${Math.round(sameHalf.perSecond)} matching/s`, unit: 'ms', ours: sameHalf.p99, limit: 20, errors: sameHalf.errors },
  ];
}

export async function rebuild({ folder, site: open }) {
  const site = await open();
  await site.sync();
  let running = true;
  let queries = 0;
  let errors = 0;
  const asking = (async () => {
    for (let i = 0; running; i++) {
      const table = site.tables[(i * 37) % site.tables.length];
      const answer = await request(`${site.url}/api/query`, {
        method: 'POST',
        token: site.analyst.token,
        json: { sql: `SELECT count(*) AS n, ${i} AS i FROM ${table}` },
      });
      queries++;
      if (answer.status !== 200 || answer.json().rows[0][0] !== 100) errors++;
    }
  })();
  const times = [];
  for (let i = 0; i < 5; i++) times.push(await site.sync());
  running = false;
  await asking;
  return [
    { what: `sync and rebuild, 1,000 unchanged tables, ${queries} queries meanwhile`, unit: 'ms', ours: median(times), limit: 2000, errors },
  ];
}

export async function connections({ folder, site: open }) {
  const { url, port, analyst } = await open();
  const where = `${url}/api/sync/manifest`;
  const first = await request(where, { token: analyst.token });
  const headers = { Authorization: `Bearer ${analyst.token}`, 'If-None-Match': first.headers.etag ?? '"none"' };
  const load = () => wrk(where, { seconds: 4, connections: 20, pauseMs: 20, headers, folder });
  const before = await load();
  const connect = () =>
    new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
  const idle = await Promise.all(Array.from({ length: 1000 }, connect));
  const slow = await Promise.all(Array.from({ length: 100 }, connect));
  const all = [...idle, ...slow];
  // A connection that the server ends for being slow is its good right.
  for (const socket of all) socket.removeAllListeners('error').on('error', () => {});
  const words = 'GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ' + 'x'.repeat(1000);
  let at = 0;
  const drip = () => {
    for (const socket of slow) if (!socket.destroyed && socket.writable) socket.write(words[at % words.length]);
    at++;
  };
  drip();
  const timer = setInterval(drip, 1000);
  const during = await load();
  clearInterval(timer);
  for (const socket of all) socket.destroy();
  await sleep(300);
  const after = await load();
  return [
    {
      what: 'p99 with 1,000 idle connections and 100 slow ones',
      unit: 'ms',
      ours: during.p99,
      yardstick: Math.max(before.p99, after.p99),
      against: 'the same without, worse of two',
      within: { times: 1.5, plus: 2 },
      errors: during.errors,
    },
  ];
}
