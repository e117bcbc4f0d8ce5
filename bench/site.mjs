// A server of ours with data of a known size, and its people: what the figures are measured on.
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { bin, descendants, freePort, pssMb, sleep, start, stopProcess } from './tools.mjs';

export const kAdmin = { email: 'admin@example.com', password: 'bench-admin-password' };

// One HTTP request on the loopback interface; { status, headers, body (Buffer), json() }.
export function request(url, { method = 'GET', token, json, headers = {}, agent } = {}) {
  return new Promise((resolve, reject) => {
    const body = json === undefined ? undefined : JSON.stringify(json);
    const sent = http.request(url, {
      method,
      agent,
      headers: {
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
        ...(body ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } : {}),
        ...headers,
      },
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      const parts = [];
      answer.on('data', (d) => parts.push(d));
      answer.on('error', reject);
      answer.on('end', () => {
        const all = Buffer.concat(parts);
        resolve({ status: answer.statusCode, headers: answer.headers, body: all, json: () => JSON.parse(all.toString('utf8')) });
      });
    });
    sent.end(body);
  });
}

export class Site {
  constructor(folder, settings, env = {}) {
    this.folder = folder;
    this.env = env;
    this.data = path.join(folder, 'data');
    this.config = path.join(folder, 'config');
    this.source = path.join(folder, 'source');
    for (const f of [this.data, this.config, this.source]) mkdirSync(f, { recursive: true });
    writeFileSync(
      path.join(this.config, 'instance.yaml'),
      `data_source:\n  type: local\n  files:\n    path: ${this.source}\n${settings ?? ''}`,
    );
  }

  // Starts the server; answers the ms from exec to the first 200 on /api/health.
  async start() {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const log = openSync(path.join(this.folder, 'server.log'), 'a');
    const began = performance.now();
    this.process = start(
      bin('agnes-server'),
      ['--host', '127.0.0.1', '--port', String(this.port), '--data-dir', this.data, '--config-dir', this.config],
      {
        stdio: ['ignore', log, log],
        env: {
          ...process.env,
          SEED_ADMIN_EMAIL: kAdmin.email,
          SEED_ADMIN_PASSWORD: kAdmin.password,
          AGNES_AUTH_RATELIMIT_ENABLED: '0',
          LOG_LEVEL: 'warning',
          ...this.env,
        },
      },
    );
    for (;;) {
      if (this.process.exitCode !== null) throw new Error(`the server ended: ${this.log()}`);
      const answer = await request(`${this.url}/api/health`).catch(() => null);
      if (answer?.status === 200) return performance.now() - began;
      if (performance.now() - began > 60000) throw new Error(`the server did not answer within 60 s: ${this.log()}`);
      await sleep(1);
    }
  }

  stop() {
    return this.process ? stopProcess(this.process) : undefined;
  }

  log() {
    return readFileSync(path.join(this.folder, 'server.log'), 'utf8').slice(-800);
  }

  // The server's process and those that it started.
  processes() {
    return [this.process.pid, ...descendants(this.process.pid)];
  }
  pssMb() {
    return pssMb(this.processes());
  }

  async call(method, where, { token = this.adminToken, json, expect } = {}) {
    const answer = await request(this.url + where, { method, token, json });
    const good = expect ? answer.status === expect : answer.status < 300;
    if (!good) throw new Error(`${method} ${where} answered ${answer.status}: ${answer.body.toString().slice(0, 300)}`);
    return answer.body.length && String(answer.headers['content-type']).includes('json') ? answer.json() : null;
  }

  async signIn({ email, password } = kAdmin) {
    const answer = await this.call('POST', '/auth/token', { token: undefined, json: { email, password } });
    if (email === kAdmin.email) this.adminToken = answer.access_token;
    return answer.access_token;
  }

  // Extracts and rebuilds; answers the ms until it has ended.
  async sync(onWait = () => {}) {
    const began = performance.now();
    await this.call('POST', '/api/sync/trigger');
    while ((await this.call('GET', '/api/sync/status')).locked) {
      onWait();
      await sleep(10);
      if (performance.now() - began > 600000) throw new Error(`the sync did not end within 10 minutes: ${this.log()}`);
    }
    return performance.now() - began;
  }

  // A new group and an account in it that may read `tables`; answers a session token. `also` are more groups' ids.
  async person(name, tables, also = []) {
    const email = `${name}@example.com`;
    const password = `bench-${name}-password`;
    const user = await this.call('POST', '/api/users', { json: { email, name, password } });
    await this.call('POST', `/api/users/${user.id}/set-password`, { json: { password } });
    const group = await this.call('POST', '/api/admin/groups', { json: { name: `${name}-group` } });
    for (const id of [group.id, ...also]) await this.call('POST', `/api/admin/groups/${id}/members`, { json: { email } });
    for (const table of tables)
      await this.call('POST', '/api/admin/grants', { json: { group_id: group.id, resource_type: 'table', resource_id: table } });
    return { email, group: group.id, token: await this.signIn({ email, password }) };
  }
}

export const tableName = (i) => `t${String(i).padStart(4, '0')}`;

// A site with `count` small tables extracted and one person, `analyst`, who may read the first 1,000.
export async function thousandTables(folder, count = 1010, settings) {
  const site = new Site(folder, settings);
  for (let t = 1; t <= count; t++) {
    let text = 'id,name,amount,day\n';
    for (let r = 0; r < 100; r++) text += `${r},row ${r} of ${t},${(r * t) % 997}.25,2026-01-${String((r % 28) + 1).padStart(2, '0')}\n`;
    writeFileSync(path.join(site.source, `${tableName(t)}.csv`), text);
  }
  await site.start();
  await site.signIn();
  site.firstSyncMs = await site.sync();
  site.tables = Array.from({ length: 1000 }, (_, i) => tableName(i + 1));
  site.analyst = await site.person('analyst', site.tables);
  return site;
}
