import { answer, execute, type Script } from 'pooled-backend/testing';
import type { Dispatcher } from 'undici';
import { describe, expect, test } from 'vitest';
import { until } from '../mount/setting.js';
import { dispatcherOf } from './undici-setting.js';

describe('a handler', () => {
  const bytes = 400_000;
  const big: Script = ({ request: { path } }) => [
    execute(),
    answer({ body: path === '/big' ? Buffer.alloc(bytes) : 'ok' }),
  ];

  test('of undici 8 pauses and resumes by its controller', async () => {
    const { dispatcher } = await dispatcherOf({ script: big });
    let controller: Dispatcher.DispatchController | undefined;
    let received = 0;
    const told: unknown[] = [];
    dispatcher.dispatch(
      { path: '/big', method: 'GET' },
      {
        onRequestStart: (given) => {
          controller = given;
        },
        onResponseStart: (given, statusCode, headers) => {
          told.push(statusCode, headers['content-length'], given.rawHeaders?.length);
          given.pause();
        },
        onResponseData: (_, { length }) => {
          received += length;
        },
        onResponseEnd: () => {
          told.push('end');
        },
        onResponseError: (_, error) => told.push(error),
      },
    );
    await until(() => told.length > 0);
    await (await dispatcher.request({ path: '/', method: 'GET' })).body.dump();
    expect([controller?.paused, received]).toEqual([true, 0]);
    controller?.resume();
    await until(() => told.includes('end'));
    expect([controller?.paused, received]).toEqual([false, bytes]);
    expect(told).toEqual([200, String(bytes), 2, 'end']);
  });

  test('of undici 6 pauses by what it returns, and resumes by a callback', async () => {
    const { dispatcher } = await dispatcherOf({ script: big });
    let resume = (): void => undefined;
    let received = 0;
    const told: unknown[] = [];
    dispatcher.dispatch(
      { path: '/big', method: 'GET' },
      {
        onConnect: () => told.push('connect'),
        onResponseStarted: () => told.push('started'),
        onHeaders: (statusCode, headers, goOn, statusText) => {
          told.push(statusCode, String(headers[0]).toLowerCase(), statusText);
          resume = goOn;
          return false;
        },
        onData: ({ length }) => {
          received += length;
          return true;
        },
        onComplete: (trailers) => told.push(trailers),
        onError: (error) => told.push(error),
      },
    );
    await until(() => told.length > 4);
    await (await dispatcher.request({ path: '/', method: 'GET' })).body.dump();
    expect(received).toBe(0);
    resume();
    await until(() => told.length > 5);
    expect(received).toBe(bytes);
    expect(told).toEqual(['connect', 'started', 200, 'content-length', 'OK', []]);
  });

  test('that aborts, or throws, is told its own reason, once', async () => {
    const { dispatcher, origin } = await dispatcherOf({ script: big });
    const reasons = ['at the start', 'at the head', 'at the data'].map((moment) => {
      const throwAt = (now: string) => {
        if (now === moment) throw new Error(moment);
      };
      return new Promise<Error[]>((resolve) => {
        const told: Error[] = [];
        dispatcher.dispatch(
          { path: '/big', method: 'GET' },
          {
            onRequestStart: () => throwAt('at the start'),
            onResponseStart: () => throwAt('at the head'),
            onResponseData: () => throwAt('at the data'),
            onResponseEnd: () => told.push(new Error('it went on')),
            onResponseError: (controller, error) => {
              told.push(error);
              expect([controller.aborted, controller.reason]).toEqual([true, error]);
              setImmediate(() => resolve(told));
            },
          },
        );
      });
    });
    const messages = (await Promise.all(reasons)).map((told) => told.map(({ message }) => message));
    expect(messages).toEqual([['at the start'], ['at the head'], ['at the data']]);
    expect(origin.executions('/big')).toBeLessThan(3);
  });

  test('that throws at the end is told so, and nothing is aborted', async () => {
    const { dispatcher } = await dispatcherOf();
    const told = await new Promise((resolve) => {
      dispatcher.dispatch(
        { path: '/', method: 'GET' },
        {
          onRequestStart: () => undefined,
          onResponseEnd: () => {
            throw new Error('at the end');
          },
          onResponseError: ({ aborted }, { message }) => resolve([aborted, message]),
        },
      );
    });
    expect(told).toEqual([false, 'at the end']);
    await dispatcher.close();
  });

  test.each(['at the head', 'later'])('that pauses, and aborts %s what is here whole, is told so', async (moment) => {
    const { dispatcher, backend } = await dispatcherOf();
    let controller: Dispatcher.DispatchController | undefined;
    const reason = new Error('enough');
    const told = new Promise<Error>((resolve) => {
      dispatcher.dispatch(
        { path: '/', method: 'GET' },
        {
          onRequestStart: () => undefined,
          onResponseStart(given) {
            controller = given;
            given.pause();
            if (moment === 'at the head') given.abort(reason);
          },
          onResponseError: (_controller, error) => resolve(error),
        },
      );
    });
    await until(() => controller !== undefined && backend.stats().origins[0]?.connections.idle === 1);
    controller?.abort(reason);
    expect(await told).toBe(reason);
    await dispatcher.close();
  });

  test('that is none is refused', async () => {
    const { dispatcher } = await dispatcherOf();
    const dispatch = (handler: object) => () => dispatcher.dispatch({ path: '/', method: 'GET' }, handler);
    expect(dispatch({})).toThrow('invalid onRequestStart method');
    expect(dispatch(null as unknown as object)).toThrow('handler must be an object');
  });
});
