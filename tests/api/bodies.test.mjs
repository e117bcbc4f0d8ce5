// Every field of every body, wrong in turn: each route that takes JSON, as /openapi.json tells it. A new route is in here by
// being declared.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { must, startServer } from '../lib/server.mjs';

let server, token, routes, schemas;

before(async () => {
  server = await startServer();
  token = server.admin.token;
  const described = must(200, await server.get('/openapi.json')).json;
  schemas = described.components.schemas;
  routes = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => ({
      method: method.toUpperCase(),
      target: path.replace(/\{[^}]*\}/g, 'none'),
      signedIn: Array.isArray(route.security),
      body: follow(route.requestBody?.content?.['application/json']?.schema),
      needsBody: route.requestBody?.required,
    }))).filter((route) => route.signedIn && route.body);
});
after(() => server.stop());

const follow = (schema) => (schema?.$ref ? follow(schemas[schema.$ref.split('/').at(-1)]) : schema);
const kinds = (schema) => {
  const real = follow(schema);
  return real.anyOf ? real.anyOf.flatMap(kinds) : [real];
};

// Values that a field does not take, whatever is made of texts that look like numbers.
function wrongFor(schema, field) {
  const all = kinds(schema);
  if (all.some((kind) => kind.type === undefined)) return [];
  const takes = (type) => all.some((kind) => kind.type === type);
  const out = [];
  // One column of a key may be a text.
  if (field === 'primary_key') return [5, {}, [[{}]]];
  if (!takes('object')) out.push({ wrong: [] });
  if (!takes('array')) out.push([[{}]]);
  if (!takes('string')) out.push('\u0000 none of these');
  if (!takes('integer') && !takes('number') && !takes('boolean')) out.push(-7.5);
  if (takes('integer') && !takes('number')) out.push(1.5, 1e300);
  for (const kind of all) {
    if (kind.enum) out.push('none of these');
    if (kind.maxLength) out.push('x'.repeat(kind.maxLength + 1));
    if (kind.minLength) out.push('');
    if (kind.minimum !== undefined) out.push(kind.minimum - 1);
    if (kind.maximum !== undefined) out.push(kind.maximum + 1);
    if (kind.type === 'array' && kind.items) out.push(...wrongFor(kind.items).map((item) => [item]));
  }
  return out;
}

// Something that a field takes by its kind.
function fit(schema) {
  const kind = kinds(schema)[0];
  if (kind.enum) return kind.enum[0];
  if (kind.type === 'object') return {};
  if (kind.type === 'array') return [];
  if (kind.type === 'boolean') return true;
  return kind.type === 'string' ? 'x'.repeat(kind.minLength ?? 1) : (kind.minimum ?? 1);
}
const whole = (body) => Object.fromEntries((body.required ?? []).map((field) => [field, fit(body.properties[field])]));

const send = (route, more) => server.request(route.method, route.target, { token, ...more });
// The scan routes tell it as a text with 400, as the contract has them.
const names = (answer, field) => (Array.isArray(answer.json?.detail)
  ? answer.status === 422 && answer.json.detail.every((problem) => problem.msg && !problem.msg.includes('\n')) &&
    answer.json.detail.some((problem) => problem.loc?.slice(0, 2).join('.') === `body.${field}`)
  : answer.status === 400 && new RegExp(`^${field}(\\.\\d+)*: `).test(answer.json?.detail));

test('each field wrong in turn is named', async () => {
  let tried = 0;
  for (const route of routes)
    for (const [field, schema] of Object.entries(route.body.properties ?? {}))
      for (const value of wrongFor(schema, field)) {
        tried += 1;
        const answer = await send(route, { json: { ...whole(route.body), [field]: value } });
        const what = `${route.method} ${route.target} ${field}=${JSON.stringify(value).slice(0, 80)}: ${answer.status} ${answer.text.slice(0, 300)}`;
        assert.ok(names(answer, field), what);
      }
  assert.ok(tried > 200, `${tried}`);
});

test('each field that must be there is missed by name', async () => {
  for (const route of routes) {
    const required = route.body.required ?? [];
    if (required.length === 0) continue;
    const answer = await send(route, { json: {} });
    for (const field of required) assert.ok(names(answer, field), `${route.method} ${route.target} ${field}: ${answer.status} ${answer.text}`);
  }
});

test('what is not a JSON object is refused by every route that needs one', async () => {
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  for (const route of routes.filter((r) => r.needsBody && r.body.properties)) {
    for (const body of ['', '{', '[]', '5', 'null', '"text"', '{"a": 1,}', '\ufeff', '{"a": \u0001}', `{"a": ${deep}}`]) {
      const answer = await send(route, { body, headers: { 'content-type': 'application/json' } });
      assert.ok([400, 422].includes(answer.status), `${route.method} ${route.target} ${body.slice(0, 20)}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
  }
  must(200, await server.get('/api/health'));
});
