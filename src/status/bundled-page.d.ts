/** Made at build time out of `src/status/page`: the page as three strings. */
declare module 'virtual:status-page' {
  export const body: string;
  export const style: string;
  export const script: string;
}
