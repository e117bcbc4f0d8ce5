// What a developer waits for after a change of one source.
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { outputLater, root } from '../tools.mjs';

// The sources that took longest in the last builds, by ninja's log.
function slowest(count) {
  const took = new Map();
  for (const line of readFileSync(path.join(root, 'build/.ninja_log'), 'utf8').split('\n')) {
    const [from, to, , target] = line.split('\t');
    const source = /^src\/CMakeFiles\/agnes_\w+\.dir\/(.+\.cpp)\.o$/.exec(target ?? '')?.[1];
    if (source && existsSync(path.join(root, 'src', source))) took.set(source, to - from);
  }
  return [...took].sort((a, b) => b[1] - a[1]).slice(0, count).map(([source]) => source);
}

export async function rebuild_one() {
  const rows = [];
  for (const source of slowest(3)) {
    const now = new Date();
    utimesSync(path.join(root, 'src', source), now, now);
    const began = performance.now();
    await outputLater('ninja', ['-C', path.join(root, 'build'), 'agnes', 'agnes-server'], { env: { ...process.env, CCACHE_DISABLE: '1' } });
    rows.push({ what: `build after touching ${source}`, unit: 's', ours: (performance.now() - began) / 1000, limit: 20 });
  }
  return rows;
}
