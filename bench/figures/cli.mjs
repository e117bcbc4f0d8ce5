// What an analyst waits for: the program's start, a pull with nothing to do.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { bin, hyperfine, median, output } from '../tools.mjs';

export async function version({ folder }) {
  const [ours, nothing] = hyperfine([`${bin('agnes')} --version`, '/bin/true'], { runs: 200, warmup: 20, folder });
  return [{ what: 'agnes --version', unit: 'ms', ours: median(ours), yardstick: median(nothing), against: '/bin/true', limit: 10 }];
}

export async function pull({ folder, site }) {
  const { url, analyst } = await site();
  const workspace = path.join(folder, 'workspace');
  mkdirSync(workspace);
  const env = { HOME: folder, AGNES_CONFIG_DIR: path.join(folder, 'agnes-config'), AGNES_NO_UPDATE_CHECK: '1' };
  output(bin('agnes'), ['init', '--server-url', url, '--token', analyst.token], { cwd: workspace, env: { ...process.env, ...env } });
  output(bin('agnes'), ['pull', '--quiet'], { cwd: workspace, env: { ...process.env, ...env } });
  const curl = `curl -s -o /dev/null -H 'Authorization: Bearer ${analyst.token}' ${url}/api/sync/manifest`;
  const [ours, theirs] = hyperfine([`${bin('agnes')} pull --quiet`, curl], { runs: 60, env, cwd: workspace, folder });
  return [
    {
      what: 'agnes pull, nothing changed, 1,000 tables',
      unit: 'ms',
      ours: median(ours),
      yardstick: median(theirs),
      against: 'curl, same manifest',
      ratioAtMost: 3,
    },
  ];
}
