// agnes completion: the scripts, in the shells themselves. bash is everywhere; zsh and fish where they are installed, and
// otherwise what their scripts hold is compared with the commands.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';
import { commands } from '../lib/cli-help.mjs';

let user;
before(() => (user = makeUser()));
after(() => user.remove());
const script = async (shell) => {
  const result = await user.run(['completion', shell]);
  assert.equal(result.code, 0, result.stderr);
  writeFileSync(user.file(`agnes.${shell}`), result.stdout);
  return result.stdout;
};
const installed = (shell) => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const run = (shell, args, input) => {
  const { status, stdout, stderr } = spawnSync(shell, args, { cwd: user.workspace, encoding: 'utf8', input, env: { PATH: process.env.PATH, HOME: user.home, TERM: 'dumb' } });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(Boolean);
};

// Words before the cursor -> some that are offered, some that are not.
const kCases = [
  [['agnes', ''], ['pull', 'query', 'catalog', '--help'], ['list-users']],
  [['agnes', 'ca'], ['catalog'], ['pull']],
  [['agnes', 'admin', 'group', ''], ['list', 'create', 'add-member'], ['pull']],
  [['agnes', 'admin', 'group', 'list', '--'], ['--json', '--help'], ['--format']],
  [['agnes', 'query', '--'], ['--format', '--limit', '--json', '--remote'], ['--dry-run']],
  [['agnes', 'query', '--format', ''], ['csv', 'json', 'jsonl', 'markdown', 'parquet', 'table'], ['--limit', 'pull']],
  [['agnes', 'query', 'SELECT 1', '-f', 'js'], ['json', 'jsonl'], ['csv']],
  [['agnes', 'completion', ''], ['bash', 'zsh', 'fish'], ['csv']],
  [['agnes', 'diagnose', ''], ['system', '--component'], ['csv']],
];

test('bash', async () => {
  await script('bash');
  for (const [words, some, none] of kCases) {
    const list = words.map((w) => `'${w}'`).join(' ');
    const found = run('bash', ['-c', `. ./agnes.bash; COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _agnes; printf '%s\\n' "\${COMPREPLY[@]}"`]);
    for (const word of some) assert.ok(found.includes(word), `${words.join(' ')}: ${found}`);
    for (const word of none) assert.ok(!found.includes(word), `${words.join(' ')}: ${found}`);
  }
  run('bash', ['-c', '. ./agnes.bash; complete -p agnes']);
});

test('fish', async (t) => {
  const text = await script('fish');
  for (const { name } of commands().filter((c) => c.name !== 'agnes')) assert.ok(text.includes(` -a ${name.split(' ').at(-1)} `), name);
  if (!installed('fish')) return t.diagnostic('fish is not installed: its script was read, not run');
  for (const [words, some, none] of kCases) {
    const found = run('fish', ['--no-config', '-c', `source ./agnes.fish; complete -C "${words.join(' ')}"`]).map((line) => line.split('\t')[0]);
    for (const word of some) assert.ok(found.includes(word) || (word.startsWith('--') && !words.at(-1).startsWith('-')), `${words.join(' ')}: ${found}`);
    for (const word of none) assert.ok(!found.includes(word), `${words.join(' ')}: ${found}`);
  }
});

test('zsh', async (t) => {
  const text = await script('zsh');
  for (const { name } of commands().filter((c) => c.name !== 'agnes')) assert.ok(text.includes(`'${name}'`), name);
  if (!installed('zsh')) return t.diagnostic('zsh is not installed: its script was read, not run');
  for (const [words, some, none] of kCases) {
    const list = words.map((w) => `'${w}'`).join(' ');
    // What would be offered, instead of the widget that offers it.
    const found = run('zsh', ['-f', '-c', `compdef() { :; }; . ./agnes.zsh; _describe() { printf '%s\\n' "\${(@)found%%:*}"; }; _files() { :; }; words=(${list}); CURRENT=${words.length}; _agnes`]);
    for (const word of some) assert.ok(found.includes(word), `${words.join(' ')}: ${found}`);
    for (const word of none) assert.ok(!found.includes(word) || words.at(-1) !== '', `${words.join(' ')}: ${found}`);
  }
});
