import assert from 'node:assert/strict';
import { test } from 'node:test';

import { IConnection, Magics } from '../notebook/magics';

type Answer = boolean | 'missing' | 'gone';

/** A kernel that answers as it is told, and notes what it is asked. */
function kernel(answers: Answer[]) {
  const asked: string[] = [];
  const connection = {
    requestExecute: (content: {
      silent?: boolean;
      store_history?: boolean;
      user_expressions?: { jupyter_mlx?: string };
    }) => {
      assert.equal(content.silent, true);
      assert.equal(content.store_history, false);
      asked.push(
        /begin\((.*)\)$/.exec(content.user_expressions?.jupyter_mlx ?? '')?.[1] ?? ''
      );
      return { done: reply(answers.shift() ?? 'gone') };
    }
  } as unknown as IConnection;
  return { connection, asked };
}

function reply(answer: Answer): Promise<unknown> {
  if (answer === 'gone') {
    return Promise.reject(new Error('Canceled'));
  }
  const found =
    answer === 'missing'
      ? { status: 'error', ename: 'ModuleNotFoundError' }
      : { status: 'ok', data: { 'application/json': { tracking: answer } } };
  return Promise.resolve({
    content: { status: 'ok', user_expressions: { jupyter_mlx: found } }
  });
}

const settled = () => new Promise(resolve => setImmediate(resolve));

function magics(wanted = true) {
  let missing = 0;
  const host = { wanted: () => wanted, onMissing: () => void missing++ };
  return { model: new Magics(host), missing: () => missing };
}

test('a kernel is asked once in a life, before anything else', async () => {
  const { connection, asked } = kernel([false, false]);
  const { model } = magics();
  model.connect(connection);
  model.before();
  await settled();
  assert.deepEqual(model.state, { kind: 'ready', on: false });
  assert.deepEqual(asked, ['get_ipython()']);
  model.restarted();
  assert.deepEqual(model.state, { kind: 'none' });
  model.before();
  model.before();
  await settled();
  assert.equal(asked.length, 2);
});

test('what was switched on is on again after a restart', async () => {
  const { connection, asked } = kernel([false, true, true]);
  const { model } = magics();
  model.connect(connection);
  await settled();
  await model.track(true);
  assert.deepEqual(model.state, { kind: 'ready', on: true });
  model.restarted();
  model.before();
  assert.deepEqual(model.state, { kind: 'waiting', on: true });
  await settled();
  assert.equal(asked[2], 'get_ipython(), track=True');
});

test('what is switched on while a kernel begins anew is on afterwards', async () => {
  const { connection, asked } = kernel([false, true, true]);
  const { model } = magics();
  model.connect(connection);
  await settled();
  const switched = model.track(true);
  model.restarted();
  model.before();
  await switched;
  await settled();
  assert.equal(asked[2], 'get_ipython(), track=True');
  assert.deepEqual(model.state, { kind: 'ready', on: true });
});

test('a kernel that is not wanted is left alone', async () => {
  const { connection, asked } = kernel([]);
  const { model } = magics(false);
  model.connect(connection);
  model.before();
  await settled();
  assert.deepEqual([asked, model.state.kind], [[], 'none']);
});

test('a kernel without jupyter_mlx is told of', async () => {
  const { connection } = kernel(['missing']);
  const { model, missing } = magics();
  model.connect(connection);
  await settled();
  assert.deepEqual([model.state.kind, missing()], ['missing', 1]);
});

test('a cell that switches tracking is followed by a question', async () => {
  const { connection, asked } = kernel([false, true]);
  const { model } = magics();
  model.connect(connection);
  await settled();
  model.sent('x = 1');
  model.sent('import this\n%track on');
  await settled();
  assert.equal(asked.length, 2);
  assert.deepEqual(model.state, { kind: 'ready', on: true });
});

test('the answer of a life that is over is forgotten', async () => {
  const { connection } = kernel([true]);
  const { model } = magics();
  model.connect(connection);
  model.restarted();
  await settled();
  assert.deepEqual(model.state, { kind: 'none' });
});
