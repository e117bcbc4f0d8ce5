// Google as BigQuery's REST clients see it: the token endpoint of a service account (RFC 7523, RS256), and of BigQuery v2
// the lists of datasets and tables with their pages, one table, dry runs of queries, and query jobs: insert, results by
// page, cancel; the rows of a table (bqTable(name, { data: [[...]] })). Errors have Google's shape.
//
//   const google = await startBigQuery({ project: 'example-project', datasets: { sales: [bqTable('orders')] } });
//   env: { GOOGLE_APPLICATION_CREDENTIALS: google.keyFile, BIGQUERY_EMULATOR_HOST: google.url }
//   startBigQuery({ emulator: true })           // as bqemulator is: asks for no sign-in, refuses a token, and tells the bytes of a
//                                               // dry run in statistics.query only (script/bigquery-emulator)
//   google.faults.push({ status: 429, headers: { 'retry-after': '0' } }, 'cut');   // the next answers of BigQuery
//   google.life = 200;                          // seconds that its tokens are good for
//   google.forbidden.add('billing-project');    // projects that the account may not use
//   google.queries.set('SELECT 1 AS n', { fields: [field('n', 'INTEGER')], rows: [[1]], bytes: 10 });   // what a query finds
//   ... { polls: 2 } results are not there at first; { hold: promise } nor before that; { error: 'words' } a job that fails
//   ... { pages: ['{"jobComplete": true, ...}'] }: its pages of results as they are sent, for large ones
//   google.jobs                                 // by id: { sql, cancelled, configuration }
//   google.requests                             // { method, path, query, user_project, body }
import { createVerify, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

export const account = 'agnes@example-project.iam.gserviceaccount.com';

export function bqTable(name, more = {}) {
  return {
    name, type: 'TABLE', numRows: '12345678901', numBytes: '42',
    schema: { fields: [{ name: 'id', type: 'INTEGER', mode: 'REQUIRED' }, { name: 'tags', type: 'RECORD', mode: 'REPEATED', fields: [{ name: 'k', type: 'STRING' }] }] },
    ...more,
  };
}

export const field = (name, type, more = {}) => ({ name, type, mode: 'NULLABLE', ...more });

// A value as TableRow writes it: texts, lists as [{v}], records as {f: [{v}]}.
function cell(value, of, micros) {
  if (value === null || value === undefined) return null;
  if (of.mode === 'REPEATED') return value.map((item) => ({ v: cell(item, { ...of, mode: 'NULLABLE' }, micros) }));
  if (of.fields) return { f: of.fields.map((inner, i) => ({ v: cell(value[i], inner, micros) })) };
  if (of.type === 'TIMESTAMP' && !micros) return String(Number(value) / 1e6);
  return String(value);
}

const tableRows = (fields, rows, micros) => rows.map((row) => ({ f: fields.map((of, i) => ({ v: cell(row[i], of, micros) })) }));

export async function startBigQuery({ project = 'example-project', datasets = {}, pageSize = 1000, emulator = false } = {}) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const state = { project, datasets, pageSize, faults: [], tokenFaults: [], forbidden: new Set(), requests: [], tokens: new Set(), tokenRequests: 0, queries: new Map(), jobs: new Map(), rowPage: 100000, life: 3599 };
  const send = (answer, status, value, headers = {}) => {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    answer.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', 'content-length': Buffer.byteLength(body), ...headers });
    answer.end(body);
  };
  const statuses = { 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND', 429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL', 503: 'UNAVAILABLE' };
  const refuse = (answer, code, message, reason, headers) =>
    send(answer, code, { error: { code, message, errors: [{ message, domain: 'global', reason }], status: statuses[code] } }, headers);

  const token = (answer, form) => {
    state.tokenRequests++;
    const fault = state.tokenFaults.shift();
    if (fault) return send(answer, fault.status, fault.body ?? { error: fault.error, error_description: fault.description });
    const bad = (description) => send(answer, 400, { error: 'invalid_grant', error_description: description });
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer') return send(answer, 400, { error: 'unsupported_grant_type' });
    const [head, body, signature] = (form.get('assertion') ?? '').split('.');
    if (!signature || !createVerify('RSA-SHA256').update(`${head}.${body}`).verify(publicKey, signature, 'base64url')) return bad('Invalid JWT Signature.');
    const claims = JSON.parse(Buffer.from(body, 'base64url'));
    if (claims.iss !== account || claims.aud !== `${url}/token` || !claims.scope) return bad('Invalid JWT: claims');
    const access_token = `ya29.${randomUUID()}`;
    state.tokens.add(access_token);
    return send(answer, 200, { access_token, expires_in: state.life, token_type: 'Bearer' });
  };

  const page = (answer, kind, key, items, query) => {
    const start = Number(query.get('pageToken') ?? 0);
    const size = Math.min(Number(query.get('maxResults') ?? 50), state.pageSize);
    const out = { kind, etag: 'x', totalItems: items.length };
    if (items.length > 0) out[key] = items.slice(start, start + size);
    if (start + size < items.length) out.nextPageToken = String(start + size);
    return send(answer, 200, out);
  };
  // Outside of US and EU a job is found with its location only.
  const found_at = (job, query) => (query.get('location') ?? 'US') === job.reference.location;
  const insert = (answer, id, body) => {
    const { configuration, jobReference } = body;
    const sql = configuration.query.query;
    const found = state.queries.get(sql);
    const reference = { projectId: id, jobId: jobReference.jobId ?? randomUUID(), location: jobReference.location ?? 'US' };
    if (!found) return refuse(answer, 400, `Syntax error: Unexpected identifier "${sql.slice(0, 20)}" at [1:1]`, 'invalidQuery');
    const statistics = { ...(emulator ? {} : { totalBytesProcessed: String(found.bytes ?? 0) }), query: { totalBytesProcessed: String(found.bytes ?? 0), statementType: found.type ?? 'SELECT' } };
    if (configuration.dryRun) return send(answer, 200, { kind: 'bigquery#job', jobReference: reference, configuration, status: { state: 'DONE' }, statistics });
    if (state.jobs.has(reference.jobId)) return refuse(answer, 409, `Already Exists: Job ${id}:${reference.jobId}`, 'duplicate');
    state.jobs.set(reference.jobId, { sql, found, reference, configuration, waited: 0, cancelled: false });
    if (found.lost) {
      found.lost = false;
      return answer.destroy();
    }
    return send(answer, 200, { kind: 'bigquery#job', id: `${id}:US.${reference.jobId}`, jobReference: reference, configuration, status: { state: 'RUNNING' } });
  };
  const results = async (answer, id, name, query) => {
    const job = state.jobs.get(name);
    if (!job || !found_at(job, query)) return refuse(answer, 404, `Not found: Job ${id}:${name}`, 'notFound');
    const { found } = job;
    const most = Number(job.configuration.query.maximumBytesBilled ?? Infinity);
    if ((found.billed ?? 0) > most) return refuse(answer, 400, `Query exceeded limit for bytes billed: ${most}. ${found.billed} or higher required.`, 'bytesBilledLimitExceeded');
    if (found.error) return refuse(answer, 400, found.error, 'invalidQuery');
    if (found.hold) await found.hold;
    if (job.waited++ < (found.polls ?? 0)) return send(answer, 200, { kind: 'bigquery#getQueryResultsResponse', jobReference: job.reference, jobComplete: false });
    const start = Number(query.get('pageToken') ?? 0);
    if (found.pages) return send(answer, 200, found.pages[start]);
    const size = Math.min(Number(query.get('maxResults') ?? 100000), state.rowPage);
    const micros = query.get('formatOptions.useInt64Timestamp') === 'true';
    const out = { kind: 'bigquery#getQueryResultsResponse', jobReference: job.reference, jobComplete: true, totalRows: String(found.totalRows ?? found.rows.length), schema: { fields: found.fields } };
    const rows = found.rows.slice(start, start + size);
    if (rows.length > 0) out.rows = tableRows(found.fields, rows, micros);
    if (start + size < found.rows.length) out.pageToken = String(start + size);
    return send(answer, 200, out);
  };
  const route = (request, answer, target, body) => {
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (emulator && bearer !== undefined) return refuse(answer, 400, 'An emulator was shown a token.', 'invalid');
    if (!emulator && !state.tokens.has(bearer)) return refuse(answer, 401, 'Request had invalid authentication credentials.', 'authError');
    const parts = target.pathname.split('/').slice(1).map(decodeURIComponent);
    const [, , , id, what, dataset, , table] = parts;
    if (parts.slice(0, 3).join('/') !== 'bigquery/v2/projects') return refuse(answer, 404, 'Not found', 'notFound');
    const payer = request.headers['x-goog-user-project'];
    if (payer !== undefined && state.forbidden.has(payer))
      return refuse(answer, 403, `Caller does not have required permission to use project ${payer}. Grant the caller the roles/serviceusage.serviceUsageConsumer role`, 'forbidden');
    if (state.forbidden.has(id)) return refuse(answer, 403, `Access Denied: Project ${id}: User does not have bigquery.jobs.create permission in project ${id}.`, 'accessDenied');
    if (what === 'jobs' && request.method === 'POST' && parts.length === 5) return insert(answer, id, body);
    if (what === 'jobs' && request.method === 'POST' && parts[6] === 'cancel') {
      const job = state.jobs.get(parts[5]);
      if (!job) return refuse(answer, 404, `Not found: Job ${id}:${parts[5]}`, 'notFound');
      job.cancelled = true;
      return send(answer, 200, { kind: 'bigquery#jobCancelResponse', job: { jobReference: job.reference } });
    }
    if (what === 'jobs' && request.method === 'GET' && parts.length === 6) {
      const job = state.jobs.get(parts[5]);
      if (!job || !found_at(job, target.searchParams)) return refuse(answer, 404, `Not found: Job ${id}:${parts[5]}`, 'notFound');
      return send(answer, 200, { kind: 'bigquery#job', jobReference: job.reference, configuration: job.configuration, status: { state: 'RUNNING' } });
    }
    if (what === 'queries' && request.method === 'GET' && parts.length === 6) return results(answer, id, parts[5], target.searchParams);
    if (request.method === 'POST' && what === 'queries' && parts.length === 5) {
      const found = state.queries.get(body.query);
      if (found && !body.dryRun) {
        if ((found.billed ?? 0) > Number(body.maximumBytesBilled ?? Infinity)) return refuse(answer, 400, `Query exceeded limit for bytes billed: ${body.maximumBytesBilled}. ${found.billed} or higher required.`, 'bytesBilledLimitExceeded');
        return send(answer, 200, { kind: 'bigquery#queryResponse', jobComplete: !found.polls, ...(found.polls ? {} : { schema: { fields: found.fields }, rows: tableRows(found.fields, found.rows, body.formatOptions?.useInt64Timestamp), totalRows: String(found.rows.length) }) });
      }
      if (!/^select 1\b/i.test(body.query ?? '')) return refuse(answer, 400, 'Syntax error', 'invalidQuery');
      return send(answer, 200, { kind: 'bigquery#queryResponse', jobComplete: true, totalBytesProcessed: '0', cacheHit: false, schema: { fields: [{ name: 'ok', type: 'INTEGER' }] } });
    }
    if (request.method !== 'GET' || what !== 'datasets') return refuse(answer, 404, 'Not found', 'notFound');
    if (id !== state.project) return refuse(answer, 404, `Not found: Project ${id}`, 'notFound');
    if (dataset === undefined)
      return page(answer, 'bigquery#datasetList', 'datasets', Object.keys(state.datasets).map((name) => (
        { kind: 'bigquery#dataset', id: `${id}:${name}`, datasetReference: { datasetId: name, projectId: id }, location: 'US' })), target.searchParams);
    const inside = Object.hasOwn(state.datasets, dataset) ? state.datasets[dataset] : undefined;
    if (!inside) return refuse(answer, 404, `Not found: Dataset ${id}:${dataset}`, 'notFound');
    const reference = (item) => ({ projectId: id, datasetId: dataset, tableId: item.name });
    if (table === undefined)
      return page(answer, 'bigquery#tableList', 'tables', inside.map((item) => (
        { kind: 'bigquery#table', id: `${id}:${dataset}.${item.name}`, tableReference: reference(item), type: item.type, creationTime: '1700000000000' })), target.searchParams);
    const found = inside.find((item) => item.name === table);
    if (!found) return refuse(answer, 404, `Not found: Table ${id}:${dataset}.${table}`, 'notFound');
    const { name, data = [], ...more } = found;
    if (parts[8] === 'data') {
      if (found.type !== 'TABLE') return refuse(answer, 400, `Cannot list a table of type ${found.type}.`, 'invalid');
      const most = Number(target.searchParams.get('maxResults') ?? 100000);
      return send(answer, 200, { kind: 'bigquery#tableDataList', totalRows: String(data.length), rows: tableRows(found.schema.fields, data.slice(0, most), target.searchParams.get('formatOptions.useInt64Timestamp') === 'true') });
    }
    return send(answer, 200, { kind: 'bigquery#table', id: `${id}:${dataset}.${name}`, tableReference: reference(found), location: 'US', ...more });
  };

  const server = http.createServer((request, answer) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const target = new URL(request.url, 'http://fake');
      if (target.pathname === '/token') return token(answer, new URLSearchParams(text));
      const body = text ? JSON.parse(text) : undefined;
      state.requests.push({ method: request.method, path: target.pathname, query: target.search, user_project: request.headers['x-goog-user-project'], body });
      const fault = state.faults.shift();
      if (fault === 'cut') return request.socket.destroy();
      if (fault?.body !== undefined) return send(answer, fault.status ?? 200, fault.body, fault.headers);
      if (fault) return refuse(answer, fault.status, fault.message ?? 'not now', fault.reason ?? 'backendError', fault.headers);
      return route(request, answer, target, body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'agnes-google-'));
  const keyFile = path.join(folder, 'key.json');
  writeFileSync(keyFile, JSON.stringify({
    type: 'service_account', project_id: project, private_key_id: 'key-1', client_email: account, client_id: '1', token_uri: `${url}/token`,
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }), { mode: 0o600 });
  return Object.assign(state, {
    url, keyFile,
    env: emulator ? { BIGQUERY_EMULATOR_HOST: url.replace('http://', '') } : { GOOGLE_APPLICATION_CREDENTIALS: keyFile, BIGQUERY_EMULATOR_HOST: url },
    stop: () => {
      rmSync(folder, { recursive: true });
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
}
