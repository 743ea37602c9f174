/** The scripted origin in a thread of its own, so that it acts while the event loop of the test is blocked. */

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { Running } from './origin-here.js';
import { type OriginCommand, type OriginParts, type OriginPlan, OriginProgram } from './origin-program.js';
import { type OriginEvent, OriginRecords } from './origin-records.js';

interface Reply {
  readonly id: number;
  readonly port?: number;
  readonly error?: Error;
}

interface Asked {
  resolve(port: number): void;
  reject(error: Error): void;
}

/**
 * The program text of the worker. It contains the source text of the classes, as they were compiled, so that no file has to
 * be found: this works from TypeScript in a test runner and from a bundle, ESM or CJS. Each class uses only what it gets in
 * `OriginParts`.
 */
function workerSource(parts: OriginParts): string {
  const source = sourceOf(parts);
  // esbuild's option `keepNames` adds calls of a helper, which has any name in a minified bundle.
  const helpers = new Set(Array.from(source.matchAll(/\bstatic *\{\s*([\w$]+)\(this,/g), ([, name]) => name));
  return `'use strict';
${Array.from(helpers, (name) => `const ${name} = (value) => value;`).join('\n')}
${source}`;
}

function sourceOf(parts: OriginParts): string {
  return `const { parentPort, workerData } = require('node:worker_threads');
const parts = {
  net: require('node:net'),
  tls: require('node:tls'),
  after: ${parts.after},
  AnswerWriter: ${parts.AnswerWriter},
  OriginConnection: ${parts.OriginConnection},
  OriginWire: ${parts.OriginWire},
  RequestReader: ${parts.RequestReader},
};
const OriginProgram = ${OriginProgram};
const program = new OriginProgram(parts, workerData.plan, undefined, (event) => workerData.events.postMessage(event));
parentPort.on('message', ({ id, command }) => {
  program.obey(command).then(
    (port) => parentPort.postMessage({ id, port }),
    (error) => parentPort.postMessage({ id, error }),
  );
});`;
}

export class OriginThread implements Running {
  readonly #records = new OriginRecords();
  readonly #worker: Worker;
  readonly #events: MessagePort;
  readonly #recorded: () => void;
  readonly #asked = new Map<number, Asked>();
  #commands = 0;
  #ended = false;
  #ending: Promise<void> | undefined;

  /** `recorded` is called after each event. */
  constructor(parts: OriginParts, plan: OriginPlan, recorded: () => void) {
    this.#recorded = recorded;
    const { port1, port2 } = new MessageChannel();
    this.#events = port1;
    this.#events.on('message', (event: OriginEvent) => this.#see(event));
    this.#events.unref();
    this.#worker = new Worker(workerSource(parts), {
      eval: true,
      execArgv: [], // the worker needs no loaders of a test runner
      workerData: { plan, events: port2 },
      transferList: [port2],
    });
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#failAll(error));
    this.#worker.on('exit', () => {
      this.#ended = true;
      this.#failAll(new Error('the thread of the origin has ended'));
    });
  }

  get records(): OriginRecords {
    // Events that are taken here are not emitted by the port.
    if (this.#takeEvents()) queueMicrotask(this.#recorded);
    return this.#records;
  }

  tell(command: OriginCommand): Promise<number> {
    if (this.#ended) return Promise.reject(new Error(`the thread of the origin has ended: no ${command.do}`));
    this.#commands += 1;
    const id = this.#commands;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#worker.postMessage({ id, command });
    });
  }

  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    await this.tell({ do: 'close' }).catch(() => undefined); // a thread that died by itself has closed everything
    this.#ended = true;
    this.#takeEvents(); // the last ones
    this.#events.close();
    await this.#worker.terminate();
  }

  /** Returns true if there were any. */
  #takeEvents(): boolean {
    let taken = false;
    // An event is posted before its effect leaves the thread: after a test saw an answer, it finds the execution here.
    for (let next = receiveMessageOnPort(this.#events); next !== undefined; next = receiveMessageOnPort(this.#events)) {
      this.#records.apply(next.message);
      taken = true;
    }
    return taken;
  }

  #see(event: OriginEvent): void {
    this.#records.apply(event);
    this.#recorded();
  }

  #settle(reply: Reply): void {
    const asked = this.#asked.get(reply.id);
    this.#asked.delete(reply.id);
    if (reply.error !== undefined) asked?.reject(reply.error);
    else asked?.resolve(reply.port ?? 0);
  }

  #failAll(error: Error): void {
    for (const asked of this.#asked.values()) asked.reject(error);
    this.#asked.clear();
  }
}
