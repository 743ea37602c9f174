/** What the tests of options have in common. */

export const URL_A = 'http://127.0.0.1:9001';
export const URL_B = 'http://127.0.0.1:9002';

export function deeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(deeplyFrozen);
}
