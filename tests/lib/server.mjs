// Starts agnes-server for a test: on a free port, with a data directory of its own and nothing of the caller's
// environment.
//
//   const server = await startServer();            // a fresh data directory, an admin: server.admin
//   const answer = await server.get('/api/users', { token: server.admin.token });
//   await server.stop();
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

export const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
export const bin = process.env.AGNES_BIN ?? path.join(root, 'build/bin');
export const adminEmail = 'admin@example.com';
export const adminPassword = 'admin-password-1';

// What every program of ours is started with: nothing of the caller's environment but how a sanitizer behaves.
const baseEnvironment = Object.fromEntries(['PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));

// A folder that is removed when the process ends.
const folders = [];
const servers = new Set();
process.on('exit', () => servers.forEach((child) => child.kill('SIGKILL')));
process.on('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'agnes-test-'));
  folders.push(folder);
  return folder;
}

// Unpacks a .tar.gz of a data directory and returns where.
export function unpack(archive) {
  const folder = temporaryFolder();
  execFileSync('tar', ['xf', archive, '-C', folder]);
  return folder;
}

// options: data (a data directory; made when missing), config (a config directory; made, too, unless `lost`), env (added to a small one), args,
// program (another one beside agnes-server), seed (false: no admin is seeded), limits (true: rate limits are on), signIn (false: admin.token is not there).
export async function startServer(options = {}) {
  const data = options.data ?? temporaryFolder();
  const config = options.config ?? path.join(data, 'config');
  if (!options.lost) mkdirSync(config, { recursive: true });
  const seed = options.seed !== false;
  const env = {
    ...baseEnvironment,
    JWT_SECRET_KEY: 'a-secret-for-tests-of-more-than-32-characters',
    ...(seed ? { SEED_ADMIN_EMAIL: adminEmail, SEED_ADMIN_PASSWORD: adminPassword } : {}),
    SCHEDULER_STARTUP_GRACE_SECONDS: '86400',  // nothing runs by itself in a test
    ...(options.limits ? {} : { AGNES_AUTH_RATELIMIT_ENABLED: '0' }),
    ...options.env,
  };
  const args = ['--host', '127.0.0.1', '--port', '0', '--data-dir', data, '--config-dir', config, ...(options.args ?? [])];
  const child = spawn(path.resolve(bin, options.program ?? 'agnes-server'), args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const server = new Server(child, data);
  await server.ready;
  // A test that fails leaves its server running: the test process does not wait for it, but kills it at its end.
  child.unref();
  child.stderr.unref();
  if (seed && options.signIn !== false) {
    const answer = await server.post('/auth/token', { email: adminEmail, password: adminPassword });
    if (answer.status !== 200) throw new Error(`the admin cannot sign in: ${answer.text}`);
    server.admin = { id: answer.json.user_id, email: adminEmail, token: answer.json.access_token };
  }
  return server;
}

class Server {
  log = '';
  admin = null;

  constructor(child, data) {
    this.child = child;
    servers.add(child);
    child.on('exit', () => servers.delete(child));
    this.data = data;
    this.ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    this.ready = new Promise((resolve, reject) => {
      child.stderr.on('data', (chunk) => {
        this.log += chunk;
        const found = /listening on http:\/\/[^ ]*:(\d+)/.exec(this.log);
        if (found) {
          this.port = Number(found[1]);
          this.url = `http://127.0.0.1:${this.port}`;
          resolve();
        }
      });
      child.on('error', reject);
      child.on('close', () => reject(new Error(`agnes-server ended at start: ${this.log}`)));
    });
    this.ready.catch(() => {});
  }

  // {status, headers, text, json, body}. `options`: token (a bearer), headers, json, form, body (raw).
  request(method, target, options = {}) {
    const headers = { ...(options.token ? { authorization: `Bearer ${options.token}` } : {}), ...options.headers };
    let body = options.body;
    if (options.json !== undefined) {
      body = JSON.stringify(options.json);
      headers['content-type'] ??= 'application/json';
    } else if (options.form !== undefined) {
      body = new URLSearchParams(options.form).toString();
      headers['content-type'] ??= 'application/x-www-form-urlencoded';
    }
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    return new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port: this.port, method, path: target, headers, agent: false }, (answer) => {
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString('utf8');
          let json;
          if (/\bjson/.test(answer.headers['content-type'] ?? '') && text) json = JSON.parse(text);
          resolve({ status: answer.statusCode, headers: answer.headers, body: bytes, text, json });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
  }
  get(target, options) {
    return this.request('GET', target, options);
  }
  post(target, json, options) {
    return this.request('POST', target, { json, ...options });
  }
  patch(target, json, options) {
    return this.request('PATCH', target, { json, ...options });
  }
  put(target, json, options) {
    return this.request('PUT', target, { json, ...options });
  }
  delete(target, options) {
    return this.request('DELETE', target, options);
  }

  // Waits until `probe` gives something true, and gives that. It is tried again after each answer of the server, so that a
  // slow machine has as many tries as a fast one, and a thing that never comes fails the test.
  async until(what, probe, tries = 20000) {
    for (let i = 0; i < tries; i += 1) {
      const found = await probe();
      if (found) return found;
      await this.get('/api/health');
    }
    throw new Error(`still not so after ${tries} tries: ${what}`);
  }
  // Waits for what the server says of itself: an event may be over before its line has come here.
  logged(pattern) {
    return this.until(`the log has ${pattern}`, () => pattern.test(this.log));
  }
  // The ids of its worker processes in a role ("query").
  workers(role) {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
      try {
        const [, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
        return Number(parent) === this.child.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').includes(`--role ${role} `);
      } catch {
        return false;  // it has ended meanwhile
      }
    });
  }

  // Kills those workers, or some of them, as a lack of memory does; returns their ids.
  killWorkers(role, which = () => true) {
    return this.workers(role).filter((pid) => {
      try {
        return which(pid) && process.kill(pid, 'SIGKILL');
      } catch {
        return false;
      }
    });
  }

  // As the admin: an account with a password that has signed in. {id, email, password, token}
  async addUser(email, { password = 'a-long-password-1', name = 'Some One' } = {}) {
    const asAdmin = { token: this.admin.token };
    const made = must(201, await this.post('/api/users', { email, name }, asAdmin));
    must(204, await this.post(`/api/users/${made.json.id}/set-password`, { password }, asAdmin));
    const signedIn = must(200, await this.post('/auth/token', { email, password }));
    return { id: made.json.id, email, password, token: signedIn.json.access_token };
  }

  // Ends it as an operator does, and checks that it ended well.
  async stop() {
    this.child.ref();
    this.child.kill('SIGTERM');
    const { code, signal } = await this.ended;
    // Its workers speak into the same log.
    const found = /(ERROR: \w+Sanitizer|runtime error:)/.exec(this.log);
    if (found) throw new Error(`a sanitizer complained: ${this.log.slice(found.index, found.index + 4000)}`);
    if (code !== 0) throw new Error(`agnes-server ended with ${signal ?? code}: ${this.log.slice(-2000)}`);
  }
  async kill() {
    this.child.ref();
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

// The answer, when it has the status.
export function must(status, answer) {
  if (answer.status !== status) throw new Error(`status ${answer.status} instead of ${status}: ${answer.text}`);
  return answer;
}

// Runs agnes-server until it ends: {status, stdout, stderr}.
export function runServer(args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(bin, 'agnes-server'), args, { env: { ...baseEnvironment, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

export const fileText = (file) => readFileSync(file, 'utf8');
