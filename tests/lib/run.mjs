// Runs test programs and files side by side, prints what failed, and ends with `N passed, N failed`.
//
// usage: node tests/lib/run.mjs [--build DIR] [--unit | --attacks] [--lint] [FILTER [NAME]]
//
// --build DIR  where the programs are (default build); the tests get DIR/bin as AGNES_BIN
// --unit       only the C++ programs
// --attacks    these and the API tests of whatever faces strangers: signing in, access, queries
// --lint       script/lint too, as one test
// FILTER       only jobs with this in their names; NAME: only tests with this in theirs
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const kAttacks = /^tests\/api\/(access|attacks|file-attacks|reader-attacks|one-identity|sign-in|query|materialized|remote-attach|scan)\b/;
// A job that has not ended by then hangs: it is stopped and counted as failed.
const kJobLimitMs = 15 * 60 * 1000;

function parseArguments(argv) {
  const options = { build: 'build', unit: false, attacks: false, lint: false, words: [] };
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--build') options.build = argv[++i];
    else if (argv[i] === '--unit') options.unit = true;
    else if (argv[i] === '--attacks') options.attacks = true;
    else if (argv[i] === '--lint') options.lint = true;
    else options.words.push(argv[i]);
  }
  return options;
}

function filesUnder(folder, wanted) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).sort().flatMap((name) => {
    const file = path.join(folder, name);
    if (statSync(file).isDirectory()) return filesUnder(file, wanted);
    return wanted(name) ? [file] : [];
  });
}

function findJobs({ build, unit, attacks, lint, words: [filter, name] }) {
  const jobs = [];
  const bin = path.join(root, build, 'bin');
  for (const file of filesUnder(bin, (n) => n.startsWith('test_') && !n.includes('.')))
    jobs.push({ name: path.basename(file), command: [file, ...(name ? [`--gtest_filter=*${name}*`] : [])], read: readGtest });
  if (!unit) {
    for (const folder of ['tests/api', 'tests/e2e', 'tests/docs'])
      for (const file of filesUnder(path.join(root, folder), (n) => n.endsWith('.test.mjs'))) {
        if (attacks && !kAttacks.test(path.relative(root, file))) continue;
        jobs.push({
          name: path.relative(root, file),
          command: [process.execPath, '--test-reporter=tap', ...(name ? [`--test-name-pattern=${name}`] : []), file],
          read: readTap,
        });
      }
  }
  if (lint) jobs.push({ name: 'script/lint', command: [path.join(root, 'script/lint')], read: readExit });
  return filter ? jobs.filter((job) => job.name.includes(filter)) : jobs;
}

// GoogleTest's own lines: counting these also works for a program that ended in the middle of a test.
function readGtest(output, ended) {
  let passed = 0;
  const failures = [];
  let current = null;
  for (const line of output.split('\n')) {
    const mark = /^\[ +(RUN|OK|FAILED) +\] (\S+)/.exec(line);
    if (!mark) {
      current?.lines.push(line);
    } else if (mark[1] === 'RUN') {
      current = { name: mark[2], lines: [] };
    } else if (current && mark[2].replace(/,$/, '') === current.name) {
      if (mark[1] === 'OK') passed++;
      else failures.push(current);
      current = null;
    }
  }
  if (current) failures.push({ name: `${current.name} (${ended})`, lines: current.lines });
  else if (ended && failures.length === 0) failures.push({ name: ended, lines: output.split('\n').slice(-40) });
  return { passed, failures };
}

// Counts the tests at the leaves: what holds other tests counts only when it failed for a reason of its own.
function readTap(output, ended) {
  const lines = output.split('\n');
  const failures = [];
  let passed = 0;
  let childDepth = 0;
  lines.forEach((line, i) => {
    const mark = /^( *)(not )?ok \d+ - (.*)/.exec(line);
    if (!mark) return;
    const [, indent, bad, name] = mark;
    const holdsTests = childDepth > indent.length;
    childDepth = indent.length;
    const end = lines.findIndex((l, j) => j > i && l === `${indent}  ...`);
    const details = lines.slice(i + 1, end < 0 ? i + 20 : end);
    if (!bad) {
      if (!holdsTests && !name.includes(' # ')) passed++;
    } else if (!holdsTests || !details.some((l) => l.includes("failureType: 'subtestsFailed'"))) {
      failures.push({ name, lines: details.filter((l) => !/^ *(---|duration_ms|code: 'ERR_|name: 'Asser)|node:internal/.test(l)) });
    }
  });
  if (ended && failures.length === 0) failures.push({ name: ended, lines: lines.slice(-40) });
  return { passed, failures };
}

function readExit(output, ended) {
  return { passed: ended ? 0 : 1, failures: ended ? [{ name: ended, lines: output.split('\n').slice(-60) }] : [] };
}

function runJob(job, environment) {
  return new Promise((resolve) => {
    const began = Date.now();
    const [program, ...args] = job.command;
    const child = spawn(program, args, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const output = [];
    const errors = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => (job.read === readTap ? errors : output).push(chunk));
    let late = false;
    const stopGroup = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // Its group has ended.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      stopGroup();
    }, kJobLimitMs);
    const finish = (ended) => {
      clearTimeout(timer);
      const result = job.read(Buffer.concat(output).toString('utf8'), ended);
      resolve({ job, seconds: (Date.now() - began) / 1000, errors: Buffer.concat(errors).toString('utf8'), ...result });
    };
    child.on('error', (error) => finish(error.message));
    child.on('exit', (code, signal) => {
      // What a test left running would keep the pipes open: its group ends with it, and what left the group is not
      // waited for.
      stopGroup();
      const ended = late ? `no end after ${kJobLimitMs / 60000} minutes` : signal ? `ended by ${signal}` : code !== 0 ? `ended with status ${code}` : '';
      const giveUp = setTimeout(finish, 2000, ended);
      child.on('close', () => {
        clearTimeout(giveUp);
        finish(ended);
      });
    });
  });
}

function report({ job, seconds, passed, failures, errors }) {
  const failed = failures.length;
  console.log(`${failed ? 'FAIL' : 'ok  '} ${job.name}: ${passed} passed, ${failed} failed (${seconds.toFixed(1)} s)`);
  for (const failure of failures) {
    console.log(`  --- ${failure.name}`);
    for (const line of failure.lines.slice(0, 60)) if (line.trim()) console.log(`  ${line}`);
  }
  if (failed && errors.trim()) {
    console.log('  --- said on stderr (its end)');
    for (const line of errors.trimEnd().split('\n').slice(-30)) console.log(`  ${line}`);
  }
}

const options = parseArguments(process.argv.slice(2));
const environment = {
  ...process.env,
  AGNES_BIN: path.join(root, options.build, 'bin'),
  ASAN_OPTIONS: process.env.ASAN_OPTIONS ?? 'detect_stack_use_after_return=1:strict_string_checks=1:quarantine_size_mb=16',
  UBSAN_OPTIONS: process.env.UBSAN_OPTIONS ?? 'print_stacktrace=1',
  TSAN_OPTIONS: process.env.TSAN_OPTIONS ?? 'halt_on_error=1',
};
const waiting = findJobs(options);
if (waiting.length === 0) {
  console.log(`no tests match ${options.words[0] ?? ''}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
let passed = 0;
let failed = 0;
async function work() {
  for (let job = waiting.shift(); job; job = waiting.shift()) {
    const result = await runJob(job, environment);
    report(result);
    passed += result.passed;
    failed += result.failures.length;
  }
}
await Promise.all(Array.from({ length: Math.max(1, os.cpus().length) }, work));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
