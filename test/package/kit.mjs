/**
 * Uses the packed `pooled-backend/testing`: an origin in a thread of its own, and one in memory. Both entry points are
 * parameters, loaded as ESM or as CJS.
 */
export async function useKit({ PooledBackend }, { execute, MemoryNetwork, ScriptedOrigin, answer }, assert) {
  const rules = [{ steps: [execute(), answer({ body: 'answered' })] }];
  const network = new MemoryNetwork();
  for (const where of [{ thread: true }, { network }]) {
    const origin = await ScriptedOrigin.start({ rules, ...where });
    const backend = new PooledBackend({ origins: [origin.url] }, where.network);
    const { statusCode, body } = await backend.request({ path: '/' });
    assert.deepEqual([statusCode, await body.text(), origin.executions('/')], [200, 'answered', 1]);
    await backend.close();
    await origin.close();
  }
}
