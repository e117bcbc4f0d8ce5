// The commands of `agnes`, as it describes them itself (`agnes --help --json`), and the part of docs/cli.md that follows
// from them.
//
// usage: node tests/lib/cli-help.mjs   writes that part of docs/cli.md; tests/e2e/cli-docs.test.mjs compares it
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from './agnes.mjs';

export const page = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../docs/cli.md');
const kBegin = '<!-- From here to the end: made by node tests/lib/cli-help.mjs -->\n';
const kWidth = 110;

// Every command with its full name, groups before what they hold.
export function commands() {
  const { stdout, status } = spawnSync(program, ['--help', '--json'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`agnes --help --json ended with ${status}`);
  const flat = (command) => [command, ...command.commands.flatMap(flat)];
  return flat(JSON.parse(stdout));
}

// A JSON Schema as an example of what it describes, with the types in the places of values.
function shape(schema, schemas, indent = '') {
  if (schema.$ref) return shape(schemas[schema.$ref.split('/').at(-1)], schemas, indent);
  const either = schema.anyOf ?? schema.oneOf;
  if (either) {
    const types = either.filter((s) => s.type !== 'null');
    return types.map((s) => shape(s, schemas, indent)).join(' | ') + (types.length < either.length ? ' | null' : '');
  }
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(' | ');
  if (schema.allOf) return shape(schema.allOf[0], schemas, indent);
  const inner = `${indent}  `;
  const block = (open, parts, close) => {
    const line = `${open}${parts.join(', ')}${close}`;
    if (line.length + indent.length <= kWidth && !line.includes('\n')) return line;
    // As many on a line as fit.
    const lines = [];
    for (const part of parts) {
      const longer = `${lines.at(-1)}, ${part}`;
      if (lines.length && !longer.includes('\n') && inner.length + longer.length < kWidth) lines[lines.length - 1] = longer;
      else lines.push(part);
    }
    return `${open}\n${inner}${lines.join(`,\n${inner}`)}\n${indent}${close}`;
  };
  if (schema.type === 'array') return block('[', [shape(schema.items ?? {}, schemas, inner), '...'], ']');
  if (schema.properties) {
    const parts = Object.entries(schema.properties).map(([key, value]) => `${JSON.stringify(key)}: ${shape(value, schemas, inner)}`);
    return block('{', parts, '}');
  }
  if (schema.type === 'object') {
    if (typeof schema.additionalProperties !== 'object') return '{...}';
    return block('{', [`NAME: ${shape(schema.additionalProperties, schemas, inner)}`, '...'], '}');
  }
  const types = [schema.type ?? 'any'].flat();
  return types.map((type) => (type === 'string' && schema.format === 'date-time' ? 'time' : type)).join(' | ');
}

const kEveryCommand = ['--json'];
export function reference() {
  const code = (text) => `\`${text}\``;
  return commands()
    .map((c) => {
      const lines = [`## ${c.name}`, '', `${c.help}.`, '', code(c.usage)];
      const options = c.options.filter((o) => !kEveryCommand.includes(o.names)).map((o) => ({ name: `${o.names} ${o.value}`.trim(), help: o.help }));
      const rows = [...c.arguments, ...options];
      if (rows.length) {
        lines.push('', '| | |', '|---|---|');
        for (const { name, help } of rows) lines.push(`| ${code(name)} | ${help.replaceAll('|', '\\|')} |`);
      }
      if (c.example) lines.push('', '```bash', ...c.example.split('\n').filter(Boolean).map((l) => l.trim()), '```');
      for (const { when, shape: schema } of c.answers ?? [])
        lines.push('', `JSON${when ? ` with ${code(when)}` : ''}:`, '', '```', shape(schema, c.schemas), '```');
      return lines.join('\n');
    })
    .join('\n\n');
}

export const documented = () => readFileSync(page, 'utf8').split(kBegin);
export const write = () => writeFileSync(page, `${documented()[0]}${kBegin}\n${reference()}\n`);

if (process.argv[1] === fileURLToPath(import.meta.url)) write();
