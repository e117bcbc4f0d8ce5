// Random tables of every type, written as CSV in every dialect, as JSON lines and as Parquet: what query and download give
// is what tests/lib/files-model.mjs makes of the same cells. AGNES_FILES_SEED and AGNES_FILES_TABLES choose others.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openDatabase, writeDatabase } from '../lib/duckdb.mjs';
import { readCsv, readJson } from '../lib/files-model.mjs';
import { must, temporaryFolder } from '../lib/server.mjs';
import { startSite } from '../lib/site.mjs';

const kSeed = Number(process.env.AGNES_FILES_SEED ?? 3);
const kTables = Number(process.env.AGNES_FILES_TABLES ?? 60);
// More rows than are looked at before the types are suggested.
const kManyRows = 20_600;

let state = kSeed;
const number = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const upto = (most) => Math.floor(number() * (most + 1));
const one = (list) => list[upto(list.length - 1)];
const chance = (percent) => number() * 100 < percent;
const times = (count, make) => Array.from({ length: count }, (_, i) => make(i));
const pad = (value, size = 2) => String(value).padStart(size, '0');
const digits = (count) => times(count, (i) => (i === 0 ? 1 + upto(8) : upto(9))).join('');
const sign = () => (chance(30) ? '-' : '');

const date = () => `${pad(1 + upto(9998), 4)}-${pad(1 + upto(11))}-${pad(1 + upto(27))}`;
const clock = () => `${pad(upto(23))}:${pad(upto(59))}`;
const fraction = () => (chance(40) ? `.${times(1 + upto(5), () => upto(9)).join('')}` : '');
const moment = () => `${pad(1000 + upto(8000), 4)}-${pad(1 + upto(11))}-${pad(1 + upto(27))}${one([' ', 'T'])}${clock()}${chance(80) ? `:${pad(upto(59))}${fraction()}` : ''}`;
const offset = () => one(['Z', '+02:00', '-0930', '+05', '+00:00', '-15:59']);
const floating = () => `${sign()}${upto(1) ? 0 : digits(1 + upto(8))}.${times(upto(9), () => upto(9)).join('')}${1 + upto(8)}`;

// One function a kind of column, which gives the function of its values.
const kColumns = {
  whole: () => () => one([() => sign() + digits(1 + upto(17)), () => String(upto(100)), () => '9223372036854775807', () => '-9223372036854775808'])(),
  long: () => () => sign() + digits(19 + upto(30)),
  decimal: () => {
    const places = 1 + upto(5);
    return () => `${sign()}${chance(20) ? '0' : digits(1 + upto(9))}.${digits(places)}`;
  },
  wide: () => {
    const places = 1 + upto(18);
    return () => `${digits(1 + upto(21))}.${digits(places)}`;
  },
  double: () => () => one([floating, floating, () => String(upto(1000)), () => `${1 + upto(8)}.${1 + upto(8)}e-0${1 + upto(8)}`, () => `${1 + upto(8)}e+${1 + upto(250)}`, () => `${upto(9)}.0`])(),
  precise: () => () => String((number() - 0.5) * 10 ** (upto(40) - 20)),
  date: () => date,
  moment: () => () => (chance(15) ? date() : moment()),
  instant: () => () => `${moment()}${offset()}`,
  time: () => () => `${clock()}:${pad(upto(59))}${fraction()}`,
  truth: () => () => one(['true', 'false', 'TRUE', 'False']),
  uuid: () => () => [8, 4, 4, 4, 12].map((size) => times(size, () => one([...'0123456789abcdefABCDEF'])).join('')).join('-'),
  code: () => () => pad(upto(99999), 6),
  version: () => () => `${upto(9)}.${upto(30)}`,
  text: () => () => times(upto(8), () => one(kCharacters)).join(''),
  word: () => () => one(['oslo', 'Brno', 'x', 'yes', 'N/A', 'null', 'NULL']),
};
const kCharacters = ['a', 'Z', '0', ' ', ' ', ',', ';', '|', '\t', '"', "'", '\\', '\n', '\r\n', '\r', 'é', '€', 'ß', '漢', '🐴', '#', '=', '.', '-', '\u0001', '\u00a0', '{', '%'];
const kOddities = ['007', '+5', '-0', '-0.0', '-0.00', '1e400', '1e-400', 'nan', 'inf', '1_000', '12E4', '1E3', '1.5E3', '5.', '.5', '.50', '-', '24:00:00', '10:15', '2024-02-30', '2024-1-5', '0000-01-01', '10.11.12',
  'infinity', '2024-01-02 03:04:60', '2024-01-01 00:00:00.123456789', '9007199254740993', '9007199254740992', '100000000000000000000', '0.1000000000000000055511151231257827', '1,5', '1.234,56', '1.50', '2', '0', '5e-324',
  '1.7976931348623157e308', '2.2250738585072014e-308', '0.30000000000000004', '12345678901234567.5', 'true', 't', '1.2.2024', '01/02/2024', '2024-01-02T03:04Z', '2024-01-02', '1\u00a0000', '\ufeff', '   ', '12 345', "1'000.25", '1,000'];

// As the table's settings say that numbers and dates are written.
function localised(text, { decimal, thousands, date_order: order }) {
  let out = text;
  if (/^-?\d+(\.\d+)?$/.test(text) && chance(90)) {
    let [whole, part] = text.split('.');
    if (thousands && chance(70)) whole = whole.replace(/\B(?=(\d{3})+$)/g, thousands);
    out = part === undefined ? whole : `${whole}${decimal ?? '.'}${part}`;
  }
  const day = /^(\d{4})-(\d\d)-(\d\d)(.*)$/.exec(text);
  if (order && day && chance(80)) {
    const mark = one(['.', '/', '-']);
    const short = chance(30) ? Number : (x) => x;
    out = [...order].map((each) => (each === 'y' ? day[1] : short(each === 'm' ? day[2] : day[3]))).join(mark) + day[4];
  }
  return out;
}

function settingsFor() {
  const out = {};
  if (chance(12)) out.decimal = ',';
  if (chance(10)) out.thousands = one(out.decimal ? ['.', "'", ' '] : [',', "'", ' ']);
  if (chance(10)) out.date_order = one(['dmy', 'mdy', 'ymd']);
  if (chance(15)) out.null_text = one(['NULL', 'N/A', '-', '\\N', '0', 'x']);
  if (chance(12)) out.header = chance(50);
  if (chance(15)) out.quote = out.escape = "'";
  if (chance(10)) out.escape = '\\';
  return out;
}

// What each encoding can write; nothing for what it cannot.
const kCp1252 = new Map(times(256, (byte) => [new TextDecoder('windows-1252').decode(Uint8Array.of(byte)), byte]).filter(([, byte]) => ![0x81, 0x8d, 0x8f, 0x90, 0x9d].includes(byte)));
const kEncodings = {
  'utf-8': (text) => Buffer.from(text),
  'utf-8 mark': (text) => Buffer.from(`\ufeff${text}`),
  'utf-16le mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'utf-16be mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
  'utf-16': (text) => Buffer.from(text, 'utf16le'),
  'utf-16be': (text) => Buffer.from(text, 'utf16le').swap16(),
  'latin-1': (text) => ([...text].every((c) => c < '\u0080' || (c >= '\u00a0' && c <= '\u00ff')) ? Buffer.from(text, 'latin1') : undefined),
  cp1252: (text) => ([...text].every((c) => kCp1252.has(c)) ? Buffer.from([...text].map((c) => kCp1252.get(c))) : undefined),
};

// A zstd frame of blocks that are not compressed.
function zstd(bytes) {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58])];
  for (let at = 0; at === 0 || at < bytes.length; at += 100_000) {
    const block = bytes.subarray(at, at + 100_000);
    const head = Buffer.alloc(4);
    head.writeUInt32LE((block.length << 3) | (at + 100_000 >= bytes.length ? 1 : 0));
    parts.push(head.subarray(0, 3), block);
  }
  return Buffer.concat(parts);
}
const kPackings = {
  '': (bytes) => bytes,
  '.gz': (bytes) => gzipSync(bytes),
  '.GZ': (bytes) => Buffer.concat([gzipSync(bytes.subarray(0, 10)), gzipSync(bytes.subarray(10))]),
  '.zst': zstd,
};

function names(count, settings) {
  const out = new Set();
  while (out.size < count)
    out.add(chance(8) ? String(2000 + upto(30)) : `${one(['id', 'Name', 'amount', 'das Feld', 'x,y', 'a;b;c;d', 'é', 'q"q', 'two\nlines', '#', "it's"])}${out.size}`);
  const list = [...out];
  if (settings.header === undefined && chance(10)) list[upto(count - 1)] = '';
  return list;
}

// A table as records of cells, and the settings and bytes of a file that says it.
function makeTable() {
  const settings = settingsFor();
  const width = 1 + upto(5);
  const long = chance(4);
  const columns = times(width, () => {
    const make = kColumns[one(Object.keys(kColumns))]();
    const oddities = chance(25);
    return () => {
      if (chance(12)) return null;
      const value = localised(oddities && chance(20) ? one(kOddities) : make(), settings);
      return chance(2) ? ` ${value} ` : value;
    };
  });
  let rows = times(upto(12), () => columns.map((make) => make()));
  if (long) rows = [...times(kManyRows, (i) => (rows.length > 0 ? rows[i % rows.length] : columns.map((make) => make()))), ...times(3, () => columns.map((make) => make()))];
  const records = [...(settings.header === false ? [] : [names(width, settings)]), ...rows];
  if (records.length === 0) records.push(columns.map((make) => make() ?? 'x'));

  const tsv = chance(10);
  const known = width === 1 ? ',' : one([',', ',', ';', '\t', '|']);
  const delimiter = tsv ? '\t' : chance(12) ? (settings.delimiter = one(['::', '||', '~', ' ', ...known])) : known;
  const quote = settings.quote ?? '"';
  const escape = settings.escape ?? quote;
  const always = chance(15);
  const spaces = delimiter !== ' ' && chance(5);
  const lines = one([['\n'], ['\n'], ['\r\n'], ['\r'], ['\n', '\r\n']]);
  const alone = lines[0] === '\r';
  const extra = chance(8);
  const blank = width > 1 && chance(8);

  const cells = records.map((record, i) =>
    record.map((text) => {
      if (text === null) return width === 1 && i === 0 ? { text: '', quoted: true } : { text: settings.null_text && chance(50) ? settings.null_text : '', quoted: false };
      const within = text.includes(delimiter) || (delimiter.length > 1 && text.endsWith(delimiter[0])) || /[\n]/.test(text) || (/\r/.test(text) && (alone || i === 0 || text.endsWith('\r') || chance(70)));
      const marks = text.includes(quote) && (trimStart(text).startsWith(quote) || chance(70));
      const other = i === 0 && !settings.delimiter && /[,;\t|]/.test(text);
      return { text, quoted: other || always || within || marks || text === '' || text === settings.null_text || chance(5) };
    }),
  );
  const written = (cell) => {
    if (!cell.quoted) return cell.text;
    const before = spaces ? ' '.repeat(upto(1)) : '';
    const behind = spaces ? ' '.repeat(upto(2)) : '';
    return `${before}${quote}${[...cell.text].map((c) => (c === quote || c === escape ? escape + c : c)).join('')}${quote}${behind}`;
  };
  const end = () => one(lines);
  let text = '';
  if (chance(8)) {
    settings.skip = 1 + upto(2);
    text += times(settings.skip, () => one(['A title', 'a,b;c', 'it "is', ''])).map((line) => line + end()).join('');
  }
  if (chance(8)) text += end();
  if (width > 1 && delimiter.length === 1 && chance(5)) text += `sep=${delimiter}${end()}`;
  cells.forEach((record, i) => {
    if (blank && i > 0 && chance(10)) text += end();
    text += record.map(written).join(delimiter) + (extra && i > 0 && chance(50) ? delimiter : '');
    const isEmptyLine = width === 1 && written(record[0]) === '';
    if (i + 1 < cells.length || isEmptyLine || chance(80)) text += end();
  });
  let encoding = one(Object.keys(kEncodings));
  let bytes = kEncodings[encoding](text);
  if (bytes === undefined) bytes = kEncodings[(encoding = 'utf-8')](text);
  if (!encoding.endsWith(' mark') && encoding !== 'utf-8') settings.encoding = encoding;
  const packing = one(['', '', ...Object.keys(kPackings)]);
  return { settings, expected: readCsv(cells, settings), file: `.${tsv ? 'tsv' : 'csv'}${packing}`, bytes: kPackings[packing](bytes), text };
}
const trimStart = (text) => text.replace(/^ +/, '');

// JSON lines: { name, expected, settings, file, bytes, text }.
function makeJson() {
  const makers = {
    number: [kColumns.whole, kColumns.long, kColumns.decimal, kColumns.wide, kColumns.double, kColumns.precise, kColumns.version],
    string: [kColumns.date, kColumns.moment, kColumns.instant, kColumns.time, kColumns.uuid, kColumns.code, kColumns.text, kColumns.whole],
    truth: [() => () => one(['true', 'false'])],
  };
  const rows = 1 + upto(12);
  const columns = times(1 + upto(5), () => {
    const kind = one(['number', 'number', 'string', 'string', 'truth']);
    const make = one(makers[kind])();
    const mixed = chance(8);
    return times(rows, () => {
      if (chance(12)) return null;
      if (mixed && chance(20)) return { kind: 'string', text: one(kOddities) };
      return { kind, text: make() };
    });
  });
  const lines = times(rows, (row) => {
    const members = columns.map((column, i) => {
      const cell = column[row];
      return `"c${i}": ${cell === null ? 'null' : cell.kind === 'string' ? JSON.stringify(cell.text) : cell.text}`;
    });
    return `{${members.join(', ')}}`;
  });
  const text = lines.join(one(['\n', '\r\n']));
  const read = columns.map(readJson);
  return {
    expected: { names: columns.map((_, i) => `c${i}`), types: read.map((column) => column.type), rows: times(rows, (row) => read.map((column) => column.values[row])) },
    file: '.jsonl',
    bytes: Buffer.from(text),
    text,
    settings: {},
  };
}

// Texts of values that a Parquet file has in each type.
const kStored = {
  BIGINT: kColumns.whole(),
  UBIGINT: () => one(['0', '18446744073709551615', digits(1 + upto(17))]),
  TINYINT: () => String(upto(255) - 128),
  'DECIMAL(38,5)': () => `${sign()}${digits(1 + upto(32))}.${digits(5)}`,
  'DECIMAL(9,2)': () => `${digits(1 + upto(6))}.${digits(2)}`,
  DOUBLE: () => String((number() - 0.5) * 10 ** (upto(40) - 20)),
  DATE: date,
  TIMESTAMP: () => moment().replace('T', ' ').replace(/^(.{16})$/, '$1:00'),
  TIMESTAMP_NS: () => `20${pad(upto(99))}-01-01 ${clock()}:00.${digits(9)}`,
  'TIMESTAMP WITH TIME ZONE': () => `20${pad(upto(99))}-01-01 ${clock()}:00+00`,
  TIME: () => `${clock()}:${pad(upto(59))}${fraction()}`,
  BOOLEAN: () => one(['true', 'false']),
  UUID: () => kColumns.uuid()().toLowerCase(),
  VARCHAR: kColumns.text(),
};
function makeParquet() {
  const types = times(1 + upto(5), () => one(Object.keys(kStored)));
  const values = types.map((type) => times(1 + upto(20), () => (chance(10) ? null : kStored[type]())));
  const rows = times(values[0].length, (row) => values.map((column) => column[row % column.length]));
  const literal = (value, type) => (value === null ? `NULL::${type}` : `'${value.replaceAll("'", "''")}'::${type}`);
  const select = rows.map((row) => `SELECT ${row.map((value, i) => `${literal(value, types[i])} AS c${i}`).join(', ')}`).join(' UNION ALL ');
  const options = `COMPRESSION ${one(['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli'])}, PARQUET_VERSION ${one(['v1', 'v2'])}, ROW_GROUP_SIZE ${one([2048, 122880])}`;
  return { expected: { names: types.map((_, i) => `c${i}`), types, rows: rows.map((row) => row.map((value, i) => inOneForm(types[i], value))) }, file: '.parquet', select, options, text: select, settings: {} };
}

let site, scratch, reader;
before(async () => {
  scratch = temporaryFolder();
  (await writeDatabase(path.join(scratch, 'empty.duckdb'), []))();
  reader = await openDatabase(path.join(scratch, 'empty.duckdb'));
});
after(async () => {
  reader?.close();
  await site?.stop();
});

// Numbers of an answer keep their digits: they become texts.
const withTexts = (json) => JSON.parse(json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false/g, (token) => (token.startsWith('"') ? token : `"${token}"`)));
// A value of an answer in the one form of the model.
function inOneForm(type, value) {
  if (value === null || type === 'VARCHAR') return value;
  if (type === 'DOUBLE') return Number(value);
  if (!type.startsWith('TIME')) return value;
  return value.replace(/\+00:00$/, '+00').replace(/(\.\d*?)0*(\+00)?$/, (_, part, zone = '') => (part === '.' ? '' : part) + zone);
}

async function check({ name, expected: { names: columns, types, rows } }) {
  const schema = must(200, await site.get(`/api/v2/schema/${name}`, { token: site.admin.token })).json.columns;
  assert.deepEqual(schema.map((column) => [column.name, column.type]), columns.map((column, i) => [column, types[i]]));
  const compare = (read, door) => {
    const found = read.map((row) => row.map((value, i) => inOneForm(types[i], value)));
    assert.equal(found.length, rows.length, `${door}: rows`);
    found.forEach((row, i) => assert.deepEqual(row, rows[i], `${door}: row ${i}: ${JSON.stringify(row)} is not ${JSON.stringify(rows[i])}`));
  };
  const answer = must(200, await site.query(`SELECT * FROM ${name}`, site.admin.token, { limit: 100_000 }));
  compare(withTexts(answer.text).rows, 'query');
  const download = must(200, await site.get(`/api/data/${name}/download`, { token: site.admin.token }));
  const copy = path.join(scratch, `${name}.parquet`);
  writeFileSync(copy, download.body);
  const list = columns.map((column, i) => {
    const quoted = `"${column.replaceAll('"', '""')}"`;
    return types[i] === 'TIMESTAMP WITH TIME ZONE' ? `(${quoted} AT TIME ZONE 'UTC')::VARCHAR || '+00' AS c${i}` : `${quoted}::VARCHAR AS c${i}`;
  });
  compare((await reader.rows(`SELECT ${list.join(', ')} FROM read_parquet('${copy}')`)).map((row) => Object.values(row)), 'download');
}

test('tables in CSV, JSON and Parquet are read as they are written', async () => {
  const source = temporaryFolder();
  const tables = times(kTables, (i) => {
    const table = i % 6 === 4 ? makeJson() : i % 6 === 5 ? makeParquet() : makeTable();
    return { name: `t${i}`, ...table };
  });
  const copies = tables.filter((table) => table.select).map(({ name, select, options }) => `COPY (${select}) TO '${source}/${name}.parquet' (FORMAT parquet, ${options})`);
  (await writeDatabase(path.join(scratch, 'made.duckdb'), ["SET TimeZone = 'UTC'", ...copies]))();
  // Ten thousand columns fit into the default memory of a sync.
  const wide = times(10_000, (i) => `c${i}`);
  writeFileSync(path.join(source, 'wide.csv'), [wide, ...times(3, (row) => wide.map((name) => `${name}x${row}`))].map((record) => record.join()).join('\n'));
  for (const table of tables) if (table.bytes) writeFileSync(path.join(source, table.name + table.file), table.bytes);
  const set = Object.fromEntries(tables.map((table) => [table.name, table.settings]));
  site = await startSite({}, { source, settings: `    tables: ${JSON.stringify(set)}\n` });
  await site.sync();
  const { problems = [], failures = [] } = must(200, await site.get('/api/health/detailed', { token: site.admin.token })).json.services.data;
  const why = (name) => JSON.stringify([...problems, ...failures].filter((each) => each.table === name || each.message?.startsWith(`${name}.`)));

  const answer = must(200, await site.query('SELECT c0, c5000, c9999 FROM wide', site.admin.token));
  assert.deepEqual(answer.json.rows, times(3, (row) => ['c0', 'c5000', 'c9999'].map((name) => `${name}x${row}`)), why('wide'));

  const wrong = [];
  for (const table of tables) {
    try {
      await check(table);
    } catch (error) {
      const { name, file, settings, text } = table;
      const shown = text.length > 2000 ? `${text.slice(0, 1000)} ... ${text.slice(-800)}` : text;
      wrong.push(`${name}${file} ${JSON.stringify(settings)}\n${JSON.stringify(shown)}\n${error.message}\n${why(name)}`);
    }
  }
  assert.equal(wrong.length, 0, `seed ${kSeed}: ${wrong.length} of ${kTables} tables\n${wrong.slice(0, 5).join('\n\n')}`);
});
