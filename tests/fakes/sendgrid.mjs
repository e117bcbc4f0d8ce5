// SendGrid's v3 API as far as mail goes: POST /v3/mail/send answers 202 with nothing, 401 for another key, 400 for a
// body that it does not take.
//
//   const sendgrid = await startSendGrid({ key: 'SG.x' });
//   sendgrid.faults.push({ status: 429, headers: { 'retry-after': '1' } });   // the next answers; 'cut' for none
//   const mail = await sendgrid.next();   // the body
import http from 'node:http';

export async function startSendGrid({ key }) {
  const mails = [];
  const waiting = [];
  const faults = [];
  let requests = 0;
  const refuse = (answer, status, message, headers = {}) => {
    answer.writeHead(status, { 'content-type': 'application/json', ...headers });
    answer.end(JSON.stringify({ errors: [{ message, field: null, help: null }] }));
  };
  const server = http.createServer((request, answer) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      requests++;
      const fault = faults.shift();
      if (fault === 'cut') return request.socket.destroy();
      if (fault) return refuse(answer, fault.status, fault.message ?? 'not now', fault.headers);
      if (request.method !== 'POST' || request.url !== '/v3/mail/send') return refuse(answer, 404, 'not found');
      if (request.headers.authorization !== `Bearer ${key}`) return refuse(answer, 401, 'The provided authorization grant is invalid');
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const to = body.personalizations?.[0]?.to?.[0]?.email;
      if (!to || !body.from?.email || !body.subject || !body.content?.[0]?.value) return refuse(answer, 400, 'a field is missing');
      const waiter = waiting.shift();
      if (waiter) waiter(body);
      else mails.push(body);
      answer.writeHead(202, { 'x-message-id': 'some-id' });
      return answer.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    faults,
    url: `http://127.0.0.1:${server.address().port}`,
    get requests() {
      return requests;
    },
    next: () => (mails.length > 0 ? Promise.resolve(mails.shift()) : new Promise((resolve) => waiting.push(resolve))),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
