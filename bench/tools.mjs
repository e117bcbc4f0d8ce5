// The measuring tools, each as one function: hyperfine, wrk, curl, nginx, libduckdb alone.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '..');
export const bin = (name) => path.join(process.env.AGNES_BIN ?? path.join(root, 'build/bin'), name);

// What is still running when this process ends goes with it.
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
export function start(program, args, options) {
  const child = spawn(program, args, options);
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))];
}
// Of several runs the one that the rest of the machine disturbed least.
export const best = (values) => Math.max(...values);
export const median = (values) => percentile(values, 50);

// A program's output; throws with its stderr when it fails.
export function output(program, args, options = {}) {
  const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${path.basename(program)} ended with ${done.status}: ${(done.stderr || done.stdout).slice(-600)}`);
  return done.stdout;
}

// The same without blocking this process.
export function outputLater(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = start(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let text = '';
    let errors = '';
    child.stdout.on('data', (d) => (text += d));
    child.stderr.on('data', (d) => (errors += d));
    child.on('error', reject);
    child.on('close', (status) => (status === 0 ? resolve(text) : reject(new Error(`${path.basename(program)} ended with ${status}: ${(errors || text).slice(-600)}`))));
  });
}

// Wall times in ms of each command line, all in one hyperfine run without a shell.
export function hyperfine(commands, { runs, warmup = 5, env = {}, cwd, folder }) {
  const file = path.join(folder, 'hyperfine.json');
  const args = ['-N', '--style', 'none', '--warmup', String(warmup), '--runs', String(runs), '--export-json', file];
  output('hyperfine', [...args, ...commands], { cwd, env: { ...process.env, ...env } });
  return JSON.parse(readFileSync(file, 'utf8')).results.map((r) => r.times.map((t) => t * 1000));
}

const wrkScript = `
local method, body = os.getenv("WRK_METHOD") or "GET", os.getenv("WRK_BODY")
local pause = tonumber(os.getenv("WRK_PAUSE") or "0")
wrk.method = method
if body and body ~= "" then wrk.body = body; wrk.headers["Content-Type"] = "application/json" end
for line in (os.getenv("WRK_HEADERS") or ""):gmatch("[^\\n]+") do
  local name, value = line:match("^([^:]+): (.*)$")
  wrk.headers[name] = value
end
if pause > 0 then
  -- Spread evenly around the pause, so that connections do not march in step.
  function delay() return math.floor(pause * (0.5 + math.random())) end
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\nJSON {"requests":%d,"seconds":%f,"bytes":%d,"p50":%f,"p99":%f,"max":%f,"errors":%d}\\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
`;

// Load on one URL for some seconds. pauseMs: mean pause of each connection between requests (a rate, not a race).
// Answers requests, perSecond, p50, p99, max (ms), errors.
export async function wrk(url, { seconds = 3, connections = 1, threads = 1, method = 'GET', body = '', headers = {}, pauseMs = 0, folder }) {
  const script = path.join(folder, 'load.lua');
  if (!existsSync(script)) writeFileSync(script, wrkScript);
  const env = {
    ...process.env,
    WRK_METHOD: method,
    WRK_BODY: body,
    WRK_PAUSE: String(pauseMs),
    WRK_HEADERS: Object.entries(headers).map(([k, v]) => `${k}: ${v}`).join('\n'),
  };
  const text = await outputLater('wrk', ['-t', String(threads), '-c', String(connections), '-d', `${seconds}s`, '-s', script, url], { env });
  const found = /JSON (\{.*\})/.exec(text);
  if (!found) throw new Error(`wrk said: ${text}`);
  const result = JSON.parse(found[1]);
  return { ...result, perSecond: result.requests / result.seconds };
}

// SQL in libduckdb alone: times of the last statement in ms, peak memory, rows. fetch: its rows are fetched, not looked at.
export async function duck(statements, { db, settings = {}, repeat = 1, rows = false, fetch = false } = {}) {
  const args = [];
  if (db) args.push('--db', db);
  for (const [name, value] of Object.entries(settings)) args.push('--set', `${name}=${value}`);
  if (repeat > 1) args.push('--repeat', String(repeat));
  if (rows) args.push('--rows');
  if (fetch) args.push('--fetch');
  return JSON.parse(await outputLater(bin('bench_duck'), [...args, ...statements]));
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// nginx on a free loopback port serving `folder` with sendfile; { url, stop }.
export async function nginx(folder, workFolder) {
  const port = await freePort();
  const home = path.join(workFolder, 'nginx');
  mkdirSync(home, { recursive: true });
  const conf = path.join(home, 'nginx.conf');
  const as = process.getuid() === 0 ? 'user root;' : '';
  writeFileSync(conf, `${as} daemon off; pid ${home}/pid; error_log ${home}/error.log; worker_processes 2;
events { worker_connections 256; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path ${home}/b; proxy_temp_path ${home}/p;
fastcgi_temp_path ${home}/f; uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s;
server { listen 127.0.0.1:${port}; root ${folder}; } }
`);
  const own = path.join(root, 'build/nginx/usr/sbin/nginx');
  const child = start(existsSync(own) ? own : 'nginx', ['-e', `${home}/error.log`, '-c', conf], { stdio: 'ignore' });
  for (let i = 0; i < 100 && !(await listens(port)); i++) await sleep(50);
  return { url: `http://127.0.0.1:${port}`, stop: () => stopProcess(child) };
}

export function listens(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => (socket.destroy(), resolve(true)));
    socket.on('error', () => resolve(false));
  });
}

export function stopProcess(child, signal = 'SIGTERM') {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
    child.on('exit', () => (clearTimeout(timer), resolve()));
    child.kill(signal);
  });
}

// Proportional set size in MB of these processes together.
export function pssMb(pids) {
  let kb = 0;
  for (const pid of pids) {
    try {
      kb += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return kb / 1024;
}

// Most memory that a process has held, in MB; 0 when it has ended.
export function peakMb(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export function descendants(pid) {
  const found = [];
  let children = '';
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        children += readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8');
      } catch {
        // That thread has ended.
      }
    }
  } catch {
    return found;
  }
  for (const child of children.trim().split(/\s+/).filter(Boolean)) found.push(Number(child), ...descendants(Number(child)));
  return found;
}
