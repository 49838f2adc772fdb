import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clock, placed, PLAIN, smoothed, stepsBetween, within } from '../curves';
import { Point } from '../wire';

const POINTS: readonly Point[] = [
  [0, 100, 0.5],
  [1, 10, 1],
  [2, -1, 1.5]
];

test('points stand by step or by time', () => {
  assert.deepEqual(placed(POINTS, PLAIN)[1], [1, 10]);
  assert.deepEqual(placed(POINTS, { ...PLAIN, x: 'time' })[2], [1.5, -1]);
});

test('points that were logged out of turn stand from left to right', () => {
  const places = placed(
    [
      [3, 1, 0],
      [1, 2, 1]
    ],
    PLAIN
  );
  assert.deepEqual(places, [
    [1, 2],
    [3, 1]
  ]);
});

test('what a logarithm cannot show is left out', () => {
  const places = placed(POINTS, { ...PLAIN, log: true });
  assert.deepEqual(places.slice(0, 2), [
    [0, 2],
    [1, 1]
  ]);
  assert.ok(Number.isNaN(places[2]?.[1]));
});

test('a smoothed line begins at its first value and keeps a level one level', () => {
  const level = smoothed(
    [
      [0, 5],
      [1, 5],
      [2, 5]
    ],
    0.9
  );
  level.forEach(([, y]) => assert.ok(Math.abs(y - 5) < 1e-9));
  assert.deepEqual(smoothed([[0, 5]], 0), [[0, 5]]);
});

test('a part keeps one point on each side, so that its line goes on', () => {
  const line = [0, 1, 2, 3, 4].map(x => [x, x] as const);
  assert.deepEqual(
    within(line, [1.5, 2.5]).map(([x]) => x),
    [1, 2, 3]
  );
  assert.deepEqual(
    within(line, [9, 10]).map(([x]) => x),
    [4]
  );
});

test('a part of the time axis is a range of steps', () => {
  assert.deepEqual(stepsBetween(POINTS, { ...PLAIN, x: 'time' }, [0.9, 2]), [1, 2]);
  assert.equal(stepsBetween(POINTS, PLAIN, [7, 8]), null);
});

test('seconds on an axis are read as a clock shows them', () => {
  assert.deepEqual([0.5, 64, 7500].map(clock), ['0.5', '1:04', '2:05:00']);
});
