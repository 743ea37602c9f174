/** The faults of the comparison, in the words of the table. origin.mjs and cell.mjs play them. */

/** @typedef {{ name: string, title: string, what: string }} Fault */

/** @type {readonly Fault[]} */
export const FAULTS = [
  {
    name: 'idle-close',
    title: 'Closes idle connections',
    what: 'The origin closes a connection after 40 ms without a request; requests come in waves about as far apart.',
  },
  {
    name: 'idle-408',
    title: 'Closes idle connections with a 408',
    what: 'The same, with a 408 before the close, as servers do that wait for a first request.',
  },
  {
    name: 'silent-close',
    title: 'Closes without a word',
    what: 'The origin closes after every third response of a connection and never announces it.',
  },
  {
    name: 'execute-then-die',
    title: 'Executes and closes',
    what: 'Every fifth request of a connection is executed, then the connection is closed without a byte of an answer.',
  },
  {
    name: 'reset-then-die',
    title: 'Executes and resets',
    what: 'The same with a RST.',
  },
  {
    name: 'restart',
    title: 'Restarts',
    what: 'Twice the origin resets all connections and refuses new ones for 400 ms.',
  },
  {
    name: 'cut-body',
    title: 'Breaks off bodies',
    what: 'Every fourth response of a connection ends in the middle of its body, of a declared length or chunked. No client may take it for whole; a failed GET is the honest end.',
  },
  {
    name: 'appended-response',
    title: 'Sends a second response',
    what: 'Every fourth response of a connection has another one behind it, which belongs to nobody.',
  },
  {
    name: 'stray-in-kernel',
    title: 'A stray response waits in the kernel',
    what: 'While the event loop is blocked for 60 ms before a request is proxied (HAProxy and nginx: while the process is stopped), an unsolicited response arrives on every idle connection. 20 rounds.',
  },
  {
    name: 'stall',
    title: 'Never answers',
    what: 'Every tenth request of a connection is executed and never answered. Each peer has a response timeout of 1.5 s where it has one; a client waits for 5 s.',
  },
];
