/** Runs the program of a scripted origin on the event loop of the test. */

import { type OriginCommand, type OriginParts, type OriginPlan, OriginProgram } from './origin-program.js';
import { OriginRecords } from './origin-records.js';
import type { Script } from './script.js';

/** A running program, here or in a thread. */
export interface Running {
  readonly records: OriginRecords; // up to date when read
  tell(command: OriginCommand): Promise<number>;
  end(): Promise<void>;
}

export class OriginHere implements Running {
  readonly records = new OriginRecords();
  readonly #program: OriginProgram;

  /** `recorded` is called after each event. */
  constructor(parts: OriginParts, plan: OriginPlan, script: Script | undefined, recorded: () => void) {
    this.#program = new OriginProgram(parts, plan, script, (event) => {
      this.records.apply(event);
      recorded();
    });
  }

  tell(command: OriginCommand): Promise<number> {
    return this.#program.obey(command);
  }

  async end(): Promise<void> {
    await this.#program.obey({ do: 'close' });
  }
}
