// Waits for some moment of a work: until it has changed a folder so many times, or `ended` says that it is over.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

// The names of all that is below a folder, which somebody may be changing. readdirSync's own `recursive` takes sockets for
// folders in Node.js 18, and fails.
export function namesBelow(folder, prefix = '') {
  let entries = [];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    // It is not there yet, or not any more.
  }
  return entries.flatMap((entry) => {
    const name = prefix + entry.name;
    return entry.isDirectory() ? [name, ...namesBelow(path.join(folder, entry.name), `${name}/`)] : [name];
  });
}

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
    const now = namesBelow(folder).map(look).join();
    if (now !== last) seen++;
    last = now;
    await new Promise((next) => setImmediate(next));
  }
}
