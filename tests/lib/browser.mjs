// A browser as far as signing in goes: keeps cookies of one server, fills in its forms, and follows it to an OpenID
// provider and back.
//
//   const browser = new Browser(server);
//   await browser.get('/login');
//   await browser.submit('/auth/password/login/web', { email, password });  // a form of the last page
//   const answer = await browser.signIn('/catalog');   // the callback's answer
//   await browser.get('/api/me/effective-access');
import { must } from './server.mjs';

export const textOf = (html) => html.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
const attribute = (tag, name) => textOf(new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? '');

// [{method, action, fields}] of a page; fields have the values that it gives them.
export const formsOf = (html) =>
  [...html.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)].map(([, tag, inside]) => ({
    method: attribute(tag, 'method').toUpperCase(),
    action: attribute(tag, 'action'),
    fields: Object.fromEntries([...inside.matchAll(/<input([^>]*)>/g)].map(([, input]) => [attribute(input, 'name'), attribute(input, 'value')])),
  }));
// [[address, text]] of a page.
export const linksOf = (html) => [...html.matchAll(/<a([^>]*)>([^<]*)<\/a>/g)].map(([, tag, text]) => [attribute(tag, 'href'), textOf(text)]);

export class Browser {
  cookies = new Map();
  constructor(server) {
    this.server = server;
  }
  get(target, headers = {}) {
    return this.send('GET', target, { headers });
  }
  // The form of the last page that is sent to `action`, its fields filled in with `values`: only fields that it has.
  submit(action, values = {}, headers = { origin: this.server.url, 'sec-fetch-site': 'same-origin' }) {
    const form = formsOf(this.last.text).find((f) => f.action === action);
    if (!form) throw new Error(`no form for ${action} in: ${this.last.text}`);
    const odd = Object.keys(values).find((name) => !(name in form.fields));
    if (odd) throw new Error(`the form for ${action} has no field ${odd}`);
    return this.send(form.method, action, { form: { ...form.fields, ...values }, headers: { accept: 'text/html', ...headers } });
  }
  async send(method, target, options) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.server.request(method, target, { ...options, headers: { ...(cookie ? { cookie } : {}), ...options.headers } });
    this.last = answer;
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [name, value] = line.split(';')[0].split('=');
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }
  // Begins, and lets the provider sign in: the path of the callback.
  async begin(next) {
    const login = must(302, await this.get(`/auth/google/login${next === undefined ? '' : `?next=${encodeURIComponent(next)}`}`));
    this.asked = new URL(login.headers.location);
    const back = await fetch(login.headers.location, { redirect: 'manual' });
    const target = new URL(back.headers.get('location'));
    return target.pathname + target.search;
  }
  async signIn(next) {
    return this.get(await this.begin(next));
  }
  me() {
    return this.get('/api/me/effective-access');
  }
}
