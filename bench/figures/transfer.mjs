// One gigabyte from the server to the client's machine, beside nginx with sendfile.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { Site } from '../site.mjs';
import { best, duck, nginx, outputLater } from '../tools.mjs';

// A source as a stranger's program leaves it: extracts/big with one table of random numbers in its own Parquet file.
async function bigExtract(site) {
  const folder = path.join(site.data, 'extracts/big');
  const file = path.join(folder, 'data/big.parquet');
  mkdirSync(path.dirname(file), { recursive: true });
  const columns = Array.from({ length: 13 }, (_, i) => `random() AS c${i}`).join(', ');
  await duck([`COPY (SELECT range AS id, ${columns} FROM range(9500000)) TO '${file}' (FORMAT parquet, COMPRESSION uncompressed)`], {
    settings: { memory_limit: '2GB' },
  });
  const size = statSync(file).size;
  await duck(
    [
      'CREATE TABLE _meta (table_name VARCHAR, description VARCHAR, "rows" BIGINT, size_bytes BIGINT, extracted_at TIMESTAMP, query_mode VARCHAR)',
      `INSERT INTO _meta VALUES ('big', 'random numbers', 9500000, ${size}, TIMESTAMP '2026-01-01 00:00:00', 'local')`,
      `CREATE VIEW big AS SELECT * FROM read_parquet('${file}')`,
    ],
    { db: path.join(folder, 'extract.duckdb') },
  );
  return { file, size };
}

const curl = (url, token) =>
  outputLater('curl', ['-fsS', '-o', '/dev/null', '-w', '%{time_total} %{size_download}', ...(token ? ['-H', `Authorization: Bearer ${token}`] : []), url]).then(
    (said) => said.split(' ').map(Number),
  );

export async function download({ folder }) {
  const site = new Site(path.join(folder, 'big'));
  const { file, size } = await bigExtract(site);
  await site.start();
  const other = await nginx(path.dirname(file), folder);
  try {
    await site.signIn();
    await site.sync();
    const ours = [];
    const theirs = [];
    for (let i = 0; i < 8; i++) {
      const mine = await curl(`${site.url}/api/data/big/download`, site.adminToken);
      const yard = await curl(`${other.url}/big.parquet`);
      if (mine[1] !== size || yard[1] !== size) throw new Error(`${size} bytes expected, ${mine[1]} and ${yard[1]} came`);
      // The first round warms the page cache.
      if (i > 0) ours.push(size / mine[0] / 1e6), theirs.push(size / yard[0] / 1e6);
    }
    return [
      {
        what: `download of ${(size / 1e9).toFixed(2)} GB Parquet, one client`,
        unit: 'MB/s',
        ours: best(ours),
        yardstick: best(theirs),
        against: 'nginx, same file',
        ratioAtLeast: 0.9,
      },
    ];
  } finally {
    await other.stop();
    await site.stop();
  }
}
