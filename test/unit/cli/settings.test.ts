import { describe, expect, test } from 'vitest';
import { readArguments, readConfig, readEnvironment } from '../../../src/cli/given.js';
import { checkSettings, type Settings } from '../../../src/cli/settings.js';

const ORIGIN = 'http://127.0.0.1:9001';
const MINIMUM = ['--listen', '8080', '--origin', ORIGIN];

interface Telling {
  readonly flags?: readonly string[];
  readonly env?: Record<string, string>;
  readonly file?: object;
}

function check({ flags = [], env = {}, file = {} }: Telling) {
  const [words, environment] = [readArguments(flags), readEnvironment(env)];
  const config = readConfig(JSON.stringify(file), 'c.json');
  const checked = checkSettings(words.given, environment.given, config.given);
  const problems = [...words.problems, ...environment.problems, ...config.problems];
  const found = checked.kind === 'problems' ? [...checked.problems, ...checked.missing] : [];
  return { checked, problems: [...problems, ...found] };
}

function settings(telling: Telling): Settings {
  const { checked, problems } = check(telling);
  if (checked.kind !== 'settings' || problems.length > 0) throw new Error(problems.join('\n'));
  return checked.settings;
}

const withFlags = (...flags: string[]) => settings({ flags: [...MINIMUM, ...flags] });

describe('values', () => {
  test('of numbers, words, lists, objects and false are understood in flags', () => {
    const { backend } = withFlags(
      ...['--max-connections', '50', '--non-idempotent=any', '--spare-connections', 'false', '--max-queue', 'Infinity'],
      ...['--retry-on', '502, headers-timeout', '--retry-budget', '{"ratio":0.1,"minPerSecond":"Infinity"}'],
    );
    expect(backend).toEqual({
      ...{ origins: [ORIGIN], maxConnections: 50, nonIdempotent: 'any', spareConnections: false },
      ...{ maxQueue: Number.POSITIVE_INFINITY, retryOn: [502, 'headers-timeout'] },
      retryBudget: { ratio: 0.1, minPerSecond: Number.POSITIVE_INFINITY },
    });
  });

  test('of a mount are told apart from those of the backend', () => {
    const { backend, mount, upgrade } = withFlags('--host', 'origin', '--trust-proxy', '10.0.0.0/8,::1');
    expect([mount, upgrade]).toEqual([
      { host: 'origin', trustProxy: ['10.0.0.0/8', '::1'] },
      { host: 'origin', trustProxy: ['10.0.0.0/8', '::1'] },
    ]);
    expect(Object.keys(backend)).toEqual(['origins']);
  });

  test('may be empty where that takes an attribute out', () => {
    const { mount } = withFlags('--cookie-domain-rewrite', '', '--cookie-path-rewrite=');
    expect(mount).toEqual({ cookieDomainRewrite: '', cookiePathRewrite: '' });
  });

  test('in a file may be objects, origins too', () => {
    const origins = [ORIGIN, { url: 'http://b.test', weight: 2, backup: true }];
    const file = { listen: 80, origins, ejection: { failures: 'Infinity' } };
    expect(settings({ file }).backend).toEqual({ origins, ejection: { failures: Number.POSITIVE_INFINITY } });
  });

  test('of the environment may be lists of origins', () => {
    const env = { POOLED_BACKEND_LISTEN: '80', POOLED_BACKEND_ORIGINS: 'http://a.test http://b.test,http://c.test' };
    expect(settings({ env }).backend.origins).toEqual(['http://a.test', 'http://b.test', 'http://c.test']);
  });

  test.each([
    ['an object', '{"url":"http://a.test","weight":2}', [{ url: 'http://a.test', weight: 2 }]],
    ['a list', '["http://a.test",{"url":"http://b.test"}]', ['http://a.test', { url: 'http://b.test' }]],
  ])('of origins may be %s in JSON, in the environment as in a flag', (_what, text, origins) => {
    const env = { POOLED_BACKEND_LISTEN: '80', POOLED_BACKEND_ORIGINS: text };
    expect(settings({ env }).backend.origins).toEqual(origins);
    expect(settings({ flags: ['--listen', '80', '--origin', text] }).backend.origins).toEqual(origins);
  });

  test('of lists are put together when a flag is given again', () => {
    const { backend, mount } = withFlags(
      ...['--retry-on', '502', '--retry-on', '503,504', '--trust-proxy', '10.0.0.0/8', '--trust-proxy', '["::1"]'],
    );
    expect([backend.retryOn, mount.trustProxy]).toEqual([
      [502, 503, 504],
      ['10.0.0.0/8', '::1'],
    ]);
  });

  test('a flag counts more than the environment, and that more than the file', () => {
    const file = { listen: 1, maxQueue: 1, maxAttempts: 1, origins: ['http://file.test'] };
    const env = { POOLED_BACKEND_MAX_QUEUE: '2', POOLED_BACKEND_MAX_ATTEMPTS: '2' };
    const { backend } = settings({ file, env, flags: ['--max-attempts', '3', '--origin', ORIGIN] });
    expect(backend).toEqual({ origins: [ORIGIN], maxQueue: 2, maxAttempts: 3 });
  });

  test('of the environment that Kubernetes sets for a service of our name are left alone', () => {
    const port = 'tcp://10.0.0.1:8080';
    const env = {
      ...{ POOLED_BACKEND_SERVICE_HOST: '10.0.0.1', POOLED_BACKEND_SERVICE_PORT: '8080', POOLED_BACKEND_PORT: port },
      ...{ POOLED_BACKEND_SERVICE_PORT_HTTP: '8080', POOLED_BACKEND_PORT_8080_TCP: port },
      ...{ POOLED_BACKEND_PORT_8080_TCP_PROTO: 'tcp', POOLED_BACKEND_PORT_8080_TCP_PORT: '8080' },
      ...{ POOLED_BACKEND_PORT_8080_TCP_ADDR: '10.0.0.1', POOLED_BACKEND_STATUS_SERVICE_HOST: '10.0.0.2' },
    };
    expect(check({ flags: MINIMUM, env }).problems).toEqual([]);
    expect(check({ flags: MINIMUM, env: { POOLED_BACKEND_PORT: '8080' } }).problems).toHaveLength(1);
  });

  test('of somebody else in the environment are left alone', () => {
    expect(check({ flags: MINIMUM, env: { PATH: '/bin', POOLED_BACKEND_TITLE: '' } }).problems).toEqual([]);
  });

  test('that is an empty name of a file names none', () => {
    expect(readEnvironment({ POOLED_BACKEND_CONFIG: '' }).config).toBeUndefined();
  });
});

describe('places', () => {
  test.each([
    ['8080', { kind: 'port', port: 8080, host: undefined }],
    ['*:8080', { kind: 'port', port: 8080, host: undefined }],
    ['127.0.0.1:80', { kind: 'port', port: 80, host: '127.0.0.1' }],
    ['[::1]:80', { kind: 'port', port: 80, host: '::1' }],
    ['/run/gateway.sock', { kind: 'socket', path: '/run/gateway.sock' }],
  ])('--listen %s', (text, address) => {
    expect(settings({ flags: ['--listen', text, '--origin', ORIGIN] }).listen).toEqual(address);
  });

  test.each([
    [[], { kind: 'address', address: { kind: 'port', port: 8081, host: '127.0.0.1' }, isDefault: true }],
    [['--status', '/status/'], { kind: 'path', path: '/status' }],
    [
      ['--status', '9000'],
      { kind: 'address', address: { kind: 'port', port: 9000, host: '127.0.0.1' }, isDefault: false },
    ],
    [['--status', ':::9000'], undefined],
    [['--status', 'off'], { kind: 'off' }],
  ])('%j: the status page is there', (flags, place) => {
    const { checked } = check({ flags: [...MINIMUM, ...flags] });
    expect(checked.kind === 'settings' ? checked.settings.status : undefined).toEqual(place);
  });
});

describe('what is wrong is said in the words of whoever said it', () => {
  test.each<[Telling, string]>([
    [{ flags: ['--max-conections', '5'] }, 'unknown option --max-conections (did you mean --max-connections?)'],
    [{ flags: ['--frobnicate', '5'] }, 'unknown option --frobnicate'],
    [{ flags: ['--rewrite-path', '/v1'] }, 'only a program can give --rewrite-path'],
    [{ env: { POOLED_BACKEND_LOGGER: 'pino' } }, 'only a program can give POOLED_BACKEND_LOGGER'],
    [{ file: { rewritePath: '/v1' } }, 'only a program can give rewritePath in c.json'],
    [
      { flags: ['--origin', 'http://a.test/v1'] },
      "got 'http://a.test/v1'; only a program can add a path, by rewritePath of handler()",
    ],
    [{ flags: ['--max-queue', 'many'] }, "--max-queue must be an integer from 0, or Infinity for no limit, got 'many'"],
    [{ flags: ['--max-queue'] }, '--max-queue needs a value'],
    [
      { flags: ['--check', '{"path":"/"}'] },
      'unexpected argument {"path":"/"}: the checks of origins are --health-check',
    ],
    [{ flags: ['--check=false'] }, '--check takes no value: the checks of origins are --health-check'],
    [{ flags: ['--help=false'] }, '--help takes no value'],
    [{ flags: ['http://x.test'] }, 'unexpected argument http://x.test: say --origin http://x.test'],
    [{ flags: ['--origin', 'ftp://x'] }, '--origin[1] must be http://host:port or https://host:port'],
    [
      { flags: ['--listen', `/${'a'.repeat(107)}`] },
      '--listen must be a port, host:port or the path of a unix socket (at',
    ],
    [{ flags: ['--status', 'a b'] }, '--status must be a path, a port, host:port or off, got "a b"'],
    [{ flags: ['--metrics', 'a b'] }, '--metrics must be a path, a port, host:port or off, got "a b"'],
    [
      { flags: ['--status', '/a', '--metrics', '/a/'] },
      '--metrics must be elsewhere than the clients and the status page, got "/a/"',
    ],
    [{ flags: ['--metrics', '8080'] }, '--metrics must be elsewhere than the clients and the status page, got 8080'],
    [
      { flags: ['--status', '*:9000', '--metrics', '9000'] },
      '--metrics must be elsewhere than the clients and the status page, got 9000',
    ],
    [{ flags: ['--status', '*:8080'] }, '--status must be elsewhere than the clients, got "*:8080"'],
    [
      { flags: ['--listen', '0.0.0.0:9000', '--status', '9000'] },
      '--status must be elsewhere than the clients, got "9000"',
    ],
    [{ flags: ['--listen', '[::]:9000', '--metrics', '9000'] }, '--metrics must be elsewhere than the clients and'],
    [{ flags: ['--log-level', 'loud'] }, '--log-level must be one of debug, info'],
    [{ flags: ['--drain-timeout', '0'] }, '--drain-timeout must be a number of milliseconds'],
    [{ flags: ['--host', 'x'] }, "--host must be 'preserve' or 'origin', got 'x'"],
    [{ flags: ['--upgrade', '{"idleTimeout":0}'] }, '--upgrade: idleTimeout must be'],
    [
      { flags: ['--upgrade', '{"foo":1}'] },
      '--upgrade: unknown option foo; known: protocols, idleTimeout, maxDuration,',
    ],
    [{ flags: ['--tls', '{"foo":1}'] }, '--tls: unknown option tls.foo; known in tls: ca, cert, key'],
    [{ file: { tls: { ca: '/etc/ca.pem' } } }, 'tls.ca must be certificates in PEM format, not a file path'],
    [{ flags: ['--upgrade', 'yes'] }, '--upgrade must be an object or false'],
    [{ flags: ['--upgrade', '{"idleTimeout":5'] }, '--upgrade is not JSON: '],
    [{ flags: ['--ejection', '{failures:3}'] }, '--ejection is not JSON: '],
    [{ flags: ['--cookie-domain-rewrite', '{"a.test":"b.test"'] }, '--cookie-domain-rewrite is not JSON: '],
    [{ env: { POOLED_BACKEND_RETRY_ON: '[502,' } }, 'POOLED_BACKEND_RETRY_ON is not JSON: '],
    [{ flags: ['--retry-on', '[502', '--retry-on', '503'] }, '--retry-on is not JSON: '],
    [{ flags: ['--ejection', '{', '--ejection', '5'] }, '--ejection must be '],
    [{ flags: ['--origin', '[::1]:9001'] }, '--origin[1] must be http://host:port '],
    [{ flags: ['--trust-proxy', '[2001:db8::1]'] }, '--trust-proxy[0] must be '],
    [
      { env: { POOLED_BACKEND_MAX_QUEU: '1' } },
      'unknown option POOLED_BACKEND_MAX_QUEU (did you mean POOLED_BACKEND_MAX_QUEUE?)',
    ],
    [{ env: { POOLED_BACKEND_MAX_ATTEMPTS: '0' } }, 'POOLED_BACKEND_MAX_ATTEMPTS must be an integer from 1 to 100'],
    [{ file: { maxconnections: 5 } }, 'unknown option maxconnections (did you mean maxConnections?) in c.json'],
    [
      { file: { minConnections: 200 } },
      'minConnections must be at most maxConnections (100), got 200 (minConnections in c.json)',
    ],
    [
      { file: { retryBudget: { ratio: 2 } } },
      'retryBudget.ratio must be a number from 0 to 1, got 2 (retryBudget in c.json)',
    ],
  ])('%j', (telling, sentence) => {
    const { problems } = check({ ...telling, flags: [...MINIMUM, ...(telling.flags ?? [])] });
    expect(problems.join('\n')).toContain(sentence);
    expect(problems.length).toBe(1);
  });

  test.each([
    ['metrics at the default of the status page', ['--metrics', '8081']],
    ['any port, twice', ['--status', '0', '--metrics', '0']],
    ['one port of two addresses', ['--listen', '127.0.0.2:8080', '--metrics', '8080']],
  ])('but not %s', (_what, flags) => {
    expect(check({ flags: [...MINIMUM, ...flags] }).problems).toEqual([]);
  });

  test('all of it at once', () => {
    const flags = ['--max-queue', 'x', '--max-attempts', '0', '--host', 'y', '--nonsense', '1'];
    expect(check({ flags }).problems.map((problem) => problem.split(' ').slice(0, 3).join(' '))).toEqual([
      ...['unknown option --nonsense'],
      ...['--max-queue must be', '--max-attempts must be', '--host must be', 'nowhere to listen:', 'no origin is'],
    ]);
  });

  test.each([
    ['{', 'c.json is not JSON: '],
    ['[]', 'c.json must be an object of options'],
  ])('a file that is %j', (text, sentence) => {
    expect(readConfig(text, 'c.json').problems.join()).toContain(sentence);
  });
});
