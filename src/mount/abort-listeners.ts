/** One listener on an AbortSignal, however many requests it ends: Node warns of a leak from the eleventh on. */

interface Listening {
  readonly calls: Set<() => void>;
  readonly tell: () => void; // the listener
}

const listening = new WeakMap<AbortSignal, Listening>();

/** Calls `call` when `signal` is aborted, which it must not be yet. */
export function listenForAbort(signal: AbortSignal, call: () => void): void {
  const { calls, tell } = listening.get(signal) ?? startListening(signal);
  if (calls.size === 0) signal.addEventListener('abort', tell);
  calls.add(call);
}

/** Takes `call` back. The last one leaves nothing on the signal. */
export function forgetAbort(signal: AbortSignal, call: () => void): void {
  const found = listening.get(signal);
  if (found === undefined || !found.calls.delete(call) || found.calls.size > 0) return;
  signal.removeEventListener('abort', found.tell);
}

function startListening(signal: AbortSignal): Listening {
  const calls = new Set<() => void>();
  const tell = () => {
    for (const call of [...calls]) call();
  };
  const made = { calls, tell };
  listening.set(signal, made);
  return made;
}
