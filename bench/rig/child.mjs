/** Starts child processes, talks to them, and ends exactly these, each by its pid. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * A module in a process of its own. It uses `serve()` of parent.mjs to talk to this process.
 * @typedef {object} Child
 * @property {number} pid
 * @property {any} ready the value with which the module called `serve()`
 * @property {(question: string, argument?: unknown) => Promise<any>} ask
 * @property {(listener: (news: any) => void) => void} onNews
 * @property {Promise<string>} gone resolves with how the process ended
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop resolves when the process is gone
 */

/**
 * @param {URL} module
 * @param {unknown} options handed to the module as JSON
 * @param {{ core?: number | undefined, nodeArguments?: string[] }} [how] `core` pins the process to one CPU, where `taskset` exists
 * @returns {Promise<Child>} resolves when the module is ready, rejects if it ends before
 */
export async function startChild(module, options, how = {}) {
  const node = [process.execPath, ...(how.nodeArguments ?? []), fileURLToPath(module), JSON.stringify(options)];
  const [file = '', ...rest] = how.core === undefined ? node : ['taskset', '-c', String(how.core), ...node];
  const child = spawn(file, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const gone = track(child);
  const name = new URL(module).pathname.split('/').slice(-2).join('/');
  /** @type {Map<number, { resolve: (answer: unknown) => void, reject: (error: Error) => void }>} */
  const asked = new Map();
  /** @type {((news: any) => void)[]} */
  const listeners = [];
  let lastQuestion = 0;

  const ready = await new Promise((resolve, reject) => {
    child.on('message', (/** @type {any} */ message) => {
      if (message.kind === 'ready') resolve(message.value);
      else if (message.kind === 'news') for (const listener of listeners) listener(message.value);
      else if (message.kind === 'answer') settle(asked, message);
    });
    gone.then((how) => {
      const error = new Error(`${name} (pid ${child.pid}) ended early: ${how}`);
      reject(error);
      for (const question of asked.values()) question.reject(error);
    });
  });

  return {
    pid: child.pid ?? -1,
    ready,
    ask: (question, argument) =>
      new Promise((resolve, reject) => {
        const id = ++lastQuestion;
        asked.set(id, { resolve, reject });
        child.send({ id, question, argument }, (error) => error && reject(error));
      }),
    onNews: (listener) => void listeners.push(listener),
    gone,
    stop: (signal = 'SIGTERM') => stopProcess(child, gone, signal),
  };
}

/**
 * @param {Map<number, { resolve: (answer: unknown) => void, reject: (error: Error) => void }>} asked
 * @param {{ id: number, answer?: unknown, error?: string }} message
 */
function settle(asked, message) {
  const question = asked.get(message.id);
  asked.delete(message.id);
  if (message.error === undefined) question?.resolve(message.answer);
  else question?.reject(new Error(message.error));
}

/**
 * Any other program, for example nginx in the foreground.
 * @param {string} file
 * @param {string[]} programArguments
 * @param {{ core?: number | undefined, signal?: NodeJS.Signals }} [how] `signal` is the one that ends it
 * @returns {{ pid: number, gone: Promise<string>, kill: (signal: NodeJS.Signals) => void, stop: () => Promise<void> }}
 */
export function startProgram(file, programArguments, how = {}) {
  const [command = '', ...rest] =
    how.core === undefined
      ? [file, ...programArguments]
      : ['taskset', '-c', String(how.core), file, ...programArguments];
  const child = spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
  const gone = track(child);
  return {
    pid: child.pid ?? -1,
    gone,
    kill: (signal) => void child.kill(signal),
    stop: () => stopProcess(child, gone, how.signal ?? 'SIGTERM'),
  };
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<string>} how it ended
 */
function track(child) {
  running.add(child);
  return new Promise((resolve) => {
    const forget = (/** @type {string} */ how) => {
      running.delete(child);
      resolve(how);
    };
    child.once('exit', (code, signal) => forget(signal ?? `exit code ${code}`));
    child.once('error', (error) => forget(error.message));
  });
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {Promise<string>} gone
 * @param {NodeJS.Signals} signal
 */
async function stopProcess(child, gone, signal) {
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(late);
}

/** Runs `end` once when the user or the system stops this process, then exits as a shell expects. */
export function onInterrupt(/** @type {() => void} */ end) {
  for (const [signal, code] of /** @type {const} */ ([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])) {
    process.once(signal, () => {
      end();
      process.exit(code); // the listener of 'exit' above ends the children
    });
  }
}
