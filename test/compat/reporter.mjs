/** A reporter for `node --test`: one line of JSON for each test that has ended. */

// biome-ignore lint/style/noDefaultExport: so node:test takes a reporter
export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const { name, file = '', skip, details } = data;
    const why = details?.error?.cause?.message ?? details?.error?.message;
    yield `${JSON.stringify({ name, file, passed: type === 'test:pass', skipped: skip !== undefined, why })}\n`;
  }
}
