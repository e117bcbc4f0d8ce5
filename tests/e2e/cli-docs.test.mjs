import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands, documented, reference } from '../lib/cli-help.mjs';

test('docs/cli.md has every command and option as --help tells them', () => {
  assert.equal(documented()[1].trim(), reference().trim(), 'run: node tests/lib/cli-help.mjs');
});

test('every command says what it is, and each option what it does', () => {
  for (const command of commands()) {
    assert.ok(command.help.length > 5, command.name);
    for (const { name, help } of [...command.arguments, ...command.options]) assert.ok(help.length > 3, `${command.name} ${name}`);
  }
});
