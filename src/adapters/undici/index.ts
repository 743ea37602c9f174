/** `pooled-backend/undici`: a backend in the place of undici's `Agent` or `Pool`. */

export { BackendDispatcher, type BackendDispatcherOptions } from './dispatcher.js';
