// Coming from the Python server: the largest recorded state database of an older version opened, and all recorded requests
// asked again.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Site } from '../site.mjs';
import { median, outputLater, root } from '../tools.mjs';

const kNewest = 40;
const kStarts = 5;

function largestOlder() {
  const folder = path.join(root, 'tests/golden/schema');
  const all = readdirSync(folder).flatMap((name) => {
    const version = Number(/^v(\d+)\.duckdb\.gz$/.exec(name)?.[1] ?? kNewest);
    return version < kNewest ? [{ version, bytes: gunzipSync(readFileSync(path.join(folder, name))) }] : [];
  });
  return all.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a));
}

export async function converge({ folder }) {
  const { version, bytes } = largestOlder();
  const took = [];
  for (let i = 0; i < kStarts; i++) {
    const site = new Site(path.join(folder, `switch-${i}`));
    mkdirSync(path.join(site.data, 'state'));
    writeFileSync(path.join(site.data, 'state/system.duckdb'), bytes);
    took.push(await site.start());
    await site.stop();
  }
  return [
    {
      what: `start with a state database of version ${version}, ${(bytes.length / 1e6).toFixed(0)} MB, brought to ${kNewest}`,
      unit: 'ms',
      ours: median(took),
      limit: 500,
    },
  ];
}

export async function replay() {
  const began = performance.now();
  const file = path.join(root, 'tests/api/replay.test.mjs');
  const errors = await outputLater(process.execPath, ['--test', file]).then(() => 0, () => 1);
  return [{ what: 'all recorded requests asked again, starts included', unit: 's', ours: (performance.now() - began) / 1000, limit: 60, errors }];
}
