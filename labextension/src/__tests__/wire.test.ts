import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Problem, serverPath, toNumber } from '../wire';

const ours = (code: string) => JSON.stringify({ error: { code, message: 'do this' } });

test('a 404 without an error of ours means that the extension is not there', () => {
  assert.equal(Problem.answer(404, '<html>').kind, 'no-server');
  assert.equal(Problem.answer(404, '{"message": "Not Found"}').kind, 'no-server');
});

test('an error of ours is told by its code and its status', () => {
  assert.equal(Problem.answer(404, ours('no-project')).kind, 'no-project');
  assert.equal(Problem.answer(404, ours('run-not-found')).kind, 'no-run');
  assert.equal(Problem.answer(400, ours('query')).kind, 'bad-request');
  assert.equal(Problem.answer(503, ours('access')).kind, 'failed');
  assert.equal(Problem.answer(503, ours('access')).message, 'do this');
});

test('an error of another kind says its status', () => {
  assert.equal(Problem.answer(502, 'Bad Gateway').message, 'HTTP 502');
});

test('whatever was caught is a problem', () => {
  const problem = new Problem('offline', 'no net');
  assert.equal(Problem.of(problem), problem);
  assert.equal(Problem.of(new TypeError('x')).kind, 'failed');
});

test('numbers that JSON cannot say are numbers again', () => {
  assert.deepEqual(([1.5, 'NaN', 'Infinity', '-Infinity'] as const).map(toNumber), [
    1.5,
    NaN,
    Infinity,
    -Infinity
  ]);
});

test('a path of the project is one of the server, where it is below its folder', () => {
  const place = (prefix: string) => ({ project: 'p', prefix });
  assert.equal(serverPath('notebooks/a.ipynb', place('')), 'notebooks/a.ipynb');
  assert.equal(serverPath('notebooks/a.ipynb', place('notebooks')), 'a.ipynb');
  assert.equal(serverPath('notebooks2/a.ipynb', place('notebooks')), null);
});
