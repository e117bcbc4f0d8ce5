// What the Python implementation answered to recorded requests, ours answers too: every step but those that it does
// better on purpose (tests/golden/differs.txt) and those of features that are not built yet (tests/golden/not-built.txt).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exceptions, replay } from '../lib/replay.mjs';

const differs = exceptions('differs.txt');
const notBuilt = exceptions('not-built.txt');

for (const scenario of ['access', 'sync', 'registry', 'catalog', 'query', 'server-config', 'content', 'matrix']) {
  test(`${scenario} answers as recorded`, async () => {
    const wrong = [];
    await replay(scenario, (number, name, differences, status) => {
      const step = `${scenario} ${number}`;
      if (differs.has(step)) {
        const reason = differs.get(step);
        if (!reason.startsWith(`${status}: `)) wrong.push(`${step} ${name}: ${status}, and tests/golden/differs.txt says ${reason}`);
        if (differences.length === 0) wrong.push(`${step} ${name}: as recorded; take it out of tests/golden/differs.txt`);
        return;
      }
      if (notBuilt.has(step)) {
        if (differences.length === 0) wrong.push(`${step} ${name}: passes; take it out of tests/golden/not-built.txt`);
      } else if (differences.length > 0) wrong.push(`${step} ${name}\n    ${differences.slice(0, 4).join('\n    ')}`);
    });
    assert.ok(wrong.length === 0, `\n${wrong.join('\n')}`);
  });
}
