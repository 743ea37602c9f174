/** The other end of child.mjs: how a module in its own process talks to the process that started it. */

// Ctrl-C reaches the whole process group, but the parent decides which process ends when.
process.on('SIGINT', () => {});
// This process ends with its parent, even after kill -9.
process.on('disconnect', () => process.exit(0));

/** @returns {any} the options that the parent gave to `startChild` */
export function options() {
  return JSON.parse(process.argv[2] ?? '{}');
}

/**
 * Tells the parent that this process is ready, and answers its questions from now on.
 * @param {unknown} ready
 * @param {Record<string, (argument: any) => unknown>} answers
 */
export function serve(ready, answers = {}) {
  process.on('message', async (/** @type {any} */ { id, question, argument }) => {
    try {
      const answer = await answers[question]?.(argument);
      process.send?.({ kind: 'answer', id, answer: answer ?? null });
    } catch (error) {
      process.send?.({
        kind: 'answer',
        id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  });
  process.send?.({ kind: 'ready', value: ready });
}

/** Sends the parent news that it did not ask for. */
export function tell(/** @type {unknown} */ news) {
  process.send?.({ kind: 'news', value: news });
}

/** @returns {number} milliseconds of CPU that this process has used so far */
export function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
