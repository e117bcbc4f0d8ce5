// Four ordinary callers, in a thread of their own so that the attacks' own work does not count: how long the slowest of a
// hundred of their requests takes. `targets`: [[method, path, body]]; those of an account go with `token`.
import http from 'node:http';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const kCallers = 4, kPauseMs = 20;

// {p50, p99 in ms, requests, errors} of `seconds`.
export function ordinaryCallers(where, { token, targets, seconds }) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { where, token, targets, seconds } });
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}

function ask({ where, token }, agent, [method, path, body]) {
  return new Promise((resolve) => {
    const began = performance.now();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}) };
    const request = http.request({ ...where, method, path, headers, agent }, (answer) => {
      answer.on('data', () => {});
      answer.on('end', () => resolve({ ms: performance.now() - began, status: answer.statusCode }));
      answer.on('error', () => resolve({ ms: performance.now() - began, status: 0 }));
    });
    request.on('error', () => resolve({ ms: performance.now() - began, status: 0 }));
    request.end(text);
  });
}

async function measure() {
  const times = [];
  let errors = 0;
  const ends = performance.now() + workerData.seconds * 1000;
  const caller = async (first) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = first; performance.now() < ends; i += 1) {
      const { ms, status } = await ask(workerData, agent, workerData.targets[i % workerData.targets.length]);
      times.push(ms);
      if (status !== 200) errors += 1;
      await new Promise((resolve) => setTimeout(resolve, kPauseMs * (0.5 + Math.random())));
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: kCallers }, (_, i) => caller(i)));
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  parentPort.postMessage({ p50: at(0.5), p99: at(0.99), requests: times.length, errors });
}
if (!isMainThread) measure();
