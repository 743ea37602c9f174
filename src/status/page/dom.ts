/** Short functions that make and change elements. */

type Child = Node | string;
type Attributes = Readonly<Record<string, string | number | boolean>>;

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/** The element of the page with this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element #${id}`);
  return element;
}

/** Touches the document only if the text has changed. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Shows each list of texts in a row, whose cells are its children. Rows that are there already are kept. */
export function showRows(parent: Element, rows: readonly (readonly string[])[], newRow: () => Element): void {
  while (parent.childElementCount > rows.length) parent.lastElementChild?.remove();
  for (const [index, texts] of rows.entries()) {
    const row = parent.children[index] ?? parent.appendChild(newRow());
    for (const [at, text] of texts.entries()) {
      const cell = row.children[at];
      if (cell) setText(cell, text);
    }
  }
}

/** A part of the page that is updated with each report. */
export interface Part<T> {
  readonly element: HTMLElement;
  update(data: T): void;
}

/**
 * Parts for a list whose members have names. Each part keeps its element as long as its name is listed, so focus and hover
 * stay where they are.
 */
export class PartList<T> {
  readonly #parts = new Map<string, Part<T>>();
  readonly #parent: HTMLElement;
  readonly #make: (item: T) => Part<T>;

  constructor(parent: HTMLElement, make: (item: T) => Part<T>) {
    this.#parent = parent;
    this.#make = make;
  }

  update(items: Iterable<readonly [string, T]>): void {
    const focused = document.activeElement;
    const kept = new Set<string>();
    let last: Element | null = null;
    for (const [name, item] of items) {
      kept.add(name);
      let part = this.#parts.get(name);
      if (part === undefined) {
        part = this.#make(item);
        this.#parts.set(name, part);
      }
      part.update(item);
      const next: Element | null = last === null ? this.#parent.firstElementChild : last.nextElementSibling;
      if (next !== part.element) this.#parent.insertBefore(part.element, next);
      last = part.element;
    }
    for (const [name, part] of this.#parts) {
      if (kept.has(name)) continue;
      part.element.remove();
      this.#parts.delete(name);
    }
    // An element that is moved loses the focus.
    if (focused !== document.activeElement && focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }
}

function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false) element.setAttribute(name, String(value));
  }
}
