// Keboola's Storage API as far as it is read, after https://keboola.docs.apiary.io: verifying a token, listing tables,
// one table's detail, and exports: export-async, their jobs and files, and the cloud's storage where the files are, with
// signed addresses (one file, or a manifest and its slices), Google's with a token, AWS' with Signature Version 4. Answers 401 {"error", "code", "exceptionId", "status"} to another token, 404 to what is not
// there; no paging, as the real one has none for tables.
//
//   const keboola = await startKeboola({ token: 't-1', tables: [kbcTable('in.c-crm', 'orders')] });
//   keboola.faults.push({ status: 429, headers: { 'retry-after': '0' } });   // the next answers
//   keboola.faults.push('cut', 'half', { body: '<html>' }, { hold: promise });
//   keboola.exports['in.c-crm.orders'] = { parts: [buffer, buffer], name: 'orders.parquet', polls: 2 };   // what an export gives
//   ... { cloud: 'google' | 'aws' | 'azure' } slices as gs://, s3:// (fetched with AWS_ENDPOINT_URL_S3) or azure://; { error: 'words' } a job that fails; { status: 403 } of the storage
//   keboola.forms                     // what export-async was sent, as URLSearchParams
//   keboola.cloudFaults.push(503, 'cut', 'half');      // the next answers of the cloud's storage
//   keboola.requests                  // { method, path, query, token }
import { createHash, createHmac } from 'node:crypto';
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
  const state = { token, project, tables, faults: [], requests: [], exports: {}, forms: [], jobs: new Map(), files: new Map(), cloudFaults: [], running: 0, most: 0 };
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
  const cloudToken = 'ya29.of-the-file';
  const signature = 'X-Signature=0123456789abcdef';
  const aws = { AccessKeyId: 'ASIAEXAMPLE', SecretAccessKey: 'a/secret+of/AWS', SessionToken: 'session-of-aws//=', Expiration: '2036-01-01T00:00:00+0000' };
  // As https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html has it.
  const signedByAws = (request, url) => {
    const given = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(request.headers.authorization ?? '');
    if (!given || given[1] !== aws.AccessKeyId || request.headers['x-amz-security-token'] !== aws.SessionToken) return false;
    const [, , day, region, names, sent] = given;
    const hash = (text) => createHash('sha256').update(text).digest('hex');
    const mac = (key, text) => createHmac('sha256', key).update(text).digest();
    const headers = names.split(';').map((name) => `${name}:${request.headers[name]}\n`).join('');
    const canonical = [request.method, url.pathname, '', headers, names, request.headers['x-amz-content-sha256']].join('\n');
    const scope = `${day}/${region}/s3/aws4_request`;
    const key = [day, region, 's3', 'aws4_request'].reduce((at, part) => mac(at, part), `AWS4${aws.SecretAccessKey}`);
    return mac(key, ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, hash(canonical)].join('\n')).toString('hex') === sent;
  };
  // The cloud's storage: no header of Keboola's, a signature or a token of its own.
  const cloud = (request, answer, url) => {
    const fault = state.cloudFaults.shift();
    if (fault === 'cut') return request.socket.destroy();
    if (typeof fault === 'number') return answer.writeHead(fault).end('<Error>not now</Error>');
    const object = decodeURIComponent(url.pathname).replace(/^.*\//, '');
    const google = url.pathname.startsWith('/storage/v1/b/');
    const allowed = url.pathname.startsWith('/a-bucket/') ? signedByAws(request, url) : google ? request.headers.authorization === `Bearer ${cloudToken}` && url.searchParams.get('alt') === 'media' : url.search === `?${signature}`;
    const body = state.files.get(object);
    if (!allowed || body === undefined || request.headers['x-storageapi-token']) return answer.writeHead(403).end('<Error>SignatureDoesNotMatch</Error>');
    answer.writeHead(200, { 'content-length': body.length });
    if (fault !== 'half') return answer.end(body);
    answer.write(body.subarray(0, body.length / 2));
    return setImmediate(() => request.socket.destroy());
  };
  const signed = (object) => `${origin}/cloud/${object}?${signature}`;
  const startExport = (answer, id, form) => {
    const wanted = state.exports[id];
    if (!wanted) return refuse(answer, 404, `The table "${id}" was not found in the project`, 'storage.tables.notFound');
    state.forms.push(form);
    const job = String(1000 + state.jobs.size);
    state.jobs.set(job, { wanted, id, waited: 0 });
    state.most = Math.max(state.most, state.running += 1);
    return send(answer, 202, { id: Number(job), status: 'waiting', url: `${origin}/v2/storage/jobs/${job}`, tableId: id, operationName: 'tableExport' });
  };
  const jobOf = (answer, number) => {
    const job = state.jobs.get(number);
    if (!job) return refuse(answer, 404, `Job ${number} not found`, 'storage.jobs.notFound');
    const { wanted } = job;
    const told = { id: Number(number), tableId: job.id, operationName: 'tableExport' };
    if (job.waited++ < (wanted.polls ?? 0)) return send(answer, 200, { ...told, status: job.waited > 1 ? 'processing' : 'waiting' });
    if (!job.ended) state.running--;
    job.ended = true;
    if (wanted.error) return send(answer, 200, { ...told, status: 'error', error: { code: 'storage.tables.export', message: wanted.error, exceptionId: 'exception-0123abcd' } });
    return send(answer, 200, { ...told, status: 'success', results: { file: { id: Number(number) + 5000 }, totalRowsCount: 3 } });
  };
  const fileOf = (answer, number) => {
    const job = state.jobs.get(String(Number(number) - 5000));
    if (!job) return refuse(answer, 404, `File ${number} not found`, 'storage.files.notFound');
    const { parts, name = 'orders.parquet', cloud: place = 'aws', scheme } = job.wanted;
    const detail = { id: Number(number), name, isPublic: false, isEncrypted: false, provider: place, region: 'eu-central-1' };
    if (place === 'aws') detail.credentials = aws;
    if (place === 'azure') detail.absCredentials = { SASConnectionString: `BlobEndpoint=https://x.example.com;SharedAccessSignature=${signature}`, container: 'c' };
    if (place === 'google') detail.gcsCredentials = { access_token: cloudToken, expires_in: 3599, token_type: 'Bearer', projectId: 'example-project' };
    parts.forEach((part, i) => state.files.set(`${number}-${i}-${name}`, part));
    if (parts.length === 1 && !job.wanted.sliced) return send(answer, 200, { ...detail, isSliced: false, url: signed(`${number}-0-${name}`) });
    const entries = parts.map((_, i) => ({ url: scheme ? `${scheme}://bucket/${i}` : job.wanted.cloud === 'google' ? `gs://bucket/exports/${number}-${i}-${name}` : job.wanted.cloud === 'aws' ? `s3://a-bucket/exports of/${number}-${i}-${name}` : job.wanted.cloud === 'azure' ? `azure://x.example.com/c/${number}-${i}-${name}` : signed(`${number}-${i}-${name}`), mandatory: true }));
    state.files.set(`${number}.manifest`, Buffer.from(JSON.stringify({ entries })));
    return send(answer, 200, { ...detail, isSliced: true, url: signed(`${number}.manifest`) });
  };
  const route = (request, answer, url, form) => {
    if (/^\/(cloud|storage\/v1|a-bucket)\//.test(url.pathname)) return cloud(request, answer, url);
    const given = request.headers['x-storageapi-token'];
    if (given === undefined) return refuse(answer, 401, 'Access token must be set', 'storage.tokenMissing');
    if (given !== state.token) return refuse(answer, 401, 'Invalid access token', 'storage.tokenInvalid');
    const exported = /^\/v2\/storage\/tables\/([^/]+)\/export-async$/.exec(decodeURIComponent(url.pathname));
    if (exported && request.method === 'POST') return startExport(answer, exported[1], new URLSearchParams(form));
    if (request.method !== 'GET') return refuse(answer, 405, 'Method not allowed', 405);
    const numbered = /^\/v2\/storage\/(jobs|files)\/(\d+)$/.exec(url.pathname);
    if (numbered?.[1] === 'jobs') return jobOf(answer, numbered[2]);
    if (numbered) return url.searchParams.get('federationToken') === '1' ? fileOf(answer, numbered[2]) : refuse(answer, 400, 'no federation token', 400);
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
    let form = '';
    for await (const chunk of request) form += chunk;
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
    return route(request, answer, url, form);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return Object.assign(state, {
    url: origin,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
}
