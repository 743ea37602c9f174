import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Linked, LinkedSet } from '../../src/linked-set.js';

class Member implements Linked<Member> {
  previousLinked: Member | undefined = undefined;
  nextLinked: Member | undefined = undefined;
  isLinked = false;
}

test('behaves as a Set in any history of adding and deleting', () => {
  const step = fc.record({ add: fc.boolean(), index: fc.nat({ max: 7 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const members = Array.from({ length: 8 }, () => new Member());
      const linked = new LinkedSet<Member>();
      const model = new Set<Member>();
      for (const { add, index } of steps) {
        const member = members[index] ?? new Member();
        if (add) {
          linked.add(member);
          model.add(member);
        } else expect(linked.delete(member)).toBe(model.delete(member));
        expect([...linked]).toEqual([...model]);
        expect(linked.size).toBe(model.size);
      }
    }),
  );
});

test('the member that was just given may be deleted while the others are walked', () => {
  const members = [new Member(), new Member(), new Member()];
  const linked = new LinkedSet<Member>();
  for (const member of members) linked.add(member);
  const walked: Member[] = [];
  for (const member of linked) {
    walked.push(member);
    linked.delete(member);
  }
  expect(walked).toEqual(members);
  expect(linked.size).toBe(0);
});

test('a member that has left knows none of the others', () => {
  const [first, second] = [new Member(), new Member()];
  const linked = new LinkedSet<Member>();
  linked.add(first);
  linked.add(second);
  linked.delete(first);
  expect(first.nextLinked).toBeUndefined();
  expect(second.previousLinked).toBeUndefined();
});
