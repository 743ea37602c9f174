// npm run explore -- --help

import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const server = await createServer({
  root,
  configFile: `${root}/vitest.config.ts`,
  appType: 'custom',
  logLevel: 'error',
  server: { middlewareMode: true, ws: false, watch: null },
});
const { main } = await server.ssrLoadModule('/test/explorer/command.ts');
process.exitCode = await main(process.argv.slice(2));
await server.close();
