// What accounts, groups, grants and tokens must come to: a small model of docs/access.md, to compare a server with.
// Each operation gives the request that does it, the status that it must have, and how the model changes with it.

// Mulberry32: the same numbers from the same seed.
export function randomNumbers(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, chance: (p) => next() < p, of: (list) => list[below(list.length)] };
}

export class AccessModel {
  users = new Map(); // id -> { email, name, active }; `gone` holds those that were deleted
  gone = new Map();
  groups = new Map(); // id -> { name, system, members: id of user -> source, grants: table -> id of grant }
  tokens = new Map(); // id -> { user, text, revoked }

  constructor(tables, root) {
    Object.assign(this, { tables, root });
  }
  get admins() {
    return [...this.groups.values()].find((group) => group.name === 'Admin').members;
  }
  isAdmin = (id) => this.admins.has(id);
  groupsOf = (id) => [...this.groups].filter(([, group]) => group.members.has(id));
  visible = (id) => this.tables.filter((table) => this.isAdmin(id) || this.groupsOf(id).some(([, group]) => group.grants.has(table)));
  // Why the account is refused whatever it asks for; nothing when it is not.
  refusal = (id) => (!this.users.has(id) ? 'User not found' : this.users.get(id).active ? undefined : 'Account deactivated');
  userByEmail = (email) => [...this.users].find(([, user]) => user.email === email)?.[0];

  createUser(email, name) {
    const taken = this.userByEmail(email) !== undefined;
    return op('POST', '/api/users', { email, name }, taken ? 409 : 201, ({ id }) => this.users.set(id, { email, name, active: true }));
  }
  changeUser(id, change) {
    const status = () => (!this.users.has(id) ? 404 : 200);
    return op('PATCH', `/api/users/${id}`, change, status(), () => Object.assign(this.users.get(id), change));
  }
  activate(id, active, by) {
    const status = !this.users.has(id) ? 404 : !active && id === by ? 409 : 200;
    return op('POST', `/api/users/${id}/${active ? '' : 'de'}activate`, undefined, status, () => (this.users.get(id).active = active));
  }
  deleteUser(id, by) {
    const status = !this.users.has(id) ? 404 : id === by ? 409 : 204;
    return op('DELETE', `/api/users/${id}`, undefined, status, () => {
      this.gone.set(id, this.users.get(id));
      this.users.delete(id);
      for (const group of this.groups.values()) group.members.delete(id);
    });
  }
  nameTaken = (name, own) => [...this.groups].some(([id, group]) => id !== own && group.name.toLowerCase() === name.toLowerCase());
  createGroup(name) {
    return op('POST', '/api/admin/groups', { name }, this.nameTaken(name) ? 409 : 201, ({ id }) => this.groups.set(id, { name, system: false, members: new Map(), grants: new Map() }));
  }
  renameGroup(id, name) {
    const group = this.groups.get(id);
    const status = !group ? 404 : group.name !== name && (group.system || this.nameTaken(name, id)) ? 409 : 200;
    return op('PATCH', `/api/admin/groups/${id}`, { name }, status, () => (group.name = name));
  }
  deleteGroup(id) {
    const group = this.groups.get(id);
    return op('DELETE', `/api/admin/groups/${id}`, undefined, !group ? 404 : group.system ? 409 : 204, () => this.groups.delete(id));
  }
  // A membership is made and taken from the group's side or from the user's.
  addMember(id, user, fromUser) {
    const group = this.groups.get(id);
    const status = !group || !this.users.has(user) ? 404 : group.members.has(user) ? 409 : 201;
    const { email } = this.users.get(user) ?? this.gone.get(user);
    const known = this.userByEmail(email); // an address may have another owner by now
    const add = (owner) => () => group.members.set(owner, 'admin');
    if (fromUser) return op('POST', `/api/admin/users/${user}/memberships`, { group_id: id }, status, add(user));
    return op('POST', `/api/admin/groups/${id}/members`, { email }, !group || !known ? 404 : group.members.has(known) ? 409 : 201, add(known));
  }
  removeMember(id, user, by, fromUser) {
    const group = this.groups.get(id);
    const source = group?.members.get(user);
    const lastOrOwn = group?.name === 'Admin' && source && (user === by || (this.users.get(user).active && this.activeAdmins() <= 1));
    const path = fromUser ? `/api/admin/users/${user}/memberships/${id}` : `/api/admin/groups/${id}/members/${user}`;
    return op('DELETE', path, undefined, lastOrOwn ? 409 : source === 'admin' ? 204 : 404, () => group.members.delete(user));
  }
  activeAdmins = () => [...this.admins.keys()].filter((id) => this.users.get(id).active).length;
  grant(id, table) {
    const group = this.groups.get(id);
    const status = !group || !this.tables.includes(table) ? 404 : group.grants.has(table) ? 409 : 201;
    return op('POST', '/api/admin/grants', { group_id: id, resource_type: 'table', resource_id: table }, status, (made) => group.grants.set(table, made.id));
  }
  revoke(grant) {
    const group = [...this.groups.values()].find(({ grants }) => [...grants.values()].includes(grant));
    return op('DELETE', `/api/admin/grants/${grant}`, undefined, group ? 204 : 404, () =>
      group.grants.delete([...group.grants].find(([, known]) => known === grant)[0]));
  }
  createToken(name, by) {
    return op('POST', '/auth/tokens', { name }, 201, ({ id, token }) => this.tokens.set(id, { user: by, text: token, revoked: false }));
  }
  revokeToken(id, by, asAdmin) {
    const token = this.tokens.get(id);
    const status = asAdmin || token.user === by ? 204 : 404;
    return op('DELETE', `${asAdmin ? '/auth/admin' : '/auth'}/tokens/${id}`, undefined, status, () => (token.revoked = true));
  }
}

function op(method, path, json, status, apply) {
  return { method, path, json, status, apply };
}
