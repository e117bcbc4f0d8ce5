// What docs/files.md says of CSV and JSON files, written a second time: the type of a column by its values, and each value
// in it. It shares no code with the program.

export const trim = (text) => text.replace(/^ +| +$/g, '');

// [sign, whole, point and part, exponent] of a number, or nothing.
const kNumber = /^([+-]?)(\d*)(\.(\d*))?([eE]([+-]?\d+))?$/;
function number(text) {
  const found = kNumber.exec(text);
  if (!found || ((found[2] ?? '') === '' && (found[4] ?? '') === '')) return undefined;
  return { sign: found[1], whole: found[2], point: found[3] !== undefined, part: found[4] ?? '', exponent: found[6] };
}

// The digits without zeros around them, and the power of ten of the first one.
function significant(text) {
  const { whole, part, exponent } = number(text);
  const all = whole + part;
  const digits = all.replace(/^0+/, '');
  const lost = all.length - digits.length;
  return { digits: digits.replace(/0+$/, ''), power: whole.length - lost + Number(exponent ?? 0) };
}
function isExactDouble(text) {
  const value = Number(text);
  const said = significant(text);
  if (said.digits === '') return true;
  if (!Number.isFinite(value) || value === 0) return false;
  if ((number(text).whole + number(text).part).replace(/^0+/, '').length > 17) return false;
  const kept = significant(Math.abs(value).toExponential());
  return said.digits === kept.digits && said.power === kept.power;
}
function isDouble(text) {
  const parts = number(text);
  if (!parts || parts.sign === '+') return false;
  const { whole, part, exponent } = parts;
  const form = exponent !== undefined ? whole.length === 1 && (part !== '' || /^[+-]/.test(exponent)) : /^(0|[1-9]\d*)?$/.test(whole) && (whole === '' ? !part.endsWith('0') : part === '0' || !part.endsWith('0'));
  return form && isExactDouble(text);
}
const isBigint = (text) => /^(0|-?[1-9]\d*)$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
const decimal = (text) => (/^-?(0|[1-9]\d*)\.\d+$/.test(text) && !/^-[0.]*$/.test(text) ? /(\d+)\.(\d+)/.exec(text) : null);

function isDate(text) {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!found || found[1] === '0000') return false;
  const date = new Date(0);
  date.setUTCFullYear(Number(found[1]), Number(found[2]) - 1, Number(found[3]));
  return date.toISOString().startsWith(text);
}
const isTime = (text) => /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$/.test(text);
const kClock = /^(.{10})[ T]((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?(\.\d{1,6})?(Z|[+-].*)?$/;
function moment(text) {
  if (isDate(text)) return { day: text, clock: '00:00', seconds: ':00', fraction: '' };
  const found = kClock.exec(text);
  if (!found || !isDate(found[1]) || (found[4] && !found[3])) return undefined;
  const [, day, clock, seconds = ':00', fraction = '', offset] = found;
  if (offset !== undefined && offset !== 'Z' && !/^[+-](0\d|1[0-5])(:?[0-5]\d)?$/.test(offset)) return undefined;
  return { day, clock, seconds, fraction, offset };
}
const fractionOf = (text) => text.replace(/0+$/, '').replace(/^\.$/, '');

function instant({ day, clock, seconds, fraction, offset }) {
  const found = /^([+-])(\d\d):?(\d\d)?$/.exec(offset === 'Z' ? '+00' : offset);
  const minutes = (Number(found[2]) * 60 + Number(found[3] ?? 0)) * (found[1] === '-' ? -1 : 1);
  const date = new Date(0);
  date.setUTCFullYear(Number(day.slice(0, 4)), Number(day.slice(5, 7)) - 1, Number(day.slice(8)));
  const millis = date.getTime() + (Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3)) - minutes) * 60_000 + Number(seconds.slice(1)) * 1000;
  const iso = new Date(millis).toISOString();
  if (iso.startsWith('-') || iso.startsWith('+')) return undefined;  // years that this model leaves out
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fractionOf(fraction)}+00`;
}

// In the order of the table in docs/files.md. `value`: the text that the value has in every answer, in one form.
const kTypes = [
  { type: () => 'BOOLEAN', fits: (texts) => texts.every((text) => /^(true|false)$/i.test(text)), value: (text) => text.toLowerCase() },
  { type: () => 'BIGINT', fits: (texts) => texts.every(isBigint), value: (text) => text },
  {
    type: (texts) => {
      const digits = Math.max(...texts.map((text) => decimal(text)[0].length - 1));
      return `DECIMAL(${digits <= 18 ? 18 : 38},${decimal(texts[0])[2].length})`;
    },
    fits: (texts) => texts.every((text) => decimal(text) && decimal(text)[2].length === decimal(texts[0])[2].length && decimal(text)[0].length - 1 <= 38),
    value: (text) => text,
  },
  { type: () => 'DOUBLE', fits: (texts) => texts.every(isDouble), value: (text) => Number(text) },
  { type: () => 'TIME', fits: (texts) => texts.every(isTime), value: (text) => text.slice(0, 8) + fractionOf(text.slice(8)) },
  { type: () => 'DATE', fits: (texts) => texts.every(isDate), value: (text) => text },
  {
    type: () => 'TIMESTAMP',
    fits: (texts) => texts.every((text) => moment(text) && moment(text).offset === undefined),
    value: (text) => {
      const { day, clock, seconds, fraction } = moment(text);
      return `${day} ${clock}${seconds}${fractionOf(fraction)}`;
    },
  },
  { type: () => 'TIMESTAMP WITH TIME ZONE', fits: (texts) => texts.every((text) => moment(text)?.offset !== undefined), value: (text) => instant(moment(text)) },
];

// The text in the form that it has without settings.
export function plain(text, { decimal: point = '.', thousands, date_order: order }) {
  const inner = trim(text);
  if (order) {
    const found = /^(\d+)([./-])(\d+)\2(\d+)([ T].*)?$/.exec(inner);
    if (found) {
      const parts = { [order[0]]: found[1], [order[1]]: found[3], [order[2]]: found[4] };
      if (parts.y.length === 4 && parts.m.length <= 2 && parts.d.length <= 2)
        return `${parts.y}-${parts.m.padStart(2, '0')}-${parts.d.padStart(2, '0')}${found[5] ?? ''}`;
    }
  }
  if (point === '.' && !thousands) return text;
  const escape = (c) => c.replace(/[.]/g, '\\.');
  const whole = thousands ? `(?:\\d{1,3}(?:${escape(thousands)}\\d{3})+|\\d*)` : '\\d*';
  const form = new RegExp(`^[+-]?${whole}(?:${escape(point)}\\d*)?(?:[eE][+-]?\\d+)?$`);
  if (form.test(inner)) {
    const usual = (thousands ? inner.replaceAll(thousands, '') : inner).replace(point, '.');
    if (number(usual)) return usual;
  }
  return number(inner) ? `no number: ${text}` : text;
}

// What columns have in common, to tell a header from rows: '' for texts.
function kindOf(text) {
  const found = kTypes.find((each) => each.fits([text]))?.type([text]);
  if (found === 'BOOLEAN') return 'truth';
  if (found === 'DATE' || found?.startsWith('TIME')) return 'moment';
  return found || number(text) || /^(nan|-?inf)$/i.test(text) ? 'number' : '';
}

// `cells`: of a file's records, { text, quoted }. Gives { names, types, rows }: rows of texts, numbers (of DOUBLE) and null.
export function readCsv(cells, settings = {}) {
  const isNull = (cell) => !cell.quoted && (cell.text === '' || cell.text === settings.null_text);
  const usual = (cell) => trim(plain(cell.text, settings));
  const kindsOf = (column) => {
    const kinds = new Set(cells.slice(1).map((row) => row[column]).filter((cell) => !isNull(cell) && cell.text !== '').map((cell) => kindOf(usual(cell))));
    return kinds.size === 0 ? undefined : kinds.size === 1 ? [...kinds][0] : '';
  };
  const [first] = cells;
  const standsAlone = cells.length === 1 && new Set(first.map((cell) => cell.text)).size === first.length && first.some((cell) => trim(cell.text) !== '' && kindOf(usual(cell)) === '');
  const isYear = (text) => /^\d{4}$/.test(text) && text >= '1800' && text <= '2100';
  const names = first.map((cell, i) => ({ text: trim(cell.text), like: cells.slice(1).some((row) => !isNull(row[i]) && row[i].text !== '' && (row[i].text === cell.text || (isYear(cell.text) && isYear(row[i].text)))) })).filter(({ text }) => text !== '');
  const years = names.filter(({ text }) => isYear(text)).map(({ text }) => Number(text));
  const namesYears =
    cells.length > 1 && years.length > 1 && years.length < names.length && years.every((year, i) => year === years[0] + i) && names.every(({ text, like }) => !like && (isYear(text) || kindOf(text) === ''));
  const hasHeader =
    settings.header ??
    (standsAlone ||
      namesYears ||
      first.every((cell) => kindOf(usual(cell)) === '') ||
      first.some((cell, i) => cell.text !== '' && kindsOf(i) !== undefined && kindOf(usual(cell)) !== kindsOf(i)));
  const rows = hasHeader ? cells.slice(1) : cells;
  const digits = String(first.length - 1).length;
  const columns = first.map((cell, i) => (hasHeader && trim(cell.text)) || `column${String(i).padStart(digits, '0')}`);
  const types = columns.map((_, i) => {
    const texts = rows.map((row) => row[i]).filter((cell) => !isNull(cell) && cell.text !== '').map(usual);
    const rule = texts.length > 0 ? kTypes.find((each) => each.fits(texts)) : undefined;
    return rule && { name: rule.type(texts), value: rule.value };
  });
  return {
    names: columns,
    types: types.map((type) => type?.name ?? 'VARCHAR'),
    rows: rows.map((row) =>
      row.map((cell, i) => {
        if (isNull(cell)) return null;
        if (types[i] === undefined) return cell.text;
        return cell.text === '' ? null : types[i].value(usual(cell));
      }),
    ),
  };
}

// `column`: values of a key in a JSON file, { text, kind } with the kinds number, string and truth, or null.
export function readJson(column) {
  const given = column.filter((cell) => cell !== null);
  // What nothing quotes is no code: 1E3 is a number.
  const texts = given.map((cell) => (cell.kind === 'number' ? cell.text.replace(/^(-?\d[eE])(\d)/, '$1+$2') : cell.text));
  const kinds = new Set(given.map((cell) => cell.kind));
  const [kind] = kinds;
  const names = { number: /^(BIGINT|DECIMAL|DOUBLE)/, string: /^(DATE|TIME)/, truth: /^BOOLEAN/ };
  const fits = (type) => type.fits(texts) && names[kind].test(type.type(texts)) && (kind !== 'string' || texts.every((text) => /^.{10}[ T]..:..:/.test(text) || !moment(text)?.offset));
  const rule = kinds.size === 1 ? kTypes.find(fits) : undefined;
  return { type: rule?.type(texts) ?? 'VARCHAR', values: column.map((cell) => cell && (rule?.value ?? String)(cell.text)) };
}
