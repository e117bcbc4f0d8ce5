// Runs the tables of attacks.mjs against a server that runs already. See script/attack.
import { bombs, loads, messages, packed, send } from './attacks.mjs';
import { ordinaryCallers } from './ordinary_callers.mjs';

const kSeconds = 5, kTimes = 1.5, kPlusMs = 10;

function fail(text) {
  console.error(`attack: ${text}`);
  process.exit(2);
}

let url = 'http://127.0.0.1:8000';
for (const word of process.argv.slice(2)) {
  if (word.startsWith('http://')) url = word;
  else fail(`unknown argument ${word} (see --help)`);
}
const attacker = process.env.AGNES_TOKEN;
const token = process.env.AGNES_OTHER_TOKEN;
const { hostname, port } = new URL(url);
if (!['localhost', '127.0.0.1', '[::1]'].includes(hostname)) fail(`${url} is not on this machine; only servers of the loopback interface are attacked`);
const where = { host: hostname.replace(/[[\]]/g, ''), port: Number(port || 80) };

let wrong = 0;
const say = (good, what, text) => {
  if (!good) wrong += 1;
  console.log(`${good ? 'ok  ' : 'HOLE'} ${what}: ${text}`);
};

const health = async () => (await fetch(`${url}/api/health`).catch(() => ({ status: 0 }))).status;
if ((await health()) !== 200) fail(`no server answers at ${url}`);
const targets = [['GET', '/api/health'], ['GET', '/login']];
if (token) {
  const me = await fetch(`${url}/api/sync/manifest`, { headers: { authorization: `Bearer ${token}` } });
  if (me.status !== 200) fail(`the server does not take AGNES_OTHER_TOKEN (${me.status})`);
  targets.push(['GET', '/api/sync/manifest'], ['GET', '/api/v2/catalog'], ['POST', '/api/query', { sql: 'SELECT 1 AS x' }]);
}

for (const [what, bytes, right] of messages) {
  const status = await send(where, bytes);
  const alive = (await health()) === 200;
  say(right.includes(status) && alive, what, `${status || 'closed'}${alive ? '' : ', and the server answers no more'}`);
}
for (const [what, [target, type, make]] of Object.entries(bombs)) {
  const body = packed(make());
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => fetch(url + target, { method: 'POST', body, headers: { 'content-type': type, 'content-encoding': 'gzip' } }).then((answer) => answer.status).catch(() => 0)),
  );
  say(answers.every((status) => status === 0 || (status >= 400 && status < 500)), `${what}, packed, 20 times`, [...new Set(answers)].join(', '));
}
for (const [what, { needsAccount, begin }] of Object.entries(loads)) {
  if (needsAccount && !attacker) {
    console.log(`     ${what}: not tried, it needs the token of an account in AGNES_TOKEN`);
    continue;
  }
  const before = await ordinaryCallers(where, { token, targets, seconds: kSeconds });
  const stop = begin(where, attacker);
  const during = await ordinaryCallers(where, { token, targets, seconds: kSeconds });
  stop();
  const after = await ordinaryCallers(where, { token, targets, seconds: kSeconds });
  const without = Math.max(before.p99, after.p99);
  say(during.p99 <= without * kTimes + kPlusMs && during.errors === 0, what, `p99 of others ${during.p99.toFixed(1)} ms, without it ${without.toFixed(1)} ms, ${during.errors} errors of ${during.requests}`);
}
console.log(wrong === 0 ? '\nEverything held.' : `\n${wrong} did not hold.`);
process.exit(wrong === 0 ? 0 : 1);
