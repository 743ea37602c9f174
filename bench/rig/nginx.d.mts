// For the tests, which are TypeScript; the meaning of each stands in nginx.mjs.

export interface Nginx {
  readonly folder: string;
  reload(): void;
  stop(): Promise<void>;
}

export function findNginx(): { file: string; version: string } | undefined;
export function startNginx(what: {
  http: string;
  port: number;
  workers?: number;
  core?: number | undefined;
}): Promise<Nginx>;
