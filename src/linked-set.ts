/** A set whose links are its members' own fields. */

/** What a member carries for the one set that it may be in. */
export interface Linked<T> {
  /** @internal */
  previousLinked: T | undefined;
  /** @internal */
  nextLinked: T | undefined;
  /** @internal */
  isLinked: boolean;
}

/**
 * Not a `Set`: one that gains and loses a member with every request leaves behind a table per hundred of them, each
 * table knows the next one and all who were in it, and so the first that grows old keeps every later request alive until
 * a full collection (3.4 KB a request were promoted, a tenth of the CPU).
 */
export class LinkedSet<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(member: T): void {
    if (member.isLinked) return;
    member.isLinked = true;
    member.previousLinked = this.#last;
    if (this.#last === undefined) this.#first = member;
    else this.#last.nextLinked = member;
    this.#last = member;
    this.#size += 1;
  }

  /** False when it was not a member. */
  delete(member: T): boolean {
    if (!member.isLinked) return false;
    const { previousLinked, nextLinked } = member;
    if (previousLinked === undefined) this.#first = nextLinked;
    else previousLinked.nextLinked = nextLinked;
    if (nextLinked === undefined) this.#last = previousLinked;
    else nextLinked.previousLinked = previousLinked;
    member.previousLinked = undefined;
    member.nextLinked = undefined;
    member.isLinked = false;
    this.#size -= 1;
    return true;
  }

  /** Oldest member first. The one that was just given may be deleted meanwhile, others may not. */
  *[Symbol.iterator](): Iterator<T> {
    let member = this.#first;
    while (member !== undefined) {
      const next: T | undefined = member.nextLinked;
      yield member;
      member = next;
    }
  }
}
