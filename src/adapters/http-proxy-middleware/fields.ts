/** Finds and changes fields by name in a flat list: name, value, name, value… */

/** The values of all fields with this name, in any case. */
export function valuesOf(fields: readonly string[], name: string): string[] {
  const lowerName = name.toLowerCase();
  return fields.filter((_value, i) => i % 2 === 1 && (fields[i - 1] ?? '').toLowerCase() === lowerName);
}

/** Removes the fields with this name, in place. */
export function remove(fields: string[], name: string): void {
  const lowerName = name.toLowerCase();
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    if ((fields[i] ?? '').toLowerCase() === lowerName) fields.splice(i, 2);
  }
}

/**
 * Replaces the fields with this name, in place.
 *
 * @throws TypeError for a value that is not a string or number: plain JavaScript may pass `undefined`, which would be sent as text
 */
export function set(fields: string[], name: string, value: number | string | readonly string[]): void {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const one of values) {
    if (typeof one !== 'object' && one !== undefined) continue;
    const got = one === null ? 'null' : typeof one;
    throw new TypeError(`the value of ${name} must be a string, a number or a list of those, got ${got}`);
  }
  remove(fields, name);
  for (const one of values) fields.push(name, String(one));
}

/** The value of a field, or a list of values if there are several fields. */
export function oneOrMore(fields: readonly string[], name: string): string | string[] | undefined {
  const values = valuesOf(fields, name);
  return values.length > 1 ? values : values[0];
}

/** The names in lower case, each once. */
export function namesOf(fields: readonly string[]): string[] {
  return [...new Set(fields.filter((_name, i) => i % 2 === 0).map((name) => name.toLowerCase()))];
}
