/** Refuses an option that does not exist: a test that misspells one could pass for the wrong reason. */

/** @throws TypeError that names what is unknown */
export function checkNames(where: string, given: object, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${where} must be given an object, got ${JSON.stringify(given)}`);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown} of ${where}; known: ${known.join(', ')}`);
}
