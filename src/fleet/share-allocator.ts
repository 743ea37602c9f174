/**
 * How many connections each of several processes may hold, so that all of them together never hold more than a total.
 * The primary's side, as a state machine: no processes, no messages, no time.
 *
 * A member that is told less keeps what it holds until it says that its sockets are closed. Only then does another get
 * them, so the total holds at every moment, however long an exchange takes.
 */

/** What a member is to be told: how many it may hold from now on. */
export interface ShareOrder {
  readonly member: string;
  /** From 1. */
  readonly share: number;
  /** Number of the order, by which the member answers: an answer to an earlier one says nothing about this one. */
  readonly turn: number;
}

/** What one member was told last, and the most that it can hold now, which is more while it shrinks. */
export interface Share {
  readonly told: number;
  readonly held: number;
}

interface Member {
  readonly total: number; // the number that it wants to share
  told: number; // the share of the last order; 0 before the first one
  held: number; // the most that it can hold now, at least `told`
  turn: number; // number of the last order
}

export class ShareAllocator {
  readonly #members = new Map<string, Member>(); // in the order in which they joined
  #vacancies = 0; // places kept for members that are expected

  get size(): number {
    return this.#members.size;
  }

  /** The smallest total that a member wants to share: members need not agree while a deployment changes it. */
  get total(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { total } of this.#members.values()) least = Math.min(least, total);
    return least;
  }

  get shares(): ReadonlyMap<string, Share> {
    return new Map([...this.#members].map(([id, { told, held }]) => [id, { told, held }]));
  }

  /** Places that are kept. */
  get vacancies(): number {
    return this.#vacancies;
  }

  /** Takes a member in. False = there would not be one connection for each member; nothing has changed. */
  join(id: string, total: number): boolean {
    if (this.#members.has(id)) return true;
    if (this.#members.size >= Math.min(total, this.total)) return false;
    this.#members.set(id, { total, told: 0, held: 0, turn: 0 });
    this.#vacancies = Math.max(0, this.#vacancies - 1);
    return true;
  }

  /** Keeps places for members that are still to come, until members and places together are `members`. */
  expect(members: number): void {
    this.#vacancies = Math.max(this.#vacancies, members - this.#members.size);
  }

  /** The process is gone, and its sockets with it. Its place is kept until {@link giveUpVacancies}. */
  leave(id: string): boolean {
    if (!this.#members.delete(id)) return false;
    this.#vacancies += 1;
    return true;
  }

  /** So many reserved places were not taken: the other members may have them. */
  giveUpVacancies(places = this.#vacancies): void {
    this.#vacancies = Math.max(0, this.#vacancies - places);
  }

  /** The member holds no more than `held` from now on. An answer to an order before the last is ignored. */
  acknowledge(id: string, turn: number, held: number): void {
    const member = this.#members.get(id);
    if (member === undefined || member.turn !== turn || held >= member.held) return;
    member.held = Math.max(held, member.told);
  }

  /** What members are to be told now: called after any of the methods above. Each order is given out once. */
  takeOrders(): readonly ShareOrder[] {
    const { total } = this;
    const targets = this.#targets(total);
    const planned = new Map<Member, number>();
    let free = total;
    for (const [id, member] of this.#members) {
      free -= member.held;
      // What it holds already is its own: no other member may have it yet.
      planned.set(member, Math.min(member.held, targets.get(id) ?? 0));
    }
    // One each before any member gets two.
    for (const most of [1, total]) {
      for (const [id, member] of this.#members) {
        const share = planned.get(member) ?? 0;
        const more = Math.min(free, Math.min(most, targets.get(id) ?? 0) - share);
        if (more <= 0) continue;
        planned.set(member, share + more);
        free -= more;
      }
    }
    return [...this.#members].flatMap(([id, member]) => orderFor(id, member, planned.get(member) ?? 0));
  }

  /** Equal shares; the remainder goes to the first to join. */
  #targets(total: number): ReadonlyMap<string, number> {
    const places = Math.min(this.#members.size + this.#vacancies, total);
    const [least, rest] = [Math.floor(total / places), total % places];
    return new Map([...this.#members.keys()].map((id, index) => [id, least + (index < rest ? 1 : 0)]));
  }
}

function orderFor(id: string, member: Member, share: number): readonly ShareOrder[] {
  if (share === member.told) return [];
  member.told = share;
  member.held = Math.max(member.held, share);
  member.turn += 1;
  return [{ member: id, share, turn: member.turn }];
}
