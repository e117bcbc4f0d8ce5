// A million rows out of BigQuery's pages of JSON into a Parquet file, beside fetching the same pages with curl.
import path from 'node:path';
import { field, startBigQuery } from '../../tests/fakes/bigquery.mjs';
import { Site } from '../site.mjs';
import { descendants, median, outputLater, peakMb } from '../tools.mjs';

const kRows = 1_000_000;
const kPage = 50_000;
const kSql = 'SELECT rows';

// Pages as BigQuery sends them: 10 MB or less each.
function pages() {
  const fields = [field('id', 'INTEGER'), field('happened_at', 'TIMESTAMP'), field('kind', 'STRING'), field('amount', 'NUMERIC'), field('note', 'STRING')];
  const out = [];
  for (let begin = 0; begin < kRows; begin += kPage) {
    const rows = Array.from({ length: kPage }, (_, i) => {
      const id = begin + i;
      return { f: [{ v: String(id) }, { v: String(1767225600000000 + id * 1000) }, { v: ['search', 'view', 'cart'][id % 3] }, { v: `${id % 1000}.${id % 100}` }, { v: `note number ${id % 1000} of this row` }] };
    });
    const more = begin + kPage < kRows ? { pageToken: String(out.length + 1) } : {};
    out.push(JSON.stringify({ kind: 'bigquery#getQueryResultsResponse', jobComplete: true, totalRows: String(kRows), schema: { fields }, rows, ...more }));
  }
  return out;
}

export async function materialize({ folder }) {
  const google = await startBigQuery();
  const sent = pages();
  google.queries.set(kSql, { fields: [], rows: [], pages: sent, bytes: 1 });
  const site = new Site(path.join(folder, 'bigquery'), '  bigquery:\n    project: example-project\n', google.env);
  await site.start();
  try {
    await site.signIn();
    await site.call('POST', '/api/admin/register-table', { json: { name: 'rows', source_type: 'bigquery', query_mode: 'materialized', source_query: kSql } });
    const ours = [];
    const theirs = [];
    let peak = 0;
    for (let i = 0; i < 3; i++) {
      const began = performance.now();
      await site.call('POST', '/api/sync/trigger', { json: ['rows'] });
      for (;;) {
        for (const pid of [site.process.pid, ...descendants(site.process.pid)]) peak = Math.max(peak, peakMb(pid));
        if (!(await site.call('GET', '/api/sync/status')).locked) break;
      }
      ours.push((performance.now() - began) / 1000);
      const [job] = google.jobs.keys();
      const [token] = google.tokens;
      const urls = sent.flatMap((_, n) => ['-o', '/dev/null', `${google.url}/bigquery/v2/projects/example-project/queries/${job}?location=US&pageToken=${n}`]);
      const before = performance.now();
      await outputLater('curl', ['-sS', '-H', `Authorization: Bearer ${token}`, ...urls]);
      theirs.push((performance.now() - before) / 1000);
    }
    const answer = await site.call('POST', '/api/query', { json: { sql: 'SELECT count(*), sum(id) FROM rows' } });
    const wrong = String(answer.rows[0]) === String([kRows, (kRows * (kRows - 1)) / 2]) ? 0 : 1;
    const mb = sent.reduce((sum, page) => sum + page.length, 0) / 1e6;
    return [
      { what: `a million rows of BigQuery, ${mb.toFixed(0)} MB of answers, into a table`, unit: 's', ours: median(ours), yardstick: median(theirs), against: 'curl, the same answers', errors: wrong },
      { what: 'most memory of one process meanwhile', unit: 'MB', ours: peak, limit: 1000 },
    ];
  } finally {
    await site.stop();
    await google.stop();
  }
}
