import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fitting, offsets, reveal, rowAt, shown } from '../rows';

const starts = offsets([50, 70, 50, 50]);

test('a row begins where the one before ends', () => {
  assert.deepEqual([...starts], [0, 50, 120, 170, 220]);
});

test('a place in the list is in one row, outside of it in the nearest', () => {
  assert.deepEqual(
    [-5, 0, 49, 50, 119, 120, 219, 999].map(y => rowAt(starts, y)),
    [0, 0, 0, 1, 1, 2, 3, 3]
  );
});

test('the rows in view are shown, and some around them', () => {
  assert.deepEqual(shown(starts, 60, 70, 0), [1, 3]);
  assert.deepEqual(shown(starts, 60, 70, 1), [0, 4]);
  assert.deepEqual(shown(offsets([]), 0, 500, 3), [0, 0]);
});

test('of ten thousand rows a screenful is shown', () => {
  const many = offsets(Array.from({ length: 10_000 }, (_, i) => (i % 3 ? 50 : 70)));
  const [first, end] = shown(many, 300_000, 800, 8);
  assert.ok(end - first < 40);
});

test('a row is brought into view by the least scrolling', () => {
  assert.equal(reveal(starts, 0, 60, 100), 0);
  assert.equal(reveal(starts, 3, 0, 100), 120);
  assert.equal(reveal(starts, 1, 20, 150), 20);
});

test('as many texts as there is room for stand on a line, and at least one', () => {
  assert.equal(fitting([5, 5, 5], 19, 2), 3);
  assert.equal(fitting([5, 5, 5], 18, 2), 2);
  assert.equal(fitting([50, 5], 20, 2), 1);
  assert.equal(fitting([], 20, 2), 0);
});
