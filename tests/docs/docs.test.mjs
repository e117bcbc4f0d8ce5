// The documentation tells what the programs do, or this fails.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { kParts, settings, withPart } from '../../script/docs.mjs';

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..');
const read = (name) => readFileSync(path.join(root, name), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(path.join(root, 'docs')).filter((n) => n.endsWith('.md')).map((n) => `docs/${n}`)];

for (const { file, name, make } of kParts) {
  test(`${file}: the part "${name}" is what script/docs would write`, async () => {
    const there = read(file);
    const wanted = withPart(there, name, await make());
    const lines = (text, other) => text.split('\n').filter((line) => !other.split('\n').includes(line));
    assert.deepEqual({ missing: lines(wanted, there), outdated: lines(there, wanted) }, { missing: [], outdated: [] }, 'run script/docs');
    assert.ok(there === wanted, 'run script/docs');
  });
}

test('docs/configuration.md names every setting and every environment variable', () => {
  const text = read('docs/configuration.md');
  const { settings: all, unbuilt } = settings();
  assert.ok(all.length > 90);
  const names = [...all.flatMap((s) => [s.name, s.variable]), ...unbuilt.settings, ...unbuilt.variables].filter(Boolean);
  assert.deepEqual(names.filter((n) => !text.includes(`\`${n}\``)), []);
});

test('every environment variable that the programs read stands in a page', () => {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true }).filter((name) => name.endsWith('.cpp') && !name.endsWith('config/unbuilt.cpp'));
  const read_ = new Set(sources.flatMap((name) => read(`src/${name}`).match(/(?<=")(AGNES|SCHEDULER)_[A-Z0-9_]+[A-Z0-9](?=")/g) ?? []));
  assert.ok(read_.size > 20);
  const text = pages.map(read).join('\n');
  assert.deepEqual([...read_].filter((name) => !text.includes(`\`${name}\``)).sort(), []);
});

test('docs/architecture.md says what each folder of src is', () => {
  const text = read('docs/architecture.md');
  const under = (folder) =>
    readdirSync(path.join(root, folder), { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name);
  const folders = ['src', 'src/lib', 'src/core', 'src/connectors', 'src/features'].flatMap(under).filter((n) => !['lib', 'core'].includes(n));
  assert.ok(folders.includes('base') && folders.includes('metrics'));
  assert.deepEqual(folders.filter((name) => !text.includes(`\`${name}\``)), []);
});

test('links between pages lead somewhere', () => {
  const broken = [];
  for (const page of pages)
    for (const [, target] of read(page).replace(/```[^]*?```|`[^`]*`/g, '').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g))
      if (!existsSync(path.join(root, path.dirname(page), target))) broken.push(`${page} -> ${target}`);
  assert.deepEqual(broken, []);
});

test('scripts that pages tell people to run exist and explain themselves', () => {
  const named = new Set(pages.flatMap((page) => read(page).match(/\bscript\/[a-z]+(?:-[a-z]+)*\b(?!\.)/g) ?? []));
  assert.ok(named.has('script/demo') && named.has('script/test'));
  for (const script of named) {
    const said = execFileSync(path.join(root, script), ['--help'], { encoding: 'utf8' });
    assert.match(said, /usage: script\//, script);
  }
});

test('docs/troubleshooting.md quotes what the programs say', () => {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true }).filter((name) => name.endsWith('.cpp'));
  // Texts that are written in several parts.
  const said = sources.map((name) => read(`src/${name}`)).join('\n').replace(/"\s*\n\s*"/g, '');
  const first = read('docs/troubleshooting.md').split('\n').filter((line) => line.startsWith('| ') && !line.includes('DuckDB says')).map((line) => line.split(' | ')[0]);
  const quoted = first.flatMap((cell) => [...cell.matchAll(/`([^`]*[a-z] [^`]*)`/g)].map((match) => match[1])).filter((text) => !text.startsWith('agnes '));
  assert.ok(quoted.length >= 8);
  assert.deepEqual(quoted.filter((text) => !said.includes(text)), []);
});
