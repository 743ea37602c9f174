/** Runs the command, built from the sources, as a process. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import { llhttpForEsbuild } from '../../llhttp.config.js';
import { statusPageForEsbuild } from '../../status-page.config.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Builds the command. Resolves to its file. */
export async function buildCommand(): Promise<string> {
  const outfile = join(ROOT, 'node_modules/.cache/pooled-backend/cli.mjs');
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/cli.ts'],
    outfile,
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'silent' },
    alias: {
      'pooled-backend/prometheus': join(ROOT, 'src/adapters/prometheus/index.ts'),
      'pooled-backend': join(ROOT, 'src/index.ts'),
    },
    external: ['generic-pool', 'prom-client'],
    plugins: [llhttpForEsbuild(), statusPageForEsbuild()],
  });
  return outfile;
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** One run of the command. It is ended with the test. */
export class Command {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #out = '';
  #err = '';
  #heard: () => void = () => undefined;

  constructor(file: string, flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [file, ...flags], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout.on('data', (piece) => {
      this.#out += piece;
    });
    child.stderr.on('data', (piece) => {
      this.#err += piece;
      this.#heard();
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        resolve({ code, out: this.#out, err: this.#err });
        this.#heard();
      });
    });
    onTestFinished(() => void child.kill('SIGKILL'));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Leaves what it writes in the pipe, which becomes full, until the process is gone. */
  pauseReading(): void {
    const { stderr } = this.#child;
    stderr?.pause();
    this.#child.once('exit', () => stderr?.resume());
  }

  /** Closes the pipes: from now on the command's writes fail, as after the end of a reading process. */
  stopReading(): void {
    this.#child.stderr?.destroy();
  }

  /** Resolves to the match of `pattern`, as soon as it was written to stderr. */
  async says(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#err);
      if (found !== null) return found[1] ?? found[0];
      if (this.#child.exitCode !== null) throw new Error(`ended without saying ${pattern}: ${this.#err}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }
}

/** A folder for this test. It is removed with the test. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pooled-backend-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
