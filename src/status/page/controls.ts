/** The buttons at the top: pause, export, light or dark. */

import { byId, setAttribute, setText } from './dom.js';
import type { Store } from './store.js';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const KEPT_AS = 'pooled-backend-theme';

export function pauseButton(pause: () => void, resume: () => void): void {
  const button = byId('pause');
  let paused = false;
  button.addEventListener('click', () => {
    paused = !paused;
    setText(button, paused ? 'Resume' : 'Pause');
    if (paused) pause();
    else resume();
  });
}

/** Saves the report with its history as a file. */
export function exportButton(store: Store): void {
  byId('export').addEventListener('click', () => {
    const { snapshot } = store;
    if (snapshot === undefined) return;
    const file = new Blob([`${JSON.stringify(snapshot, undefined, 2)}\n`], { type: 'application/json' });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = `${nameOf(snapshot.title)}-${new Date(snapshot.at).toISOString().slice(0, 19).replaceAll(':', '')}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
}

export function themeButton(onChange: () => void): void {
  const button = byId('theme');
  let theme = keptTheme();
  const show = () => {
    setAttribute(document.documentElement, 'data-theme', theme);
    setText(button, `Theme: ${theme}`);
  };
  button.addEventListener('click', () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
    keepTheme(theme);
    show();
    onChange();
  });
  show();
}

function nameOf(title: string): string {
  return title.replaceAll(/[^\w.-]+/g, '-') || 'status';
}

// A browser may forbid storage: then reading and writing throw.
function keptTheme(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(KEPT_AS)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

function keepTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEPT_AS, theme);
  } catch {}
}
