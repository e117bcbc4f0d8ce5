// A CSV of ten million rows, extracted into Parquet, beside DuckDB's own COPY of the same file.
import { rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { Site } from '../site.mjs';
import { descendants, duck, median, peakMb } from '../tools.mjs';

const kRows = 10_000_000;

export async function extract({ folder }) {
  const site = new Site(path.join(folder, 'csv'));
  const csv = path.join(site.source, 'events.csv');
  const row =
    "range AS id, TIMESTAMP '2026-01-01 00:00:00' + to_seconds(range % 31000000) AS happened_at, " +
    "['search', 'view', 'cart', 'purchase', 'return'][1 + (range * 7 % 5)] AS kind, md5(range::VARCHAR)[1:22] AS session, " +
    "round((range * 31 % 100000) / 100, 2) AS amount, range % 7 = 0 AS returning, 'note number ' || (range % 1000) || ' of this row' AS note";
  await duck([`COPY (SELECT ${row} FROM range(${kRows})) TO '${csv}' (HEADER)`]);
  const bytes = statSync(csv).size;
  const target = path.join(folder, 'yardstick.parquet');
  const copy = async () => {
    const done = await duck([`COPY (SELECT * FROM read_csv('${csv}')) TO '${target}' (FORMAT parquet, COMPRESSION zstd)`], {
      settings: { threads: '2' },
    });
    rmSync(target);
    return done.ms[0];
  };
  await site.start();
  try {
    await site.signIn();
    const theirs = [await copy()];
    const ours = [];
    let peak = 0;
    for (let i = 0; i < 2; i++) {
      // A changed source, so that it is read again.
      await duck([`COPY (SELECT ${row} FROM range(${kRows})) TO '${csv}' (HEADER)`]);
      ours.push(
        await site.sync(() => {
          for (const pid of descendants(site.process.pid)) peak = Math.max(peak, peakMb(pid));
        }),
      );
      theirs.push(await copy());
    }
    const answer = await site.call('POST', '/api/query', { json: { sql: 'SELECT count(*) AS n FROM events' } });
    const wrong = answer.rows[0][0] === kRows ? 0 : 1;
    return [
      {
        what: `extract a CSV of 10 million rows, ${(bytes / 1e9).toFixed(2)} GB`,
        unit: 's',
        ours: median(ours) / 1000,
        yardstick: median(theirs) / 1000,
        against: "DuckDB's COPY",
        ratioAtMost: 1.2,
        errors: wrong,
      },
      { what: 'most memory of its worker process', unit: 'MB', ours: peak, limit: 1000 },
    ];
  } finally {
    await site.stop();
  }
}
