/** The text of `--help`. */

import { commandOptions, ENVIRONMENT_PREFIX, type OptionOwner } from './command-options.js';

const HEADINGS: Readonly<Record<OptionOwner, string>> = {
  command: 'The gateway',
  backend: 'Connections to origins, queue, retries',
  mount: 'What is sent',
};
const WIDTH = 100;
const INDENT = 30;

/** Where a flag takes less than the file. */
const MEANINGS: Readonly<Record<string, string>> = {
  origins: 'an origin server, `http://host:port` or `https://host:port`; repeat it for each',
};

const SHORT: Readonly<Record<string, string>> = { listen: ', -l', origins: ', -o' };

export function helpText(): string {
  const groups = Object.entries(HEADINGS).map(([owner, heading]) => {
    const rows = commandOptions.filter((option) => option.owner === owner);
    const entries = rows.map(({ name, flag, meaning, default: standard }) =>
      entry(`  ${flag}${SHORT[name] ?? ''} …`, `${MEANINGS[name] ?? meaning} [${standard}]`),
    );
    return `${heading}\n${entries.join('')}`;
  });
  return `pooled-backend: a gateway that pools its connections to origins and never sends a request twice when that could do harm

  pooled-backend --listen 8080 --origin http://10.0.0.7:8080 --origin http://10.0.0.8:8080

${groups.join('\n')}
Other
${entry('  --config, -c FILE', `a JSON file of options by their names in camelCase; schema: config.schema.json of the package`)}${entry('  --check', 'checks the options, and exits')}${entry('  --help, -h', 'this')}${entry('  --version, -v', 'the version')}
Each option can also be given in the environment, as ${ENVIRONMENT_PREFIX} and its name (${ENVIRONMENT_PREFIX}MAX_CONNECTIONS), and in
the file. A flag overrides the environment, and that overrides the file. Times are milliseconds, sizes bytes;
Infinity is no limit, false is off. Lists are separated by commas; objects are JSON.

At SIGTERM or SIGINT the command exits when the requests that it has accepted are answered; a second one ends it at once.
Exit codes: 0 success, 1 it could not listen or had to cut requests off, 2 the options are wrong.
`;
}

/** A term with its meaning beside it, broken into lines. */
function entry(term: string, meaning: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of meaning.replaceAll('`', '').split(' ')) {
    if (line !== '' && line.length + word.length + 1 > WIDTH - INDENT) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  const first = term.length < INDENT ? term.padEnd(INDENT) : `${term}\n${' '.repeat(INDENT)}`;
  return `${first}${lines.join(`\n${' '.repeat(INDENT)}`)}\n`;
}
