// The parts of docs/ that follow from the program: the settings as the server lists them, the routes from the
// server's own OpenAPI document, the figures from the last measurement. script/docs writes them; tests/docs compares them.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '..');
const read = (name) => readFileSync(path.join(root, name), 'utf8');

const binaries = (bin = process.env.AGNES_BIN ?? path.join(root, 'build/bin')) => bin;

// Every setting, as the server itself lists them.
export function settings(bin = binaries()) {
  return JSON.parse(execFileSync(path.join(bin, 'agnes-server'), ['settings', '--json'], { encoding: 'utf8', env: { PATH: process.env.PATH } }));
}

const code = (text) => (text ? `\`${text}\`` : '');
const bar = (text) => text.replaceAll('|', '\\|');

const number = (n) => (Number.isInteger(n) && Math.abs(n) >= 1e6 ? n.toLocaleString('en').replaceAll(',', '_') : String(n));
const range = ({ ge, le }) => (ge === null ? `up to ${number(le)}` : le === null ? `from ${number(ge)}` : `${number(ge)} to ${number(le)}`);
const default_ = (s) => (s.same_as ? `= ${s.same_as}` : s.default === null ? '' : typeof s.default === 'string' ? s.default : JSON.stringify(s.default));

export function settingsTables() {
  const { settings: all, unbuilt } = settings();
  const lines = [];
  const byPart = new Map();
  for (const s of all.filter((s) => s.path !== null)) {
    const part = s.path.split('.')[0];
    byPart.set(part, [...(byPart.get(part) ?? []), s]);
  }
  const limited = (s) => (s.one_of.length > 0 ? s.one_of.map(code).join(', ') : s.ge !== null || s.le !== null ? `${s.type}, ${range(s)}` : s.type);
  for (const [part, of] of [...byPart].sort(([a], [b]) => a.localeCompare(b))) {
    lines.push('', `### ${part}`, '', '| setting | kind | default | environment | what it does |', '|---|---|---|---|---|');
    for (const s of of)
      lines.push(`| ${code(s.name)} | ${limited(s)} | ${code(default_(s))} | ${code(s.variable)} | ${bar(s.help)}${s.secret ? ' (secret)' : ''} |`);
  }
  lines.push('', '## Environment variables that are not settings of the file', '', '| variable | kind | default | what it does |', '|---|---|---|---|');
  for (const s of all.filter((s) => s.path === null))
    lines.push(`| ${code(s.name)} | ${limited(s)} | ${code(default_(s))} | ${bar(s.help)}${s.secret ? ' (secret)' : ''} |`);
  lines.push('', '## Settings that do nothing here', '');
  lines.push('They are of features that this server does not have, or kept so that an existing `instance.yaml` keeps working. What is');
  lines.push('set of them is named once in the log at the start:');
  lines.push(`${unbuilt.settings.map(code).join(', ')}.`, '');
  lines.push('The same for these variables of the Python server:');
  lines.push(`${unbuilt.variables.map(code).join(', ')}.`);
  return lines.join('\n').trim();
}

const get = (url) =>
  new Promise((resolve, reject) => {
    http.get(url, (answer) => {
      const parts = [];
      answer.on('data', (d) => parts.push(d));
      answer.on('end', () => resolve({ status: answer.statusCode, text: Buffer.concat(parts).toString('utf8') }));
    }).on('error', reject);
  });

// The OpenAPI document of a server started for this, on an empty data directory.
export async function openapi(bin = binaries()) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'agnes-docs-'));
  const port = await new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
  const server = spawn(
    path.join(bin, 'agnes-server'),
    ['--host', '127.0.0.1', '--port', String(port), '--data-dir', path.join(folder, 'data'), '--config-dir', path.join(folder, 'config')],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH, TESTING: '1' } },
  );
  let said = '';
  server.stderr.on('data', (d) => (said += d));
  let over = false;
  const ended = new Promise((resolve) => server.on('exit', resolve).on('error', (e) => resolve((said += e.message))));
  ended.then(() => (over = true));
  try {
    for (;;) {
      const answer = await get(`http://127.0.0.1:${port}/openapi.json`).catch(() => null);
      if (answer?.status === 200) return JSON.parse(answer.text);
      if (over) throw new Error(`the server ended: ${said.slice(-400)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    server.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

const kMethods = ['get', 'post', 'put', 'patch', 'delete'];

export function routeTables(document) {
  const byTag = new Map();
  for (const [where, item] of Object.entries(document.paths))
    for (const method of kMethods.filter((m) => item[m])) {
      const operation = item[method];
      const tag = operation.tags?.[0] ?? 'other';
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push({ method: method.toUpperCase(), where, operation });
    }
  const lines = [];
  for (const [tag, routes] of [...byTag].sort(([a], [b]) => a.localeCompare(b))) {
    lines.push(`### ${tag}`, '', '| route | for | what it does |', '|---|---|---|');
    for (const { method, where, operation } of routes)
      lines.push(`| \`${method} ${where}\` | ${operation['x-auth'] ?? ''} | ${bar(operation.summary ?? '')} |`);
    lines.push('');
  }
  return lines.join('\n').trim();
}

const shown = (value, unit) => (value === undefined ? '' : `${value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)} ${unit}`);

// The figures of the last `script/bench --json docs/performance.json`.
export function figures() {
  const { taken_at, commit, machine, results } = JSON.parse(read('docs/performance.json'));
  const lines = [
    `Taken ${taken_at.slice(0, 10)} at ${commit} on ${machine.cores} cores of ${machine.cpu}, ${machine.memory_gb} GB, ` +
      `${machine.system}, Linux ${machine.kernel}; client, load and server share the cores.`,
    '',
    '| figure | measured | yardstick | asked for | holds |',
    '|---|---|---|---|---|',
  ];
  for (const row of results) {
    const against = row.yardstick === undefined ? '' : `${shown(row.yardstick, row.unit)} (${row.against})`;
    lines.push(`| ${bar(row.what)}${row.commit ? ` (at ${row.commit})` : ''} | ${row.error ? bar(row.error) : shown(row.ours, row.unit)} | ${against} | ${row.asked ?? ''} | ${row.ok ? 'yes' : 'no'} |`);
  }
  return lines.join('\n');
}

const marks = (name) => [`<!-- ${name}: written by script/docs -->`, `<!-- end of ${name} -->`];

export function withPart(text, name, part) {
  const [from, to] = marks(name);
  const start = text.indexOf(from);
  const end = text.indexOf(to);
  if (start < 0 || end < start) throw new Error(`the marks of "${name}" are missing`);
  return `${text.slice(0, start + from.length)}\n\n${part}\n\n${text.slice(end)}`;
}

export const kParts = [
  { file: 'docs/configuration.md', name: 'settings', make: async () => settingsTables() },
  { file: 'docs/performance.md', name: 'figures', make: async () => figures() },
  { file: 'docs/http-api.md', name: 'routes', make: async () => routeTables(await openapi()) },
];

if (process.argv[1] && path.resolve(process.argv[1]) === path.join(root, 'script/docs.mjs')) {
  for (const { file, name, make } of kParts) writeFileSync(path.join(root, file), withPart(read(file), name, await make()));
}
