// Runs the figures one after the other, prints each as it comes, and writes them as JSON. See script/bench.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { attack } from './figures/attack.mjs';
import { rebuild_one } from './figures/build.mjs';
import { pull, version } from './figures/cli.mjs';
import { extract } from './figures/extract.mjs';
import { files } from './figures/files.mjs';
import { materialize } from './figures/materialize.mjs';
import { many, profile, schedules, unchanged } from './figures/plane.mjs';
import { crowd, first, runaway, small } from './figures/query.mjs';
import { scan } from './figures/scan.mjs';
import { connections, manifest, memory, rebuild, start } from './figures/server.mjs';
import { sign_in } from './figures/sign_in.mjs';
import { converge, replay } from './figures/switch.mjs';
import { download } from './figures/transfer.mjs';
import { thousandTables } from './site.mjs';
import { root } from './tools.mjs';

const kQueryLimitSeconds = 4;
const kGroups = { version, start, converge, memory, pull, manifest, small, first, runaway, crowd, attack, rebuild, unchanged, connections, 'sign-in': sign_in, many, schedules, profile, download, scan, extract, files, materialize, replay, 'rebuild-one': rebuild_one };

function parseArguments(argv) {
  const out = { only: [], json: null, list: false };
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--json') out.json = argv[++i];
    else if (argv[i] === '--only') out.only.push(...argv[++i].split(','));
    else if (argv[i] === '--list') out.list = true;
    else fail(`unknown option ${argv[i]} (see --help)`);
  }
  for (const name of out.only) if (!kGroups[name]) fail(`no group ${name}: ${Object.keys(kGroups).join(', ')}`);
  return out;
}

function fail(text) {
  console.error(`bench: ${text}`);
  process.exit(2);
}

// Adds to a figure what was asked of it, in words, and whether it holds.
export function judge(row) {
  const { ours, yardstick } = row;
  const checks = [];
  if (row.limit !== undefined) checks.push([`at most ${row.limit} ${row.unit}`, ours <= row.limit]);
  if (row.atLeast !== undefined) checks.push([`at least ${row.atLeast} ${row.unit}`, ours >= row.atLeast]);
  if (row.ratioAtMost !== undefined) checks.push([`at most ${row.ratioAtMost} times`, ours <= yardstick * row.ratioAtMost]);
  if (row.ratioAtLeast !== undefined) checks.push([`at least ${row.ratioAtLeast} times`, ours >= yardstick * row.ratioAtLeast]);
  if (row.atMostMore !== undefined) checks.push([`at most ${row.atMostMore} ${row.unit} more`, ours - yardstick <= row.atMostMore]);
  if (row.within !== undefined)
    checks.push([`unchanged (${row.within.times} times + ${row.within.plus} ${row.unit})`, ours <= yardstick * row.within.times + row.within.plus]);
  const asked = checks.map(([text]) => text).join(', ') + (row.errors === undefined ? '' : ', no errors');
  return { ...row, asked, ok: checks.every(([, holds]) => holds) && !row.errors };
}

const digits = (v) => (v === undefined ? '' : v >= 1000 ? Math.round(v).toLocaleString('en') : v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2));

function print(row) {
  const ratio = row.yardstick ? (row.ours / row.yardstick).toFixed(2) : '';
  const cells = [
    row.what.padEnd(62),
    `${digits(row.ours)} ${row.unit}`.padStart(18),
    digits(row.yardstick).padStart(9),
    ratio.padStart(7),
    `  ${row.ok ? 'ok  ' : 'MISS'}`,
    row.asked + (row.errors ? ` (${row.errors} errors)` : '') + (row.against ? `; against ${row.against}` : ''),
  ];
  console.log(cells.join(' '));
}

function machine() {
  const memory = Math.round(os.totalmem() / 2 ** 30);
  const cpu = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? os.arch();
  const system = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  return { cpu, cores: os.cpus().length, memory_gb: memory, system, kernel: os.release() };
}

// What was taken before, with the rows of the groups that were measured again in place of theirs; these say at which commit.
function withGroups(before, taken) {
  const results = Object.keys(kGroups).flatMap((group) => {
    const again = taken.results.filter((row) => row.group === group);
    return again.length ? again.map((row) => ({ ...row, commit: taken.commit })) : before.results.filter((row) => row.group === group);
  });
  return { ...before, results };
}

const options = parseArguments(process.argv.slice(2));
if (options.list) {
  console.log(Object.keys(kGroups).join('\n'));
  process.exit(0);
}
// On the disk that the build is on: a temporary folder in memory would measure something else.
const folder = mkdtempSync(path.join(process.env.TMPDIR ?? path.join(root, 'build'), 'bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

let opened = null;
const site = () =>
  (opened ??= thousandTables(path.join(folder, 'thousand'), 1010, `query:\n  timeout_seconds: ${kQueryLimitSeconds}\n`).then((s) => {
    s.queryLimit = kQueryLimitSeconds;
    return s;
  }));

const results = [];
const where = machine();
console.log(`${where.cores} cores of ${where.cpu}, ${where.memory_gb} GB, ${where.system}, Linux ${where.kernel}\n`);
console.log(`${'what'.padEnd(62)} ${'ours'.padStart(18)} ${'yardstick'.padStart(9)} ${'ratio'.padStart(7)}   ok?  asked for`);
for (const [name, run] of Object.entries(kGroups)) {
  if (options.only.length && !options.only.includes(name)) continue;
  try {
    for (const row of (await run({ folder, site })).map(judge)) {
      print(row);
      results.push({ group: name, ...row });
    }
  } catch (error) {
    console.log(`${name.padEnd(62)} ${'failed'.padStart(18)} ${''.padStart(20)}MISS ${error.message}`);
    results.push({ group: name, what: name, ok: false, error: error.message });
  }
}
await opened?.then((s) => s.stop()).catch(() => {});
const held = results.filter((r) => r.ok).length;
console.log(`\n${held} of ${results.length} figures hold.`);
if (options.json) {
  const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const taken = { taken_at: new Date().toISOString(), commit, machine: where, results };
  const merged = options.only.length && existsSync(options.json) ? withGroups(JSON.parse(readFileSync(options.json, 'utf8')), taken) : taken;
  writeFileSync(options.json, JSON.stringify(merged, null, 2) + '\n');
}
process.exit(held === results.length ? 0 : 1);
