/** Packages without types that the tests use. */

declare module 'cors' {
  const cors: (options?: object) => import('express').RequestHandler;
  export = cors;
}

declare module 'express-session' {
  const session: (options: object) => import('express').RequestHandler;
  export = session;
}

declare module 'express4' {
  const express: typeof import('express').default;
  export = express;
}
