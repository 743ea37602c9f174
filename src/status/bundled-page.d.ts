/** The page as three strings, built from `src/status/page`. */
declare module 'virtual:status-page' {
  export const body: string;
  export const style: string;
  export const script: string;
}
