// What pages show of a terminal: blocks of ```console, in which lines with "$ " are commands and the others what they print.
//
// In what is printed "..." stands for anything, and a line of it for any lines; times, sizes and speeds may differ.
import { spawnSync } from 'node:child_process';

// [{ command, printed: [line] }], in order; of ```yaml the whole text as { yaml }.
export function steps(markdown) {
  const out = [];
  for (const [, kind, text] of markdown.matchAll(/^```(console|yaml)\n([^]*?)^```$/gm)) {
    if (kind === 'yaml') {
      out.push({ yaml: text });
      continue;
    }
    for (const line of text.trimEnd().split('\n'))
      if (line.startsWith('$ ')) out.push({ command: line.slice(2), printed: [] });
      else out.at(-1).printed.push(line);
  }
  return out;
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export function pattern(printed) {
  const lines = printed.map((line) => {
    if (line === '...') return '(?:.*\\n)*?';
    return `${escaped(line).replaceAll('\\.\\.\\.', '.*').replace(/\d+(?:\\\.\d+)?(?= ms\b| s\b| KB\b)/g, '[\\d.]+')} *\\n`;
  });
  return new RegExp(`^${lines.join('')}$`);
}

// Runs a command as somebody would type it; what goes to both outputs is one text.
export function shell(command, { cwd, env, input = '' }) {
  const done = spawnSync('bash', ['-c', `{ ${command}\n} 2>&1`], { cwd, env, input, encoding: 'utf8' });
  return { status: done.status, text: done.stdout };
}
