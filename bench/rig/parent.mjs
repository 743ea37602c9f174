/** The other end of child.mjs: how a module in its own process talks to the one that started it. */

// Ctrl-C reaches the whole process group; the parent decides what ends when.
process.on('SIGINT', () => {});
// Whatever ends the parent, kill -9 too, ends us.
process.on('disconnect', () => process.exit(0));

/** @returns {any} what the parent handed to `startChild` */
export function options() {
  return JSON.parse(process.argv[2] ?? '{}');
}

/**
 * Says that this process is ready, and answers the parent's questions from here on.
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

/** Tells the parent something it did not ask for. */
export function tell(/** @type {unknown} */ news) {
  process.send?.({ kind: 'news', value: news });
}

/** @returns {number} milliseconds of CPU that this process has used so far */
export function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
