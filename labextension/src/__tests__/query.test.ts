import assert from 'node:assert/strict';
import { test } from 'node:test';

import { queryOf, quoted } from '../query';

test('nothing typed asks for all', () => {
  assert.equal(queryOf(''), '');
  assert.equal(queryOf('   '), '');
});

test('a word is looked for in all that names a run', () => {
  assert.equal(
    queryOf('fit'),
    '(name ~ "fit" or tag ~ "fit" or notebook ~ "fit" or kind ~ "fit" or status ~ "fit")'
  );
});

test('each of several words is to be there', () => {
  assert.equal(queryOf('fit best').split(' and ').length, 2);
});

test('a query is left as it is', () => {
  const query = 'acc > 0.9 and kind = "cell"';
  assert.equal(queryOf(query), query);
});

test('a backslash is one character of the word', () => {
  assert.ok(queryOf('a\\b').startsWith('(name ~ "a\\\\b"'));
});

test('a text with quotes in it is one value', () => {
  assert.equal(quoted('say "a\\b"'), '"say \\"a\\\\b\\""');
});
