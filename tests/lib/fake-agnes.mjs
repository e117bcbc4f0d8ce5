// A stand-in for an Agnes server: the few routes that the client's tests need, on a loopback port, with the failures
// that a network and a server have. It speaks the contract (statuses, names, headers); nothing of it is the server's.
//
//   const server = await startFake({ tables: { orders: bytes } });
//   server.tables.orders                  // { bytes, hash, rows, query_mode, etag, ... }: change it as a server would
//   server.faults.push({ path: '/api/data/orders/download', cut: 1000 });
//   server.requests                       // what came in: { method, path, headers, status }
//   await server.stop();
//
// A fault is used up by `times` requests (default 1) whose path begins with `path`:
//   status, headers, body   answer with this
//   cut: n                  close the connection after n bytes of the body
//   corrupt: true           send other bytes than announced
//   hold: promise           wait for it before answering
//   stallAfter: n, until    send n bytes, then wait for the promise `until`
import { createHash } from 'node:crypto';
import http from 'node:http';

export const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');

const b64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
export const makeToken = (email, sub = 'u1') => `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64({ sub, email, typ: 'pat', exp: 4102444800 })}.c2lnbmF0dXJl`;

export function table(bytes, more = {}) {
  return { bytes, hash: md5(bytes), rows: 1, size_bytes: bytes.length, query_mode: 'local', source_type: 'files', ...more };
}

const drained = (res) =>
  new Promise((go) => {
    const on = () => {
      res.off('drain', on).off('close', on);
      go();
    };
    res.on('drain', on).on('close', on);
    if (res.destroyed) on();
  });

export async function startFake({ tables = {}, token = makeToken('ana@example.com'), etags = true, ranges = true } = {}) {
  const state = {
    tables: Object.fromEntries(Object.entries(tables).map(([name, t]) => [name, Buffer.isBuffer(t) ? table(t) : t])),
    token,
    email: 'ana@example.com',
    password: 'correct horse',
    bundle: { mandatory: [], approved: [] },
    welcome: '# Example — AI Data Analyst\n\nHello.\n',
    faults: [],
    requests: [],
    uploads: {}, // transcripts, by name
    notes: null,
    packages: {}, // of the client, by file name
    answers: {}, // 'GET /path' -> { status, body }
    headers: {}, // on every answer
    onRequest: () => {},
    onBytes: () => {}, // (path, sent so far)
  };

  const json = (res, status, value, headers = {}) => {
    const body = Buffer.from(value === undefined ? '' : value?.rawJson ?? JSON.stringify(value));
    res.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length, ...state.headers, ...headers });
    res.end(body);
  };
  const cached = (req, res, value) => {
    const etag = `"${md5(Buffer.from(JSON.stringify(value)))}"`;
    if (etags && req.headers['if-none-match'] === etag) {
      res.writeHead(304, { etag, ...state.headers });
      return res.end();
    }
    json(res, 200, value, etags ? { etag } : {});
  };

  const takeFault = (path) => {
    const fault = state.faults.find((f) => path.startsWith(f.path) && (f.times ?? 1) > 0);
    if (fault) fault.times = (fault.times ?? 1) - 1;
    return fault;
  };

  async function sendFile(req, res, path, entry, fault) {
    const etag = entry.etag ?? `"${entry.hash}"`;
    let bytes = entry.bytes;
    if (fault?.corrupt) bytes = Buffer.from(bytes).fill(0x58, 4, bytes.length - 4);
    let status = 200;
    let begin = 0;
    let end = bytes.length;
    const headers = { 'content-type': 'application/octet-stream', etag, 'accept-ranges': 'bytes', ...state.headers };
    if (req.headers['if-match'] && req.headers['if-match'] !== etag) return json(res, 412, undefined, { etag });
    const range = ranges && /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '');
    if (range && (!req.headers['if-range'] || req.headers['if-range'] === etag)) {
      begin = Number(range[1]);
      if (begin >= bytes.length) return json(res, 416, undefined, { 'content-range': `bytes */${bytes.length}` });
      end = range[2] ? Math.min(Number(range[2]) + 1, bytes.length) : bytes.length;
      status = 206;
      headers['content-range'] = `bytes ${begin}-${end - 1}/${bytes.length}`;
    }
    headers['content-length'] = end - begin;
    state.requests.at(-1).status = status;
    res.writeHead(status, headers);
    const step = fault?.step ?? 65536;
    for (let at = begin; at < end; ) {
      let until = Math.min(at + step, end);
      if (fault?.cut !== undefined) until = Math.min(until, begin + fault.cut);
      if (fault?.stallAfter !== undefined && at - begin < fault.stallAfter) until = Math.min(until, begin + fault.stallAfter);
      if (until > at && !res.write(bytes.subarray(at, until))) await drained(res);
      at = until;
      state.onBytes(path, at - begin);
      if (fault?.stallAfter !== undefined && at - begin >= fault.stallAfter) {
        await fault.until;
        fault.stallAfter = undefined;
      }
      if (fault?.cut !== undefined && at >= begin + fault.cut) {
        // What was written must be on its way before the end.
        await new Promise((go) => setImmediate(go));
        return res.socket?.end();
      }
      if (res.destroyed) return;
    }
    res.end();
  }

  const server = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const url = new URL(req.url, 'http://x');
    const path = decodeURIComponent(url.pathname);
    const seen = { method: req.method, path, query: url.searchParams, headers: req.headers, body: Buffer.concat(chunks).toString() };
    state.requests.push(seen);
    state.onRequest(seen);
    res.on('finish', () => (seen.status ??= res.statusCode));
    const fault = takeFault(path);
    if (fault?.hold) await fault.hold;
    if (fault?.status) return json(res, fault.status, fault.body ?? { detail: 'made to fail' }, fault.headers);
    const answer = state.answers[`${req.method} ${path}`];
    if (answer) return json(res, answer.status ?? 200, answer.body, answer.headers);

    if (path === '/auth/token') {
      const body = JSON.parse(seen.body);
      if (body.email !== state.email || body.password !== state.password) return json(res, 401, { detail: 'Invalid credentials' });
      return json(res, 200, { access_token: state.token, token_type: 'bearer', email: state.email, user_id: 'u1', role: 'user' });
    }
    if (path.startsWith('/cli/package/') && state.packages[path.slice(13)]) return res.end(state.packages[path.slice(13)]);
    if (path.startsWith('/cli/')) return json(res, 404, { detail: 'Not Found' });
    if (req.headers.authorization !== `Bearer ${state.token}`) return json(res, 401, { detail: 'Invalid or expired token' });
    if (path === '/api/catalog/tables') return json(res, 200, { tables: [], count: 0 });
    if (path === '/api/welcome') return state.welcome === null ? json(res, 404, { detail: 'Not Found' }) : json(res, 200, { content: state.welcome });
    if (path === '/api/memory/bundle')
      return state.bundle === null ? json(res, 404, { detail: 'Not Found' }) : cached(req, res, state.bundle);
    if (path === '/api/sync/manifest') {
      const listed = Object.fromEntries(
        Object.entries(state.tables).map(([name, { bytes, etag, ...entry }]) => [name, entry]),
      );
      return cached(req, res, { tables: listed, assets: {} });
    }
    if (path === '/api/upload/sessions') {
      // RFC 7578, as strict as a reader of it may be.
      const boundary = /^multipart\/form-data; boundary=([\w-]{1,70})$/.exec(req.headers['content-type'])?.[1];
      const part = new RegExp(`^--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="([^"]+)"\r\n(?:[^\r]+\r\n)*\r\n([^]*)\r\n--${boundary}--\r\n$`).exec(seen.body);
      if (!part) return json(res, 422, { detail: [{ loc: ['body', 'file'], msg: 'Field required', type: 'missing' }] });
      state.uploads[part[1]] = part[2];
      return json(res, 200, { status: 'ok', filename: part[1], size: Buffer.byteLength(part[2]) });
    }
    if (path === '/api/upload/local-md') {
      state.notes = JSON.parse(seen.body).content;
      return json(res, 200, { status: 'ok', user: state.email, size: state.notes.length });
    }
    const download = /^\/api\/data\/(.+)\/download$/.exec(path);
    if (download) {
      const entry = state.tables[download[1]];
      if (!entry) return json(res, 403, { detail: 'Access denied to this table' });
      return sendFile(req, res, path, entry, fault);
    }
    json(res, 404, { detail: 'Not Found' });
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  state.url = `http://127.0.0.1:${server.address().port}`;
  state.stop = () =>
    new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    });
  state.of = (path) => state.requests.filter((r) => r.path.startsWith(path));
  return state;
}
