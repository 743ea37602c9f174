/** What an origin said before it hung up on an upload, from a descriptor: a file gives it out as the kernel would. */

import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { StreamBody } from '../../../src/body/stream-body.js';
import { MemoryBackend } from '../../memory-backend.js';

/** A descriptor that holds this unread. */
function descriptorWith(text: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'last-words-'));
  const path = join(folder, 'words');
  writeFileSync(path, text, 'latin1');
  const fd = openSync(path, 'r');
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return fd;
}

test.each([2, 65_536, 200_000])('an answer of %i bytes that came before the reset is told whole', async (length) => {
  const words = Array.from({ length }, (_, at) => String.fromCharCode(0x61 + (at % 26))).join('');
  const fd = descriptorWith(`HTTP/1.1 413 -\r\nContent-Length: ${length}\r\n\r\n${words}`);
  const backend = await MemoryBackend.open({ spareConnections: false });
  const source = new PassThrough();
  const body = new StreamBody(source, { length: undefined, replayBytes: 0 });
  const caller = await backend.sent({ method: 'POST', body });
  const { near } = await backend.accept({ asks: true });
  Reflect.set(near, '_handle', { fd });
  near.refuseNextWrite();
  for (const piece of ['mo', 're']) source.write(piece); // the second in the turn in which the first is refused
  await backend.settle();
  expect([caller.outcome, caller.body === words]).toEqual([413, true]);
});
