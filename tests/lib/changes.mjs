// Waits for some moment of a work: until it has changed a folder so many times, or `ended` says that it is over.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

export async function afterChanges(folder, changes, ended) {
  const look = (name) => {
    try {
      const stat = statSync(path.join(folder, name));
      return `${name}:${stat.size}:${stat.mtimeMs}`;
    } catch {
      return name;
    }
  };
  let last = '';
  for (let seen = 0; seen < changes && !ended(); ) {
    const now = existsSync(folder) ? readdirSync(folder, { recursive: true }).map(look).join() : '';
    if (now !== last) seen++;
    last = now;
    await new Promise((next) => setImmediate(next));
  }
}
