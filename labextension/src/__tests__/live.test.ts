import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Changes } from '../live';

const standing = (seq: number, jobs = 0, project = 'p') => ({ seq, jobs, project });

/** Changes, and what they told. */
function listened() {
  const changes = new Changes();
  const told: (readonly string[])[] = [];
  changes.told.connect((_, { runs }) => told.push(runs));
  return { changes, told };
}

test('what was not heard is told once the server says where it stands', () => {
  const { changes, told } = listened();
  changes.compare(standing(4));
  changes.compare(standing(4));
  assert.deepEqual(told, []);
  changes.compare(standing(6));
  changes.compare(standing(6));
  assert.deepEqual(told, [[]]);
});

test('what was heard is told once, also where an answer is older than it', () => {
  const { changes, told } = listened();
  changes.compare(standing(4));
  changes.hear({ seq: 6, runs: ['a', 'b'] });
  changes.compare(standing(5));
  changes.compare(standing(6));
  assert.deepEqual(told, [['a', 'b']]);
});

test('a job that began or ended unheard, and another project, are told', () => {
  const { changes, told } = listened();
  changes.compare(standing(4));
  changes.compare(standing(4, 1));
  changes.compare(standing(2, 1, 'other'));
  changes.compare(standing(2, 1, 'other'));
  assert.deepEqual(told, [[], []]);
  changes.compare(standing(3, 1, 'other'));
  assert.equal(told.length, 3);
});
