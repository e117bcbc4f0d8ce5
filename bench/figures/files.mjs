// Files of other shapes than the large one of extract.mjs: wide tables, and a folder of many small ones.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Site, tableName } from '../site.mjs';
import { descendants, peakMb } from '../tools.mjs';

const kSmall = 2000;
// columns, rows, most seconds
const kWide = [[3000, 3, 1], [10_000, 3, 4], [10_000, 300, undefined]];

// The values of a column are all the same: only then does DuckDB keep a dictionary of each.
const wide = (columns, rows) => {
  const line = (value) => Array.from({ length: columns }, (_, c) => value(c)).join(',') + '\n';
  return line((c) => `column_${c}`) + line((c) => `text of ${c}`).repeat(rows);
};

async function onSite(folder, measure) {
  const site = new Site(folder);
  await site.start();
  try {
    await site.signIn();
    return await measure(site);
  } finally {
    await site.stop();
  }
}

export async function files({ folder }) {
  const out = [];
  for (const [columns, rows, limit] of kWide)
    await onSite(path.join(folder, `wide-${columns}-${rows}`), async (site) => {
      await site.sync();
      writeFileSync(path.join(site.source, 'wide.csv'), wide(columns, rows));
      let peak = 0;
      const ms = await site.sync(() => {
        for (const pid of descendants(site.process.pid)) peak = Math.max(peak, peakMb(pid));
      });
      const last = (await site.call('POST', '/api/query', { json: { sql: `SELECT column_${columns - 1} FROM wide ORDER BY 1 LIMIT 1` } })).rows[0][0];
      const what = `sync of a CSV of ${rows} rows and ${columns.toLocaleString('en')} columns of text`;
      out.push({ what, unit: 's', ours: ms / 1000, limit, errors: last === `text of ${columns - 1}` ? 0 : 1 }, { what: 'most memory of its worker process', unit: 'MB', ours: peak });
    });
  await onSite(path.join(folder, 'small'), async (site) => {
    mkdirSync(site.source, { recursive: true });
    for (let t = 0; t < kSmall; t++) {
      let text = 'id,name,amount,day\n';
      for (let r = 0; r < 100; r++) text += `${r},row ${r} of ${t},${(r * t) % 997}.25,2026-01-${String((r % 28) + 1).padStart(2, '0')}\n`;
      writeFileSync(path.join(site.source, `${tableName(t)}.csv`), text);
    }
    const first = await site.sync();
    const again = await site.sync();
    const there = Object.keys((await site.call('GET', '/api/sync/manifest')).tables).length;
    out.push(
      { what: `first sync of ${kSmall.toLocaleString('en')} small files`, unit: 's', ours: first / 1000, limit: 30, errors: kSmall - there },
      { what: 'the same again, unchanged', unit: 's', ours: again / 1000, limit: 1 },
    );
  });
  return out;
}
