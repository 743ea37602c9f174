import type { BodyTarget } from '../../../src/connection/body-source.js';
import { asBackendError, type BackendError } from '../../../src/errors.js';

/** Records the bytes of a body, and asks for a pause if the test says so. */
export class Recorder implements BodyTarget {
  readonly pieces: string[] = [];
  readonly ends: (readonly string[])[] = [];
  readonly failures: BackendError[] = [];
  calls = 0;
  hasRoom: () => boolean = () => true;

  write(bytes: Uint8Array): boolean {
    if (!(bytes instanceof Uint8Array)) throw new Error('a piece of a body is bytes');
    this.calls += 1;
    this.pieces.push(Buffer.from(bytes).toString('latin1'));
    return this.hasRoom();
  }

  end(trailers: readonly string[]): void {
    this.calls += 1;
    this.ends.push(trailers);
  }

  fail(error: Error): void {
    this.calls += 1;
    this.failures.push(asBackendError(error));
  }

  get text(): string {
    return this.pieces.join('');
  }

  get settled(): boolean {
    return this.ends.length + this.failures.length > 0;
  }
}
