// agnes skills: the texts name only commands and options that exist.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { makeUser } from '../lib/agnes.mjs';

const user = makeUser();
after(() => user.remove());
const ok = async (...args) => {
  const done = await user.run(args);
  assert.equal(done.code, 0, done.stderr);
  return done.stdout;
};

test('each is listed and shown, without a server', async () => {
  const listed = JSON.parse(await ok('skills', 'list', '--json'));
  assert.deepEqual(listed.map((skill) => skill.name), ['querying', 'snapshots', 'metrics', 'tables', 'connectors', 'troubleshooting', 'security']);
  assert.match(await ok('skills', 'list'), /^NAME +WHAT FOR\nquerying +Answer a question/);
  for (const { name, title } of listed) assert.ok((await ok('skills', 'show', name.toUpperCase())).startsWith(`# ${title}\n\n`));
  const refused = await user.run(['skills', 'show', 'quering']);
  assert.deepEqual([refused.code, /there is no skill quering; did you mean querying\?\n$/.test(refused.stderr)], [4, true]);
});

test('what they tell to type is there', async () => {
  const help = JSON.parse(await ok('--help', '--json'));
  const find = (words) => {
    let at = help;
    const path = [];
    for (const word of words) {
      const next = at.commands?.find((command) => command.name.split(' ').at(-1) === word);
      if (!next) break;
      path.push(word);
      at = next;
    }
    return { at, path };
  };
  for (const { name } of JSON.parse(await ok('skills', 'list', '--json'))) {
    const { text } = JSON.parse(await ok('skills', 'show', name, '--json'));
    for (const [, line] of text.matchAll(/(?:`|^ {4})agnes ([^`\n]+)/gm)) {
      const words = line.split('#')[0].trim().split(/\s+/);
      const { at, path } = find(words);
      assert.ok(path.length > 0, line);
        assert.ok(!at.commands?.length || (words[path.length] ?? '-').startsWith('-'), `${name}: agnes ${line}`);
      const options = (at.options ?? []).flatMap((option) => option.names ?? option.name).flatMap((names) => String(names).split(',')).concat('--json', '--help');
      for (const option of line.match(/(?<=\s)--[a-z-]+/g) ?? []) assert.ok(options.includes(option), `${name}: ${line}: ${option} of ${options}`);
    }
  }
});
