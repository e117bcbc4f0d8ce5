// Holds the server against recorded answers (tests/golden/answers): each step is sent as it was then, and what comes
// back must say the same. See tests/golden/README.md for the marks in the recordings.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeDatabase } from './duckdb.mjs';
import { root, startServer, unpack } from './server.mjs';

const golden = path.join(root, 'tests/golden');
const kAnyText = /<(text|time|uuid|hex|jwt)>/;
const kComparedHeaders = ['www-authenticate', 'content-disposition', 'etag', 'accept-ranges', 'content-range', 'retry-after'];

// `SCENARIO STEP reason` lines as Map('scenario step' -> reason).
export function exceptions(name) {
  const lines = readFileSync(path.join(golden, name), 'utf8').split('\n');
  return new Map(lines.map((line) => /^([\w-]+)\s+(\d+)\s+(\S.*)$/.exec(line)).filter(Boolean).map((m) => [`${m[1]} ${m[2]}`, m[3]]));
}

const show = (value) => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 90 ? `${text.slice(0, 87)}...` : text;
};

function compareValues(want, have, where, found) {
  const differs = (what) => found.push(`${where || 'answer'}: ${what} expected, ${show(have)} found`);
  if (want === '<object keyed by id>') {
    if (typeof have !== 'object' || have === null || Array.isArray(have)) differs('an object');
  } else if (want === '<number>') {
    if (typeof have !== 'number' && have !== want) differs('a number');
  } else if (typeof want === 'string' && kAnyText.test(want)) {
    if (typeof have !== 'string') differs(`a text like ${want}`);
  } else if (Array.isArray(want)) {
    if (!Array.isArray(have)) differs('a list');
    else if (have.length !== want.length) differs(`${want.length} entries`);
    else want.forEach((item, i) => compareValues(item, have[i], `${where}[${i}]`, found));
  } else if (typeof want === 'object' && want !== null) {
    if (typeof have !== 'object' || have === null || Array.isArray(have)) return differs('an object');
    for (const [key, value] of Object.entries(want)) {
      if (key in have) compareValues(value, have[key], `${where}.${key}`, found);
      else found.push(`${where}.${key}: missing`);
    }
  } else if (typeof want === 'number' && typeof have === 'number') {
    if (Math.abs(want - have) > 1e-6 * Math.max(1, Math.abs(want))) differs(want);
  } else if (want !== have) differs(show(want));
}

const places = (detail) => detail.map((entry) => JSON.stringify(entry.loc)).sort().join(' ');

function compareAnswers(want, have) {
  if (have.status !== want.status) return [`status ${want.status} expected, ${have.status} found`];
  const location = want.headers?.location;
  if (have.status === 204 || have.status === 304 || (have.status >= 300 && have.status < 400))
    return location && !kAnyText.test(location) && location !== have.headers.location
      ? [`location ${location} expected, ${have.headers.location} found`] : [];
  const found = [];
  const type = (have.headers['content-type'] ?? '').split(';')[0];
  if (want.type && want.type !== type) found.push(`type ${want.type} expected, ${type || 'none'} found`);
  for (const name of Object.keys(want.headers ?? {}))
    if (kComparedHeaders.includes(name) && !(name in have.headers)) found.push(`header ${name} missing`);
  if (!('json' in want) || type !== 'application/json') return found;
  if (have.status === 422 && Array.isArray(want.json.detail)) {
    const [a, b] = [places(want.json.detail), Array.isArray(have.json.detail) ? places(have.json.detail) : show(have.json.detail)];
    if (a !== b) found.push(`422 names ${b}, expected ${a}`);
  } else compareValues(want.json, have.json, '', found);
  return found;
}

// Puts remembered values where a recording has {{name}}.
function fill(value, variables) {
  if (typeof value === 'string') {
    const whole = /^\{\{(\w+)\}\}$/.exec(value);
    if (whole) return variables[whole[1]] ?? `missing-${whole[1]}`;
    return value.replaceAll(/\{\{(\w+)\}\}/g, (_, name) => variables[name] ?? `missing-${name}`);
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, variables));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, variables)]));
  return value;
}

function multipart(files, fields) {
  const mark = 'recorded-form-boundary';
  const parts = Object.entries(fields ?? {}).map(([name, value]) =>
    Buffer.from(`--${mark}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`));
  for (const [name, file] of Object.entries(files)) {
    const data = file.base64 !== undefined ? Buffer.from(file.base64, 'base64') : Buffer.from(file.text);
    parts.push(Buffer.from(`--${mark}\r\nContent-Disposition: form-data; name="${name}"; filename="${file.name}"\r\n` +
      `Content-Type: ${file.type ?? 'application/octet-stream'}\r\n\r\n`), data, Buffer.from('\r\n'));
  }
  return { body: Buffer.concat([...parts, Buffer.from(`--${mark}--\r\n`)]), type: `multipart/form-data; boundary=${mark}` };
}

// Query strings as the recording client wrote them: lists are repeated.
function queryOf(params) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    for (const item of Array.isArray(value) ? value : [value]) query.append(name, String(item));
  return query.toString();
}

function send(server, step, headers, variables) {
  let target = fill(step.path, variables);
  if (step.params) target += (target.includes('?') ? '&' : '?') + queryOf(fill(step.params, variables));
  target = target.replaceAll(/[^\w/?&=%:+,;@!$'()*~.<>#[\]|-]/gu, (c) => encodeURIComponent(c)).replaceAll(/[<>|[\]]/g, (c) => encodeURIComponent(c));
  const options = { headers };
  if (step.files) {
    const form = multipart(step.files, fill(step.form, variables));
    Object.assign(options, { body: form.body });
    headers['content-type'] = form.type;
  } else if ('json' in step) options.json = fill(step.json, variables);
  else if ('form' in step) options.form = fill(step.form, variables);
  else if ('raw' in step) options.body = step.raw;
  return server.request(step.method, target, options);
}

// The data was new when the answers were recorded, and health tells its age.
async function makeNew(data) {
  const close = await writeDatabase(path.join(data, 'state/system.duckdb'), [
    "UPDATE sync_state SET last_sync = last_sync + ((now() AT TIME ZONE 'UTC') - (SELECT max(last_sync) FROM sync_state))",
  ]);
  close();
}

// Plays a scenario on a fresh copy of the golden data; tells `step(number, name, differences, status)` of each step.
export async function replay(scenario, tell) {
  const data = unpack(path.join(golden, 'agnes-data.tar.gz'));
  await makeNew(data);
  const people = JSON.parse(readFileSync(path.join(data, 'golden.json'), 'utf8'));
  const token = { admin: people.tokens.admin1, analyst: people.tokens.analyst1, viewer: people.tokens.viewer1 };
  const variables = { ...people.tokens };
  const server = await startServer({ data, seed: false, env: { JWT_SECRET_KEY: people.jwt_secret, TESTING: '1' } });
  try {
    const steps = JSON.parse(readFileSync(path.join(golden, 'answers', `${scenario}.json`), 'utf8'));
    for (const [i, step] of steps.entries()) {
      const headers = { ...(token[step.as] ? { authorization: `Bearer ${token[step.as]}` } : {}), ...fill(step.headers ?? {}, variables) };
      const have = await send(server, step, headers, variables);
      for (const [name, place] of Object.entries(step.keep ?? {})) {
        const value = place.split('.').reduce((at, part) => at?.[part], have.json);
        if (value !== undefined) variables[name] = value;
      }
      tell(i + 1, `${step.as ?? 'nobody'} ${step.method} ${step.path}${step.do ? ` (${step.do})` : ''}`, compareAnswers(step.answer, have), have.status);
    }
  } finally {
    await server.stop();
  }
}
