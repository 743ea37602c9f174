/**
 * The end of the build: removes comments from the bundles, most of which esbuild keeps. What stays is of use to others: annotations
 * for bundlers, and the names of the source files.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const KEPT = /@__PURE__|^\/\/ src\//;

for (const name of readdirSync('dist').filter((file) => /\.c?js$/.test(file))) {
  const text = readFileSync(`dist/${name}`, 'utf8');
  writeFileSync(`dist/${name}`, withoutComments(ts.createSourceFile(name, text, ts.ScriptTarget.ESNext)));
}

function withoutComments(source) {
  let stripped = '';
  const visit = (node) => {
    const parts = node.getChildren(source).filter((part) => !ts.isJSDoc(part));
    for (const part of parts) visit(part);
    if (parts.length > 0 || node.pos === node.end) return;
    // Between two tokens there are white space and comments alone.
    const between = source.text.slice(node.pos, node.getStart(source));
    stripped += between.replace(/\n?[ \t]*(\/\*[\s\S]*?\*\/|\/\/[^\n]*)/g, (all, comment) => {
      if (KEPT.test(comment)) return all;
      return all.startsWith('\n') ? '' : ' ';
    });
    stripped += node.getText(source);
  };
  visit(source);
  return stripped;
}
