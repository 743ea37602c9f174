/**
 * The end of the build: the declarations say of each name whether it is a type alone. tsup's bundler of declarations forgets
 * that of classes, and whoever imports such a class as a value would find out when the program starts. They also ask for the types
 * of Node, which TypeScript 6 and newer do not load by themselves: a PooledBackend would have no `on()`.
 */

import { readFileSync, writeFileSync } from 'node:fs';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const entry of Object.values(exports).filter((entry) => typeof entry === 'object')) {
  const values = Object.keys(await import(new URL(entry.import.default, import.meta.url).href));
  const marked = (name) => {
    const [, given] = /(\S+)$/.exec(name);
    return values.includes(given) || name.startsWith('type ') ? name : `type ${name}`;
  };
  for (const { types } of [entry.import, entry.require]) {
    const text = readFileSync(types, 'utf8');
    const lists = /^export \{ (.+) \}/gm;
    const named = text.replace(lists, (_, names) => `export { ${names.split(', ').map(marked).join(', ')} }`);
    writeFileSync(types, `/// <reference types="node" />\n${named}`);
  }
}
