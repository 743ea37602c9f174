/**
 * Preloaded into the test suites of other projects: replaces the part of undici with which reply-from sends requests by ours.
 * The clients of the tests, and undici's proxies, stay as they are.
 */

'use strict';

const { appendFileSync } = require('node:fs');
const Module = require('node:module');

const { COMPAT_LIBRARY: library, COMPAT_USED: used, COMPAT_OPTIONS: options = '{}' } = process.env;
const load = Module._load;
let ours;

Module._load = function loadWithTransport(request, parent, isMain) {
  const loaded = Reflect.apply(load, this, [request, parent, isMain]);
  const isTransport = request === 'undici' && /reply-from[\\/]lib[\\/]request\.js$/.test(parent?.filename);
  if (!isTransport) return loaded;
  ours ??= transportOf(loaded);
  return ours;
};

function transportOf(undici) {
  const { BackendDispatcher } = require(`${library}/undici.cjs`);

  function backendOptions(origins, given = {}) {
    const { connections, connectTimeout, headersTimeout, bodyTimeout, tls = {}, socketPath } = given;
    const withLimit = (ms) => (ms === 0 ? Number.POSITIVE_INFINITY : ms);
    return {
      origins: origins.map((url) => (socketPath === undefined ? String(url) : { url: String(url), socketPath })),
      maxConnections: connections ?? undefined,
      connectTimeout: withLimit(connectTimeout),
      headersTimeout: withLimit(headersTimeout),
      bodyTimeout: withLimit(bodyTimeout),
      queueTimeout: 500, // the suites do not expect requests to wait for a server that is not there
      tls: { ca: tls.ca, rejectUnauthorized: tls.rejectUnauthorized },
      ...JSON.parse(options),
    };
  }

  class BalancedPool extends BackendDispatcher {
    constructor(origins, given) {
      super(backendOptions(origins, given));
      appendFileSync(used, '.'); // counted by the run
    }
  }

  /** As in undici, every request is for its one origin: for a Unix socket, reply-from gives an origin that is not a URL. */
  class Pool extends BalancedPool {
    constructor(origin, given) {
      super([origin], given);
    }

    dispatch(request, handler) {
      return super.dispatch({ ...request, origin: undefined }, handler);
    }
  }

  /** As in undici, there is a dispatcher for each origin that is asked for. */
  class Agent extends undici.Dispatcher {
    constructor(given) {
      super();
      this.given = given;
      this.pools = new Map();
    }

    dispatch(request, handler) {
      const origin = String(request.origin);
      if (!this.pools.has(origin)) this.pools.set(origin, new Pool(origin, this.given));
      return this.pools.get(origin).dispatch(request, handler);
    }

    async close() {
      await Promise.all([...this.pools.values()].map((pool) => pool.close()));
    }

    async destroy(error) {
      await Promise.all([...this.pools.values()].map((pool) => pool.destroy(error)));
    }
  }

  return { ...undici, Agent, Pool, BalancedPool };
}
