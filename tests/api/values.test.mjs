// A value is the same through every door: query, sample, scan, profile, download, and the client, here and remote.
// docs/querying.md has the table of forms.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tableFromIPC } from 'apache-arrow';
import { makeUser } from '../lib/agnes.mjs';
import { writeDatabase } from '../lib/duckdb.mjs';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kDay = 86_400_000;
// Rows of Parquet files. SQL of the value, its JSON text, and where they differ its CSV text and what Arrow gives: a
// number or a text, in Arrow's units.
const kStored = {
  boolean: ['true', 'true', 'True', true],
  tinyint: ['(-128)::TINYINT', '-128'],
  smallint: ['(-32768)::SMALLINT', '-32768'],
  integer: ['2147483647', '2147483647'],
  bigint: ['9223372036854775807', '9223372036854775807'],
  utinyint: ['255::UTINYINT', '255'],
  usmallint: ['65535::USMALLINT', '65535'],
  uinteger: ['4294967295::UINTEGER', '4294967295'],
  ubigint: ['18446744073709551615::UBIGINT', '18446744073709551615'],
  decimal: ['1234567890123456789012345678.0123456789::DECIMAL(38,10)', '"1234567890123456789012345678.0123456789"', undefined, '12345678901234567890123456780123456789'],
  money: ['-0.50::DECIMAL(9,2)', '"-0.50"', undefined, '-50'],
  double: ['1e300', '1e+300', undefined, 1e300],
  float: ['1.1::FLOAT', '1.1', undefined, Math.fround(1.1)],
  nan: ["'nan'::DOUBLE", 'null', 'nan', NaN],
  infinite: ["'-inf'::DOUBLE", 'null', '-inf', -Infinity],
  text: ["'Příliš \"🐴\", a'", '"Příliš \\"🐴\\", a"', '"Příliš ""🐴"", a"', 'Příliš "🐴", a'],
  uuid: ["'00112233-4455-6677-8899-aabbccddeeff'::UUID", '"00112233-4455-6677-8899-aabbccddeeff"'],
  blob: ["'\\x00\\xFFab'::BLOB", '"\\\\x00\\\\xFFab"', '\\x00\\xFFab', Uint8Array.of(0, 255, 97, 98)],
  date: ["DATE '1969-12-31'", '"1969-12-31"', undefined, -kDay],
  far: ["DATE '12024-01-01'", '"12024-01-01"', undefined, Date.UTC(12024, 0, 1)],
  time: ["TIME '23:59:59.000001'", '"23:59:59.000001"', undefined, 86399000001n],
  timestamp: ["TIMESTAMP '2026-01-02 03:04:05.5'", '"2026-01-02 03:04:05.500000"', undefined, Date.UTC(2026, 0, 2, 3, 4, 5, 500)],
  nanos: ["TIMESTAMP_NS '2026-01-02 03:04:05.123456789'", '"2026-01-02 03:04:05.123456789"', undefined, null],
  instant: ["TIMESTAMPTZ '2026-01-02 03:04:05+02'", '"2026-01-02 01:04:05+00:00"', undefined, Date.UTC(2026, 0, 2, 1, 4, 5)],
  interval: ["INTERVAL '14 months 3 days 4.5 seconds'", '"1 year 2 months 3 days 00:00:04.5"', undefined, null],
  list: ["[DATE '2026-01-02', NULL]", '["2026-01-02",null]', undefined, null],
  structure: ["{'a': 1.50::DECIMAL(9,2), 'b': [TIMESTAMPTZ '2026-01-02 03:04:05+02']}", '{"a":"1.50","b":["2026-01-02 01:04:05+00:00"]}', undefined, null],
  map: ["MAP {'k': 9223372036854775807}", '{"k":9223372036854775807}', undefined, null],
};
// Types that a database has and a Parquet file has not.
const kHeld = {
  hugeint: ["'-12345678901234567890123456789'::HUGEINT", '-12345678901234567890123456789', undefined, '-12345678901234567890123456789'],
  uhugeint: ["'340282366920938463463374607431768211455'::UHUGEINT", '340282366920938463463374607431768211455', undefined, '340282366920938463463374607431768211455'],
  bits: ["'10101'::BIT", '"10101"'],
  size: ["'large'::ENUM('small', 'large')", '"large"'],
  seconds: ["TIMESTAMP_S '2026-01-02 03:04:05'", '"2026-01-02 03:04:05"', undefined, Date.UTC(2026, 0, 2, 3, 4, 5)],
  millis: ["TIMESTAMP_MS '2026-01-02 03:04:05.678'", '"2026-01-02 03:04:05.678000"', undefined, Date.UTC(2026, 0, 2, 3, 4, 5, 678)],
  offset: ["'12:00:00+02'::TIMETZ", '"12:00:00+02:00"', undefined, null],
  never: ["'infinity'::DATE", '"infinity"', undefined, null],
  ever: ["'-infinity'::TIMESTAMP", '"-infinity"', undefined, null],
};
const deep = (depth, open, close, inner) => open.repeat(depth) + inner + close.repeat(depth);
const kDeep = ["SELECT " + deep(100, "{'x': ", '}', '7') + ' AS d', deep(100, '{"x":', '}', '7')];

let site, ana, user;
const select = (values) => Object.entries(values).map(([name, [sql]]) => `${sql} AS ${name}`).join(', ');

before(async () => {
  const source = temporaryFolder();
  const close = await writeDatabase(`${temporaryFolder()}/made.duckdb`, [
    "SET TimeZone = 'UTC'",
    `COPY (SELECT ${select(kStored)}) TO '${source}/stored.parquet' (FORMAT parquet)`,
    `COPY (${kDeep[0]}) TO '${source}/deep.parquet' (FORMAT parquet)`,
  ]);
  close();
  site = await startSite({}, { source });
  await site.sync();
  ana = (await site.analyst('ana@example.com', ['stored', 'deep'])).token;
  user = makeUser();
  const init = await user.run(['init', '--server-url', site.url, '--token', ana]);
  assert.equal(init.code, 0, init.stderr);
});
after(async () => {
  user?.remove();
  await site.stop();
});

// The text of each member of a JSON object of one row, which a parser would round.
function members(text) {
  const out = {};
  let depth = 0, quoted = false, begin = 1, name;
  for (let at = 1; at < text.length; at++) {
    const c = text[at];
    if (quoted) {
      if (c === '\\') at++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ':' && depth === 0 && name === undefined) {
      name = JSON.parse(text.slice(begin, at));
      begin = at + 1;
    } else if ((c === ',' || c === '}') && depth === 0) {
      out[name] = text.slice(begin, at).trim();
      name = undefined;
      begin = at + 1;
      if (c === '}') return out;
    } else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
  }
  return out;
}
const without = (text) => text.replaceAll(/([,:]) /g, '$1');

// One row as { name: JSON text } of a statement through POST /api/query.
async function queried(sql) {
  const answer = await site.query(sql, ana);
  assert.equal(answer.status, 200, answer.text);
  const rows = answer.text.slice(answer.text.indexOf('"rows":[[') + 9, answer.text.lastIndexOf(']],"row_count"'));
  const names = JSON.parse(answer.text.slice(answer.text.indexOf('['), answer.text.indexOf(']') + 1));
  const values = Object.values(members(`{${withNames(rows)}}`));
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}
// The items of a list as members "0", "1", ... of an object.
function withNames(list) {
  let depth = 0, quoted = false, number = 0, out = '"0":';
  for (let at = 0; at < list.length; at++) {
    const c = list[at];
    out += c;
    if (quoted) {
      if (c === '\\') out += list[++at];
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
    else if (c === ',' && depth === 0) out += `"${(number += 1)}":`;
  }
  return out;
}

test('the query API has the documented form of every type', async () => {
  for (const values of [kStored, kHeld]) {
    const found = await queried(`SELECT ${select(values)}`);
    for (const [name, [, json]] of Object.entries(values)) assert.equal(found[name], json, name);
  }
});

test('what a Parquet file holds is the same by query and sample; a sample has dates as midnights', async () => {
  const found = await queried('SELECT * FROM stored');
  for (const [name, [, json]] of Object.entries(kStored)) assert.equal(found[name], json, `query: ${name}`);
  const sample = await site.get('/api/v2/sample/stored', { token: ana });
  assert.equal(sample.status, 200, sample.text);
  const sampled = members(sample.text.slice(sample.text.indexOf('"rows":[') + 8));
  for (const [name, [, json]] of Object.entries(kStored))
    assert.equal(sampled[name], name === 'date' ? '"1969-12-31T00:00:00"' : json, `sample: ${name}`);
});

test('a scan has it in types of Arrow', async () => {
  const answer = await site.post('/api/v2/scan', { table_id: 'stored' }, { token: ana });
  assert.equal(answer.status, 200, answer.text);
  const row = tableFromIPC(answer.body).get(0).toJSON();
  for (const [name, [, json, , arrow]] of Object.entries(kStored)) {
    if (arrow === null) continue;
    const found = row[name];
    if (arrow === undefined) assert.equal(String(found), json.replaceAll('"', ''), name);
    else if (typeof arrow === 'string') assert.equal(found.toString(), arrow, name);
    else assert.deepEqual(found, arrow, name);
  }
});

test('the client has it in JSON, CSV and as a table, here and remote', async () => {
  const pull = await user.run(['pull']);
  assert.equal(pull.code, 0, pull.stderr);
  for (const values of [kStored, kHeld])
    for (const where of [[], ['--remote']]) {
      const sql = values === kStored ? 'SELECT * FROM stored' : `SELECT ${select(values)}`;
      const run = async (format) => {
        const result = await user.run(['query', ...where, sql, '-f', format]);
        assert.equal(result.code, 0, result.stderr);
        return result.stdout;
      };
      const found = members((await run('json')).replace(/^\[\s*/, ''));
      const shown = await run('csv');
      for (const [name, [, json, csv]] of Object.entries(values)) {
        assert.equal(json.startsWith('"') ? found[name] : without(found[name]), json, `${where} json ${name}`);
        const text = csv ?? (json.startsWith('"') ? JSON.parse(json) : json);
        // A server's JSON has no word for NaN and infinity.
        if (where.length > 0 && json === 'null') continue;
        if (!/[[{]/.test(json)) assert.ok(shown.includes(text), `${where} csv ${name}: ${text} in ${shown}`);
      }
      const table = await run('table');
      for (const [name, [, json]] of Object.entries(values))
        if (json.startsWith('"') && !json.includes('\\')) assert.ok(table.includes(JSON.parse(json)), `${where} table ${name}`);
    }
});

test('a profile tells dates and times in the same form', async () => {
  const { json } = await site.until('a profile', async () => {
    const answer = await site.get('/api/catalog/profile/stored', { token: ana });
    return answer.status === 200 && answer;
  });
  const text = JSON.stringify(json);
  for (const name of ['date', 'far', 'timestamp', 'instant']) {
    const column = json.columns.find((each) => each.name === name);
    assert.ok(column, text);
    const day = JSON.parse(kStored[name][1]).split(' ')[0];
    assert.ok(JSON.stringify(column).includes(day), `${name}: ${JSON.stringify(column)}`);
  }
});

test('deep nesting goes through every door', async () => {
  assert.equal((await queried('SELECT * FROM deep')).d, kDeep[1]);
  const sample = must(200, await site.get('/api/v2/sample/deep', { token: ana }));
  assert.ok(sample.text.includes(kDeep[1]), sample.text);
  must(200, await site.post('/api/v2/scan', { table_id: 'deep' }, { token: ana }));
  for (const where of [[], ['--remote']]) {
    const result = await user.run(['query', ...where, 'SELECT * FROM deep', '-f', 'json']);
    assert.equal(result.code, 0, result.stderr);
    assert.ok(without(result.stdout).includes(kDeep[1]), result.stdout);
  }
});

test('equal names lose no value', async () => {
  const answer = must(200, await site.query('SELECT 1 AS a, 2 AS a, 3 AS a_1', ana)).json;
  assert.deepEqual([answer.columns, answer.rows], [['a', 'a', 'a_1'], [[1, 2, 3]]]);
  for (const where of [[], ['--remote']]) {
    const result = await user.run(['query', ...where, 'SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a', '-f', 'json']);
    assert.deepEqual(JSON.parse(result.stdout), [{ a: 1, a_2: 2, a_1: 3, a_3: 4 }], result.stderr);
  }
});
