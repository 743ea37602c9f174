/** The metrics of the gateway and of its process, for Prometheus. */

import type { RequestListener } from 'node:http';
import type { PooledBackend } from 'pooled-backend';

/** prom-client is an optional peer dependency, needed for `--metrics` only. */
type Load = () => Promise<typeof import('prom-client')>;

const load: Load = () => import('prom-client');

/** What the user has to do before there can be metrics; `undefined` if nothing. */
export async function whyNoMetrics(loadClient: Load = load): Promise<string | undefined> {
  try {
    await loadClient();
    return undefined;
  } catch {
    return '--metrics needs prom-client: npm install prom-client, or npx -p pooled-backend -p prom-client pooled-backend …';
  }
}

export async function metricsPage(backend: PooledBackend): Promise<RequestListener> {
  const { collectDefaultMetrics, Registry } = await load();
  const { registerMetrics } = await import('pooled-backend/prometheus');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registerMetrics(backend, { registry });
  return (req, res) => {
    req.resume();
    registry.metrics().then(
      (text) => res.setHeader('Content-Type', registry.contentType).end(text),
      () => res.writeHead(500).end(),
    );
  };
}
