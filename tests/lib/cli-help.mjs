// The commands of `agnes`, read off its own --help, and the part of docs/cli.md that follows from them.
//
// usage: node tests/lib/cli-help.mjs   writes that part of docs/cli.md; tests/e2e/cli-docs.test.mjs compares it
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from './agnes.mjs';

export const page = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../docs/cli.md');
const kBegin = '<!-- From here to the end: made by node tests/lib/cli-help.mjs -->\n';

// [{ name, help, arguments: [{name, help}], options: [...], example }], groups before what they hold.
export function commands(words = []) {
  const { stdout, status } = spawnSync(program, [...words, '--help'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`agnes ${words.join(' ')} --help ended with ${status}`);
  const sections = {};
  let section = 'help';
  for (const line of stdout.split('\n')) {
    const title = /^(Usage|Options|Arguments|Commands|Example):/.exec(line);
    if (title) section = title[1];
    (sections[section] ??= []).push(line);
  }
  // A name, at least two spaces, a text; or a long name with its text on the next line.
  const entries = (lines = []) => {
    const found = [];
    for (const line of lines.slice(1)) {
      const entry = /^ {2}(\S.*?)(?: {2,}(\S.*))?$/.exec(line);
      if (entry) found.push({ name: entry[1], help: entry[2] ?? '' });
      else if (line.trim() && found.length) found.at(-1).help += ` ${line.trim()}`;
    }
    return found.map(({ name, help }) => ({ name, help: help.trim() }));
  };
  const command = {
    name: ['agnes', ...words].join(' '),
    help: sections.help[0],
    usage: sections.Usage[0].replace('Usage: ', ''),
    arguments: entries(sections.Arguments),
    options: entries(sections.Options).filter((o) => !o.name.startsWith('-h,')),
    example: (sections.Example ?? []).slice(1).filter(Boolean).map((l) => l.trim()),
  };
  const children = entries(sections.Commands).map((c) => c.name);
  return [command, ...children.flatMap((child) => commands([...words, child]))];
}

export function reference() {
  const code = (text) => `\`${text}\``;
  return commands()
    .map((c) => {
      const lines = [`## ${c.name}`, '', `${c.help}.`, '', code(c.usage)];
      const rows = [...c.arguments, ...c.options];
      if (rows.length) {
        lines.push('', '| | |', '|---|---|');
        for (const { name, help } of rows) lines.push(`| ${code(name)} | ${help.replaceAll('|', '\\|')} |`);
      }
      if (c.example.length) lines.push('', '```bash', ...c.example, '```');
      return lines.join('\n');
    })
    .join('\n\n');
}

export const documented = () => readFileSync(page, 'utf8').split(kBegin);
export const write = () => writeFileSync(page, `${documented()[0]}${kBegin}\n${reference()}\n`);

if (process.argv[1] === fileURLToPath(import.meta.url)) write();
