/**
 * `pooled-backend/undici`: a backend as a drop-in `Dispatcher` for undici, Node's `fetch`, and what is built on them.
 */

export { BackendDispatcher, type BackendDispatcherOptions } from './dispatcher.js';
