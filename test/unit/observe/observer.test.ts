import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BackendError } from '../../../src/errors.js';
import type { BackendEvents } from '../../../src/observe/events.js';
import { type EventLogger, Observer } from '../../../src/observe/observer.js';
import { ManualClock } from '../../../src/testing/index.js';

const clock = new ManualClock();

const details = { origin: 'http://o' };
const COSTS = { waitedMs: 0, connectMs: 0, responseMs: 0, durationMs: 0, sentBytes: 0, receivedBytes: 0 };

function recordingLogger(told: unknown[]): EventLogger {
  const level = (name: string) => (given: object, message: string) => void told.push([name, given, message]);
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
}

function withItself(): object {
  const value: { self?: object } = {};
  value.self = value;
  return value;
}

function subscribed(told: unknown[]): void {
  const listener = (message: unknown, name: string | symbol) => void told.push([name, message]);
  subscribe('pooled-backend:readmit', listener);
  onTestFinished(() => void unsubscribe('pooled-backend:readmit', listener));
}

describe('watches()', () => {
  test('is false while nobody would see the event', () => {
    expect(new Observer(new EventEmitter<BackendEvents>(), undefined, clock).watches('readmit')).toBe(false);
  });

  test.each<[string, (emitter: EventEmitter<BackendEvents>) => EventLogger | undefined]>([
    ['a logger', () => recordingLogger([])],
    ['a listener', (emitter) => void emitter.on('readmit', () => undefined)],
    ['a subscriber of the channel', () => void subscribed([])],
  ])('is true with %s', (_who, watch) => {
    const emitter = new EventEmitter<BackendEvents>();
    const logger = watch(emitter);
    expect(new Observer(emitter, logger, clock).watches('readmit')).toBe(true);
  });

  test('follows who comes and goes, event by event', () => {
    const emitter = new EventEmitter<BackendEvents>();
    const observer = new Observer(emitter, undefined, clock);
    const listener = () => undefined;
    emitter.on('readmit', listener);
    const seen = [observer.watches('readmit'), observer.watches('eject')];
    emitter.off('readmit', listener);
    expect([...seen, observer.watches('readmit')]).toEqual([true, false, false]);
  });
});

describe('a logger that says which levels it writes', () => {
  const quiet = (told: unknown[]): EventLogger => ({
    ...recordingLogger(told),
    isLevelEnabled: (level) => level !== 'info' && level !== 'debug',
  });

  test('is not what an event of another level is built for', () => {
    const observer = new Observer(new EventEmitter(), quiet([]), clock);
    expect([observer.watches('readmit'), observer.watches('eject')]).toEqual([false, true]);
  });

  test('is not told of it when somebody else is', () => {
    const told: unknown[] = [];
    const emitter = new EventEmitter<BackendEvents>();
    emitter.on('readmit', () => undefined);
    new Observer(emitter, quiet(told), clock).emit('readmit', details);
    expect(told).toEqual([]);
  });
});

test('a logger that throws when it is asked for its level is seen, and is not told', async () => {
  const told: unknown[] = [];
  const seen: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => seen.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  });
  const fault = new Error('which level?');
  const isLevelEnabled = () => {
    throw fault;
  };
  const observer = new Observer(new EventEmitter(), { ...recordingLogger(told), isLevelEnabled }, clock);
  expect(observer.watches('readmit')).toBe(false);
  observer.emit('readmit', details);
  await new Promise(setImmediate);
  expect([told, seen]).toEqual([[], [fault, fault]]);
});

describe('NODE_DEBUG', () => {
  const debugLog = (lines: unknown[], enabled: boolean) =>
    Object.assign((...given: unknown[]) => void lines.push(given), { enabled });

  test('has every event told in one line', () => {
    const lines: unknown[] = [];
    const observer = new Observer(new EventEmitter(), undefined, clock, debugLog(lines, true));
    observer.emit('poisoned', { origin: 'http://o', heard: 'HTTP/1.1 408\r\n' });
    expect([observer.watches('poisoned'), lines]).toEqual([
      true,
      [['%s %s', 'poisoned', 'origin=http://o heard="HTTP/1.1 408\\r\\n"']],
    ]);
  });

  test.each([
    ['an origin sends what a terminal obeys', '\x9b2J\x7f\x85', '"\\u009b2J\\u007f\\u0085"'],
    ['somebody throws what JSON cannot write', 10n, '10'],
    ['somebody throws what JSON cannot write, and holds itself', withItself(), '"[object Object]"'],
  ])('tells it in letters when %s', (_what, error, shown) => {
    const lines: unknown[] = [];
    const observer = new Observer(new EventEmitter(), undefined, clock, debugLog(lines, true));
    observer.emit('balanceFailed', { error });
    expect(lines).toEqual([['%s %s', 'balanceFailed', `error=${shown}`]]);
  });

  test('of other names is none of ours', () => {
    const observer = new Observer(new EventEmitter(), undefined, clock, debugLog([], false));
    expect(observer.watches('poisoned')).toBe(false);
  });
});

describe('emit()', () => {
  test.each([
    ['warn', 'connection_terminated'],
    ['info', 'client_aborted'],
  ] as const)('tells a logger by %s of a request that fails with %s', (level, code) => {
    const told: unknown[] = [];
    const details = { request: 1, method: 'GET', path: '/', error: new BackendError(code, 'gone'), ...COSTS };
    new Observer(new EventEmitter(), recordingLogger(told), clock).emit('fail', details);
    expect(told).toEqual([[level, details, 'fail']]);
  });

  test('tells the logger at the level of the event, the channel, and the listeners', () => {
    const told: unknown[] = [];
    const emitter = new EventEmitter<BackendEvents>();
    emitter.on('readmit', (given) => told.push(given));
    subscribed(told);
    new Observer(emitter, recordingLogger(told), clock).emit('readmit', details);
    expect(told).toEqual([['info', details, 'readmit'], ['pooled-backend:readmit', details], details]);
  });

  test('gives the logger an error of any kind so that it is still one, and says its message in JSON', () => {
    const told: [string, { error: unknown }, string][] = [];
    const error = Object.assign(new TypeError('mine'), { code: 'E_MINE' });
    new Observer(new EventEmitter(), recordingLogger(told), clock).emit('balanceFailed', { error });
    const given = told[0]?.[1].error;
    expect(given).toBeInstanceOf(TypeError);
    const inJson = { name: 'TypeError', message: 'mine', code: 'E_MINE', stack: error.stack };
    expect(JSON.parse(JSON.stringify(given))).toEqual(inJson);
  });

  test('gives the logger an error that the console writes as it is, with its cause and its fields', () => {
    const told: [string, object, string][] = [];
    const details = { error: Object.assign(new TypeError('mine', { cause: new Error('deep') }), { code: 'E_MINE' }) };
    new Observer(new EventEmitter(), recordingLogger(told), clock).emit('balanceFailed', details);
    expect(inspect(told[0]?.[1])).toBe(inspect(details));
  });

  test('tells nobody who is not there', () => {
    expect(() => new Observer(new EventEmitter(), undefined, clock).emit('readmit', details)).not.toThrow();
  });

  test('keeps the logger\u2019s own this', () => {
    class Logger {
      readonly #told: string[] = [];
      debug(): void {}
      info(_given: object, message: string): void {
        this.#told.push(message);
      }
      warn(): void {}
      error(): void {}
      get told(): readonly string[] {
        return this.#told;
      }
    }
    const logger = new Logger();
    new Observer(new EventEmitter(), logger, clock).emit('readmit', details);
    expect(logger.told).toEqual(['readmit']);
  });

  test('a watcher that throws is seen, and stops neither the caller nor the other watchers', async () => {
    const told: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    onTestFinished(() => {
      process.removeAllListeners('uncaughtException');
      for (const listener of before) process.on('uncaughtException', listener);
    });
    const seen: unknown[] = [];
    process.on('uncaughtException', (error) => seen.push(error.message));
    const emitter = new EventEmitter<BackendEvents>();
    emitter.on('readmit', () => {
      throw new Error('listener');
    });
    subscribed(told);
    const fails = () => {
      throw new Error('logger');
    };
    new Observer(emitter, { debug: fails, info: fails, warn: fails, error: fails }, clock).emit('readmit', details);
    await new Promise((resolve) => setImmediate(resolve));
    expect([told, seen]).toEqual([[['pooled-backend:readmit', details]], ['logger', 'listener']]);
  });
});

describe('what an origin that stays down causes again and again', () => {
  function logged() {
    const clock = new ManualClock();
    const told: unknown[] = [];
    const emitter = new EventEmitter<BackendEvents>();
    let heard = 0;
    emitter.on('dialFailed', () => {
      heard += 1;
    });
    const observer = new Observer(emitter, recordingLogger(told), clock);
    const refused = (origin = 'http://o', code: 'connection_refused' | 'connection_timeout' = 'connection_refused') =>
      observer.emit('dialFailed', { origin, error: new BackendError(code, code), retryInMs: 500 });
    const lines = () =>
      told.splice(0).map((line) => {
        const [, { origin, error, repeated }] = line as [string, { origin: string; error: Error; repeated?: number }];
        return [origin, error.message, repeated];
      });
    return { clock, observer, refused, lines, heard: () => heard };
  }

  test('is written once in ten seconds, with how often it came, and told to listeners each time', () => {
    const { clock, refused, lines, heard } = logged();
    for (let n = 0; n < 40; n += 1, clock.advance(500)) refused();
    expect(lines()).toEqual([
      ['http://o', 'connection_refused', undefined],
      ['http://o', 'connection_refused', 19],
    ]);
    expect(heard()).toBe(40);
  });

  test('is written at once for another origin, and for another reason', () => {
    const { refused, lines } = logged();
    refused();
    refused('http://p');
    refused('http://o', 'connection_timeout');
    refused('http://o', 'connection_timeout');
    refused();
    expect(lines()).toEqual([
      ['http://o', 'connection_refused', undefined],
      ['http://p', 'connection_refused', undefined],
      ['http://o', 'connection_timeout', undefined],
    ]);
  });

  test('is written three times at the most, whatever the reasons', () => {
    const { observer, lines } = logged();
    for (let n = 0; n < 9; n += 1) observer.emit('balanceFailed', { error: new Error(`no ${n}`) });
    expect(lines().map(([, message]) => message)).toEqual(['no 0', 'no 1', 'no 2']);
  });

  test('does not count what is long ago', () => {
    const { clock, refused, lines } = logged();
    refused();
    refused();
    clock.advance(20_000);
    refused('http://p');
    refused();
    expect(lines().map(([, , repeated]) => repeated)).toEqual([undefined, undefined, undefined]);
  });
});
