// What the Python client (0.53.1 and before) relies on: the requests are as it sends them, and each test asserts what
// its code needs from the answer. It follows no redirects, sends no conditions and compares names in JSON exactly.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { must } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const sentByAll = { accept: '*/*', 'accept-encoding': 'gzip, deflate', 'user-agent': 'agnes/0.53.1 (linux)' };
let site, ana, agent;

before(async () => {
  const lines = Array.from({ length: 20000 }, (_, n) => `${n},${(n * 7919) % 10007}.5,c${n % 97}`);
  site = await startSite({
    'orders.csv': `id,total,customer\n${lines.join('\n')}\n`,
    'people.csv': 'name,age\nAda,36\n',
    'salaries.csv': 'name,pay\nAda,1\n',
  });
  await site.sync();
  ana = await site.analyst('ana@example.com', ['orders', 'people']);
  agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
});
after(async () => {
  agent.destroy();
  await site.stop();
});

// One request over the pool of connections, with the body as it came. `connection` tells which one carried it.
function send(method, path, { token = ana.token, headers = {}, json, through = agent } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const all = { ...sentByAll, ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers };
  if (body !== undefined) Object.assign(all, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: site.port, method, path, headers: all, agent: through }, (answer) => {
      const { localPort } = answer.socket;
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const raw = Buffer.concat(chunks);
        const text = () => (answer.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
        resolve({ status: answer.statusCode, headers: answer.headers, raw, json: () => JSON.parse(text()), text: text(), connection: localPort });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');
const download = (table) => `/api/data/${table}/download`;

test('HEAD tells the size of the file and that parts of it can be had', async () => {
  const { tables } = must(200, await send('GET', '/api/sync/manifest')).json();
  const probe = must(200, await send('HEAD', download('orders')));
  assert.equal(Number(probe.headers['content-length']), tables.orders.size_bytes);
  assert.equal(probe.headers['accept-ranges'], 'bytes');
  assert.equal(probe.headers['content-encoding'], undefined);
  assert.equal(probe.raw.length, 0);
});

test('the first byte tells the size when a proxy stops HEAD', async () => {
  const { tables } = must(200, await send('GET', '/api/sync/manifest')).json();
  const probe = must(206, await send('GET', download('orders'), { headers: { range: 'bytes=0-0' } }));
  assert.equal(probe.headers['content-range'], `bytes 0-0/${tables.orders.size_bytes}`);
  assert.equal(probe.raw.length, 1);
});

for (const parts of [2, 4, 16]) {
  test(`${parts} parts at once are the file`, async () => {
    const { hash, size_bytes: size } = must(200, await send('GET', '/api/sync/manifest')).json().tables.orders;
    const each = Math.floor(size / parts);
    const ranges = Array.from({ length: parts }, (_, i) => [i * each, i < parts - 1 ? (i + 1) * each - 1 : size - 1]);
    const answers = await Promise.all(
      ranges.map(([first, last]) => send('GET', download('orders'), { headers: { range: `bytes=${first}-${last}` } })),
    );
    answers.forEach((answer, i) => {
      must(206, answer);
      assert.equal(answer.headers['content-range'], `bytes ${ranges[i][0]}-${ranges[i][1]}/${size}`);
      assert.equal(answer.headers['content-encoding'], undefined);
      assert.equal(Number(answer.headers['content-length']), answer.raw.length);
    });
    assert.equal(md5(Buffer.concat(answers.map((answer) => answer.raw))), hash);
  });
}

test('without a range the whole file comes as it is, whatever encodings are accepted', async () => {
  const { tables } = must(200, await send('GET', '/api/sync/manifest')).json();
  for (const [table, { hash, size_bytes: size }] of Object.entries(tables)) {
    const file = must(200, await send('GET', download(table)));
    assert.equal(file.headers['content-encoding'], undefined);
    assert.equal(Number(file.headers['content-length']), size);
    assert.equal(md5(file.raw), hash);
    assert.equal(file.raw.subarray(0, 4).toString() + file.raw.subarray(-4).toString(), 'PAR1PAR1');
  }
});

test('the manifest has what the client compares and keeps', async () => {
  const { tables } = must(200, await send('GET', '/api/sync/manifest')).json();
  assert.deepEqual(Object.keys(tables).sort(), ['orders', 'people']);
  for (const [table, entry] of Object.entries(tables)) {
    assert.match(table, /^[a-zA-Z0-9_-]{1,128}$/);
    assert.match(entry.hash, /^[0-9a-f]{32}$/);
    assert.ok(['local', 'materialized', 'remote'].includes(entry.query_mode));
    assert.ok(Number.isInteger(entry.rows) && Number.isInteger(entry.size_bytes));
  }
});

test('long JSON comes as gzip to those who accept it and plain to others', async () => {
  const packed = must(200, await send('GET', '/openapi.json'));
  assert.equal(packed.headers['content-encoding'], 'gzip');
  const plain = must(200, await send('GET', '/openapi.json', { headers: { 'accept-encoding': 'identity' } }));
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.deepEqual(packed.json(), JSON.parse(plain.raw));
});

test('one connection carries request after request, refusals among them', async () => {
  const one = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const steps = [
    [200, 'GET', '/api/sync/manifest', {}],
    [401, 'GET', '/api/sync/manifest', { token: 'rubbish' }],
    [403, 'GET', '/api/users', {}],
    [403, 'GET', download('salaries'), {}],
    [200, 'HEAD', download('orders'), {}],
    [206, 'GET', download('orders'), { headers: { range: 'bytes=0-0' } }],
    [416, 'GET', download('orders'), { headers: { range: 'bytes=999999999-' } }],
    [400, 'POST', '/api/query', { json: { sql: 'SELEC 1', limit: 10 } }],
    [422, 'POST', '/api/query', { json: {} }],
    [404, 'GET', '/api/no-such-route', {}],
    [405, 'DELETE', '/api/sync/manifest', {}],
    [200, 'GET', download('people'), {}],
  ];
  const connections = new Set();
  for (const [status, method, path, options] of steps) {
    const answer = must(status, await send(method, path, { ...options, through: one }));
    connections.add(answer.connection);
  }
  assert.equal(connections.size, 1);
  one.destroy();
});

test('a refusal is JSON with a detail', async () => {
  const detail = async (status, ...request) => {
    const answer = must(status, await send(...request));
    assert.match(answer.headers['content-type'], /json/);
    return answer.json().detail;
  };
  const said = [
    await detail(401, 'GET', '/api/v2/catalog', { token: 'rubbish' }),
    await detail(401, 'GET', '/api/v2/catalog', { token: null }),
    await detail(401, 'POST', '/auth/token', { token: null, json: { email: 'ana@example.com', password: 'wrong' } }),
    await detail(403, 'GET', '/api/admin/groups', {}),
    await detail(403, 'GET', '/api/v2/schema/salaries', {}),
    await detail(403, 'POST', '/auth/tokens', { token: await personal(), json: { name: 'b', expires_in_days: 1 } }),
    await detail(403, 'POST', '/api/query', { json: { sql: 'SELECT * FROM salaries', limit: 1 } }),
    await detail(404, 'DELETE', '/auth/tokens/nope', {}),
  ];
  for (const text of said) assert.ok(typeof text === 'string' && text.length > 0, JSON.stringify(text));
  assert.ok(Array.isArray(await detail(422, 'POST', '/api/query', { json: {} })));
});

async function personal() {
  return must(201, await send('POST', '/auth/tokens', { json: { name: 'a', expires_in_days: 90 } })).json().token;
}

// The client ends with "agnes 0.53.1 is incompatible" when it is below the minimum, and looks at each /api answer.
test('every answer under /api names a version and a minimum that lets old clients in', async () => {
  for (const [status, path, options] of [
    [200, '/api/health', { token: null }],
    [200, '/api/sync/manifest', {}],
    [401, '/api/sync/manifest', { token: 'rubbish' }],
    [403, '/api/users', {}],
    [404, '/api/no-such-route', {}],
  ]) {
    const { headers } = must(status, await send('GET', path, options));
    assert.match(headers['x-agnes-latest-version'], /^\d+\.\d+\.\d+$/, path);
    assert.equal(headers['x-agnes-min-version'], '0.0.0', path);
  }
});

test('what the client asks for is answered where it asks, not elsewhere', async () => {
  const analysts = ['/api/catalog/tables', '/api/v2/catalog', '/api/v2/schema/orders', '/api/v2/sample/orders?n=5', '/auth/tokens', '/api/metrics'];
  const admins = ['/api/users', '/api/admin/registry', '/api/admin/groups', '/api/admin/grants', '/api/admin/resource-types', '/api/health/detailed'];
  for (const path of analysts) must(200, await send('GET', path));
  for (const path of admins) must(200, await send('GET', path, { token: site.admin.token }));
});

test('a statement has columns, rows and whether they were cut', async () => {
  const answer = must(200, await send('POST', '/api/query', { json: { sql: 'SELECT id FROM orders ORDER BY id', limit: 2 } })).json();
  assert.deepEqual(answer.columns, ['id']);
  assert.deepEqual(answer.rows, [[0], [1]]);
  assert.equal(answer.truncated, true);
});

test('a personal token is made, listed, used and revoked', async () => {
  const made = must(201, await send('POST', '/auth/tokens', { json: { name: 'laptop', expires_in_days: null } })).json();
  assert.deepEqual([made.name, made.expires_at], ['laptop', null]);
  must(200, await send('GET', '/api/v2/catalog', { token: made.token }));
  const listed = must(200, await send('GET', '/auth/tokens')).json().find((token) => token.id === made.id);
  assert.deepEqual([listed.name, listed.prefix, listed.revoked_at], ['laptop', made.prefix, null]);
  const gone = must(204, await send('DELETE', `/auth/tokens/${made.id}`));
  assert.equal(gone.raw.length, 0);
  must(401, await send('GET', '/api/v2/catalog', { token: made.token }));
});

test('a token has the e-mail address in it, which the client shows', async () => {
  const claims = JSON.parse(Buffer.from((await personal()).split('.')[1], 'base64url'));
  assert.equal(claims.email, 'ana@example.com');
});
