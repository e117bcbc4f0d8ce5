// A server over a folder of files, as an operator sets one up.
//
//   const site = await startSite({ 'orders.csv': 'id,total\n1,2.5\n' });
//   await site.sync();
//   const ana = await site.analyst('ana@example.com', ['orders']);
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { must, startServer, temporaryFolder } from './server.mjs';

// `files`: name -> content. `settings`: more lines of instance.yaml. `options`: of startServer.
export async function startSite(files = {}, { settings = '', ...options } = {}) {
  const source = options.source ?? temporaryFolder();
  const config = temporaryFolder();
  for (const [name, content] of Object.entries(files)) put(source, name, content);
  writeFileSync(path.join(config, 'instance.yaml'), `data_source:\n  type: local\n  files:\n    path: ${source}\n${settings}`);
  const site = await startServer({ config, ...options });
  site.source = source;
  site.config = config;
  site.put = (name, content) => put(source, name, content);

  // Starts a sync of everything, or of `tables`, and waits until it has ended.
  site.sync = async (tables) => {
    must(200, await site.post('/api/sync/trigger', tables, { token: site.admin.token }));
    await site.idle();
  };
  site.idle = () => site.until('no sync is running', async () => !(await site.get('/api/sync/status')).json.locked);
  site.grant = async (group, table) =>
    must(201, await site.post('/api/admin/grants', { group_id: group, resource_type: 'table', resource_id: table }, { token: site.admin.token }));
  // An account in a group of its own that may read `tables`.
  site.analyst = async (email, tables = []) => {
    const person = await site.addUser(email);
    const group = must(201, await site.post('/api/admin/groups', { name: `group of ${email}` }, { token: site.admin.token })).json;
    must(201, await site.post(`/api/admin/groups/${group.id}/members`, { email }, { token: site.admin.token }));
    for (const table of tables) await site.grant(group.id, table);
    return { ...person, group: group.id };
  };
  site.query = (sql, token, more = {}) => site.post('/api/query', { sql, ...more }, { token });
  site.manifest = async (token) => must(200, await site.get('/api/sync/manifest', { token })).json.tables;
  return site;
}

function put(folder, name, content) {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}
