/** Refuses an option that does not exist: a test that misspells one could pass for the wrong reason. */

/** All of these names, none left out: the compiler knows them. */
export function allOf<Name extends string>(names: Readonly<Record<Name, 0>>): readonly string[] {
  return Object.keys(names);
}

/** @throws TypeError that names what is unknown */
export function checkNames(where: string, given: object, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${where} must be given an object, got ${JSON.stringify(given)}`);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new TypeError(`unknown option ${unknown} of ${where}; known: ${known.join(', ')}`);
}
