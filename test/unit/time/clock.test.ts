import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ProcessHold, systemClock } from '../../../src/time/clock.js';
import { collectGarbage } from '../../garbage.js';

describe('systemClock', () => {
  test('now() never goes back, wallNow() is the date', () => {
    const first = systemClock.now();
    const wall = systemClock.wallNow();
    expect(systemClock.now()).toBeGreaterThanOrEqual(first);
    expect(Math.abs(wall - Date.now())).toBeLessThan(60_000);
  });

  test('after() calls once, not before its time; a cancelled call is not made', async () => {
    const calls: string[] = [];
    const begun = systemClock.now();
    systemClock.after(1, () => calls.push('cancelled')).cancel();
    await new Promise<void>((resolve) => {
      systemClock.after(5, () => {
        calls.push('made');
        resolve();
      });
    });
    // Node counts whole milliseconds, and may cut the first one short.
    expect([calls, systemClock.now() - begun >= 4]).toEqual([['made'], true]);
  });

  test('a time too long for a timer does not end at once', async () => {
    let called = false;
    const timer = systemClock.after(1e12, () => {
      called = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    timer.cancel();
    expect(called).toBe(false);
  });

  test('soon() comes after the microtasks, and can be cancelled', async () => {
    const calls: string[] = [];
    systemClock.soon(() => calls.push('cancelled')).cancel();
    const turn = new Promise<void>((resolve) => {
      systemClock.soon(() => {
        calls.push('soon');
        resolve();
      });
    });
    await Promise.resolve().then(() => calls.push('microtask'));
    await turn;
    expect(calls).toEqual(['microtask', 'soon']);
  });

  test('soon() comes though a test runner has replaced the timers by fake ones', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    await new Promise<void>((resolve) => systemClock.soon(resolve));
  });

  test('cancelling after the call is harmless', async () => {
    const timer = await new Promise<{ cancel(): void }>((resolve) => {
      const made = systemClock.soon(() => resolve(made));
    });
    expect(() => timer.cancel()).not.toThrow();
  });
});

describe('what keeps a process alive', () => {
  const entry = fileURLToPath(new URL('../../../src/time/clock.ts', import.meta.url));
  const [output] = buildSync({
    entryPoints: [entry],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    write: false,
  }).outputFiles;

  /** Runs a script with the clock until nothing is left to do; `before` runs before the clock is loaded. Answers what it printed. */
  const run = (script: string, before = ''): string =>
    execFileSync(
      process.execPath,
      ['-e', `${before}\n${output?.text}\n{ const { systemClock, ProcessHold } = module.exports; ${script} }`],
      {
        encoding: 'utf8',
        timeout: 50_000,
      },
    );

  test('not a timer', () => {
    expect(run(`systemClock.after(60_000, () => console.log('waited'))`)).toBe('');
  });

  test('a turn', () => {
    expect(run(`systemClock.soon(() => console.log('turned'))`)).toBe('turned\n');
  });

  test('a hold, while anybody holds', () => {
    const script = `
      const hold = new ProcessHold();
      hold.take(); hold.take(); hold.letGo();
      setTimeout(() => { console.log('held'); hold.letGo(); }, 20).unref();
    `;
    expect(run(script)).toBe('held\n');
  });

  test('a hold also where emitDestroy() returns nothing, as in Bun', () => {
    const likeBun = `require('node:async_hooks').AsyncResource.prototype.emitDestroy = () => {};`;
    const script = `new ProcessHold().take(); setTimeout(() => { console.log('held'); process.exit(); }, 20).unref();`;
    expect(run(script, likeBun)).toBe('held\n');
  });

  test('a hold that was let go can be taken again', () => {
    const script = `
      const hold = new ProcessHold();
      hold.take(); hold.letGo(); hold.take();
      setTimeout(() => { console.log('held'); hold.letGo(); }, 20).unref();
    `;
    expect(run(script)).toBe('held\n');
  });

  test.each([
    'hold.close();',
    'hold.close(); hold.take();',
    'hold.take(); hold.close();',
    'hold.take(); hold.letGo();',
  ])('not a hold after %s', (script) => {
    expect(run(`const hold = new ProcessHold(); ${script}`)).toBe('');
  });
});

test('a hold that was closed makes no timer any more', () => {
  const hold = new ProcessHold();
  hold.close();
  const before = timers();
  hold.take();
  const held = timers() - before;
  hold.letGo();
  expect(held).toBe(0);
});

test('the last hold that is closed leaves no timer, not one that holds nothing', async () => {
  vi.resetModules(); // nobody has taken one of these before
  const { ProcessHold } = await import('../../../src/time/clock.js');
  const made: number[] = [];
  const gone: number[] = [];
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && made.push(id)),
    destroy: (id) => void (made.includes(id) && gone.push(id)),
  }).enable();
  onTestFinished(() => void hook.disable());
  const holds = [new ProcessHold(), new ProcessHold()];
  for (const hold of holds) hold.take();
  for (const hold of holds) hold.letGo();
  holds[0]?.close();
  await new Promise(setImmediate);
  const before = [made.length, gone.length];
  holds[1]?.close();
  await new Promise(setImmediate);
  expect([before, gone.length]).toEqual([[1, 0], 1]);
});

test('a hold is none of the fake timers of a test runner, which would find no end of it', async () => {
  vi.resetModules(); // nobody has taken one of these before
  const clock = await import('../../../src/time/clock.js');
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const hold = new clock.ProcessHold();
  hold.take();
  hold.letGo();
  expect(vi.getTimerCount()).toBe(0);
});

test('a hold keeps nothing that its first holder has in AsyncLocalStorage, though nobody closes it', async () => {
  const taken = () => {
    const store = {};
    const hold = new ProcessHold();
    new AsyncLocalStorage<object>().run(store, () => hold.take());
    hold.letGo();
    return new WeakRef(store);
  };
  const store = taken();
  await collectGarbage();
  expect(store.deref()).toBeUndefined();
});

/** Timers that keep this process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

test('to load it leaves nothing that is not destroyed, which Jest would take for an open handle', async () => {
  const left = new Set<number>();
  const hook = createHook({
    init: (id, type) => void (type.startsWith('Pooled') && left.add(id)),
    destroy: (id) => void left.delete(id),
  }).enable();
  onTestFinished(() => void hook.disable());
  vi.resetModules();
  const loaded = await import('../../../src/time/clock.js');
  await new Promise(setImmediate);
  expect(loaded.systemClock).not.toBe(systemClock);
  expect(left.size).toBe(0);
});
