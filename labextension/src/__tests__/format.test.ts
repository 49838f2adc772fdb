import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  ago,
  basename,
  bytes,
  duration,
  parameter,
  quantity,
  shortDigest
} from '../format';

const T = Date.parse('2026-03-01T12:00:00Z');
const before = (seconds: number) => new Date(T - seconds * 1000).toISOString();

test('a time is told by its largest unit', () => {
  assert.equal(ago(before(3), T, 'en'), 'now');
  assert.equal(ago(before(45), T, 'en'), '45 sec ago');
  assert.equal(ago(before(125), T, 'en'), '2 min ago');
  assert.equal(ago(before(3 * 3600), T, 'en'), '3 hr ago');
  assert.equal(ago(before(25 * 3600), T, 'en'), 'yesterday');
  assert.equal(ago(before(40 * 86400), T, 'en'), 'last mo');
});

test('a time that a clock puts in the future is now', () => {
  assert.equal(ago(before(-120), T, 'en'), 'now');
});

test('a time is told in the words of the locale', () => {
  assert.equal(ago(before(125), T, 'de'), 'vor 2 Min');
});

test('a duration has two units at most', () => {
  const told = [0.0004, 0.042, 0.42, 3.21, 9.99, 59.7, 64, 3599.6, 7500].map(duration);
  assert.deepEqual(told, [
    '< 1 ms',
    '42 ms',
    '0.42 s',
    '3.2 s',
    '10 s',
    '1 min 00 s',
    '1 min 04 s',
    '1 h 00 min',
    '2 h 05 min'
  ]);
});

test('a number keeps its significant digits and loses the others', () => {
  const told = [0.9713456, 0.5, 12, -3, 123.456, 0.00123456, 1234567, 1e-9, 0].map(n =>
    quantity(n)
  );
  assert.deepEqual(told, [
    '0.9713',
    '0.5',
    '12',
    '−3',
    '123.5',
    '0.001235',
    '1234567',
    '1e-9'.replace('-', '−'),
    '0'
  ]);
});

test('a number that is none is named', () => {
  assert.deepEqual(
    [NaN, Infinity, -Infinity].map(n => quantity(n)),
    ['NaN', '∞', '−∞']
  );
});

test('a size has a unit', () => {
  assert.deepEqual([0, 999, 1000, 12_345, 999_960, 4.2e9, 3e15].map(bytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '12.3 kB',
    '1.0 MB',
    '4.2 GB',
    '3000 TB'
  ]);
});

test('a parameter is told as it was given', () => {
  assert.equal(parameter('sgd'), 'sgd');
  assert.equal(parameter(0.1), '0.1');
  assert.equal(parameter([64, 32]), '[64,32]');
  assert.equal(parameter(null), 'null');
  assert.equal(parameter(undefined), 'undefined');
});

test('digests and paths are cut where they can be told apart', () => {
  assert.equal(shortDigest('b3:0123456789abcdef'), '0123456789');
  assert.equal(basename('notebooks/train.ipynb'), 'train.ipynb');
  assert.equal(basename('train.ipynb'), 'train.ipynb');
});
