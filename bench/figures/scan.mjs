// A scan of some hundred megabytes as Arrow, beside DuckDB's own fetch of the same rows from the same file.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { Site } from '../site.mjs';
import { best, descendants, duck, outputLater, peakMb } from '../tools.mjs';

const kRows = 4_000_000;

export async function scan({ folder }) {
  const site = new Site(path.join(folder, 'scan'));
  const columns = Array.from({ length: 6 }, (_, i) => `random() AS c${i}`).join(', ');
  await duck([`COPY (SELECT range AS id, ${columns}, 'note ' || (range % 100000) AS note FROM range(${kRows})) TO '${path.join(site.source, 'big.parquet')}' (FORMAT parquet)`]);
  await site.start();
  try {
    await site.signIn();
    await site.sync();
    const data = path.join(site.data, 'extracts/files/data');
    const file = path.join(data, readdirSync(data).find((name) => name.endsWith('.parquet')));
    const fetch = () =>
      outputLater('curl', [
        ...['-fsS', '-o', '/dev/null', '-w', '%{time_total} %{size_download}', '-H', `Authorization: Bearer ${site.adminToken}`],
        ...['--json', '{"table_id": "big"}', `${site.url}/api/v2/scan`],
      ]).then((said) => said.split(' ').map(Number));
    await fetch();
    const idle = peakMb(site.process.pid);
    const ours = [];
    let size;
    let worker = 0;
    for (let i = 0; i < 5; i++) {
      const [seconds, bytes] = await fetch();
      ours.push(bytes / seconds / 1e6);
      size = bytes;
      for (const pid of descendants(site.process.pid)) worker = Math.max(worker, peakMb(pid));
    }
    const { ms } = await duck([`SELECT * FROM read_parquet('${file}')`], { settings: { threads: '2' }, repeat: 6, fetch: true });
    return [
      {
        what: `scan of ${(size / 1e6).toFixed(0)} MB as Arrow, one client`,
        unit: 'MB/s',
        ours: best(ours),
        yardstick: best(ms.slice(1).map((t) => size / t / 1e3)),
        against: "DuckDB's fetch, same rows",
        ratioAtLeast: 0.5,
      },
      { what: 'most memory of its query process', unit: 'MB', ours: worker, limit: 300 },
      { what: "the server's memory after five scans, against after one", unit: 'MB', ours: peakMb(site.process.pid), yardstick: idle, atMostMore: 8 },
    ];
  } finally {
    await site.stop();
  }
}
