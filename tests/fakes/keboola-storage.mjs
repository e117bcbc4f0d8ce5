// Keboola's Storage API as far as it is read, after https://keboola.docs.apiary.io: verifying a token, listing tables
// and one table's detail. Answers 401 {"error", "code", "exceptionId", "status"} to another token, 404 to what is not
// there; no paging, as the real one has none for tables.
//
//   const keboola = await startKeboola({ token: 't-1', tables: [kbcTable('in.c-crm', 'orders')] });
//   keboola.faults.push({ status: 429, headers: { 'retry-after': '0' } });   // the next answers
//   keboola.faults.push('cut', 'half', { body: '<html>' }, { hold: promise });
//   keboola.requests                  // { method, path, query, token }
import http from 'node:http';

export function kbcTable(bucket, name, more = {}) {
  const [stage, ...rest] = bucket.split('.');
  return {
    uri: `https://connection.example.com/v2/storage/tables/${bucket}.${name}`,
    id: `${bucket}.${name}`, name, displayName: name, transactional: false,
    primaryKey: ['id'], indexType: null, distributionType: null, created: '2026-01-01T00:00:00+0100',
    lastImportDate: '2026-01-02T03:04:05+0100', lastChangeDate: '2026-01-02T03:04:06+0100',
    rowsCount: 3, dataSizeBytes: 2048, isAlias: false, isAliasable: true, isTyped: false,
    columns: ['id', 'total'],
    bucket: { id: bucket, name: rest.join('.'), stage, displayName: rest.join('.').replace(/^c-/, ''), backend: 'snowflake' },
    ...more,
  };
}

export async function startKeboola({ token = 'kbc-token', project = { id: 77, name: 'Example project' }, tables = [] } = {}) {
  const state = { token, project, tables, faults: [], requests: [] };
  const send = (answer, status, value, headers = {}) => {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    answer.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
    answer.end(body);
  };
  const refuse = (answer, status, error, code, headers) =>
    send(answer, status, { error, code, exceptionId: 'exception-0123abcd', status: 'error' }, headers);
  const listed = (table, include) => {
    const out = { ...table };
    if (!include.includes('columns')) delete out.columns;
    if (!include.includes('buckets')) delete out.bucket;
    return out;
  };
  const route = (request, answer, url) => {
    const given = request.headers['x-storageapi-token'];
    if (given === undefined) return refuse(answer, 401, 'Access token must be set', 'storage.tokenMissing');
    if (given !== state.token) return refuse(answer, 401, 'Invalid access token', 'storage.tokenInvalid');
    if (request.method !== 'GET') return refuse(answer, 405, 'Method not allowed', 405);
    const include = (url.searchParams.get('include') ?? '').split(',');
    const path = decodeURIComponent(url.pathname);
    if (path === '/v2/storage/tokens/verify')
      return send(answer, 200, {
        id: '1234', token: given, created: '2026-01-01T00:00:00+0100', refreshed: '2026-01-01T00:00:00+0100',
        description: 'agnes@example.com', uri: 'https://connection.example.com/v2/storage/tokens/1234', isMasterToken: false,
        canManageBuckets: false, expires: null, isExpired: false, isDisabled: false, bucketPermissions: { 'in.c-crm': 'read' },
        owner: { ...state.project, type: 'production', region: 'eu', defaultBackend: 'snowflake' },
      });
    if (path === '/v2/storage/tables') return send(answer, 200, state.tables.map((table) => listed(table, include)));
    const bucket = /^\/v2\/storage\/buckets\/([^/]+)\/tables$/.exec(path);
    if (bucket) {
      const inside = state.tables.filter((table) => table.bucket.id === bucket[1]);
      if (inside.length === 0) return refuse(answer, 404, `Bucket ${bucket[1]} not found`, 'storage.buckets.notFound');
      return send(answer, 200, inside.map((table) => listed(table, include)));
    }
    const one = /^\/v2\/storage\/tables\/([^/]+)$/.exec(path);
    const table = one && state.tables.find((item) => item.id === one[1]);
    if (table) return send(answer, 200, table);
    return refuse(answer, 404, `The table "${one?.[1] ?? path}" was not found in the project`, 'storage.tables.notFound');
  };
  const server = http.createServer(async (request, answer) => {
    const url = new URL(request.url, 'http://fake');
    state.requests.push({ method: request.method, path: url.pathname, query: url.search, token: request.headers['x-storageapi-token'] });
    const fault = state.faults.shift();
    if (fault === 'cut') return request.socket.destroy();
    if (fault === 'half') {
      answer.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
      answer.write('[{"id": "in.c-');
      return setImmediate(() => request.socket.destroy());
    }
    if (fault?.hold) await fault.hold;
    else if (fault?.status && fault.status >= 400 && fault.body === undefined) return refuse(answer, fault.status, fault.error ?? 'not now', fault.status, fault.headers);
    else if (fault) return send(answer, fault.status ?? 200, fault.body, fault.headers);
    return route(request, answer, url);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
}
