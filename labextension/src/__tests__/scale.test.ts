import assert from 'node:assert/strict';
import { test } from 'node:test';

import { extent, linear, nearest, path, thinned, ticks, XY } from '../scale';

test('the extent leaves out what is not finite', () => {
  assert.deepEqual(extent([3, NaN, -1, Infinity]), [-1, 3]);
});

test('the extent of one value, and of none, has a width', () => {
  assert.deepEqual(extent([2]), [1.9, 2.1]);
  assert.deepEqual(extent([0]), [-0.5, 0.5]);
  assert.deepEqual(extent([NaN]), [0, 1]);
});

test('ticks are round and within', () => {
  assert.deepEqual(ticks([0.47, 0.98], 4), [0.5, 0.6, 0.7, 0.8, 0.9]);
  assert.deepEqual(ticks([0, 39], 4), [0, 10, 20, 30]);
  assert.deepEqual(ticks([-1e-7, 1e-7], 2), [-1e-7, 0, 1e-7]);
});

test('a scale lays one range on another, a point on its start', () => {
  assert.deepEqual([0, 5, 10].map(linear([0, 10], [100, 0])), [100, 50, 0]);
  assert.equal(linear([3, 3], [7, 9])(3), 7);
});

test('thinning keeps the peaks and the order', () => {
  const points = Array.from({ length: 10_000 }, (_, x): XY => [
    x,
    x === 5003 ? 9 : Math.sin(x)
  ]);
  const kept = thinned(points, 100);
  assert.ok(kept.length <= 200);
  assert.ok(kept.some(point => point[1] === 9));
  assert.deepEqual(
    kept.map(point => point[0]),
    kept.map(point => point[0]).sort((a, b) => a - b)
  );
});

test('a line is broken where a value is missing', () => {
  assert.equal(
    path([
      [0, 1],
      [1, 2],
      [2, NaN],
      [3, 4]
    ]),
    'M0.0 1.0L1.0 2.0M3.0 4.0'
  );
});

test('the nearest point is found', () => {
  const points: XY[] = [
    [0, 0],
    [10, 0],
    [30, 0]
  ];
  assert.deepEqual(
    [-5, 4, 6, 21, 99].map(x => nearest(points, x)),
    [0, 0, 1, 2, 2]
  );
});
